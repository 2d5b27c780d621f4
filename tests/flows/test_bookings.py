"""Bookings into people's calendars and back, as a flow on a Prefect server, against the sandbox."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import HttpUrl, SecretStr

from accord.bookings import at
from accord.clock import SystemClock
from accord.ledger.engine import open_database
from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.bookings import desk
from accord.sandbox.bookings.calendars import Shown
from accord.sandbox.bookings.seed import PEOPLE
from accord.sandbox.google import tokens as google
from accord.sandbox.microsoft import tokens as microsoft
from accord.sandbox.serve import served
from accord.systems.bookings import BookingTables, Store
from deployments.cli import main

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Capture = pytest.CaptureFixture[str]
SYNC = "booking-to-calendar/main"
ZONE = ZoneInfo(desk.ZONE)
DAY = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
TEN, ELEVEN, NOON = (f"{DAY}T{hour}:00" for hour in (10, 11, 12))


class Office:
    """A booking system and the calendars of its people in a sandbox; what people do in both, and runs of the flow."""

    def __init__(self, sandbox: Sandbox, url: str, home: Path) -> None:
        self.sandbox, self.url, self.home = sandbox, url, home
        self.store = sandbox.bookings.store
        self.made = 0.0  # when the last booking was
        self.save("newest")
        self.save_google()
        self.save_microsoft()

    def save(self, policy: str) -> None:
        from blocks import BookingsDatabase

        url = SecretStr(f"sqlite:///{self.store.path}")
        BookingsDatabase(url=url, policy=policy).save("main", overwrite=True)  # type: ignore[arg-type]

    def save_google(self) -> None:
        from blocks import GoogleCalendarAccount

        GoogleCalendarAccount(
            client_id=google.CLIENT_ID, client_secret=SecretStr(google.CLIENT_SECRET),
            refresh_token=SecretStr(google.REFRESH_TOKEN), base_url=HttpUrl(f"{self.url}/google"),
            token_url=HttpUrl(f"{self.url}/google/token"),
        ).save("main", overwrite=True)  # fmt: skip

    def save_microsoft(self) -> None:
        from blocks import MicrosoftCalendarAccount

        MicrosoftCalendarAccount(
            tenant=microsoft.TENANT, client_id=microsoft.CLIENT_ID, secret=SecretStr(microsoft.CLIENT_SECRET),
            base_url=HttpUrl(f"{self.url}/microsoft/v1.0"), login_url=HttpUrl(f"{self.url}/microsoft/login"),
        ).save("main", overwrite=True)  # fmt: skip

    def book(self, person: str, start: str = TEN, end: str = ELEVEN, **more: str) -> str:
        """A new booking; its id."""
        given = {"person": person, "start": start, "end": end, "title": "Fitting", "anyway": "yes"} | more
        self.made = time.time()
        return str(desk.book(self.store, given, self.made)["id"])

    def change(self, id: str, **fields: str) -> None:
        version = str(self.booking(id)["version"])
        desk.change(self.store, id, fields | {"version": version, "anyway": "yes"}, self.sandbox.clock.now())

    def booking(self, id: str) -> dict[str, Any]:
        found = self.store.booking(id)
        assert found is not None
        return found

    def seen(self, person: str) -> list[Shown]:
        """What a person sees of bookings in the calendar on that day."""
        low = at(DAY, desk.ZONE)
        found = self.sandbox.bookings.calendars.shown(*PEOPLE[person], low, low + 86_400)
        return [one for one in found or [] if one.ours]

    def when(self, person: str) -> list[str]:
        return [datetime.fromtimestamp(one.start, ZONE).strftime("%H:%M") for one in self.seen(person)]

    def move_event(self, person: str, start: str, end: str) -> None:
        [event] = self.seen(person)
        self.sandbox.bookings.calendars.move(*PEOPLE[person], event.id, start, end)

    def delete_event(self, person: str) -> None:
        [event] = self.seen(person)
        self.sandbox.bookings.calendars.delete(*PEOPLE[person], event.id)

    def requests(self) -> Counter[str]:
        """How often each endpoint was asked since the last call, tokens aside."""
        asked: Counter[str] = Counter()
        for system in (self.sandbox.google, self.sandbox.microsoft):
            counted = system.stats.by_endpoint.items()
            asked += Counter({name: n for name, n in counted if "token" not in name and "_admin" not in name})
            system.stats.reset()
        return asked

    def run(self) -> Any:
        """Run the flow here; its final state. A first run reads what was made before its own second."""
        while time.time() < int(self.made) + 1:
            time.sleep(0.02)
        from flows.booking_to_calendar import booking_to_calendar

        return booking_to_calendar("main", return_state=True)

    def runs(self) -> None:
        state = self.run()
        assert state.is_completed(), state.message

    def agreed(self) -> bool:
        from deployments.reconcile import reconcile

        return reconcile(SYNC).complete

    def taken(self, person: str, start: str = TEN, end: str = ELEVEN) -> str | None:
        """Why a person is not free, by what the booking system was told."""
        tables = BookingTables(open_database(f"sqlite:///{self.store.path}", "it", ours=False), SystemClock())
        store = Store(tables)
        try:
            return store.taken(person, at(start, desk.ZONE), at(end, desk.ZONE))
        finally:
            store.close()


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    from tasks.bench import close

    sandbox = build(payments=0, bookings_database=tmp_path / "bookings.db")
    with served(application(sandbox)) as url:
        yield Office(sandbox, url, tmp_path)
        close(SYNC)
    sandbox.bookings.store.close()


def test_bookings_are_shown_once_in_both_systems_and_nothing_changed_costs_next_to_nothing(office: Office) -> None:
    for person in PEOPLE:
        office.book(person)
    office.runs()
    assert {person: office.when(person) for person in PEOPLE} == {person: ["10:00"] for person in PEOPLE}
    assert office.agreed()
    assert {person: office.taken(person) for person in PEOPLE} == dict.fromkeys(PEOPLE, "the calendar is taken")
    assert office.taken("ana", ELEVEN, NOON) is None
    office.runs()  # hears what the first one wrote
    office.requests()
    office.runs()
    asked = office.requests()
    assert sum(asked.values()) <= 2 * len(PEOPLE), asked
    assert all("POST" not in name or "freeBusy" in name or "getSchedule" in name for name in asked), asked


def test_a_booking_is_moved_reassigned_between_the_systems_and_cancelled(office: Office) -> None:
    id = office.book("ana")
    office.runs()
    office.change(id, start=ELEVEN, end=NOON)
    office.runs()
    assert office.when("ana") == ["11:00"]
    office.change(id, person="carmen")
    office.runs()
    assert (office.when("ana"), office.when("carmen")) == ([], ["11:00"])
    office.change(id, status="cancelled")
    office.runs()
    assert office.when("carmen") == []
    assert office.agreed()


@pytest.mark.parametrize(
    ("policy", "moved", "deleted"),
    [
        ("booking", ("10:00", TEN), ["10:00"]),
        ("calendar", ("11:00", ELEVEN), []),
        ("newest", ("11:00", ELEVEN), []),
    ],
)
def test_what_a_person_does_in_the_calendar_counts_by_the_policy(
    office: Office, policy: str, moved: tuple[str, str], deleted: list[str]
) -> None:
    office.save(policy)
    one, two = office.book("bogdan"), office.book("dan")
    office.runs()
    office.move_event("bogdan", ELEVEN, NOON)
    office.delete_event("dan")
    office.runs()
    shown, start = moved
    assert (office.when("bogdan"), office.booking(one)["starts_at"][:16]) == ([shown], start)
    assert office.when("dan") == deleted
    assert office.booking(two)["status"] == ("booked" if deleted else "cancelled")
    assert office.agreed()
    before = office.booking(one)["version"], office.booking(two)["version"]
    office.runs()
    assert (office.booking(one)["version"], office.booking(two)["version"]) == before, "our own writing is no change"


def test_who_asks_is_told_of_both_versions_and_says_which_one_counts(office: Office, capsys: Capture) -> None:
    office.save("ask")
    id = office.book("ana")
    office.runs()
    office.move_event("ana", ELEVEN, NOON)
    office.runs()
    assert (office.when("ana"), office.booking(id)["starts_at"]) == (["11:00"], TEN), "neither is written"
    said = _said(capsys, "conflicts", "list", code=1)
    assert id in said
    assert "a person has to say which side counts" in said
    assert f"| `{id}` |" in _report()
    assert f"{SYNC}: 1 in conflict; look at: accord conflicts list" in _said(capsys, "status", code=1)
    _said(capsys, "conflicts", "keep", id, "--side", "calendar")
    office.runs()
    assert office.booking(id)["starts_at"][:16] == ELEVEN
    assert _said(capsys, "conflicts", "list") == "there are no conflicts\n"
    assert "a person keeps the calendar's side" in _said(capsys, "explain", id, "--json")
    assert office.agreed()


def test_an_account_that_has_withdrawn_is_named_and_the_other_goes_on(office: Office, capsys: Capture) -> None:
    office.book("ana")
    office.book("dan")
    office.runs()
    office.sandbox.google.settings.consent = False
    office.sandbox.google.tokens.revoke()
    later = office.book("ana", NOON, f"{DAY}T13:00")
    office.book("carmen")
    state = office.run()
    assert state.name == "Misconfigured"
    assert "accord connect google --name main" in state.message
    assert (office.when("ana"), office.when("carmen")) == (["10:00"], ["10:00"])
    assert "accord connect google" in str(office.taken("ana")), "what is not known is not free, and says why"
    assert office.taken("dan", NOON, f"{DAY}T13:00") is None
    found = json.loads(_said(capsys, "doctor", "--json", code=2))
    assert any(one["about"] == "google/main" and "connect google" in one["what"] for one in found)
    assert not any(one["about"].startswith("microsoft/main") for one in found)
    office.sandbox.google.settings.consent = True
    office.runs()
    assert office.when("ana") == ["10:00", "12:00"]
    assert office.booking(later)["version"] == 1
    assert office.agreed()


def test_a_block_that_does_not_fit_any_more_holds_up_its_own_account_only(office: Office) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import BlockDocumentUpdate

    office.book("ana")
    office.book("dan")
    spoilt = BlockDocumentUpdate(data={"client_id": "other"}, merge_existing_data=False)
    with get_client(sync_client=True) as client:
        saved = client.read_block_document_by_name("main", "accord-google-calendar-account")
        client.update_block_document(saved.id, spoilt)
    state = office.run()
    assert state.name == "Misconfigured"
    assert "the Google Calendar account block main does not fit" in state.message
    assert (office.when("ana"), office.when("dan")) == ([], ["10:00"])
    assert "does not fit" in str(office.taken("ana"))
    office.save_google()
    office.runs()
    assert office.when("ana") == ["10:00"]
    assert office.agreed()


def test_who_has_no_calendar_is_named_and_holds_up_nobody(office: Office, capsys: Capture) -> None:
    for person, account in (("eva", "google/other"), ("fane", "")):
        office.store.add({"person": person, "account": account, "calendar": f"{person}@accord.test"})
    ids = [office.book(person) for person in ("ana", "eva", "fane")]
    assert office.run().is_completed()
    assert office.when("ana") == ["10:00"]
    kept = {one["key"]: one for one in json.loads(_said(capsys, "quarantine", "list", "--json", code=1))}
    eva, fane = (kept.pop(id) for id in ids[1:])
    assert kept == {}
    assert eva["reasons"] == ["the calendar account google/other is not connected; connect it"]
    assert "nothing says which calendar is fane's" in fane["reasons"][0]
    assert office.taken("eva") == "google/other is not connected"
    assert "accord connect google --name other" in _said(capsys, "doctor", code=2)


def test_many_events_that_are_gone_at_once_pause_the_calendar_until_a_person_has_looked(
    office: Office, capsys: Capture
) -> None:
    for quarter in range(22):
        start = datetime.fromisoformat(f"{DAY}T08:00") + timedelta(minutes=15 * quarter)
        office.book("ana", *((start + timedelta(minutes=m)).isoformat(timespec="minutes") for m in (0, 15)))
    office.book("bogdan")
    office.runs()
    for event in office.seen("ana"):
        office.sandbox.bookings.calendars.delete(*PEOPLE["ana"], event.id)
    state = office.run()
    assert state.name == "Stopped"
    name = f"{SYNC}:google/main/ana@accord.test"
    assert f"accord resume {name}" in state.message
    assert len(office.store.rows("SELECT 1 FROM bookings WHERE status = 'booked'")) == 23, "no booking was cancelled"
    assert name in _said(capsys, "resume", code=1)
    _said(capsys, "resume", name, "--quarantine")
    office.runs()
    assert len(office.store.rows("SELECT 1 FROM bookings WHERE status = 'booked'")) == 1
    assert office.agreed()


def _said(capsys: Capture, *command: str, code: int = 0) -> str:
    """What a command prints, errors included."""
    capsys.readouterr()
    ended = main([*command])
    printed = capsys.readouterr()
    assert ended == code, printed.out + printed.err
    return printed.out + printed.err


def _report() -> str:
    """The page that the last run left."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
    from prefect.client.schemas.sorting import ArtifactSort

    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=["booking-to-calendar-main-checks"]))
    with get_client(sync_client=True) as client:
        return str(client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC)[0].data)
