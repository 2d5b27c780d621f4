"""How often an outside system may be asked: shared rates, and a breaker that spares a system that is down."""

import logging
import threading
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection

from accord.clock import Clock
from accord.errors import LeftAlone, Misconfigured, TryLater
from accord.ledger import budgets
from accord.ledger.budgets import BURST, CLOSED, LONGEST_PAUSE, Circuit, Rate, Slice, circuit
from accord.ledger.engine import Ledger

_LONGEST_WAIT = 30.0  # seconds that one request waits for the rate before it is given back to the caller
_SLICE_LIFE = 1.0  # seconds after which tokens that were taken and not spent are forgotten

_FAILURES = 5  # in a row, as one worker sees them
_GLANCE = 1.0  # seconds between two looks at a closed breaker's row
_PROBE_PATIENCE = 5.0  # seconds until another worker's probe has probably come back

_log = logging.getLogger("accord.budget")


class Budget(Protocol):
    """Leave to send, request by request."""

    def take(self, endpoint: str) -> None:
        """Wait until one request to `endpoint` may go; raises TryLater where that is more than 30 s away."""

    def pause(self, endpoint: str | None, seconds: float) -> None:
        """Send nothing for so long: to this endpoint, or (None) to the whole account."""


class Breaker(Protocol):
    """Whether a system is fit to be asked; a check and its outcome belong to one thread."""

    def check(self) -> None:
        """Raises TryLater while the system is left in peace."""

    def failed(self, again: bool = False) -> None:
        """The system gave no sound answer; `again` to a request that was tried before and is counted already."""

    def succeeded(self) -> None:
        """The system answered, be it with a refusal."""


class Unlimited:
    """A budget that always allows."""

    def take(self, endpoint: str) -> None:
        """Return at once."""

    def pause(self, endpoint: str | None, seconds: float) -> None:
        """Do nothing."""


class NeverOpen:
    """A breaker that always allows."""

    def check(self) -> None:
        """Return at once."""

    def failed(self, again: bool = False) -> None:
        """Do nothing."""

    def succeeded(self) -> None:
        """Do nothing."""


@dataclass(slots=True)
class _Held:
    tokens: int
    granted: int
    until: float


class SharedBudget:
    """Token buckets per account and per endpoint, shared by all workers through the ledger.

    Rates are requests per second, None = unlimited. A worker takes a slice of both buckets in one
    transaction and spends it locally within a second; slices double while they are used up, so a worker that
    asks little holds little. Over any T seconds all workers together send at most rate · (T + 1 + burst) + 1
    requests. With no rate at all the ledger is never asked, and a pause holds for this worker alone.
    """

    def __init__(
        self,
        account: str,
        *,
        per_endpoint: float | None,
        in_all: float | None,
        ledger: Ledger,
        clock: Clock,
        burst: float = BURST,
    ) -> None:
        if any(rate is not None and not rate > 0 for rate in (per_endpoint, in_all)):
            raise Misconfigured(f"the rates of {account} must be above 0 requests per second, or left out")
        self._account = Rate(account, in_all, burst)
        self._per_endpoint = per_endpoint
        self._burst = burst
        self._shared = per_endpoint is not None or in_all is not None
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}
        self._ask_at: dict[str, float] = {}
        self._paused: dict[str | None, float] = {}

    def take(self, endpoint: str, requests: int = 1) -> None:
        """Wait until so many requests to `endpoint` may go; raises TryLater where the next is more than 30 s away."""
        waited = 0.0
        while requests > 0:
            spent, wait = self._spend(endpoint, requests)
            requests -= spent
            waited = 0.0 if spent else waited
            if waited + wait > _LONGEST_WAIT:
                raise TryLater(f"{self._account.name}: its rate lets nothing through for now", wait)
            if wait > 0:
                self._clock.sleep(wait)
                waited += wait

    def pause(self, endpoint: str | None, seconds: float) -> None:
        """Send nothing for so long (15 min at most): to this endpoint, or (None) to the whole account."""
        seconds = min(seconds, LONGEST_PAUSE)
        bucket = self._account.name if endpoint is None else self._bucket(endpoint).name
        if not self._shared:
            with self._lock:
                until = self._clock.monotonic() + seconds
                self._paused[endpoint] = max(until, self._paused.get(endpoint, until))
            return

        def block(connection: Connection) -> None:
            now = self._ledger.now(connection)
            budgets.block(connection, bucket, now + seconds, now)

        self._ledger.write(block)
        with self._lock:
            # What is held was taken before the pause: the next request has to ask the ledger.
            self._held.clear()

    def _bucket(self, endpoint: str) -> Rate:
        return Rate(f"{self._account.name} {endpoint}", self._per_endpoint, self._burst)

    def _spend(self, endpoint: str, most: int) -> tuple[int, float]:
        """Spend up to so many tokens: how many, and the seconds until it is worth trying again where it was none."""
        # Held during the transaction too: the other threads then live on the slice that this one brings.
        with self._lock:
            now = self._clock.monotonic()
            if not self._shared:
                wait = max(0.0, self._paused.get(None, now) - now, self._paused.get(endpoint, now) - now)
                return (0 if wait else most), wait
            held = self._held.get(endpoint)
            if (wait := self._ask_at.get(endpoint, now) - now) > 0:
                return 0, wait  # another thread has asked in vain
            if held is None or now > held.until or held.tokens == 0:
                used_up = held is not None and now <= held.until
                slice_ = self._draw(endpoint, max(most, 2 * held.granted if held and used_up else 1))
                if slice_.tokens == 0:
                    self._ask_at[endpoint] = now + slice_.wait
                    return 0, slice_.wait
                held = _Held(slice_.tokens, slice_.tokens, now + _SLICE_LIFE)
                self._held[endpoint] = held
            spent = min(most, held.tokens)
            held.tokens -= spent
            return spent, 0.0

    def _draw(self, endpoint: str, wanted: int) -> Slice:
        rates = (self._account, self._bucket(endpoint))
        return self._ledger.write(lambda c: budgets.draw(c, rates, wanted, self._ledger.now(c)))


