"""Bookings and one Microsoft 365 mailbox, both ways through whole runs: what is gone, and what is far from today."""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest

from accord.bookings import at
from accord.calendars import Seat
from accord.ledger.engine import Ledger
from accord.pairing import Policy
from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.microsoft import tokens
from accord.sandbox.microsoft.seed import CARMEN
from accord.systems.microsoft import Credentials, MicrosoftCalendars, connect

NOW = 1_772_323_200.0  # 2026-03-01
DAY = 86_400
PAST, SOON, FAR = "2026-01-10", "2026-03-10", "2027-12-10"  # the window is from 30 days back to 400 ahead


class Outlook:
    """An office whose one person, ana, has her calendar at Microsoft, and what she does in Outlook."""

    def __init__(self, office: Any, http: httpx.Client, mailbox: Any) -> None:
        self.office = office
        self._http = http
        self._mailbox = mailbox

    def book(self, key: str, day: str) -> None:
        self.office.book(key, start=f"{day}T10:00:00", end=f"{day}T11:00:00")

    def delete(self, key: str) -> None:
        self._act("delete", key)

    def move(self, key: str, day: str) -> None:
        self._act("move", key, start=f"{day}T10:00:00", end=f"{day}T11:00:00")

    def shown(self) -> set[str]:
        return {event.subject.removeprefix("Visit ") for event in self._mailbox.events.values()}

    def requests(self) -> int:
        """Since this was last asked, those of a batch one by one."""
        answer = self._http.get("/stats?reset=1").json()
        return sum(count for name, count in answer["by_endpoint"].items() if name != "POST /$batch")

    def _act(self, what: str, key: str, **given: str) -> None:
        [event] = [one for one in self._mailbox.events.values() if one.subject == f"Visit {key}"]
        self._http.post(f"/{what}", json={"mailbox": CARMEN, "id": event.id, **given}).raise_for_status()


@pytest.fixture
def outlook(
    own_time: Any, ledger: Ledger, homes: ModuleType, fakes: ModuleType, offices: ModuleType
) -> Iterator[Callable[[Policy], Outlook]]:
    own_time.seconds = NOW
    sandbox = build(now=own_time.now, payments=0)
    transport = Direct(sandbox, own_time.sleep)
    made: list[MicrosoftCalendars] = []

    def outlook(policy: Policy) -> Outlook:
        office = offices.Office(ledger, own_time, homes, fakes, policy)
        client = connect(
            "microsoft/main",
            lambda: Credentials(tokens.TENANT, tokens.CLIENT_ID, tokens.CLIENT_SECRET),
            lambda token: None,
            ledger,
            base_url="http://sandbox.test/microsoft/v1.0",
            login_url="http://sandbox.test/microsoft/login",
            client=httpx.Client(transport=transport),
        )
        made.append(client)
        office.accounts, office.people = {"microsoft/main": client}, {"ana": Seat("microsoft/main", CARMEN)}
        admin = httpx.Client(transport=transport, base_url="http://sandbox.test/microsoft/_admin")
        return Outlook(office, admin, sandbox.microsoft.store.mailboxes[CARMEN])

    yield outlook
    for one in made:
        one.close()


@pytest.mark.parametrize("day", [SOON, FAR])
def test_what_somebody_deletes_in_outlook_is_gone(
    outlook: Callable[[Policy], Outlook], day: str, own_time: Any
) -> None:
    """Though Microsoft still finds it by its id; far ahead, once all is read anew."""
    here = outlook(Policy.CALENDAR)
    here.book("b1", day)
    here.office.run()
    here.delete("b1")
    own_time.sleep(31 * DAY)
    here.office.run()
    here.office.run()
    assert here.office.bookings.held["b1"].status == "cancelled"
    assert here.office.agreement().complete


def test_what_both_have_taken_away_is_settled(outlook: Callable[[Policy], Outlook]) -> None:
    here = outlook(Policy.BOOKING)
    here.book("b1", SOON)
    here.office.run()
    listen = here.office.accounts["microsoft/main"].changes
    here.office.bookings.change("b1", status="cancelled")
    here.office.accounts["microsoft/main"].changes = lambda calendar, at: _before(here, listen(calendar, at))
    here.office.run()
    assert (here.shown(), here.office.kept()) == (set(), {})
    assert here.office.standing().agreed
    assert here.office.agreement().complete


def _before(here: Outlook, changes: Any) -> Any:
    """Somebody deletes the event just after the calendar was listened to."""
    if here.shown():
        here.delete("b1")
    return changes


def test_bookings_long_ago_and_far_ahead_are_compared_too(outlook: Callable[[Policy], Outlook]) -> None:
    here = outlook(Policy.BOOKING)
    for key, day in (("past", PAST), ("soon", SOON), ("far", FAR)):
        here.book(key, day)
    here.office.run()
    assert here.shown() == {"past", "soon", "far"}
    assert here.office.agreement().complete
    here.delete("past")
    here.move("far", "2027-12-11")
    found = {one.key: one.how for one in here.office.agreement().disagreements}
    assert found == {"past": "differs", "far": "differs"}


def test_a_new_window_asks_for_no_event_by_itself(outlook: Callable[[Policy], Outlook], own_time: Any) -> None:
    here = outlook(Policy.CALENDAR)
    for number in range(30):
        here.book(f"b{number}", PAST)
    here.book("far", FAR)
    here.office.run()
    here.office.run()
    here.move("far", "2027-12-11")
    here.requests()
    own_time.sleep(31 * DAY)
    here.office.run()
    assert here.requests() <= 8
    assert here.office.bookings.held["far"].takes.start == at("2027-12-11T10:00:00", "Europe/Bucharest")
