"""The sandbox's own switches beside Graph, below `/_admin`: what a person does in Outlook, tokens, settings, truth."""

from typing import Any

import msgspec

from accord.sandbox import switches
from accord.sandbox.microsoft import events
from accord.sandbox.microsoft.errors import GraphError
from accord.sandbox.microsoft.events import View
from accord.sandbox.microsoft.limits import Settings
from accord.sandbox.microsoft.service import Microsoft
from accord.sandbox.microsoft.store import Event, Mailbox
from accord.sandbox.wire import Answer, Ask

_SEEN = View(immutable=True)
_DEATHS = ("410", "410-location", "400", "404")
_ACCESS = ("", "denied", "disabled", "silent")


def answer(microsoft: Microsoft, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    return switches.answer(_SWITCHES, microsoft, ask, (GraphError, KeyError))


def truth(microsoft: Microsoft, _: dict[str, Any], __: str) -> Any:
    """Who there is, and how many events each has."""
    boxes = microsoft.store.mailboxes.values()
    people = {one.address: {"name": one.name, "events": len(one.events), "access": one.access} for one in boxes}
    return {"now": int(microsoft.clock.now()), "people": people}


def _mailbox(microsoft: Microsoft, given: dict[str, Any]) -> Mailbox:
    found = microsoft.store.mailboxes.get(str(given.get("mailbox", "")).lower())
    if found is None:
        raise ValueError(f"mailbox is one of {', '.join(microsoft.store.mailboxes)}")
    return found


def _found(microsoft: Microsoft, given: dict[str, Any]) -> tuple[Mailbox, Event]:
    mailbox = _mailbox(microsoft, given)
    return mailbox, mailbox.find(str(given.get("id", "")))


def _times(given: dict[str, Any]) -> dict[str, Any]:
    """start and end as wall times of `zone`, or as days."""
    zone = str(given.get("zone", "Europe/Bucharest"))
    found: dict[str, Any] = {}
    for field in ("start", "end"):
        if field in given:
            text = str(given[field])
            found["isAllDay"] = "T" not in text
            found[field] = {"dateTime": text if "T" in text else f"{text}T00:00:00", "timeZone": zone}
    return found


def _list(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    """The events of a mailbox, with all of their properties, without a token."""
    mailbox = _mailbox(microsoft, given)
    return {
        "value": [events.show(mailbox, one, _SEEN) | {"properties": one.properties} for one in mailbox.events.values()]
    }


def _make(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    mailbox = _mailbox(microsoft, given)
    fields = {"subject": given.get("subject", ""), "location": {"displayName": given.get("place", "")}, **_times(given)}
    if "recurrence" in given:
        fields["recurrence"] = given["recurrence"]
    return events.show(mailbox, events.create(microsoft.store, mailbox, fields, Settings()), _SEEN)


def _move(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    mailbox, event = _found(microsoft, given)
    return events.show(mailbox, events.patch(microsoft.store, mailbox, event, _times(given)), _SEEN)


def _retitle(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    mailbox, event = _found(microsoft, given)
    fields: dict[str, Any] = {"subject": given["subject"]} if "subject" in given else {}
    if "place" in given:
        fields["location"] = {"displayName": given["place"]}
    return events.show(mailbox, events.patch(microsoft.store, mailbox, event, fields), _SEEN)


def _delete(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    mailbox, event = _found(microsoft, given)
    microsoft.store.delete(mailbox, event, microsoft.settings.deleted_items)
    return {"deleted": event.id}


def _cancel(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    """As an organizer elsewhere does it: the event stays, and says that it is cancelled."""
    mailbox, event = _found(microsoft, given)
    event.cancelled = True
    microsoft.store.touch(mailbox, event)
    return events.show(mailbox, event, _SEEN)


def _file(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    """Move an event to another folder and back, which gives it another id of the ordinary kind."""
    mailbox, event = _found(microsoft, given)
    event.moves += 1
    microsoft.store.touch(mailbox, event)
    return {"id": event.volatile, "immutable": event.id}


def _expire(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    """End all delta tokens of a mailbox, in one of Graph's ways to say so."""
    mailbox, how = _mailbox(microsoft, given), str(given.get("how", "410"))
    if how not in _DEATHS:
        raise ValueError(f"how is one of {', '.join(_DEATHS)}")
    mailbox.tokens += 1
    mailbox.death = how
    microsoft.store.version += 1
    return {"mailbox": mailbox.address, "how": how}


def _access(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    mailbox, access = _mailbox(microsoft, given), str(given.get("access", ""))
    if access not in _ACCESS:
        raise ValueError("access is empty, denied, disabled or silent")
    mailbox.access = access
    microsoft.store.version += 1
    return {"mailbox": mailbox.address, "access": access}


def _login(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    """What the login answers from now on: an AADSTS number, 0 for tokens."""
    microsoft.tokens.fault = int(given.get("fault", 0))
    return {"fault": microsoft.tokens.fault}


def _revoke(microsoft: Microsoft, _: dict[str, Any], __: str) -> Any:
    microsoft.store.version += 1
    return {"revoked": microsoft.tokens.revoke()}


def _set(microsoft: Microsoft, given: dict[str, Any], _: str) -> Any:
    """Change settings; those that are not named stay."""
    settings = msgspec.to_builtins(microsoft.settings) | given
    microsoft.settings = msgspec.convert(settings, Settings, strict=False)
    microsoft.store.version += 1
    return microsoft.settings


_SWITCHES: dict[tuple[str, str], switches.Switch] = {
    **switches.of_faults("/microsoft"),
    ("GET", "settings"): lambda microsoft, _, __: microsoft.settings,
    ("POST", "settings"): _set,
    ("GET", "stats"): switches.stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): switches.clock,
    ("POST", "clock"): switches.clock,
    ("GET", "events"): _list,
    ("POST", "events"): _make,
    ("POST", "move"): _move,
    ("POST", "retitle"): _retitle,
    ("POST", "delete"): _delete,
    ("POST", "cancel"): _cancel,
    ("POST", "file"): _file,
    ("POST", "expire"): _expire,
    ("POST", "access"): _access,
    ("POST", "login"): _login,
    ("POST", "revoke"): _revoke,
}