class LedgerBreaker:
    """A breaker that all workers share through the ledger.

    Closed: a worker that sees five failures in a row opens it. Open: nothing is sent for 30 s, doubled up to
    10 min each time the system is still down. Half-open: one request at a time tries; its success closes the
    breaker. While it is closed the ledger is read at most once a second; only changes of state are written.
    """

    def __init__(self, connection: str, ledger: Ledger, clock: Clock) -> None:
        self._name = connection
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._circuit = CLOSED
        self._open_until = 0.0  # by the steady clock, since the ledger's may differ from ours
        self._look_at = float("-inf")
        self._prober: int | None = None

    def check(self) -> None:
        """Raises TryLater while the system is left in peace."""
        with self._lock:
            if self._prober == threading.get_ident():
                return  # this thread was let through before and sent nothing
            now = self._clock.monotonic()
            if self._circuit.opened_times == 0:
                if now < self._look_at:
                    return
                self._note(*self._ledger.read(self._look))
                if self._circuit.opened_times == 0:
                    return
            if now < self._open_until:
                raise self._resting(self._open_until - now)
            self._try_probe()

    def _look(self, connection: Connection) -> tuple[Circuit, float]:
        now = self._ledger.now(connection)
        return circuit(connection, self._name, now), now

    def failed(self, again: bool = False) -> None:
        """The system gave no sound answer; `again` to a request that is counted already."""
        with self._lock:
            self._failures += not again
            probing = self._end_probe()
            # While it is open, only the probe's outcome counts: the others were sent before it opened.
            if not probing and (again or self._failures < _FAILURES or self._circuit.opened_times):
                return
            failures, self._failures = self._failures, 0

            def trip(connection: Connection) -> tuple[Circuit, float]:
                now, seen = self._ledger.now(connection), self._circuit.opened_times
                return budgets.open_circuit(connection, self._name, seen, failures, now), now

            self._note(*self._ledger.write(trip))
            left = self._open_until - self._clock.monotonic()
        _log.warning("%s: no sound answer; nothing is sent for %.0f s", self._name, left)

    def succeeded(self) -> None:
        """The system answered, be it with a refusal."""
        with self._lock:
            self._failures = 0
            if not self._end_probe():
                return
            seen = self._circuit.opened_times
            self._ledger.write(lambda c: budgets.close_circuit(c, self._name, seen))
            self._circuit = CLOSED
        _log.warning("%s: answers again", self._name)

    def _try_probe(self) -> None:
        def claim(connection: Connection) -> tuple[Circuit, bool, float]:
            now = self._ledger.now(connection)
            return *budgets.claim_probe(connection, self._name, now), now

        found, mine, now = self._ledger.write(claim)
        self._note(found, now)
        if mine:
            self._prober = threading.get_ident()
        elif found.opened_times:
            raise self._resting(max(found.open_until - now, min(found.probe_until - now, _PROBE_PATIENCE)))

    def _end_probe(self) -> bool:
        probing = self._prober == threading.get_ident()
        if probing:
            self._prober = None
        return probing

    def _note(self, found: Circuit, now: float) -> None:
        steady = self._clock.monotonic()
        self._circuit = found
        self._open_until = steady + found.open_until - now
        self._look_at = steady + _GLANCE

    def _resting(self, seconds: float) -> LeftAlone:
        return LeftAlone(f"{self._name} gave no sound answer several times; it is left alone for now", seconds)
