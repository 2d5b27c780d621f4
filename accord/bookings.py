"""Bookings as their system keeps them: a time that a person is taken, in that person's calendar.

Times are wall times with an IANA zone, since that is what people agreed on; `at` says which second one is.
"""

from datetime import UTC, date, datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple
from zoneinfo import ZoneInfo

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


def at(wall: str, zone: str) -> int:
    """The second at which clocks of a zone show a wall time. Raises ValueError for what is no such time or zone.

    A time that comes twice is the first one; one that a zone's clocks leap over is counted from before the leap, as
    PEP 495 has it (03:30 in Bucharest on 2026-03-29 is 04:30 on the clocks).
    """
    local = datetime.fromisoformat(wall)
    if local.tzinfo is not None:
        raise ValueError("a wall time has no offset")
    return int(local.replace(tzinfo=_zone(zone)).timestamp())


def wall(second: int, zone: str) -> str:
    """What the clocks of a zone show at a second, as ISO wall time. Raises ValueError for an unknown zone."""
    return datetime.fromtimestamp(second, _zone(zone)).replace(tzinfo=None).isoformat()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError("the zone is not known") from None
