"""Answers made wrong on purpose: what Stripe says before any work."""

from typing import Any

from accord.sandbox.faults import Fault

BEFORE = frozenset(("rate_limit", "unauthorized", "redirect", "drop_before"))
LISTS = frozenset(("lag", "has_more_forever", "repeat_page"))

_ELSEWHERE = "https://elsewhere.example.test/v1/charges"


def refusal(fault: Fault) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of a switch that answers before any work; `drop_before` is not one of them."""
    headers: dict[str, str] = {"stripe-should-retry": fault.should_retry} if fault.should_retry else {}
    if fault.retry_after:
        headers["retry-after"] = fault.retry_after
    if fault.kind == "redirect":
        return 302, {}, headers | {"location": _ELSEWHERE}
    error: dict[str, Any] = {"type": "invalid_request_error"}
    if fault.kind == "unauthorized":
        return 401, {"error": error | {"message": "Invalid API Key provided: sk_test_********"}}, headers
    if fault.kind == "server_error":
        error = {"type": "api_error", "message": "An unknown error occurred"}
        return fault.status, {"error": error}, headers
    if fault.reason == "lock_timeout":
        error |= {
            "code": "lock_timeout",
            "message": "This object cannot be accessed right now; another request has it.",
        }
        return 429, {"error": error}, headers
    if fault.reason != "none":
        headers["stripe-rate-limited-reason"] = fault.reason
    error |= {"code": "rate_limit", "message": "Request rate limit exceeded."}
    return 429, {"error": error}, headers
