"""What is heard of calendars: changes, deletions that are confirmed, tokens that die, calendars that are paused."""

import pytest
from sqlalchemy import update

from accord import conflicts
from accord.calendar_target import CalendarTarget
from accord.calendars import Seat
from accord.errors import Misconfigured
from accord.ledger import calendars, inbox, pairs, schema
from accord.pairing import Policy

ANA = Seat("google/main", "ana@x")


def listened(here, seat=ANA):
    return here.ledger.read(lambda c: calendars.get(c, here.target._terms.sync.name, seat))


def test_a_token_is_kept_with_the_last_page_only(office):
    here = office(Policy.CALENDAR)
    for number in range(8):
        here.book(f"b{number}")
    here.run()
    for number in range(8):
        here.google.move("ana@x", here.event(f"b{number}").id)
    before, changes = listened(here).at, here.google.changes

    def breaks(calendar, at):
        page = changes(calendar, at)
        if len(page.events) < here.google.PAGE:
            raise Misconfigured("it breaks off")
        return page

    here.google.changes = breaks
    here.attempt()
    assert listened(here).at == before
    here.google.changes = changes
    here.run()
    assert listened(here).at != before
    assert len(here.bookings.written) == 8


def test_a_deletion_that_was_none_is_not_believed(office):
    here = office(Policy.CALENDAR)
    here.book("b1")
    here.run()
    changes, id = here.google.changes, here.event("b1").id
    here.google.changes = lambda calendar, at: changes(calendar, at)._replace(gone=[id, "never there"])
    here.run()
    here.run()
    assert here.bookings.held["b1"].status == "booked"
    assert f"get ana@x {id}" in here.google.asked


def test_a_dead_token_has_all_read_again_and_absence_is_confirmed(office):
    here = office(Policy.CALENDAR)
    for number in range(5):
        here.book(f"b{number}")
    here.run()
    here.google.delete("ana@x", here.event("b3").id)
    here.google.move("ana@x", here.event("b1").id)
    here.google.forget_tokens()
    whole = here.google.changes
    hidden = here.event("b2").id

    def leaves_out(calendar, at):
        page = whole(calendar, at)
        return page._replace(events=[event for event in page.events if event.id != hidden])

    here.google.changes = leaves_out
    here.run()
    here.run()
    assert [key for what, key in here.bookings.written] == ["b1", "b3"]
    assert here.bookings.held["b2"].status == "booked"


def test_very_many_deletions_pause_the_calendar_until_a_person_lets_them_pass(office):
    here = office(Policy.CALENDAR)
    for number in range(30):
        here.book(f"b{number}", hour=9)
    here.book("other", person="eva")
    here.run()
    for number in range(25):
        here.google.delete("ana@x", here.event(f"b{number}").id)
    here.microsoft.move("eva@x", here.event("other", "eva@x").id)
    here.run()
    here.run()
    assert [key for _, key in here.bookings.written] == ["other"], "the other calendar is heard"
    assert "events are gone at once" in listened(here).paused
    assert list(here.standing().stopped) == ["google/main/ana@x"]
    here.book("b99")
    here.run()
    assert here.google.of("ana@x", "b99") == []
    sync = here.target._terms.sync.name
    for lenient in (False, True):
        here.ledger.write(lambda c, lenient=lenient: calendars.release(c, sync, "google/main/ana@x", lenient))
        here.ledger.write(lambda c: inbox.wake(c, sync, "calendar", ["google/main/ana@x"], here.clock.now()))
        here.run()
        assert (listened(here).paused is None) == lenient
    here.run()
    assert sum(what == "cancel" for what, _ in here.bookings.written) == 25
    assert here.event("b99")
    assert here.standing().agreed


def test_a_calendar_that_is_gone_is_paused_and_named_and_the_others_go_on(office):
    here = office(Policy.CALENDAR)
    here.book("b1")
    here.book("b2", person="dan")
    here.run()
    del here.google.held["ana@x"]
    here.google.move("dan@x", here.event("b2", "dan@x").id)
    here.bookings.change("b1", title="Another")
    here.run()
    assert listened(here).paused == "the calendar ana@x is not there, or may not be read"
    assert here.bookings.held["b2"].version == 2
    assert here.bookings.held["b1"].status == "booked"
    assert here.kept() == {}
    assert here.standing().held == 1


def test_a_calendar_that_is_nobodys_any_more_is_heard_until_it_is_gone(office):
    here = office(Policy.BOOKING)
    here.book("b1")
    here.run()
    late = here.event("b1")
    here.people["ana"] = Seat("google/main", "dan@x")
    here.run()
    here.google.restore("ana@x", late.id)
    here.run()
    assert here.google.of("ana@x", "b1") == []
    del here.google.held["ana@x"]
    here.run()
    here.google.asked.clear()
    here.run()
    assert here.standing().agreed
    assert here.google.asked == ["changes dan@x"]


def test_an_event_that_comes_back_beside_the_one_made_anew_is_taken_away(office):
    here = office(Policy.BOOKING)
    here.book("b1")
    here.run()
    lost = here.event("b1").id
    here.google.delete("ana@x", lost)
    here.run()
    assert here.event("b1").id != lost
    here.google.restore("ana@x", lost)
    here.run()
    assert here.event("b1").id != lost


def test_a_copy_that_somebody_made_is_theirs(office):
    here = office(Policy.CALENDAR)
    here.book("b1")
    here.run()
    event = here.event("b1")
    here.google.add("ana@x", "copy", mark=event.mark, span=event.span)
    here.google.move("ana@x", "copy")
    here.run()
    here.run()
    assert here.bookings.written == []
    assert len(here.google.of("ana@x", "b1")) == 2


