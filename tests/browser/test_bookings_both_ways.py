"""The booking page with runs in between: what is booked is shown in calendars, and what is done there comes back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page
from pydantic import HttpUrl, SecretStr
from sqlalchemy import Engine

from accord.calendar_target import CalendarTarget
from accord.clock import SystemClock
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.pairing import Policy
from accord.records import Kind
from accord.sandbox.app import application, build
from accord.sandbox.google import tokens as google
from accord.sandbox.microsoft import tokens as microsoft
from accord.sandbox.serve import served
from accord.sync import Sync
from accord.systems.bookings import Bookings, BookingTables, Store
from blocks import GoogleCalendarAccount, MicrosoftCalendarAccount

DAY = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
SYNC = Sync("booking-to-calendar/main", "bookings/main", "calendars/main")


class Office:
    """The page of a sandbox, and Accord between its bookings and its calendars."""

    def __init__(self, url: str, database: Path, ledger: Ledger, homes: Any) -> None:
        self.page, self.homes, self.ledger = f"{url}/bookings/", homes, ledger
        self.tables = BookingTables(open_database(f"sqlite:///{database}", "it", ours=False), SystemClock())
        store = Store(self.tables)
        accounts: dict[str, Any] = {
            "google/main": GoogleCalendarAccount(
                client_id=google.CLIENT_ID, client_secret=SecretStr(google.CLIENT_SECRET),
                refresh_token=SecretStr(google.REFRESH_TOKEN), base_url=HttpUrl(f"{url}/google"),
                token_url=HttpUrl(f"{url}/google/token"),
            ).connect("google/main", ledger),
            "microsoft/main": MicrosoftCalendarAccount(
                tenant=microsoft.TENANT, client_id=microsoft.CLIENT_ID, secret=SecretStr(microsoft.CLIENT_SECRET),
                base_url=HttpUrl(f"{url}/microsoft/v1.0"), login_url=HttpUrl(f"{url}/microsoft/login"),
            ).connect("microsoft/main", ledger),
        }  # fmt: skip
        self.target = CalendarTarget(SYNC, accounts, store.people(), store, ledger, Policy.NEWEST, board=store)

    def run(self) -> None:
        """One run, and what it shows of who is taken."""
        home = self.homes.Home(
            self.ledger, Bookings(self.tables), self.target, frozenset({Kind.BOOKING}), threads=True, sync=SYNC
        )
        home.run()
        assert set(self.target.show_availability().values()) == {None}


@pytest.fixture
def office(tmp_path: Path, fresh_files: Any, open_engine: Callable[[str], Engine], homes: Any) -> Iterator[Office]:
    sandbox = build(payments=0, bookings_database=tmp_path / "bookings.db")
    ledger = Ledger(open_engine(fresh_files.ledger()), Cipher(new_key()), SystemClock())
    with served(application(sandbox)) as url:
        made = Office(url, tmp_path / "bookings.db", ledger, homes)
        made.run()
        yield made
        made.target.close()
    sandbox.bookings.store.close()


def day_of(page: Page, person: str, part: str) -> list[str]:
    return [row.replace("\n", " ") for row in page.locator(f"#{person} .{part} li").all_inner_texts()]


def look(page: Page, office: Office) -> None:
    page.goto(f"{office.page}?day={DAY}")


@pytest.mark.parametrize("person", ["ana", "carmen"])
def test_what_is_booked_is_shown_in_the_calendar_and_what_is_done_there_comes_back(
    page: Page, office: Office, person: str
) -> None:
    look(page, office)
    assert page.locator(f"#{person} .as-of").inner_text().startswith("as of ")
    form = page.locator("#book")
    form.get_by_label("Person").select_option(person)
    form.get_by_label("What").fill("Fitting")
    form.get_by_role("button").click()  # the calendar is known to be free: nothing has to be ticked
    assert day_of(page, person, "bookings") == ["10:00–11:00 Fitting"]
    assert day_of(page, person, "events") == ["nothing"]
    office.run()
    look(page, office)
    assert day_of(page, person, "events") == ["10:00–11:00 Fitting"]
    assert day_of(page, person, "taken") == ["10:00–11:00"]

    page.locator(f"#{person} .events").get_by_role("link", name="Fitting").click()
    page.locator("#move").get_by_label("From").fill(f"{DAY}T13:00")
    page.locator("#move").get_by_label("Until").fill(f"{DAY}T14:00")
    page.locator("#move").get_by_role("button").click()
    assert day_of(page, person, "bookings") == ["10:00–11:00 Fitting"], "nobody has run yet"
    office.run()
    look(page, office)
    moved = "13:00–14:00 Fitting"
    assert (day_of(page, person, "bookings"), day_of(page, person, "events")) == ([moved], [moved])
    assert day_of(page, person, "taken") == ["13:00–14:00"]

    page.locator(f"#{person} .events").get_by_role("link", name="Fitting").click()
    page.get_by_role("button", name="Delete the event").click()
    office.run()
    look(page, office)
    assert page.locator(f"#{person} .bookings .cancelled").count() == 1
    assert day_of(page, person, "events") == ["nothing"]
    assert day_of(page, person, "taken") == ["at no time"]
