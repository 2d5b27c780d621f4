"""Runs over a bookings table as one worker does them, on both databases: what is found, when, and what is gone."""

from datetime import UTC, datetime

import pytest

from accord.compare import reconcile
from accord.plan import Mode
from accord.records import Kind
from accord.sync import Sync
from accord.systems.bookings import source

KIND = Kind.BOOKING
SYNC = Sync("booking-to-calendar/main", "bookings/main", "calendars/main")
FIELDS = ("key", "deleted", "title", "start")


class Diary:
    """A target that shows what it was told last of each booking."""

    kinds = frozenset({KIND})

    def __init__(self):
        self.rows = {}

    def write(self, connection, kind, rows):
        for rev, record in rows:
            if rev > self.rows.get(record.key, (0, None))[0]:
                self.rows[record.key] = (rev, record)
        return {}

    def agreed(self, connection, at):
        pass

    def read(self, connection, kind):
        for key, (_, record) in self.rows.items():
            yield key, record.deleted, tuple(getattr(record, field) for field in FIELDS)

    def fields(self, kind):
        return [*FIELDS]

    def sums(self, connection):
        return {}

    @property
    def titles(self):
        """What is shown of each booking that is not gone."""
        return {key: record.title for key, (_, record) in self.rows.items() if not record.deleted}


@pytest.fixture
def new_run(new_ledger, homes):
    """Makes what runs the sync of these bookings."""

    def new_run(bookings):
        home = homes.Home(new_ledger(), bookings, Diary(), {KIND}, sync=SYNC)

        def run(mode=Mode.CHANGES):
            home.plan(mode)
            return home.run()

        return home, run

    return new_run


def test_what_is_made_changed_and_deleted_is_found_by_the_next_run(own, book, run, new_run, monkeypatch):
    monkeypatch.setattr(source, "PAGE", 3)
    for number in range(10):
        book(f"b_{number}")
    home, sync = new_run(own)
    assert sync().created == 10
    assert sync().unchanged == 10, "what was written in the last five minutes is looked at again"
    run("UPDATE bookings SET title = 'Other' WHERE id = 'b_3'", "DELETE FROM bookings WHERE id = 'b_4'")
    book("b_10")
    tally = sync()
    assert (tally.created, tally.updated, tally.deleted) == (1, 1, 1)
    assert home.target.titles == {f"b_{n}": "Other" if n == 3 else "Tooth" for n in range(11) if n != 4}
    agreement = reconcile(own, home.target, "bookings/main")
    assert (agreement.complete, agreement.records) == (True, 10)


def test_without_an_outbox_what_is_deleted_is_found_at_night(mapped, visit, run, new_run):
    bookings = mapped()
    for number in range(4):
        visit(key=f"b_{number}")
    home, sync = new_run(bookings)
    assert sync().created == 4
    run("DELETE FROM visits WHERE x_key = 'b_2'")
    assert sync().deleted == 0
    assert sync(Mode.NIGHTLY).deleted == 1
    assert home.target.titles.keys() == {"b_0", "b_1", "b_3"}


def test_where_most_rows_are_gone_the_stream_is_stopped(mapped, visit, run, new_run):
    bookings = mapped()
    for number in range(30):
        visit(key=f"b_{number}")
    home, sync = new_run(bookings)
    sync()
    run("DELETE FROM visits")
    assert sync(Mode.NIGHTLY).deleted == 0
    assert "did not find 30 of 30" in home.stream(KIND).stopped
    assert len(home.target.titles) == 30


@pytest.mark.parametrize("outbox", [True, False])
def test_what_is_committed_late_is_found_by_the_lag(own, mapped, book, visit, engine, new_run, outbox):
    """The time that a row bears is that at which its transaction began."""
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time, and what it writes is there at once")
    bookings = own if outbox else mapped(updated="TIMESTAMP WITH TIME ZONE DEFAULT now()")
    table = (
        "bookings (id, person, starts_at, ends_at, zone, title)"
        if outbox
        else ("visits (x_key, x_person, x_start, x_end, x_zone, x_title, x_status, x_version)")
    )
    home, sync = new_run(bookings)
    sync()
    late = engine.connect()
    values = "'b_late', 'ana', '2026-11-26 10:00', '2026-11-26 11:00', 'Europe/Bucharest', 'Tooth'"
    late.exec_driver_sql(f"INSERT INTO {table} VALUES ({values}{'' if outbox else ', ' + repr('booked') + ', 1'})")
    if outbox:
        book("b_soon")
    else:
        visit(key="b_soon", updated=datetime.now(UTC))
    sync()
    assert home.target.titles.keys() == {"b_soon"}
    late.commit()
    late.close()
    sync()
    assert home.target.titles.keys() == {"b_soon", "b_late"}


def test_what_is_wrong_with_a_row_is_kept_until_it_is_mended(own, book, run, new_run):
    book("b_1")
    book("b_2", zone="Europe/Atlantis")
    home, sync = new_run(own)
    assert sync().created == 1
    assert home.quarantined() == {"b_2": ["its zone is not known; IANA zones are written like Europe/Bucharest"]}
    run("UPDATE bookings SET zone = 'Europe/London' WHERE id = 'b_2'")
    assert sync().created == 1
    assert home.quarantined() == {}


def test_a_row_that_is_deleted_while_it_is_wrong_leaves_quarantine(own, book, run, new_run):
    book("b_1", zone="Europe/Atlantis")
    home, sync = new_run(own)
    sync()
    run("DELETE FROM bookings")
    sync()
    assert home.quarantined() == {}
    assert home.target.titles == {}
