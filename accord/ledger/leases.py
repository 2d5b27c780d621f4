"""Leases: who may read a window now, with a token that fences off whoever held it before."""

from collections.abc import Collection

from sqlalchemy import Connection, delete, or_, update

from accord.errors import Superseded
from accord.ledger.dialect import upsert
from accord.ledger.schema import leases

TTL = 60.0  # seconds; longer than the longest single call to a provider


def acquire(connection: Connection, name: str, owner: str, now: float) -> int | None:
    """Take the lease if it is free, expired or already `owner`'s; the token, or None while another holds it."""
    insert = upsert(connection, leases).values(name=name, owner=owner, token=1, expires_at=now + TTL)
    # Further ahead than a lease can last: it was written by a clock that was set back since.
    over = or_(leases.c.expires_at <= now, leases.c.expires_at > now + 2 * TTL)
    free = or_(over, leases.c.owner == owner)
    taken = insert.on_conflict_do_update(
        index_elements=[leases.c.name],
        set_={"owner": owner, "token": leases.c.token + 1, "expires_at": now + TTL},
        where=free,
    ).returning(leases.c.token)
    token = connection.execute(taken).scalar_one_or_none()
    return None if token is None else int(token)


def renew(connection: Connection, name: str, token: int, now: float) -> None:
    """Hold the lease longer, in the transaction that writes something under it; raises Superseded as `release` does."""
    mine = (leases.c.name == name) & (leases.c.token == token)
    if connection.execute(update(leases).where(mine).values(expires_at=now + TTL)).rowcount != 1:
        raise Superseded(f"another worker took over {name}")


def release(connection: Connection, name: str, token: int) -> None:
    """Give the lease back, in the transaction that writes what was done under it.

    Raises Superseded where another worker has taken it since: nothing of this transaction may then be kept. So it does
    where the very same transaction was committed before, without an answer, and is run again.
    """
    mine = (leases.c.name == name) & (leases.c.token == token)
    if connection.execute(update(leases).where(mine).values(expires_at=0, token=token + 1)).rowcount != 1:
        raise Superseded(f"another worker took over {name}")


def forget(connection: Connection, names: Collection[str]) -> None:
    """Delete leases on what exists no more."""
    connection.execute(delete(leases).where(leases.c.name.in_(names)))
