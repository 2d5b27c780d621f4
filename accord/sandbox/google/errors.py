"""Google's refusals: a status, a reason and a domain. The texts are made up."""

from typing import Any

import msgspec

_DOMAINS = {"rateLimitExceeded": "usageLimits", "userRateLimitExceeded": "usageLimits", "quotaExceeded": "usageLimits"}
_USUAL = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    410: "deleted",
    412: "conditionNotMet",
    429: "rateLimitExceeded",
}


class GoogleError(Exception):
    """An answer that is an error; without a reason, the usual one of its status."""

    def __init__(self, status: int, message: str, reason: str = "", location: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason or _USUAL.get(status, "backendError")
        self.location = location

    @property
    def body(self) -> bytes:
        one: dict[str, Any] = {"domain": _DOMAINS.get(self.reason, "global"), "reason": self.reason}
        one["message"] = str(self)
        if self.location:
            one |= {"domain": "calendar", "locationType": "parameter", "location": self.location}
        return msgspec.json.encode({"error": {"code": self.status, "message": str(self), "errors": [one]}})


class GrantError(Exception):
    """A refusal of the token endpoint, which has a shape of its own."""

    def __init__(self, error: str, described: str, status: int = 400) -> None:
        super().__init__(described)
        self.status = status
        self.error = error

    @property
    def body(self) -> bytes:
        return msgspec.json.encode({"error": self.error, "error_description": str(self)})


def invalid(what: str) -> GoogleError:
    return GoogleError(400, f"Invalid value for: {what}")


def not_found() -> GoogleError:
    """Also what those are told who may not see it."""
    return GoogleError(404, "Not Found")
