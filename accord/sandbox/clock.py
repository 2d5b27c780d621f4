"""The sandbox's own time: the machine's clock, or a given one, plus what it was moved forward."""

import time
from collections.abc import Callable


class SandboxClock:
    """Wall time in Unix seconds that can be moved forward and never back."""

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self.offset = 0.0

    def now(self) -> float:
        return self._source() + self.offset

    def forward(self, seconds: float) -> None:
        """Move the time forward by `seconds`; raises ValueError when that is not a positive, sane number."""
        if not 0 < seconds <= 400 * 86_400:
            raise ValueError("the clock moves forward only, by at most 400 days at a time")
        self.offset += seconds
