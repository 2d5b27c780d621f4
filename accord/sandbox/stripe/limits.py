"""Counting requests: how many an endpoint had, and Stripe's limits per second (docs.stripe.com/rate-limits)."""

from collections import Counter, deque
from typing import Any

from accord.sandbox.stripe.errors import StripeError


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


class Limits:
    """At most `per_endpoint` requests of one endpoint and four times as many in all within any second."""

    def __init__(self, per_endpoint: int | None) -> None:
        self.per_endpoint = per_endpoint
        self._seen: dict[str, deque[float]] = {}

    def take(self, account: str, endpoint: str, now: float) -> None:
        """Let a request pass; raises Stripe's 429 with the reason when it is one too many."""
        if self.per_endpoint is None:
            return
        for name, most, reason in (
            (account, 4 * self.per_endpoint, "global-rate"),
            (f"{account} {endpoint}", self.per_endpoint, "endpoint-rate"),
        ):
            seen = self._seen.setdefault(name, deque())
            while seen and seen[0] <= now - 1:
                seen.popleft()
            if len(seen) >= most:
                raise StripeError(
                    429,
                    "Request rate limit exceeded.",
                    code="rate_limit",
                    headers={"stripe-rate-limited-reason": reason},
                )
        for name in (account, f"{account} {endpoint}"):
            self._seen[name].append(now)
