"""When people are taken: the times of their events, series expanded, what overlaps in one piece."""

from typing import Any

from accord.sandbox.google import recurring, times
from accord.sandbox.google.errors import GoogleError, invalid
from accord.sandbox.google.store import READERS, Calendar, Store

_MOST = 50


def answer(store: Store, body: dict[str, Any], user: str) -> dict[str, Any]:
    """What is told of each calendar; one that fails says why, and the answer is a 200 all the same."""
    low, high = times.parameter(body, "timeMin"), times.parameter(body, "timeMax")
    if low is None or high is None:
        raise GoogleError(400, "Missing required field", "required")
    if low >= high:
        raise GoogleError(400, "The specified time range is empty.", "timeRangeEmpty")
    items = body.get("items")
    if not isinstance(items, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in items
    ):
        raise invalid("items")
    told: dict[str, Any] = {}
    for number, item in enumerate(items):
        calendar = store.calendars.get(user if item["id"] == "primary" else item["id"])
        reason = "tooManyCalendarsRequested" if number >= _MOST else _reason(calendar, user)
        if reason or calendar is None:
            told[item["id"]] = {"errors": [{"domain": "global", "reason": reason}], "busy": []}
        else:
            told[item["id"]] = {"busy": _busy(calendar, low, high)}
    asked = {"timeMin": times.in_utc(low), "timeMax": times.in_utc(high)}
    return {"kind": "calendar#freeBusy", **asked, "calendars": told}


def _reason(calendar: Calendar | None, user: str) -> str:
    if calendar is None or calendar.gone or calendar.role(user) not in READERS | {"freeBusyReader"}:
        return "notFound"
    return calendar.silent


def _busy(calendar: Calendar, low: float, high: float) -> list[dict[str, str]]:
    taken = sorted(
        times.bounds(row, calendar.time_zone)
        for row in recurring.expanded(calendar, low, high)
        if row.get("transparency") != "transparent"
    )
    pieces: list[list[float]] = []
    for start, end in taken:
        start, end = max(start, low), min(end, high)
        if pieces and start <= pieces[-1][1]:
            pieces[-1][1] = max(end, pieces[-1][1])
        else:
            pieces.append([start, end])
    return [{"start": times.in_utc(start), "end": times.in_utc(end)} for start, end in pieces]
