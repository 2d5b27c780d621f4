"""The booking page in a browser that runs no JavaScript: a person books, moves, reassigns and cancels."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from accord.bookings import Span, at
from accord.calendars import Busy, Seat
from accord.clock import SystemClock
from accord.ledger.engine import open_database
from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.google import people
from accord.sandbox.serve import served
from accord.sandbox.wire import Ask
from accord.systems.bookings import BookingTables, Store

NOW = 1_790_000_000.0  # 2026-09-21, a Monday
DAY = "2026-09-22"
ZONE = "Europe/Bucharest"
JSON = {"content-type": "application/json"}
SEATS = {"ana": Seat("google/main", "ana@accord.test"), "dan": Seat("microsoft/main", "dan@accord.test")}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    built = build(now=lambda: NOW, payments=0, bookings_database=tmp_path / "bookings.db")
    yield built
    built.bookings.store.close()


@pytest.fixture
def store(sandbox: Sandbox) -> Iterator[Store]:
    """What Accord does in the same database."""
    url = f"sqlite:///{sandbox.bookings.store.path}"
    tables = BookingTables(open_database(url, "it", ours=False), SystemClock())
    yield Store(tables)
    tables.close()


@pytest.fixture
def url(sandbox: Sandbox) -> Iterator[str]:
    with served(application(sandbox)) as base:
        yield f"{base}/bookings/"


def show(store: Store, person: str, *spans: tuple[str, str], unknown: str | None = None) -> None:
    taken = [Span(at(f"{DAY}T{start}", ZONE), at(f"{DAY}T{end}", ZONE), False) for start, end in spans]
    store.show_busy(person, SEATS[person], Busy(taken, unknown), int(NOW), int(NOW) + 60 * 86_400)


def press(page: Page, what: Locator) -> None:
    """Press a button or a link, and wait for the page that it leads to."""
    with page.expect_navigation():
        what.click()


def book(page: Page, url: str, start: str, end: str, person: str = "ana", anyway: bool = False) -> None:
    page.goto(f"{url}?day={DAY}")
    form = page.locator("#book")
    form.get_by_label("Person").select_option(person)
    form.get_by_label("From").fill(f"{DAY}T{start}")
    form.get_by_label("Until").fill(f"{DAY}T{end}")
    form.get_by_label("What").fill("Fitting <b>of</b> a suit")
    form.get_by_label("Attendee").fill("Ioana")
    if anyway:
        form.get_by_label("also where").check()
    press(page, form.get_by_role("button"))


def day_of(page: Page, person: str, part: str = "bookings") -> list[str]:
    return [row.replace("\n", " ") for row in page.locator(f"#{person} .{part} li").all_inner_texts()]


def test_a_person_books_moves_reassigns_and_cancels(page: Page, url: str, store: Store) -> None:
    show(store, "ana")
    show(store, "dan")
    book(page, url, "10:00", "11:00")
    assert page.url == f"{url}?day={DAY}"
    assert day_of(page, "ana") == ["10:00–11:00 Fitting <b>of</b> a suit, Ioana"]
    press(page, page.get_by_role("link", name="Fitting"))
    move = page.locator("#move")
    move.get_by_label("From").fill(f"{DAY}T10:30")
    move.get_by_label("Until").fill(f"{DAY}T12:00")
    move.get_by_label("Place").fill("Room 2")
    press(page, move.get_by_role("button"))
    assert day_of(page, "ana") == ["10:30–12:00 Fitting <b>of</b> a suit, Ioana"]
    press(page, page.get_by_role("link", name="Fitting"))
    page.locator("#reassign").get_by_label("Whom").select_option("dan")
    press(page, page.locator("#reassign").get_by_role("button"))
    assert (day_of(page, "ana"), day_of(page, "dan")) == (["none"], ["10:30–12:00 Fitting <b>of</b> a suit, Ioana"])
    press(page, page.get_by_role("link", name="Fitting"))
    assert page.locator("#state").inner_text() == "booked, version 3"
    press(page, page.get_by_role("button", name="Cancel the booking"))
    assert page.locator("#dan .cancelled").count() == 1
    press(page, page.get_by_role("link", name="Fitting"))
    assert page.locator("form").count() == 0


def test_who_is_free_is_told_with_its_age_and_what_is_not_known_is_not_free(page: Page, url: str, store: Store) -> None:
    show(store, "ana", ("09:00", "09:30"), ("10:30", "12:00"))
    show(store, "dan", unknown="microsoft/main does not answer")
    page.goto(f"{url}?day={DAY}")
    assert day_of(page, "ana", "taken") == ["09:00–09:30", "10:30–12:00"]
    assert page.locator("#ana .as-of").inner_text() == "as of 21 Sep 2026, 17:13 EEST"
    assert page.locator("#dan .taken").inner_text() == "not known: microsoft/main does not answer"
    assert page.locator("#carmen .taken").inner_text() == "not known: nobody has asked the calendar yet"
    free = page.locator("#free")
    free.get_by_label("From").fill(f"{DAY}T09:30")
    free.get_by_label("Until").fill(f"{DAY}T10:30")
    press(page, free.get_by_role("button"))
    assert [row.inner_text().split("\t") for row in page.locator("#who tbody tr").all()] == [
        ["ana", "free"],
        ["bogdan", "no: nothing is known of the calendar"],
        ["carmen", "no: nothing is known of the calendar"],
        ["dan", "no: microsoft/main does not answer"],
    ]


def test_what_is_refused_says_why_and_keeps_what_was_typed(page: Page, url: str, store: Store) -> None:
    book(page, url, "10:00", "11:00")
    said = page.get_by_role("alert")
    assert said.inner_text() == "ana is not known to be free then: nothing is known of the calendar."
    assert page.get_by_label("What").input_value() == "Fitting <b>of</b> a suit"
    book(page, url, "10:00", "11:00", anyway=True)
    book(page, url, "10:30", "11:30", anyway=True)
    assert said.inner_text() == "ana has another booking then."
    book(page, url, "12:00", "11:30", anyway=True)
    assert said.inner_text() == "The booking must end after it starts."


def test_what_was_changed_meanwhile_is_not_overwritten(page: Page, url: str, store: Store, sandbox: Sandbox) -> None:
    book(page, url, "10:00", "11:00", anyway=True)
    press(page, page.get_by_role("link", name="Fitting"))
    (row,) = sandbox.bookings.store.rows("SELECT id FROM bookings")
    assert store.move(row["id"], 1, f"{DAY}T15:00:00", f"{DAY}T16:00:00", ZONE, None)
    press(page, page.get_by_role("button", name="Cancel the booking"))
    assert page.get_by_role("alert").inner_text() == "The booking was changed meanwhile; look at it again."
    assert f"{DAY} 15:00:00" in page.locator("table").first.inner_text()


LUNCH = {"title": "Lunch", "start": f"{DAY}T12:30:00", "end": f"{DAY}T13:30:00"}


def in_google(sandbox: Sandbox) -> None:
    people.make(sandbox.google.store, {"calendar": "ana@accord.test"} | LUNCH)


def in_microsoft(sandbox: Sandbox) -> None:
    body = json.dumps({"mailbox": "dan@accord.test", "subject": LUNCH["title"]} | LUNCH).encode()
    made = sandbox.providers["/microsoft"].admin(Ask("POST", "/_admin/events", "", body, JSON))
    assert made.status == 200


@pytest.mark.parametrize(("make", "person"), [(in_google, "ana"), (in_microsoft, "dan")])
def test_both_calendars_are_shown_and_events_moved_and_deleted_there_by_hand(
    page: Page, url: str, sandbox: Sandbox, make: Callable[[Sandbox], None], person: str
) -> None:
    make(sandbox)
    page.goto(f"{url}?day={DAY}")
    assert day_of(page, person, "events") == ["12:30–13:30 Lunch their own"]
    assert day_of(page, "carmen", "events") == ["nothing"]
    press(page, page.get_by_role("link", name="Lunch"))
    page.locator("#move").get_by_label("From").fill(f"{DAY}T13:00")
    page.locator("#move").get_by_label("Until").fill(f"{DAY}T14:15")
    press(page, page.locator("#move").get_by_role("button"))
    assert day_of(page, person, "events") == ["13:00–14:15 Lunch their own"]
    press(page, page.get_by_role("link", name="Lunch"))
    press(page, page.get_by_role("button", name="Delete the event"))
    assert day_of(page, person, "events") == ["nothing"]


def test_the_page_fits_a_telephone_and_unknown_addresses_are_not_found(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    page.goto(url)
    body = page.locator("body").bounding_box()
    assert body is not None
    assert body["width"] <= 375
    for address in ("booking?id=none", "elsewhere", "event?account=google/main&calendar=ana@accord.test&id=none"):
        answer = page.request.get(url + address)
        assert (answer.status, "There is no" in answer.text() or "nothing at this" in answer.text()) == (404, True)
    assert page.request.put(url).status == 405
