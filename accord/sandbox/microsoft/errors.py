"""Microsoft's error bodies. Codes are those that its documentation and its users name; messages are made up."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec


class GraphError(Exception):
    """An answer of Graph's that is an error."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None, existing: str = ""
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self.more = {"@event.existingEventId": existing} if existing else {}

    def body(self, now: float) -> dict[str, Any]:
        inner = {"date": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S"), "request-id": "r-1"}
        return {"error": {"code": self.code, "message": str(self), "innerError": inner} | self.more}


class LoginError(Exception):
    """A refusal of the token endpoint."""

    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error = error
        self.number = number

    def body(self, now: float) -> bytes:
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        return msgspec.json.encode(
            {
                "error": self.error,
                "error_description": f"AADSTS{self.number}: {self} Trace ID: t-1 Timestamp: {stamp}",
                "error_codes": [self.number],
                "timestamp": stamp,
                "trace_id": "t-1",
                "correlation_id": "c-1",
                "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
            }
        )


def invalid(message: str, code: str = "ErrorInvalidRequest") -> GraphError:
    return GraphError(400, code, message)


def no_event() -> GraphError:
    return GraphError(404, "ErrorItemNotFound", "The specified object was not found in the store.")


def undeletable() -> GraphError:
    """What a second deletion comes to (msgraph-sdk-dotnet issue 3047)."""
    return GraphError(403, "ErrorCannotDeleteObject", "Object cannot be deleted.")


def unauthorized() -> GraphError:
    return GraphError(401, "InvalidAuthenticationToken", "Access token has expired or is not yet valid.")


def throttled(retry_after: str, code: str = "ApplicationThrottled") -> GraphError:
    message = "Application is over its MailboxConcurrency limit."
    return GraphError(429, code, message, {"Retry-After": retry_after})
