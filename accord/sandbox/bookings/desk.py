"""What people do: book, move, reassign, cancel. What can not be is refused in a sentence."""

import secrets
from collections.abc import Mapping
from typing import Any

from accord.availability import beyond
from accord.bookings import span
from accord.sandbox.bookings.store import Row, Store, stretch

_NAMES = {"start": "starts_at", "end": "ends_at"}
_TEXTS = ("person", "start", "end", "zone", "title", "attendee", "email", "place", "link", "notes")
ZONE = "Europe/Bucharest"


class Refusal(Exception):
    """What was asked for is not done; the text says why, and the status is that of an HTTP answer."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def book(store: Store, given: Mapping[str, Any], now: float) -> Row:
    """Make a booking; `anyway` also where its person's calendar is not known to be free. Raises Refusal."""
    row = {"zone": ZONE, "title": "", "person": "", "starts_at": "", "ends_at": "", **_fields(given)}
    require_sense(store, row)
    _require_free(store, row, None, now, bool(given.get("anyway")))
    row = {"id": f"b_{secrets.token_hex(5)}", **row}
    store.add(row)
    return found(store, row["id"])


def change(store: Store, id: str, given: Mapping[str, Any], now: float) -> Row:
    """Move, reassign, rename or cancel a booking that is of the version that is given. Raises Refusal."""
    before = found(store, id)
    version = str(given.get("version", ""))
    if not version.isdigit():
        raise Refusal(422, "Say the version of the booking that this is about.")
    if before["status"] == "cancelled":
        raise Refusal(409, "This booking is cancelled, and stays so; make another one.")
    values = _fields(given)
    if given.get("status") == "cancelled":
        values = {"status": "cancelled"}
    else:
        require_sense(store, before | values)
        _require_free(store, before | values, before, now, bool(given.get("anyway")))
    if not store.change(id, int(version), values):
        raise Refusal(409, "The booking was changed meanwhile; look at it again.")
    return found(store, id)


def another(store: Store, row: Mapping[str, Any], before: Row | None = None) -> bool:
    """Whether the person has another booking at a booking's time."""
    there = {one["id"] for one in store.bookings(*stretch(row), row["person"]) if one["status"] == "booked"}
    return bool(there - {before["id"]} if before else there)


def why_taken(store: Store, row: Mapping[str, Any], now: float, before: Row | None = None) -> str | None:
    """Why the person's calendar is not known to be free at a booking's time; None where it is.

    A booking that is moved is not in its own way.
    """
    own = stretch(before) if before is not None and before["person"] == row["person"] else None
    asked = (store.taken(row["person"], part, now) for part in beyond(stretch(row), own))
    return next((why for why in asked if why is not None), None)


def found(store: Store, id: str) -> Row:
    """A booking as it is now. Raises Refusal where there is none."""
    row = store.booking(id)
    if row is None:
        raise Refusal(404, "There is no such booking.")
    return row


def _fields(given: Mapping[str, Any]) -> Row:
    fields = {_NAMES.get(name, name): str(given[name]).strip() for name in _TEXTS if given.get(name) is not None}
    return {name: value or None if name in _TEXTS[5:] else value for name, value in fields.items()}


def require_sense(store: Store, row: Mapping[str, Any]) -> None:
    """Raise Refusal where a booking could not be made of this, whoever is free."""
    if row["person"] not in {one["person"] for one in store.people()}:
        raise Refusal(422, "There is nobody of that name.")
    if not row["title"]:
        raise Refusal(422, "Say what the booking is about.")
    try:
        taken = span(row["starts_at"], row["ends_at"], row["zone"])
    except ValueError:
        why = "Start and end are times like 2026-03-29T10:00, or days, in a zone like Europe/Bucharest."
        raise Refusal(422, why) from None
    if taken.end <= taken.start:
        raise Refusal(422, "The booking must end after it starts.")


def _require_free(store: Store, row: Mapping[str, Any], before: Row | None, now: float, anyway: bool) -> None:
    if another(store, row, before):
        raise Refusal(409, f"{row['person']} has another booking then.")
    why = None if anyway else why_taken(store, row, now, before)
    if why is not None:
        raise Refusal(409, f"{row['person']} is not known to be free then: {why}.")
