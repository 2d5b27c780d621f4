"""The booking system's JSON API, below /v1: people, bookings, and who is free."""

from collections.abc import Mapping
from typing import Any

import msgspec

from accord.bookings import at
from accord.sandbox.bookings import desk
from accord.sandbox.bookings.desk import Refusal
from accord.sandbox.bookings.store import Row, Store
from accord.sandbox.switches import as_json
from accord.sandbox.wire import Answer, Ask

_SHOWN = ("id", "version", "person", "attendee", "email", "status", "zone", "title", "place", "link", "notes")
_MOST_DAYS = 92


def answer(store: Store, ask: Ask, params: Mapping[str, Any], now: float) -> Answer:
    """Answer a request below /v1; what can not be done says why."""
    _, _, what, *rest = [*ask.path.split("/"), ""]
    id = rest[0]
    match ask.method, what, bool(id):
        case "GET", "people", False:
            return as_json(200, {"people": [_known(store, one) for one in store.people()]})
        case "GET", "bookings", False:
            found = store.bookings(*_days(params), params.get("person"))
            return as_json(200, {"bookings": [_shown(row) for row in found]})
        case "POST", "bookings", False:
            return as_json(201, _shown(desk.book(store, _given(ask), now)))
        case "GET", "bookings", True:
            return as_json(200, _shown(desk.found(store, id)))
        case "PATCH", "bookings", True:
            return as_json(200, _shown(desk.change(store, id, _given(ask), now)))
        case "GET", "free", False:
            return as_json(200, _free(store, params, now))
    raise Refusal(404, "There is nothing at this address.")


def _given(ask: Ask) -> dict[str, Any]:
    try:
        return msgspec.json.decode(ask.body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise Refusal(400, "The body must be a JSON object.") from None


def _shown(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in _SHOWN} | {"start": row["starts_at"], "end": row["ends_at"]}


def _known(store: Store, person: Row) -> dict[str, Any]:
    known = store.known(person["person"], 0, 0)
    return person | {"as_of": known.as_of, "unknown": known.unknown}


def _days(params: Mapping[str, Any]) -> tuple[int, int]:
    """The seconds of `from` up to `to`, which are days, or wall times in Bucharest."""
    try:
        low, high = (at(str(params[name]), desk.ZONE) for name in ("from", "to"))
    except (KeyError, ValueError):
        raise Refusal(422, "Say from and to, as days such as 2026-11-26.") from None
    if not 0 < high - low <= _MOST_DAYS * 86_400:
        raise Refusal(422, f"to is after from, by {_MOST_DAYS} days at most.")
    return low, high


def _free(store: Store, params: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Whether somebody is free, for a new booking or one that is to be moved."""
    row = {"person": str(params.get("person", "")), "zone": str(params.get("zone", desk.ZONE)), "title": "?"}
    row |= {"starts_at": str(params.get("start", "")), "ends_at": str(params.get("end", ""))}
    desk.require_sense(store, row)
    before = desk.found(store, str(params["booking"])) if "booking" in params else None
    why = "there is another booking" if desk.another(store, row, before) else desk.why_taken(store, row, now, before)
    return {"free": why is None, "why": why, "as_of": store.known(row["person"], 0, 0).as_of}
