"""Bookings as Google's events and back: what is written, and what is read of events that people or servers changed."""

import json
from typing import Any

import msgspec
import pytest

from accord.bookings import Span, at
from accord.calendars import Mark, Wanted
from accord.errors import Refused
from accord.systems.google import translate

BUCHAREST = "Europe/Bucharest"
WANTED = Wanted(
    mark=Mark("booking-to-calendar/main b1", 2, 7),
    start="2026-03-10T10:00:00",
    end="2026-03-10T11:00:00",
    zone=BUCHAREST,
    title="Visit",
    place="Room 1",
    link="https://meet.example.test/x",
    notes="Papers",
    attendee="Dan",
)
ROW: dict[str, Any] = {
    "kind": "calendar#event",
    "id": "k7q0v3a1b2c3",
    "etag": '"3530000000000000"',
    "status": "confirmed",
    "updated": "2026-01-02T08:00:01.123Z",
    "summary": "Visit",
    "location": "Room 1",
    "start": {"dateTime": "2026-03-29T10:00:00+03:00", "timeZone": BUCHAREST},
    "end": {"dateTime": "2026-03-29T11:00:00+03:00", "timeZone": BUCHAREST},
    "extendedProperties": {"private": {"accordBooking": "b1", "accordWriting": "1.4", "theirs": "x"}},
}


