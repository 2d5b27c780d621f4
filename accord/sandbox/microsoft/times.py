"""Moments as Graph writes them: wall time with seven decimals and a zone, by Windows' or IANA's name for it."""

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from tzlocal.windows_tz import win_tz

from accord.sandbox.microsoft.errors import invalid

_WALL = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,7})?")


def zone(name: object) -> ZoneInfo:
    """Raises GraphError for a zone that Microsoft does not know."""
    try:
        return ZoneInfo(win_tz.get(str(name), str(name)))
    except (KeyError, OSError, ValueError):
        raise invalid("The TimeZone is not valid.", "ErrorInvalidTimeZone") from None


def read(given: Any, field: str, floating: bool = False) -> tuple[int, str]:
    """The second of a moment, and the zone's name as it was given; `floating` takes no notice of the zone."""
    if not isinstance(given, dict) or not isinstance(given.get("dateTime"), str):
        raise invalid(f"At least one property failed validation: {field}.", "ErrorPropertyValidationFailure")
    match = _WALL.fullmatch(given["dateTime"])
    if match is None:
        raise invalid(f"The value of {field} is no date and time.", "ErrorPropertyValidationFailure")
    name = str(given.get("timeZone") or "UTC")
    local = datetime.fromisoformat(match[1]).replace(tzinfo=UTC if floating else zone(name))
    zone(name)
    return int(local.timestamp()), name


def show(second: int, name: str, floating: bool = False) -> dict[str, str]:
    """A second as wall time of a zone."""
    local = datetime.fromtimestamp(second, UTC if floating else zone(name))
    return {"dateTime": f"{local.replace(tzinfo=None).isoformat()}.0000000", "timeZone": name}


def stamp(second: float) -> str:
    return datetime.fromtimestamp(int(second), UTC).strftime("%Y-%m-%dT%H:%M:%S.0000000Z")


def bound(text: object, field: str) -> int:
    """A bound of a view: UTC where it has no offset; raises GraphError."""
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise invalid(f"This request requires a time window specified by {field}.") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
