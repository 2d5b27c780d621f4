"""The sandbox's booking system with its Google and Microsoft: a whole office through the clients, page included."""

import time

import httpx
import pytest

from accord.availability import refresh
from accord.budget import NeverOpen
from accord.calendar_target import CalendarTarget
from accord.clock import SystemClock
from accord.compare import reconcile
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.pairing import Policy
from accord.quota import SharedQuota
from accord.records import Kind
from accord.sandbox.app import build
from accord.sandbox.bookings.seed import PEOPLE
from accord.sandbox.bookings.store import stretch
from accord.sandbox.direct import Direct
from accord.sandbox.google.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from accord.sandbox.microsoft import tokens
from accord.sync import Sync
from accord.systems.bookings import Bookings, BookingTables, Store
from accord.systems.google import RefreshToken, connect
from accord.systems.microsoft import Credentials
from accord.systems.microsoft import connect as connect_microsoft

SYNC = Sync("booking-to-calendar/main", "bookings/main", "calendars/main")
GOOGLE, MICROSOFT = "http://sandbox.test/google", "http://sandbox.test/microsoft"


@pytest.fixture
def sandbox(tmp_path):
    built = build(payments=20, bookings_database=tmp_path / "bookings.db")
    yield built
    built.bookings.store.close()


@pytest.fixture
def ledger(fresh_files, open_engine):
    return Ledger(open_engine(fresh_files.ledger()), Cipher(new_key()), SystemClock())


@pytest.fixture
def accounts(sandbox, ledger):
    def http():
        return httpx.Client(transport=Direct(sandbox))

    google = connect(
        base_url=GOOGLE,
        token_url=f"{GOOGLE}/token",
        credentials=lambda: RefreshToken(CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN),
        delegated=False,
        quota=SharedQuota("google/main", per_minute=None, ledger=ledger, clock=ledger.clock),
        breaker=NeverOpen(),
        clock=ledger.clock,
        client=http(),
    )
    microsoft = connect_microsoft(
        "microsoft/main",
        lambda: Credentials(tokens.TENANT, tokens.CLIENT_ID, tokens.CLIENT_SECRET),
        lambda token: None,
        ledger,
        base_url=f"{MICROSOFT}/v1.0",
        login_url=f"{MICROSOFT}/login",
        client=http(),
    )
    yield {"google/main": google, "microsoft/main": microsoft}
    google.close()
    microsoft.close()


def coming():
    """The days after today that the availability reaches."""
    now = int(time.time())
    return now + 86_400, now + 20 * 86_400


def alone(sandbox, row):
    """Whether a booking has hours, and its calendar shows nothing else then, nor a whole day near it."""
    start, end = stretch(row)
    near = sandbox.bookings.calendars.shown(*PEOPLE[row["person"]], start - 86_400, end + 86_400) or []
    then = [event for event in near if event.start < end and event.end > start]
    long = [event for event in near if event.end - event.start >= 86_400]
    return row["status"] == "booked" and end - start < 86_400 and len(then) == 1 and not long


def test_an_office_is_in_its_calendars_and_the_page_knows_who_is_free(sandbox, ledger, accounts, homes):
    database = sandbox.bookings.store.path
    tables = BookingTables(open_database(f"sqlite:///{database}", "it", ours=False), SystemClock())
    source, store = Bookings(tables), Store(tables)
    target = CalendarTarget(SYNC, accounts, tables.people(), store, ledger, Policy.CALENDAR)
    home = homes.Home(ledger, source, target, {Kind.BOOKING}, sync=SYNC)

    def run():
        home.plan()
        return home.run()

    run()
    assert home.quarantined() == {}
    assert reconcile(source, target, SYNC.connection).complete
    tally = run()
    assert (tally.created, tally.updated, tally.deleted) == (0, 0, 0)
    assert refresh(store, accounts, ledger.clock) == dict.fromkeys(PEOPLE, None)

    row = next(row for row in sandbox.bookings.store.bookings(*coming(), "dan") if alone(sandbox, row))
    page = httpx.Client(transport=Direct(sandbox), base_url="http://sandbox.test/bookings")
    asked = {"person": "dan", "start": row["starts_at"], "end": row["ends_at"]}
    assert page.get("/v1/free", params=asked).json()["why"] == "there is another booking"
    assert page.get("/v1/free", params=asked | {"booking": row["id"]}).json()["free"]
    page.patch(f"/v1/bookings/{row['id']}", json={"version": 1, "status": "cancelled"}).raise_for_status()
    assert page.get("/v1/free", params=asked).json()["why"] == "the calendar is taken"
    run()
    refresh(store, accounts, ledger.clock)
    assert page.get("/v1/free", params=asked).json()["free"]
    tables.close()
