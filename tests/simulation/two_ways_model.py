"""Both sides of the bookings' schedules, as workers meet them and as people change them, and what must never happen."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from faults import LOST, REPLY_LOST, THROTTLED
from two_ways_faults import LATE
from world import Violation, World

from accord.bookings import Booking, Status, showing
from accord.calendars import Changes, Create, Delete, Done, Event, NotDone, Operation, Outcome, Seat, Update
from accord.errors import Misconfigured, Refused, TryLater
from accord.pairing import Policy

sys.path.append(str(Path(__file__).parents[1] / "core"))

from fake_calendars import FakeBookings, FakeCalendars, booking

T = TypeVar("T")

ACCOUNTS = {"google/main": ("ana@x", "dan@x"), "microsoft/main": ("ana@x", "eva@x")}
HOME = {
    "ana": Seat("google/main", "ana@x"),
    "dan": Seat("google/main", "dan@x"),
    "eva": Seat("microsoft/main", "eva@x"),
}
ELSEWHERE = {**HOME, "ana": Seat("microsoft/main", "ana@x")}
QUIET = 6000  # seconds after which no worker sleeps any more that decided about what was before


def shows(event: Event) -> str:
    """A digest of what an event shows."""
    assert event.span is not None
    return showing(event.span, event.place)


class Office:
    """The truth: bookings, calendars, people at work in both, and what Accord may do to either."""

    def __init__(self, world: World, policy: Policy, rewrites: bool, omits: float) -> None:
        self.world, self.rng, self.policy, self.omits = world, world.rng, policy, omits
        self.bookings = FakeBookings(world.true_now)
        self.accounts = {name: FakeCalendars(names, world.true_now) for name, names in ACCOUNTS.items()}
        self.people = dict(HOME)
        self.by_people: dict[str, set[str]] = {}  # what people ever made the events of a booking show; "" is gone
        self.untold: dict[tuple[str, str], str] = {}  # of an event, what people made it show that nobody else knows yet
        self.history: dict[str, dict[int, tuple[str, str]]] = {}  # of each booking, what it ever was
        self.followed: dict[str, int] = {}  # the version under which a booking last followed its event
        self.binned: dict[tuple[str, str], str | None] = {}  # the same, of what was deleted
        self.copies: dict[str, tuple[str, Event]] = {}  # by id, with the account, each as its person left it
        self.withdrawn: set[Seat] = set()  # calendars that are not shown to Accord
        self.came_late: set[str] = set()  # events that were made long after they were asked for
        self.by_hand: set[str] = set()  # events that people have put where they are
        self.chose: dict[str, int] = {}  # the version of a booking about which a person last said so
        self.chosen: set[str] = set()  # bookings of which a person said which side counts
        self.late: list[tuple[float, int, Callable[[], object]]] = []
        self.serial = self.writes = 0
        self.calm = False
        self.resume: Callable[[Seat], None] = lambda seat: None  # a person lets a paused calendar go on
        self.ended: Callable[[Seat, str], bool] = lambda seat, name: False  # whether a pair is no more
        self.known: Callable[[Seat, str], bool] = lambda seat, id: True  # whether the ledger knows an event
        if rewrites:
            for account in self.accounts.values():
                account.rewrites = lambda place: place and place.upper()

        keep = self.bookings.keep

        def kept(one: Booking) -> Booking:
            self.history.setdefault(one.key, {})[one.version] = (one.start, one.title)
            return keep(one)

        self.bookings.keep = kept

    # -- what people do in the bookings

    def _pick(self, among: Sequence[T]) -> T | None:
        return self.rng.choice(among) if among else None

    def _booked(self) -> Booking | None:
        return self._pick([one for one in self.bookings.held.values() if one.status is Status.BOOKED])

    def book(self) -> None:
        """A new booking."""
        self.serial += 1
        person = self.rng.choice(sorted(HOME))
        self.bookings.add(booking(f"b{self.serial}", person, self.rng.randrange(8, 18)))

    def _change(self, found: Booking | None, **changed: Any) -> None:
        if found is not None:
            self.bookings.change(found.key, **changed)
            self.chosen.discard(found.key)

    def rebook(self) -> None:
        """Another time."""
        hour = self.rng.randrange(8, 18)
        self._change(self._booked(), start=f"2027-01-16T{hour:02}:00:00", end=f"2027-01-16T{hour:02}:45:00")

    def retitle(self) -> None:
        """Another title."""
        self.serial += 1
        self._change(self._booked(), title=f"Visit {self.serial}")

    def reassign(self) -> None:
        """Another person."""
        self._change(self._booked(), person=self.rng.choice(sorted(HOME)))

    def cancel(self) -> None:
        """Nobody comes."""
        self._change(self._booked(), status=Status.CANCELLED)

    def remove(self) -> None:
        """The row is deleted; the system tells of it by a rescan only, or where somebody asks."""
        found = self._pick([one for one in self.bookings.held.values() if one.status is Status.CANCELLED])
        if found is not None:
            del self.bookings.held[found.key]

    # -- what people do in the calendars

    def events(self) -> list[tuple[str, Event]]:
        """Every event of ours that is there, with its account."""
        return [
            (name, event)
            for name, account in self.accounts.items()
            for of in account.held.values()
            for event in of.values()
            if event.mark is not None and event.id not in self.copies
        ]

    def singles(self) -> list[tuple[str, Event]]:
        """Those of them of which nobody made a series."""
        return [(name, event) for name, event in self.events() if not event.series]

    def _touch(self, name: str, event: Event, shown: str) -> None:
        assert event.mark is not None
        self.by_people.setdefault(event.mark.name, set()).add(shown)
        # What has ended and is there all the same is nobody's: it is deleted, or written when it is wanted again.
        if not self.ended(Seat(name, event.calendar), event.mark.name):
            self.untold[name, event.id] = shown

    def forgive(self) -> None:
        """What people did to an event while its booking was another person's, or gone, counts no more."""
        for name, event in self.events():
            assert event.mark is not None
            if (name, event.id) in self.untold and self.ended(Seat(name, event.calendar), event.mark.name):
                del self.untold[name, event.id]

    def move(self) -> None:
        """An event is moved."""
        if found := self._pick(self.events()):
            name, event = found
            moved = self.accounts[name].move(event.calendar, event.id, 900 * self.rng.randrange(1, 20))
            self._touch(name, moved, shows(moved))

    def replace(self) -> None:
        """An event has another place."""
        if found := self._pick(self.events()):
            name, event = found
            self.serial += 1
            moved = self.accounts[name].change(event.calendar, event.id, place=f"ROOM {self.serial}")
            self._touch(name, moved, shows(moved))

    def delete(self) -> None:
        """An event is deleted."""
        if found := self._pick(self.events()):
            name, event = found
            self.accounts[name].delete(event.calendar, event.id)
            self.binned[name, event.id] = self.untold.get((name, event.id))
            self._touch(name, event, "")

    def restore(self) -> None:
        """An event comes back out of the bin."""
        bins = [(name, e) for name, a in self.accounts.items() for of in a.gone.values() for e in of.values() if e.mark]
        if found := self._pick(bins):
            name, event = found
            self.by_hand.add(event.id)
            back = self.accounts[name].restore(event.calendar, event.id)
            self._touch(name, back, shows(back))
            told = self.binned.pop((name, event.id), None)
            if not told:  # it shows what Accord gave it, as if nothing had been
                self.untold.pop((name, event.id), None)

    def touch(self) -> None:
        """Somebody mends a title for themselves."""
        if found := self._pick(self.events()):
            name, event = found
            self.serial += 1
            self.accounts[name].change(event.calendar, event.id, title=f"my title {self.serial}")

    def copy(self) -> None:
        """Somebody copies an event with all that it carries.

        One system's copies are told by their ids; of the other one only events that are known to be there are copied.
        """
        sure = "google/main"
        events = [(n, e) for n, e in self.singles() if n == sure or self.known(Seat(n, e.calendar), e.id)]
        if found := self._pick(events):
            name, event = found
            self.serial += 1
            id, like = f"copy {self.serial}", {"mark": event.mark, "span": event.span, "original": name != sure}
            self.copies[id] = (name, self.accounts[name].add(event.calendar, id, **like))

    def move_copy(self) -> None:
        """Somebody moves a copy; where copies can not be told, nobody does."""
        if found := self._pick([(n, e) for n, e in self.copies.values() if not e.original]):
            name, event = found
            self.copies[event.id] = (name, self.accounts[name].move(event.calendar, event.id, 900))

    def repeat(self) -> None:
        """Somebody has an event take place every week."""
        if found := self._pick(self.singles()):
            name, event = found
            self.accounts[name].change(event.calendar, event.id, series=True)

    def end_series(self) -> None:
        """Somebody has it take place once, where and when it did."""
        if found := self._pick([(name, event) for name, event in self.events() if event.series]):
            name, event = found
            self.by_hand.add(event.id)  # a person may have said before that the booking is shown beside it
            self.accounts[name].change(event.calendar, event.id, series=False)

    def own(self) -> None:
        """Somebody makes an event of their own."""
        self.serial += 1
        name = self.rng.choice(sorted(ACCOUNTS))
        self.accounts[name].add(self.rng.choice(ACCOUNTS[name]), f"own {self.serial}")

    def transfer(self) -> None:
        """An event is moved into a colleague's calendar, with all that it carries."""
        if found := self._pick([one for one in self.events() if one[0] == "google/main"]):
            name, event = found
            account, other = self.accounts[name], "dan@x" if event.calendar == "ana@x" else "ana@x"
            if event.id in account.held[other] or event.id in account.gone[other]:
                return
            self.by_hand.add(event.id)
            account.delete(event.calendar, event.id)
            self._touch(name, event, "")
            account._keep(other, msgspec.structs.replace(event, calendar=other))

    # -- what happens around both

    def forget(self) -> None:
        """A system goes on from no token any more."""
        self.accounts[self.rng.choice(sorted(ACCOUNTS))].forget_tokens()
        self.world.note("tokens died")

    def reseat(self) -> None:
        """A person gets another calendar."""
        self.people.update(self.rng.choice((HOME, ELSEWHERE)))
        self.world.note("a person got another calendar")

    def withdraw(self) -> None:
        """A calendar is not there for Accord any more; or it is again, and a person lets its bookings go on."""
        name = self.rng.choice(sorted(ACCOUNTS))
        seat = Seat(name, self.rng.choice(ACCOUNTS[name]))
        self.world.note("a calendar is withdrawn, or given back")
        if seat in self.withdrawn:
            self.give_back(seat)
        else:
            self.withdrawn.add(seat)

    def give_back(self, seat: Seat) -> None:
        """A calendar is there again."""
        self.withdrawn.discard(seat)
        self.resume(seat)

    def outage(self) -> None:
        """An account can not be reached, or is not to be any more; or it can again."""
        account = self.accounts[self.rng.choice(sorted(ACCOUNTS))]
        away = self.rng.choice((TryLater("the account is away", 30), Misconfigured("the account takes no such grant")))
        account.failing = None if account.failing else away
        self.world.note("an account is away")

    # -- what Accord does

    def catch_up(self) -> None:
        """What is due by now has its effect."""
        due = sorted((one for one in self.late if one[0] <= self.world.true), key=lambda one: one[:2])
        self.late = [one for one in self.late if one[0] > self.world.true]
        for _, _, action in due:
            self.world.note("came late")
            action()

    def later(self, action: Callable[[], object]) -> None:
        """Something has its effect long after everybody gave up waiting for it."""
        self.serial += 1
        self.late.append((self.world.true + self.rng.choice((5.0, 60.0, 500.0)), self.serial, action))

    def come_late(self, name: str, operation: Operation) -> None:
        """An operation has its effect when its booking may have been elsewhere and back: the next run mends that."""
        outcome = self.apply(name, operation)
        if isinstance(operation, Create) and isinstance(outcome, Done) and outcome.event is not None:
            self.came_late.add(outcome.event.id)

    def apply(self, name: str, operation: Operation) -> Outcome:
        """One operation of Accord's, which must not do what it may not."""
        account = self.accounts[name]
        self.writes += 1
        before = account.held[operation.calendar].get(getattr(operation, "id", ""))
        outcome = account.done(operation)
        if not isinstance(outcome, Done):
            return outcome
        if before is not None and before.series:
            self._judge_series(operation, before)
        if isinstance(operation, Delete) and before is not None and before.mark is not None:
            self._judge_delete(before)
        if isinstance(operation, Update):
            self._judge_update(name, operation, before, outcome)
        if isinstance(operation, Create) and outcome.event is not None:
            self.untold.pop((name, outcome.event.id), None)
            self._judge_create(name, operation, outcome.event)
        return outcome

    def _judge_create(self, name: str, operation: Create, made: Event) -> None:
        """B2: nothing is made beside what is there, unless a person has put that there, or it was sent before that."""
        there = self.accounts[name].of(operation.calendar, operation.wanted.mark.name.rpartition(":")[2])
        generation = operation.wanted.mark.generation
        known = {event.id for event in there if event.mark and event.mark.generation <= generation}
        series = {event.id for event in there if event.series}
        beside = known - self.copies.keys() - self.by_hand - self.came_late - series - {made.id}
        if beside:
            raise Violation(f"B2: {made.id} was made beside {sorted(beside)}")

    def _judge_delete(self, before: Event) -> None:
        """B8: a booking that nobody changed for long is not taken away before it is shown where it is to be."""
        assert before.mark is not None
        key = before.mark.name.rpartition(":")[2]
        found = self.bookings.held.get(key)
        seat = self.people.get(found.person) if found and found.takes else None
        if found is None or seat not in self.withdrawn or self.world.true - found.updated < QUIET:
            return
        there = {id(event) for _, event in self.events() if event.mark and event.mark.name == before.mark.name}
        if not there - {id(before)}:
            raise Violation(f"B8: {key} is shown nowhere, and {seat} is not there")

    def _judge_series(self, operation: Operation, before: Event) -> None:
        """B7: a series is not written, and not deleted unless a person has said so."""
        assert before.mark is not None
        if isinstance(operation, Update) or before.mark.name.rpartition(":")[2] not in self.chosen:
            raise Violation(f"B7: the series {before.id} was written")

    def _judge_update(self, name: str, operation: Update, before: Event | None, outcome: Done) -> None:
        """B4: what people did in a calendar is overwritten only where the policy says so, knowing what it was."""
        assert before is not None
        assert outcome.event is not None
        shown = self.untold.pop((name, operation.id), None)
        mark = operation.wanted.mark
        key = mark.name.rpartition(":")[2]
        shows_ = (operation.wanted.start, operation.wanted.title)
        versions = [
            version for version, (start, title) in self.history.get(key, {}).items() if (start, title) == shows_
        ]
        if versions and max(versions) < self.followed.get(key, 0):
            raise Violation(f"B4: {operation.id} was given version {max(versions)}, though {key} has followed it since")
        if shown in (None, "", shows(outcome.event)) or key in self.chosen or mark.generation < 0:
            return
        if self.chose.get(key) in versions:  # by a run that had read it before it was changed once more
            return
        found = self.bookings.held.get(key)
        seated = found is not None and self.people.get(found.person) == Seat(name, operation.calendar)
        if found is None or not seated or found.takes is None:
            return
        newer = self.policy is Policy.NEWEST and found.updated >= before.updated
        if self.policy is not Policy.BOOKING and not newer and shows(before) == shown:
            raise Violation(f"B4: what a person did to {operation.id} was overwritten: {shown}")

    def write_back(self, what: str, key: str, shown: str, name: str, done: Callable[[], bool]) -> bool:
        """B3: a booking follows only what a person did to an event of it."""
        self.writes += 1
        if not done():
            return False
        if shown not in self.by_people.get(name, ()) and not (shown and self._rewritten()):
            raise Violation(f"B3: {key} was written ({what}) though nobody changed its event so")
        if self.policy is Policy.BOOKING and key not in self.chosen:
            raise Violation(f"B3: {key} was written ({what}) though the booking wins")
        if self.policy is Policy.ASK and key not in self.chosen:
            raise Violation(f"B3: {key} was written ({what}) though nobody was asked")
        self.followed[key] = self.bookings.held[key].version
        for seat in [one for one, said in self.untold.items() if said == shown and one[1].startswith(f"{name}#")]:
            del self.untold[seat]
        return True

    def _rewritten(self) -> bool:
        """Whether the place that a server made of ours may come back: it is not what was sent, and nobody heard."""
        return any((self.world.profile.rates or {}).values()) and any(
            account.rewrites("a") != "a" for account in self.accounts.values()
        )


