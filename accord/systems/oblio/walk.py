"""All invoices from the newest down, although others are made and deleted while they are read."""

import re
from typing import Protocol

import msgspec

from accord.errors import Refused
from accord.systems.oblio.client import PAGE
from accord.systems.oblio.parse import Item, Page

ABOVE = 2**62
"""Higher than any id."""

_SAME = 3  # pages in a row without anything new, after which the list would never end


class Listing(Protocol):
    """What is walked along."""

    def page(self, offset: int) -> Page: ...

    def fetch(self, key: str) -> Item | None: ...


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a walk stands, with all that it has to know of what it met: whoever has it can go on."""

    offset: int = 0  # of the page that is next
    newest: int = 0  # the ids that it met lie between these
    oldest: int = ABOVE
    again: int = 0  # rows that came more than once
    same: int = 0  # pages in a row that showed nothing new
    short: bool = False  # the last page was not full, so that the next one must be empty
    ended: bool = False  # all that is left is to look whether anything was missed
    twice: bool = False  # something was, so that it began once more
    last: dict[str, tuple[int, int]] = {}  # of each series: the last number, and the id that has it


class Walk:
    """The pages of the list, newest first, down to the id `lo`.

    Rows shift while they are read. A new invoice moves all others down, so that they come again. One that is deleted
    moves others up, past the edge of a page that is read already: that one is missed. Oblio deletes the last number of
    a series only, so the walk looks in the end whether the last of each that it met is still there, and whether rows
    came again more often than there are new ones. Where that speaks of a miss, everything is walked once more; what is
    missed both times is found by the next walk.
    """

    def __init__(self, oblio: Listing, lo: int = 0) -> None:
        self._oblio = oblio
        self._lo = lo

    def step(self, place: Place) -> tuple[Page, Place | None]:
        """The page at this place, and the place behind it; None at the end.

        Raises what `Oblio.page` does, and Refused where the list makes no sense.
        """
        if place.ended:
            return self._look_back(place)
        page = self._oblio.page(place.offset)
        behind = self._behind(page, place)
        alone = place.offset == 0  # one page is seen as it was at one moment
        return page, None if behind.ended and (alone or place.twice) else behind

    def _behind(self, page: Page, place: Place) -> Place:
        ids = [item.position for item in page.items if item.position is not None]
        if page.items and not ids:
            raise Refused("none of the invoices on a page of Oblio's list has an id; did its API change?")
        fresh = sum(id_ < place.oldest for id_ in ids)
        if place.short and fresh:
            raise Refused(f"Oblio gives fewer than {PAGE} invoices on a page, which it did not use to")
        same = 0 if fresh else place.same + 1
        if page.items and same == _SAME:
            raise Refused("Oblio's list of invoices repeats a page; it would never end")
        return Place(
            offset=place.offset + PAGE,
            newest=max([place.newest, *ids]),
            oldest=min([place.oldest, *ids]),
            again=place.again + len(ids) - fresh,
            same=same,
            short=page.count < PAGE,
            ended=not page.items or min(ids) <= self._lo,
            twice=place.twice,
            last=_last(page, place),
        )

    def _look_back(self, place: Place) -> tuple[Page, Place | None]:
        first = self._oblio.page(0)
        newer = sum(item.position is not None and item.position > place.newest for item in first.items)
        # Where all of it is new, there may be more of that behind it.
        if place.again <= newer and (newer < first.count or not first.count) and self._undisturbed(first, place):
            return first, None
        behind = self._behind(first, Place(twice=True))
        return first, None if behind.ended else behind

    def _undisturbed(self, first: Page, place: Place) -> bool:
        """Whether the last number of each series that was met is still there; most are on the first page."""
        there = {item.position for item in first.items}
        return all(id_ in there or self._oblio.fetch(str(id_)) is not None for _, id_ in place.last.values())


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
