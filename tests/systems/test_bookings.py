"""The bookings table as a source, on both databases: Accord's own tables, and the user's by a mapping."""

import contextlib
import re
import sqlite3
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from accord.bookings import Booking, Status
from accord.calendars import Seat
from accord.clock import SystemClock
from accord.errors import Misconfigured, Refused
from accord.ledger.engine import open_database
from accord.records import Kind
from accord.systems.bookings import Bookings, BookingTables, source

KIND = Kind.BOOKING
ZONE = "Europe/Bucharest"


def walk(bookings, lo=None, hi=2**53):
    """All records of a list, page by page."""
    found, after = [], None
    while True:
        page = bookings.page(KIND, lo, hi, after)
        found += bookings.records(KIND, page.body)
        if not page.has_more:
            return found
        after = page.last.key


def one(bookings):
    (found,) = walk(bookings)
    return found


def test_a_booking_in_accords_own_tables(own, book, run):
    book("b_1")
    run("UPDATE bookings SET attendee = 'Ion', email = '', place = 'Room 1' WHERE id = 'b_1'")
    record = one(own).record
    assert own.date - 60 < record.updated <= own.date
    assert record.created <= record.updated
    expected = Booking(
        key="b_1", version=2, updated=record.updated, created=record.created, person="ana", attendee="Ion", email=None,
        status=Status.BOOKED, start="2026-11-26T10:00:00", end="2026-11-26T11:00:00", zone=ZONE, title="Tooth",
        place="Room 1", link=None, notes=None,
    )  # fmt: skip
    assert record == expected
    (alone,) = own.records(KIND, own.fetch(KIND, "b_1"))
    assert alone.record == expected


def test_the_outbox_tells_what_was_written_and_what_is_gone(own, book, run, fresh):
    for number in range(3):
        book(f"b_{number}")
    run("UPDATE bookings SET title = 'Other' WHERE id = 'b_1'", "DELETE FROM bookings WHERE id = 'b_2'")
    told = {parsed.key: parsed.record for parsed in walk(own, 0, None)}
    assert told.keys() == {"b_0", "b_1", "b_2"}
    assert (told["b_1"].title, told["b_1"].version, told["b_1"].deleted) == ("Other", 2, False)
    assert told["b_2"] == own.tombstone(KIND, "b_2")
    assert walk(own, own.date + 1, None) == []
    long_ago = "1577836800" if fresh.system == "sqlite" else "'2020-01-01 00:00:00'"
    run(f"UPDATE booking_outbox SET at = {long_ago} WHERE booking <> 'b_1'")
    assert [parsed.key for parsed in walk(own, own.date - 300, None)] == ["b_1"]


def test_lists_go_on_page_by_page_whatever_is_written_meanwhile(own, book, run, monkeypatch):
    monkeypatch.setattr(source, "PAGE", 2)
    for number in range(5):
        book(f"b_{number}")
    assert [parsed.key for parsed in walk(own)] == [f"b_{number}" for number in range(5)]
    first = own.page(KIND, 0, None, None)
    run("DELETE FROM bookings WHERE id IN ('b_0', 'b_4')")
    rest = own.page(KIND, 0, None, first.last.key)
    assert [p.key for p in own.records(KIND, first.body)] == ["b_0", "b_1"]
    assert [(p.key, p.record.deleted) for p in own.records(KIND, rest.body)] == [("b_2", False), ("b_3", False)]
    last = own.page(KIND, 0, None, rest.last.key)
    assert {(p.key, p.record.deleted) for p in own.records(KIND, last.body)} == {("b_4", True), ("b_0", True)}


def test_what_is_not_there_is_gone_and_what_is_there_twice_is_refused(own, mapped, visit):
    assert own.fetch(KIND, "b_1") is None
    twice = mapped(key="TEXT")
    for _ in range(2):
        visit()
    with pytest.raises(Refused, match="several rows"):
        twice.fetch(KIND, "b_1")