class SimCalendars:
    """The calendars of an account behind a network."""

    def __init__(self, office: Office, name: str) -> None:
        self._office, self._name, self._world = office, name, office.world

    @property
    def _account(self) -> FakeCalendars:
        return self._office.accounts[self._name]

    def _ask(self, calendar: str, what: str, answer: Callable[[], T]) -> T:
        verdict = self._world.point("calendar", what)
        self._office.catch_up()
        self._office.forgive()
        if Seat(self._name, calendar) in self._office.withdrawn:
            raise Refused(f"there is no calendar {calendar}")
        if verdict in (LOST, THROTTLED, LATE):
            raise TryLater(f"{verdict}: {what}")
        found = answer()
        if verdict == REPLY_LOST:
            raise TryLater(f"{verdict}: {what}")
        return found

    def changes(self, calendar: str, at: str | None) -> Changes:
        """A page; a list of everything may leave something out."""
        found = self._ask(calendar, f"changes {calendar} {at}", lambda: self._account.changes(calendar, at))
        if at is None and not self._office.calm and self._office.rng.random() < self._office.omits:
            self._world.note("a list left something out")
            return found._replace(events=found.events[1:])
        return found

    def latest(self, calendar: str) -> str:
        """A token that goes on from now; nobody should ask for it."""
        return self._account.latest(calendar)

    def get(self, calendar: str, id: str) -> Event | None:
        """One event."""
        return self._ask(calendar, f"get {id}", lambda: self._account.get(calendar, id))

    def find(self, calendar: str, name: str) -> list[Event]:
        """Those of a booking."""
        self._world.note("looked for an event by its booking")
        return self._ask(calendar, f"find {name}", lambda: self._account.find(calendar, name))

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """One after the other."""
        return [self._one(operation) for operation in operations]

    def _one(self, operation: Operation) -> Outcome:
        office, what = self._office, type(operation).__name__.lower()
        about = operation.id if isinstance(operation, Update | Delete) else operation.wanted.mark.name
        verdict = self._world.point("calendar", f"{what} {about}")
        office.catch_up()
        if self._account.failing is not None:
            return NotDone(self._account.failing)
        if Seat(self._name, operation.calendar) in office.withdrawn:
            return NotDone(Refused(f"there is no calendar {operation.calendar}"))
        if verdict == LATE:
            office.later(lambda: office.come_late(self._name, operation))
        if verdict in (LOST, THROTTLED, LATE):
            return NotDone(TryLater(f"{verdict}: {what}"))
        outcome = office.apply(self._name, operation)
        return NotDone(TryLater(f"{verdict}: {what}")) if verdict == REPLY_LOST else outcome

    def busy(self, *given: Any) -> Any:
        """Nobody asks."""
        raise AssertionError

    def close(self) -> None:
        """Nothing is held."""


