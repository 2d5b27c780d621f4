"""Single events: made, read, mended, replaced and deleted, with Google's checks of ids, etags, times and properties."""

import re
from typing import Any

import msgspec

from accord.sandbox.google import recurring, times
from accord.sandbox.google.errors import GoogleError, invalid, not_found
from accord.sandbox.google.store import Calendar, Row, Store, stamp

_ID = re.compile(r"[a-v0-9]{5,1024}")
_GIVEN = frozenset(("kind", "etag", "created", "updated", "creator", "organizer", "iCalUID", "htmlLink"))
"""What Google says of an event; what a caller says of it is left unheard."""
_ALWAYS = ("id", "kind", "created", "creator", "organizer", "iCalUID", "htmlLink", "recurringEventId")
_MOST_KEY, _MOST_VALUE, _MOST_PROPERTIES, _MOST_BYTES = 44, 1_024, 300, 32_768


def insert(store: Store, calendar: Calendar, body: dict[str, Any], user: str) -> Row:
    """Make an event, under the id that the caller chose if it chose one."""
    given = {key: value for key, value in body.items() if key not in _GIVEN and value is not None}
    id = given.pop("id", None) or f"made{store.version:026d}"
    if not isinstance(id, str) or not _ID.fullmatch(id):
        raise GoogleError(400, "Invalid resource id value.")
    if id in calendar.events:
        raise GoogleError(409, "The requested identifier already exists.", "duplicate")
    row = {
        "kind": "calendar#event",
        "id": id,
        "status": "confirmed",
        "htmlLink": f"https://www.google.com/calendar/event?eid={id}",
        "created": stamp(store.now()),
        "creator": {"email": user},
        "organizer": {"email": calendar.id, "self": True},
        "iCalUID": f"{id}@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
        **given,
    }
    return store.keep(calendar, _checked(row, calendar))


def get(calendar: Calendar, id: str) -> Row:
    """An event, or what is left of one; raises 404."""
    found = calendar.events.get(id) or recurring.occurrence(calendar, id)
    if found is None:
        raise not_found()
    return found


def patch(store: Store, calendar: Calendar, id: str, body: dict[str, Any], match: str) -> Row:
    """Merge into an event: a null takes away, a list takes the place of the list that was there."""
    row = _writable(calendar, id, match, body)
    given = {key: value for key, value in body.items() if key not in _GIVEN and key != "id"}
    return store.keep(calendar, _checked(_merged(row, given), calendar))


def put(store: Store, calendar: Calendar, id: str, body: dict[str, Any], match: str) -> Row:
    """Replace an event: what is not given is gone."""
    row = _writable(calendar, id, match, body)
    kept = {key: row[key] for key in _ALWAYS if key in row}
    usual = {"status": "confirmed", "sequence": row.get("sequence", 0), "eventType": "default"}
    given = {key: value for key, value in body.items() if key not in _GIVEN and key != "id" and value is not None}
    return store.keep(calendar, _checked(kept | usual | {"reminders": {"useDefault": True}} | given, calendar))


def delete(store: Store, calendar: Calendar, id: str, match: str) -> None:
    """Leave a tombstone, whose id stays taken; of an occurrence, one that tells which it was."""
    row = get(calendar, id)
    if row["status"] == "cancelled":
        raise GoogleError(410, "Resource has been deleted")
    _match(row, match)
    told = ("kind", "id", "recurringEventId", "originalStartTime")
    # With a series goes what people made of its occurrences.
    own = [one for one in calendar.living() if one.get("recurringEventId") == id] if "recurrence" in row else []
    for one in [row, *own]:
        store.keep(calendar, {key: one[key] for key in told if key in one} | {"status": "cancelled"})


def _writable(calendar: Calendar, id: str, match: str, body: dict[str, Any]) -> Row:
    row = get(calendar, id)
    _match(row, match)
    if row["status"] == "cancelled" and body.get("status") != "confirmed":
        raise GoogleError(410, "Resource has been deleted")
    return row


def _match(row: Row, match: str) -> None:
    if match and match != "*" and match != row["etag"]:
        raise GoogleError(412, "Precondition Failed")


def _merged(old: Any, new: Any) -> Any:
    """JSON merge patch (RFC 7396)."""
    if not isinstance(new, dict):
        return new
    merged = dict(old) if isinstance(old, dict) else {}
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _checked(row: Row, calendar: Calendar) -> Row:
    """The event as it is kept. Raises 400."""
    if row.get("status") not in ("confirmed", "tentative"):
        raise invalid("status")
    times.checked(row, calendar.time_zone)
    if row.get("recurrence"):
        recurring.rule(row["recurrence"])
    for name in ("summary", "location", "description"):
        if not isinstance(row.get(name, ""), str):
            raise invalid(name)
    _check_properties(row.get("extendedProperties", {}))
    return row


def _check_properties(given: Any) -> None:
    if not isinstance(given, dict):
        raise invalid("extendedProperties")
    flat = [pair for part in given.values() if isinstance(part, dict) for pair in part.items()]
    fits = all(
        isinstance(value, str) and 0 < len(key) <= _MOST_KEY and len(value) <= _MOST_VALUE for key, value in flat
    )
    if not fits or len(flat) > _MOST_PROPERTIES or len(msgspec.json.encode(given)) > _MOST_BYTES:
        raise invalid("extendedProperties")


def shown(row: Row, params: dict[str, Any]) -> Row:
    """An event as this caller wants to see it: with no more guests than so many."""
    most = params.get("maxAttendees")
    guests = row.get("attendees", [])
    if most is None or len(guests) <= int(most):
        return row
    own = [guest for guest in guests if guest.get("self")]
    return row | {"attendees": own, "attendeesOmitted": True}
