"""Series: the occurrences of a daily or weekly rule, and what people did to single ones. Other rules are refused."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from accord.sandbox.google import times
from accord.sandbox.google.errors import invalid
from accord.sandbox.google.store import Calendar, Row

_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_KNOWN = frozenset(("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"))
_MOST = 2_000  # occurrences that are ever looked at


def rule(lines: Any) -> dict[str, str]:
    """The rule among an event's recurrence lines; raises 400 for what this sandbox can not expand."""
    found = [line.removeprefix("RRULE:") for line in lines if isinstance(line, str) and line.startswith("RRULE:")]
    if len(found) != 1 or not all(isinstance(line, str) and line[:6] in ("RRULE:", "EXDATE") for line in lines):
        raise invalid("recurrence")
    parts = dict(part.partition("=")[::2] for part in found[0].split(";"))
    days = parts.get("BYDAY", "MO").split(",")
    numbers = (parts.get("INTERVAL", "1"), parts.get("COUNT", "1"))
    if (
        not parts.keys() <= _KNOWN
        or parts.get("FREQ") not in ("DAILY", "WEEKLY")
        or not set(days) <= set(_DAYS)
        or not all(number.isdigit() and int(number) for number in numbers)
    ):
        raise invalid("recurrence")
    return parts


def starts(row: Row, own_zone: str) -> Iterator[datetime]:
    """When each occurrence begins, at the same wall time in the event's zone; without those of an EXDATE."""
    parts = rule(row["recurrence"])
    first = times.moment(row["start"], own_zone)
    left_out = {day for line in row["recurrence"] if line.startswith("EXDATE") for day in _exdates(line)}
    until = parts.get("UNTIL", "99991231T235959Z").removesuffix("Z")
    interval, weekly = int(parts.get("INTERVAL", "1")), parts["FREQ"] == "WEEKLY"
    days = parts.get("BYDAY", _DAYS[first.weekday()] if weekly else ",".join(_DAYS)).split(",")
    monday, found = first.date() - timedelta(days=first.weekday()), 0
    for step in range(_MOST):
        # By wall time: adding days to an aware time leaves the clock where it was.
        start = first + timedelta(days=step)
        periods = (start.date() - monday).days // 7 if weekly else step
        if periods % interval or _DAYS[start.weekday()] not in days:
            continue
        found += 1
        if _stamp(start, row).removesuffix("Z") > until or found > int(parts.get("COUNT", str(_MOST))):
            return
        if _stamp(start, row) not in left_out:
            yield start


def _exdates(line: str) -> Iterator[str]:
    head, _, dates = line.partition(":")
    name = head.partition("TZID=")[2]
    for day in dates.split(","):
        if name:
            local = datetime.strptime(day, "%Y%m%dT%H%M%S").replace(tzinfo=times.zone(name))
            yield local.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        else:
            yield day


def _stamp(start: datetime, row: Row) -> str:
    """How an occurrence is told apart from the others of its series."""
    return start.strftime("%Y%m%d") if "date" in row["start"] else start.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def occurrence(calendar: Calendar, id: str) -> Row | None:
    """One occurrence of a series by its id, as it is now; None where there is none such."""
    series, _, stamp = id.rpartition("_")
    row = calendar.events.get(series)
    if row is None or row["status"] == "cancelled" or "recurrence" not in row:
        return None
    begins = next((start for start in starts(row, calendar.time_zone) if _stamp(start, row) == stamp), None)
    return None if begins is None else _single(calendar, row, begins)


def _single(calendar: Calendar, row: Row, begins: datetime) -> Row:
    own = times.moment(row["start"], calendar.time_zone), times.moment(row["end"], calendar.time_zone)
    ends = begins + (own[1].replace(tzinfo=None) - own[0].replace(tzinfo=None))
    made = {key: value for key, value in row.items() if key != "recurrence"}
    for side, at in (("start", begins), ("end", ends)):
        if "date" in row["start"]:
            made[side] = {"date": at.date().isoformat()}
        else:
            made[side] = row[side] | {"dateTime": at.isoformat(timespec="seconds")}
    same = {"recurringEventId": row["id"], "originalStartTime": made["start"]}
    return made | same | {"id": f"{row['id']}_{_stamp(begins, row)}"}


def expanded(calendar: Calendar, low: float, high: float) -> Iterator[Row]:
    """Single events and occurrences that take time between two seconds."""
    for row in calendar.living():
        if "recurrence" not in row:
            start, end = times.bounds(row, calendar.time_zone)
            if start < high and end > low:
                yield row
            continue
        for begins in starts(row, calendar.time_zone):
            if begins.timestamp() >= high:
                break
            made = _single(calendar, row, begins)
            if made["id"] not in calendar.events and times.bounds(made, calendar.time_zone)[1] > low:
                yield made
