"""The sandbox's own switches beside Google's API, below `/_admin`: what people do, faults, settings, truth."""

from typing import Any

import msgspec

from accord.sandbox import switches
from accord.sandbox.google import events, people
from accord.sandbox.google.errors import GoogleError, GrantError
from accord.sandbox.google.limits import Settings
from accord.sandbox.google.service import Google
from accord.sandbox.google.store import Calendar
from accord.sandbox.wire import Answer, Ask


def answer(google: Google, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    return switches.answer(_SWITCHES, google, ask, (GoogleError, GrantError))


def _set(google: Google, given: dict[str, Any], _: str) -> Any:
    """Change settings; those that are not named stay."""
    google.settings = msgspec.convert(msgspec.to_builtins(google.settings) | given, Settings, strict=False)
    google.store.version += 1
    return google.settings


def truth(google: Google, _: dict[str, Any], __: str) -> Any:
    """What a reader of everything would have to find."""
    calendars = {
        calendar.id: {
            "events": sum(1 for _ in calendar.living()),
            "deleted": len(calendar.events) - sum(1 for _ in calendar.living()),
            "series": sum("recurrence" in row for row in calendar.living()),
            "gone": calendar.gone,
        }
        for calendar in google.store.calendars.values()
    }
    return {"now": int(google.clock.now()), "calendars": calendars}


def _rows(google: Google, _: dict[str, Any], calendar: str) -> Any:
    """The events of a calendar as the API shows them, without a token, for a look in the browser."""
    return {"items": list(people.found(google.store, calendar).living())}


def _make(google: Google, given: dict[str, Any], _: str) -> Any:
    return people.make(google.store, given)


def _change(google: Google, given: dict[str, Any], _: str) -> Any:
    return people.change(google.store, given)


def _delete(google: Google, given: dict[str, Any], _: str) -> Any:
    calendar = people.found(google.store, str(given.get("calendar", "")))
    events.delete(google.store, calendar, str(given.get("id", "")), "")
    return {"deleted": given["id"]}


def _forget(google: Google, given: dict[str, Any], _: str) -> Any:
    """End the tokens of a calendar, or of all of them, for one of the reasons that there are."""
    reason = str(given.get("reason", "fullSyncRequired"))
    if reason not in ("fullSyncRequired", "updatedMinTooLongAgo", "deleted"):
        raise ValueError("reason is fullSyncRequired, updatedMinTooLongAgo or deleted")
    for calendar in _named(google, given):
        calendar.epoch += 1
        calendar.why_dead = reason
    google.store.version += 1
    return {"reason": reason}


def _access(google: Google, given: dict[str, Any], _: str) -> Any:
    """Take a calendar away or give it back (gone), set what somebody may do (user, role), or still its free/busy."""
    for calendar in _named(google, given):
        if "gone" in given:
            calendar.gone = str(given["gone"]).lower() == "true"
        if "user" in given:
            calendar.roles[str(given["user"])] = str(given.get("role", ""))
        if "silent" in given:
            calendar.silent = str(given["silent"])
    google.store.version += 1
    return truth(google, {}, "")["calendars"]


def _named(google: Google, given: dict[str, Any]) -> list[Calendar]:
    if "calendar" not in given:
        return list(google.store.calendars.values())
    return [people.found(google.store, str(given["calendar"]))]


def _revoke(google: Google, _: dict[str, Any], __: str) -> Any:
    google.store.version += 1
    return {"revoked": google.tokens.revoke()}


def _key(google: Google, given: dict[str, Any], _: str) -> Any:
    """The service account's key, as Google's console gives it."""
    google.store.version += 1
    return google.tokens.key_file(str(given.get("token_uri", "http://127.0.0.1:4300/google/token")))


_SWITCHES: dict[tuple[str, str], switches.Switch] = {
    **switches.of_faults("/google"),
    ("GET", "settings"): lambda google, _, __: google.settings,
    ("POST", "settings"): _set,
    ("GET", "stats"): switches.stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): switches.clock,
    ("POST", "clock"): switches.clock,
    ("GET", "events"): _rows,
    ("POST", "make"): _make,
    ("POST", "change"): _change,
    ("POST", "delete"): _delete,
    ("POST", "forget"): _forget,
    ("POST", "access"): _access,
    ("POST", "revoke"): _revoke,
    ("GET", "service-account"): _key,
}
