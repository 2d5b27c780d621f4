"""Start and end of events: what is taken, how it is shown, and which seconds they are."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from accord.sandbox.google.errors import GoogleError, invalid


def zone(name: object) -> ZoneInfo:
    """A zone by its IANA name; raises 400."""
    try:
        return ZoneInfo(str(name))
    except (KeyError, OSError, ValueError):
        raise GoogleError(400, f"Invalid time zone definition for {name}") from None


def checked(row: dict[str, Any], own_zone: str) -> None:
    """Bring start and end into the form in which they are shown; raises 400 where they are no stretch of time."""
    for side in ("start", "end"):
        given = row.get(side)
        if not isinstance(given, dict):
            raise GoogleError(400, f"Missing {side} time.", "required")
        row[side] = _shown({key: value for key, value in given.items() if value is not None}, side, own_zone)
    if ("date" in row["start"]) != ("date" in row["end"]):
        raise GoogleError(400, "The start and end times must either both be date or both be dateTime.")
    if row.get("recurrence") and "timeZone" not in row["start"] and "date" not in row["start"]:
        raise GoogleError(400, "Missing time zone definition for start time.", "required")
    start, end = bounds(row, own_zone)
    if end < start or ("date" in row["start"] and end == start):
        raise GoogleError(400, "The specified time range is empty.", "timeRangeEmpty")


def _shown(given: dict[str, Any], side: str, own_zone: str) -> dict[str, Any]:
    if ("date" in given) == ("dateTime" in given):
        raise GoogleError(400, f"Invalid {side} time.")
    try:
        if "date" in given:
            return {"date": date.fromisoformat(str(given["date"])).isoformat()}
        told = datetime.fromisoformat(str(given["dateTime"]))
    except ValueError:
        raise invalid(f"{side}.{'date' if 'date' in given else 'dateTime'}") from None
    if told.tzinfo is None:
        if "timeZone" not in given:
            raise GoogleError(400, f"Missing time zone definition for {side} time.", "required")
        told = told.replace(tzinfo=zone(given["timeZone"]))
    shown = {"dateTime": told.astimezone(ZoneInfo(own_zone)).isoformat(timespec="seconds")}
    if "timeZone" in given:
        zone(given["timeZone"])
        shown["timeZone"] = str(given["timeZone"])
    return shown


def moment(side: dict[str, Any], own_zone: str) -> datetime:
    """The moment of a start or end, a day's being that of its midnight in the calendar's zone; aware."""
    if "date" in side:
        return datetime.combine(date.fromisoformat(side["date"]), datetime.min.time(), ZoneInfo(own_zone))
    told = datetime.fromisoformat(side["dateTime"])
    return told.astimezone(zone(side.get("timeZone", own_zone)))


def bounds(row: dict[str, Any], own_zone: str) -> tuple[float, float]:
    """The seconds that an event takes."""
    return moment(row["start"], own_zone).timestamp(), moment(row["end"], own_zone).timestamp()


def parameter(params: dict[str, Any], name: str) -> float | None:
    """The second that a parameter names, None where there is none; raises 400 for one without an offset."""
    if name not in params:
        return None
    try:
        told = datetime.fromisoformat(str(params[name]).replace(" ", "+"))
    except ValueError:
        raise GoogleError(400, "Bad Request", "badRequest", name) from None
    if told.tzinfo is None:
        raise GoogleError(400, "Bad Request", "badRequest", name)
    return told.timestamp()


def in_utc(second: float) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
