"""All invoices from the newest down, although others are made and deleted while they are read."""

import re
from typing import Protocol

import msgspec

from accord.errors import Refused
from accord.systems.oblio.parse import PAGE, Item, Page

ABOVE = 2**62
"""Higher than any id."""

_SAME = 3  # times that the same page came in a row, after which the list would never end


class Listing(Protocol):
    """What is walked along."""

    def page(self, offset: int) -> Page: ...

    def fetch(self, key: str) -> Item | None: ...


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a walk stands, with all that it has to know of what it met: whoever has it can go on."""

    offset: int = 0  # of the page that is next
    newest: int = 0  # the ids that it met lie between these
    oldest: int = ABOVE
    edges: list[tuple[int, int]] = []  # of the pages: nothing was met between these ids
    again: int = 0  # rows that came more than once
    lowest: int = 0  # the last id on the page before
    same: int = 0  # pages in a row that ended there
    short: bool = False  # the last page was not full, so that the next one must be empty
    ended: bool = False  # all that is left is to look whether anything was missed
    twice: bool = False  # something was, so that it began once more
    last: dict[str, tuple[int, int]] = {}  # of each series: the last number, and the id that has it


class Walk:
    """The pages of the list, newest first, down to the id `lo`; each invoice is met once.

    Rows shift while they are read. A new invoice moves all others down, so that they come again: they are passed over.
    One that is deleted moves others up, past the edge of a page that is read already: that one is missed. Oblio
    deletes the last number of a series only, so the walk looks in the end whether the last of each that it met is
    still there, and whether rows came again more often than there are new ones. Where that speaks of a miss, it walks
    once more, for what lies at the edges of pages; what is missed both times is for the next walk.
    """

    def __init__(self, oblio: Listing, lo: int = 0) -> None:
        self._oblio = oblio
        self._lo = lo

    def step(self, place: Place) -> tuple[list[Item], Place | None]:
        """What is met at this place, and the place behind it; None at the end.

        Raises what `Oblio.page` does, and Refused where the list makes no sense.
        """
        if place.ended:
            return self._look_back(place)
        page = self._oblio.page(place.offset)
        behind = self._behind(page, place)
        alone = place.offset == 0  # one page is seen as it was at one moment
        return _met(page, place), None if behind.ended and (alone or place.twice) else behind

    def _behind(self, page: Page, place: Place) -> Place:
        ids = page.ids
        if page.items and not ids:
            raise Refused("none of the invoices on a page of Oblio's list has an id; did its API change?")
        fresh = [id_ for id_ in ids if id_ < place.oldest]
        if place.short and fresh:
            raise Refused(f"Oblio gives fewer than {PAGE} invoices on a page, which it did not use to")
        # Where many were made since the page before, those that follow show nothing new for a while, but go on.
        lowest = min(ids, default=0)
        same = place.same + 1 if not fresh and lowest == place.lowest else 0
        if page.items and same == _SAME:
            raise Refused("Oblio's list of invoices repeats a page; it would never end")
        ends = (fresh or not ids) and place.offset and not place.twice
        edge = [(max(fresh, default=0), place.oldest)] if ends else []
        return Place(
            offset=place.offset + PAGE,
            newest=max([place.newest, *ids]),
            oldest=min([place.oldest, *ids]),
            edges=place.edges + edge,
            again=place.again + len(ids) - len(fresh),
            lowest=lowest,
            same=same,
            short=page.count < PAGE,
            ended=not page.items or lowest <= self._lo,
            twice=place.twice,
            last=_last(page, place),
        )

    def _look_back(self, place: Place) -> tuple[list[Item], Place | None]:
        first = self._oblio.page(0)
        met = [item for item in first.items if item.position is None or item.position > place.newest]
        # Where all of it is new, there may be more of that behind it.
        more = len(met) == first.count > 0
        if place.again <= len(met) and not more and self._undisturbed(first, place):
            return met, None
        edges = [(place.newest, min(first.ids, default=0)), *place.edges] if more else place.edges
        begun = Place(newest=max([place.newest, *first.ids]), edges=edges, twice=True)
        behind = self._behind(first, begun)
        return met + _met(first, begun), None if behind.ended else behind

    def _undisturbed(self, first: Page, place: Place) -> bool:
        """Whether the last number of each series that was met is still there; most are on the first page."""
        there = {item.position for item in first.items}
        return all(id_ in there or self._oblio.fetch(str(id_)) is not None for _, id_ in place.last.values())


def _met(page: Page, place: Place) -> list[Item]:
    """The rows of a page that are met for the first time; those without an id as often as they come."""
    rows = [item for item in page.items if item.position is None or item.position < place.oldest]
    if not place.twice:
        return rows
    ids = [item.position for item in rows if item.position is not None]
    near = [(lo, hi) for lo, hi in place.edges if ids and hi > min(ids) and lo < max(ids)]
    return [r for r in rows if r.position is not None and any(lo < r.position < hi for lo, hi in near)]


def _last(page: Page, place: Place) -> dict[str, tuple[int, int]]:
    last = dict(place.last)
    for item in page.items:
        document = item.document
        if document is None or document.number is None:
            continue
        number = int(document.number) if re.fullmatch(r"[0-9]{1,18}", document.number, re.ASCII) else -1
        series, found = document.series or "", (number, document.position)
        last[series] = max(found, last.get(series, found))
    return last
