"""Bookings and calendars, both ways, through whole runs."""

import pytest

from accord.calendar_target import CalendarTarget
from accord.calendars import Seat
from accord.compare import reconcile
from accord.ledger import inbox, pairs, quarantine
from accord.pairing import Policy
from accord.records import Kind
from accord.run import attempt
from accord.sync import Sync

SYNC = Sync("booking-to-calendar/bookings-main", "bookings/main", "calendars/main")
ANA, DAN, EVA = Seat("google/main", "ana@x"), Seat("google/main", "dan@x"), Seat("microsoft/main", "eva@x")


class Office:
    """A booking system, two accounts with calendars, and the sync between them."""

    def __init__(self, ledger, clock, homes, fakes, policy=Policy.BOOKING):
        self.ledger, self.clock, self.fakes, self._homes = ledger, clock, fakes, homes
        self.bookings = fakes.FakeBookings(clock.now)
        self.google = fakes.FakeCalendars(["ana@x", "dan@x"], clock.now)
        self.microsoft = fakes.FakeCalendars(["eva@x"], clock.now)
        self.accounts = {"google/main": self.google, "microsoft/main": self.microsoft}
        self.people = {"ana": ANA, "dan": DAN, "eva": EVA}
        self.policy = policy

    @property
    def target(self):
        straight = self._homes.Straight()
        return CalendarTarget(SYNC, self.accounts, self.people, self.bookings, self.ledger, self.policy, straight)

    def attempt(self):
        self.clock.sleep(400)
        home = self._homes.Home(self.ledger, self.bookings, self.target, {Kind.BOOKING}, sync=SYNC)
        return attempt(home, {Kind.BOOKING})

    def run(self):
        tally, error = self.attempt()
        if error is not None:
            raise error
        return tally

    def book(self, key, *given, **changed):
        return self.bookings.add(self.fakes.booking(key, *given, **changed))

    def event(self, key, calendar="ana@x"):
        account = self.microsoft if calendar == "eva@x" else self.google
        (event,) = account.of(calendar, key)
        return event

    def pair(self, key):
        (pair,) = self.ledger.read(lambda c: pairs.of(c, self.ledger.cipher, SYNC.name, [key]))[key]
        return pair

    def agreement(self):
        return reconcile(self.bookings, self.target, SYNC.connection)

    def kept(self):
        return self.ledger.read(lambda c: quarantine.reasons(c, SYNC.name, Kind.BOOKING))

    def waiting(self):
        return self.ledger.read(lambda c: inbox.waiting(c, SYNC.name))


@pytest.fixture
def office(in_memory, clock, homes, fakes):
    made = []

    def office(policy=Policy.BOOKING):
        made.append(Office(in_memory(), clock, homes, fakes, policy))
        return made[-1]

    return office


def test_a_booking_appears_moves_and_disappears(office):
    here = office()
    here.book("b1")
    assert here.run().created == 1
    first = here.event("b1")
    assert first.span.end - first.span.start == 1800
    here.bookings.change("b1", start="2027-01-15T12:00:00", end="2027-01-15T13:00:00")
    assert here.run().updated == 1
    assert here.event("b1").id == first.id
    assert here.event("b1").span.end - here.event("b1").span.start == 3600
    assert here.agreement().complete
    here.bookings.change("b1", status="cancelled")
    here.run()
    assert here.google.of("ana@x", "b1") == []
    assert here.agreement().complete
    assert here.bookings.written == []


def test_a_second_run_asks_each_calendar_once_and_writes_nothing(office):
    here = office()
    for number in range(9):
        here.book(f"b{number}", person=("ana", "dan", "eva")[number % 3])
    here.run()
    here.run()
    here.google.asked.clear()
    here.microsoft.asked.clear()
    here.clock.sleep(4000)
    tally = here.run()
    assert (tally.created, tally.updated, tally.deleted) == (0, 0, 0)
    assert sorted(here.google.asked + here.microsoft.asked) == ["changes ana@x", "changes dan@x", "changes eva@x"]


@pytest.mark.parametrize("what", ["move", "delete"])
def test_what_people_do_in_the_calendar_comes_back_by_the_policy(office, what):
    for policy in Policy:
        here = office(policy)
        here.book("b1")
        here.run()
        before = here.event("b1")
        here.clock.sleep(10)
        getattr(here.google, what)("ana@x", before.id)
        here.run()
        here.run()
        booking = here.bookings.held["b1"]
        if policy is Policy.BOOKING:
            assert here.event("b1").span == before.span
            assert booking.version == 1
        elif policy is Policy.ASK:
            assert here.pair("b1").state == "conflict"
            assert booking.version == 1
        elif what == "move":
            assert booking.takes == here.event("b1").span != before.span
            assert booking.version == 2
        else:
            assert booking.status == "cancelled"
        assert here.agreement().complete == (policy is not Policy.ASK)
        assert len(here.bookings.written) == (policy in (Policy.CALENDAR, Policy.NEWEST))
