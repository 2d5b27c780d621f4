"""All invoices from the newest down, although others are made and deleted while they are read."""

import re
from collections.abc import Iterator
from math import inf
from typing import Protocol

from accord.errors import Refused
from accord.systems.oblio.client import PAGE
from accord.systems.oblio.parse import Item, Page

_SAME = 3  # full pages in a row without anything new, after which the list would never end


class Listing(Protocol):
    """What is walked along."""

    def page(self, offset: int) -> Page: ...

    def fetch(self, key: str) -> Item | None: ...


class Walk:
    """The pages of the list, newest first; of each only the rows that did not come before as they are now.

    Rows shift while they are read. A new invoice moves all others down, so that they come again: they are passed over.
    One that is deleted moves others up, past the edge of a page that is read already: that one is missed. Oblio
    deletes the last number of a series only, so the walk looks in the end whether the last of each that it met is
    still there, and whether rows came again more often than there are new ones. `complete` says that no such sign was
    found. It does not take the place of `Oblio.fetch` for a row that was not met: that may be there all the same.
    """

    def __init__(self, oblio: Listing, since: int | None = None) -> None:
        """With `since` it ends with the page that reaches this id: whatever is newer was met then."""
        self._oblio = oblio
        self._since = since
        self._met: dict[str, int] = {}
        self._last: dict[str, tuple[int, int, str]] = {}  # of each series: number, position, key
        self.complete = False
        """Whether nothing speaks against having met all that was there all the time; known once the walk has ended."""

    @property
    def met(self) -> frozenset[str]:
        """The keys of all that came."""
        return frozenset(self._met)

    def __iter__(self) -> Iterator[Page]:
        """Ask page by page; raises what `Oblio.page` does, and Refused where the list makes no sense."""
        self._met.clear()
        self._last.clear()
        self.complete = False
        offset = same = again = 0
        oldest = inf
        ended = False  # a page that is not full is the last one
        while True:
            page = self._oblio.page(offset)
            unknown = sum(item.key not in self._met for item in page.items)
            reaches = min((item.position for item in page.items if item.position is not None), default=inf)
            if ended and reaches < oldest:
                raise Refused(f"Oblio gives fewer than {PAGE} invoices on a page, which it did not use to")
            again += page.count - unknown
            same = 0 if unknown else same + 1
            if page.items and same == _SAME:
                raise Refused("Oblio's list of invoices repeats a page; it would never end")
            yield self._fresh(page)
            if not page.items or self._reached(page):
                break
            oldest, ended = min(oldest, reaches), page.count < PAGE
            offset += PAGE
        if offset == 0:
            self.complete = True
            return
        first = self._oblio.page(0)
        newer = sum(item.key not in self._met for item in first.items)
        self.complete = again <= newer and self._undisturbed(first)
        yield self._fresh(first)

    def _fresh(self, page: Page) -> Page:
        """The page with those rows that did not come before as they are now; all are noted."""
        fresh = []
        for item in page.items:
            print_ = hash(item.raw)
            if self._met.get(item.key) != print_:
                self._met[item.key] = print_
                fresh.append(item)
                self._note(item)
        return Page(page.body, tuple(fresh), page.count)

    def _note(self, item: Item) -> None:
        document = item.document
        if document is None or document.number is None:
            return
        number = int(document.number) if re.fullmatch(r"[0-9]{1,18}", document.number, re.ASCII) else -1
        place = (number, document.position, document.key)
        self._last[document.series or ""] = max(place, self._last.get(document.series or "", place))

    def _reached(self, page: Page) -> bool:
        since = self._since
        return since is not None and any(item.position is not None and item.position <= since for item in page.items)

    def _undisturbed(self, first: Page) -> bool:
        """Whether the last number of each series that was met is still there; most are on the first page."""
        there = {item.key for item in first.items}
        return all(key in there or self._oblio.fetch(key) is not None for _, _, key in self._last.values())
