"""`accord conflicts` and `accord resume`: what a person sees of two ways, and decides."""

import json

import pytest

from accord import settings
from accord.errors import Misconfigured
from accord.ledger import calendars, counters
from accord.pairing import Policy
from deployments.cli import main
from deployments.conflicts import command
from deployments.repair import resume


@pytest.fixture
def conflict(office, monkeypatch):
    """A booking whose event a person moved, where nobody wins."""
    here = office(Policy.ASK)
    sync = here.target._terms.sync
    here.ledger.write(lambda c: counters.pin(c, sync.name, sync.target))
    here.book("b1", title="CANARY title", attendee="CANARY client")
    here.run()
    here.google.move("ana@x", here.event("b1").id, 7200)
    here.run()
    monkeypatch.setattr(settings, "current_ledger", lambda: here.ledger)
    return here


def test_conflicts_are_listed_without_what_is_peoples(conflict, capsys):
    assert main(["conflicts", "list"]) == 1
    assert main(["conflicts", "list", "--json"]) == 1
    said = capsys.readouterr().out
    assert "b1  since 20" in said
    assert "a person has to say which side counts" in said
    assert not any(word in said for word in ("CANARY", "ana@x", "Room"))


def test_both_versions_are_shown(conflict, capsys):
    assert command("show", "b1", None, False) == 0
    said = capsys.readouterr().out
    assert "booking: 2027-01-15T10:00:00 to 2027-01-15T10:30:00 Europe/Bucharest, at Room 1" in said
    assert "calendar: 2027-01-15T12:00:00 to 2027-01-15T12:30:00 Europe/Bucharest, at Room 1" in said
    assert command("show", "b1", None, True) == 0
    assert json.loads(capsys.readouterr().out)["sides"]["calendar"]["start"] == "2027-01-15T12:00:00"


def test_an_event_that_is_gone_is_said_to_be(conflict, capsys):
    conflict.google.delete("ana@x", conflict.event("b1").id)
    conflict.run()
    command("show", "b1", None, False)
    assert "calendar: it is gone" in capsys.readouterr().out


@pytest.mark.parametrize("side", ["booking", "calendar"])
def test_the_side_that_is_kept_is_kept_by_the_next_run(conflict, side, capsys):
    assert command("keep", "b1", side, False) == 0
    assert command("list", None, None, False) == 1
    assert f"a person keeps the {side}'s side" in capsys.readouterr().out
    conflict.run()
    conflict.run()
    assert command("list", None, None, True) == 0
    assert conflict.bookings.held["b1"].version == (2 if side == "calendar" else 1)
    assert conflict.agreement().complete


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (("list", "b1", None), "takes no booking"),
        (("show", None, None), "takes the key of a booking"),
        (("keep", "b1", None), "say which side is to be kept"),
        (("show", "b1", "booking"), "say which side is to be kept"),
        (("keep", "b9", "booking"), "booking b9 is in no conflict; accord conflicts list"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(conflict, given, why):
    with pytest.raises(Misconfigured, match=why):
        command(*given, False)


def test_a_paused_calendar_is_listed_and_let_go_on(conflict, capsys):
    sync, seat = conflict.target._terms.sync.name, conflict.people["ana"]
    heard = conflict.ledger.read(lambda c: calendars.get(c, sync, seat))
    conflict.ledger.write(lambda c: calendars.put(c, sync, seat, heard._replace(paused="30 events are gone")))
    conflict.book("b2")
    conflict.run()
    assert conflict.google.of("ana@x", "b2") == []
    assert resume(None, False, False, False) == 1
    name = f"{sync}:google/main/ana@x"
    assert f"{name}  30 events are gone" in capsys.readouterr().out
    assert resume(name, False, False, True) == 0
    assert resume(None, False, False, False) == 0
    conflict.run()
    assert conflict.event("b2")
    with pytest.raises(Misconfigured, match="is stopped"):
        resume(name, False, False, False)


def test_a_series_is_called_one_and_its_side_is_not_offered(conflict, capsys):
    conflict.google.change("ana@x", conflict.event("b1").id, series=True, place=None)
    conflict.run()
    command("show", "b1", None, False)
    said = capsys.readouterr().out
    assert "calendar: 2027-01-15T12:00:00 to 2027-01-15T12:30:00 Europe/Bucharest, as a series" in said
    assert "--side calendar" not in said


def test_what_a_booking_is_called_is_neither_markup_nor_what_a_terminal_obeys(conflict, capsys):
    conflict.book("[/q]\x1b[31m", start="2027-01-15T10:00", end="2027-01-15T09:00", person="a[/b]")
    conflict.run()
    capsys.readouterr()
    assert main(["quarantine", "list"]) == 1
    said = capsys.readouterr().out
    assert "[/q]\N{REPLACEMENT CHARACTER}[31m" in said
    assert main(["explain", "[/q]\x1b[31m"]) == 0
    assert "\x1b[31m" not in said + capsys.readouterr().out
