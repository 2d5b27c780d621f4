"""What SmartBill's error answers mean for the caller.

It answers in three shapes: an envelope with an errorText, a problem with codes, and web pages of what stands before it.
"""

import re

import msgspec

from accord.errors import AccordError, Misconfigured, Refused, TryLater
from accord.http import Response, Throttled
from accord.systems.answers import UNREADABLE
from accord.systems.smartbill.shapes import Envelope

BLOCK = 600.0  # seconds for which a token is blocked that asked too often

_envelope = msgspec.json.Decoder(Envelope).decode
_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Blocked(Throttled):
    """Too many calls were made with this token, by whatever program: none is answered for ten minutes."""


class NotFound(Refused):
    """There is no document of this series and number."""


class NotPermitted(Misconfigured):
    """The token's user lacks a right."""


class NoPdf(TryLater):
    """The invoice is there, but not its PDF."""


class NoPaper(AccordError):
    """502 for a PDF, which SmartBill answers for a document that is not there as well as when it is out of order."""


def classify(response: Response, block: str = "SmartBillAccount") -> Exception | None:
    """The error to raise for an answer, None for success; `block` names the block document that holds the token.

    Texts are our own, never SmartBill's, which may name people. An errorText with status 200 is left to the caller:
    for one endpoint it is no failure.
    """
    status = response.status
    if 200 <= status < 300:
        return None
    said = f"SmartBill answered {status}"
    text = error_text(response.body)
    if (known := meaning(text, said, block)) is not None:
        return known
    if status == 401:
        return _unauthorized(said, block)
    if status in (403, 429):
        return Blocked(f"{said}: too many calls with this token; it is left alone for ten minutes", "account", BLOCK)
    if status == 408 or status >= 500:
        return TryLater(said)
    if status in (404, 405):
        return Refused(f"{said}: there is no such address; is base_url of the block {block} right?")
    code = _code(response.body)
    return Refused(f"{said} {code}".rstrip())


def classify_paper(response: Response, block: str = "SmartBillAccount") -> Exception | None:
    """The same for PDFs, where a 502 tells nothing by itself."""
    return NoPaper("SmartBill answered 502 for a PDF") if response.status == 502 else classify(response, block)


def meaning(text: str, said: str, block: str = "SmartBillAccount") -> Exception | None:
    """What one of SmartBill's own texts asks for; None for an empty or an unknown one."""
    text = text.casefold()
    if not text:
        return None
    if "autentificare esuata" in text:
        return _unauthorized(said, block)
    if "firma la care incercati" in text or "nu este disponibila pentru acest utilizator" in text:
        return Misconfigured(f"{said}: the account has no company with this VAT id; check cif of the block {block}")
    if "nu aveti dreptul" in text:
        return NotPermitted(f"{said}: the token's user lacks a right; give it to the user in SmartBill")
    if "numarul maxim de documente" in text:
        return Misconfigured(f"{said}: the subscription allows no more documents in this period")
    if re.match(r"(factura|proforma)\b.*\bnu a fost gasita", text, re.DOTALL):
        return NotFound(f"{said}: no such document")
    if "nu este ultimul din serie" in text:
        return Refused(f"{said}: only the last document of a series can be deleted")
    if "trebuie specificat" in text:
        return Refused(f"{said}: it misses a part of the request")
    return None


def refused(text: str) -> Exception:
    """The error for an errorText that came with status 200."""
    said = "SmartBill answered 200 with an error"
    return meaning(text, said) or Refused(f"{said} that is not known")


def error_text(body: bytes) -> str:
    """The errorText of an answer, without its HTML; empty where there is none."""
    try:
        text = _envelope(unwrapped(body)).error_text or ""
    except UNREADABLE:
        return ""
    return text.split("<", 1)[0].strip()


def unwrapped(body: bytes) -> bytes:
    """The answer without the single outer name that some documents draw around it."""
    keys = _keys(body)
    if len(keys) == 1:
        (inner,) = keys.values()
        if bytes(inner).lstrip()[:1] == b"{":
            return bytes(inner)
    return body


def _unauthorized(said: str, block: str) -> Misconfigured:
    return Misconfigured(
        f"{said}: e-mail and token are not valid, or no longer. Take the token from SmartBill under Integrari, API, "
        f"and set it in the block {block} in the Prefect UI, under Blocks"
    )


def _code(body: bytes) -> str:
    """The code of a problem, where it looks like one."""
    found = re.search(rb'"code"\s*:\s*"([a-z_]{1,60})"', body)
    return found[1].decode() if found else ""
