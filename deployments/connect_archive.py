"""`accord connect archive`: a store is written to and read before it is saved."""

import json
from typing import Any

from accord.errors import Misconfigured
from blocks import DocumentArchive
from deployments import server
from deployments.ask import secret
from deployments.connection import nothing_saved, require_name

_ASKED = 'options as JSON, such as {"access_key_id": "...", "secret_access_key": "...", "region": "eu-central-1"}'


def connect(name: str, url: str, as_json: bool) -> int:
    """Test the archive and save it; the options of a store that is no folder are asked for, since they hold secrets."""
    require_name(name)
    with server.opened():
        block = DocumentArchive(url=url, options={} if url.startswith("file:") else _options(secret(_ASKED)))
        with nothing_saved():
            block.connect().check()
        block.save(name, overwrite=True)
    if as_json:
        print(json.dumps({"archive": name, "saved": True}, indent=2))
    else:
        print(f"saved as DocumentArchive/{name}\nnext: accord connect oblio --archive {name} (or smartbill, or stripe)")
    return 0


def _options(text: str) -> Any:
    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict) or not all(isinstance(one, str) for one in options.values()):
        raise Misconfigured('the options are no JSON object of texts, such as {"region": "eu-central-1"}')
    return options
