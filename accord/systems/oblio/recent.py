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
from accord.systems.answers import UNREADABLE
from accord.systems.oblio import shapes
from accord.systems.oblio.parse import PAGE, Item, Page
from accord.systems.oblio.walk import ABOVE

WINDOW = 14  # days; an invoice is due at the tax authority within five working days, and is mostly decided in a day
ALONE = 25  # invoices that are asked for by themselves in one step, which lasts some ten seconds then

_UNPAID = {"collected": "0", "canceled": "0"}

_due = msgspec.json.Decoder(shapes.Due).decode
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
    asked: int = ABOVE  # from this id on, what was missing on this page was asked for, and the page's rows were taken


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
                return self._found(step, [], self._known.processing(self._begins), None)

    def _new(self, step: Step) -> Found:
        # Noted before the first page and kept: what this look finds becomes known while it goes on.
        since = self._known.newest() if step.since is None else step.since
        page = self._oblio.page(step.offset)
        lo, more = _reach(page)
        # Between two pages one may have been hidden, which the lists that follow may show.
        following: Step | None = Step("unpaid", met=lo if step.offset == 0 else ABOVE)
        if more and lo > since:
            following = Step("new", step.offset + PAGE, lo, since)
        elif not more:
            following = None  # all that there is was on these pages
        # A list that is empty all at once is for the nightly walk to judge.
        known = self._known.standing(lo, step.below) if page.items else ()
        return self._found(msgspec.structs.replace(step, since=since), page.items, known, following)

    def _unpaid(self, step: Step) -> Found:
        page = self._oblio.page(step.offset, _UNPAID)
        lo, more = _reach(page)
        known = set(self._known.unpaid(lo, min(step.below, step.met))) - {item.key for item in page.items}
        following = Step("unpaid", step.offset + PAGE, lo, met=step.met) if more else Step("window", met=step.met)
        return self._found(step, _not_met(page, step), known, following)

    def _window(self, step: Step) -> Found:
        page = self._oblio.page(step.offset, {"issuedAfter": self._begins})
        # Those that are unpaid were on the list before.
        items = [item for item in _not_met(page, step) if not _unpaid(item)]
        if page.count >= PAGE:
            return Found(items, [], Step("window", step.offset + PAGE, met=step.met))
        return Found(items, [], Step("processing") if self._known.processing(self._begins) else None)

    def _found(self, step: Step, rows: Collection[Item], known: Collection[str], following: Step | None) -> Found:
        """The rows of a page, and what is known and not among them as it is now: a part of that after the other."""
        missing = sorted({int(key) for key in known} - {item.position for item in rows}, reverse=True)
        missing = [id_ for id_ in missing if id_ < step.asked]
        first = missing[:ALONE]
        alone = {str(id_): self._oblio.fetch(str(id_)) for id_ in first}
        gone = [key for key, item in alone.items() if item is None]
        if len(missing) > ALONE:
            following = msgspec.structs.replace(step, asked=first[-1])
        items = [*(rows if step.asked == ABOVE else ()), *(item for item in alone.values() if item is not None)]
        # So many at once look like an Oblio that has lost its data; the nightly walk stops where that is so.
        return Found(items, gone if len(gone) <= ROWS else [], following)


def _not_met(page: Page, step: Step) -> list[Item]:
    return [item for item in page.items if item.position is None or item.position < step.met]


def _unpaid(item: Item) -> bool:
    try:
        due = _due(item.raw)
    except UNREADABLE:
        return False
    return (due.collected, due.canceled) == ("0", "0")


def _reach(page: Page) -> tuple[int, bool]:
    """Down to which id a page shows all that is on its list, and whether more may follow."""
    more = page.count >= PAGE
    return (min(page.ids, default=0) if more else 0), more
