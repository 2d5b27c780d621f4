"""From the rows of a bookings table to bookings, one by one, so that a row that is wrong spoils no other; pure."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import msgspec

from accord.bookings import Booking, Span, Status, span, told, wall
from accord.errors import Refused
from accord.ports import Parsed
from accord.systems.bookings.mapping import BookingTable

_DAY = "2026-03-29"
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(?:\.\d+)?)?(.*)", re.ASCII | re.DOTALL)
_OFFSET = re.compile(r"\s*(?:Z|[+-]\d\d(?::?\d\d)?)", re.ASCII)
_OPTIONAL = ("attendee", "email", "place", "link", "notes")


class Row(msgspec.Struct, omit_defaults=True):
    """A row as it was read: wall times as texts, seconds as numbers; None also where there is no such column."""

    key: str
    version: int | None = None
    updated: int | None = None
    created: int | None = None
    person: str | None = None
    attendee: str | None = None
    email: str | None = None
    status: str | None = None
    start: str | int | None = None
    end: str | int | None = None
    zone: str | None = None
    title: str | None = None
    place: str | None = None
    link: str | None = None
    notes: str | None = None
    deleted: int | None = None


class Kept(msgspec.Struct):
    """A page as it is kept: rows, and the keys of those that are gone."""

    rows: list[msgspec.Raw]
    gone: list[str] = []


class Unsound(Exception):
    """What is wrong with a row, in a sentence without values."""


_kept = msgspec.json.Decoder(Kept).decode
_row = msgspec.json.Decoder(Row).decode


def keep(rows: Sequence[Row], gone: Sequence[str] = ()) -> bytes:
    """Rows in the form in which they are kept."""
    return msgspec.json.encode(Kept([msgspec.Raw(msgspec.json.encode(row)) for row in rows], [*gone]))


def records(body: bytes, table: BookingTable) -> list[Parsed]:
    """The bookings of a page in their order, those that are gone as deleted; what is wrong with a row says why."""
    try:
        kept = _kept(body)
    except msgspec.DecodeError:
        raise Refused("what is kept of the bookings is not what was stored") from None
    return [one(bytes(raw), table) for raw in kept.rows] + [Parsed(key, b"", tombstone(key), None) for key in kept.gone]


def one(raw: bytes, table: BookingTable) -> Parsed:
    """One row, read as a booking where it is one."""
    row = _row(raw)
    try:
        return Parsed(row.key, raw, booking(row, table), None)
    except Unsound as why:
        return Parsed(row.key, raw, None, str(why))


def booking(row: Row, table: BookingTable) -> Booking:
    """The booking that a row shows; raises Unsound."""
    if row.deleted:
        return tombstone(row.key)
    if not (row.person or "").strip():
        raise Unsound("it does not say whose calendar it goes into")
    if row.updated is None:
        raise Unsound("it does not say when it was changed last")
    if row.version is None and "version" in table.columns:
        raise Unsound("it has no version")
    start, end, zone = _times(row, (row.zone if table.zone is None else table.zone) or "")
    texts: dict[str, Any] = {field: getattr(row, field) or None for field in _OPTIONAL}
    return Booking(
        key=row.key,
        version=row.updated if row.version is None else row.version,
        updated=row.updated,
        person=row.person or "",
        status=_status(row, table),
        start=start,
        end=end,
        zone=zone,
        title=row.title or "",
        created=max(0, row.created or 0),
        **texts,
    )


def tombstone(key: str) -> Booking:
    """The booking that the system does not know any more: nothing of it is known but its key."""
    values: dict[str, Any] = dict.fromkeys(_OPTIONAL)
    values |= dict.fromkeys(("version", "updated", "created"), 0)
    values |= dict.fromkeys(("person", "start", "end", "zone", "title"), "")
    return Booking(key=key, status=Status.CANCELLED, deleted=True, **values)


def _status(row: Row, table: BookingTable) -> Status:
    if "status" not in table.columns:
        return Status.BOOKED
    found = next((status for status, texts in table.statuses.items() if row.status in texts), None)
    if found is None:
        raise Unsound('its status is none of those that the mapping knows; add it there to "booked" or to "cancelled"')
    return found


def _times(row: Row, zone: str) -> tuple[str, str, str]:
    """Start, end and zone. Seconds that clocks of the zone can not tell are told in UTC."""
    try:
        wall(0, zone)
    except ValueError:
        raise Unsound("its zone is not known; IANA zones are written like Europe/Bucharest") from None
    if isinstance(row.start, int) and isinstance(row.end, int):
        if row.end <= row.start:
            raise Unsound("its end is not after its start")
        with _on_calendars():
            for second in (row.start, row.end):
                wall(second, "UTC")
            return told(Span(row.start, row.end, False), zone)
    start, end = _time(row.start, zone, "start"), _time(row.end, zone, "end")
    if (len(start) == len(_DAY)) != (len(end) == len(_DAY)):
        raise Unsound("one of start and end is a day and the other a time; both must be the same")
    with _on_calendars():
        taken = span(start, end, zone)
    if taken.end <= taken.start:
        raise Unsound("its end is not after its start")
    return start, end, zone


@contextmanager
def _on_calendars() -> Iterator[None]:
    try:
        yield
    except (ValueError, OverflowError, OSError):
        raise Unsound("its start or end is beyond all calendars") from None


def _time(value: str | int | None, zone: str, which: str) -> str:
    """A time as bookings have it: a wall time to the second, or a day."""
    if value is None:
        raise Unsound(f"it has no {which} that clocks know")
    try:
        if isinstance(value, int):
            return wall(value, zone)
        found = _TIME.fullmatch(value.strip())
        if found is None:
            raise Unsound(f"its {which} is no time; times are written like 2026-03-29T10:00")
        day, minute, second, rest = found.groups()
        if rest:
            if minute and _OFFSET.fullmatch(rest):
                raise Unsound(f"its {which} is a wall time with an offset; leave that out, its zone says it")
            raise Unsound(f"its {which} is no time; times are written like 2026-03-29T10:00")
        if minute is None:
            return datetime.fromisoformat(day).date().isoformat()
        return datetime.fromisoformat(f"{day}T{minute}{second or ':00'}").isoformat()
    except (ValueError, OverflowError, OSError):
        raise Unsound(f"its {which} is no time that calendars have") from None
