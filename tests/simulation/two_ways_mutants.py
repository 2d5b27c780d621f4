"""Bugs planted in the two ways: each must be caught under the faults that show it, by an invariant that it breaks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
from faults import LATE, LOST, REPLY_LOST, SUSPEND
from planted import Mutant, Patches, register
from schedule import Patch
from two_ways_faults import Profile

from accord import calendar_steps, calendar_writes, hearing, sides
from accord.calendars import Event, Update
from accord.ledger import links, pairs
from accord.ledger.pairs import Pair, Seen
from accord.pairing import Policy

_PLAIN = Profile(
    rates={},
    moves={"change": 0.15, "jump": 0.03, "skew": 0.0},
    workers=2,
    threads=False,
    rewrites=False,
    omits=0.0,
    zombies=False,
    sticky=0.5,
    first=True,
)
EDITS = {"rebook": 1.0, "move": 1.0, "retitle": 0.5, "book": 0.3}
GONE = {"delete": 1.0, "book": 0.3, "retitle": 0.5}

EDITED = replace(_PLAIN, name="both sides are edited", policy=Policy.CALENDAR, changes=EDITS)
ASKED = replace(EDITED, name="both sides are edited, and nobody wins", policy=Policy.ASK)
REWRITTEN = replace(
    EDITED,
    name="a server that makes something else of places, where people mend titles",
    rewrites=True,
    changes={"touch": 1.0, "book": 0.5, "move": 0.3},
)
DELETED = replace(_PLAIN, name="events are deleted", policy=Policy.BOOKING, changes=GONE)
SLEEPY = replace(
    EDITED, name="workers that sleep while both sides are edited", rates={SUSPEND: 0.8}, workers=3, zombies=True
)
READ_LATE = replace(
    EDITED,
    name="workers that sleep before they store what they read of bookings that follow their events",
    changes={"move": 2.0, "retitle": 1.0},
    rates={SUSPEND: 1.0},
    naps_at="_store_fetched",
    naps=(5, 20),
    workers=3,
    sticky=0.0,
)
HEARD_LATE = replace(SLEEPY, name="workers that sleep before they note what they heard", naps_at="_note")
OMITTING = replace(
    _PLAIN,
    name="dead tokens, and lists that leave something out",
    policy=Policy.BOOKING,
    changes={"forget": 1.0, "move": 0.5, "book": 0.5},
    omits=0.9,
)
MANY = replace(
    EDITED,
    name="pages that can not be had, of more changes than are on one",
    bookings=16,
    steps=1200,
    moves={"change": 0.25, "jump": 0.01, "skew": 0.0},
    changes={"move": 1.0},
    rates={LOST: 1.0},
    workers=1,
    page=1,
)
LOSING = replace(
    EDITED,
    name="writings whose answers are lost, or that come late",
    rates={REPLY_LOST: 0.3, LATE: 0.6, LOST: 0.2, SUSPEND: 0.3},
    workers=3,
)
BACK = replace(
    LOSING,
    name="bookings that change back and forth while workers sleep",
    policy=Policy.CALENDAR,
    changes={"rebook": 2.0, "move": 0.5},
    bookings=2,
    zombies=True,
)
MADE = replace(
    _PLAIN,
    name="events that are deleted as soon as they are made",
    policy=Policy.BOOKING,
    changes={"book": 1.0, "delete": 1.5},
    rates={SUSPEND: 0.8, REPLY_LOST: 0.2},
    naps_at="create",
    workers=3,
)
REASSIGNED = replace(
    _PLAIN,
    name="bookings that are given to others and cancelled, and events that come back",
    policy=Policy.BOOKING,
    changes={"reassign": 1.0, "cancel": 0.3, "restore": 1.0, "delete": 0.5, "book": 0.5},
)
REPEATED = replace(
    EDITED,
    name="events that become series, and bookings that change",
    policy=Policy.BOOKING,
    changes={"repeat": 1.0, "rebook": 1.0, "book": 0.5},
)
COPIED = replace(
    REASSIGNED,
    name="copies of events that are deleted and made anew",
    changes={"copy": 1.0, "move_copy": 1.5, "delete": 1.0, "book": 0.5, "retitle": 0.5},
)
CONCLUDED_LATE = replace(
    SLEEPY,
    name="workers that sleep before they note what came of it",
    rates={SUSPEND: 1.0},
    naps_at="write",
    naps=(5, 20),
)
WITHDRAWN = replace(
    REASSIGNED,
    name="calendars that are withdrawn while bookings are given to others",
    changes={"withdraw": 0.5, "reassign": 1.0, "book": 0.5},
)

MUTANTS: dict[str, Mutant] = {}


def _planted(profile: Profile, *breaks: str) -> Callable[[Patches], Patches]:
    return register(MUTANTS, profile, *breaks)


@_planted(MANY, "B1")
def token_with_first_page() -> list[Patch]:
    """A token that goes on from now is kept with the first page, before the others are read."""
    walk = hearing.Ear._walk

    def hasty(self: Any, at: str | None, listened: Any) -> Any:
        changes = self._system.changes

        def first(calendar: str, token: str | None) -> Any:
            page = changes(calendar, token)
            if token is None or token == listened.at:
                self._ledger.write(lambda c: self._store(c, self._system.latest(calendar)))
            return page

        self._system = _Instead(self._system, changes=first)
        return walk(self, at, listened)

    return [(hearing.Ear, "_walk", hasty)]


class _Instead:
    """Something with a method of its own in place of one."""

    def __init__(self, of: Any, **methods: Any) -> None:
        self._of = of
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)


@_planted(REWRITTEN, "B3", "B4")
def echo() -> list[Patch]:
    """What is heard is held against what was written, not against what the calendar made of it."""
    told = sides.written

    def written(pair: Any, booking: Any, event: Any) -> Any:
        return told(pair, booking, event)._replace(shown=sides.booked_of(booking))

    return [(calendar_steps, "written", written)]


@_planted(OMITTING, "B2")
def resync_deletes_unconfirmed() -> list[Patch]:
    """What a whole list does not show is held to be deleted."""
    missed = hearing.Ear._missed

    def believed(self: Any, suspects: set[str], lenient: bool) -> bool:
        get = self._system.get

        def gone(calendar: str, id: str) -> Any:
            return None if id in suspects else get(calendar, id)

        self._system = _Instead(self._system, get=gone)
        return missed(self, suspects, lenient)

    return [(hearing.Ear, "_missed", believed)]


@_planted(DELETED, "B1", "B5")
def generation_reused() -> list[Patch]:
    """An event that was deleted is made anew under the same id."""
    plan = calendar_writes._plan

    def planned(*given: Any) -> Any:
        decision, step, pair = plan(*given)
        if pair.generation > 0:
            pair = pair._replace(generation=0)
            if step is not None:
                step.pair = step.pair._replace(generation=0)
        return decision, step, pair

    return [(calendar_writes, "_plan", planned)]


@_planted(ASKED, "B4")
def last_writer_blind() -> list[Patch]:
    """An event is written whatever it shows by now."""
    apply = calendar_steps._apply

    def blind(terms: Any, account: str, steps: Any) -> None:
        system = terms.accounts[account]

        def newest(operations: Any) -> Any:
            return system.apply([_fresh(system, operation) for operation in operations])

        apply(terms._replace(accounts={account: _Instead(system, apply=newest)}), account, steps)

    return [(calendar_steps, "_apply", blind)]


def _fresh(system: Any, operation: Any) -> Any:
    if not isinstance(operation, Update):
        return operation
    event = system.get(operation.calendar, operation.id)
    return operation._replace(etag=event.etag) if event else operation


@_planted(SLEEPY, "B1", "B3", "B4", "B5")
def late_outcome() -> list[Patch]:
    """An outcome is noted, whatever was noted since."""

    def save(connection: Any, cipher: Any, pair: Any, revs: Any) -> bool:
        pairs.save(connection, cipher, [pair])
        return True

    return [(pairs, "save_if", save)]


def _moved_blind() -> list[Patch]:
    """A booking follows what was heard of its event, whatever that shows by now."""

    def write_back(terms: Any, step: Any) -> None:
        account, event = step.pair.account, step.event
        same = _Instead(terms.accounts[account], get=lambda calendar, id: event)
        wrote(terms._replace(accounts={account: same}), step)

    wrote = calendar_steps._write_back
    return [(calendar_steps, "_write_back", write_back)]


@_planted(HEARD_LATE, "B1", "B3", "B4")
def stale_sight() -> list[Patch]:
    """What was heard counts, whatever was noted since it was asked for, and nobody asks once more."""
    take, lose = hearing.Ear._take, hearing.Ear._lose
    return [
        *_moved_blind(),
        (hearing.Ear, "_take", lambda self, c, events, ticket: take(self, c, events, 2**60)),
        (hearing.Ear, "_lose", lambda self, c, ids, ticket: lose(self, c, ids, 2**60)),
    ]


@_planted(BACK, "B1", "B3", "B5", "B6")
def unfenced() -> list[Patch]:
    """A writing that is on its way is forgotten once both sides seem to agree again."""
    facts = calendar_writes.facts_of
    return [(calendar_writes, "facts_of", lambda pair, *given: facts(pair._replace(sent=()), *given))]


@_planted(LOSING, "B3", "B4")
def not_ours() -> list[Patch]:
    """A writing whose answer was lost is taken for somebody's change."""
    return [(calendar_writes, "adopted", lambda pair: pair), (hearing, "matches", lambda pair, event: False)]