NOON = 1_795_687_200  # 2026-11-26 10:00 UTC, noon in Bucharest
TYPES = {
    "text": ("TEXT", "2026-11-26T12:00", "2026-11-26T13:00:00.000"),
    "a timestamp without a zone": ("TIMESTAMP", "2026-11-26 12:00:00", "2026-11-26 13:00:00"),
    "a timestamp with a zone": ("TIMESTAMP WITH TIME ZONE", "2026-11-26 10:00:00+00", "2026-11-26 06:00:00-05"),
    "seconds": ("BIGINT", NOON, NOON + 3600),
}


@pytest.mark.parametrize("types", TYPES.values(), ids=TYPES)
def test_times_of_bookings_are_read_from_every_type_of_column(mapped, visit, fresh, types):
    type_, start, end = types
    if fresh.system == "sqlite" and "WITH TIME ZONE" in type_:
        pytest.skip("SQLite has no such type")
    bookings = mapped(start=type_, end=type_)
    visit(start=start, end=end)
    record = one(bookings).record
    assert (record.start, record.end) == ("2026-11-26T12:00:00", "2026-11-26T13:00:00")


@pytest.mark.parametrize("type_", ["TEXT", "DATE"])
def test_days_are_days(mapped, visit, type_):
    bookings = mapped(start=type_, end=type_)
    visit(start="2028-02-29", end="2028-03-01")
    assert (one(bookings).record.start, one(bookings).record.end) == ("2028-02-29", "2028-03-01")


def test_what_was_written_since_is_told_by_when_it_was_changed(mapped, visit, monkeypatch):
    monkeypatch.setattr(source, "PAGE", 2)
    bookings = mapped()
    at = dict(zip("abcde", ["09:59:59.9", "10:00:00", "10:00:00.25", "10:00:00.5", "10:00:01"], strict=True))
    for key, time in reversed(at.items()):
        visit(key=key, updated=f"2026-11-26 {time}")
    assert [parsed.key for parsed in walk(bookings, NOON, None)] == ["b", "c", "d", "e"]
    assert [parsed.key for parsed in walk(bookings, 0, None)] == ["a", "b", "c", "d", "e"]
    assert walk(bookings, NOON + 2, None) == []


@pytest.mark.parametrize("type_", ["TIMESTAMP WITH TIME ZONE", "BIGINT", "TEXT"])
def test_when_a_booking_was_changed_may_be_in_other_types(mapped, visit, fresh, type_):
    if fresh.system == "sqlite" and "WITH TIME ZONE" in type_:
        pytest.skip("SQLite has no such type")
    bookings = mapped(updated=type_)
    if fresh.system == "postgresql" and type_ == "TEXT":
        with pytest.raises(Misconfigured, match="x_updated of type TEXT, which can not say when"):
            walk(bookings)
        return
    zoned = {"TEXT": "2026-11-26T12:00:00+02:00", "BIGINT": NOON}.get(type_, "2026-11-26 10:00:00+00")
    visit(updated=zoned)
    assert one(bookings).record.updated == NOON
    assert len(walk(bookings, NOON, None)) == 1
    assert walk(bookings, NOON + 1, None) == []


TOLD = {"id": "id", "key": "visit", "at": "at"}
UUIDS = [f"a000000{number}-0000-0000-0000-000000000000" for number in (1, 2)]
OUTBOX = {"table": "told", "columns": {"id": "n", "key": "k", "at": "t"}}


