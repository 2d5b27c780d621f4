"""Who is free and who is not: getSchedule, each mailbox with an error of its own."""

from typing import Any

from accord.sandbox.microsoft import series, times
from accord.sandbox.microsoft.errors import GraphError, invalid
from accord.sandbox.microsoft.events import View, overlaps
from accord.sandbox.microsoft.store import Mailbox, Store

_MOST_SCHEDULES = 20
_LONGEST = 62 * 86_400
_MOST_ENTRIES = 1_000
_DIGITS = {"free": "0", "tentative": "1", "busy": "2", "oof": "3", "workingElsewhere": "4"}


def answer(store: Store, given: dict[str, Any], view: View) -> dict[str, Any]:
    """The schedules of the mailboxes named; raises GraphError for what can not be asked at all."""
    names = given.get("schedules")
    if not isinstance(names, list) or not names:
        raise invalid("Schedules are required.")
    if len(names) > _MOST_SCHEDULES:
        raise invalid("There are too many target users in the EmailAddress array.", "ErrorMailboxDataArrayTooBig")
    start, _ = times.read(given.get("startTime"), "startTime")
    end, _ = times.read(given.get("endTime"), "endTime")
    interval = int(given.get("availabilityViewInterval", 30))
    if not 5 <= interval <= 1_440 or end <= start:
        raise invalid("The time interval is not valid.", "ErrorInvalidTimeInterval")
    if end - start > _LONGEST:
        raise invalid("The requested time duration is too long.", "ErrorTimeIntervalTooBig")
    return {"value": [_one(store, str(name), start, end, interval * 60, view) for name in names]}


def _one(store: Store, name: str, start: int, end: int, step: int, view: View) -> dict[str, Any]:
    try:
        mailbox = store.mailbox(name)
    except GraphError as error:
        return _failed(name, "ErrorMailRecipientNotFound" if error.status == 404 else "ErrorNoFreeBusyAccess")
    if mailbox.access == "silent":
        return _failed(name, "ErrorProxyRequestProcessingFailed")
    spans = _spans(mailbox, start, end)
    if len(spans) > _MOST_ENTRIES:
        return _failed(name, "5006")
    items = [
        {
            "status": status,
            "start": times.show(begins, view.zone),
            "end": times.show(ends, view.zone),
            "isPrivate": False,
        }
        for begins, ends, status in spans
    ]
    digits = [_digit(spans, at, at + step) for at in range(start, end, step)]
    return {"scheduleId": name, "availabilityView": "".join(digits), "scheduleItems": items}


def _failed(name: str, code: str) -> dict[str, Any]:
    error = {"message": "The schedule could not be retrieved.", "responseCode": code}
    return {"scheduleId": name, "availabilityView": "", "error": error}


def _digit(spans: list[tuple[int, int, str]], start: int, end: int) -> str:
    there = [_DIGITS.get(status, "2") for begins, ends, status in spans if begins < end and ends > start]
    return max(there, default="0")


def _spans(mailbox: Mailbox, start: int, end: int) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for event in mailbox.events.values():
        if event.cancelled:
            continue
        if event.recurrence:
            found += [(begins, ends, event.show_as) for _, begins, ends in series.dates(event, start, end)]
        elif overlaps(event, start, end):
            found.append((event.start, event.end, event.show_as))
    return sorted(found)