@_planted(EDITED, "B1", "B5")
def no_second_look() -> list[Patch]:
    """What was heard of an event waits until the booking changes as well."""
    return [(links, "differ", lambda *given: None)]


@_planted(READ_LATE, "B4")
def older_booking() -> list[Patch]:
    """A booking that was read before it was written back counts."""
    told = calendar_steps._after

    def after(step: Any) -> Any:
        pair, why = told(step)
        return pair._replace(version=0), why

    return [(calendar_steps, "_after", after)]


@_planted(MADE, "B1")
def unknown_gone() -> list[Patch]:
    """An event that is deleted before its id is known is not missed."""
    return [(hearing.Ear, "_unsettle", lambda *given: None)]


@_planted(REASSIGNED, "B1", "B2")
def no_strays() -> list[Patch]:
    """An event that was lost, and is there again beside the new one, stays."""
    return [(hearing.Ear, "_remove_strays", lambda self: None)]


@_planted(EDITED, "B1", "B5")
def sight_dropped() -> list[Patch]:
    """What is heard while a booking is on its way is thrown away with its outcome."""
    of = pairs.of

    def blind(*given: Any) -> Any:
        return {key: [pair._replace(seen=None) for pair in found] for key, found in of(*given).items()}

    return [(pairs, "of", blind)]