class SimBookings:
    """The system of bookings behind a network, to read and to write."""

    discovery = FakeBookings.discovery

    def __init__(self, office: Office, sync: str) -> None:
        self._office, self._world, self._sync = office, office.world, sync
        self.date: int | None = None
        model = office.bookings
        self.records, self.events, self.tombstone, self.began = (
            model.records,
            model.events,
            model.tombstone,
            model.began,
        )

    def _ask(self, port: str, what: str, answer: Callable[[], T]) -> T:
        verdict = self._world.point(port, what)
        if verdict in (LOST, THROTTLED):
            raise TryLater(f"{verdict}: {what}")
        found = answer()
        self.date = self._office.bookings.date
        if verdict == REPLY_LOST:
            raise TryLater(f"{verdict}: {what}")
        return found

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Any:
        """A page."""
        return self._ask("source", f"page {after}", lambda: self._office.bookings.page(stream, lo, hi, after))

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One booking."""
        return self._ask("source", f"fetch {key}", lambda: self._office.bookings.fetch(kind, key))

    def move(self, key: str, version: int, start: str, end: str, zone: str, place: str | None) -> bool:
        """Another time and place."""
        office, name = self._office, f"{self._sync}:{key}"
        moved = msgspec.structs.replace(booking(key), start=start, end=end, zone=zone, place=place)
        assert moved.takes is not None
        shown = showing(moved.takes, place)
        store = office.bookings
        write = lambda: store.move(key, version, start, end, zone, place)  # noqa: E731
        return self._ask("store", f"move {key}", lambda: office.write_back("move", key, shown, name, write))

    def cancel(self, key: str, version: int) -> bool:
        """Nobody comes."""
        office, name = self._office, f"{self._sync}:{key}"
        write = lambda: office.bookings.cancel(key, version)  # noqa: E731
        return self._ask("store", f"cancel {key}", lambda: office.write_back("cancel", key, "", name, write))
