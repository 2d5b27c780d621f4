"""When deletions look like a source that has lost its data, or like another account, rather than like deletions."""

from sqlalchemy import Connection

from accord.ledger import links, streams
from accord.ledger.engine import Ledger
from accord.records import Kind
from accord.sync import Sync

ROWS, SHARE = 20, 0.05
DAY = 86_400.0


def too_many(gone: int, among: int) -> bool:
    """Whether so many of so many records are not to be deleted without a person."""
    return gone > max(ROWS, SHARE * among)


def why_not(connection: Connection, sync: Sync, kind: Kind, deletes: int, ledger: Ledger) -> str | None:
    """Why a batch's deletions are to stop its stream; else they are counted with those of the last day, and None."""
    if not deletes:
        return None
    row, now = streams.get(connection, sync.name, kind), ledger.now(connection)
    recent, since = 0, now
    if row is not None and row.deleting_since > now - DAY:
        recent, since = row.deletions, row.deleting_since
    live = links.live(connection, sync.target, sync.connection, kind)
    if too_many(recent + deletes, live + recent):
        return f"{recent + deletes} of {live + recent} {kind} records would be deleted within a day"
    streams.put(connection, sync.name, kind, deletions=recent + deletes, deleting_since=since)
    return None
