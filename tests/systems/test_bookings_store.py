"""What is written into a booking system's database, on both databases: moves, cancellations, when people are taken."""

import time
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from accord.bookings import Span
from accord.calendars import Busy, Seat
from accord.clock import SystemClock
from accord.errors import Misconfigured, Refused
from accord.systems.bookings import BookingTables, Store
from accord.systems.bookings.store import TAKEN

ZONE = "Europe/Bucharest"
MOVED = ("2026-11-27T12:00:00", "2026-11-27T13:30:00", ZONE, "Room 2")
ELSEWHEN = (*MOVED[:3], None)
SEAT = Seat("google/main", "ana@accord.test")


@pytest.fixture
def rows(engine):
    """The rows of a query."""

    def rows(query):
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return rows


def test_a_booking_is_moved_under_the_version_that_was_decided_on(own, book, rows):
    book("b_1")
    book("b_2")
    store = Store(own.database)
    assert store.move("b_1", 1, *MOVED)
    assert not store.move("b_1", 1, *MOVED)
    assert not store.move("b_9", 1, *MOVED)
    shown = "SELECT id, version, starts_at, ends_at, zone, place, title FROM bookings ORDER BY id"
    assert rows(shown) == [
        ("b_1", 2, "2026-11-27T12:00:00", "2026-11-27T13:30:00", ZONE, "Room 2", "Tooth"),
        ("b_2", 1, "2026-11-26T10:00", "2026-11-26T11:00", ZONE, None, "Tooth"),
    ]
    assert store.move("b_1", 2, "2026-11-28", "2026-11-29", "Europe/Paris", None)
    assert rows(shown)[0] == ("b_1", 3, "2026-11-28", "2026-11-29", "Europe/Paris", None, "Tooth")


def test_a_booking_is_cancelled_once_and_the_outbox_tells_it(own, book, rows):
    book("b_1")
    store = Store(own.database)
    assert not store.cancel("b_1", 2)
    assert store.cancel("b_1", 1)
    assert not store.cancel("b_1", 1)
    assert rows("SELECT version, status FROM bookings") == [(2, "cancelled")]
    assert rows("SELECT booking FROM booking_outbox") == [("b_1",), ("b_1",)]


def test_the_databases_clock_says_when_it_was_written(own, book, run):
    book("b_1")
    run("UPDATE bookings SET updated_at = '2020-01-01 00:00:00', version = 5")
    Store(own.database).move("b_1", 5, *MOVED)
    page = own.page("booking", None, 2**53, None)
    (parsed,) = own.records("booking", page.body)
    assert own.date - 60 <= parsed.record.updated <= own.date


@pytest.mark.parametrize("type_", ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "BIGINT", "TEXT"])
def test_the_time_of_a_change_is_written_as_its_column_takes_it(mapped, visit, fresh, type_):
    if type_ == ("TEXT" if fresh.system == "postgresql" else "TIMESTAMP WITH TIME ZONE"):
        pytest.skip("this system has no such column")
    bookings = mapped(updated=type_)
    visit(updated=5 if type_ == "BIGINT" else "2020-01-01 00:00:00")
    Store(bookings.database).move("b_1", 1, *ELSEWHEN)
    (parsed,) = bookings.records("booking", bookings.page("booking", None, None, None).body)
    assert bookings.date - 60 <= parsed.record.updated <= bookings.date


def test_whoever_forgets_to_count_is_counted_for_in_accords_own_tables(own, book, run, rows):
    book("b_1")
    run("UPDATE bookings SET title = 'Other'")
    assert rows("SELECT version FROM bookings") == [(2,)]
    assert not Store(own.database).cancel("b_1", 1)


TYPES = {
    "texts": ("TEXT", ("2026-11-27T12:00:00", "2026-11-27T13:30:00")),
    "timestamps without a zone": ("TIMESTAMP", ("2026-11-27 12:00:00", "2026-11-27 13:30:00")),
    "timestamps with a zone": ("TIMESTAMP WITH TIME ZONE", None),
    "seconds": ("BIGINT", ("1795773600", "1795779000")),
}


