"""Time as the core sees it, so that a simulation can own it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall time in Unix seconds, a steady clock for durations, and waiting."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
