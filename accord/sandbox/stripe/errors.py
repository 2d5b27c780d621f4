"""Stripe's refusals: status, type, code and parameter as in docs.stripe.com/error-codes."""

from typing import Any


class StripeError(Exception):
    """An answer that is an error. `kept` says if an Idempotency-Key remembers it: true once the work had begun."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
        kept: bool = False,
        more: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        self.headers = headers or {}
        error: dict[str, Any] = {"message": message, "type": kind}
        if code is not None:
            error["code"] = code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            error["param"] = param
        self.body: dict[str, Any] = {"error": error | (more or {})}


def bad_param(param: str, message: str, code: str | None = None) -> StripeError:
    """A parameter that can not be read or is not allowed; the work has not begun."""
    return StripeError(400, message, code=code, param=param)


def missing_param(param: str) -> StripeError:
    return bad_param(param, f"Missing required param: {param}.", "parameter_missing")


def unknown_param(param: str) -> StripeError:
    return bad_param(param, f"Received unknown parameter: {param}", "parameter_unknown")


def no_such(what: str, key: str, param: str, *, status: int = 404) -> StripeError:
    """Unknown id."""
    return StripeError(status, f"No such {what}: '{key}'", code="resource_missing", param=param)


def wrong_state(message: str, code: str | None = None, param: str | None = None, **more: Any) -> StripeError:
    """The object is not in a state that allows this; found out during the work, so a key remembers it."""
    return StripeError(400, message, code=code, param=param, kept=True, more=more or None)


def declined(code: str, message: str, *, decline_code: str | None = None, **more: Any) -> StripeError:
    """402: the bank said no."""
    extra = more | ({"decline_code": decline_code} if decline_code else {})
    return StripeError(402, message, code=code, kind="card_error", kept=True, more=extra)
