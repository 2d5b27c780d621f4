"""What was read of a window, on its way into a batch."""

import logging
from dataclasses import dataclass, field

import msgspec

from accord.errors import TryLater
from accord.ledger import batches, inbox, quarantine
from accord.ledger.streams import Window
from accord.ports import Page

_log = logging.getLogger("accord.collect")


@dataclass(slots=True)
class Reading:
    """What was read of a window since its place was last stored."""

    pages: batches.Pages | None = None
    hints: list[inbox.Hint] = field(default_factory=list)
    count: int = 0
    place: tuple[str | None, int | None] | None = None
    hi: int = 0
    finished: bool = False
    failed: TryLater | None = None
    events: int = 0
    unreadable: list[quarantine.Unsound] = field(default_factory=list)  # among the events
    in_a_row: int | None = None  # so many events can not be read by now, where some can not
    date: int | None = None  # the source's own clock, where it tells
    asked: int = 0  # how many pages
    request: str | None = None  # the last page's, by the source's own name for it

    def note(self, page: Page) -> None:
        """Move on behind a page."""
        self.asked += 1
        self.request = page.request
        if page.last is not None:
            self.place = (page.last.key, page.last.created)

    def keep(self, page: bytes, count: int) -> None:
        """Add a page of so many records."""
        self.pages = self.pages or batches.Pages()
        self.pages.append(page)
        self.count += count


def second_left(window: Window, reading: Reading) -> int | None:
    """The second to read on from, now that the object which marked the place is gone: a few objects come twice.

    Raises TryLater where that leads nowhere: an object of this second was gone before.
    """
    second = reading.place[1] if reading.place else window.after_created
    if window.after is None and second == window.after_created:
        raise TryLater(f"the source's list of {window.stream} objects changes faster than it can be read")
    return second


def as_page(bodies: list[bytes]) -> bytes:
    """Single objects in the envelope of a list page."""
    return msgspec.json.encode({"object": "list", "data": [msgspec.Raw(body) for body in bodies], "has_more": False})


def tell_read(stream: str, reading: Reading, seconds: float) -> None:
    """Say on the run's page what was read and stored; nothing where there was nothing new."""
    if reading.count:
        request, pages = reading.request or "unnamed", "page" if reading.asked == 1 else "pages"
        told = (stream, reading.count, reading.asked, pages, seconds, request)
        _log.info("%s: %d read on %d %s (%.2f s, last request %s)", *told)


def tell_fetched(kind: str, count: int, alone: int, seconds: float) -> None:
    """Say on the run's page how many records were asked for, and how many of them alone."""
    if alone == count:
        _log.info("%s: %d asked for one by one (%.2f s)", kind, count, seconds)
    else:
        _log.info("%s: %d asked for, %d of them one by one (%.2f s)", kind, count, alone, seconds)


def tell_stored(stream: str, batch: int | None, count: int) -> None:
    """Say on the run's page that a batch was stored, if one was."""
    if batch is not None:
        _log.info("%s batch %d: %d read", stream, batch, count)
