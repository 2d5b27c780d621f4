"""The portal's limit, as most servers have it: a rate, and a second's worth at once after a pause."""


class Limits:
    """At most `per_second` requests a second in the long run; None is no limit."""

    def __init__(self, per_second: float | None = None) -> None:
        self.per_second = per_second
        self._level = 0.0  # what is left of this second's worth
        self._at = float("-inf")

    def wait(self, now: float) -> float:
        """Let a request pass and return 0, or the seconds until there is room for one."""
        if self.per_second is None:
            return 0.0
        self._level = min(self.per_second, self._level + (now - self._at) * self.per_second)
        self._at = now
        if self._level < 1:
            return (1 - self._level) / self.per_second
        self._level -= 1
        return 0.0
