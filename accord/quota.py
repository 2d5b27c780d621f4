"""Quotas that a system counts over the last minute: all of a minute's calls may go at once, and then none.

A rate that lets calls through evenly (`accord.budget.SharedBudget`) would stretch what is sent in a burst: 1,000 calls
at 600 a minute take 100 s evenly, and 66 s by the quota.
"""

import threading

from sqlalchemy import Connection

from accord.clock import Clock
from accord.errors import Misconfigured, TryLater
from accord.ledger import budgets, quotas
from accord.ledger.budgets import LONGEST_PAUSE
from accord.ledger.engine import Ledger

_LONGEST_WAIT = 75.0  # seconds that calls wait for the quota before they are given back to the caller


class SharedQuota:
    """Calls a minute for each endpoint of an account, shared by all workers through the ledger.

    In no minute do all workers together send more than `per_minute`, which None makes no limit: the ledger is never
    asked then, and a pause holds for this worker alone.
    """

    def __init__(self, account: str, *, per_minute: int | None, ledger: Ledger, clock: Clock) -> None:
        if per_minute is not None and per_minute < 1:
            raise Misconfigured(f"the calls a minute of {account} must be above 0, or left out")
        self._account = account
        self.per_minute = per_minute
        self._ledger = ledger
        self._clock = clock
        self._lock = threading.Lock()
        self._paused: dict[str, float] = {}

    def take(self, endpoint: str, calls: int = 1) -> None:
        """Wait until so many calls may go at once; raises TryLater where that is more than 75 s away.

        `calls` is at most `per_minute`.
        """
        waited = 0.0
        while (wait := self._spend(endpoint, calls)) > 0:
            if waited + wait > _LONGEST_WAIT:
                raise TryLater(f"{self._account}: its calls a minute are used up for now", wait)
            self._clock.sleep(wait)
            waited += wait

    def pause(self, endpoint: str | None, seconds: float) -> None:
        """Send nothing for so long (15 min at most): to this endpoint, or (None) to the whole account."""
        seconds = min(seconds, LONGEST_PAUSE)
        name = self._account if endpoint is None else self._of(endpoint)
        if self.per_minute is None:
            with self._lock:
                self._paused[name] = max(self._clock.monotonic() + seconds, self._paused.get(name, 0.0))
            return

        def block(connection: Connection) -> None:
            now = self._ledger.now(connection)
            budgets.block(connection, name, now + seconds, now)

        self._ledger.write(block)

    def _spend(self, endpoint: str, calls: int) -> float:
        names = (self._account, self._of(endpoint))
        if self.per_minute is None:
            with self._lock:
                return max(self._paused.get(name, 0.0) for name in names) - self._clock.monotonic()
        quota = quotas.Quota(names[1], names, self.per_minute)
        # One at a time: what another thread is told to wait for is then known before the ledger is asked again.
        with self._lock:
            return self._ledger.write(lambda c: quotas.use(c, quota, calls, self._ledger.now(c), LONGEST_PAUSE))

    def _of(self, endpoint: str) -> str:
        return f"{self._account} {endpoint}"
