"""From Stripe's events to hints: which records to look at again. An event's content is never taken for data."""

import contextlib
import logging
from collections.abc import Callable

import msgspec

from accord.errors import TryLater
from accord.ports import Event
from accord.records import Kind
from accord.systems.answers import UNREADABLE
from accord.systems.stripe import frames
from accord.systems.stripe.parse import OBJECTS, is_name, name_of, require
from accord.systems.stripe.shapes import key_or_none

_page = msgspec.json.Decoder(frames.Elements).decode
_event = msgspec.json.Decoder(frames.Event).decode
_subject = msgspec.json.Decoder(frames.EventSubject).decode
_links = msgspec.json.Decoder(frames.EventLinks).decode

_log = logging.getLogger("accord.systems.stripe")


Hints = tuple[tuple[str, str], ...]
"""Records to look at again, as (kind, key)."""

Speaks = Callable[[frames.EventSubject, msgspec.Raw], Hints]
"""What an event speaks of, by its object."""


def of_payments(subject: frames.EventSubject, raw: msgspec.Raw) -> Hints:
    """The object itself, if its kind is kept, and the payment or invoice that it bears upon."""
    kind = OBJECTS.get(subject.object)
    links = _linked(raw)
    hints = [
        (kind, subject.id),
        (Kind.PAYMENT, key_or_none(links.charge)),
        (Kind.PAYMENT, key_or_none(links.latest_charge)),
        # A credit note changes its invoice; kept kinds that name one are listed by events of their own.
        (Kind.INVOICE, key_or_none(links.invoice) if kind is None else None),
    ]
    return tuple(dict.fromkeys((str(kind), key) for kind, key in hints if kind and key))


def of_documents(subject: frames.EventSubject, raw: msgspec.Raw) -> Hints:
    """The invoice or the credit note itself, and the invoice that a credit note or a payment of it changes."""
    hints = []
    if subject.object in ("invoice", "credit_note"):
        hints.append((Kind.DOCUMENT, subject.id))
    if subject.object in ("credit_note", "invoice_payment"):
        hints.append((Kind.DOCUMENT, key_or_none(_linked(raw).invoice)))
    return tuple((str(kind), key) for kind, key in hints if key)


def read(body: bytes, live: bool, speaks: Speaks = of_payments) -> list[Event]:
    """The events on a list page, in their order; `speaks` gives no hints of types and objects that it does not know.

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
        event = _read(bytes(raw), live, speaks)
        unreadable += event is None
        events.append(event or Event(name_of(bytes(raw)), 0, (), bytes(raw)))
    if unreadable:
        _log.warning("%d of %d events on a page cannot be read; no record is fetched for them", unreadable, len(events))
    return events


def _read(raw: bytes, live: bool, speaks: Speaks) -> Event | None:
    try:
        event = _event(raw)
        subject = _subject(event.data.object)
    except UNREADABLE:
        return None
    require(live, event.livemode)
    hints = speaks(subject, event.data.object)
    # What cannot be an id must not get into the inbox, where a database may refuse it and the page with it.
    return Event(event.id, event.created, hints) if all(map(is_name, (event.id, *(k for _, k in hints)))) else None


def _linked(raw: msgspec.Raw) -> frames.EventLinks:
    with contextlib.suppress(*UNREADABLE):
        return _links(raw)
    return frames.EventLinks()
