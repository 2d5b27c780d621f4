"""Times, zones and marks on their way to Microsoft and back."""

from typing import Any
from zoneinfo import available_timezones

import pytest

from accord.bookings import Span, at, span
from accord.calendars import Event, Mark, Wanted
from accord.systems.microsoft import shapes, translate, zones
from accord.systems.microsoft.shapes import Item, Location, Moment, Property

MARK = Mark("booking-to-calendar/main b'1", 2, 7)


def wanted(**more: Any) -> Wanted:
    usual: dict[str, Any] = {"start": "2026-03-10T10:00:00", "end": "2026-03-10T11:00:00", "zone": "Europe/Bucharest"}
    usual |= {"title": "Visit", "place": "Room 5", "link": "https://x", "notes": "Bring papers", "attendee": "Ana"}
    return Wanted(mark=MARK, **usual | more)


def item(**more: Any) -> Item:
    usual: dict[str, Any] = {
        "id": "A1",
        "etag": 'W/"1"',
        "start": Moment("2026-03-10T08:00:00.0000000", "UTC"),
        "end": Moment("2026-03-10T09:00:00.0000000", "UTC"),
        "lastModifiedDateTime": "2026-03-01T00:00:01.1234567Z",
        "originalStartTimeZone": "GTB Standard Time",
        "location": Location("Room 5"),
        "subject": "Visit",
        "isAllDay": False,
    }
    return Item(**usual | more)


def read(**more: Any) -> Event:
    return translate.event("c", item(**more), None)


def test_an_event_is_read_by_the_zone_of_each_moment() -> None:
    event = read()
    assert event.span == span("2026-03-10T10:00:00", "2026-03-10T11:00:00", "Europe/Bucharest")
    assert (event.zone, event.title, event.place, event.series) == ("Europe/Bucharest", "Visit", "Room 5", False)
    assert event.updated == at("2026-03-01T00:00:01", "UTC")
    for zone in ("GTB Standard Time", "Europe/Bucharest"):
        local = {"start": Moment("2026-03-10T10:00:00", zone), "end": Moment("2026-03-10T11:00:00.000", zone)}
        assert read(**local).span == event.span


def test_days_are_never_converted() -> None:
    for zone in ("UTC", "Tokyo Standard Time", "tzone://Microsoft/Custom"):
        event = read(
            isAllDay=True,
            start=Moment("2026-03-29T00:00:00.0000000", zone),
            end=Moment("2026-03-30T00:00:00.0000000", zone),
        )
        assert event.span == span("2026-03-29", "2026-03-30", "UTC")


def test_what_is_missing_is_left_empty() -> None:
    event = read(location=Location(""), subject=None, lastModifiedDateTime=None, originalStartTimeZone=None)
    assert (event.place, event.title, event.updated, event.zone) == (None, "", 0, None)
    assert read(isCancelled=True).span is None
    assert read(originalStartTimeZone="tzone://Microsoft/Custom").zone is None
    assert [read(type=one).series for one in ("singleInstance", "seriesMaster", "exception")] == [False, True, True]


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": None},
        {"isAllDay": None},
        {"start": Moment("2026-03-10T08:00:00", "Elsewhere Standard Time")},
        {"start": Moment("soon", "UTC")},
        {"isAllDay": True, "start": Moment("soon", "UTC")},
    ],
)
def test_a_time_that_can_not_be_read_is_said_without_the_time(wrong: dict[str, Any]) -> None:
    with pytest.raises(translate.Unsound) as error:
        read(**wrong)
    assert "soon" not in str(error.value)


def test_a_mark_is_there_if_both_of_its_texts_are() -> None:
    written = translate.fields(wanted())["singleValueExtendedProperties"]
    carried = [Property(one["id"], one["value"]) for one in written]
    assert translate.mark_of(item(singleValueExtendedProperties=carried)) == MARK
    assert translate.mark_of(item(singleValueExtendedProperties=carried[:1])) is None
    assert translate.mark_of(item(singleValueExtendedProperties=[carried[0], Property(carried[1].id, "x")])) is None
    assert translate.mark_of(item()) is None


