"""How invoices are found without a list: number by number, up from the last known one and down to the series' start.

Only the last number of a series can be deleted, and then it is given out again. So each walk first looks again at the
last number that is known, and below it for as long as another invoice stands there than before.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, Protocol

import msgspec

from accord.systems.smartbill import pdf
from accord.systems.smartbill.client import Series
from accord.systems.smartbill.errors import NoPdf
from accord.systems.smartbill.pdf import Paper, Unreadable
from accord.systems.smartbill.shapes import Status

_WIDTHS = (4, 0, 3, 5, 6, 7, 8)  # digits that are printed, the usual one first; 0 is the plain number
LOST = 20  # numbers missing in a row until what lies beyond is taken for unused


class Reads(Protocol):
    """What a walk asks of SmartBill."""

    def status(self, series: str, number: str) -> Status | None: ...

    def pdf(self, series: str, number: str) -> bytes | None: ...


class Fingerprint(msgspec.Struct, frozen=True):
    """By what an invoice is known again; what is unknown is None. Holds no names: `client` is a hash."""

    total: str | None
    client: str | None
    issued_on: str | None


class Found(NamedTuple):
    """An invoice as it stands now, its PDF as text or why there is none; `another` than stood there before."""

    number: int
    written: str
    status: Status
    text: str | None
    lacking: str | None = None
    another: bool = False

    def __repr__(self) -> str:
        """Without what it holds, which is other people's data."""
        return f"<Found {self.number}>"

    @property
    def paper(self) -> Paper | None:
        """What the PDF says."""
        return None if self.text is None else pdf.parse(self.text)

    @property
    def fingerprint(self) -> Fingerprint:
        """By what it is known again."""
        paper = self.paper
        client = paper.client.known_by() if paper and paper.client else None
        total = f"{self.status.invoice_total_amount.normalize():f}"
        return Fingerprint(total, client, paper.issued_on if paper else None)


class Gap(NamedTuple):
    """A number under which there is no invoice."""

    number: int


class Gone(NamedTuple):
    """A number that was known and whose invoice was deleted; it will be given out again."""

    number: int


class Known(NamedTuple):
    """What is known of a series: the highest number, the digits that are printed, what the invoices looked like."""

    top: int
    width: int | None
    looks: Mapping[int, Fingerprint]


def spellings(number: int, width: int | None) -> list[str]:
    """How a number may be written, the likeliest first; SmartBill finds it only as it was issued."""
    widths = _WIDTHS if width is None else (width, 0)
    return list(dict.fromkeys(str(number).zfill(digits) for digits in widths))


def width_of(number: int, written: str) -> int | None:
    """The digits that a series prints, by a number that was found; None where they do not show."""
    if written != str(number):
        return len(written)
    return 0 if len(written) < max(3, _WIDTHS[0]) else None


def walk(source: Reads, series: Series, known: Known, missing: int = 0) -> Iterator[Found | Gap | Gone]:
    """What became of the last known number, and then all new ones, upwards.

    Whoever stops in the middle goes on with `top` as the last number that was given out, without any looks, and with
    the gaps that came last. Behind many of those in a row it goes on shortly below the counter, which a person may
    have set forward.
    """
    last, width = series.next_number - 1, known.width if known.width is not None else series.width
    for number in sorted(known.looks, reverse=True):
        found = look(source, series.name, number, width)
        if found is None:
            yield Gone(number)
            continue
        yield (found := found._replace(another=differs(known.looks[number], found.fingerprint)))
        if not found.another:
            break
    number = min(known.top, last) + 1
    while number <= last:
        if missing >= LOST:
            number, missing = max(number, last - LOST + 1), 0
        found = look(source, series.name, number, width)
        missing = missing + 1 if found is None else 0
        yield Gap(number) if found is None else found
        if found is not None and width is None:
            width = width_of(number, found.written)
        number += 1


def history(
    source: Reads, series: Series, below: int, width: int | None, known: Collection[int] = (), missing: int = 0
) -> Iterator[Found | Gap]:
    """All invoices under numbers below `below`, downwards to the start of the series.

    Behind many gaps in a row nothing more is looked for but the `known` numbers. Whoever stops in the middle goes on
    below the last number that was given out, with the gaps that came last.
    """
    width = width if width is not None else series.width
    left = sorted((number for number in known if number < below), reverse=True)
    number = below - 1
    while number > 0:
        if missing >= LOST:
            number = next((one for one in left if one <= number), 0)
            if not number:
                return
        found = look(source, series.name, number, width)
        missing = missing + 1 if found is None else 0
        yield Gap(number) if found is None else found
        if found is not None and width is None:
            width = width_of(number, found.written)
        number -= 1


def differs(before: Fingerprint, now: Fingerprint) -> bool:
    """Whether another invoice stands there than before; what is unknown on one side decides nothing."""
    pairs = [(before.total, now.total), (before.issued_on, now.issued_on)]
    if _way(before.client) == _way(now.client):
        pairs.append((before.client, now.client))
    return any(old is not None and new is not None and old != new for old, new in pairs)


def _way(client: str | None) -> str:
    """By what a client is known: the VAT id of one and the name of another can not be set against each other."""
    return (client or "").partition(":")[0]


def look(source: Reads, series: str, number: int, width: int | None) -> Found | None:
    """The invoice of a number, however it is written; None where there is none."""
    for written in spellings(number, width):
        status = source.status(series, written)
        if status is not None:
            return read(source, series, number, written, status)
    return None


def read(source: Reads, series: str, number: int, written: str, status: Status) -> Found | None:
    """The invoice with its PDF; None where it was deleted since its status was asked for."""
    try:
        body = source.pdf(series, written)
        return None if body is None else Found(number, written, status, pdf.text(body))
    except (NoPdf, Unreadable) as error:
        return Found(number, written, status, None, str(error))
