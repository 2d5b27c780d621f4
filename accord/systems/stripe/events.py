"""From Stripe's events to hints: which records to look at again. An event's content is never taken for data."""

import contextlib
import logging

import msgspec

from accord.errors import TryLater
from accord.ports import Event
from accord.records import Kind
from accord.systems.stripe import frames
from accord.systems.stripe.errors import UNREADABLE
from accord.systems.stripe.parse import OBJECTS, is_name, name_of, require
from accord.systems.stripe.shapes import Named

_page = msgspec.json.Decoder(frames.Elements).decode
_event = msgspec.json.Decoder(frames.Event).decode
_subject = msgspec.json.Decoder(frames.EventSubject).decode
_links = msgspec.json.Decoder(frames.EventLinks).decode

_log = logging.getLogger("accord.systems.stripe")


def read(body: bytes, live: bool) -> list[Event]:
    """The events on a list page, in their order; types and objects that are not known give no hints.

    An event that cannot be read comes back without hints, under the hash of its bytes if it has no id, and is counted
    in the log: the record that it spoke of shows at the next rescan. Raises TryLater for a body that is no list and
    Misconfigured for events of the other mode.
    """
    try:
        page = _page(body)
    except UNREADABLE:
        raise TryLater("Stripe's list of events cannot be read") from None
    events = []
    unreadable = 0
    for raw in page.data:
        event = _read(bytes(raw), live)
        unreadable += event is None
        events.append(event or Event(name_of(bytes(raw)), 0, (), bytes(raw)))
    if unreadable:
        _log.warning("%d of %d events on a page cannot be read; no record is fetched for them", unreadable, len(events))
    return events


def _read(raw: bytes, live: bool) -> Event | None:
    try:
        event = _event(raw)
        subject = _subject(event.data.object)
    except UNREADABLE:
        return None
    require(live, event.livemode)
    hints = _hints(subject, event.data.object)
    # What cannot be an id must not get into the inbox, where a database may refuse it and the page with it.
    return Event(event.id, event.created, hints) if all(map(is_name, (event.id, *(k for _, k in hints)))) else None


def _hints(subject: frames.EventSubject, raw: msgspec.Raw) -> tuple[tuple[str, str], ...]:
    """The object itself, if its kind is kept, and the payment or invoice that it bears upon."""
    kind = OBJECTS.get(subject.object)
    links = frames.EventLinks()
    with contextlib.suppress(*UNREADABLE):
        links = _links(raw)
    hints = [
        (kind, subject.id),
        (Kind.PAYMENT, _key(links.charge)),
        (Kind.PAYMENT, _key(links.latest_charge)),
        # A credit note changes its invoice; kept kinds that name one are listed by events of their own.
        (Kind.INVOICE, _key(links.invoice) if kind is None else None),
    ]
    return tuple(dict.fromkeys((str(kind), key) for kind, key in hints if kind and key))


def _key(link: str | Named | None) -> str | None:
    return link.id if isinstance(link, Named) else link
