"""Tickets and revs: one growing number per connection, by which newer and older are told apart."""

from sqlalchemy import Connection, func, select, update

from accord.ledger.dialect import upsert
from accord.ledger.schema import counters


def pin(connection: Connection, of: str, account: str, instead_of: str | None = None) -> str:
    """What `of` was first used with: `account`, if this is the first time, or if that was `instead_of`."""
    row = upsert(connection, counters).values(connection=of, value=0, account=account)
    first = {"account": func.coalesce(func.nullif(counters.c.account, instead_of), row.excluded.account)}
    pinned = row.on_conflict_do_update(index_elements=[counters.c.connection], set_=first)
    return str(connection.execute(pinned.returning(counters.c.account)).scalar_one())


def pinned(connection: Connection, of: str) -> str | None:
    """What `of` was first used with, if it was used yet."""
    return connection.scalar(select(counters.c.account).where(counters.c.connection == of))


def unpin(connection: Connection, of: str) -> None:
    """Forget what `of` was first used with."""
    connection.execute(update(counters).where(counters.c.connection == of).values(account=None))


def ticket(connection: Connection, of: str) -> int:
    """The counter as it stands; note it before something is read from the connection `of`."""
    return connection.scalar(select(counters.c.value).where(counters.c.connection == of)) or 0


def raise_to(connection: Connection, of: str, rev: int) -> None:
    """See to it that every number taken from now on is above `rev`."""
    row = upsert(connection, counters).values(connection=of, value=rev)
    higher = row.on_conflict_do_update(
        index_elements=[counters.c.connection], set_={"value": rev}, where=counters.c.value < rev
    )
    connection.execute(higher)


def lock(connection: Connection, of: str) -> None:
    """Follow, until the transaction ends, whoever takes a rev: what is read after this is what they committed."""
    connection.execute(update(counters).where(counters.c.connection == of).values(value=counters.c.value))


def next_rev(connection: Connection, of: str) -> int:
    """Take the next number.

    The row stays locked until the transaction ends, so that transactions which take a rev follow one another,
    and what they read after this call is what the one before them committed.
    """
    insert = upsert(connection, counters).values(connection=of, value=1)
    taken = insert.on_conflict_do_update(
        index_elements=[counters.c.connection], set_={"value": counters.c.value + 1}
    ).returning(counters.c.value)
    return int(connection.execute(taken).scalar_one())
