"""Small honest copies of both sides: calendars that one account reaches, and a system that bookings are kept in.

People work in both. Ids of events are made of the booking's name and generation and are never given out twice, etags
change with each change, and tokens are opaque.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from accord.bookings import Booking, Span, Status, span
from accord.calendars import (
    Busy,
    Changes,
    Create,
    Delete,
    Differs,
    Done,
    Event,
    NotDone,
    Operation,
    Outcome,
    TokenGone,
    Update,
    Wanted,
)
from accord.errors import AccordError, Refused
from accord.kinds import Kind
from accord.ports import CursorGone, Discovery, Page, Parsed, Place
from accord.ports import Event as SourceEvent

START = 1_800_000_000 - 1_800_000_000 % 86_400
ZONE = "Europe/Bucharest"


def booking(key: str, person: str = "ana", hour: int = 10, **changed: Any) -> Booking:
    plain = Booking(
        key=key,
        version=1,
        updated=START,
        person=person,
        attendee=f"Client of {key}",
        email=None,
        status=Status.BOOKED,
        start=f"2027-01-15T{hour:02}:00:00",
        end=f"2027-01-15T{hour:02}:30:00",
        zone=ZONE,
        title=f"Visit {key}",
        place="Room 1",
        link=None,
        notes=None,
        created=START,
    )
    return msgspec.structs.replace(plain, **changed)


class FakeCalendars:
    """The calendars of one account. `PAGE` events are on a page of changes."""

    PAGE = 3

    def __init__(self, names: Collection[str], now: Callable[[], float] = lambda: float(START)) -> None:
        self.now = now
        self.held: dict[str, dict[str, Event]] = {name: {} for name in names}
        self.gone: dict[str, dict[str, Event]] = {name: {} for name in names}  # deleted: their ids stay taken
        self.log: dict[str, list[str]] = {name: [] for name in names}
        self._tokens: dict[str, tuple[str, int, list[str]]] = {}
        self._serial = itertools.count(1)
        self.asked: list[str] = []  # every request
        self.failing: AccordError | None = None
        self.rewrites: Callable[[str | None], str | None] = lambda place: place
        self.closed = False

    # -- what a client asks

    def changes(self, calendar: str, at: str | None) -> Changes:
        """A page of what changed."""
        self._ask(f"changes {calendar}", calendar)
        log = self.log[calendar]
        since, left = 0, []
        if at is not None:
            if at not in self._tokens:
                raise TokenGone
            of, since, left = self._tokens[at]
            if of != calendar:
                raise TokenGone
        if at is None:
            since, left = len(log), sorted(self.held[calendar])
        elif not left:
            left, since = list(dict.fromkeys(log[since:])), len(log)
        part, rest = left[: self.PAGE], left[self.PAGE :]
        there = [self.held[calendar][id] for id in part if id in self.held[calendar]]
        gone = [id for id in part if id not in self.held[calendar]]
        return Changes(there, gone, self._token(calendar, since, rest), bool(rest))

    def latest(self, calendar: str) -> str:
        """A token that goes on from now, as if all had been read."""
        return self._token(calendar, len(self.log[calendar]), [])

    def _token(self, calendar: str, since: int, rest: list[str]) -> str:
        token = f"token {next(self._serial)}"
        self._tokens[token] = (calendar, since, rest)
        return token

    def get(self, calendar: str, id: str) -> Event | None:
        """One event."""
        self._ask(f"get {calendar} {id}", calendar)
        return self.held[calendar].get(id)

    def find(self, calendar: str, name: str) -> list[Event]:
        """The events of a booking."""
        self._ask(f"find {calendar} {name}", calendar)
        return [event for event in self.held[calendar].values() if event.mark and event.mark.name == name]

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """All of these, one by one."""
        return [self._tried(operation) for operation in operations]

    def busy(self, calendars: Collection[str], start: int, end: int) -> Mapping[str, Busy]:
        """When they are taken."""
        self._ask(f"busy {sorted(calendars)}")
        spans = {name: [e.span for e in self.held[name].values() if e.span] for name in calendars if name in self.held}
        taken = {name: Busy([s for s in of if s.start < end and s.end > start]) for name, of in spans.items()}
        return taken | {name: Busy([], "it is not there") for name in calendars if name not in self.held}

    def close(self) -> None:
        """Nothing is held."""
        self.closed = True

    def _ask(self, what: str, calendar: str | None = None) -> None:
        self.asked.append(what)
        if self.failing is not None:
            raise self.failing
        if calendar is not None and calendar not in self.held:
            raise Refused(f"the calendar {calendar} is not there, or may not be read")

    def _tried(self, operation: Operation) -> Outcome:
        try:
            self._ask(f"{type(operation).__name__.lower()} {operation.calendar}", operation.calendar)
        except AccordError as error:
            return NotDone(error)
        return self.done(operation)

    def done(self, operation: Operation) -> Outcome:
        """What comes of one operation."""
        held, gone = self.held[operation.calendar], self.gone[operation.calendar]
        if isinstance(operation, Create):
            mark = operation.wanted.mark
            id = f"{mark.name}#{mark.generation}"
            if id in gone:
                return Differs(None)
            if id in held:
                same = held[id].mark == mark and held[id].span == _span(operation.wanted)
                return (Done if same else Differs)(held[id])
            return Done(self._put(operation.calendar, id, operation.wanted))
        event = held.get(operation.id)
        if event is None:
            return Done(None) if isinstance(operation, Delete) else Differs(None)
        if event.etag != operation.etag:
            return Differs(event)
        if isinstance(operation, Update):
            return Done(self._put(operation.calendar, operation.id, operation.wanted))
        self.delete(operation.calendar, operation.id)
        return Done(None)

    def _put(self, calendar: str, id: str, wanted: Wanted) -> Event:
        event = Event(
            calendar=calendar,
            id=id,
            etag="",
            mark=wanted.mark,
            span=_span(wanted),
            zone=wanted.zone,
            title=f"<b>{wanted.title}</b>",  # as servers make something of what they are given
            place=self.rewrites(wanted.place),
            updated=0,
        )
        return self._keep(calendar, event)

    def _keep(self, calendar: str, event: Event) -> Event:
        kept = msgspec.structs.replace(event, etag=f'"{next(self._serial)}"', updated=int(self.now()))
        self.held[calendar][event.id] = kept
        self.gone[calendar].pop(event.id, None)
        self.log[calendar].append(event.id)
        return kept

    # -- what people do

    def change(self, calendar: str, id: str, **changed: Any) -> Event:
        """Somebody changes an event."""
        return self._keep(calendar, msgspec.structs.replace(self.held[calendar][id], **changed))

    def move(self, calendar: str, id: str, seconds: int = 3600) -> Event:
        """Somebody moves an event."""
        start, end, all_day = self.held[calendar][id].span or Span(0, 0, False)
        return self.change(calendar, id, span=Span(start + seconds, end + seconds, all_day))

    def delete(self, calendar: str, id: str) -> None:
        """Somebody deletes an event."""
        self.gone[calendar][id] = self.held[calendar].pop(id)
        self.log[calendar].append(id)

    def restore(self, calendar: str, id: str) -> Event:
        """Somebody takes an event out of the bin."""
        return self._keep(calendar, self.gone[calendar][id])

    def add(self, calendar: str, id: str, **changed: Any) -> Event:
        """Somebody makes an event of their own."""
        own = Event(
            calendar=calendar,
            id=id,
            etag="",
            mark=None,
            span=Span(0, 60, False),
            zone=None,
            title="",
            place=None,
            updated=0,
        )
        return self._keep(calendar, msgspec.structs.replace(own, **changed))

    def forget_tokens(self) -> None:
        """The system goes on from no token any more."""
        self._tokens.clear()

    def of(self, calendar: str, key: str) -> list[Event]:
        """The events that show a booking."""
        return [e for e in self.held[calendar].values() if e.mark and e.mark.name.endswith(f":{key}")]


def _span(wanted: Wanted) -> Span:
    return span(wanted.start, wanted.end, wanted.zone)


class FakeBookings:
    """A system of bookings: the source that is read, and the store that is written back to."""

    discovery = Discovery(events=0, newest=frozenset({Kind.BOOKING}), turns=3, parallel=1)
    PAGE = 4

    def __init__(self, now: Callable[[], float] = lambda: float(START)) -> None:
        self.now = now
        self.held: dict[str, Booking] = {}
        self.written: list[tuple[str, str]] = []  # what Accord wrote back
        self.failing: AccordError | None = None

    @property
    def date(self) -> int:
        """Its clock."""
        return int(self.now())

    # -- as a source

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        """A page of what was changed, or of all by when it was made."""
        listed = self.held.values()
        if hi is None:
            listed = sorted((b for b in listed if b.updated >= (lo or 0)), key=lambda b: (-b.updated, b.key))
        else:
            listed = sorted((b for b in listed if (lo or 0) <= b.created < hi), key=lambda b: (-b.created, b.key))
        keys = [b.key for b in listed]
        if after is not None and after not in keys:
            raise CursorGone
        rest = listed[keys.index(after) + 1 :] if after is not None else listed
        part = rest[: self.PAGE]
        last = Place(part[-1].key, part[-1].created) if part else None
        body = msgspec.json.encode(part)
        return Page(body, len(part), len(rest) > len(part), last, self.date)

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One booking."""
        found = self.held.get(key)
        return None if found is None else msgspec.json.encode([found])

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """What a page holds."""
        for one in msgspec.json.decode(body, type=list[Booking]):
            yield Parsed(one.key, msgspec.json.encode(one), one, None)

    def events(self, body: bytes) -> list[SourceEvent]:
        """It tells of none."""
        return []

    def tombstone(self, kind: str, key: str) -> Booking:
        """One that is not there any more."""
        return booking(key, person="", version=0, deleted=True)

    def began(self) -> int:
        """Before all of them."""
        return 1_700_000_000

    # -- as a store

    def move(self, key: str, version: int, start: str, end: str, zone: str, place: str | None) -> bool:
        """Another time and place."""
        return self._write(key, version, "move", start=start, end=end, zone=zone, place=place)

    def cancel(self, key: str, version: int) -> bool:
        """Nobody comes."""
        return self._write(key, version, "cancel", status=Status.CANCELLED)

    def _write(self, key: str, version: int, what: str, **changed: Any) -> bool:
        if self.failing is not None:
            raise self.failing
        found = self.held.get(key)
        if found is None or found.version != version:
            return False
        self.written.append((what, key))
        self.change(key, **changed)
        return True

    # -- what people do

    def add(self, made: Booking) -> Booking:
        """Somebody books."""
        return self.keep(msgspec.structs.replace(made, updated=self.date, created=self.date))

    def change(self, key: str, **changed: Any) -> Booking:
        """Somebody changes a booking."""
        before = self.held[key]
        return self.keep(msgspec.structs.replace(before, version=before.version + 1, updated=self.date, **changed))

    def keep(self, one: Booking) -> Booking:
        """As it is from now on."""
        self.held[one.key] = one
        return one

    def close(self) -> None:
        """Nothing is held."""