@pytest.mark.parametrize(("type_", "expected"), TYPES.values(), ids=TYPES)
def test_every_type_of_column_is_written_as_it_is_read(mapped, visit, rows, fresh, type_, expected):
    if fresh.system == "sqlite" and "WITH TIME ZONE" in type_:
        pytest.skip("SQLite has no such type")
    bookings = mapped(start=type_, end=type_, key="BIGINT PRIMARY KEY", place="TEXT", created=None)
    at = 1_795_687_200 if type_ == "BIGINT" else "2026-11-26 10:00"
    visit(key=7, start=at, end=at)
    assert Store(bookings.database).move("7", 1, *MOVED)
    if expected is not None:  # how a time with a zone is written as text is the server's affair
        assert rows("SELECT CAST(x_start AS TEXT), CAST(x_end AS TEXT), x_version FROM visits") == [(*expected, 2)]
    (parsed,) = bookings.records("booking", bookings.fetch("booking", "7"))
    assert (parsed.record.start, parsed.record.end, parsed.record.place) == (MOVED[0], MOVED[1], "Room 2")


def test_where_all_bookings_have_one_zone_the_time_is_told_in_that(mapped, visit):
    bookings = mapped(zone=None, start="TEXT", end="TEXT", more={"zone": ZONE}.items())
    visit(zone=...)
    assert Store(bookings.database).move("b_1", 1, "2026-11-27T23:30:00", "2026-11-28T00:30:00", "Europe/London", None)
    (parsed,) = bookings.records("booking", bookings.fetch("booking", "b_1"))
    assert (parsed.record.start, parsed.record.end) == ("2026-11-28T01:30:00", "2026-11-28T02:30:00")


AGAIN = ("2026-10-25T01:30:00", "2026-10-25T02:30:00", "UTC", None)  # from 03:30, as clocks show it again, to 04:30


def test_an_hour_that_clocks_show_again_is_not_written_as_the_first_one(mapped, visit):
    bookings = mapped(zone=None, start="TEXT", end="TEXT", more={"zone": ZONE}.items())
    visit(zone=...)
    with pytest.raises(Refused, match="the second of two hours that clocks in Europe/Bucharest show alike"):
        Store(bookings.database).move("b_1", 1, *AGAIN)
    assert Store(bookings.database).move("b_1", 1, "2026-10-25T00:30:00", "2026-10-25T02:30:00", "UTC", None)


@pytest.mark.parametrize("type_", ["TIMESTAMP WITH TIME ZONE", "BIGINT"])
def test_moments_tell_that_hour_too(mapped, visit, fresh, type_):
    if fresh.system == "sqlite" and "WITH TIME ZONE" in type_:
        pytest.skip("SQLite has no such type")
    bookings = mapped(zone=None, start=type_, end=type_, more={"zone": ZONE}.items())
    visit(zone=..., start=0, end=0) if type_ == "BIGINT" else visit(zone=...)
    assert Store(bookings.database).move("b_1", 1, *AGAIN)
    (parsed,) = bookings.records("booking", bookings.fetch("booking", "b_1"))
    assert (parsed.record.start, parsed.record.end, parsed.record.zone) == AGAIN[:3]


def test_a_column_of_days_takes_no_times(mapped, visit, fresh):
    if fresh.system == "sqlite":
        pytest.skip("SQLite's columns take whatever is given")
    bookings = mapped(start="DATE", end="DATE")
    visit(start="2026-11-26", end="2026-11-27")
    with pytest.raises(Refused, match="days alone"):
        Store(bookings.database).move("b_1", 1, *ELSEWHEN)
    assert Store(bookings.database).move("b_1", 1, "2026-11-28", "2026-11-30", ZONE, None)