@_planted(REPEATED, "B7")
def series_edited() -> list[Patch]:
    """An event that a person made a series of is taken for what it was."""
    alike = [
        (of, name, _single(getattr(of, name)))
        for of, name in ((hearing, "differs"), (hearing, "matches"), (calendar_writes, "facts_of"))
    ]
    return [*alike, (calendar_writes, "adopted", lambda pair: pair)]


def _single(call: Any) -> Any:
    """A call that takes each event for a single one."""

    def blind(*given: Any) -> Any:
        return call(*(_once(one) for one in given))

    return blind


def _once(given: Any) -> Any:
    if isinstance(given, Event):
        return msgspec.structs.replace(given, series=False)
    if isinstance(given, Pair) and given.seen and given.seen.event:
        return given._replace(seen=Seen(_once(given.seen.event)))
    return given


@_planted(COPIED, "B7")
def copies_taken() -> list[Patch]:
    """A person's copy of an event is taken for the event."""
    told = hearing.Ear._told

    def all_told(self: Any, connection: Any, events: Any) -> Any:
        return told(self, connection, [msgspec.structs.replace(event, original=True) for event in events])

    return [(hearing.Ear, "_told", all_told)]


@_planted(CONCLUDED_LATE, "B1", "B3", "B4", "B5")
def number_of_another() -> list[Patch]:
    """What was noted under the number before the last is taken for this worker's own."""
    save = pairs.save_if

    def near(connection: Any, cipher: Any, pair: Any, revs: Any) -> bool:
        return save(connection, cipher, pair, [*revs, pair.rev - 1])

    return [(pairs, "save_if", near)]


@_planted(WITHDRAWN, "B8")
def emptied() -> list[Patch]:
    """A booking leaves the calendar where it is shown, whether or not it can be shown where it is to be."""
    return [(calendar_writes, "_stays", lambda *given: False)]
