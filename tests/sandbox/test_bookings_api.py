"""The sandbox's booking system: people book, move, reassign and cancel by its API, each refused in a sentence."""

import itertools

import httpx
import pytest

from accord.bookings import Span, at
from accord.calendars import Busy, Seat
from accord.clock import SystemClock
from accord.ledger.engine import open_database
from accord.sandbox.app import build
from accord.sandbox.bookings.store import overlap, stretch
from accord.sandbox.direct import Direct
from accord.systems.bookings import Bookings, BookingTables, Store

NOW = 1_790_000_000.0  # 2026-09-21, a Monday
ZONE = "Europe/Bucharest"
DAY = "2026-09-22"
SEAT = Seat("google/main", "ana@accord.test")


@pytest.fixture
def database(tmp_path):
    return tmp_path / "bookings.db"


@pytest.fixture
def sandbox(database):
    built = build(now=lambda: NOW, payments=0, bookings_database=database)
    yield built
    built.bookings.store.close()


@pytest.fixture
def http(sandbox):
    with httpx.Client(transport=Direct(sandbox), base_url="http://s/bookings/v1") as client:
        yield client


@pytest.fixture
def tables(sandbox, database):
    """The same database as Accord sees it."""
    opened = BookingTables(open_database(f"sqlite:///{database}", "it", ours=False), SystemClock())
    yield opened
    opened.close()


def book(http, start="10:00", end="11:00", person="ana", **more):
    start, end = (f"{DAY}T{time}" if len(time) == 5 else time for time in (start, end))
    body = {"person": person, "start": start, "end": end, "title": "Fitting", "anyway": True}
    return http.post("/bookings", json=body | more)


def change(http, row, **values):
    return http.patch(f"/bookings/{row['id']}", json={"version": row["version"], "anyway": True} | values)


def free(http, start="10:00", end="11:00", person="ana", **more):
    return http.get("/free", params={"person": person, "start": f"{DAY}T{start}", "end": f"{DAY}T{end}"} | more)


def show(tables, *spans, unknown=None, as_of=NOW):
    taken = [Span(at(f"{DAY}T{start}", ZONE), at(f"{DAY}T{end}", ZONE), False) for start, end in spans]
    Store(tables).show_busy("ana", SEAT, Busy(taken, unknown), int(as_of), int(NOW) + 60 * 86_400)


def test_a_booking_is_made_moved_reassigned_and_cancelled_as_accord_reads_it(http, tables):
    source = Bookings(tables)

    def read(id):
        (parsed,) = source.records("booking", source.fetch("booking", id))
        return parsed.record

    made = book(http, attendee="Ion", email="ion@client.example.test", place="Room 1")
    assert made.status_code == 201
    row = made.json()
    assert (read(row["id"]).start, read(row["id"]).place, read(row["id"]).version) == (f"{DAY}T10:00:00", "Room 1", 1)
    row = change(http, row, start=f"{DAY}T12:00", end=f"{DAY}T13:00", place="").json()
    assert (read(row["id"]).start, read(row["id"]).place, read(row["id"]).version) == (f"{DAY}T12:00:00", None, 2)
    row = change(http, row, person="dan").json()
    assert (read(row["id"]).person, read(row["id"]).version) == ("dan", 3)
    row = change(http, row, status="cancelled").json()
    assert (read(row["id"]).status, read(row["id"]).takes) == ("cancelled", None)
    assert change(http, row, person="ana").json() == {
        "error": "This booking is cancelled, and stays so; make another one."
    }
    assert tables.people()["carmen"] == Seat("microsoft/main", "carmen@accord.test")
    assert http.get(f"/bookings/{row['id']}").json() == row


def test_what_was_changed_meanwhile_is_not_overwritten(http, tables):
    row = book(http).json()
    assert Store(tables).move(row["id"], 1, f"{DAY}T15:00:00", f"{DAY}T16:00:00", ZONE, None)
    answer = change(http, row, start=f"{DAY}T12:00", end=f"{DAY}T13:00")
    assert (answer.status_code, answer.json()["error"]) == (
        409,
        "The booking was changed meanwhile; look at it again.",
    )
    assert http.get(f"/bookings/{row['id']}").json()["start"] == f"{DAY}T15:00:00"


REFUSED = {
    "an end before the start": ({"end": f"{DAY}T09:00"}, "must end after it starts"),
    "no zone that is known": ({"zone": "Europe/Atlantis"}, "Start and end are times like"),
    "an offset": ({"start": f"{DAY}T10:00+02:00"}, "Start and end are times like"),
    "a word": ({"start": "soon"}, "Start and end are times like"),
    "nobody": ({"person": "zoe"}, "There is nobody of that name"),
    "no title": ({"title": " "}, "Say what the booking is about"),
}


