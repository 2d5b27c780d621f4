"""`accord connect portal-api`: address and token are tested at the portal before they are saved."""

import json
from typing import Any

from pydantic import SecretStr

from accord import settings
from accord.errors import Misconfigured
from accord.identity import require_same_database
from accord.ledger.engine import Ledger
from blocks import PortalApiAccount, PortalDatabase
from deployments import server
from deployments.ask import secret
from deployments.connection import fitting, kept, nothing_saved, require_name
from tasks.workflows import find_block

FITS = {
    "base-url": "must be the address that the portal's API is below, and begin with https://, such as "
    "https://portal.example.com/v1, or the token would travel in the clear",
    "rate": "is how many requests a second the portal takes, above 0",
}


def connect(name: str, given: dict[str, Any], as_json: bool) -> int:
    """Ask for the token, test it and save the portal; a saved one keeps the fields that are not given."""
    require_name(name)
    ledger = settings.current_ledger()
    with server.opened():
        if find_block(PortalDatabase, name) is not None:
            raise Misconfigured(f"{name} is the name of a portal database already; take another --name for this portal")
        saved = find_block(PortalApiAccount, name)
        fields = kept(saved, "token") | given
        if "base_url" not in fields:
            raise Misconfigured("a new portal needs --base-url")
        asked = {"token": SecretStr(secret("token of the portal's API"))}
        account = fitting(PortalApiAccount, fields | asked, FITS)
        with nothing_saved():
            try_out(account, name, ledger)
        account.save(name, overwrite=True)
    if as_json:
        shown = {"portal": name, "base_url": str(account.base_url), "rate": account.rate}
        print(json.dumps(shown | {"saved": True, "rotated": saved is not None}, indent=2))
    else:
        print(
            f"the new token of {name} is saved; runs take it up at once"
            if saved
            else f"saved as PortalApiAccount/{name}"
        )
    return 0


def try_out(account: PortalApiAccount, name: str, ledger: Ledger) -> None:
    """Raise where the portal does not answer, lets nothing be written, or is not the one that this name stood for."""
    target = account.connect(f"portal/{name}", ledger)
    try:
        target.check()
        require_same_database(f"portal/{name}", ledger, target.identity())
    finally:
        target.close()
