"""Bookings written into calendars: what is not clear is looked up, then the table is asked and its say intended."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from accord.bookings import Booking
from accord.calendar_steps import WIDTH, Refusals, Step, Terms, conclude, do, named, not_yet
from accord.calendars import Done, Seat
from accord.errors import AccordError, Misconfigured, Refused, TryLater
from accord.ledger import calendars, counters, links, pairs
from accord.ledger.pairs import Pair
from accord.pairing import Act, Booked, Decision, Policy, decide
from accord.ports import Because, NotYet
from accord.records import Kind
from accord.sides import adopted, agreed, booked_of, digest, ended, facts_of, quiet, sending, sighted


def write(terms: Terms, rows: Sequence[tuple[int, Booking]]) -> dict[str, str | NotYet | Because]:
    """Bring both sides of each booking, read under its rev, into agreement; by key why that did not come to be, and
    what was decided."""
    bad = {booking.key: reason for _, booking in rows if (reason := _unsound(booking))}
    sound = [row for row in rows if row[1].key not in bad]
    unclear, looked = _clear_up(terms, sound)
    ready = [row for row in sound if row[1].key not in unclear]
    steps, left, told = terms.ledger.write(lambda c: _intend(c, terms, ready, looked))
    do(terms, [step for step in steps if not step.last])
    waits = {step.pair.key for step in steps if not step.last and not isinstance(step.outcome, Done)}
    ends = [step for step in steps if step.last and step.pair.key not in waits]
    do(terms, ends)
    done = [step for step in steps if step.outcome is not None]
    found = terms.ledger.write(lambda c: conclude(c, terms, done))
    refusals: Refusals = {**bad}
    for key, why in (item for more in (left, unclear, found) for item in more.items()):
        # What waits is looked at again, and then finds what is refused once more.
        if not isinstance(refusals.get(key), NotYet) or (isinstance(why, NotYet) and why.waits_for):
            refusals[key] = why
    for step in steps:
        if step.outcome is None:
            refusals.setdefault(step.pair.key, NotYet("its new event is not there yet"))
    return {**{key: _because(decisions) for key, decisions in told.items()}, **refusals}


def _because(decisions: Sequence[Decision]) -> Because:
    conflict = all(decision.act is Act.CONFLICT for decision in decisions)
    return Because("; ".join(decision.because for decision in decisions), conflict)


def _unsound(booking: Booking) -> str | None:
    try:
        takes = booking.takes
    except ValueError:
        return "its start or end is no wall time of a zone that is known"
    if takes is not None and takes.end <= takes.start:
        return "it does not end after it begins"
    return None


def _clear_up(terms: Terms, rows: Sequence[tuple[int, Booking]]) -> tuple[Refusals, int]:
    """Look for events of which it is not known whether they were made, or deleted.

    What could not be looked for, and the number under which it is noted what was found; 0 where nothing was.
    """
    ledger, name = terms.ledger, terms.sync.name
    keys = {booking.key: booking for _, booking in rows}
    known = ledger.read(lambda c: pairs.of(c, ledger.cipher, name, keys))
    unclear = [
        pair
        for key, of in known.items()
        for pair in of
        if pair.account in terms.accounts
        and pair.seen is None
        and (pair.state == "making" or (pair.state == "deleting" and _wants(terms, keys[key], pair.seat)))
    ]
    if not unclear:
        return {}, 0
    found = terms.fan_out.map(lambda pair: _look_up(terms, pair), unclear, WIDTH)

    def note(connection: Connection) -> int:
        number = counters.next_rev(connection, terms.sync.connection)
        for pair, sight in zip(unclear, found, strict=True):
            if isinstance(sight, Pair) and sight is not pair:
                pairs.save_if(connection, ledger.cipher, sight._replace(rev=number), [pair.rev])
        return number

    number = ledger.write(note)
    both = zip(unclear, found, strict=True)
    return {pair.key: not_yet(pair.account, error) for pair, error in both if isinstance(error, AccordError)}, number


def _look_up(terms: Terms, pair: Pair) -> Pair | AccordError:
    system = terms.accounts[pair.account]
    try:
        if pair.state == "deleting":
            event = system.get(pair.calendar, str(pair.event))
            return sighted(pair, event) if event else ended(pair)
        there = system.find(pair.calendar, named(pair.sync, pair.key))
    except (TryLater, Refused, Misconfigured) as error:
        return error
    made = [event for event in there if event.span and event.original]
    mine = [event for event in made if event.mark and event.mark.generation == pair.generation]
    return sighted(pair, mine[0]) if mine else pair


# -- deciding


def _wants(terms: Terms, booking: Booking, seat: Seat) -> bool:
    """Whether a booking is to be shown in this calendar."""
    return booking.takes is not None and terms.people.get(booking.person) == seat


def _intend(
    connection: Connection, terms: Terms, rows: Sequence[tuple[int, Booking]], looked: int
) -> tuple[list[Step], Refusals, dict[str, list[Decision]]]:
    """Decide about each booking, and note what is going to be done, under a number of its own.

    What is to be done, why other bookings are left, and what was decided, by key. `looked` is the number of what this
    worker has looked up for it.
    """
    ledger, sync = terms.ledger, terms.sync
    number = counters.next_rev(connection, sync.connection)
    keys = [booking.key for _, booking in rows]
    known = pairs.of(connection, ledger.cipher, sync.name, keys)
    intended = links.load(connection, sync.target, sync.connection, Kind.BOOKING, keys)
    paused, now = calendars.paused(connection, sync.name), ledger.now(connection)
    steps: list[Step] = []
    left: Refusals = {}
    told: dict[str, list[Decision]] = {}
    made: list[Pair] = []
    for rev, booking in rows:
        of = known.get(booking.key, [])
        link = intended.get(booking.key)
        if (link and link.rev > rev) or any(pair.rev > rev and pair.rev != looked for pair in of):
            left[booking.key] = NotYet("something newer was dealt with meanwhile")
            continue
        if not booking.deleted and any(pair.version > booking.version for pair in of):
            left[booking.key] = NotYet("it was read before it was written back")
            continue
        if booking.deleted and all(pair.state == "found" for pair in of):
            # As likely another installation's: nothing of it was ever settled here, so it is left as it is.
            made += [pair._replace(seen=None) for pair in of]
            continue
        seated = _seated(terms, booking, of, left)
        for pair in seated:
            if pair.seat in paused:
                why = f"the calendar {pair.seat} is paused: {paused[pair.seat]}"
                left[booking.key] = NotYet(why, f"calendar {pair.seat}")
        if _stays(terms, booking, seated, paused):
            continue
        for pair in seated:
            if pair.seat in paused:
                continue
            if pair.state == "found" and _as_elsewhere(pair, of):
                # Moved here by a person, with what it was given elsewhere: nothing was ever agreed on here.
                pair = pair._replace(state="gone")
            decision, step, pair = _plan(terms, number, booking, pair, now)
            made.append(pair)
            if decision.act is not Act.NOTHING:
                told.setdefault(booking.key, []).append(decision)
            if step is not None:
                steps.append(step)
    pairs.save(connection, ledger.cipher, made)
    calendars.meet(connection, sync.name, {step.pair.seat for step in steps})
    return steps, left, told


def _stays(terms: Terms, booking: Booking, of: Sequence[Pair], paused: Collection[Seat]) -> bool:
    """Whether a booking stays where it is shown, since the calendar where it is to be is paused."""
    return any(pair.seat in paused and _wants(terms, booking, pair.seat) for pair in of)


def _seated(terms: Terms, booking: Booking, of: list[Pair], left: Refusals) -> list[Pair]:
    """The pairs to be decided, with one for the calendar that the booking is to be in; others are refused in `left`."""
    seat = terms.people.get(booking.person)
    if booking.takes is not None:
        if seat is None:
            left[booking.key] = f"nothing says which calendar is {booking.person}'s; say it in the mapping of people"
            # The person's own events stay as they are: a line that is missing is no reason to take them away.
            of = [pair for pair in of if pair.person != booking.person]
        elif seat.account not in terms.accounts:
            left[booking.key] = f"the calendar account {seat.account} is not connected; connect it"
            return []
        elif all(pair.seat != seat for pair in of):
            of = [*of, Pair(terms.sync.name, booking.key, *seat, person=booking.person)]
    open_ = [pair for pair in of if pair.state != "gone" or pair.seen or pair.seat == seat]
    for pair in open_:
        if pair.account not in terms.accounts:
            left[booking.key] = f"the calendar account {pair.account}, where its event is, is not connected any more"
    return [pair for pair in open_ if pair.account in terms.accounts]


def _as_elsewhere(pair: Pair, of: Sequence[Pair]) -> bool:
    """Whether an event that was found shows, if anything, what was agreed on in another calendar of its booking."""
    agreed_on = {one.shown for one in of if one.state != "found"}
    event = pair.seen.event if pair.seen else None
    return bool(agreed_on) and (event is None or digest(event) in agreed_on)


def _plan(terms: Terms, rev: int, booking: Booking, pair: Pair, now: float) -> tuple[Decision, Step | None, Pair]:
    """What was decided about one pair, what is to be done, if anything, and the pair as it is noted before that."""
    pair = adopted(pair)
    here = _wants(terms, booking, pair.seat)
    event, facts = pair.seen.event if pair.seen else None, facts_of(pair, booking, here)
    chosen = pair.choice is not None and pair.booking is not None and pair.booking.version == booking.version
    policy = Policy(str(pair.choice)) if chosen else terms.policy
    decision = decide(facts, policy, chosen)
    pair = pair._replace(rev=rev, person=booking.person if here else pair.person)
    match decision.act:
        case Act.NOTHING:
            pair = agreed(pair, pair.booked, event) if facts.booked is not Booked.GONE else ended(pair)
            return decision, None, pair
        case Act.AGREE:
            return decision, None, agreed(pair, booked_of(booking), event) if event else ended(pair)
        case Act.CONFLICT:
            # Where the booking is not to be shown there is nobody whose calendar could be another one.
            person = pair.person if here else ""
            pair = pair._replace(state="conflict", person=person, since=pair.since or now, choice=None)
            return decision, None, pair._replace(booking=booking, because=decision.because)
        case Act.MOVE | Act.CANCEL:
            return decision, Step(rev, booking, pair, decision, event), pair
        case Act.DELETE:
            pair = quiet(pair)._replace(state="deleting")
            pair = pair._replace(event=event.id, etag=event.etag) if event else pair
        case Act.MAKE:
            # One that is being made is made under the same generation: it may be there, and is then not made again.
            generation = pair.generation if pair.state == "making" and not pair.seen else pair.generation + 1
            pair = quiet(pair)._replace(state="making", generation=generation, event=None, etag=None)
            pair = sending(pair, booking, rev)
        case Act.WRITE:
            etag = event.etag if event else pair.etag
            # One that was going to be deleted may be gone by that, and not by a person.
            state = "deleting" if pair.state == "deleting" else "agreed"
            pair = quiet(pair)._replace(state=state, etag=etag, event=event.id if event else pair.event)
            pair = sending(pair, booking, rev)
    return decision, Step(rev, booking, pair, decision), pair
