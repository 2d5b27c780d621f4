"""Conflicts: a booking and its event that both changed, or of which a person has to say which side counts."""

from sqlalchemy import Connection

from accord.ledger import entries, inbox, links, pairs
from accord.ledger.engine import Ledger
from accord.ledger.entries import Entry
from accord.ledger.pairs import Pair
from accord.records import Kind
from accord.sync import Sync

SIDES = ("booking", "calendar")


def keep(connection: Connection, ledger: Ledger, sync: Sync, pair: Pair, side: str) -> bool:
    """Have the next run keep one side of a conflict; False where it is no conflict any more, or is another one.

    The choice counts for the two versions that the person has seen: where either side changes, it waits again.
    """
    if pair.state != "conflict" or not pairs.save_if(connection, ledger.cipher, pair._replace(choice=side), [pair.rev]):
        return False
    now, refs = ledger.now(connection), [(str(Kind.BOOKING), pair.key)]
    inbox.look_again(connection, sync.name, refs, "kept", f"a person keeps the {side}'s side", now)
    links.differ(connection, sync.target, sync.connection, Kind.BOOKING, [pair.key])
    kept = Entry(Kind.BOOKING, pair.key, "keep", f"a person keeps the {side}'s side", None)
    entries.append(connection, sync.name, "accord conflicts keep", now, [kept])
    return True
