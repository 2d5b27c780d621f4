"""Every call of the sandbox's Google Calendar: method and path to the function that answers."""

from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from accord.sandbox.google import events, fields, freebusy, lists
from accord.sandbox.google.errors import GoogleError, not_found
from accord.sandbox.google.limits import Settings
from accord.sandbox.google.store import WRITERS, Row, Store
from accord.sandbox.google.tokens import Given
from accord.sandbox.wire import Answer, Ask

PATH = "/calendar/v3"
_JSON = {"content-type": "application/json; charset=UTF-8"}
_ROOT = "https://www.googleapis.com/auth/calendar"
_EVENTS = frozenset((_ROOT, f"{_ROOT}.events"))
_FREE_BUSY = frozenset((_ROOT, f"{_ROOT}.freebusy"))
_PATCH = 3


class Call(NamedTuple):
    """What an answer is made from."""

    store: Store
    settings: Settings
    user: str
    calendar: str
    event: str
    params: dict[str, Any]
    body: dict[str, Any]
    match: str
    none_match: str


class Found(NamedTuple):
    """A call's name in the statistics, the function that does it, who may, and for how many calls it counts."""

    name: str
    do: Callable[[Call], Any]
    scopes: frozenset[str]
    calendar: str = ""
    event: str = ""
    calls: int = 1


def find(method: str, path: str) -> Found:
    """The call for a path; raises 404 where there is none such."""
    match path.removeprefix(PATH).strip("/").split("/"):
        case ["freeBusy"] if method == "POST":
            return Found("POST /freeBusy", _free_busy, _FREE_BUSY)
        case ["calendars", calendar, "events"] if method in _LISTS:
            return Found(f"{method} /events", _LISTS[method], _EVENTS, unquote(calendar))
        case ["calendars", calendar, "events", event] if method in _SINGLES:
            cost = _PATCH if method == "PATCH" else 1
            named = f"{method} /events/…"
            return Found(named, _SINGLES[method], _EVENTS, unquote(calendar), unquote(event), cost)
    raise not_found()


def do(found: Found, store: Store, settings: Settings, ask: Ask, given: Given) -> Answer:
    """Do what is asked, if the token may. Raises GoogleError."""
    if not found.scopes.intersection(given.scopes):
        raise GoogleError(403, "Request had insufficient authentication scopes.", "insufficientPermissions")
    params = parameters(ask.query)
    match = ask.headers.get("if-match", "")
    none_match = ask.headers.get("if-none-match", "")
    call = Call(
        store, settings, given.user, found.calendar, found.event, params, _body(ask, settings), match, none_match
    )
    answer = found.do(call)
    if isinstance(answer, Answer):
        return answer
    if answer is None:
        return Answer(204, {}, b"")
    if "fields" in params:
        answer = fields.masked(answer, fields.parse(str(params["fields"])))
    return Answer(200, _JSON, msgspec.json.encode(answer))


def parameters(query: str) -> dict[str, Any]:
    """The parameters of a query; of those that are repeated, all."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = (
            [*([found[name]] if isinstance(found[name], str) else found[name]), value] if name in found else value
        )
    return found


def _body(ask: Ask, settings: Settings) -> dict[str, Any]:
    """What is written, with a place as maps spell it where that is chosen."""
    if not ask.body:
        return {}
    try:
        given = msgspec.json.decode(ask.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise GoogleError(400, "Parse Error", "parseError") from None
    if settings.respell and isinstance(place := given.get("location"), str):
        given["location"] = place.upper()
    return given


def _free_busy(call: Call) -> Any:
    return freebusy.answer(call.store, call.body, call.user)


def _list(call: Call) -> Any:
    calendar = call.store.calendar(call.calendar, call.user)
    return lists.page(call.store, calendar, call.params, call.settings, call.user)


def _insert(call: Call) -> Row:
    calendar = call.store.calendar(call.calendar, call.user, WRITERS)
    return events.shown(events.insert(call.store, calendar, call.body, call.user), call.params)


def _get(call: Call) -> Row | Answer:
    row = events.get(call.store.calendar(call.calendar, call.user), call.event)
    return Answer(304, {}, b"") if call.none_match == row["etag"] else events.shown(row, call.params)


def _change(change: Callable[[Store, Any, str, dict[str, Any], str], Row]) -> Callable[[Call], Row]:
    def do(call: Call) -> Row:
        calendar = call.store.calendar(call.calendar, call.user, WRITERS)
        return events.shown(change(call.store, calendar, call.event, call.body, call.match), call.params)

    return do


def _delete(call: Call) -> None:
    calendar = call.store.calendar(call.calendar, call.user, WRITERS)
    events.delete(call.store, calendar, call.event, call.match)


_LISTS: dict[str, Callable[[Call], Any]] = {"GET": _list, "POST": _insert}
_SINGLES: dict[str, Callable[[Call], Any]] = {
    "GET": _get,
    "PATCH": _change(events.patch),
    "PUT": _change(events.put),
    "DELETE": _delete,
}
