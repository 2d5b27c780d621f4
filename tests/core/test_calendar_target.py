"""Bookings and calendars, both ways, through whole runs."""

import pytest

from accord import calendar_writes
from accord.calendars import NotDone, Seat
from accord.errors import Misconfigured, Refused, TryLater
from accord.kinds import Kind
from accord.pairing import Policy


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


def test_a_booking_given_to_another_person_moves_to_that_calendar(office):
    here = office()
    here.book("b1")
    here.run()
    here.bookings.change("b1", person="eva")
    here.run()
    assert here.event("b1", "eva@x")
    assert here.google.of("ana@x", "b1") == []
    here.bookings.change("b1", person="ana")
    here.run()
    assert here.event("b1").id.endswith("#1"), "no id is given out twice"
    assert here.agreement().complete


def test_a_person_whose_calendar_is_another_one_now_is_noticed(office):
    here = office()
    here.book("b1")
    here.run()
    here.people["ana"] = Seat("google/main", "dan@x")
    here.run()
    assert here.google.of("ana@x", "b1") == []
    assert here.event("b1", "dan@x")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"person": "ion"}, "nothing says which calendar is ion's; say it in the mapping of people"),
        ({"zone": "Mars/Olympus"}, "its start or end is no wall time of a zone that is known"),
        ({"end": "2027-01-15T09:00:00"}, "it does not end after it begins"),
    ],
)
def test_what_can_not_be_shown_is_named_and_holds_up_nobody(office, changed, why):
    here = office()
    here.book("b1", **changed)
    here.book("b2")
    here.run()
    assert here.kept() == {"b1": [why]}
    assert here.event("b2")
    assert here.bookings.held["b1"]


def test_an_account_that_is_not_connected_is_named(office):
    here = office()
    del here.accounts["microsoft/main"]
    here.book("b1", person="eva")
    here.run()
    assert here.kept() == {"b1": ["the calendar account microsoft/main is not connected; connect it"]}


@pytest.mark.parametrize("error", [TryLater("it is away", 30), Misconfigured("AADSTS70008: its grant has ended")])
def test_bookings_of_an_account_that_fails_wait_and_the_rest_goes_on(office, error):
    here = office()
    here.book("b1", person="eva")
    here.book("b2")
    here.microsoft.failing = error
    tally, raised = here.attempt()
    assert tally.created == 1
    assert tally.held
    assert type(raised) is type(error)
    assert str(error) in str(raised)
    assert here.standing().held == 1
    assert not here.standing().agreed
    here.microsoft.failing = None
    here.run()
    assert here.event("b1", "eva@x")
    assert here.standing().agreed


def test_an_account_that_may_be_read_and_not_written_to_is_named(office):
    here = office()
    here.book("b1", person="eva")
    here.microsoft.apply = lambda operations: (_ for _ in ()).throw(Misconfigured("it may only read"))
    tally, raised = here.attempt()
    assert isinstance(raised, Misconfigured)
    assert tally.created == 0


def test_an_event_that_a_system_will_never_take_is_quarantined(office):
    here = office()
    here.book("b1")
    here.google.apply = lambda operations: (_ for _ in ()).throw(Refused("it is too large"))
    here.run()
    assert here.kept() == {"b1": ["it is too large"]}


def test_what_a_server_rewrites_and_a_title_that_somebody_mends_are_no_changes(office):
    here = office(Policy.CALENDAR)
    here.google.rewrites = lambda place: f"{place}, Bucharest"
    here.book("b1")
    here.run()
    here.google.change("ana@x", here.event("b1").id, title="my own title")
    here.run()
    here.run()
    assert here.bookings.written == []
    assert here.event("b1").title == "my own title"
    assert here.agreement().complete
    here.bookings.change("b1", title="Another visit")
    here.run()
    assert here.event("b1").title == "<b>Another visit</b>"


