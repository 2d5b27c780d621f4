"""What changed in a calendar: the delta of its view over a window that moves on (Microsoft Graph, delta query).

Whoever reads from the start is told of all that is in the window by its delta, and of events of ours that are long ago
or far ahead by a list of ours.

Delta tells no properties of ours, so that the marks of a page's events are asked for, as far as that list did not tell
them: one $batch where they are few, and where they are many the list of the window, which tells all of them by a few
hundred a request. A series' dates are never ours, and are not asked about; nothing is where nothing changed.
"""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from accord.bookings import Span
from accord.calendars import Changes, Event, Mark, TokenGone
from accord.errors import Refused
from accord.systems.answers import UNREADABLE
from accord.systems.microsoft import shapes, translate
from accord.systems.microsoft.batches import Batches
from accord.systems.microsoft.graph import MOST, Graph, users
from accord.systems.microsoft.reading import LISTED, Look, events_of, list_path, ours_params

BACK, AHEAD = 30, 400  # days around the day on which a window is opened
_CLOSES = 370  # days: where a window reaches no further ahead any more, a new one is opened

_DAY = 86_400

_log = logging.getLogger("accord.microsoft")
_item = msgspec.json.Decoder(shapes.Item).decode
_name = msgspec.json.Decoder(shapes.Name).decode


class _Place(msgspec.Struct, frozen=True):
    """Where to go on: a link of Microsoft's, the window that is fixed in it, and a digest of the page before it."""

    link: str
    start: int
    end: int
    before: str = ""


class _Known(NamedTuple):
    etag: str
    mark: Mark | None


class Listening:
    """The changes in calendars. What is known of marks is kept for as long as a calendar is read through."""

    def __init__(self, graph: Graph, batches: Batches) -> None:
        self._graph = graph
        self._batches = batches
        self._known: dict[str, dict[str, _Known]] = {}

    def changes(self, calendar: str, at: str | None) -> Changes:
        """As in `Calendars`."""
        if at is None:
            self._known.pop(calendar, None)  # of a reading that was given up
        place = self._open() if at is None else self._resume(at)
        page = self._page(calendar, place)
        behind = self._behind(place, page)
        gone, items = _split(page)
        beyond = self._beyond(calendar, place) if at is None else []
        events, lost = self._marked(calendar, place, items)
        if page.next is None:
            self._known.pop(calendar, None)
        events += [event for event in beyond if event.id not in items]
        return Changes(events, [*gone, *lost], msgspec.json.encode(behind).decode(), page.next is not None)

    def _open(self) -> _Place:
        today = int(self._graph.clock.now()) // _DAY * _DAY
        return _Place("", today - BACK * _DAY, today + AHEAD * _DAY)

    def _resume(self, at: str) -> _Place:
        try:
            place = msgspec.json.decode(at.encode(), type=_Place)
        except UNREADABLE:
            raise TokenGone("the place was not kept by this version") from None
        if place.end - self._graph.clock.now() < _CLOSES * _DAY:
            raise TokenGone("the window that is listened to has come to its end")
        return place

    def _behind(self, place: _Place, page: shapes.Page) -> _Place:
        """Where it goes on. Raises Refused where that is nowhere, elsewhere, or round and round.

        Some mailboxes' lists repeat a page for ever, with another link each time (msgraph-sdk-dotnet issue 3082).
        """
        if page.next is None:
            if page.delta is None:
                raise Refused("Microsoft's list of changes does not say how it goes on; did its API change?")
            return _Place(self._graph.own(page.delta), place.start, place.end)
        digest = blake2b(b"".join(map(bytes, page.value)), digest_size=12).hexdigest() if page.value else ""
        if page.next == place.link or (digest and digest == place.before):
            raise Refused("Microsoft's list of changes repeats a page; it would never end")
        return _Place(self._graph.own(page.next), place.start, place.end, digest)

    def _page(self, calendar: str, place: _Place) -> shapes.Page:
        if place.link:
            return self._graph.get(calendar, place.link, (), shapes.Page)
        return self._graph.get(calendar, f"{users(calendar)}/calendarView/delta", _window(place), shapes.Page)

    def _beyond(self, calendar: str, place: _Place) -> list[Event]:
        """The events of ours that the window does not show, maybe with some at its edges; all marks are known then."""
        pages = self._graph.pages(calendar, list_path(calendar), ours_params())
        ours = [event for page in pages for event in events_of(calendar, page)]
        self._known[calendar] = {event.id: _Known(event.etag, event.mark) for event in ours}
        return [event for event in ours if event.span is None or not _within(event.span, place)]

    def _marked(
        self, calendar: str, place: _Place, items: Mapping[str, shapes.Item | None]
    ) -> tuple[list[Event], list[str]]:
        """Events with their marks, and the ids of those that are gone by now; None stands for one unread."""
        events = {id: _event(calendar, item) for id, item in items.items() if item is not None and _of_series(item)}
        asked = {id: item for id, item in items.items() if id not in events}
        if len(self._unknown(calendar, asked)) > MOST:
            self._known[calendar] = {item.id: _Known(item.etag, mark) for item, mark in self._list(calendar, place)}
        looks = {id: Look(calendar, id) for id in self._unknown(calendar, asked)}
        self._batches.run([*looks.values()])
        for id, item in asked.items():
            if id not in looks and item is not None:
                events[id] = _event(calendar, item, self._known[calendar][id].mark)
            elif id in looks and (seen := looks[id].item) is not None:
                events[id] = _event(calendar, seen, translate.mark_of(seen))
        lost = [id for id, look in looks.items() if look.gone]
        return [event for id in items if (event := events.get(id)) is not None], lost

    def _unknown(self, calendar: str, items: Mapping[str, shapes.Item | None]) -> list[str]:
        """Those whose marks are not known as of the version that the page shows."""
        known = self._known.get(calendar, {})
        return [id for id, item in items.items() if item is None or id not in known or known[id].etag != item.etag]

    def _list(self, calendar: str, place: _Place) -> Iterator[tuple[shapes.Item, Mark | None]]:
        """Everything in the window, with its mark."""
        params = [*_window(place), ("$select", "id,type"), ("$expand", translate.EXPAND), ("$top", str(LISTED))]
        for page in self._graph.pages(calendar, f"{users(calendar)}/calendarView", params):
            for raw in page.value:
                # One that can not be read is asked for by itself, should it matter.
                if (item := _readable(bytes(raw))) is not None:
                    yield item, translate.mark_of(item)


