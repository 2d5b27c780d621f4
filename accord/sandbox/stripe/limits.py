"""Stripe's limits per second (docs.stripe.com/rate-limits)."""

from collections import deque

from accord.sandbox.stripe.errors import StripeError


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
