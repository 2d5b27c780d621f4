"""Counting requests: how many an endpoint had, and how they were answered."""

from collections import Counter
from typing import Any


class Stats:
    """Requests by endpoint and status since the start or the last reset."""

    def __init__(self) -> None:
        self.by_endpoint: Counter[str] = Counter()
        self.by_status: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()

    def count(self, endpoint: str, status: int) -> None:
        """Count one answer; status 0 is a connection that was closed without one."""
        self.by_endpoint[endpoint] += 1
        self.by_status[str(status) if status else "dropped"] += 1
        if status == 429:
            self.throttled[endpoint] += 1

    def shown(self) -> dict[str, Any]:
        return {
            "requests": sum(self.by_endpoint.values()),
            "by_endpoint": dict(sorted(self.by_endpoint.items())),
            "by_status": dict(sorted(self.by_status.items())),
            "throttled": sum(self.throttled.values()),
            "throttled_by_endpoint": dict(sorted(self.throttled.items())),
        }

    def reset(self) -> None:
        for counter in (self.by_endpoint, self.by_status, self.throttled):
            counter.clear()
