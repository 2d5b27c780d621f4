"""What Google's error answers mean for the caller (developers.google.com/calendar/api/guides/errors)."""

import re
from typing import TypeVar

import msgspec

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import NotAccepted, Response, Throttled
from accord.systems.answers import UNREADABLE
from accord.systems.google.credentials import SCOPES
from accord.systems.google.shapes import Failure

_HOURS = 3 * 3_600.0  # until a limit of use may have room again: documented as hours, not seconds

_RATES = frozenset(("userRateLimitExceeded", "rateLimitExceeded"))
_USE = frozenset(("quotaExceeded", "dailyLimitExceeded"))
_PASSING = frozenset(("internal_failure", "server_error", "temporarily_unavailable"))

T = TypeVar("T")

_failure = msgspec.json.Decoder(Failure).decode


class NotFound(Refused):
    """There is no such calendar or event, or it may not be read."""


class Nobody(Refused):
    """There is no such person as a calendar is said to be of."""


class Unfit(Refused):
    """Something that was asked with is not what Google takes."""


class Gone(Refused):
    """The event is deleted, or a list does not go on from there."""


class Taken(Refused):
    """There is an event of this id, or there was one."""


class Changed(Refused):
    """The event is not as its etag knew it."""


def classify(response: Response, connection: str = "main") -> Exception | None:
    """The error to raise for an answer, None for success; `connection` is the name of the block of the credential.

    Texts carry status and reason, never Google's message, which may name people.
    """
    status, reason, _ = told(response)
    if 200 <= status < 300:
        return None
    said = f"Google answered {status}" + (f" ({reason})" if reason else "")
    match status:
        case 400:
            return Unfit(f"{said}: it does not take what was asked")
        case 401:
            return NotAccepted(f"{said}: its token is not accepted; run: accord connect google --name {connection}")
        case 403:
            return _forbidden(said, reason)
        case 404:
            return NotFound(f"{said}: there is no such calendar or event, or it is not shared with this account")
        case 409:
            return Taken(f"{said}: there is an event of this id") if reason == "duplicate" else TryLater(said)
        case 410:
            return Gone(f"{said}: it is gone")
        case 412:
            return Changed(f"{said}: the event was changed meanwhile")
        case 413:
            return Refused(f"{said}: it is larger than Google takes")
        case 429:
            return Throttled(f"{said}: too many calls", "endpoint")
    if status in (408, 425) or status >= 500:
        return TryLater(said)
    return Refused(said)


def _forbidden(said: str, reason: str) -> Exception:
    """What a 403 is: too many calls, a limit of use, or a right that is lacking."""
    if not reason:
        return TryLater(f"{said}, and no reason that can be read; was it a proxy's page?")
    if reason in _RATES:
        return Throttled(f"{said}: too many calls", "endpoint")
    if reason in _USE:
        return TryLater(f"{said}: a limit of use is reached, which takes hours to pass", _HOURS)
    if reason in ("insufficientPermissions", "accessNotConfigured"):
        return Misconfigured(
            f"{said}: the consent lacks a scope, or the project the Calendar API; the scopes are {' and '.join(SCOPES)}"
        )
    if reason == "forbiddenForServiceAccounts":
        return Refused(
            f"{said}: a service account may do this only with domain-wide delegation (docs/google-calendar.md)"
        )
    return Refused(
        f"{said}: this account may not do that in the calendar; have it shared with the right to make changes"
    )


def classify_token(response: Response, connection: str = "main") -> Exception | None:
    """The same for the call that gives tokens (developers.google.com/identity/protocols/oauth2#expiration)."""
    status, error, described = told(response)
    if 200 <= status < 300:
        return None
    said = f"Google answered {status}" + (f" ({error})" if error else "")
    if status in (408, 425, 429) or status >= 500 or error in _PASSING | _RATES:
        return TryLater(said)
    if not error and status not in (404, 405):
        return TryLater(f"{said} to a call for a token, and nothing that can be read; was it a proxy's page?")
    again = f"run: accord connect google --name {connection}"
    if error == "invalid_grant" and "email or user id" in described.lower():
        return Nobody(f"{said}: the domain has no such person as this calendar is of, or no longer")
    if error == "invalid_grant":
        return Misconfigured(
            f"{said}: the consent was withdrawn or has run out (after a week while the consent screen is in testing, "
            "after six months without use), or this machine's clock or the key is wrong; give consent "
            f"anew and {again}"
        )
    if error == "unauthorized_client":
        return Misconfigured(
            f"{said}: the service account may not act for people; in the domain's Admin console, under Security, API "
            f"controls, Domain-wide delegation, add its client id with the scopes {','.join(SCOPES)}"
        )
    if error in ("invalid_client", "deleted_client"):
        return Misconfigured(
            f"{said}: Google does not know the OAuth client, or no longer; make one in Google's console and {again}"
        )
    return Misconfigured(f"{said} to a call for a token; is token_url of GoogleCalendarAccount/{connection} right?")


def told(response: Response) -> tuple[int, str, str]:
    """Status, reason and, at the token endpoint, description; the reason only where it is a word."""
    try:
        failure = _failure(response.body)
    except UNREADABLE:
        return response.status, "", ""
    error = failure.error
    reason = error if isinstance(error, str) else next((one.reason for one in error.errors), None) if error else None
    word = reason if reason and re.fullmatch(r"[A-Za-z_]{1,50}", reason) else ""
    return response.status, word, failure.error_description or ""
