"""Bookings as Google's events, and Google's events as ours. Pure."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec

from accord import zones
from accord.bookings import Span, at, span, wall
from accord.calendars import Event, Mark, Wanted, decode, encode
from accord.errors import Refused
from accord.systems.answers import UNREADABLE
from accord.systems.google.shapes import Item, Moment

NAME, WRITING = "accordBooking", "accordWriting"
"""The private properties of an event that carry its mark; they are of one copy of the event in one calendar."""

MAX_EVENT = 64_000  # bytes as JSON; Google takes less, by limits of each field
_MAX_VALUE = 1_024  # characters of a private property

_CANCELLED = "cancelled"
_CHOSEN = re.compile("[0-9a-v]{32}")  # an id as `id_of` makes it; those that Google gives to copies are shorter
_ETAG = re.compile(r'(W/)?"[!#-~]{1,200}"')

_item = msgspec.json.Decoder(Item).decode


def id_of(mark: Mark, calendar: str) -> str:
    """The id of an event, the same whenever it is made for this booking and generation: base32hex (RFC 2938)."""
    hashed = blake2b("\n".join((mark.name, calendar, str(mark.generation))).encode(), digest_size=20).digest()
    return base64.b32hexencode(hashed).decode().lower()


def written(wanted: Wanted, id: str | None = None) -> bytes:
    """The body that makes an event of this id, or mends one; all else that an event has is left as it is by a PATCH.

    Guests are never written: a list of them would replace theirs, with their answers, and Google would put the event
    into their own calendars. Raises Refused for what no event can show.
    """
    name, rest = encode(wanted.mark)
    if len(name) > _MAX_VALUE:
        raise Refused(f"the name of this booking has more than {_MAX_VALUE} characters, which no event can carry")
    said = [wanted.attendee, wanted.link, wanted.notes]
    fields: dict[str, Any] = {
        "summary": wanted.title,
        "location": wanted.place,
        "description": "\n".join(part for part in said if part) or None,
        "start": _moment(wanted.start, wanted.zone),
        "end": _moment(wanted.end, wanted.zone),
        "extendedProperties": {"private": {NAME: name, WRITING: rest}},
    }
    if id is not None:
        # A null takes something away, and there is nothing yet.
        fields = {"id": id} | {key: value for key, value in fields.items() if value is not None}
        for side in ("start", "end"):
            fields[side] = {key: value for key, value in fields[side].items() if value is not None}
    body = msgspec.json.encode(fields)
    if len(body) > MAX_EVENT:
        raise Refused(
            f"the event has {len(body):,} bytes, and Google takes no such large one; shorten the booking's notes"
        )
    return body


def _moment(wall_time: str, zone: str) -> dict[str, str | None]:
    """A day, or a second with its offset: which one is meant is never left to how others see a clock that leaps."""
    try:
        if len(wall_time) == len("2026-03-29"):
            return {"date": datetime.fromisoformat(wall_time).date().isoformat(), "dateTime": None, "timeZone": None}
        second = datetime.fromtimestamp(at(wall_time, zone), zones.named(zone))
    except ValueError as error:
        raise Refused(f"the booking's time is none: {error}") from None
    return {"date": None, "dateTime": second.isoformat(), "timeZone": zone}


def read(calendar: str, raw: bytes | msgspec.Raw) -> Event | None:
    """An event as it is now; None where it is cancelled, which is Google's word for deleted.

    Raises Refused for what is no event that can be understood.
    """
    try:
        item = _item(raw)
    except UNREADABLE:
        raise Refused("Google's answer is no event, as events were; did its API change?") from None
    if item.status == _CANCELLED:
        return None
    private = (item.extendedProperties and item.extendedProperties.private) or {}
    if item.etag is None or not _ETAG.fullmatch(item.etag):
        raise Refused(f"event {_shown(item.id)} has no etag that can be sent back; did Google's API change?")
    try:
        taken = _span(item.start, item.end)
        updated = int(datetime.fromisoformat(item.updated).timestamp()) if item.updated else 0
    except (ValueError, OverflowError):
        raise Refused(f"the times of event {_shown(item.id)} can not be read; did Google's API change?") from None
    return Event(
        calendar=calendar,
        id=item.id,
        etag=item.etag,
        mark=decode(private.get(NAME), private.get(WRITING)),
        span=taken,
        zone=_known(item.start.timeZone) if item.start else None,
        title=item.summary or "",
        place=item.location or None,
        updated=updated,
        series=bool(item.recurrence or item.recurringEventId),
        original=bool(_CHOSEN.fullmatch(item.id)),
    )


def _span(start: Moment | None, end: Moment | None) -> Span:
    if start is None or end is None:
        raise ValueError("no time")
    if start.date is not None and end.date is not None:
        return span(start.date, end.date, "")
    return Span(_second(start), _second(end), all_day=False)


def _second(moment: Moment) -> int:
    """The second that a moment is; by its offset, so that nothing hangs on what its zone is called."""
    if moment.dateTime is None:
        raise ValueError("no time")
    told = datetime.fromisoformat(moment.dateTime)
    if told.tzinfo is not None:
        return int(told.timestamp())
    return at(moment.dateTime, moment.timeZone or "")


def second(text: str) -> int:
    """The second that a text with an offset tells. Raises ValueError."""
    return _second(Moment(dateTime=text))


def _known(zone: str | None) -> str | None:
    """The zone, where this machine knows one of that name."""
    try:
        wall(0, zone or "")
    except ValueError:
        return None
    return zone


def shows(event: Event, wanted: Wanted) -> bool:
    """Whether an event shows the time and the place that were wanted; the rest people may word as they like."""
    return event.span == span(wanted.start, wanted.end, wanted.zone) and event.place == (wanted.place or None)


def matches(etag: str) -> Mapping[str, str]:
    """The header by which a change is made only to what the etag knows. Raises Refused for what is no etag."""
    if not _ETAG.fullmatch(etag):
        raise Refused("this is no etag of Google's; read the event again")
    return {"If-Match": etag}


def _shown(id: str) -> str:
    """An event's id as messages call it: Google's own, as far as it is one."""
    return id if re.fullmatch(r"[A-Za-z0-9_@.-]{1,200}", id) else "of a strange id"
