"""What Stripe's error answers mean for the caller (docs.stripe.com/error-low-level, /error-codes, /rate-limits)."""

import re

import msgspec

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Response, Throttled
from accord.systems.answers import UNREADABLE
from accord.systems.stripe import frames

_NOT_SOON = 60.0  # seconds: longer than any short retry

_decode = msgspec.json.Decoder(frames.Error).decode


class NotFound(Refused):
    """Stripe knows no such object; `param` names the parameter that spoke of it."""

    def __init__(self, why: str, status: int, param: str | None) -> None:
        super().__init__(why)
        self.status = status
        self.param = param


class Forbidden(Misconfigured):
    """The key is valid but has no right to what was asked for."""


class NotPermitted(Misconfigured):
    """The same, with the permission that the key needs."""


def classify(response: Response, connection: str = "main", saved: bool = True) -> Exception | None:
    """The error to raise for an answer, None for success.

    `connection` is the name of the block document that holds the key, `saved` whether there is one already.
    Texts carry status, code and request id, never Stripe's message, which may name people and parts of keys.
    """
    status = response.status
    if 200 <= status < 300:
        return None
    error = _error(response.body)
    said, block = _said(response, error), f"StripeAccount/{connection}"
    if status == 401 or error.code == "secret_key_required":
        enter = f"run: accord connect stripe --name {connection}"
        how = f"look at it in Stripe's dashboard, under API keys, and {enter}"
        if saved:
            how = f"set api_key of the block {block} in the Prefect UI, under Blocks, or {enter}"
        return Misconfigured(f"{said}: the API key is not valid, or no longer; {how}")
    if status == 403:
        return Forbidden(f"{said}: the API key lacks a permission{_permission(error)}")
    if status == 429:
        return _throttled(response, said)
    if error.code == "resource_missing" and "similar object exists in" in (error.message or ""):
        return Misconfigured(
            f"{said}: the object exists in Stripe's other mode. The records known so far were read with a key of "
            f"that mode; set api_key of the block {block} to such a key, or use a connection of its own"
        )
    again = response.headers.get("stripe-should-retry")
    if again == "true":
        return TryLater(f"{said}; it asks to try again")
    if status in (408, 409, 424, 425) or status >= 500:
        return TryLater(said, _NOT_SOON if again == "false" else None)
    if error.code == "resource_missing" and status in (400, 404):
        return NotFound(said, status, error.param)
    if status == 404:
        where = f"base_url of the block {block}" if saved else "--base-url"
        return Refused(f"{said}: there is no such address; is {where} right?")
    return Refused(said)


def _error(body: bytes) -> frames.ErrorBody:
    try:
        return _decode(body).error
    except UNREADABLE:
        return frames.ErrorBody()


def _said(response: Response, error: frames.ErrorBody) -> str:
    """Status, type, code, parameter and request id, as far as they look like what they should be."""
    code, param = _plain(error.code or error.type), _plain(error.param)
    number = request_id(response)
    return (
        f"Stripe answered {response.status}"
        + (f" {code}" if code else "")
        + (f" for {param}" if param else "")
        + (f" (request {number})" if number else "")
    )


def request_id(response: Response) -> str:
    """What Stripe's support asks for, or nothing (docs.stripe.com/api/request_ids)."""
    return _plain(response.headers.get("request-id"))


def _plain(word: str | None) -> str:
    """The word, or nothing where it could be anything else than a name."""
    return word if word is not None and re.fullmatch(r"[\w.\[\]-]{1,80}", word, re.ASCII) else ""


def _permission(error: frames.ErrorBody) -> str:
    """The permission that Stripe's message names; restricted keys have names such as rak_charge_read."""
    named = re.findall(r"\brak_[a-z_]{1,60}", error.message or "")
    return f" ({', '.join(dict.fromkeys(named))})" if named else ""


def _throttled(response: Response, said: str) -> TryLater:
    """By docs.stripe.com/rate-limits; without a reason it is no rate, but an object that another request locks."""
    reason = response.headers.get("stripe-rate-limited-reason", "")
    if reason.startswith("global-"):
        return Throttled(f"{said}: too many requests from this account", "account")
    if reason.startswith("endpoint-"):
        return Throttled(f"{said}: too many requests to this endpoint", "endpoint")
    return TryLater(f"{said}: the object is busy")
