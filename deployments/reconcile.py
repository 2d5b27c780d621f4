"""`accord reconcile`: both sides by a fresh read."""

from accord import compare
from accord.compare import Agreement
from accord.ledger import streams
from tasks.bench import bench, close


def reconcile(connection: str) -> Agreement:
    """Compare a connection with its accounts by a fresh read of both."""
    at = bench(connection)
    try:
        since = at.ledger.read(lambda c: streams.begun(c, at.sync.name))
        return compare.reconcile(at.source, at.target, at.sync.connection, since=since)
    finally:
        close(connection)
