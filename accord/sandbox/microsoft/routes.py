"""Every call of the sandbox's Graph: method and path to the function that answers."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from accord.sandbox.forms import decode
from accord.sandbox.microsoft import events, lists, schedule, times
from accord.sandbox.microsoft.errors import GraphError, invalid
from accord.sandbox.microsoft.events import View
from accord.sandbox.microsoft.limits import Settings
from accord.sandbox.microsoft.store import Event, Mailbox, Store


class Call(NamedTuple):
    """One request, or one part of a batch: the path is below the version, header names are in lower case."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]

    @property
    def address(self) -> str:
        """The mailbox that it is of, "me" for that of the account that signed in; "" where it is of none."""
        steps = self.path.strip("/").split("/")
        return unquote(steps[1]).lower() if steps[0] == "users" and len(steps) > 1 else "me" if steps[0] == "me" else ""

    @property
    def name(self) -> str:
        """As it is counted: without whose it is, and without ids."""
        path = re.sub(r"^/(users/[^/]+|me)", "", self.path)
        return f"{self.method} {re.sub(r'/events/[^/]+', '/events/ID', path)[:60]}"


class Told(NamedTuple):
    """Status and body, which is None where there is none."""

    status: int
    body: dict[str, Any] | None


def answer(store: Store, settings: Settings, call: Call, who: str, base: str) -> Told:
    """Do a call for the app ("") or the account that signed in; raises GraphError. `base` is what links begin with."""
    steps = call.path.strip("/").split("/")
    address = call.address
    if address == "me":
        if not who:
            raise invalid("/me request is only valid with delegated authentication flow.", "BadRequest")
        address, rest = who, steps[1:]
    else:
        rest = steps[2:]
    if not address or (who and address != who.lower()):
        raise GraphError(403 if address else 404, "ErrorAccessDenied" if address else "BadRequest", "Not this one.")
    mailbox = store.mailbox(address)
    view = _view(call.headers.get("prefer", ""), settings)
    listed = lists.Listed(mailbox, _params(call.query), view, settings, base + call.path)
    if rest[:1] == ["calendar"]:
        rest = rest[1:]
    match (call.method, *rest):
        case ("GET",):
            return Told(200, {"id": "calendar", "name": "Calendar", "canEdit": True, "owner": {"address": address}})
        case ("POST", "getSchedule"):
            return Told(200, schedule.answer(store, _body(call), view))
        case ("GET", "calendarView"):
            return Told(200, lists.view(listed))
        case ("GET", "calendarView", "delta"):
            return Told(200, lists.delta(listed))
        case ("GET", "events"):
            return Told(200, lists.events(listed))
        case ("POST", "events"):
            made = events.create(store, mailbox, _written(call, settings), settings)
            return Told(201, events.show(mailbox, made, view))
        case (_, "events", id, *more):
            return _event(store, mailbox, call, mailbox.reach(unquote(id)), more, listed)
    raise GraphError(404, "BadRequest", "Resource not found for the segment.")


def _event(store: Store, mailbox: Mailbox, call: Call, event: Event, more: list[str], listed: lists.Listed) -> Told:
    params, settings = listed.params, listed.settings
    match (call.method, *more):
        case ("GET",):
            select, expand = str(params.get("$select", "")), str(params.get("$expand", ""))
            return Told(200, events.show(mailbox, event, listed.view, select, expand))
        case ("PATCH",):
            given = _written(call, settings)
            events.check_etag(event, call.headers.get("if-match"))
            return Told(200, events.show(mailbox, events.patch(store, mailbox, event, given), listed.view))
        case ("DELETE",):
            events.check_there(mailbox, event)
            events.check_etag(event, call.headers.get("if-match"))
            store.delete(mailbox, event, settings.deleted_items)
            return Told(204, None)
        case ("POST", "cancel"):
            events.check_there(mailbox, event)
            events.check_organizer(mailbox, event)
            store.delete(mailbox, event, settings.deleted_items)
            return Told(202, None)
    raise GraphError(405, "BadRequest", "The method is not allowed.")


def _view(prefer: str, settings: Settings) -> View:
    zone = re.search(r'outlook\.timezone="([^"]*)"', prefer)
    page = re.search(r"odata\.maxpagesize=(\d{1,4})", prefer)
    if zone:
        times.zone(zone[1])
    immutable = 'IdType="ImmutableId"' in prefer and not settings.volatile_ids
    text = 'outlook.body-content-type="text"' in prefer
    return View(immutable, zone[1] if zone else "UTC", int(page[1]) if page else 10, text)


def _params(query: str) -> dict[str, Any]:
    """Parameters of the query; brackets mean nothing in them."""
    return {name: value for name, value in decode(query).items() if isinstance(value, str)}


def _written(call: Call, settings: Settings) -> dict[str, Any]:
    """The fields that are written, with a place as the directory spells it where that is chosen."""
    given = _body(call)
    if settings.respell and isinstance(place := given.get("location"), dict):
        given["location"] = place | {"displayName": str(place.get("displayName") or "").upper()}
    return given


def _body(call: Call) -> dict[str, Any]:
    try:
        return msgspec.json.decode(call.body, type=dict[str, Any])
    except msgspec.DecodeError:
        raise invalid("Unable to read JSON request payload.", "BadRequest") from None
