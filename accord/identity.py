"""Who is who: a connection reads one account, an account is read by one connection, a sync has one target."""

import contextlib
from collections.abc import Collection

from sqlalchemy import Connection

from accord.errors import Misconfigured
from accord.ledger import actions, counters, streams
from accord.ledger.engine import Ledger
from accord.ports import Owner
from accord.sync import Sync, connection_of


def require_same_account(sync: Sync, ledger: Ledger, owner: Owner) -> None:
    """Raise Misconfigured where the connection was read from another account, or the account by another connection.

    An account that no key could name so far is from now on the one that this key names.
    """
    ledger.write(lambda c: _pin_account(c, sync, owner))


def require_same_target(sync: Sync, ledger: Ledger) -> None:
    """Raise Misconfigured where the sync was settled into another target before: the new one would lack what is old."""
    ledger.write(lambda c: _pin_target(c, sync))


def require_same_database(target: str, ledger: Ledger, database: str | None) -> None:
    """Raise Misconfigured where the target's name stands for another database now: it would lack what is old.

    None is a database without a name of its own yet, of which nothing is noted.
    """
    if database is None:
        first = ledger.read(lambda c: counters.pinned(c, target))
    else:
        first = ledger.write(lambda c: counters.pin(c, target, database))
    if first not in (None, database):
        raise Misconfigured(
            f"{target} is another database than the one that was settled into under this name so far. Name that one "
            "again (a copy of it will do); for a new one make another block, and another connection to it"
        )


def require_same_issuer(account: str, ledger: Ledger, owner: Owner, note: bool = True) -> None:
    """Raise Misconfigured where an account that issues invoices stands for another company now than so far.

    With `note`, one that nothing was read from or issued by yet is from now on this company's.
    """
    if note:
        first = ledger.write(lambda c: counters.pin(c, account, str(owner)))
    else:
        first = ledger.read(lambda c: counters.pinned(c, account)) or str(owner)
    if first != str(owner):
        raise Misconfigured(
            f"{account} is {owner} now, but so far it was {first}; no invoice is issued in another one's name. Put "
            "that into the block again, or make another block for the new one: accord connect invoices --account NAME"
        )


def take_over(sync: Sync, ledger: Ledger, rev: int) -> None:
    """Go on above `rev`, the highest that the target shows, though another ledger wrote it.

    A ledger that is new, or was restored from a backup, would else take numbers that the target has passed, and the
    target would keep what it shows.
    """
    if ledger.read(lambda c: counters.ticket(c, sync.connection)) < rev:
        ledger.write(lambda c: counters.raise_to(c, sync.connection, rev))


def require_still_the_same(sync: Sync, ledger: Ledger, owner: Owner) -> None:
    """Raise as `require_same_account` and `require_same_target` would, and note nothing."""

    def look(c: Connection) -> None:
        _pin_target(c, sync)
        _pin_account(c, sync, owner)
        raise _Unchanged

    with contextlib.suppress(_Unchanged):
        ledger.write(look)


class _Unchanged(Exception):
    """Raised to leave a transaction without a trace."""


def assign(sync: Sync, ledger: Ledger, owner: Owner, connections: Collection[str]) -> None:
    """Both of these, for a connection that is being set up: what was noted and never read may still be changed.

    `connections` are those that are set up; what another one noted, and never read, is forgotten.
    """

    def write(c: Connection) -> None:
        holder = counters.pinned(c, str(owner))
        if holder is not None and holder not in connections:
            _forget_unread(c, holder)
        _forget_unread(c, sync.connection)
        if sync.name not in streams.syncs(c):  # of one connection, one sync may be read and another not
            counters.unpin(c, sync.name)
        _pin_target(c, sync)
        _pin_account(c, sync, owner)

    ledger.write(write)


def _pin_account(c: Connection, sync: Sync, owner: Owner) -> None:
    # Raised inside the transaction, so that nothing of it stays.
    account, nameless = str(owner), str(owner._replace(account=None))
    first = counters.pin(c, sync.connection, account, instead_of=nameless)
    if first != account:
        raise Misconfigured(
            f"the key of {sync.connection} is one of {account}, but so far {first} was read; "
            "put a key of that account into the block, or make another block for the new account"
        )
    holder = sync.connection if owner.account is None else counters.pin(c, account, sync.connection)
    if holder != sync.connection:
        raise Misconfigured(
            f"{account} is read by {holder} already; read by {sync.connection} as well, each record would be shown "
            f"twice. To change the key, change that of {holder}"
        )


def _pin_target(c: Connection, sync: Sync) -> None:
    first = counters.pin(c, sync.name, sync.target)
    if first != sync.target:
        raise Misconfigured(
            f"{sync.name} was settled into {first} so far, not into {sync.target}; name that one in the block again, "
            "or make another block, under a name of its own, for the new database"
        )


def _forget_unread(c: Connection, connection: str) -> None:
    if _was_read(c, connection):
        return
    account = counters.pinned(c, connection)
    counters.unpin(c, connection)
    if account is not None and counters.pinned(c, account) == connection:
        counters.unpin(c, account)


def _was_read(c: Connection, connection: str) -> bool:
    return connection in map(connection_of, streams.syncs(c)) or actions.are_at(c, connection)
