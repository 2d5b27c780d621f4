"""Both sides of a pair against what was agreed, and the pair as it is after each thing that can happen. Pure."""

from hashlib import blake2b

import msgspec

from accord.bookings import Booking, showing
from accord.calendars import Event
from accord.ledger.pairs import Pair, Seen, Sent
from accord.pairing import Booked, Facts, Newer, Shown


def facts_of(pair: Pair, booking: Booking, here: bool) -> Facts:
    """Both sides of a pair against what was agreed."""
    event, shown = pair.seen.event if pair.seen else None, _shown(pair)
    series = event is not None and event.series
    newer = Newer.UNKNOWN
    if event is not None:
        newer = Newer.CALENDAR if event.updated > booking.updated else Newer.BOOKING
    known = pair.shown is not None
    if not here:
        return Facts(Booked.GONE, shown, False, newer, series, known)
    wants = booked_of(booking)
    equal = shown is Shown.CHANGED and event is not None and not series and digest(event) == wants
    # A writing that is on its way may still arrive: what is written after it lets it arrive no more.
    unsure = pair.texts != texts_of(booking) or bool(pair.sent) or pair.state == "deleting"
    booked = Booked.TEXTS if unsure else Booked.SAME
    return Facts(Booked.CHANGED if wants != pair.booked and not equal else booked, shown, equal, newer, series, known)


def _shown(pair: Pair) -> Shown:
    event = pair.seen.event if pair.seen else None
    if pair.state == "gone":  # one that is there again is written as if it had never ended; a series is a person's
        return Shown.SAME if event and not event.series else Shown.NONE
    if pair.seen is None:
        return Shown.NONE if pair.state == "making" else Shown.SAME
    if event is None:
        return Shown.GONE
    return Shown.CHANGED if event.series or digest(event) != pair.shown else Shown.SAME


def adopted(pair: Pair) -> Pair:
    """The pair with what was seen taken for agreed, where that is what a writing without a known outcome wrote."""
    event = pair.seen.event if pair.seen else None
    if event is None or event.mark is None or event.series:
        return pair
    for sent in pair.sent:
        if sent.rev == event.mark.rev and sent.booked == digest(event) and pair.state != "gone":
            return agreed(pair, sent.booked, event)._replace(texts=sent.texts, sent=())
    return pair


def matches(pair: Pair, event: Event) -> bool:
    """Whether an event is as a writing left it of which no outcome is known: whoever deals with that finds it."""
    rev = event.mark.rev if event.mark else None
    return not event.series and any(sent.rev == rev and sent.booked == digest(event) for sent in pair.sent)


def differs(pair: Pair, event: Event) -> bool:
    """Whether an event shows something else than its calendar did after the last writing."""
    if pair.state == "gone":
        return not event.series
    return event.series or digest(event) != pair.shown


def digest(event: Event) -> str:
    """Of the time and place that an event shows; empty where it is gone."""
    return showing(event.span, event.place) if event.span else ""


def booked_of(booking: Booking) -> str:
    """A digest of the time and place that a booking takes; empty where it takes none."""
    takes = booking.takes
    return showing(takes, booking.place) if takes else ""


def texts_of(booking: Booking) -> str:
    """A digest of what an event is given besides time and place: the zone that they are told in, and texts."""
    said = (booking.zone, booking.title, booking.link, booking.notes, booking.attendee)
    return blake2b(msgspec.json.encode(said), digest_size=16).hexdigest()


def quiet(pair: Pair) -> Pair:
    """Without what was seen or waits."""
    return pair._replace(seen=None, since=None, booking=None, because=None, choice=None)


def ended(pair: Pair) -> Pair:
    """There is no event any more, as both sides want it."""
    return quiet(pair)._replace(state="gone", etag=None, booked=None, texts=None, shown=None, sent=())


def agreed(pair: Pair, booked: str | None, event: Event | None) -> Pair:
    """Both sides show the same; of an event that was not seen, as it was."""
    pair = quiet(pair)._replace(state="agreed", booked=booked)
    return pair if event is None else pair._replace(event=event.id, etag=event.etag, shown=digest(event))


def sighted(pair: Pair, event: Event | None) -> Pair:
    """The event was seen as it is now, or not to be there."""
    # What a person has chosen counts for what they saw.
    choice = pair.choice if pair.seen == Seen(event) else None
    return pair._replace(seen=Seen(event), event=event.id if event else pair.event, choice=choice)


def sending(pair: Pair, booking: Booking, rev: int) -> Pair:
    """The event is going to be written."""
    earlier = tuple(sent for sent in pair.sent if sent.rev != rev)
    return pair._replace(sent=(*earlier, Sent(rev, booked_of(booking), texts_of(booking))))


def written(pair: Pair, booking: Booking, event: Event) -> Pair:
    """The event was written, and what was sent before it can arrive no more: it knows another etag."""
    return agreed(pair, booked_of(booking), event)._replace(texts=texts_of(booking), sent=())


def unsent(pair: Pair, rev: int) -> Pair:
    """What was to be written under this rev was refused."""
    sent = tuple(one for one in pair.sent if one.rev != rev)
    if pair.state == "making" and not sent:
        return ended(pair)
    return pair._replace(sent=sent, state="agreed" if pair.state == "deleting" else pair.state)
