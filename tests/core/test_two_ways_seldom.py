"""What happens seldom between bookings and calendars: series, copies, misspelt calendars, refusals, long waits."""

import pytest

from accord import settings
from accord.calendars import Create, NotDone, Seat
from accord.errors import LeftAlone, Misconfigured, Refused, TryLater
from accord.ledger import calendars, counters, entries, pairs
from accord.ledger.engine import Ledger
from accord.pairing import Policy
from deployments.conflicts import command

MISSPELT = Seat("google/main", "anna@x")


def held(here, calendar="ana@x"):
    return here.google.held[calendar]


def sync_of(here):
    return here.target._terms.sync


# -- calendars that nobody can reach


def test_bookings_stay_where_they_are_shown_until_their_new_calendar_is_there(office):
    here = office()
    for number in range(30):
        here.book(f"b{number:02}")
    here.run()
    here.people["ana"] = MISSPELT
    here.run()
    assert len(held(here)) == 30
    assert here.standing().held == 30
    here.people["ana"] = Seat("google/main", "ana@x")
    here.run()
    here.run()
    assert not here.standing().stopped, "a calendar that is nobody's is forgotten"
    assert here.standing().agreed
    assert here.agreement().complete


def test_who_waited_for_a_misspelt_calendar_is_shown_as_soon_as_it_is_put_right(office):
    here = office()
    here.people["ana"] = MISSPELT
    here.book("b1")
    here.run()
    here.run()
    assert here.standing().stopped
    here.people["ana"] = Seat("google/main", "ana@x")
    here.run()
    assert here.event("b1")
    assert here.standing().agreed


def test_a_booking_given_to_somebody_whose_calendar_is_paused_stays_where_it_was(office):
    here = office()
    here.book("b1")
    here.run()
    seat, sync = here.people["dan"], sync_of(here).name
    paused = here.ledger.read(lambda c: calendars.get(c, sync, seat))._replace(paused="30 events are gone")
    here.ledger.write(lambda c: calendars.put(c, sync, seat, paused))
    here.bookings.change("b1", person="dan")
    here.run()
    assert here.event("b1")
    here.ledger.write(lambda c: calendars.release(c, sync, str(seat), lenient=False))
    here.clock.sleep(3600)
    here.run()
    assert here.event("b1", "dan@x")
    assert not held(here)


def test_what_the_new_calendar_refuses_is_named_and_stays_where_it_was(office, monkeypatch):
    here = office()
    here.book("b1")
    here.run()
    monkeypatch.setattr(here.microsoft, "done", refusing(here.microsoft.done))
    here.bookings.change("b1", person="eva")
    here.run()
    assert here.kept() == {"b1": ["it is larger than it takes"]}
    assert here.event("b1")
    monkeypatch.undo()
    here.bookings.change("b1", title="short")
    here.run()
    assert here.event("b1", "eva@x")
    assert not held(here)


def refusing(done):
    def refuse(operation):
        return NotDone(Refused("it is larger than it takes")) if isinstance(operation, Create) else done(operation)

    return refuse


def test_an_account_that_takes_nothing_for_hours_is_left_alone_that_long(office, monkeypatch):
    here = office()
    here.run()
    sent = []

    def full(operations):
        sent.extend(operations)
        return [NotDone(TryLater("quotaExceeded", 3 * 3600.0))] * len(operations)

    here.book("b1")
    with monkeypatch.context() as patch:
        patch.setattr(here.google, "apply", full)
        _, error = here.attempt()
        assert isinstance(error, TryLater)
        for _ in range(20):
            here.run()
        assert len(sent) == 1, "what is heard meanwhile does not say that writings are taken again"
    here.clock.sleep(3 * 3600)
    here.run()
    assert here.event("b1")


def test_a_booking_that_is_read_again_and_shown_waits_for_no_quota_any_more(office, monkeypatch):
    here = office()
    here.run()
    here.book("b1")
    with monkeypatch.context() as patch:
        answer = [NotDone(TryLater("quotaExceeded", 3 * 3600.0))]
        patch.setattr(here.google, "apply", lambda operations: answer * len(operations))
        here.attempt()
    assert here.standing().held == 1
    here.bookings.change("b1", title="other")
    here.run()
    assert here.standing().agreed


