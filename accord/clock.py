"""Time as the core sees it, so that a simulation can own it."""

import time
from typing import NamedTuple, Protocol


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


class Until(NamedTuple):
    """A moment by both clocks: one of them stands still while a machine sleeps, the other may be set back."""

    steady: float
    wall: float

    @classmethod
    def within(cls, clock: Clock, seconds: float) -> "Until":
        """So many seconds from now."""
        return cls(clock.monotonic() + seconds, clock.now() + seconds)

    def left(self, clock: Clock) -> float:
        """The seconds until then; none or less where it is over by either clock."""
        return min(self.steady - clock.monotonic(), self.wall - clock.now())
