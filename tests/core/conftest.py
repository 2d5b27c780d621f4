"""Fixtures for tests of the core: servers that misbehave, and a clock that only moves when someone waits."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import ModuleType
from typing import Any

import httpx
import pytest

from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Throttled, Transport
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.schema import metadata
from accord.pairing import Policy
from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.portal.service import TOKEN
from accord.systems.portal import Portal
from accord.systems.portal_api import PortalApi, classify, headers


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


@pytest.fixture
def serve(bad: ModuleType) -> Iterator[Callable[[Any], Any]]:
    """Start a server with a behaviour from bad_servers; it ends with the test."""
    with ExitStack() as stack:
        yield lambda behave: stack.enter_context(bad.serving(behave))


@pytest.fixture
def true_ledger(new_ledger: Callable[..., Ledger]) -> Ledger:
    """A ledger that several threads may use in real time, on each database."""
    return new_ledger()


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
def in_memory(clock: FakeClock) -> Callable[[], Ledger]:
    """Make a ledger in memory, with the clock that only moves when someone waits."""

    def in_memory() -> Ledger:
        engine = open_database("sqlite://", "the test's database")
        metadata.create_all(engine)
        return Ledger(engine, Cipher(new_key()), clock)

    return in_memory


@pytest.fixture
def ledger(in_memory):
    """A ledger in memory that counts how often it is asked."""
    return Counted(in_memory())


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


class Noting(Direct):
    """A way into the sandbox that notes what goes through it."""

    def __init__(self, sandbox, sleep):
        super().__init__(sandbox, sleep)
        self.sent = []

    def handle_request(self, request):
        self.sent.append(request)
        return super().handle_request(request)

    @property
    def puts(self):
        """The document and the Idempotency-Key of each PUT of one, in order."""
        sent = [one for one in self.sent if one.method == "PUT" and "/document?" in str(one.url)]
        return [(one.url.params["key"], one.headers["idempotency-key"]) for one in sent]


@pytest.fixture
def sandbox(clock):
    """A portal with nothing in it, among the other systems, in the time of the clock."""
    return build(now=clock.now, payments=0)


@pytest.fixture
def way(sandbox, clock):
    """What a target sends to the portal."""
    return Noting(sandbox, clock.sleep)


@pytest.fixture
def office(in_memory, clock, homes, fakes, offices):
    """Makes a booking system and calendars that have never met, with a policy between them."""

    def office(policy=Policy.BOOKING):
        return offices.Office(in_memory(), clock, homes, fakes, policy)

    return office


@pytest.fixture
def connect_portal(way, clock):
    """Makes the portal behind its API as one worker has it."""

    def connect_portal(token=TOKEN, fan_out=None, budget=None, send=way, url="http://portal.test"):
        transport = Transport(
            base_url=f"{url}/portal/v1",
            authorize=lambda: headers(token),
            classify=lambda answer: classify(answer, "main"),
            budget=budget or Unlimited(),
            breaker=NeverOpen(),
            clock=clock,
            client=httpx.Client(transport=send) if send else None,
        )
        return PortalApi(transport, fan_out)

    return connect_portal


class NotedPortal(Portal):
    """A portal that notes what it is asked to write."""

    def __init__(self, engine):
        super().__init__(engine, SystemClock())
        self.written = []

    def write(self, connection, kind, rows):
        self.written += [record.key for _, record in rows]
        return super().write(connection, kind, rows)


@pytest.fixture
def noted_portal(fresh, open_engine):
    """A portal without documents, on each database."""
    return NotedPortal(open_engine(fresh.portal()))
