"""Lists of events: whole ones and changes since a token, by pages, with the ways in which tokens end."""

import base64
from typing import Any

import msgspec

from accord.sandbox.google import events, recurring, times
from accord.sandbox.google.errors import GoogleError, invalid
from accord.sandbox.google.limits import Settings
from accord.sandbox.google.store import Calendar, Row, Store

_NEVER_WITH_TOKEN = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
)
_FREE = frozenset(("syncToken", "pageToken", "maxResults", "fields", "alt", "prettyPrint", "quotaUser"))
_UPDATED_REACH = 30 * 86_400
_YEAR = 366 * 86_400


class Token(msgspec.Struct, array_like=True):
    """Where a list goes on. Opaque to callers: base64 of this, as JSON."""

    calendar: str
    epoch: int
    bound: list[list[str]]  # the parameters that have to be the same
    since: int  # changes up to this one are known
    upto: int = -1  # of a page: the latest change when the first page was asked for
    behind: int = -1  # of a page: how many rows came before it

    def written(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def page(store: Store, calendar: Calendar, params: dict[str, Any], settings: Settings, user: str) -> dict[str, Any]:
    """A page of the list that a user asks for; raises 400 and 410."""
    size = _size(params)
    bound = sorted([key, str(value)] for key, value in params.items() if key not in _FREE)
    token = _token(calendar, params, "syncToken")
    if token is not None:
        wrong = [name for name in (*_NEVER_WITH_TOKEN, "updatedMin") if name in params]
        if wrong or params.get("showDeleted") == "false":
            named = f"Sync token cannot be used with {(wrong or ['showDeleted'])[0]}"
            raise GoogleError(400, named, location="syncToken")
    here = _token(calendar, params, "pageToken")
    since = token.since if token is not None else -1
    if any(one is not None and one.bound != bound for one in (token, here)) or (here and here.since != since):
        raise GoogleError(400, "The parameters differ from those that the token is from.", location="syncToken")
    upto, behind = (here.upto, here.behind) if here is not None else (store.version, 0)
    rows = _rows(store, calendar, params, since)
    shown = rows[behind : behind + size]
    if settings.empty_page and here is None:
        shown = []
    answer: dict[str, Any] = {
        "kind": "calendar#events",
        "etag": f'"p{store.version}"',
        "summary": calendar.id,
        "timeZone": calendar.time_zone,
        "accessRole": calendar.role(user),
        "defaultReminders": [],
        "items": [events.shown(row, params) for row in shown],
    }
    if behind + len(shown) < len(rows) or (settings.empty_page and here is None):
        answer["nextPageToken"] = Token(calendar.id, calendar.epoch, bound, since, upto, behind + len(shown)).written()
    elif "orderBy" not in params:
        # From before the first page, so that nothing is missed that changed while they were read.
        answer["nextSyncToken"] = Token(calendar.id, calendar.epoch, _for_ever(bound), upto).written()
    return answer


def _for_ever(bound: list[list[str]]) -> list[list[str]]:
    """What a token binds of the parameters of its first list: those that a list of changes can have as well."""
    return [pair for pair in bound if pair[0] not in (*_NEVER_WITH_TOKEN, "updatedMin")]


def _rows(store: Store, calendar: Calendar, params: dict[str, Any], since: int) -> list[Row]:
    if since >= 0:
        changed = []
        for id, number in reversed(calendar.changed.items()):
            if number <= since:
                break
            changed.append(calendar.events[id])
        return changed[::-1]
    rows = [row for row in _all(store, calendar, params) if _passes(row, params)]
    if params.get("orderBy") == "updated":
        rows.sort(key=lambda row: str(row.get("updated", "")))
    return rows


def _all(store: Store, calendar: Calendar, params: dict[str, Any]) -> list[Row]:
    """The events of a list, by their times and what is asked of series and of what is deleted."""
    low, high = times.parameter(params, "timeMin"), times.parameter(params, "timeMax")
    if low is not None and high is not None and low >= high:
        raise GoogleError(400, "The specified time range is empty.", "timeRangeEmpty", "timeMax")
    since = times.parameter(params, "updatedMin")
    if since is not None and since < store.now() - _UPDATED_REACH:
        raise GoogleError(
            410, "The requested minimum modification time lies too far in the past.", "updatedMinTooLongAgo"
        )
    singly = params.get("singleEvents") == "true"
    if params.get("orderBy") == "startTime" and not singly:
        raise GoogleError(400, "The requested ordering is not available for the particular query.", "badRequest")
    if singly:
        end = high if high is not None else store.now() + _YEAR
        rows = list(recurring.expanded(calendar, low if low is not None else -1e12, end))
        return sorted(rows, key=lambda row: times.bounds(row, calendar.time_zone))
    deleted = params.get("showDeleted") == "true" or since is not None
    rows = list(calendar.events.values()) if deleted else list(calendar.living())
    if low is not None or high is not None:
        near = (float("-inf") if low is None else low, float("inf") if high is None else high)
        rows = [row for row in rows if "recurrence" in row or _within(row, calendar, *near)]
    return rows


def _within(row: Row, calendar: Calendar, low: float, high: float) -> bool:
    if "start" not in row:
        return True
    start, end = times.bounds(row, calendar.time_zone)
    return end > low and start < high


def _passes(row: Row, params: dict[str, Any]) -> bool:
    wanted = params.get("privateExtendedProperty", [])
    private = row.get("extendedProperties", {}).get("private", {})
    for pair in [wanted] if isinstance(wanted, str) else wanted:
        name, _, value = pair.partition("=")
        if private.get(name) != value:
            return False
    text = str(params.get("q", "")).lower()
    told = " ".join(str(row.get(name, "")) for name in ("summary", "description", "location")).lower()
    return text in told and params.get("iCalUID", row.get("iCalUID")) == row.get("iCalUID")


def _size(params: dict[str, Any]) -> int:
    text = str(params.get("maxResults", "250"))
    if not text.isdigit() or not int(text):
        raise invalid("maxResults")
    return min(int(text), 2_500)


def _token(calendar: Calendar, params: dict[str, Any], name: str) -> Token | None:
    text = params.get(name)
    if text is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(str(text) + "=" * (-len(str(text)) % 4))
        token = msgspec.json.decode(raw, type=Token)
    except (ValueError, msgspec.DecodeError):
        raise GoogleError(400, f"Invalid {name} value.", location=name) from None
    if token.calendar != calendar.id:
        raise GoogleError(400, f"Invalid {name} value.", location=name)
    if token.epoch != calendar.epoch:
        message = "Sync token is no longer valid, a full sync is required."
        raise GoogleError(410, message, calendar.why_dead, name if calendar.why_dead == "fullSyncRequired" else "")
    return token
