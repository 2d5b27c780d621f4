"""The page on which people book, move, reassign and cancel; with what their calendars show, and who is free."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment

from accord.availability import Stretch
from accord.bookings import at
from accord.sandbox.bookings import desk
from accord.sandbox.bookings.calendars import Shown
from accord.sandbox.bookings.desk import Refusal
from accord.sandbox.bookings.store import Known, Row
from accord.sandbox.wire import Answer

if TYPE_CHECKING:
    from accord.sandbox.bookings.service import Bookings

_HTML = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'self'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_YEARS = 100  # around today that are shown
_BUCHAREST = ZoneInfo(desk.ZONE)
ZONES = (desk.ZONE, "Europe/London", "Europe/Paris", "America/New_York", "Asia/Tokyo", "UTC")


class Column(NamedTuple):
    """A person's day."""

    person: Row
    bookings: list[Row]
    events: list[Shown] | None  # None where the sandbox has no such calendar
    known: Known
    stale: bool


def answer(system: "Bookings", path: str, params: Mapping[str, Any], refusal: str | None = None) -> Answer:
    """The page of a day, or that of one booking. Raises Refusal where there is none such."""
    given = params.get("given", {})
    if path == "/booking":
        row = desk.found(system.store, str(params.get("id", "")))
        return _page(200, booking=row, given=given, refusal=refusal, people=system.store.people())
    if path == "/event":
        seat, event = event_of(system, params)
        if event is None:
            raise Refusal(404, "There is no such event.")
        return _page(200, event=event, seat=seat, at=params)
    if path != "/":
        raise Refusal(404, "There is nothing at this address.")
    now = system.clock.now()
    day = _day(str(params.get("day") or str(given.get("start", ""))[:10]), now)
    low, high = _seconds(day)
    columns = [_column(system, one, low, high) for one in system.store.people()]
    asked = {name: str(params.get(name, "")) for name in ("from", "to")}
    free = _who_is_free(system, asked) if all(asked.values()) else None
    days = {"day": day, "before": day - timedelta(days=1), "after": day + timedelta(days=1)}
    return _page(200, **days, columns=columns, given=given, refusal=refusal, free=free, asked=asked)


def event_of(system: "Bookings", params: Mapping[str, Any]) -> tuple[tuple[str, str], Shown | None]:
    """The event of a calendar that a link speaks of, as it is now; and the account and the calendar."""
    seat = str(params.get("account", "")), str(params.get("calendar", ""))
    low, high = _seconds(_day(str(params.get("day", "")), system.clock.now()))
    shown = system.calendars.shown(*seat, low, high) or []
    return seat, next((one for one in shown if one.id == params.get("id")), None)


def to_day(day: str) -> Answer:
    """Back to the page of a day, which is asked for anew."""
    return Answer(303, {"location": "./?" + urlencode({"day": day})}, b"")


def refused(status: int, why: str) -> Answer:
    """A page that says only why."""
    return _page(status, refusal=why)


def _day(text: str, now: float) -> date:
    today = datetime.fromtimestamp(now, _BUCHAREST).date()
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return day if abs(day.year - today.year) < _YEARS else today


def _seconds(day: date) -> tuple[int, int]:
    return at(day.isoformat(), desk.ZONE), at((day + timedelta(days=1)).isoformat(), desk.ZONE)


def _column(system: "Bookings", person: Row, low: int, high: int) -> Column:
    known = system.store.known(person["person"], low, high)
    events = system.calendars.shown(person["account"], person["calendar"], low, high)
    rows = system.store.bookings(low, high, person["person"])
    middle = Stretch((low + high) // 2, (low + high) // 2 + 1)
    why = system.store.taken(person["person"], middle, system.clock.now())
    return Column(person, rows, events, known, why is not None and why != "the calendar is taken")


def _who_is_free(system: "Bookings", asked: Mapping[str, str]) -> list[tuple[Row, str | None]]:
    """Everybody, with why they are not free; None where they are."""
    found = []
    for person in system.store.people():
        row = {"person": person["person"], "starts_at": asked["from"], "ends_at": asked["to"], "zone": desk.ZONE}
        desk.require_sense(system.store, row | {"title": "?"})
        why = "there is another booking" if desk.another(system.store, row) else None
        found.append((person, why or desk.why_taken(system.store, row, system.clock.now())))
    return found


def _page(status: int, **shown: object) -> Answer:
    return Answer(status, _HTML, _TEMPLATE.render(status=status, zones=ZONES, home=desk.ZONE, **shown).encode())


def _clock(second: float) -> str:
    return datetime.fromtimestamp(second, _BUCHAREST).strftime("%H:%M")


def _wall(second: float) -> str:
    return datetime.fromtimestamp(second, _BUCHAREST).strftime("%Y-%m-%dT%H:%M")


def _date_and_time(second: float) -> str:
    return datetime.fromtimestamp(second, _BUCHAREST).strftime("%d %b %Y, %H:%M %Z")


def _day_of(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).date().isoformat()


_ENVIRONMENT = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.filters |= {"clock": _clock, "wall": _wall, "time": _date_and_time, "day_of": _day_of, "query": urlencode}
_TEMPLATE = _ENVIRONMENT.from_string(files("accord.sandbox.bookings").joinpath("day.html").read_text(encoding="utf-8"))
