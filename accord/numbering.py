"""Numbers of documents, series by series: which were given twice, and which are lacking.

Both look at all documents that are known of a connection, each of them once: a batch holds no whole series.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from accord.documents import State
from accord.kinds import Kind
from accord.ledger import links
from accord.ledger.engine import Ledger

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)


class Numbered(NamedTuple):
    """What its number says of a document; None where none was given yet."""

    series: str | None
    number: str | None
    state: State
    deleted: bool


def known(ledger: Ledger, connection: str) -> list[Numbered]:
    """Every document of a connection, as the ledger knows it."""
    told = ledger.read(lambda c: links.accepted(c, connection, Kind.DOCUMENT))
    return [
        Numbered(one["series"], one["number"], State(one["state"]), deleted)  # type: ignore[arg-type]
        for _, deleted, one in told
    ]


class Twice(NamedTuple):
    """A number that several documents of a series have; as issued, by one of them."""

    series: str  # empty where the documents have none
    number: str
    documents: int


class Gap(NamedTuple):
    """Numbers of a series, from the first to the last of them, that no document has."""

    series: str
    first: int
    last: int

    def __str__(self) -> str:
        numbers = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        return f"{self.series} {numbers}" if self.series else numbers


def twice(documents: Iterable[Numbered]) -> list[Twice]:
    """The numbers that more than one document has, by series and number; 42 and 0042 are the same.

    Documents that were deleted do not count, since their numbers are given out again; drafts have none yet.
    """
    found: defaultdict[tuple[str, int, str], list[str]] = defaultdict(list)
    for series, number in _issued(documents):
        # A number that is not digits alone is told by its text, and stands before the others.
        digits = _DIGITS.fullmatch(number)
        found[series, int(number) if digits else -1, "" if digits else number].append(number)
    return [Twice(place[0], min(those), len(those)) for place, those in sorted(found.items()) if len(those) > 1]


def gaps(documents: Iterable[Numbered]) -> list[Gap]:
    """What is lacking between the lowest and the highest number of each series, in their order.

    A cancelled document keeps its number and leaves no gap. Numbers that are not digits alone are passed over.
    """
    known: defaultdict[str, set[int]] = defaultdict(set)
    for series, number in _issued(documents):
        if _DIGITS.fullmatch(number):
            known[series].add(int(number))
    return [
        Gap(series, low + 1, high - 1)
        for series, numbers in sorted(known.items())
        for low, high in pairwise(sorted(numbers))
        if high - low > 1
    ]


def _issued(documents: Iterable[Numbered]) -> Iterator[tuple[str, str]]:
    for one in documents:
        if one.number and not one.deleted and one.state is not State.DRAFT:
            yield one.series or "", one.number