def test_an_account_that_one_calendar_finds_well_again_is_heard_by_all(office, monkeypatch):
    here = office()
    here.run()
    changes, turned_away = here.google.changes, []

    def first_is_the_probe(calendar, at):
        if not turned_away:
            turned_away.append(calendar)
            raise LeftAlone("it is left alone for now", 30)
        return changes(calendar, at)

    monkeypatch.setattr(here.google, "changes", first_is_the_probe)
    _, error = here.attempt()
    assert error is None
    assert turned_away


def test_all_accounts_that_need_a_person_are_named_at_once(office):
    here = office()
    here.run()
    here.google.failing, here.microsoft.failing = Misconfigured("give consent anew"), Misconfigured("a new secret")
    _, error = here.attempt()
    assert isinstance(error, Misconfigured)
    assert {*str(error).split("; ")} == {"give consent anew", "a new secret"}
    here.microsoft.failing = TryLater("it is away", 30)
    _, error = here.attempt()
    assert str(error) == "give consent anew"


# -- series and copies


@pytest.mark.parametrize("policy", Policy)
def test_an_event_that_became_a_series_is_a_conflict_and_left_alone(office, policy):
    here = office(policy)
    here.book("b1")
    here.run()
    series = here.google.change("ana@x", here.event("b1").id, series=True)
    here.run()
    assert here.pair("b1").state == "conflict"
    here.bookings.change("b1", start="2027-01-15T14:00:00", end="2027-01-15T14:30:00")
    here.run()
    here.bookings.change("b1", status="cancelled")
    here.run()
    assert here.pair("b1").state == "conflict"
    assert "the booking is gone" in here.pair("b1").because
    assert held(here) == {series.id: series}
    here.google.delete("ana@x", series.id)
    here.run()
    assert here.standing().agreed


def test_a_series_that_ends_is_the_booking_s_event_again(office):
    here = office(Policy.ASK)
    here.book("b1")
    here.run()
    here.google.change("ana@x", here.event("b1").id, series=True)
    here.run()
    here.google.change("ana@x", here.event("b1").id, series=False)
    here.run()
    assert here.pair("b1").state == "agreed"
    assert here.agreement().complete


def test_a_booking_may_be_shown_beside_the_series_but_can_not_follow_it(office, monkeypatch):
    here = office()
    monkeypatch.setattr(settings, "current_ledger", lambda: here.ledger)
    here.book("b1")
    here.run()
    series = here.google.change("ana@x", here.event("b1").id, series=True)
    here.run()
    with pytest.raises(Misconfigured, match="no booking can follow"):
        command("keep", "b1", "calendar", False)
    command("keep", "b1", "booking", False)
    here.run()
    here.google.forget_tokens()
    here.run()
    assert {event.series for event in held(here).values()} == {True, False}
    assert held(here)[series.id] == series
    assert here.standing().agreed
    assert here.agreement().complete


@pytest.mark.parametrize("side", ["booking", "calendar"])
def test_a_series_of_a_booking_that_is_gone_goes_or_stays_as_a_person_says(office, monkeypatch, side):
    here = office()
    monkeypatch.setattr(settings, "current_ledger", lambda: here.ledger)
    here.book("b1")
    here.run()
    here.google.change("ana@x", here.event("b1").id, series=True)
    here.run()
    here.bookings.change("b1", status="cancelled")
    here.run()
    command("keep", "b1", side, False)
    here.run()
    here.google.forget_tokens()
    here.run()
    assert len(held(here)) == (1 if side == "calendar" else 0)
    assert here.standing().agreed


def test_a_copy_is_its_person_s_whatever_becomes_of_the_event(office):
    here = office()
    here.book("b1")
    here.run()
    event = here.event("b1")
    here.google.add("ana@x", "copy", mark=event.mark, span=event.span, original=False)
    here.google.add("dan@x", "copy of dan", mark=event.mark, span=event.span, original=False)
    here.google.delete("ana@x", event.id)
    here.run()
    here.google.move("ana@x", "copy")
    here.google.move("dan@x", "copy of dan")
    here.run()
    assert {*held(here)} == {"copy", f"{sync_of(here).name}:b1#1"}
    assert {*held(here, "dan@x")} == {"copy of dan"}
    assert here.agreement().complete


# -- what a person is told and has said