@pytest.mark.parametrize(("type_", "keys"), [("BIGINT", ["9", "10"]), ("UUID", UUIDS)])
def test_keys_may_be_numbers_or_uuids(mapped, visit, run, fresh, type_, keys, monkeypatch):
    monkeypatch.setattr(source, "PAGE", 1)
    if fresh.system == "sqlite" and type_ == "UUID":
        pytest.skip("SQLite has no such type")
    bookings = mapped(key=f"{type_} PRIMARY KEY", outbox=OUTBOX)
    run("CREATE TABLE told (n INTEGER PRIMARY KEY, k TEXT, t TIMESTAMP)")
    for number, key in enumerate([*keys, "no key", str(10**30)]):
        run("INSERT INTO told VALUES (:n, :k, '2026-11-26 09:00:00')", n=number, k=key.upper())
    for key in keys:
        visit(key=int(key) if type_ == "BIGINT" else key)
    assert [parsed.key for parsed in walk(bookings)] == keys
    assert [parsed.key for parsed in walk(bookings, 0, None)] == keys
    assert [parsed.key for parsed in bookings.records(KIND, bookings.fetch(KIND, keys[0]))] == keys[:1]
    assert bookings.fetch(KIND, "no key") is None
    assert bookings.fetch(KIND, str(10**30)) is None


def test_statuses_and_the_zone_may_be_the_users_own(mapped, visit, run):
    statuses = {"booked": ["confirmed", "here"], "cancelled": ["no-show"]}
    bookings = mapped(zone=None, deleted="BOOLEAN", more={"statuses": statuses, "zone": ZONE}.items())
    for key, status in enumerate(("confirmed", "here", "no-show", "booked")):
        visit(key=str(key), status=status, zone=..., deleted=False)
    visit(key="9", status="here", zone=..., deleted=True)
    *known, unknown, deleted = walk(bookings)
    assert [parsed.record.status for parsed in known] == [Status.BOOKED, Status.BOOKED, Status.CANCELLED]
    assert {parsed.record.zone for parsed in known} == {ZONE}
    assert "its status is none of those that the mapping knows" in unknown.unsound
    assert deleted.record == bookings.tombstone(KIND, "9")


def test_without_a_status_a_booking_is_booked_and_without_a_version_it_is_as_old_as_its_change(mapped, visit):
    bookings = mapped(status=None, version=None, created=None)
    visit(status=..., version=...)
    record = one(bookings).record
    assert (record.status, record.version, record.created) == (Status.BOOKED, record.updated, 0)
    assert not bookings.discovery.by_time
    assert walk(bookings, 1) == []


UNSOUND = {
    "an end before the start": ({"end": "2026-11-26T09:00"}, "its end is not after its start"),
    "an end at the start": ({"end": "2026-11-26T10:00"}, "its end is not after its start"),
    "an unknown zone": ({"zone": "Europe/Atlantis"}, "its zone is not known"),
    "a Windows zone": ({"zone": "GTB Standard Time"}, "its zone is not known"),
    "a path for a zone": ({"zone": "../../etc/passwd"}, "its zone is not known"),
    "no zone": ({"zone": None}, "its zone is not known"),
    "nobody": ({"person": " "}, "it does not say whose calendar"),
    "no person": ({"person": None}, "it does not say whose calendar"),
    "an offset": ({"start": "2026-11-26T10:00:00+02:00"}, "its start is a wall time with an offset"),
    "a Z": ({"end": "2026-11-26 11:00Z"}, "its end is a wall time with an offset"),
    "no start": ({"start": None}, "it has no start that clocks know"),
    "a word": ({"start": "tomorrow"}, "its start is no time"),
    "a day that is none": ({"start": "2026-02-29T10:00"}, "its start is no time that calendars have"),
    "an hour that is none": ({"end": "2026-11-26T25:00"}, "its end is no time that calendars have"),
    "a day and a time": ({"start": "2026-11-25"}, "one of start and end is a day"),
    "no version": ({"version": None}, "it has no version"),
    "no time of change": ({"updated": None}, "it does not say when it was changed"),
    "an unknown status": ({"status": "maybe"}, "its status is none of those"),
    "no status": ({"status": None}, "its status is none of those"),
}


