"""How invoices are found without a list: number by number, up from the last known one and down to the series' start.

Only the last number of a series can be deleted, and then it is given out again. So each walk first looks again at the
last number that is known, and below it for as long as another invoice stands there than before.
"""

import hashlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from accord.systems.smartbill import pdf
from accord.systems.smartbill.client import Series
from accord.systems.smartbill.errors import NoPdf
from accord.systems.smartbill.names import client_key
from accord.systems.smartbill.pdf import Paper, Unreadable
from accord.systems.smartbill.shapes import Status

_WIDTHS = (4, 0, 3, 5, 6, 7, 8)  # digits that are printed, the usual one first; 0 is the plain number
_LOST = 20  # numbers missing in a row until what lies below is taken for unused


class Reads(Protocol):
    """What a walk asks of SmartBill."""

    def status(self, series: str, number: str) -> Status | None: ...

    def pdf(self, series: str, number: str) -> bytes | None: ...


class Verdict(StrEnum):
    """What an invoice is to the one that stood under the same number before."""

    SAME = "same"
    CHANGED = "changed"  # the same invoice, printed differently: paid, cancelled, edited in a text
    ANOTHER = "another"  # its number was given out again, or it was edited beyond recognition


class Fingerprint(msgspec.Struct, frozen=True):
    """By what an invoice is known again. Holds no names: `client` and `paper` are hashes."""

    total: str
    client: str | None
    issued_on: str | None
    paper: str | None


class Found(NamedTuple):
    """An invoice as it stands now; `lacking` says why there is no PDF, `verdict` is None for a number that is new."""

    number: int
    written: str
    status: Status
    pdf: bytes | None
    lacking: str | None = None
    verdict: Verdict | None = None

    def __repr__(self) -> str:
        """Without what it holds, which is other people's data."""
        return f"<Found {self.number}>"


class Gap(NamedTuple):
    """A number between others under which there is no invoice."""

    number: int


class Gone(NamedTuple):
    """A number that was known and whose invoice was deleted; it will be given out again."""

    number: int


class Start(NamedTuple):
    """The lowest number of a series: its history is read."""

    number: int


class Known(NamedTuple):
    """What is known of a series: its highest number, the digits that are printed, and what each invoice looked like."""

    top: int
    width: int | None
    fingerprint: Callable[[int], Fingerprint | None]


def spellings(number: int, width: int | None) -> list[str]:
    """How a number may be written, the likeliest first; SmartBill finds it only as it was issued."""
    widths = _WIDTHS if width is None else (width, 0)
    return list(dict.fromkeys(str(number).zfill(digits) for digits in widths))


def width_of(number: int, written: str) -> int | None:
    """The digits that a series prints, by a number that was found; None where they do not show."""
    if written != str(number):
        return len(written)
    return 0 if len(written) < max(3, _WIDTHS[0]) else None


def walk(source: Reads, series: Series, known: Known) -> Iterator[Found | Gap | Gone]:
    """What became of the last known number, and then all new ones, upwards.

    Whoever stops in the middle goes on with `top` as the last number that was given out.
    """
    last, width = series.next_number - 1, known.width if known.width is not None else series.width
    for number in range(known.top, last, -1):
        yield Gone(number)
    for number in range(min(known.top, last), 0, -1):
        before = known.fingerprint(number)
        if before is None:
            break
        found = _look(source, series.name, number, width)
        if found is None:
            yield Gone(number)
            continue
        verdict = compare(before, fingerprint(found.status, _paper(found.pdf)))
        yield found._replace(verdict=verdict)
        if verdict is not Verdict.ANOTHER:
            break
    for number in range(min(known.top, last) + 1, series.next_number):
        found = _look(source, series.name, number, width)
        if found is None:
            yield Gap(number)
            continue
        width = width if width is not None else width_of(number, found.written)
        yield found


def history(source: Reads, series: Series, below: int, width: int | None) -> Iterator[Found | Gap | Start]:
    """All invoices under numbers below `below`, downwards, and the start of the series at the end.

    Numbers that are missing below the lowest invoice are no gaps.
    """
    width = width if width is not None else series.width
    missing: list[int] = []
    lowest = below
    for number in range(below - 1, 0, -1):
        found = _look(source, series.name, number, width)
        if found is None:
            missing.append(number)
            if len(missing) == _LOST:
                break
            continue
        yield from (Gap(gap) for gap in missing)
        missing.clear()
        width = width if width is not None else width_of(number, found.written)
        lowest = number
        yield found
    yield Start(lowest)


def fingerprint(status: Status, paper: Paper | None) -> Fingerprint:
    """By what an invoice is known again."""
    client = client_key(paper.client) if paper and paper.client else None
    return Fingerprint(
        f"{status.invoice_total_amount.normalize():f}",
        hashlib.sha256(client.encode()).hexdigest()[:32] if client else None,
        paper.issued_on if paper else None,
        paper.sha256 if paper else None,
    )


def compare(before: Fingerprint, now: Fingerprint) -> Verdict:
    """What the invoice is to the one that stood there before; what is unknown on one side decides nothing."""
    if before.total != now.total:
        return Verdict.ANOTHER
    for old, new in ((before.client, now.client), (before.issued_on, now.issued_on)):
        if old is not None and new is not None and old != new:
            return Verdict.ANOTHER
    differs = before.paper is not None and now.paper is not None and before.paper != now.paper
    return Verdict.CHANGED if differs else Verdict.SAME


def _look(source: Reads, series: str, number: int, width: int | None) -> Found | None:
    for written in spellings(number, width):
        status = source.status(series, written)
        if status is None:
            continue
        try:
            body = source.pdf(series, written)
        except NoPdf as error:
            return Found(number, written, status, None, str(error))
        # None: deleted between the two calls.
        return Found(number, written, status, body) if body is not None else None
    return None


def _paper(body: bytes | None) -> Paper | None:
    try:
        return pdf.read(body) if body is not None else None
    except Unreadable:
        return None