def test_a_place_is_not_lost_where_no_column_is_there_for_it(mapped, visit):
    bookings = mapped()
    visit()
    with pytest.raises(Refused, match="names no column for it; map one, or take the place out of the event"):
        Store(bookings.database).move("b_1", 1, *MOVED)
    assert Store(bookings.database).move("b_1", 1, *ELSEWHEN)


def test_what_the_database_refuses_is_told_without_the_values(mapped, visit, run):
    bookings = mapped(start="TEXT", end="TEXT CHECK (length(x_end) < 17)")
    visit()
    with pytest.raises(Refused, match="refuses the change") as refused:
        Store(bookings.database).move("b_1", 1, *ELSEWHEN)
    assert "13:30" not in str(refused.value)


def test_without_a_text_for_cancelled_nothing_is_cancelled(mapped, visit):
    store = Store(mapped(more={"statuses": {"booked": ["booked"]}}.items()).database)
    visit()
    with pytest.raises(Misconfigured, match="marked as cancelled"):
        store.cancel("b_1", 1)


def test_a_trigger_of_the_users_own_may_refuse_a_change(own, book, run, fresh):
    book("b_1")
    if fresh.system == "postgresql":
        run(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never on Ion'; END $$",
            "CREATE TRIGGER no BEFORE UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION no()",
        )
    else:
        run("CREATE TRIGGER no BEFORE UPDATE ON bookings BEGIN SELECT RAISE(ABORT, 'never on Ion'); END")
    with pytest.raises(Refused, match="refuses the change") as refused:
        Store(own.database).move("b_1", 1, *MOVED)
    assert "never" not in str(refused.value)


def test_tables_that_are_not_as_they_were_are_named(own, book, run):
    book("b_1")
    store = Store(own.database)
    assert store.move("b_1", 1, *MOVED)
    run("ALTER TABLE bookings RENAME COLUMN place TO room")
    for attempt in (lambda: store.move("b_1", 2, *MOVED), lambda: own.page("booking", 0, None, None)):
        with pytest.raises(Misconfigured, match="bookings database refuses what is asked of it"):
            attempt()


@pytest.mark.parametrize(
    ("field", "why"), [("version", "no column for the version"), ("status", "marked as cancelled")]
)
def test_a_mapping_by_which_nothing_can_be_written_back_safely_is_named(mapped, visit, field, why):
    bookings = mapped(**{field: None})
    visit(**{field: ...})
    store = Store(bookings.database)
    # Read all the same, and by policies that write nothing.
    assert bookings.fetch("booking", "b_1") is not None
    for attempt in (store.require_versions, lambda: store.cancel("b_1", 1), lambda: store.move("b_1", 1, *ELSEWHEN)):
        with pytest.raises(Misconfigured, match=why):
            attempt()


def test_when_a_person_is_taken_is_shown_whole(own, rows):
    store = Store(own.database)
    store.show_busy("ana", SEAT, Busy([Span(100, 200, False), Span(86_400, 172_800, True)]), 50, 1_000)
    store.show_busy("dan", Seat("microsoft/main", "dan@accord.test"), Busy([Span(1, 2, False)]), 50, 1_000)
    store.show_busy("ana", SEAT, Busy([Span(300, 400, False)]), 60, 1_010)
    shown = "SELECT person, account, calendar, starts_at, ends_at, all_day FROM availability ORDER BY person"
    assert rows(shown) == [
        ("ana", "google/main", "ana@accord.test", 300, 400, False),
        ("dan", "microsoft/main", "dan@accord.test", 1, 2, False),
    ]
    store.show_busy("ana", SEAT, Busy([Span(1, 2, False)], "the calendar can not be read"), 70, 1_020)
    assert [row[0] for row in rows(shown)] == ["dan"]
    as_of = "SELECT person, as_of, until, unknown FROM availability_as_of ORDER BY person"
    assert rows(as_of) == [("ana", 70, 1_020, "the calendar can not be read"), ("dan", 50, 1_000, None)]
    store.keep_busy({"ana"})
    assert rows(as_of) == [("ana", 70, 1_020, "the calendar can not be read")]
    assert rows(shown) == []


