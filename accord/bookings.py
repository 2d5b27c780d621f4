"""Bookings as their system keeps them: a time that a person is taken, in that person's calendar.

Times are wall times with an IANA zone, since that is what people agreed on; `at` says which second one is.
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from hashlib import blake2b
from typing import ClassVar, NamedTuple, Protocol

import msgspec

from accord import zones
from accord.kinds import Fields, Kind


class Status(StrEnum):
    """Where a booking stands."""

    BOOKED = "booked"
    CANCELLED = "cancelled"  # nobody comes; it never becomes booked again under the same key


class Booking(Fields, frozen=True, kw_only=True, gc=False):
    """A time at which a person is taken.

    `start` and `end` (exclusive) are ISO wall times in `zone` without an offset (2026-03-29T10:00:00), or ISO days
    (2026-03-29) where the whole day is taken. Whoever changes a booking counts `version` up.
    """

    kind: ClassVar[Kind] = Kind.BOOKING

    version: int
    updated: int  # Unix seconds
    person: str  # whose calendar it goes into
    attendee: str | None  # whom the person meets
    email: str | None  # of the attendee
    status: Status
    start: str
    end: str
    zone: str
    title: str
    place: str | None
    link: str | None
    notes: str | None
    created: int
    deleted: bool = False

    @property
    def takes(self) -> "Span | None":
        """The time that it takes; None where it takes none, being cancelled or deleted."""
        if self.deleted or self.status is Status.CANCELLED:
            return None
        return span(self.start, self.end, self.zone)

    @property
    def shown(self) -> str:
        """What calendars are to show of it, so far as people may change it there; empty where they show nothing."""
        try:
            takes = self.takes
        except ValueError:
            return "times that can not be read"
        return f"{self.person} {showing(takes, self.place)}" if takes else ""


class BookingStore(Protocol):
    """Where bookings are written back to. Methods raise TryLater, Refused or Misconfigured."""

    def move(self, key: str, version: int, start: str, end: str, zone: str, place: str | None) -> bool:
        """Give a booking another time and place, and a higher version; False, and nothing, where it has another one."""

    def cancel(self, key: str, version: int) -> bool:
        """Cancel a booking under a higher version; False, and nothing is done, where it has another version."""


class Span(NamedTuple):
    """A stretch [start, end) of time, in Unix seconds; of whole days, in seconds of days as if they were in UTC."""

    start: int
    end: int
    all_day: bool


def span(start: str, end: str, zone: str) -> Span:
    """The span between two wall times or days of a zone. Raises ValueError for what is no such time or zone."""
    if all_day := len(start) == len("2026-03-29"):
        first, last = (datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) for day in (start, end))
        return Span(int(first.timestamp()), int(last.timestamp()), all_day)
    return Span(at(start, zone), at(end, zone), all_day)


def showing(takes: Span, place: str | None) -> str:
    """A digest of a time and a place, by which a booking and an event are compared; blanks do not count."""
    said = msgspec.json.encode((*takes, " ".join((place or "").split())))
    return blake2b(said, digest_size=16).hexdigest()


def told(takes: Span, *names: str | None) -> tuple[str, str, str]:
    """Start, end and zone as a booking tells them that takes this time: in the first of the zones that can tell it.

    An hour that a zone's clocks show twice is told by its first half only; UTC can tell any. Raises ValueError for
    a time beyond the year 9999.
    """
    zone = next((zone for zone in names if zone), "UTC")
    if takes.all_day:
        first, last = (datetime.fromtimestamp(second, UTC).date().isoformat() for second in takes[:2])
        return first, last, zone
    for zone in filter(None, (*names, "UTC")):
        try:
            start, end = wall(takes.start, zone), wall(takes.end, zone)
            if span(start, end, zone) == takes:
                return start, end, zone
        except ValueError:
            continue
    raise ValueError("no clock shows such a time")


def at(wall: str, zone: str) -> int:
    """The second at which clocks of a zone show a wall time. Raises ValueError for what is no such time or zone.

    A time that comes twice is the first one; one that a zone's clocks leap over is counted from before the leap, as
    PEP 495 has it (03:30 in Bucharest on 2026-03-29 is 04:30 on the clocks).
    """
    local = datetime.fromisoformat(wall)
    if local.tzinfo is not None:
        raise ValueError("a wall time has no offset")
    return int(local.replace(tzinfo=zones.named(zone)).timestamp())


def wall(second: int, zone: str) -> str:
    """What the clocks of a zone show at a second, as ISO wall time. Raises ValueError for an unknown zone."""
    return datetime.fromtimestamp(second, zones.named(zone)).replace(tzinfo=None).isoformat()
