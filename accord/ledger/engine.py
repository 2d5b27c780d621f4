"""The ledger's database: one engine, and transactions that are functions so that they can be run again."""

import random
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import StaticPool

from accord.clock import Clock
from accord.errors import Misconfigured, TryLater
from accord.ledger.cipher import Cipher

T = TypeVar("T")

_RETRIES = 5
_SERIALIZATION = {"40001", "40P01"}


def open_database(url: str, setting: str) -> Engine:
    """An engine for SQLite or PostgreSQL 15+, with Accord's rules for transactions.

    SQLite: WAL, `synchronous=FULL`, and `BEGIN IMMEDIATE` for whatever may write, because a deferred transaction
    that turns into a writer fails at once when another one wrote meanwhile (sqlite.org/isolation.html).
    Raises Misconfigured for other databases and for relative paths, since a run starts in a directory of its own;
    `setting` is the name of what the person has to change.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured(f"{setting} is not a database URL such as sqlite:////var/lib/accord.db") from None
    system = parsed.get_backend_name()
    if system == "postgresql":
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
        event.listen(engine, "connect", _refuse_old_postgresql)
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
    engine = create_engine(parsed, connect_args={"check_same_thread": False}, **pool)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _refuse_old_postgresql(dbapi: Any, _record: Any) -> None:
    if dbapi.info.server_version < 150000:
        raise Misconfigured(f"PostgreSQL {dbapi.info.server_version // 10000} is too old; 15 or newer is needed")


def _prepare_sqlite(dbapi: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: _begin_sqlite does.
    dbapi.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
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
    for attempt in range(_RETRIES):
        try:
            with bound.begin() as connection:
                return work(connection)
        except DBAPIError as error:
            if not _transient(error):
                raise
            failure = type(error.orig).__name__
        clock.sleep(random.uniform(0.02, 0.1) * 2**attempt)  # noqa: S311 - jitter, not a secret
    raise TryLater(f"{what} stayed locked or away ({failure}); is its server up and its disk not full?", 30)


def _transient(error: DBAPIError) -> bool:
    if getattr(error.orig, "sqlstate", None) in _SERIALIZATION or error.connection_invalidated:
        return True
    text = str(error.orig)
    return isinstance(error, OperationalError | InterfaceError) and (
        "locked" in text or "connection" in text or "disk is full" in text
    )


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
