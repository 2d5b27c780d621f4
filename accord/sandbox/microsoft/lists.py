"""Lists of events: all, found by a property of one's own, or those in a window; and the delta of a window.

A page goes on by a link, which is to be followed as it is.
"""

import base64
import re
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from accord.sandbox.microsoft import times
from accord.sandbox.microsoft.errors import GraphError, invalid
from accord.sandbox.microsoft.events import Row, View, occurrences, overlaps, show
from accord.sandbox.microsoft.limits import Settings
from accord.sandbox.microsoft.store import Event, Mailbox

_MOST = 1_000
_FILTER = re.compile(
    r"singleValueExtendedProperties/Any\(ep: ?ep/id eq '((?:[^']|'')*)'"
    r" and ep/value (?:eq '((?:[^']|'')*)'|ne null)\)"
)
_REFUSED_IN_DELTA = ("$select", "$expand", "$filter", "$orderby", "$search")


class _Token(msgspec.Struct):
    """What is in a delta's link: the window, and the number of the last change that was told."""

    mailbox: str
    start: int
    end: int
    change: int
    tokens: int
    round: bool = False  # of a page in between
    first: bool = True  # of the first round, which tells of no deletions


class Listed(NamedTuple):
    """What a list is made from."""

    mailbox: Mailbox
    params: dict[str, Any]
    view: View
    settings: Settings
    link: str  # what links begin with: the address of the list itself


def events(listed: Listed) -> Row:
    """Masters and single events, those that pass a filter."""
    return _page(listed, [one for one in listed.mailbox.events.values() if _passes(one, listed.params.get("$filter"))])


def view(listed: Listed) -> Row:
    """Single events and the dates of series in a window."""
    start, end = _bounds(listed.params)
    rows: list[Event | Row] = []
    for event in listed.mailbox.events.values():
        if event.recurrence:
            rows += occurrences(event, listed.view, start, end)
        elif overlaps(event, start, end):
            rows.append(event)
    return _page(listed, rows)


def delta(listed: Listed) -> Row:
    """What changed in a window since a token; all of it without one."""
    token = _token(listed)
    mailbox, width = listed.mailbox, max(1, listed.view.page)
    changed: list[tuple[int, Event | str]] = [
        (event.change, event) for event in mailbox.events.values() if event.change > token.change
    ]
    if not token.first:
        changed += [(change, id) for id, change in mailbox.deleted.items() if change > token.change]
    changed.sort(key=lambda one: one[0])
    told = [] if listed.settings.empty_page and not token.round else changed[:width]
    rows: list[Row] = []
    for _, one in told:
        rows += _told(listed, token, one)
    if listed.settings.removed_unknown and not token.round:
        rows.append({"id": "AAkALgNEVERWAS", "@removed": {"reason": "deleted"}})
    reached = told[-1][0] if told else token.change
    body: Row = {"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#Collection(event)", "value": rows}
    if listed.settings.loop and told:
        again = f"{_link(listed, token, token.change, '$skiptoken')}&turn={mailbox.change}-{id(rows)}"
        return body | {"@odata.nextLink": again}
    if len(told) < len(changed):
        # With `repeat` the next page begins with the last event of this one.
        reached -= listed.settings.repeat and len(told) > 1
        return body | {"@odata.nextLink": _link(listed, token, reached, "$skiptoken")}
    return body | {"@odata.deltaLink": _link(listed, token, max(reached, mailbox.change), "$deltatoken")}


def _told(listed: Listed, token: _Token, one: Event | str) -> list[Row]:
    if isinstance(one, str):
        return [{"id": one, "@removed": {"reason": "deleted"}}]
    if not overlaps(one, token.start, token.end):
        id = one.id if listed.view.immutable else one.volatile
        return [] if token.first else [{"id": id, "@removed": {"reason": "deleted"}}]
    rows = [show(listed.mailbox, one, listed.view)]
    return rows + (occurrences(one, listed.view, token.start, token.end) if one.recurrence else [])


def _token(listed: Listed) -> _Token:
    params, mailbox = listed.params, listed.mailbox
    coded = params.get("$skiptoken") or params.get("$deltatoken")
    if coded is None:
        if refused := [name for name in _REFUSED_IN_DELTA if name in params]:
            raise invalid(f"The following parameters are not supported with change tracking: {refused[0]}.")
        return _Token(mailbox.address, *_bounds(params), 0, mailbox.tokens)
    try:
        token = msgspec.json.decode(base64.urlsafe_b64decode(str(coded)), type=_Token)
    except (ValueError, msgspec.DecodeError):
        raise invalid("Badly formed token.", "SyncStateInvalid") from None
    if token.mailbox != mailbox.address or token.tokens != mailbox.tokens:
        raise _dead(listed)
    return token


def _dead(listed: Listed) -> GraphError:
    """The ways in which Graph says so."""
    match listed.mailbox.death:
        case "410-location":
            fresh = {"Location": f"{listed.link}?$deltatoken=latest"}
            return GraphError(410, "resyncRequired", "Resync required.", fresh)
        case "400":
            return GraphError(400, "SyncStateNotFound", "The sync state was not found.")
        case "404":
            return GraphError(404, "syncStateNotFound", "The sync state generation is not found.")
    return GraphError(410, "SyncStateNotFound", "The sync state generation is not found; resync is required.")


def _link(listed: Listed, token: _Token, change: int, name: str) -> str:
    middle = name == "$skiptoken"
    behind = msgspec.structs.replace(token, change=change, round=middle, first=token.first and middle)
    coded = base64.urlsafe_b64encode(msgspec.json.encode(behind)).decode()
    return f"{listed.link}?{name}={quote(coded)}"


def _bounds(params: dict[str, Any]) -> tuple[int, int]:
    found = [times.bound(params.get(field), field) for field in ("startDateTime", "endDateTime")]
    return found[0], found[1]


def _passes(event: Event, condition: object) -> bool:
    if condition is None:
        return True
    match = _FILTER.fullmatch(str(condition))
    if match is None:
        raise invalid("The filter is not supported.", "ErrorInvalidUrlQueryFilter")
    name, value = (None if part is None else part.replace("''", "'") for part in match.groups())
    held = event.properties.get(name or "")
    # Names are case-sensitive, values are not (Get singleValueLegacyExtendedProperty).
    return held is not None and (value is None or held.lower() == value.lower())


def _shown(listed: Listed, event: Event) -> Row:
    select, expand = str(listed.params.get("$select", "")), str(listed.params.get("$expand", ""))
    return show(listed.mailbox, event, listed.view, select, expand)


def _page(listed: Listed, rows: Sequence[Event | Row]) -> Row:
    try:
        top, skip = int(listed.params.get("$top", 10)), int(listed.params.get("$skip", 0))
    except ValueError:
        raise invalid("Invalid value for $top or $skip.") from None
    if not 1 <= top <= _MOST:
        raise invalid(f"The limit of {_MOST} for $top was exceeded.")
    shown = [_shown(listed, one) if isinstance(one, Event) else one for one in rows[skip : skip + top]]
    body: Row = {"value": shown}
    if len(rows) > skip + top:
        more = listed.params | {"$skip": str(skip + top)}
        body["@odata.nextLink"] = f"{listed.link}?" + "&".join(f"{k}={quote(str(v))}" for k, v in more.items())
    return body
