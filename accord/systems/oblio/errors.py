"""What Oblio's error answers mean for the caller (oblio.eu/api).

Its documentation names 400 and 401 alone. How it answers a call too many is not documented; 429 and 403 are taken for
that.
"""

import msgspec

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import NotAccepted, Response, Throttled
from accord.systems.answers import UNREADABLE
from accord.systems.oblio.shapes import Frame

WINDOW = 10.0  # seconds in which 30 calls are allowed

_BAD_TOKEN = "access token provided is invalid"  # noqa: S105 - Oblio's words

_frame = msgspec.json.Decoder(Frame).decode


class NotFound(Refused):
    """There is no such address, document or file."""


def classify(response: Response, connection: str = "main") -> Exception | None:
    """The error to raise for an answer, None for success; `connection` is the name of the block that holds the secret.

    The status in the body may differ from HTTP's: it counts where HTTP says success. Texts carry both, never Oblio's
    message, which may name people.
    """
    status, message = _told(response)
    if 200 <= status < 300:
        return None
    said = f"Oblio answered {response.status}" + (f" with {status} in the body" if status != response.status else "")
    if status == 401 or _BAD_TOKEN in message:
        return NotAccepted(
            f"{said}: its token is not accepted. A reset of the password changes the secret: take the one under "
            f"Setări, Date cont, and run: accord connect oblio --name {connection}"
        )
    if status == 429:
        return Throttled(f"{said}: too many calls", "endpoint", WINDOW)
    if status == 403:
        return Throttled(f"{said}: too many calls, for which it may block for ten minutes", "account", WINDOW)
    if status in (408, 425) or status >= 500:
        return TryLater(said)
    if status == 404:
        return NotFound(f"{said}: there is no such address; is base_url of the block OblioAccount/{connection} right?")
    return Refused(said)


def classify_token(response: Response, connection: str = "main") -> Exception | None:
    """The same for the call that gives tokens, where a refusal is of the account's e-mail and secret."""
    fault = classify(response, connection)
    if isinstance(fault, Refused | NotAccepted) and not isinstance(fault, NotFound):
        return Misconfigured(
            f"Oblio answered {response.status}: it does not accept the e-mail and the secret, or no longer. A reset of "
            "the password changes the secret: take the one under Setări, Date cont, and run: accord connect oblio "
            f"--name {connection}"
        )
    return fault


def classify_file(response: Response) -> Exception | None:
    """The same for a link to a PDF."""
    if response.status == 404:
        return NotFound("Oblio answered 404: the PDF is not there")
    return classify(response) if response.status >= 300 else None


def _told(response: Response) -> tuple[int, str]:
    """The status that counts, and Oblio's message."""
    try:
        frame = _frame(response.body)
        told = int(frame.status)
    except (*UNREADABLE, ValueError, TypeError):
        return response.status, ""
    return (told if response.status < 300 else response.status), frame.statusMessage or ""
