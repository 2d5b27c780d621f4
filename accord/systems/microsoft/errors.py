"""What error answers of Microsoft Graph and of its tokens mean for the caller (learn.microsoft.com/graph/errors)."""

import re
from typing import TypeVar

import msgspec

from accord.calendars import TokenGone
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import NotAccepted, Response, Throttled
from accord.systems.answers import UNREADABLE
from accord.systems.microsoft.shapes import Fault, Frame, TokenError

# 410 is documented; 400 and 404 with these codes are reported (microsoft-graph-docs issues 2162, 2350, 2839, 2877).
_TOKEN_GONE = ("syncstatenotfound", "syncstateinvalid", "resyncrequired")

T = TypeVar("T")

_frame = msgspec.json.Decoder(Frame).decode
_token_error = msgspec.json.Decoder(TokenError).decode


class Duplicate(Refused):
    """An event with the same transactionId was made before."""


class NotFound(Refused):
    """There is no such event."""


class Undeletable(Refused):
    """The event can not be deleted; one that is deleted already is said to be so (msgraph-sdk-dotnet issue 3047)."""


def classify(response: Response, connection: str = "main") -> Exception | None:
    """The error to raise for an answer, None for success; `connection` is the name of the block that holds the secret.

    Texts carry status and code, never Microsoft's message, which may name people. TokenGone for a delta's dead token.
    """
    status = response.status
    if 200 <= status < 300:
        return None
    code = _told(response.body).code
    named = re.sub(r"[^A-Za-z0-9_.]", "", code)[:60]
    said = f"Microsoft answered {status}" + (f" {named}" if named else "")
    if code == "ErrorItemNotFound" and 400 <= status < 500:
        return NotFound(f"{said}: there is no such event")
    if status == 410 or (status in (400, 404) and code.lower() in _TOKEN_GONE):
        return TokenGone(said)
    if not code and 400 <= status < 500 and status not in (401, 429):
        return TryLater(f"{said} without a reason that can be read")  # it was cut off, or is a proxy's
    if code == "ErrorDuplicateTransactionId":  # 400 in some reports, 409 in others
        return Duplicate(said)
    match status:
        case 401:
            return NotAccepted(
                f"{said}: its own token is not accepted. Look whether the app registration still has consent, and run: "
                f"accord connect microsoft --name {connection}"
            )
        case 403 if code == "ErrorCannotDeleteObject":
            return Undeletable(f"{said}: this event can not be deleted")
        case 403:
            return Refused(
                f"{said}: this calendar may not be read or written. Does an application access policy leave it out, or "
                "does Calendars.ReadWrite lack an administrator's consent?"
            )
        case 404 if code == "MailboxNotEnabledForRESTAPI":
            return Refused(f"{said}: there is no mailbox in Exchange Online for this calendar, or it has no licence")
        case 404:
            return Refused(f"{said}: there is no such calendar; is the address right?")
        case 429:
            return Throttled(f"{said}: too many requests", "account" if code == "ApplicationThrottled" else "endpoint")
        case 408 | 409 | 423 | 425:
            return TryLater(said)
    return TryLater(said) if status >= 500 else Refused(said)


def classify_token(response: Response, connection: str = "main") -> Exception | None:
    """The same for the call that gives tokens (learn.microsoft.com/entra, error codes).

    What is to be done goes by the number in `error_codes`, else by `error`, which is never localized.
    """
    if 200 <= response.status < 300:
        return None
    try:
        found = _token_error(response.body)
    except UNREADABLE:
        found = TokenError(error="temporarily_unavailable")  # it was cut off, or is a proxy's
    codes = found.error_codes or [int(code) for code in re.findall(r"AADSTS(\d+)", found.error_description or "")[:1]]
    said = f"Microsoft gives no token ({response.status}"
    said += f", AADSTS{codes[0]})" if codes else f", {found.error})" if found.error in _BY_ERROR else ")"
    if response.status == 429:
        return Throttled(said, "endpoint")
    if response.status >= 500 or response.status in (408, 425) or found.error == "temporarily_unavailable":
        return TryLater(said)
    what = next((_BY_CODE[code] for code in codes if code in _BY_CODE), _BY_ERROR.get(found.error or ""))
    if what is None:
        what = "the tenant, the app registration or its credential is not accepted"
    return Misconfigured(f"{said}: {what}; then run: accord connect microsoft --name {connection}")


_NEW_SECRET = "make a new one in Entra, under App registrations, Certificates & secrets"  # noqa: S105
_ADMIN = "have an administrator grant the app registration Calendars.ReadWrite, under API permissions"
_TENANT = "the tenant is not known; take the Directory (tenant) ID of the app registration's page"
_SIGN_IN = "sign in again as the account whose calendars these are"
_REVOKED = f"the refresh token was revoked, as by a change of the password; {_SIGN_IN}"
_INACTIVE = f"the refresh token was not used for too long; {_SIGN_IN}"
_MFA = f"the account has to prove itself with a second factor; {_SIGN_IN}"

_BY_CODE = {
    7000222: f"the client secret has expired; {_NEW_SECRET}",
    7000215: f"the client secret is wrong: take its Value, not its Secret ID, or {_NEW_SECRET}",
    700016: "the tenant has no such app; take the Application (client) ID of the app registration's page",
    90002: _TENANT,
    900023: _TENANT,
    65001: _ADMIN,
    70011: _ADMIN,
    50173: _REVOKED,
    700082: _INACTIVE,
    70008: _INACTIVE,
    700084: f"the refresh token is of a single-page app and lasted a day; register the app as Web; {_SIGN_IN}",
    50076: _MFA,
    50079: _MFA,
    53003: "a conditional access policy blocks it; have an administrator exempt the app",
}
_BY_ERROR = {
    "invalid_client": f"the client secret is not accepted; {_NEW_SECRET}",
    "invalid_grant": f"the refresh token is not accepted any more; {_SIGN_IN}",
    "interaction_required": _MFA,
    "consent_required": _ADMIN,
    "unauthorized_client": "the app is not allowed to ask so; take the Application (client) ID of the right one",
    "invalid_request": _TENANT,
}


def _told(body: bytes) -> Fault:
    """What an error tells; without a code where it is none of Microsoft's."""
    try:
        return _frame(body).error
    except UNREADABLE:
        return Fault()
