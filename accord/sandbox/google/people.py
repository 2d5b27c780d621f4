"""What people do in their calendars, by hand: an event of their own, another time, title or place."""

from typing import Any

from accord.sandbox.google import events
from accord.sandbox.google.store import Calendar, Row, Store


def found(store: Store, calendar: str) -> Calendar:
    """A calendar, whoever asks; raises ValueError where there is none such."""
    if calendar not in store.calendars:
        raise ValueError(f"no such calendar; there are {', '.join(store.calendars)}")
    return store.calendars[calendar]


def make(store: Store, given: dict[str, Any]) -> Row:
    """An event of somebody's own: calendar, start, end, and as they like title, place, zone and rule (FREQ=WEEKLY…)."""
    calendar = found(store, str(given.get("calendar", "")))
    body = _body(given, calendar)
    if "rule" in given:
        body["recurrence"] = [f"RRULE:{given['rule']}"]
    return events.insert(store, calendar, {"summary": "Own event"} | body, calendar.id)


def change(store: Store, given: dict[str, Any]) -> Row:
    """Another start and end, title, place, notes, or guests (a list of mail addresses) of the event `id`."""
    calendar = found(store, str(given.get("calendar", "")))
    return events.patch(store, calendar, str(given.get("id", "")), _body(given, calendar), "")


def _body(given: dict[str, Any], calendar: Calendar) -> dict[str, Any]:
    names = {"title": "summary", "place": "location", "notes": "description"}
    body: dict[str, Any] = {names[key]: str(value) for key, value in given.items() if key in names}
    if ("start" in given) != ("end" in given):
        raise ValueError("give both start and end: days, or wall times such as 2026-03-29T10:00:00")
    zone = str(given.get("zone", calendar.time_zone))
    for side in ("start", "end"):
        if side in given:
            day = len(str(given[side])) == len("2026-03-29")
            body[side] = {"date": given[side], "dateTime": None, "timeZone": None} if day else _at(given[side], zone)
    guests = given.get("guests")
    if guests is not None:
        listed = guests if isinstance(guests, list) else [guests]
        body["attendees"] = [{"email": str(one), "responseStatus": "accepted"} for one in listed]
    return body


def _at(wall: object, zone: str) -> dict[str, Any]:
    return {"dateTime": str(wall), "timeZone": zone, "date": None}
