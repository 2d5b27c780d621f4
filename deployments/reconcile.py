"""`accord reconcile`: both sides by a fresh read."""

import json

from accord import compare
from accord.compare import Agreement
from accord.errors import Misconfigured
from accord.ledger import streams
from deployments import server
from deployments.show import as_data, table
from deployments.trigger import chosen
from tasks.bench import bench, close
from tasks.workflows import route


def command(name: str | None, as_json: bool) -> int:
    """Compare both sides of a connection and print what was found; 1 where they differ."""
    sync = _meant(name)
    agreement = reconcile(sync)
    if as_json:
        which = {"sync": sync, "connection": sync.partition("/")[2]}
        print(json.dumps(which | as_data({}, agreement), indent=2))
    else:
        table({}, agreement, route(sync))
    return 0 if agreement.complete else 1


def reconcile(sync: str) -> Agreement:
    """Compare both sides of a sync, by its name, by a fresh read of each."""
    at = bench(sync)
    try:
        since = at.ledger.read(lambda c: streams.begun(c, at.sync.name))
        return compare.reconcile(at.source, at.target, at.sync.connection, since=since)
    finally:
        close(sync)


def _meant(name: str | None) -> str:
    """The sync that is meant by FLOW/NAME, by NAME alone, or by nothing where there is one only."""
    if name is None or "/" in name:
        return chosen(name)
    with server.opened() as client:
        names = [one.name for one in server.connections(client)]
    found = [one for one in names if one.endswith(f"/{name}")]
    if len(found) != 1:
        raise Misconfigured(
            f"{name} is not the name of one connection; say one of these: {', '.join(names) or 'none yet'}"
        )
    return found[0]
