"""What is new at Oblio, and what may have changed: it lists neither, so that this is looked for where it may be.

Each list is read only as far as it can show something. Invoices that are known and should be on a page, and are not,
are asked for by themselves: they were paid, cancelled or deleted since.
"""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from accord.deletions import ROWS
from accord.systems.oblio.client import PAGE
from accord.systems.oblio.parse import Item, Page
from accord.systems.oblio.walk import ABOVE

WINDOW = 14  # days; an invoice is due at the tax authority within five working days, and is mostly decided in a day
ALONE = 100  # invoices that are asked for by themselves for one page; what is beyond that waits for the next run

_BUCHAREST = ZoneInfo("Europe/Bucharest")


class Listing(Protocol):
    """What is asked."""

    def page(self, offset: int, only: dict[str, str] = ...) -> Page: ...

    def fetch(self, key: str) -> Item | None: ...


class Known(Protocol):
    """What was read before, by key; ids stand in [lo, hi)."""

    def newest(self) -> int: ...

    def standing(self, lo: int, hi: int) -> Collection[str]: ...

    def unpaid(self, lo: int, hi: int) -> Collection[str]: ...

    def processing(self, until: str) -> Collection[str]: ...


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far it was looked: the list that is next, and where on it."""

    list: Literal["new", "unpaid", "window", "processing"] = "new"
    offset: int = 0
    below: int = ABOVE  # the lowest id on the page before
    since: int | None = None  # the highest id that was known when this began
    met: int = ABOVE  # from this id on, the list of what is new has shown all


class Found(NamedTuple):
    """The invoices of one step, the ids of those that are gone, and the next step; None at the end."""

    items: list[Item]
    gone: list[str]
    next: Step | None


class Recent:
    """One look, in steps of a page each: new ids, unpaid invoices, those of the last days, those at the authority."""

    def __init__(self, oblio: Listing, known: Known, now: float) -> None:
        self._oblio = oblio
        self._known = known
        today = datetime.fromtimestamp(now, UTC).astimezone(_BUCHAREST).date()
        # A day more: whether Oblio counts the day itself is not documented.
        self._begins = (today - timedelta(days=WINDOW + 1)).isoformat()

    def take(self, step: Step) -> Found:
        """One step. Raises what the client does."""
        match step.list:
            case "new":
                return self._new(step)
            case "unpaid":
                return self._unpaid(step)
            case "window":
                return self._window(step)
            case _:
                items, gone = self._alone(self._known.processing(self._begins))
                return Found(items, gone, None)

    def _new(self, step: Step) -> Found:
        # Noted before the first page and kept: what this look finds becomes known while it goes on.
        since = self._known.newest() if step.since is None else step.since
        page = self._oblio.page(step.offset)
        lo, more = _reach(page)
        # A list that is empty all at once is for the nightly walk to judge.
        missing = self._missing(page, self._known.standing(lo, step.below)) if page.items else []
        items, gone = self._alone(missing)
        following: Step | None = Step("unpaid", met=lo)
        if more and lo > since:
            following = Step("new", step.offset + PAGE, lo, since)
        elif not more:
            following = None  # all that there is was on these pages
        return Found([*page.items, *items], gone, following)

    def _unpaid(self, step: Step) -> Found:
        page = self._oblio.page(step.offset, {"collected": "0", "canceled": "0"})
        lo, more = _reach(page)
        items, gone = self._alone(self._missing(page, self._known.unpaid(lo, min(step.below, step.met))))
        following = Step("unpaid", step.offset + PAGE, lo, met=step.met) if more else Step("window")
        return Found([*page.items, *items], gone, following)

    def _window(self, step: Step) -> Found:
        page = self._oblio.page(step.offset, {"issuedAfter": self._begins})
        if _reach(page)[1]:
            return Found([*page.items], [], Step("window", step.offset + PAGE))
        return Found([*page.items], [], Step("processing") if self._known.processing(self._begins) else None)

    def _missing(self, page: Page, known: Collection[str]) -> list[str]:
        there = {item.key for item in page.items}
        return [key for key in known if key not in there]

    def _alone(self, keys: Collection[str]) -> tuple[list[Item], list[str]]:
        """These invoices as they are now, and those that are gone."""
        first = sorted(keys, key=int, reverse=True)[:ALONE]
        found = {key: self._oblio.fetch(key) for key in first}
        gone = [key for key, item in found.items() if item is None]
        # So many at once look like an Oblio that has lost its data; the nightly walk stops where that is so.
        return [item for item in found.values() if item is not None], gone if len(gone) <= ROWS else []


def _reach(page: Page) -> tuple[int, bool]:
    """Down to which id a page shows all that is on its list, and whether more may follow."""
    ids = [item.position for item in page.items if item.position is not None]
    more = page.count >= PAGE
    return (min(ids, default=0) if more else 0), more