@pytest.mark.parametrize(("fields", "why"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_refused_in_a_sentence(http, fields, why):
    answer = book(http, **fields)
    assert answer.status_code == 422
    assert why in answer.json()["error"]
    row = book(http).json()
    assert why in change(http, row, **fields).json()["error"]


def test_nobody_has_two_bookings_at_one_time(http):
    first = book(http).json()
    assert book(http, "10:30", "11:30").json()["error"] == "ana has another booking then."
    assert book(http, "10:30", "11:30", person="dan").status_code == 201
    assert book(http, "11:00", "12:00").status_code == 201
    late = book(http, "14:00", "15:00").json()
    assert "another booking" in change(http, late, start=f"{DAY}T10:59", end=f"{DAY}T11:30").json()["error"]
    assert change(http, first, status="cancelled").status_code == 200
    assert book(http, "10:30", "11:00").status_code == 201


def test_who_is_not_known_to_be_free_is_not(http, tables):
    assert free(http).json() == {"free": False, "why": "nothing is known of the calendar", "as_of": None}
    show(tables, ("10:30", "12:00"))
    assert free(http).json() == {"free": False, "why": "the calendar is taken", "as_of": int(NOW)}
    assert free(http, "12:00", "13:00").json()["free"]
    refused = book(http, anyway=False)
    assert (refused.status_code, refused.json()["error"]) == (
        409,
        "ana is not known to be free then: the calendar is taken.",
    )
    assert book(http, "12:00", "13:00", anyway=False).status_code == 201
    assert free(http, "12:30", "13:00").json()["why"] == "there is another booking"
    show(tables, unknown="google/main does not answer")
    assert free(http, "14:00", "15:00").json()["why"] == "google/main does not answer"
    show(tables, as_of=NOW - 1_000)
    assert free(http, "14:00", "15:00").json()["why"] == "what is known of the calendar is too old"


def test_a_booking_that_is_moved_is_not_in_its_own_way(http, tables):
    row = book(http).json()
    show(tables, ("10:00", "11:00"), ("12:00", "13:00"))  # the first is its own event
    assert free(http, "10:30", "11:30").json()["why"] == "there is another booking"
    assert free(http, "10:30", "11:30", booking=row["id"]).json()["free"]
    assert free(http, "11:30", "12:30", booking=row["id"]).json()["why"] == "the calendar is taken"
    assert change(http, row, anyway=False, start=f"{DAY}T10:30", end=f"{DAY}T11:30").status_code == 200
    row = http.get(f"/bookings/{row['id']}").json()
    assert "is taken" in change(http, row, anyway=False, start=f"{DAY}T11:30", end=f"{DAY}T12:30").json()["error"]
    assert change(http, row, anyway=False, title="Fitting again").status_code == 200, "its time stays"


def test_lists_are_of_days_and_of_people(http):
    book(http, "23:30", "23:59")
    book(http, "23:00", "2026-09-23T01:00", person="dan")
    book(http, person="carmen", start="2026-09-23", end="2026-09-24")
    days = {"from": "2026-09-23", "to": "2026-09-24"}
    shown = http.get("/bookings", params=days).json()["bookings"]
    assert [(one["person"], one["start"]) for one in shown] == [("dan", f"{DAY}T23:00"), ("carmen", "2026-09-23")]
    assert [one["person"] for one in http.get("/bookings", params=days | {"person": "dan"}).json()["bookings"]] == [
        "dan"
    ]
    assert http.get("/bookings").status_code == 422
    assert http.get("/bookings", params={"from": "2026-01-01", "to": "2027-01-01"}).status_code == 422


def test_other_addresses_and_bodies_are_refused(http):
    assert http.get("/bookings/b_none").status_code == 404
    assert http.delete("/bookings/b_none").status_code == 404
    assert http.post("/bookings", content=b"[]").json() == {"error": "The body must be a JSON object."}
    assert http.patch(f"/bookings/{book(http).json()['id']}", json={"title": "x"}).status_code == 422


def test_what_it_starts_with_are_people_and_some_weeks_of_bookings_that_make_sense(tmp_path):
    system = build(now=lambda: NOW, payments=20, bookings_database=tmp_path / "b.db").bookings
    tables = BookingTables(open_database(f"sqlite:///{tmp_path / 'b.db'}", "it", ours=False), SystemClock())
    source = Bookings(tables)

    page = source.page("booking", None, None, None)
    parsed = [*source.records("booking", page.body)]
    assert 150 < len(parsed) < 260
    assert all(one.record is not None for one in parsed)
    assert tables.people() == {
        "ana": Seat("google/main", "ana@accord.test"),
        "bogdan": Seat("google/main", "bogdan@accord.test"),
        "carmen": Seat("microsoft/main", "carmen@accord.test"),
        "dan": Seat("microsoft/main", "dan@accord.test"),
    }
    cancelled = [one for one in parsed if one.record.status == "cancelled"]
    assert 5 < len(cancelled) < 40
    changing = {one.record.start for one in parsed if "clocks" in one.record.title}
    assert changing == {"2026-10-25T03:30:00", "2027-03-28T03:30:00"}
    for person in tables.people():
        taken = sorted(map(stretch, system.store.rows("SELECT * FROM bookings WHERE person = ?", person)))
        assert not any(overlap(one, other) for one, other in itertools.pairwise(taken))
    tables.close()
    system.store.close()
    again = build(now=lambda: NOW, payments=20, bookings_database=tmp_path / "b.db").bookings
    assert len(again.store.rows("SELECT id FROM bookings")) == len(parsed), "what is there stays"
    again.store.close()
    anew = build(now=lambda: NOW, payments=0, bookings_database=tmp_path / "b.db", reset=True).bookings
    assert anew.store.rows("SELECT id FROM bookings") == []
    anew.store.close()


def test_the_truth_and_the_clock_are_told(sandbox, http):
    book(http)
    admin = httpx.Client(transport=Direct(sandbox), base_url="http://s/bookings/_admin")
    assert admin.get("/truth").json()["people"]["ana"] == {"booked": 1}
    assert admin.get("/stats").json()["requests"] == 1
    assert admin.post("/clock", json={"days": 1}).json()["now"] == int(NOW) + 86_400
