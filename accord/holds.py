"""Records that wait: for another record, or for what their target lacks to show them."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection

from accord.ledger import inbox, links
from accord.ledger.entries import Entry
from accord.ports import NotYet
from accord.records import Kind, Record
from accord.sync import Sync


def hold(
    connection: Connection, sync: Sync, kind: Kind, holds: Sequence[tuple[Record, str]], now: float
) -> Iterable[Entry]:
    """Have held records fetched again later, and the parents that they wait for now."""
    if not holds:
        return []
    known = inbox.open_keys(connection, sync.name, "held", kind)
    for record, because in holds:
        waits_for = f"{record.needs.kind} {record.needs.key}" if record.needs else None
        inbox.look_again(connection, sync.name, [(kind, record.key)], "held", because, now, waits_for)
    parents = {record.needs for record, _ in holds if record.needs is not None}
    inbox.look_again(connection, sync.name, sorted(parents), "parent", "a record waits for it", now)
    # Settled since this batch was prepared: nobody would wake what waits for them.
    for of in {parent.kind for parent in parents}:
        came = links.known(connection, sync.target, sync.connection, of, {p.key for p in parents if p.kind is of})
        inbox.wake(connection, sync.name, of, came, now)
    return [Entry(kind, record.key, "hold", because, None) for record, because in holds if record.key not in known]


def wait(connection: Connection, sync: Sync, kind: Kind, waits: Mapping[str, NotYet], now: float) -> Iterable[Entry]:
    """Have records fetched again that the target could not show yet: at once, or when what they wait for has come."""
    if not waits:
        return []
    known = inbox.open_keys(connection, sync.name, "held", kind)
    for key, why in waits.items():
        event = "held" if why.waits_for else "again"
        inbox.look_again(connection, sync.name, [(kind, key)], event, why.because, now, why.waits_for, after=why.after)
    held = {key: why for key, why in waits.items() if why.waits_for}
    return [Entry(kind, key, "hold", why.because, None) for key, why in held.items() if key not in known]