@pytest.mark.parametrize(("values", "why"), UNSOUND.values(), ids=UNSOUND)
def test_what_a_person_can_get_wrong_is_told_and_holds_up_no_other(mapped, visit, values, why):
    bookings = mapped(start="TEXT", end="TEXT")
    visit(key="b_1")
    visit(key="b_2", **values)
    sound, unsound = walk(bookings)
    assert sound.record is not None
    assert (unsound.key, unsound.record) == ("b_2", None)
    assert why in unsound.unsound


def test_times_that_no_clock_knows_stop_nothing(mapped, visit, fresh):
    if fresh.system == "sqlite":
        bookings = mapped(start="INTEGER")
        visit(start=10**15, updated="soon", created="yesterday")
    else:
        bookings = mapped()
        visit(start="infinity", updated="infinity", created="-infinity")
    assert one(bookings).unsound == "it does not say when it was changed last"
    assert walk(bookings, 0, None) == []
    with bookings.database.engine.execution_options(writes=True).begin() as c:
        c.execute(text("UPDATE visits SET x_updated = '2026-11-26 09:00:00'"))
    assert one(bookings).unsound in ("its start is no time that calendars have", "it has no start that clocks know")


@pytest.mark.parametrize("seconds", [(10**15, 10**15 + 1), (-(10**15), 0), (2**62, 2**62 + 1)])
def test_seconds_beyond_all_calendars_are_told(mapped, visit, seconds):
    bookings = mapped(start="BIGINT", end="BIGINT")
    visit(start=seconds[0], end=seconds[1])
    assert one(bookings).unsound == "its start or end is beyond all calendars"


DST = {
    "in the gap of spring": ("2026-03-29T03:30", "2026-03-29T04:45"),
    "over the gap": ("2026-03-28T23:00", "2026-03-29T05:00"),
    "in the hour that comes twice": ("2026-10-25T03:15", "2026-10-25T03:45"),
    "on a leap day over midnight": ("2028-02-29T23:00", "2028-03-01T01:00"),
}


@pytest.mark.parametrize(("start", "end"), DST.values(), ids=DST)
def test_the_hours_that_clocks_leap_over_or_repeat_are_sound(own, book, start, end):
    book("b_1", start, end)
    record = one(own).record
    assert (record.start, record.end) == (f"{start}:00", f"{end}:00")
    assert record.takes.end > record.takes.start


def test_bookings_made_in_a_stretch_of_time(mapped, visit):
    bookings = mapped()
    for key, created in {"a": "2026-01-01 00:00:00", "b": "2026-02-01 00:00:00", "c": None}.items():
        visit(key=key, created=created)
    january = 1_767_225_600
    assert [p.key for p in walk(bookings, january, january + 1)] == ["a"]
    assert [p.key for p in walk(bookings, january + 1, 2**53)] == ["b"]
    assert [p.key for p in walk(bookings, 0, january)] == ["c"]
    assert bookings.discovery.by_time


def test_people_are_read_whole_and_who_is_not_sure_is_left_out(own, run):
    run("INSERT INTO people VALUES ('ana', 'google/main', 'ana@x.test'), ('dan', 'microsoft/main', 'dan@x.test'), "
        "('eva', 'google/main', '')")  # fmt: skip
    assert own.database.people() == {
        "ana": Seat("google/main", "ana@x.test"),
        "dan": Seat("microsoft/main", "dan@x.test"),
    }


def test_a_person_with_two_calendars_has_none_that_is_sure(mapped, run):
    bookings = mapped()
    run("INSERT INTO staff VALUES ('ana', 'google/main', 'a@x.test'), ('ana', 'google/main', 'b@x.test'), "
        "('dan', 'google/main', 'd@x.test'), ('dan', 'google/main', 'd@x.test')")  # fmt: skip
    assert bookings.database.people() == {"dan": Seat("google/main", "d@x.test")}


