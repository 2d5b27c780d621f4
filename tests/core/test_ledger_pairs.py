"""Pairs and calendars in the ledger, on each database."""

from sqlalchemy import select

from accord.bookings import Span
from accord.calendars import Event, Mark, Seat
from accord.ledger import calendars, links, pairs, schema
from accord.ledger.calendars import Listened
from accord.ledger.links import Intent
from accord.ledger.pairs import Pair, Seen, Sent

table = schema.pairs.c
SEAT = Seat("google/main", "ana@x")
EVENT = Event(
    calendar="ana@x",
    id="e1",
    etag='"1"',
    mark=Mark("s:b1", 0, 3),
    span=Span(1, 2, False),
    zone="Europe/Bucharest",
    title="CANARY",
    place="Room",
    updated=5,
)


def test_a_pair_comes_back_as_it_was_written(new_ledger, fakes):
    ledger = new_ledger()
    whole = Pair(
        "s", "b1", *SEAT, person="ana", state="conflict", rev=3, event="e1", generation=0, etag='"1"', booked="x"
    )._replace(sent=(Sent(3, "x", "y"),), seen=Seen(EVENT), since=7.5, booking=fakes.booking("b1"), because="why")
    gone = Pair("s", "b2", *SEAT, person="ana", state="agreed", rev=3, event="e2", generation=1, seen=Seen(None))
    ledger.write(lambda c: pairs.save(c, ledger.cipher, [whole, gone]))
    found = ledger.read(lambda c: pairs.of(c, ledger.cipher, "s", ["b1", "b2", "b3"]))
    assert found == {"b1": [whole], "b2": [gone]}
    by_event = ledger.read(lambda c: pairs.by_events(c, ledger.cipher, "s", SEAT, ["e2", "e9"]))
    assert by_event == {"e2": gone}
    assert ledger.read(lambda c: pairs.events_in(c, "s", SEAT)) == {"e1", "e2"}
    assert ledger.read(lambda c: pairs.seats(c, "s")) == [("ana", *SEAT)]
    assert ledger.read(lambda c: pairs.conflicts(c, ledger.cipher)) == [whole]
    assert ledger.read(lambda c: pairs.conflicting(c, "s")) == [("b1", 7.5, "why")]
    sealed = ledger.read(lambda c: [*c.execute(select(table.seen).where(table.seen.is_not(None))).scalars()])
    assert len(sealed) == 2
    assert not any(b"CANARY" in one for one in sealed)


def test_a_pair_is_written_only_over_the_rev_that_was_read(new_ledger):
    ledger = new_ledger()
    pair = Pair("s", "b1", *SEAT, person="ana", state="agreed", rev=3)
    ledger.write(lambda c: pairs.save(c, ledger.cipher, [pair]))
    later = pair._replace(rev=5, state="gone")
    assert not ledger.write(lambda c: pairs.save_if(c, ledger.cipher, later, {4}))
    assert ledger.write(lambda c: pairs.save_if(c, ledger.cipher, later, {2, 3}))
    assert ledger.read(lambda c: pairs.of(c, ledger.cipher, "s", ["b1"])) == {"b1": [later]}


def test_how_far_a_calendar_was_listened_to(new_ledger):
    ledger = new_ledger()
    assert ledger.read(lambda c: calendars.get(c, "s", SEAT)) == Listened()
    for heard in (Listened("token 1", 5.0), Listened("token 2", 6.0, "it is gone")):
        ledger.write(lambda c, heard=heard: calendars.put(c, "s", SEAT, heard))
        assert ledger.read(lambda c: calendars.get(c, "s", SEAT)) == heard
    assert ledger.read(lambda c: calendars.paused(c, "s")) == {SEAT: "it is gone"}
    assert ledger.read(calendars.all_paused) == [("s", "google/main/ana@x", "it is gone")]
    assert ledger.write(lambda c: calendars.release(c, "s", "google/main/ana@x", True))
    assert not ledger.write(lambda c: calendars.release(c, "s", "google/main/ana@x", True))
    assert ledger.read(lambda c: calendars.get(c, "s", SEAT)) == Listened("token 2", 6.0, None, True)
    ledger.write(lambda c: calendars.forget(c, "s", SEAT))
    assert ledger.read(lambda c: calendars.known(c, "s")) == []


def test_what_a_target_shows_by_itself_is_not_taken_for_unchanged(new_ledger):
    ledger = new_ledger()
    intent = Intent("b1", 1, "hash", False, 0, {})
    ledger.write(lambda c: links.intend(c, "t", "c", "booking", 7, 0, [intent]))
    ledger.write(lambda c: links.done(c, "t", 7))
    ledger.write(lambda c: links.differ(c, "t", "c", "booking", ["b1", "b2"]))
    assert ledger.read(lambda c: links.load(c, "t", "c", "booking", ["b1"]))["b1"].state == "differs"