@pytest.mark.parametrize(
    ("start", "zone", "written"),
    [
        ("2026-03-10T10:00:00", "Europe/Bucharest", ("2026-03-10T10:00:00", "GTB Standard Time")),
        ("2026-03-29T03:30:00", "Europe/Bucharest", ("2026-03-29T04:30:00", "GTB Standard Time")),  # leapt over
        ("2026-10-25T03:30:00", "Europe/Bucharest", ("2026-10-25T00:30:00", "UTC")),  # comes twice: the first
        ("2026-10-25T04:00:00", "Europe/Bucharest", ("2026-10-25T04:00:00", "GTB Standard Time")),
        ("2026-03-10T10:00:00", "Antarctica/Troll", ("2026-03-10T10:00:00", "UTC")),  # which Windows does not know
        ("2026-03-10T10:00:00", "Asia/Kathmandu", ("2026-03-10T10:00:00", "Nepal Standard Time")),
        ("2026-03-10T10:00:00", "Asia/Katmandu", ("2026-03-10T10:00:00", "Nepal Standard Time")),  # its name before
    ],
)
def test_a_time_is_written_as_people_see_it_or_in_utc(start: str, zone: str, written: tuple[str, str]) -> None:
    found = translate.fields(wanted(start=start, zone=zone, end="2026-12-31T00:00:00"))["start"]
    assert (found["dateTime"], found["timeZone"]) == written


def test_days_are_written_as_midnights_of_one_zone() -> None:
    found = translate.fields(wanted(start="2026-03-29", end="2026-03-30"))
    assert found["isAllDay"] is True
    assert found["start"] == {"dateTime": "2026-03-29T00:00:00", "timeZone": "GTB Standard Time"}
    assert found["end"] == {"dateTime": "2026-03-30T00:00:00", "timeZone": "GTB Standard Time"}


def test_nothing_is_written_but_what_is_ours() -> None:
    found = translate.fields(wanted(place=None))
    assert set(found) == {"subject", "body", "start", "end", "isAllDay", "location", "singleValueExtendedProperties"}
    assert found["location"] == {"displayName": ""}
    assert found["body"] == {"contentType": "text", "content": "Ana\n\nBring papers\n\nhttps://x"}
    with pytest.raises(ValueError, match="longer than 32,000 characters"):
        translate.fields(wanted(notes="x" * 32_001))


@pytest.mark.parametrize("wall", ["2026-01-15T12:00:00", "2026-03-20T12:00:00", "2026-07-15T12:00:00"])
def test_whatever_the_zone_what_is_written_is_the_second_that_was_meant(wall: str) -> None:
    """Windows has one name for zones whose clocks differ, such as that of Scoresbysund."""
    named = 0
    for zone in available_timezones() - {"localtime"}:
        found = translate.fields(wanted(start=wall, zone=zone, end="2027-01-01T00:00:00"))["start"]
        named += found["timeZone"] != "UTC"
        back = zones.iana(found["timeZone"])
        assert back is not None
        assert at(found["dateTime"], back) == at(wall, zone), zone
    assert named > 500


def test_transactions_differ_by_name_generation_and_calendar() -> None:
    ids = {
        translate.transaction(calendar, Mark(name, generation, 1))
        for calendar in ("a@x", "b@x")
        for name in ("b1", "b2")
        for generation in (1, 2, 12)
    }
    assert len(ids) == 12
    assert translate.transaction("A@x", Mark("b1", 1, 1)) == translate.transaction("a@x", Mark("b1", 1, 9))


def test_what_was_written_is_known_again() -> None:
    event = translate.event("c", item(), MARK)
    assert translate.shows(event, wanted())
    assert translate.shows(event, wanted(title=" Visit", place="Room  5\n"))
    for other in (
        wanted(title="Other"),
        wanted(place=None),
        wanted(end="2026-03-10T11:30:00"),
        Wanted(**{name: getattr(wanted(), name) for name in Wanted.__struct_fields__} | {"mark": Mark("b", 1, 1)}),
    ):
        assert not translate.shows(event, other)


def test_a_repr_shows_nothing_of_people() -> None:
    assert repr(item()) == "<Item>"
    assert repr(shapes.Schedule("ana@example.test")) == "<Schedule>"


def test_span_of_two_moments() -> None:
    moments = Moment("2026-03-10T08:00:00", "UTC"), Moment("2026-03-10T09:00:00", "UTC")
    assert translate.span_of(*moments) == Span(
        at("2026-03-10T08:00:00", "UTC"), at("2026-03-10T09:00:00", "UTC"), False
    )