def test_a_table_may_be_a_view(mapped, visit, run):
    bookings = mapped()
    visit(key="b_1")
    visit(key="b_2", person="dan")
    run(
        "ALTER TABLE visits RENAME TO all_visits",
        "CREATE VIEW visits AS SELECT * FROM all_visits WHERE x_person = 'dan'",
    )
    assert [parsed.key for parsed in walk(bookings)] == ["b_2"]
    assert [parsed.key for parsed in walk(bookings, 0, None)] == ["b_2"]


def test_a_right_to_read_is_enough_unless_something_is_to_be_written_back(own, book, engine, fresh):
    if fresh.system == "sqlite":
        pytest.skip("SQLite has no users")
    book("b_1")
    with engine.begin() as c:
        tables = "bookings, people, booking_outbox"
        c.execute(text(f"CREATE ROLE clerk LOGIN; GRANT SELECT ON {tables} TO clerk"))
    opened = open_database(str(engine.url.set(username="clerk")), "the URL", ours=False)
    tables = BookingTables(opened, SystemClock())
    try:
        assert [parsed.key for parsed in walk(Bookings(tables), 0, None)] == ["b_1"]
        assert tables.people() == {}
        with pytest.raises(Misconfigured, match="the database of the URL cannot be used: the user lacks a permission"):
            tables.check_writable()
    finally:
        opened.dispose()
        with engine.begin() as c:
            c.execute(text("DROP OWNED BY clerk; DROP ROLE clerk"))


def documented(dialect):
    """The statements of the outbox that the documents give for a dialect."""
    page = (Path(__file__).parents[2] / "docs/bookings.md").read_text()
    blocks = [
        block for block in re.findall(r"```sql\n(.*?)```", page, re.DOTALL) if "CREATE TABLE visit_outbox" in block
    ]
    return next(block for block in blocks if ("plpgsql" in block) == (dialect == "postgresql"))


def test_the_outbox_of_the_documents_tells_what_is_written(engine, run, mapped, visit):
    bookings = mapped(key="INTEGER PRIMARY KEY", outbox={"table": "visit_outbox", "columns": TOLD})
    script = documented(engine.dialect.name).replace(".no", ".x_key")
    if engine.dialect.name == "sqlite":
        with contextlib.closing(sqlite3.connect(engine.url.database)) as database:
            database.executescript(script)
    else:
        run(script)
    visit(key=1)
    visit(key=2)
    run("UPDATE visits SET x_title = 'Other' WHERE x_key = 1", "DELETE FROM visits WHERE x_key = 2")
    told = {parsed.key: parsed.record for parsed in walk(bookings, 0, None)}
    assert (told["1"].title, told["2"].deleted) == ("Other", True)
    assert walk(bookings, bookings.date + 5, None) == []


def test_how_a_file_of_somebody_elses_is_journalled_stays(fresh_files):
    url = fresh_files.empty()
    with contextlib.closing(sqlite3.connect(make_url(url).database)) as theirs:
        theirs.execute("CREATE TABLE visits (id TEXT PRIMARY KEY)")
        opened = open_database(url, "it", ours=False)
        with pytest.raises(Misconfigured, match="no table bookings"):
            BookingTables(opened, SystemClock()).check()
        opened.dispose()
        assert theirs.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_the_key_of_a_kept_page_that_is_none_is_refused(own):
    with pytest.raises(Refused, match="not what was stored"):
        [*own.records(KIND, b"nothing")]
    assert own.events(b"") == []
    with pytest.raises(Refused, match="no document records"):
        own.page("document", 0, None, None)


def test_a_page_shows_nothing_of_what_is_in_it(own, book):
    book("b_1")
    page = own.page(KIND, 0, None, None)
    assert "Tooth" not in repr(page)
    assert "Tooth" not in repr([*own.records(KIND, page.body)])
    assert msgspec.json.decode(page.body)["rows"][0]["title"] == "Tooth"