def test_both_sides_changed_and_came_to_the_same(office):
    here = office(Policy.ASK)
    here.book("b1")
    here.run()
    here.google.move("ana@x", here.event("b1").id)
    here.bookings.change("b1", start="2027-01-15T11:00:00", end="2027-01-15T11:30:00")
    etag = here.event("b1").etag
    here.run()
    assert here.event("b1").etag == etag
    assert here.bookings.held["b1"].version == 2
    assert here.standing().conflicts == 0


def test_an_event_moved_to_an_hour_that_comes_twice_comes_back_as_that_second(office):
    here = office(Policy.CALENDAR)
    here.book("b1", start="2026-10-25T01:00:00", end="2026-10-25T01:30:00")
    here.run()
    before = here.event("b1").span
    here.google.move("ana@x", here.event("b1").id, 3 * 3600)  # to the second 03:00 of that night
    here.run()
    here.run()
    assert here.event("b1").span.start == before.start + 3 * 3600
    assert here.bookings.held["b1"].takes == here.event("b1").span
    assert here.agreement().complete


def test_a_cancelled_booking_that_was_never_shown_agrees_with_no_event(office):
    here = office()
    here.book("b1", status="cancelled")
    here.run()
    assert here.agreement().complete


def test_the_ledger_is_lost_and_nothing_is_made_twice(office, in_memory):
    here = office(Policy.CALENDAR)
    here.book("b1")
    here.book("b2", person="eva")
    here.run()
    here.ledger = in_memory()
    here.run()
    assert here.event("b1")
    assert here.event("b2", "eva@x")
    assert here.bookings.written == []
    assert here.agreement().complete


def test_events_of_another_installation_are_left_alone(office):
    here, there = office(), office()
    there.google = there.accounts["google/main"] = here.google
    here.book("b1")
    here.run()
    there.run()
    assert here.event("b1")


def test_what_reconcile_finds(office):
    here = office()
    for key in ("b1", "b2", "b3"):
        here.book(key)
    here.run()
    here.google.move("ana@x", here.event("b1").id)
    here.google.delete("ana@x", here.event("b2").id)
    del here.bookings.held["b3"]
    found = {one.key: one.how for one in here.agreement().disagreements}
    assert found == {"b1": "differs", "b2": "differs", "b3": "extra"}


def test_an_event_that_a_list_tells_twice_is_one(office, monkeypatch):
    here = office()
    here.book("b1")
    here.run()
    changes = here.google.changes

    def twice(calendar, at):
        page = changes(calendar, at)
        return page._replace(events=[*page.events, *page.events])

    monkeypatch.setattr(here.google, "changes", twice)
    assert here.agreement().complete


def test_many_bookings_are_made_in_one_call_of_an_account(office):
    here = office()
    for number in range(30):
        here.book(f"b{number:02}", hour=9)
    here.run()
    assert here.google.asked.count("create ana@x") == 30
    assert not any(asked.startswith(("find", "get")) for asked in here.google.asked)


def test_values_of_people_are_in_no_repr(office):
    here = office(Policy.ASK)
    here.book("b1")
    here.run()
    here.google.move("ana@x", here.event("b1").id)
    here.run()
    assert "Client of" not in repr(here.pair("b1"))
    assert "Room" not in repr(here.pair("b1"))


def test_what_another_worker_saw_is_not_lost_by_an_outcome(office, monkeypatch):
    here = office(Policy.CALENDAR)
    booking = here.book("b1")
    apply, lost = here.google.apply, TryLater("the answer is lost", 30)

    def crash(*given):
        raise lost

    def slowly(operations):
        here.google.apply = apply
        apply(operations)
        with monkeypatch.context() as patch:
            patch.setattr(calendar_writes, "_intend", crash)  # once it has looked whether the event was made
            with pytest.raises(TryLater):
                here.target.write("", Kind.BOOKING, [(1, booking)])
        return [NotDone(lost)] * len(operations)

    here.google.apply = slowly
    here.target.write("", Kind.BOOKING, [(1, booking)])
    assert here.pair("b1").event == here.event("b1").id
    here.run()
    assert here.standing().agreed
