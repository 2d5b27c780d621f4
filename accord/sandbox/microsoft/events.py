"""Events: made, changed, deleted and cancelled as Graph does it, and how they are shown."""

import html
import re
from typing import Any, NamedTuple

from accord.sandbox.microsoft import series, times
from accord.sandbox.microsoft.errors import GraphError, invalid, undeletable
from accord.sandbox.microsoft.limits import Settings
from accord.sandbox.microsoft.store import Event, Mailbox, Store

Row = dict[str, Any]

_MOST_ATTENDEES = 500
_LONGEST_SUBJECT = 255


class View(NamedTuple):
    """How a caller wants to see events, by its Prefer headers."""

    immutable: bool = False
    zone: str = "UTC"
    page: int = 10
    text: bool = False  # bodies as plain text


def create(store: Store, mailbox: Mailbox, given: Row, settings: Settings) -> Event:
    """A new event, or the one that the same transactionId made before; raises GraphError."""
    transaction = given.get("transactionId")
    if transaction is not None and transaction in mailbox.transactions:
        known = mailbox.transactions[transaction]
        if settings.duplicate == "replay" and known in mailbox.events:
            return mailbox.events[known]
        status = 400 if settings.duplicate == "400" else 409
        message = "The TransactionId has already been used to create a different event."
        raise GraphError(status, "ErrorDuplicateTransactionId", message, existing=known if settings.existing_id else "")
    for field in ("start", "end"):
        if field not in given:
            raise invalid(f"At least one property failed validation: {field}.", "ErrorPropertyValidationFailure")
    event = Event(id="", transaction=transaction, organizer=mailbox.address)
    _fill(event, given)
    return store.add(mailbox, event)


def patch(store: Store, mailbox: Mailbox, event: Event, given: Row) -> Event:
    """Change the fields that are named, and no other; raises GraphError and then changes none."""
    changed = Event(**{name: getattr(event, name) for name in Event.__struct_fields__})
    changed.properties = dict(event.properties)
    _fill(changed, given)
    for name in Event.__struct_fields__:
        setattr(event, name, getattr(changed, name))
    store.touch(mailbox, event)
    return event


def check_etag(event: Event, etag: str | None) -> None:
    """Raises 412 where the event is not as the header knows it."""
    if etag not in (None, "*", f'W/"{event.change_key}"'):
        raise GraphError(412, "ErrorIrresolvableConflict", "The send or update operation could not be performed.")


def check_there(mailbox: Mailbox, event: Event) -> None:
    """Raises 403 where the event is deleted already."""
    if event.id in mailbox.deleted_items:
        raise undeletable()


def check_organizer(mailbox: Mailbox, event: Event) -> None:
    """Raises 400 where a meeting is another person's, who alone can take it back."""
    if event.organizer.lower() != mailbox.address.lower():
        raise invalid("You need to be an organizer to cancel a meeting.")


def show(mailbox: Mailbox, event: Event, view: View, select: str = "", expand: str = "") -> Row:
    """An event as JSON."""
    mine = event.organizer.lower() == mailbox.address.lower()
    shown: Row = {
        "@odata.etag": f'W/"{event.change_key}"',
        "id": event.id if view.immutable else event.volatile,
        "changeKey": event.change_key,
        "createdDateTime": times.stamp(event.born),
        "lastModifiedDateTime": times.stamp(event.modified),
        "transactionId": event.transaction,
        "originalStartTimeZone": event.zone,
        "originalEndTimeZone": event.zone,
        "iCalUId": f"040000008200E0{event.id}",
        "subject": event.subject,
        "bodyPreview": re.sub(r"<[^>]*>", "", event.body)[:255],
        "body": _body(event, view),
        "start": times.show(event.start, view.zone, event.all_day),
        "end": times.show(event.end, view.zone, event.all_day),
        "isAllDay": event.all_day,
        "isCancelled": event.cancelled,
        "isOrganizer": mine,
        "organizer": {"emailAddress": {"name": event.organizer, "address": event.organizer}},
        "attendees": event.attendees,
        "location": {"displayName": event.place, "locationType": "default"},
        "recurrence": event.recurrence,
        "seriesMasterId": None,
        "type": "seriesMaster" if event.recurrence else "singleInstance",
        "showAs": event.show_as,
    }
    if select:
        wanted = {field.strip() for field in select.split(",")}
        shown = {name: value for name, value in shown.items() if name in wanted or name in ("id", "@odata.etag")}
    if expand:
        ids = re.findall(r"id eq '([^']*)'", expand)
        found = [{"id": id, "value": event.properties[id]} for id in ids if id in event.properties]
        shown |= {"singleValueExtendedProperties": found} if found else {}
    return shown


def occurrences(event: Event, view: View, start: int, end: int) -> list[Row]:
    """The dates of a series in a window, as little as a delta tells of them."""
    master = event.id if view.immutable else event.volatile
    return [
        {
            "id": f"{master}.{id.rpartition('.')[2]}",
            "seriesMasterId": master,
            "type": "occurrence",
            "start": times.show(begins, view.zone, event.all_day),
            "end": times.show(ends, view.zone, event.all_day),
        }
        for id, begins, ends in series.dates(event, start, end)
    ]


def overlaps(event: Event, start: int, end: int) -> bool:
    """Whether an event, or a date of its series, is in a window."""
    if event.recurrence:
        return next(series.dates(event, start, end), None) is not None
    return event.start < end and (event.end > start or event.start >= start)


def _fill(event: Event, given: Row) -> None:
    event.subject = str(given.get("subject", event.subject) or "")[:_LONGEST_SUBJECT]
    if isinstance(body := given.get("body"), dict):
        event.body = _rewritten(body)
    if isinstance(place := given.get("location"), dict):
        event.place = str(place.get("displayName") or "")
    event.all_day = bool(given.get("isAllDay", event.all_day))
    event.show_as = str(given.get("showAs", event.show_as))
    if "attendees" in given:
        if len(given["attendees"]) > _MOST_ATTENDEES:
            raise invalid("The number of attendees is more than 500.", "ErrorTooManyRecipients")
        event.attendees = list(given["attendees"])
    if "start" in given:
        event.start, event.zone = times.read(given["start"], "start", event.all_day)
    if "end" in given:
        event.end, _ = times.read(given["end"], "end", event.all_day)
    if event.all_day and (event.start % 86_400 or event.end % 86_400 or event.end <= event.start):
        raise invalid("An all-day event has to start and end at midnight.", "ErrorPropertyValidationFailure")
    if event.end < event.start:
        raise invalid("The end has to be after the start.", "ErrorPropertyValidationFailure")
    for one in given.get("singleValueExtendedProperties") or ():
        event.properties[str(one["id"])] = str(one["value"])
    if given.get("recurrence") is not None:
        series.check(given["recurrence"])
        event.recurrence = given["recurrence"]


def _body(event: Event, view: View) -> Row:
    if not view.text:
        return {"contentType": "html", "content": event.body}
    return {"contentType": "text", "content": html.unescape(re.sub(r"<[^>]*>", "", event.body)).strip()}


def _rewritten(body: Row) -> str:
    """Whatever is written comes back as a page of HTML."""
    content = str(body.get("content") or "")
    if str(body.get("contentType")).lower() == "text":
        content = html.escape(content).replace("\n", "<br>\r\n")
    return f'<html><head>\r\n<meta http-equiv="Content-Type" content="text/html"></head><body>{content}</body></html>'
