"""The ledger's database: one engine, and transactions that are functions so that they can be run again."""

import random
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import PurePath
from typing import Any, TypeVar

import sqlalchemy.orm  # noqa: F401 - or a thread meets it half imported, while another imports Great Expectations
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool

from accord.clock import Clock
from accord.errors import Misconfigured, TryLater
from accord.ledger.cipher import Cipher

T = TypeVar("T")

_OURS = ("journal_mode=WAL",)
_PRAGMAS = (
    "synchronous=FULL",
    "busy_timeout=5000",
    "foreign_keys=ON",
    # A batch touches more pages than SQLite keeps by itself. To read them again, and to copy them to the database as
    # often as SQLite does by itself, takes a tenth more of CPU.
    "cache_size=-4000",
    "wal_autocheckpoint=4000",
)

_RETRIES = 5
# postgresql.org/docs/current/errcodes-appendix.html: serialization, deadlock, a server short of something, one that
# is shutting down or starting, a standby that is not the primary any more or not yet.
_PASSING = re.compile("40001|40P01|53...|55P03|57P0[123]|25006")
_FATAL = {
    "unable to open database file": "its folder is missing or may not be entered",
    "readonly database": "it may not be written to",
    "file is not a database": "the file is no SQLite database",
    "password authentication failed": "user or password is wrong",
    "no password supplied": "the server asks for a password",
    "no pg_hba.conf entry": "the server lets this user in from elsewhere only",
    r'(database|role) "[^"]*" does not exist': "the server knows no such database or user",
    "permission denied": "the user lacks a permission",
}


def open_database(url: str, setting: str, ours: bool = True) -> Engine:
    """An engine for SQLite or PostgreSQL 15+, with Accord's rules for transactions.

    SQLite: WAL, `synchronous=FULL`, and `BEGIN IMMEDIATE` for whatever may write, because a deferred transaction
    that turns into a writer fails at once when another one wrote meanwhile (sqlite.org/isolation.html).
    Not `ours` is one that is mostly read: how its SQLite file is journalled is then left to whoever writes it.
    Raises Misconfigured for other databases and for relative paths, since a run starts in a directory of its own;
    `setting` is the name of what the person has to change.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise Misconfigured(f"{setting} is not a database URL such as sqlite:////var/lib/accord.db") from None
    system = parsed.get_backend_name()
    if system == "postgresql":
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
        event.listen(engine, "connect", _refuse_old_postgresql)
        _explain_errors(engine, setting)
        return engine
    if system != "sqlite":
        raise Misconfigured(f"{setting} names {system}; Accord works with sqlite and postgresql")
    path = parsed.database
    if path and path != ":memory:" and not PurePath(path).is_absolute():
        raise Misconfigured(
            f"{setting} has the relative path {path}; runs start in a directory of their own, "
            "so give an absolute one (sqlite:////absolute/path.db)"
        )
    in_memory = path in (None, "", ":memory:")
    pool: dict[str, Any] = {"poolclass": StaticPool} if in_memory else {}
    parsed = parsed.set(drivername="sqlite")
    engine = create_engine(parsed, connect_args={"check_same_thread": False}, hide_parameters=True, **pool)
    event.listen(engine, "connect", partial(_prepare_sqlite, (*_OURS, *_PRAGMAS) if ours else _PRAGMAS))
    event.listen(engine, "begin", _begin_sqlite)
    _explain_errors(engine, setting)
    return engine


def _explain_errors(engine: Engine, setting: str) -> None:
    """Turn what no waiting mends, such as a wrong password, into Misconfigured."""

    def explain(context: Any) -> None:
        said = str(context.original_exception)
        for sign, meaning in _FATAL.items():
            if re.search(sign, said):
                raise Misconfigured(f"the database of {setting} cannot be used: {meaning}")

    event.listen(engine, "handle_error", explain)


def _refuse_old_postgresql(dbapi: Any, _record: Any) -> None:
    if dbapi.info.server_version < 150000:
        raise Misconfigured(f"PostgreSQL {dbapi.info.server_version // 10000} is too old; 15 or newer is needed")


def _prepare_sqlite(pragmas: Collection[str], dbapi: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: _begin_sqlite does.
    dbapi.isolation_level = None
    for pragma in pragmas:
        dbapi.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def transact(engine: Engine, work: Callable[[Connection], T], clock: Clock, what: str, writes: bool = True) -> T:
    """Run `work` in one transaction; run it again as a whole where the database asks for that.

    `work` must be a function of the database and its arguments alone. Raises TryLater when the database stays
    locked or away; `what` names it.
    """
    bound = engine.execution_options(writes=writes)
    for attempt in range(1, _RETRIES + 1):
        try:
            with reaching(what), bound.begin() as connection:
                return work(connection)
        except _Away:
            if attempt == _RETRIES:
                raise
        clock.sleep(random.uniform(0.02, 0.1) * 2**attempt)  # noqa: S311 - jitter, not a secret
    raise AssertionError("the loop returns or raises")


class _Away(TryLater):
    """The database was locked or away; the transaction can be run again."""


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Raise TryLater where a database, named `what`, turns out to be locked or away."""
    try:
        yield
    except PoolTimeout:
        failure = "all connections are in use"
    except DBAPIError as error:
        if not _passing(error):
            raise
        failure = type(error.orig).__name__
        if failure == "ReadOnlySqlTransaction":
            raise _Away(f"{what} takes no writes: it is a standby, or set to read-only", 30) from None
    else:
        return
    raise _Away(f"{what} stayed locked or away ({failure}); is its server up and its disk not full?", 30)


def _passing(error: DBAPIError) -> bool:
    if error.connection_invalidated or _PASSING.fullmatch(getattr(error.orig, "sqlstate", None) or ""):
        return True
    text = str(error.orig)
    # SQLite calls a disk without room full, and a quota or a limit on a file's size an I/O error.
    signs = ("locked", "connection", "disk is full", "disk I/O error")
    return isinstance(error, OperationalError | InterfaceError) and any(sign in text for sign in signs)


class Ledger:
    """The ledger's database with its cipher and its clock."""

    def __init__(self, engine: Engine, cipher: Cipher, clock: Clock) -> None:
        self.engine = engine
        self.cipher = cipher
        self.clock = clock

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that may write."""
        return transact(self.engine, work, self.clock, "the ledger")

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that only reads."""
        return transact(self.engine, work, self.clock, "the ledger", writes=False)

    def now(self, connection: Connection) -> float:
        """Unix seconds by the database's clock, so that hosts with different clocks agree on a lease.

        SQLite has no clock but its host's, which every worker on it shares.
        """
        if connection.dialect.name == "postgresql":
            return float(connection.scalar(select(func.extract("epoch", func.clock_timestamp()))) or 0)
        return self.clock.now()
