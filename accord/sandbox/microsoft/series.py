"""The dates of a series: by its wall time, so that clocks that are moved do not move it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from accord.sandbox.microsoft import times
from accord.sandbox.microsoft.errors import invalid
from accord.sandbox.microsoft.store import Event

_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MOST = 10_000  # days of a series that are looked at


def check(recurrence: object) -> None:
    """Raises GraphError for a pattern that this sandbox does not know; there are daily and weekly ones."""
    try:
        pattern, ends = recurrence["pattern"], recurrence["range"]  # type: ignore[index]
        known = pattern["type"] in ("daily", "weekly") and ends["type"] in ("endDate", "noEnd", "numbered")
        date.fromisoformat(ends["startDate"])
        date.fromisoformat(ends["endDate"]) if ends["type"] == "endDate" else None
        int(pattern.get("interval", 1))
    except (KeyError, TypeError, ValueError, AttributeError):
        known = False
    if not known:
        raise invalid("The recurrence is not valid.", "ErrorPropertyValidationFailure")


def dates(event: Event, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """The occurrences that overlap [start, end): id, start and end of each."""
    for number, day in enumerate(_days(event)):
        begins = _moved(event, event.start, day)
        lasts = event.end - event.start
        if begins >= end:
            return
        if begins + lasts > start:
            yield f"{event.id}.{number}", begins, begins + lasts


def _days(event: Event) -> Iterator[date]:
    recurrence = event.recurrence or {}
    pattern, ends = recurrence["pattern"], recurrence["range"]
    first = date.fromisoformat(ends["startDate"])
    last = date.fromisoformat(ends["endDate"]) if ends["type"] == "endDate" else date.max
    most = int(ends.get("numberOfOccurrences", 1)) if ends["type"] == "numbered" else _MOST
    interval, given = max(1, int(pattern.get("interval", 1))), 0
    wanted = [_DAYS.index(day) for day in pattern.get("daysOfWeek", [_DAYS[first.isoweekday() % 7]])]
    for ahead in range(_MOST):
        day = first + timedelta(days=ahead)
        if day > last or given >= most:
            return
        daily = pattern["type"] == "daily"
        fits = ahead % interval == 0 if daily else _week(first, day) % interval == 0 and day.isoweekday() % 7 in wanted
        if fits:
            given += 1
            yield day


def _week(first: date, day: date) -> int:
    sunday = first - timedelta(days=first.isoweekday() % 7)
    return (day - sunday).days // 7


def _moved(event: Event, second: int, day: date) -> int:
    zone = times.zone("UTC" if event.all_day else event.zone)
    clock = datetime.fromtimestamp(second, zone).time()
    return int(datetime.combine(day, clock, zone).timestamp())