def test_a_conflict_waits_with_both_versions_until_a_person_says_which(office):
    for side in conflicts.SIDES:
        here = office(Policy.ASK)
        here.book("b1")
        here.run()
        here.google.move("ana@x", here.event("b1").id)
        here.run()
        here.run()
        waits = here.pair("b1")
        assert (waits.state, waits.booking) == ("conflict", here.bookings.held["b1"])
        assert waits.seen.event == here.event("b1")
        assert here.standing().conflicts == 1
        assert "is in conflict" in here.standing().oldest.what
        sync = here.target._terms.sync
        kept = here.ledger.write(lambda c: conflicts.keep(c, here.ledger, sync, waits, side))  # noqa: B023
        assert kept
        here.run()
        here.run()
        assert len(here.bookings.written) == (side == "calendar")
        assert here.agreement().complete
        assert here.standing().agreed


def test_a_choice_counts_for_the_versions_that_were_seen(office):
    here = office(Policy.ASK)
    here.book("b1")
    here.run()
    here.google.move("ana@x", here.event("b1").id)
    here.run()
    seen, sync = here.pair("b1"), here.target._terms.sync
    here.google.move("ana@x", here.event("b1").id)
    assert here.ledger.write(lambda c: conflicts.keep(c, here.ledger, sync, seen, "calendar"))
    here.run()
    assert here.pair("b1").state == "conflict"
    assert here.bookings.written == []
    assert not here.ledger.write(lambda c: conflicts.keep(c, here.ledger, sync, seen, "calendar"))


def test_an_answer_that_was_lost_makes_no_second_event_and_no_change(office):
    here = office(Policy.CALENDAR)
    here.book("b1")
    apply = here.google.apply

    def lost(operations):
        apply(operations)
        raise Misconfigured("the answer is lost")

    here.google.apply = lost
    here.attempt()
    here.google.apply = apply
    here.run()
    here.run()
    assert here.event("b1")
    assert here.pair("b1").sent == ()
    assert here.bookings.written == []
    assert here.standing().agreed


@pytest.mark.parametrize("seat", [ANA, Seat("microsoft/main", "eva@x")])
def test_the_name_of_a_calendar_leads_to_it(seat):
    assert Seat.called(str(seat)) == seat


def test_a_pair_is_kept_encrypted(office):
    here = office(Policy.ASK)
    here.book("b1", place="CANARY street")
    here.run()
    here.google.move("ana@x", here.event("b1").id)
    here.run()
    with here.ledger._ledger.engine.connect() if hasattr(here.ledger, "_ledger") else here.ledger.engine.connect() as c:
        row = c.execute(pairs.pairs.select()).one()
    assert b"CANARY" not in row.seen + row.booking
    assert "CANARY" not in str(row._asdict())


def test_what_is_seen_while_two_workers_write_the_same_batch_is_dealt_with(office, monkeypatch):
    here = office(Policy.BOOKING)
    here.book("b1")
    write = CalendarTarget.write

    def overtaken(*given):
        refusals = write(*given)
        here.google.delete("ana@x", here.event("b1").id)
        here.target.listen()
        again = update(schema.links).values(state="sending")  # as another worker intends, who writes the batch as well
        here.ledger.write(lambda c: c.execute(again))
        monkeypatch.undo()
        return refusals

    monkeypatch.setattr(CalendarTarget, "write", overtaken)
    here.run()
    here.run()
    assert len(here.google.of("ana@x", "b1")) == 1
    assert here.standing().agreed


def test_an_event_that_is_made_and_deleted_before_its_calendar_is_listed_is_missed(office):
    here = office(Policy.BOOKING)
    here.book("b1")
    changes = here.google.changes

    def slowly(calendar, at):
        here.google.changes = changes
        here.run()  # another worker's
        here.google.delete("ana@x", here.event("b1").id)
        return changes(calendar, at)

    here.google.changes = slowly
    here.target.listen()
    here.run()
    assert here.event("b1")
    assert here.standing().agreed


@pytest.mark.parametrize("changed", [False, True])
def test_an_event_that_went_with_its_booking_is_written_unless_somebody_changed_it_there(office, changed):
    here = office(Policy.CALENDAR)
    here.book("b1", "ana", 10)
    here.run()
    event = here.event("b1")
    here.google.delete("ana@x", event.id)
    here.google.add("dan@x", event.id, mark=event.mark, span=event.span, place=event.place)
    here.bookings.change("b1", person="dan", start="2027-01-15T12:00:00", end="2027-01-15T12:30:00")
    if changed:
        here.google.move("dan@x", event.id)
    before = here.event("b1", "dan@x")
    here.run()
    here.run()
    assert here.bookings.written == []
    assert (here.event("b1", "dan@x") == before) == changed
    assert here.standing().agreed != changed  # a conflict


def test_of_two_events_of_a_booking_that_are_moved_to_a_colleague_none_is_left(office):
    here = office(Policy.BOOKING)
    here.book("b1")
    moved = []
    for _ in range(2):
        here.run()
        moved.append(here.event("b1"))
        here.google.delete("ana@x", moved[-1].id)
    for event in moved:
        here.google.add("dan@x", event.id, mark=event.mark, span=event.span, place=event.place)
    here.run()
    here.run()
    assert here.google.of("dan@x", "b1") == []
    assert here.event("b1")
    assert here.standing().agreed