def _split(page: shapes.Page) -> tuple[list[str], dict[str, shapes.Item | None]]:
    """The ids that a page tells to be gone, and its events, each as it came last; None where it can not be read."""
    gone: dict[str, None] = {}
    items: dict[str, shapes.Item | None] = {}
    for raw in page.value:
        try:
            name = _name(bytes(raw))
        except UNREADABLE:
            raise Refused("an element of Microsoft's list of changes has no id; did its API change?") from None
        gone.pop(name.id, None)
        items.pop(name.id, None)
        if name.removed is None:
            items[name.id] = _readable(bytes(raw))
        else:
            gone[name.id] = None
    return list(gone), items


def _readable(raw: bytes) -> shapes.Item | None:
    try:
        return _item(raw)
    except UNREADABLE:
        return None


def _event(calendar: str, item: shapes.Item, mark: Mark | None = None) -> Event | None:
    """The event of an item; None for one of other people's that can not be read. Raises Refused for one of ours."""
    try:
        return translate.event(calendar, item, mark)
    except translate.Unsound as error:
        if mark is not None:
            raise Refused(f"event {item.id} can not be read: {error}") from None
        _log.warning("an event of other people's can not be read, and is left alone: %s", error)
        return None


def _within(span: Span, place: _Place) -> bool:
    """Whether something is in a window for sure: by a day, since whole days begin where the mailbox is."""
    return span.start < place.end - _DAY and span.end > place.start + _DAY


def _of_series(item: shapes.Item) -> bool:
    return item.type in ("occurrence", "exception")


def _window(place: _Place) -> list[tuple[str, str]]:
    return [("startDateTime", _utc(place.start)), ("endDateTime", _utc(place.end))]


def _utc(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
