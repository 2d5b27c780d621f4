"""What the table said, done: events are written, bookings follow their events, and what came of it is noted."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from sqlalchemy import Connection

from accord.bookings import Booking, BookingStore, told
from accord.calendars import (
    Calendars,
    Create,
    Delete,
    Differs,
    Done,
    Event,
    Mark,
    NotDone,
    Operation,
    Outcome,
    Seat,
    Update,
    Wanted,
)
from accord.errors import AccordError, Misconfigured, Refused, TryLater
from accord.ledger import counters, pairs
from accord.ledger.engine import Ledger
from accord.ledger.pairs import Pair
from accord.pairing import Act, Decision, Policy
from accord.ports import FanOut, NotYet
from accord.sides import agreed, digest, ended, sighted, unsent, written
from accord.sync import Sync

WIDTH = 8  # accounts, look-ups or bookings at once
LONG = 300.0  # seconds: an account that tells to write nothing for longer may be heard all the same

Refusals = dict[str, str | NotYet]


class Terms(NamedTuple):
    """What both ways of one sync go by."""

    sync: Sync
    accounts: Mapping[str, Calendars]  # those that are connected, by their connections: google/main
    people: Mapping[str, Seat]  # whose calendar is where
    store: BookingStore
    ledger: Ledger
    policy: Policy
    fan_out: FanOut


@dataclass(slots=True)
class Step:
    """One thing to be done, with its intention noted under a rev."""

    rev: int
    booking: Booking
    pair: Pair
    decision: Decision
    event: Event | None = None  # of a booking that follows its event
    outcome: Outcome | None = None

    @property
    def last(self) -> bool:
        """Whether it is done only once the other things are: an event goes when the one in its place is there."""
        return self.decision.act is Act.DELETE


def named(sync: str, key: str) -> str:
    """How the events of a booking are marked."""
    return f"{sync}:{key}"


def do(terms: Terms, steps: Iterable[Step]) -> None:
    """Do the steps: what is asked of each account at once, and beside it what bookings follow."""
    by_account: dict[str, list[Step]] = {}
    back: list[Step] = []
    for step in steps:
        if step.decision.act in (Act.MOVE, Act.CANCEL):
            back.append(step)
        else:
            by_account.setdefault(step.pair.account, []).append(step)
    works: list[Callable[[], None]] = [partial(_apply, terms, account, of) for account, of in by_account.items()]
    works += [partial(_write_back, terms, step) for step in back]
    if works:
        terms.fan_out.map(lambda work: work(), works, WIDTH)


def _apply(terms: Terms, account: str, steps: Sequence[Step]) -> None:
    outcomes: Sequence[Outcome]
    try:
        outcomes = terms.accounts[account].apply([_operation(step) for step in steps])
    except (TryLater, Refused, Misconfigured) as error:
        outcomes = [NotDone(error)] * len(steps)
    for step, outcome in zip(steps, outcomes, strict=True):
        step.outcome = _checked(step, outcome)


def _operation(step: Step) -> Operation:
    pair = step.pair
    if step.decision.act is Act.DELETE:
        return Delete(pair.calendar, str(pair.event), str(pair.etag))
    wanted = _wanted(pair, step.booking, step.rev)
    if step.decision.act is Act.MAKE:
        return Create(pair.calendar, wanted)
    return Update(pair.calendar, str(pair.event), str(pair.etag), wanted)


def _wanted(pair: Pair, booking: Booking, rev: int) -> Wanted:
    return Wanted(
        mark=Mark(named(pair.sync, pair.key), pair.generation, rev),
        start=booking.start,
        end=booking.end,
        zone=booking.zone,
        title=booking.title,
        place=booking.place,
        link=booking.link,
        notes=booking.notes,
        attendee=booking.attendee,
    )


def _checked(step: Step, outcome: Outcome) -> Outcome:
    """The outcome; one that is done by an earlier request, which wrote something else, is none of this one."""
    if isinstance(outcome, Done) and step.decision.act is not Act.DELETE:
        event = outcome.event
        if event is None or event.mark is None or event.mark.rev != step.rev:
            return Differs(event)
    return outcome


def _write_back(terms: Terms, step: Step) -> None:
    """Have the booking follow its event, if that still is as it was decided on."""
    pair, booking, event = step.pair, step.booking, step.event
    try:
        now = terms.accounts[pair.account].get(pair.calendar, str(event.id if event else pair.event))
        if (now and now.etag) != (event and event.etag):
            step.outcome = Differs(now)
            return
        if event is None or event.span is None:
            done = terms.store.cancel(booking.key, booking.version)
        else:
            start, end, zone = told(event.span, booking.zone, event.zone)
            done = terms.store.move(booking.key, booking.version, start, end, zone, event.place)
    except (TryLater, Refused, Misconfigured) as error:
        step.outcome = NotDone(error)
    else:
        step.outcome = Done(event) if done else Differs(event)


# -- noting


def conclude(connection: Connection, terms: Terms, steps: Sequence[Step]) -> Refusals:
    """Note what came of each step, unless something newer was noted meanwhile; why bookings are not in agreement."""
    left: Refusals = {}
    ledger = terms.ledger
    number = counters.next_rev(connection, terms.sync.connection)
    for step in steps:
        pair, why = _after(step)
        if not pairs.save_if(connection, ledger.cipher, pair._replace(rev=number), [step.rev]):
            why = NotYet("something newer was dealt with meanwhile")
        if why is not None and not isinstance(left.get(pair.key), NotYet):
            left[pair.key] = why
    return left


def _after(step: Step) -> tuple[Pair, str | NotYet | None]:
    """The pair as it is after its step, and why it is not in agreement."""
    pair, act = step.pair, step.decision.act
    match step.outcome:
        case Done(event):
            if act is Act.DELETE:
                return ended(pair), None
            if act is Act.CANCEL:
                return ended(pair)._replace(version=step.booking.version + 1), None
            if act is Act.MOVE and event is not None:
                return agreed(pair, digest(event), event)._replace(version=step.booking.version + 1), None
            return (pair if event is None else written(pair, step.booking, event)), None
        case Differs(None) if pair.state == "deleting":
            return ended(pair), NotYet("its event was deleted meanwhile, as it was to be")
        case Differs(event):
            return sighted(pair, event), NotYet("one of both sides was changed meanwhile")
        case NotDone(error):
            if isinstance(error, Refused):
                return unsent(pair, step.rev), str(error)
            return pair, not_yet(pair.account, error)
    raise AssertionError("a step that was done has an outcome")


def not_yet(account: str, error: AccordError) -> NotYet:
    """The booking waits until the account answers, or for as long as it told where that is long."""
    after = (error.after if isinstance(error, TryLater) else None) or 0.0
    if after > LONG:
        return NotYet(str(error), f"quota of {account}", error, after)
    return NotYet(str(error), f"account {account}", error)