def test_what_was_decided_is_in_the_story_of_a_booking(office):
    here = office(Policy.CALENDAR)
    here.book("b1")
    here.run()
    here.google.delete("ana@x", here.event("b1").id)
    here.run()
    told = [entry.because for entry in here.ledger.read(lambda c: entries.story(c, "b1"))]
    assert told[0] == "the calendar does not show the booking yet"
    assert "the event was deleted in the calendar; the calendar wins" in told


def test_a_conflict_is_called_so_in_the_story_of_a_booking(office):
    here = office(Policy.ASK)
    here.book("b1")
    here.run()
    here.google.move("ana@x", here.event("b1").id)
    here.run()
    assert [entry.change for entry in here.ledger.read(lambda c: entries.story(c, "b1"))] == ["create", "conflict"]


def test_what_a_person_chose_counts_as_long_as_nothing_changes(office, monkeypatch):
    here = office(Policy.ASK)
    monkeypatch.setattr(settings, "current_ledger", lambda: here.ledger)
    here.book("b1")
    here.run()
    here.google.move("ana@x", here.event("b1").id)
    here.run()
    command("keep", "b1", "calendar", False)
    here.google.forget_tokens()
    here.run()
    assert here.bookings.held["b1"].version == 2
    assert here.standing().agreed


def test_bookings_of_two_systems_with_one_key_are_told_apart(office, monkeypatch, capsys):
    here = office(Policy.ASK)
    monkeypatch.setattr(settings, "current_ledger", lambda: here.ledger)
    here.book("7")
    here.run()
    here.google.move("ana@x", here.event("7").id)
    here.run()
    other = here.pair("7")._replace(sync="booking-to-calendar/other")
    here.ledger.write(lambda c: pairs.save(c, here.ledger.cipher, [other]))
    with pytest.raises(Misconfigured, match="say which one: booking-to-calendar/main:7 or booking-to-calendar/other:7"):
        command("show", "7", None, False)
    assert command("show", "booking-to-calendar/other:7", None, False) == 0
    assert "accord conflicts keep booking-to-calendar/other:7" in capsys.readouterr().out


def test_an_event_that_an_older_ledger_deleted_cancels_no_booking(office, in_memory):
    here = office(Policy.CALENDAR)
    here.book("b1")
    here.run()
    here.bookings.change("b1", person="dan")
    here.run()
    here.ledger = in_memory()
    here.bookings.change("b1", person="ana")
    here.run()
    assert here.bookings.written == []
    assert here.standing().conflicts == 1


@pytest.mark.parametrize("policy", Policy)
def test_a_ledger_that_was_restored_learns_of_events_that_were_made_since(office, in_memory, policy):
    here = office(policy)
    here.book("b1")
    here.run()
    backup, known = here.ledger, here.pair("b1")
    here.bookings.change("b1", person="dan")
    here.run()
    here.bookings.change("b1", person="ana")
    here.run()
    made = here.event("b1")
    assert made.mark.generation == 1
    here.ledger = Ledger(in_memory().engine, backup.cipher, here.clock)
    here.ledger.write(lambda c: counters.raise_to(c, sync_of(here).connection, known.rev))
    here.ledger.write(lambda c: pairs.save(c, backup.cipher, [known]))
    here.run()
    assert here.bookings.held["b1"].takes is not None
    assert here.bookings.written == []
    assert [*held(here)] == [made.id]
    assert here.standing().agreed


def test_a_number_that_was_rolled_back_hides_nothing_that_another_worker_noted(office, monkeypatch):
    here = office(Policy.CALENDAR)
    here.book("b1")
    here.run()
    here.bookings.change("b1", title="other")
    ledger, write, rolled = here.ledger, here.ledger.write, []

    def fails_once(work):
        if "conclude" not in getattr(work, "__code__", here.run.__code__).co_names or rolled:
            return write(work)
        rolled.append(work)

        def undo(connection):
            work(connection)
            raise _RolledBack

        with pytest.raises(_RolledBack):
            write(undo)
        here.google.move("ana@x", here.event("b1").id)
        here.target.listen()
        return write(work)

    monkeypatch.setattr(type(ledger), "write", lambda self, work: fails_once(work))
    here.run()
    assert rolled
    here.run()
    assert here.bookings.held["b1"].start == "2027-01-15T11:00:00"
    assert here.agreement().complete


class _RolledBack(Exception):
    """The commit failed."""