DAY = 86_400


def test_who_is_not_known_to_be_free_is_taken(own):
    store, now = Store(own.database), int(time.time())
    why = partial(store.taken, "ana")
    assert why(now, now + 60) == "nothing is known of the calendar"
    spans = [
        Span(now + 1_000, now + 2_000, False),
        Span(40 * DAY + now // DAY * DAY, 41 * DAY + now // DAY * DAY, True),
    ]
    store.show_busy("ana", SEAT, Busy(spans), now, now + 60 * DAY)
    assert why(now + 900, now + 1_000) is None
    assert why(now + 2_000, now + 2_100) is None
    for start, end in ((900, 1_001), (1_200, 1_300), (1_999, 3_000), (900, 3_000)):
        assert why(now + start, now + end) == "the calendar is taken"
    day = spans[1].start
    for start, end in ((-14 * 3600, -14 * 3600 + 1), (12 * 3600, 13 * 3600), (36 * 3600 - 1, 36 * 3600)):
        assert why(day + start, day + end) == "the calendar is taken"
    assert why(day - 15 * 3600, day - 14 * 3600) is None
    assert why(day + 36 * 3600, day + 37 * 3600) is None
    assert why(now + 60 * DAY - 10, now + 60 * DAY + 1) == "the calendar was not asked about that time"
    assert why(now - DAY, now - DAY + 10) == "the calendar was not asked about that time"
    store.show_busy("ana", SEAT, Busy([]), now - 901, now + 60 * DAY)
    assert why(now + 10, now + 20) == "what is known of the calendar is too old"
    assert why(now + 10, now + 20, oldest=3_600) is None
    store.show_busy("ana", SEAT, Busy([]), now + 5_000, now + 60 * DAY)
    assert why(now + 10, now + 20) == "the clocks of Accord and of this database differ"
    store.show_busy("ana", SEAT, Busy([], "google/main does not answer"), now, now + 60 * DAY)
    assert why(now + 10, now + 20) == "google/main does not answer"
    assert store.taken("dan", now + 10, now + 20) == "nothing is known of the calendar"


def test_the_question_is_documented_as_it_is():
    assert TAKEN.strip() in (Path(__file__).parents[2] / "docs/bookings.md").read_text()


def test_without_its_tables_no_availability_is_shown(mapped, run):
    bookings = mapped()
    with pytest.raises(Misconfigured, match="no table availability; Accord makes its own"):
        Store(bookings.database).show_busy("ana", SEAT, Busy([]), 1, 2)
    bookings.database.create_tables()
    Store(bookings.database).show_busy("ana", SEAT, Busy([]), 1, 2)
    bookings.database.check_writable()


def test_tables_that_are_there_are_left_as_they_are(own, book, rows):
    book("b_1")
    own.database.create_tables()
    assert rows("SELECT id FROM bookings") == [("b_1",)]


@pytest.mark.parametrize(("table", "lacks"), [("bookings", "version"), ("people", "account"), ("booking_outbox", "at")])
def test_nothing_is_made_where_a_table_is_somebody_elses(engine, run, table, lacks):
    run(f"CREATE TABLE {table} (id TEXT PRIMARY KEY, person TEXT, booking TEXT)")
    with pytest.raises(Misconfigured, match=f"{table} has no column {lacks} for {lacks}; its columns are id, person"):
        BookingTables(engine, SystemClock()).create_tables()
    assert inspect(engine).get_table_names() == [table]


def test_accords_tables_are_made_beside_nobody_elses(engine, mapped, run):
    run("CREATE TABLE availability (day DATE)")
    with pytest.raises(Misconfigured, match="availability already, and it is not Accord's"):
        mapped().database.create_tables()
