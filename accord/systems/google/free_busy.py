"""When people are taken, as Google tells it (developers.google.com/calendar/api/v3/reference/freebusy). Pure."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from accord.bookings import Span
from accord.calendars import Busy
from accord.systems.google import translate
from accord.systems.google.shapes import Calendar, FreeBusy


def question(calendars: Sequence[str], start: int, end: int) -> bytes:
    """What is asked of these calendars."""
    items = [{"id": calendar} for calendar in calendars]
    return msgspec.json.encode({"timeMin": _instant(start), "timeMax": _instant(end), "items": items})


def read(told: FreeBusy, calendars: Sequence[str]) -> dict[str, Busy]:
    """What was answered of each. Whatever is not told plainly is unknown, never free."""
    return {calendar: _one(told.calendars.get(calendar)) for calendar in calendars}


def _one(told: Calendar | None) -> Busy:
    if told is None:
        return Busy((), "Google did not answer for this calendar")
    if told.errors:
        return Busy((), f"Google does not tell: {told.errors[0].reason or 'no reason given'}")
    try:
        return Busy([Span(*stretch, all_day=False) for stretch in _stretches(told)])
    except (ValueError, OverflowError):
        return Busy((), "Google's answer has times that can not be read")


def _stretches(told: Calendar) -> Iterator[tuple[int, int]]:
    for stretch in told.busy:
        yield translate.second(stretch.start), translate.second(stretch.end)


def _instant(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
