"""From Microsoft's events to those that two ways speak of, and back; pure."""

from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

from accord import bookings
from accord.bookings import Span
from accord.calendars import Event, Mark, Wanted, decode, encode
from accord.systems.microsoft import shapes, zones
from accord.zones import named

# The set of Accord's own properties: nobody else uses its id, and no client of Outlook shows it.
_SET = "String {5f0c3c5e-1d0a-4d2b-9a53-2b8f6a0d7c41} Name"
NAME_PROPERTY, REST_PROPERTY = f"{_SET} accordBooking", f"{_SET} accordWriting"

SELECT = "id,subject,start,end,isAllDay,isCancelled,location,lastModifiedDateTime,type,seriesMasterId"
SELECT += ",originalStartTimeZone"
EXPAND = f"singleValueExtendedProperties($filter=id eq '{NAME_PROPERTY}' or id eq '{REST_PROPERTY}')"

_LONGEST = 32_000  # characters: a batch of twenty such stays below the 4 MB that a request may have

_MADE_BY_PEOPLE = ("seriesMaster", "occurrence", "exception")


class Unsound(ValueError):
    """An event that can not be read; the text names the field."""


def event(calendar: str, item: shapes.Item, mark: Mark | None) -> Event:
    """The event that an item shows. Raises Unsound."""
    return Event(
        calendar=calendar,
        id=item.id,
        etag=item.etag,
        mark=mark,
        span=None if item.isCancelled else _span(item),
        zone=zones.iana(item.originalStartTimeZone),
        title=item.subject or "",
        place=(item.location.displayName if item.location else None) or None,
        updated=_second(item.lastModifiedDateTime),
        series=item.type in _MADE_BY_PEOPLE or item.seriesMasterId is not None,
    )


def mark_of(item: shapes.Item) -> Mark | None:
    """The mark that an item carries, where its properties were asked for."""
    carried = {one.id: one.value for one in item.singleValueExtendedProperties or ()}
    return decode(carried.get(NAME_PROPERTY), carried.get(REST_PROPERTY))


def span_of(start: shapes.Moment, end: shapes.Moment) -> Span:
    """The span between two moments that are not days. Raises Unsound."""
    return Span(_at(start), _at(end), False)


def shows(event: Event, wanted: Wanted) -> bool:
    """Whether an event carries the mark of this writing, and is as it was written then; blanks do not count."""
    texts = [" ".join((text or "").split()) for text in (event.title, event.place, wanted.title, wanted.place)]
    span = bookings.span(wanted.start, wanted.end, wanted.zone)
    return (event.mark, event.span, texts[:2]) == (wanted.mark, span, texts[2:])


def fields(wanted: Wanted) -> dict[str, Any]:
    """What is written of an event: nothing else of it is touched. Raises ValueError for what no event can show."""
    if len(text := _text(wanted)) > _LONGEST:
        raise ValueError(f"its notes are longer than {_LONGEST:,} characters")
    all_day = bookings.span(wanted.start, wanted.end, wanted.zone).all_day
    moment = _day if all_day else _moment
    name, rest = encode(wanted.mark)
    return {
        "subject": wanted.title,
        "body": {"contentType": "text", "content": text},
        "start": moment(wanted.start, wanted.zone),
        "end": moment(wanted.end, wanted.zone),
        "isAllDay": all_day,
        "location": {"displayName": wanted.place or ""},
        "singleValueExtendedProperties": [
            {"id": NAME_PROPERTY, "value": name},
            {"id": REST_PROPERTY, "value": rest},
        ],
    }


def transaction(calendar: str, mark: Mark) -> str:
    """What Microsoft knows a repeated making of the same event by."""
    named = "\0".join((mark.name, str(mark.generation), calendar.lower()))
    return str(UUID(bytes=blake2b(named.encode(), digest_size=16).digest(), version=4))


def _text(wanted: Wanted) -> str:
    return "\n\n".join(part for part in (wanted.attendee, wanted.notes, wanted.link) if part)


def _day(day: str, zone: str) -> dict[str, str]:
    return {"dateTime": f"{day}T00:00:00", "timeZone": zones.windows(zone) or "UTC"}


def _moment(wall: str, zone: str) -> dict[str, str]:
    """A wall time as people see it there, by Windows' name of the zone; in UTC where that would not be the same second.

    Windows has no name for some zones, and one with other clocks for a few. Of a time that comes twice it is not
    documented which one Microsoft takes. One that clocks leap over is sent as what they show then.
    """
    second = bookings.at(wall, zone)
    name = zones.windows(zone)
    meant = zones.iana(name)
    if name is None or meant is None:
        return _utc(second)
    shown = bookings.wall(second, meant)
    local = datetime.fromisoformat(shown).replace(tzinfo=named(meant))
    twice = local.utcoffset() != local.replace(fold=1).utcoffset()
    if twice or shown != bookings.wall(second, zone):
        return _utc(second)
    return {"dateTime": shown, "timeZone": name}


def _utc(second: int) -> dict[str, str]:
    return {"dateTime": bookings.wall(second, "UTC"), "timeZone": "UTC"}


def _span(item: shapes.Item) -> Span:
    if item.start is None or item.end is None:
        raise Unsound("no start or no end")
    if item.isAllDay is None and item.type != "occurrence":
        raise Unsound("it is not told whether whole days are taken")
    if not item.isAllDay:
        return span_of(item.start, item.end)
    try:  # midnights, in whichever zone: they are days, and are never converted
        return bookings.span(item.start.dateTime[:10], item.end.dateTime[:10], "UTC")
    except ValueError:
        raise Unsound("start or end is no day") from None


def _at(moment: shapes.Moment) -> int:
    zone = zones.iana(moment.timeZone)
    if zone is None:
        raise Unsound("start or end is in a zone that is not known")
    try:
        return bookings.at(moment.dateTime.partition(".")[0], zone)
    except ValueError:
        raise Unsound("start or end is no time") from None


def _second(told: str | None) -> int:
    """When an event was changed last; 0 where that is not told."""
    try:
        return int(datetime.fromisoformat((told or "").replace("Z", "+00:00")).timestamp())
    except ValueError:
        return 0