def written(id: str | None = None, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(translate.written(msgspec.structs.replace(WANTED, **more), id))
    return body


def read(**more: Any) -> Any:
    """The row with these fields in place of its own; None leaves one out."""
    row = {key: value for key, value in (ROW | more).items() if value is not None}
    return translate.read("ana@accord.test", json.dumps(row).encode())


def test_an_id_is_google_s_and_the_same_for_the_same_booking() -> None:
    mark = Mark("booking-to-calendar/main b1", 1, 1)
    found = translate.id_of(mark, "ana@accord.test")
    assert found == translate.id_of(mark._replace(rev=9), "ana@accord.test")
    assert set(found) <= set("abcdefghijklmnopqrstuv0123456789")
    assert 5 <= len(found) <= 1_024
    others = {
        translate.id_of(mark._replace(generation=2), "ana@accord.test"),
        translate.id_of(mark._replace(name="b2"), "ana@accord.test"),
        translate.id_of(mark, "bogdan@accord.test"),
    }
    assert len(others | {found}) == 4


def test_a_new_event() -> None:
    assert written("abc") == {
        "id": "abc",
        "summary": "Visit",
        "location": "Room 1",
        "description": "Dan\nhttps://meet.example.test/x\nPapers",
        "start": {"dateTime": "2026-03-10T10:00:00+02:00", "timeZone": BUCHAREST},
        "end": {"dateTime": "2026-03-10T11:00:00+02:00", "timeZone": BUCHAREST},
        "extendedProperties": {"private": {"accordBooking": "booking-to-calendar/main b1", "accordWriting": "2.7"}},
    }


def test_what_is_mended_names_what_is_to_go_and_no_guests() -> None:
    body = written(place=None, link=None, notes=None, attendee=None, start="2026-03-29", end="2026-03-30")
    assert body["location"] is body["description"] is None
    assert body["start"] == {"date": "2026-03-29", "dateTime": None, "timeZone": None}
    assert not {"id", "attendees", "status", "reminders", "colorId", "transparency"} & body.keys()


@pytest.mark.parametrize(
    ("wall", "sent"),
    [
        ("2026-03-29T03:30:00", "2026-03-29T04:30:00+03:00"),
        ("2026-10-25T03:30:00", "2026-10-25T03:30:00+03:00"),
        ("2026-10-25T04:30:00", "2026-10-25T04:30:00+02:00"),
    ],
)
def test_which_second_is_meant_is_never_left_open(wall: str, sent: str) -> None:
    assert written(start=wall)["start"] == {"date": None, "dateTime": sent, "timeZone": BUCHAREST}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"zone": "Europe/Bukarest"}, "the zone is not known"),
        ({"start": "2026-13-01T00:00:00"}, "the booking's time is none"),
        ({"start": "2026-02-30"}, "the booking's time is none"),
        ({"start": "2026-03-10T10:00:00+02:00"}, "a wall time has no offset"),
        ({"notes": "ă" * 40_000}, "bytes, and Google takes no such large one; shorten"),
        ({"mark": Mark("x" * 1_025, 1, 1)}, "more than 1024 characters"),
    ],
)
def test_what_no_event_can_show(more: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        written(**more)


def test_an_event_is_read() -> None:
    event = read()
    assert (event.id, event.etag, event.mark) == ("k7q0v3a1b2c3", '"3530000000000000"', Mark("b1", 1, 4))
    assert event.span == Span(at("2026-03-29T10:00:00", BUCHAREST), at("2026-03-29T11:00:00", BUCHAREST), False)
    assert (event.zone, event.title, event.place, event.updated) == (BUCHAREST, "Visit", "Room 1", 1_767_340_801)
    assert not event.series


@pytest.mark.parametrize("zone", ["GTB Standard Time", "Europe/Kyivv", "../../etc/passwd", "", "Etc/Unknown"])
def test_a_zone_that_is_not_known_here_moves_no_event(zone: str) -> None:
    event = read(start={**ROW["start"], "timeZone": zone})
    assert event.span == read().span
    assert event.zone is None


def test_a_time_without_an_offset_is_of_its_zone() -> None:
    event = read(start={"dateTime": "2026-03-29T10:00:00", "timeZone": BUCHAREST})
    assert event.span == read().span


def test_what_people_spoilt_or_left_out() -> None:
    event = read(summary=None, location="", updated=None, extendedProperties={"private": {"accordBooking": "b1"}})
    assert (event.title, event.place, event.updated, event.mark) == ("", None, 0, None)


@pytest.mark.parametrize("more", [{"recurrence": ["RRULE:FREQ=DAILY"]}, {"recurringEventId": "abcde"}])
def test_a_series_is_told(more: dict[str, Any]) -> None:
    assert read(**more).series


def test_what_is_cancelled_is_none() -> None:
    assert translate.read("a", b'{"kind":"calendar#event","id":"k7","etag":"\\"1\\"","status":"cancelled"}') is None


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"etag": None}, "has no etag"),
        ({"etag": '"1"\r\nX-Evil: 1'}, "has no etag"),
        ({"etag": "1"}, "has no etag"),
        ({"start": None}, "times of event k7q0v3a1b2c3"),
        ({"start": {}}, "times"),
        ({"start": {"date": "2026-03-29"}}, "times"),
        ({"start": {"dateTime": "soon"}}, "times"),
        ({"start": {"dateTime": "2026-03-29T10:00:00", "timeZone": "nowhere"}}, "times"),
        ({"updated": "yesterday"}, "times"),
        ({"id": "<script>", "start": None}, "event of a strange id"),
        ({"start": []}, "no event, as events were"),
        ({"id": 5}, "no event, as events were"),
    ],
)
def test_what_is_no_event(more: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused, match=said):
        read(**more)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id":', b"\xff"])
def test_what_is_nothing_at_all(body: bytes) -> None:
    with pytest.raises(Refused, match="no event, as events were"):
        translate.read("a", body)


@pytest.mark.parametrize("etag", ["", "x", '"a"\r\nX: y', '"a b"', '"' + "a" * 500 + '"'])
def test_an_etag_that_is_none_is_not_sent(etag: str) -> None:
    with pytest.raises(Refused, match="no etag"):
        translate.matches(etag)


def test_whether_an_event_shows_what_was_wanted() -> None:
    event = read(start={"dateTime": "2026-03-10T08:00:00Z"}, end={"dateTime": "2026-03-10T11:00:00+02:00"})
    assert translate.shows(event, WANTED)
    assert translate.shows(event, msgspec.structs.replace(WANTED, title="Another"))
    assert not translate.shows(event, msgspec.structs.replace(WANTED, place=None))
    assert not translate.shows(event, msgspec.structs.replace(WANTED, end="2026-03-10T11:00:01"))
    assert translate.shows(
        read(location=None),
        msgspec.structs.replace(WANTED, place="", start="2026-03-29T10:00:00", end="2026-03-29T11:00:00"),
    )
