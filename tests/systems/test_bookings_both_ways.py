"""Both ways between a bookings table and calendars, on both databases: what is written back, and never comes back."""

import time

import pytest

from accord.availability import refresh
from accord.bookings import at
from accord.calendar_target import CalendarTarget
from accord.clock import SystemClock
from accord.compare import reconcile
from accord.pairing import Policy
from accord.records import Kind
from accord.sync import Sync
from accord.systems.bookings import Store

SYNC = Sync("booking-to-calendar/main", "bookings/main", "calendars/main")
START, END = "2027-01-12T10:00", "2027-01-12T11:00"
QUIET = (0, 0, 0)  # created, updated, deleted


@pytest.fixture
def office(own, run, new_ledger, homes, fakes):
    """Two people's calendars, and the sync by a policy; it gives what a run did."""
    run("INSERT INTO people VALUES ('ana', 'google/main', 'ana@x'), ('dan', 'google/main', 'dan@x')")
    own.google = fakes.FakeCalendars(["ana@x", "dan@x"], time.time)
    ledger, store = new_ledger(), Store(own.database)

    def sync(policy=Policy.CALENDAR):
        accounts, people = {"google/main": own.google}, own.database.people()
        own.target = CalendarTarget(SYNC, accounts, people, store, ledger, policy, homes.Straight())
        home = homes.Home(ledger, own, own.target, {Kind.BOOKING}, sync=SYNC)
        home.plan()
        return home.run()

    return sync


def record(own, key="b_1"):
    (parsed,) = own.records("booking", own.fetch("booking", key))
    return parsed.record


def event(own, key="b_1", calendar="ana@x"):
    (found,) = own.google.of(calendar, key)
    return found


def test_an_event_that_is_moved_moves_the_booking_once_and_that_is_no_change(own, book, office):
    book("b_1", START, END)
    assert office().created == 1
    own.google.move("ana@x", event(own).id)
    office()
    moved = record(own)
    assert (moved.version, moved.takes) == (2, event(own).span)
    assert moved.start != f"{START}:00"
    for _ in range(2):
        office()
        assert (record(own).version, event(own).span) == (2, moved.takes)
    assert reconcile(own, own.target, SYNC.connection).complete


def test_an_event_that_is_deleted_cancels_the_booking(own, book, office):
    book("b_1", START, END)
    office()
    own.google.delete("ana@x", event(own).id)
    office()
    assert (record(own).status, record(own).version) == ("cancelled", 2)
    office()
    assert own.google.of("ana@x", "b_1") == []


def test_a_booking_that_was_changed_meanwhile_is_not_overwritten(own, book, run, office):
    """The event is moved by hand, and the booking in its own system before anybody has heard of that."""
    book("b_1", START, END)
    office()
    own.google.move("ana@x", event(own).id)
    run("UPDATE bookings SET title = 'Other' WHERE id = 'b_1'")
    office()
    office()
    assert (record(own).title, record(own).takes) == ("Other", event(own).span)


def test_a_booking_that_is_reassigned_or_deleted_leaves_the_calendar(own, book, run, office):
    book("b_1", START, END)
    office(Policy.BOOKING)
    run("UPDATE bookings SET person = 'dan' WHERE id = 'b_1'")
    office(Policy.BOOKING)
    assert own.google.of("ana@x", "b_1") == []
    assert event(own, calendar="dan@x").span == record(own).takes
    run("DELETE FROM bookings")
    office(Policy.BOOKING)
    assert own.google.of("dan@x", "b_1") == []
    assert reconcile(own, own.target, SYNC.connection).complete


def test_our_own_event_takes_its_person_until_it_is_gone(own, book, run, office):
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 5 * 86_400))
    book("b_1", f"{day}T10:00", f"{day}T11:00")
    office()
    store, ten = Store(own.database), at(f"{day}T10:00", "Europe/Bucharest")
    assert refresh(store, {"google/main": own.google}, SystemClock()) == {"ana": None, "dan": None}
    assert store.taken("ana", ten + 600, ten + 1200) == "the calendar is taken"
    assert store.taken("ana", ten + 3600, ten + 7200) is None
    assert store.taken("dan", ten + 600, ten + 1200) is None
    run("DELETE FROM bookings")
    office()
    refresh(store, {"google/main": own.google}, SystemClock())
    assert store.taken("ana", ten + 600, ten + 1200) is None
