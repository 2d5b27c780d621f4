"""Microsoft's client against the sandbox, in its own ways: duplicates, dead tokens, batches, limits of a mailbox."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
import pytest

from accord.bookings import at
from accord.calendars import (
    Create,
    Delete,
    Differs,
    Done,
    Event,
    Mark,
    NotDone,
    Operation,
    Outcome,
    TokenGone,
    Update,
    Wanted,
)
from accord.clock import SystemClock
from accord.errors import Misconfigured, NotSent, Refused, TryLater
from accord.ledger import leases
from accord.ledger.engine import Ledger
from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.direct import Direct
from accord.sandbox.microsoft import tokens
from accord.sandbox.microsoft.seed import CARMEN, DAN
from accord.sandbox.serve import served
from accord.systems.microsoft import Credentials, MicrosoftCalendars, connect
from accord.systems.microsoft.limits import Turns, name_of

DAY = 86_400
PARTS = "/v1.0/users"


def wanted(number: int = 1, generation: int = 1, rev: int = 1, **more: Any) -> Wanted:
    usual: dict[str, Any] = {"start": "2026-10-10T10:00:00", "end": "2026-10-10T11:00:00", "zone": "Europe/Bucharest"}
    usual |= {"title": f"Visit {number}", "place": "Room 5", "link": None, "notes": None, "attendee": "Ana Pop"}
    return Wanted(mark=Mark(f"booking-to-calendar/main b{number}", generation, rev), **usual | more)


class Tenant:
    """The sandbox, what a person does in it, and how it is told to behave."""

    def __init__(self, sandbox: Sandbox, sleep: Callable[[float], None]) -> None:
        self.sandbox = sandbox
        self.microsoft = sandbox.microsoft
        self.transport = Direct(sandbox, sleep)
        self._admin = httpx.Client(transport=self.transport, base_url="http://sandbox.test/microsoft/_admin")

    def act(self, what: str, mailbox: str = CARMEN, **given: Any) -> Any:
        answer = self._admin.post(f"/{what}", json={"mailbox": mailbox, **given})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settings(self, **given: Any) -> None:
        self._admin.post("/settings", json=given).raise_for_status()

    def fault(self, **given: Any) -> None:
        self._admin.post("/faults", json=given).raise_for_status()

    def asked(self) -> dict[str, int]:
        """How often each endpoint was asked since this was last looked at."""
        found: dict[str, int] = self._admin.get("/stats?reset=1").json()["by_endpoint"]
        return found

    def statuses(self) -> dict[str, int]:
        found: dict[str, int] = self._admin.get("/stats").json()["by_status"]
        return found

    def living(self, mailbox: str = CARMEN) -> int:
        return len(self.microsoft.store.mailboxes[mailbox].events)


@pytest.fixture
def tenant(own_time: Any) -> Tenant:
    return Tenant(build(now=own_time.now, payments=0), own_time.sleep)


@pytest.fixture
def worker(tenant: Tenant, ledger: Ledger) -> Iterator[Callable[..., MicrosoftCalendars]]:
    """Makes a client as one worker has it; all of them share the ledger."""
    made: list[MicrosoftCalendars] = []

    def worker(secret: str = tokens.CLIENT_SECRET, refresh_token: str | None = None, **more: Any) -> MicrosoftCalendars:
        given = Credentials(tokens.TENANT, tokens.CLIENT_ID, secret, refresh_token)
        made.append(
            connect(
                "microsoft/main",
                lambda: given,
                lambda token: None,
                ledger,
                base_url="http://sandbox.test/microsoft/v1.0",
                login_url="http://sandbox.test/microsoft/login",
                client=httpx.Client(transport=tenant.transport),
                **more,
            )
        )
        return made[-1]

    yield worker
    for one in made:
        one.close()


@pytest.fixture
def calendars(worker: Callable[..., MicrosoftCalendars]) -> MicrosoftCalendars:
    return worker()


def told(outcomes: Sequence[Outcome]) -> list[tuple[Any, ...]]:
    """Outcomes by their kinds too: as tuples, two of different kinds are equal where what is in them is."""
    return [(type(outcome), *outcome) for outcome in outcomes]


def make(calendars: MicrosoftCalendars, **more: Any) -> Event:
    [outcome] = calendars.apply([Create(CARMEN, wanted(**more))])
    assert isinstance(outcome, Done), outcome
    assert outcome.event is not None
    return outcome.event


def read_all(calendars: MicrosoftCalendars, at_: str | None = None) -> tuple[dict[str, Event], list[str], str]:
    """Events by id, as they came last."""
    events: dict[str, Event] = {}
    gone: list[str] = []
    for _ in range(500):
        page = calendars.changes(CARMEN, at_)
        events |= {event.id: event for event in page.events}
        gone, at_ = [*gone, *page.gone], page.at
        if not page.more:
            return events, gone, at_
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("existing_id", [False, True])
@pytest.mark.parametrize("duplicate", ["400", "409", "replay"])
def test_a_repeat_is_recognised_however_it_is_answered(
    tenant: Tenant, calendars: MicrosoftCalendars, duplicate: str, existing_id: bool
) -> None:
    tenant.settings(duplicate=duplicate, existing_id=existing_id)
    event = make(calendars)
    assert told(calendars.apply([Create(CARMEN, wanted())])) == told([Done(event)])
    tenant.act("move", id=event.id, start="2026-10-11T10:00:00", end="2026-10-11T11:00:00")
    moved = calendars.get(CARMEN, event.id)
    assert told(calendars.apply([Create(CARMEN, wanted())])) == told([Differs(moved)])
    assert told(calendars.apply([Create(CARMEN, wanted(rev=2))])) == told([Differs(moved)]), (
        "which is for an update to do"
    )
    tenant.act("delete", id=event.id)
    if duplicate != "replay":  # which then makes another one: that the sandbox remembers is not tried
        assert told(calendars.apply([Create(CARMEN, wanted())])) == told([Differs(None)])
        assert tenant.living() == 0


def test_an_event_that_was_made_and_denied_is_not_made_again(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    """503 ConcurrentItemSave: it may have been made. Even without transactionId it is looked for first."""
    event = make(calendars)
    tenant.microsoft.store.mailboxes[CARMEN].transactions.clear()
    tenant.fault(kind="server_error", status=503, path=PARTS, method="POST")
    assert told(calendars.apply([Create(CARMEN, wanted())])) == told([Done(event)])
    assert tenant.living() == 1


@pytest.mark.parametrize("how", ["410", "410-location", "400", "404"])
def test_each_way_in_which_a_token_is_dead(tenant: Tenant, calendars: MicrosoftCalendars, how: str) -> None:
    event = make(calendars)
    _, _, place = read_all(calendars)
    tenant.act("expire", how=how)
    with pytest.raises(TokenGone):
        calendars.changes(CARMEN, place)
    assert set(read_all(calendars)[0]) == {event.id}


def test_a_delta_may_tell_of_what_never_was_begin_empty_and_repeat_itself(
    tenant: Tenant, calendars: MicrosoftCalendars
) -> None:
    tenant.settings(removed_unknown=True, empty_page=True, repeat=True)
    done = calendars.apply([Create(CARMEN, wanted(number)) for number in range(1_050)])
    made = {one.event.id: one.event.mark for one in done if isinstance(one, Done) and one.event}
    events, gone, _ = read_all(calendars)
    assert {event.id: event.mark for event in events.values()} == made
    assert gone == ["AAkALgNEVERWAS"]


def test_a_delta_that_never_ends_is_refused(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    make(calendars)
    tenant.settings(loop=True)
    with pytest.raises(Refused, match="repeats a page"):
        read_all(calendars)


def test_what_leaves_the_window_is_told_as_gone_and_is_still_there(
    tenant: Tenant, calendars: MicrosoftCalendars
) -> None:
    event = make(calendars)
    _, _, place = read_all(calendars)
    tenant.act("move", id=event.id, start="2029-01-01T10:00:00", end="2029-01-01T11:00:00")
    events, gone, _ = read_all(calendars, place)
    assert (events, gone) == ({}, [event.id])
    assert calendars.get(CARMEN, event.id) is not None, "which is why a deletion is believed after a look only"


def test_the_window_moves_on(calendars: MicrosoftCalendars, own_time: Any) -> None:
    _, _, place = read_all(calendars)
    make(calendars, start="2027-11-15T10:00:00", end="2027-11-15T11:00:00")
    assert read_all(calendars, place)[0] == {}, "420 days ahead"
    own_time.sleep(31 * DAY)
    with pytest.raises(TokenGone):
        calendars.changes(CARMEN, place)
    assert len(read_all(calendars)[0]) == 1


def test_marks_cost_little(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    calendars.apply([Create(CARMEN, wanted(number)) for number in range(1_000)])
    tenant.asked()
    events, _, place = read_all(calendars)
    assert len({event.mark for event in events.values()}) == 1_000
    assert tenant.asked() == {"GET /calendarView/delta": 2, "GET /calendar/events": 2}
    read_all(calendars, place)
    assert tenant.asked() == {"GET /calendarView/delta": 1}, "nothing changed"
    for id in list(events)[:3]:
        tenant.act("retitle", id=id, subject="Mended")
    changed, _, _ = read_all(calendars, place)
    assert [(event.title, event.mark) for event in changed.values()] == [
        ("Mended", events[id].mark) for id in list(events)[:3]
    ]
    assert tenant.asked() == {"GET /calendarView/delta": 1, "POST /$batch": 1, "batched GET /events/ID": 3}


def test_so_do_marks_among_many_events_of_other_peoples(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    for _ in range(600):
        tenant.act("events", subject="Own", start="2026-10-12T10:00:00", end="2026-10-12T11:00:00")
    mine = {make(calendars, number=number).id for number in range(3)}
    long_ago = make(calendars, number=4, start="2019-01-01", end="2019-01-02")
    tenant.asked()
    events, _, _ = read_all(calendars)
    assert len(events) == 604
    assert {event.id for event in events.values() if event.mark is not None} == {*mine, long_ago.id}
    assert tenant.asked() == {"GET /calendarView/delta": 2, "GET /calendar/events": 1, "GET /calendarView": 2}


def test_what_seems_to_be_gone_costs_a_request_or_two(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    event = make(calendars)
    assert calendars.get(CARMEN, event.id) == event
    tenant.act("delete", id=event.id)
    for kept, asked in ((True, {"GET /events/ID": 1, "GET /calendar/events": 1}), (False, {"GET /events/ID": 1})):
        if not kept:
            tenant.microsoft.store.mailboxes[CARMEN].deleted_items.clear()
        tenant.asked()
        assert calendars.get(CARMEN, event.id) is None
        assert tenant.asked() == asked


def test_a_worker_that_takes_over_in_mid_list_knows_the_marks(worker: Callable[..., MicrosoftCalendars]) -> None:
    first, second = worker(), worker()
    first.apply([Create(CARMEN, wanted(number)) for number in range(600)])
    begun = first.changes(CARMEN, None)
    assert begun.more
    events, _, _ = read_all(second, begun.at)
    marks = {event.mark for event in [*begun.events, *events.values()]}
    assert len(marks) == 600
    assert None not in marks


def test_an_event_keeps_its_id_where_it_is_moved_to_a_folder_and_back(
    tenant: Tenant, calendars: MicrosoftCalendars
) -> None:
    event = make(calendars)
    ordinary = tenant.act("file", id=event.id)["id"]
    found = calendars.get(CARMEN, event.id)
    assert found is not None
    assert found.id == event.id != ordinary
    [outcome] = calendars.apply([Update(CARMEN, event.id, found.etag, wanted(rev=2))])
    assert isinstance(outcome, Done)


def test_what_a_server_rewrites_is_no_change(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    event = make(calendars, notes="<b>&", link="https://meet.example.test/?a=1&b=2")
    body = tenant.microsoft.store.mailboxes[CARMEN].events[event.id].body
    assert body.startswith("<html>")
    assert "&lt;b&gt;&amp;" in body
    assert calendars.get(CARMEN, event.id) == event


def test_other_fields_of_an_event_are_left_alone(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    event = make(calendars)
    kept = tenant.microsoft.store.mailboxes[CARMEN].events[event.id]
    kept.attendees, kept.show_as = [{"emailAddress": {"address": "x@accord.test"}}], "oof"
    [outcome] = calendars.apply([Update(CARMEN, event.id, event.etag, wanted(rev=2, title="New"))])
    assert isinstance(outcome, Done)
    assert (kept.subject, len(kept.attendees), kept.show_as) == ("New", 1, "oof")


def test_a_meeting_that_was_cancelled_is_as_good_as_gone(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    event = make(calendars)
    _, _, place = read_all(calendars)
    tenant.act("cancel", id=event.id)
    [seen] = read_all(calendars, place)[0].values()
    assert (seen.span, seen.mark) == (None, event.mark)
    assert calendars.get(CARMEN, event.id) is None
    assert calendars.find(CARMEN, wanted().mark.name) == []
    assert told(calendars.apply([Update(CARMEN, event.id, event.etag, wanted(rev=2))])) == told([Differs(None)])
    assert told(calendars.apply([Delete(CARMEN, event.id, event.etag)])) == told([Done(None)])


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "extra_fields"},
        {"kind": "unknown_enum", "field": "type", "nth": 0},
        {"kind": "unknown_enum", "field": "showAs", "nth": 0},
        {"kind": "null_field", "field": "location", "nth": 0},
        {"kind": "missing_field", "field": "lastModifiedDateTime", "nth": 0},
        {"kind": "null_field", "field": "transactionId", "nth": 0},
    ],
    ids=lambda fault: " ".join(str(value) for value in fault.values()),
)
def test_fields_come_and_go(tenant: Tenant, calendars: MicrosoftCalendars, fault: dict[str, Any]) -> None:
    event = make(calendars)
    tenant.fault(rate=1, path=PARTS, **fault)
    [seen] = read_all(calendars)[0].values()
    assert (seen.id, seen.mark, seen.span) == (event.id, event.mark, event.span)


@pytest.mark.parametrize(
    ("field", "kind"),
    [("start", "null_field"), ("start", "wrong_type"), ("isAllDay", "wrong_type"), ("end", "missing_field")],
)
def test_a_time_that_is_missing_is_told_of_events_of_ours_and_no_others(
    tenant: Tenant, calendars: MicrosoftCalendars, field: str, kind: str
) -> None:
    theirs = tenant.act("events", subject="Own", start="2026-10-12T10:00:00", end="2026-10-12T11:00:00")["id"]
    tenant.fault(rate=1, path=PARTS, kind=kind, field=field, nth=0)
    assert read_all(calendars)[:2] == ({}, [])
    with pytest.raises(Refused):
        calendars.get(CARMEN, theirs)
    tenant.microsoft.faults.clear()
    make(calendars)
    tenant.fault(rate=1, path=PARTS, kind=kind, field=field, nth=0)
    with pytest.raises(Refused):
        read_all(calendars)


def test_parts_that_are_throttled_are_sent_again_alone_after_what_is_asked_for(
    tenant: Tenant, calendars: MicrosoftCalendars, own_time: Any
) -> None:
    tenant.fault(kind="rate_limit", retry_after="7.25", times=1, path=PARTS)
    began = own_time.seconds
    done = calendars.apply([Create(CARMEN, wanted(number)) for number in range(4)])
    assert all(isinstance(one, Done) for one in done)
    assert 7.25 <= own_time.seconds - began < 9
    assert (tenant.statuses()["429"], tenant.statuses()["201"]) == (1, 4)
    assert tenant.asked()["batched POST /events"] == 8, (
        "the three after it were not done, and are sent again as they are"
    )


def test_who_is_throttled_for_ever_is_told_to_try_later(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    tenant.fault(kind="rate_limit", rate=1, path=PARTS)
    [outcome] = calendars.apply([Create(CARMEN, wanted())])
    assert isinstance(outcome, NotDone)
    assert isinstance(outcome.error, TryLater)
    assert outcome.error.after


def test_a_part_that_fails_holds_up_no_other(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    """Parts wait for one another, so that the one after it is not done, and is sent again."""
    days = {"start": "2026-10-10", "end": "2026-10-10"}
    asked = [wanted(number, **days) if number in (0, 3, 7) else wanted(number) for number in range(20)]
    outcomes = calendars.apply([Create(CARMEN, one) for one in asked])
    assert [isinstance(one, NotDone) for one in outcomes] == [number in (0, 3, 7) for number in range(20)]
    assert isinstance(outcomes[0], NotDone)
    assert isinstance(outcomes[0].error, Refused)
    assert tenant.statuses()["424"] > 0
    assert tenant.living() == 17


def test_when_everything_was_done_before_each_is_asked_twice_at_most(
    tenant: Tenant, calendars: MicrosoftCalendars
) -> None:
    operations = [Create(CARMEN, wanted(number)) for number in range(200)]
    first = calendars.apply(operations)
    tenant.asked()
    assert told(calendars.apply(operations)) == told(first)
    asked = tenant.asked()
    assert asked["batched POST /events"] + asked["batched GET /calendar/events"] < 2.3 * len(operations)
    assert tenant.living() == 200


BAD: list[dict[str, Any]] = [
    {"kind": "drop_answer", "path": "/v1.0/$batch", "rate": 0.15},
    {"kind": "truncated_json", "path": "/v1.0/$batch", "rate": 0.1},
    {"kind": "html_502", "path": "/v1.0/$batch", "rate": 0.1},
    {"kind": "server_error", "status": 503, "path": PARTS, "rate": 0.1},
    {"kind": "rate_limit", "retry_after": "0.7", "path": PARTS, "rate": 0.1},
]


@pytest.mark.parametrize("duplicate", ["400", "409", "replay"])
def test_after_a_bad_day_each_thing_is_done_once(tenant: Tenant, calendars: MicrosoftCalendars, duplicate: str) -> None:
    tenant.settings(duplicate=duplicate)
    for fault in BAD:
        tenant.fault(**fault)

    def done(operations: list[Operation]) -> list[Event | None]:
        """What each came to in the end: whatever may have been done, or not, is asked for again."""
        left, found = dict(enumerate(operations)), {}
        while left:
            for number, outcome in zip(tuple(left), calendars.apply(list(left.values())), strict=True):
                if isinstance(outcome, NotDone):
                    assert isinstance(outcome.error, TryLater), outcome
                    continue
                assert isinstance(outcome, Done), outcome
                found[number] = outcome.event
                del left[number]
        return [found[number] for number in range(len(operations))]

    made = [event for event in done([Create(CARMEN, wanted(number)) for number in range(60)]) if event is not None]
    assert len({event.id for event in made}) == tenant.living() == 60
    updates = [Update(CARMEN, one.id, one.etag, wanted(n, rev=2, place="Room 2")) for n, one in enumerate(made)]
    mended = [event for event in done([*updates]) if event is not None]
    assert [event.place for event in mended] == ["Room 2"] * 60
    assert done([Delete(CARMEN, event.id, event.etag) for event in mended]) == [None] * 60
    assert tenant.living() == 0


def test_a_mailbox_without_access_fails_alone(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    for access in ("denied", "disabled"):
        tenant.act("access", access=access)
        with pytest.raises(Refused) as refused:
            calendars.changes(CARMEN, None)
        assert CARMEN not in str(refused.value)
        lost, done = calendars.apply([Create(CARMEN, wanted()), Create(DAN, wanted(generation=3 + len(access)))])
        assert isinstance(lost, NotDone)
        assert isinstance(lost.error, Refused)
        assert isinstance(done, Done)
        found = calendars.busy([CARMEN, DAN], at("2026-10-10T00:00:00", "UTC"), at("2026-10-11T00:00:00", "UTC"))
        assert found[CARMEN].unknown is not None
        assert found[DAN].unknown is None
        assert found[DAN].spans


@pytest.mark.parametrize("number", [65001, 50173, 700082, 50076])
def test_a_login_that_refuses_stops_everything(tenant: Tenant, calendars: MicrosoftCalendars, number: int) -> None:
    tenant.act("login", fault=number)
    with pytest.raises(Misconfigured, match=f"AADSTS{number}"):
        calendars.apply([Create(CARMEN, wanted())])
    tenant.act("login", fault=0)
    make(calendars)


def test_a_token_that_ends_early_is_asked_for_once_anew(tenant: Tenant, calendars: MicrosoftCalendars) -> None:
    event = make(calendars)
    for ask in (
        lambda: calendars.get(CARMEN, event.id),
        lambda: calendars.apply([Update(CARMEN, event.id, event.etag, wanted(rev=2))]),
        lambda: calendars.busy([CARMEN], 0, 1),
        lambda: calendars.changes(CARMEN, None),
    ):
        tenant.act("revoke")
        tenant.asked()
        ask()
        assert tenant.asked()["POST /oauth2/v2.0/token"] == 1


def test_a_token_serves_its_time_less_a_tenth(tenant: Tenant, calendars: MicrosoftCalendars, own_time: Any) -> None:
    for seconds, given in ((0, 1), (3_200, 0), (60, 1), (3_200, 0), (60, 1)):
        own_time.sleep(seconds)
        tenant.asked()
        read_all(calendars)
        assert tenant.asked().get("POST /oauth2/v2.0/token", 0) == given


def test_the_account_that_signed_in_reaches_its_own_calendar(worker: Callable[..., MicrosoftCalendars]) -> None:
    calendars = worker(refresh_token=tokens.REFRESH_TOKEN)
    assert make(calendars)
    with pytest.raises(Refused):
        calendars.get(DAN, "x")


def test_ten_minutes_take_so_many_requests(
    tenant: Tenant, worker: Callable[..., MicrosoftCalendars], own_time: Any
) -> None:
    """A third at once, the rest evenly, by two workers who share it: the sandbox, which counts, refuses none."""
    tenant.settings(requests=200)
    workers = [worker(requests=200) for _ in range(2)]
    began = own_time.seconds
    for number in range(15):
        operations = [Create(CARMEN, wanted(20 * number + one)) for one in range(20)]
        assert all(isinstance(one, Done) for one in workers[number % 2].apply(operations))
    assert "429" not in tenant.statuses()
    assert 600 <= own_time.seconds - began < 1_700


def test_turns_are_shared_and_those_of_a_dead_worker_end(ledger: Ledger, own_time: Any) -> None:
    turns, others = (Turns("microsoft/main", ledger, 2) for _ in range(2))
    with turns.taken(CARMEN), others.taken(CARMEN.upper()):
        with others.taken(DAN):
            pass
        with pytest.raises(NotSent), turns.taken(CARMEN):
            pass
    killed = [one.taken(CARMEN) for one in (turns, others)]
    for one in killed:
        one.__enter__()
    own_time.sleep(leases.TTL - 20)
    began = own_time.seconds
    with others.taken(CARMEN):
        assert 19 < own_time.seconds - began < 21


def test_nothing_in_the_ledger_names_a_person(calendars: MicrosoftCalendars, ledger: Ledger) -> None:
    make(calendars)
    with ledger.engine.connect() as connection:
        rows = [
            str(row)
            for table in ("leases", "buckets", "breakers")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
        ]
    assert any(name_of(CARMEN) in row for row in rows)
    assert not any("carmen" in row.lower() for row in rows)


def test_over_sockets_as_fast_as_a_mailbox_takes_it_and_nothing_of_it_in_the_log(
    fresh_files: Any, open_engine: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from accord.ledger.cipher import Cipher, new_key

    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="accord")
    sandbox = build(payments=0)
    ledger = Ledger(open_engine(fresh_files.ledger()), Cipher(new_key()), SystemClock())
    given = Credentials(tokens.TENANT, tokens.CLIENT_ID, tokens.CLIENT_SECRET)
    latency, count = 0.02, 160
    with served(application(sandbox)) as url:
        workers = [
            connect(
                "microsoft/main",
                lambda: given,
                lambda token: None,
                ledger,
                base_url=f"{url}/microsoft/v1.0",
                login_url=f"{url}/microsoft/login",
            )
            for _ in range(2)
        ]
        sandbox.microsoft.faults.add({"kind": "latency", "seconds": latency, "rate": 1.0})
        done: list[Any] = []

        def work(number: int) -> None:
            done.extend(workers[number].apply([Create(CARMEN, wanted(one)) for one in range(number, count, 2)]))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        for one in workers:
            one.close()
    assert sum(isinstance(one, Done) for one in done) == count
    assert sandbox.microsoft.stats.by_status["429"] == 0, "two workers together keep to four at a time"
    shown = f"{caplog.text} {workers!r} {given!r} {done!r}"
    assert "/v1.0/$batch" in caplog.text
    secrets = [tokens.CLIENT_SECRET, CARMEN, "Ana", "Visit", *sandbox.microsoft.tokens.dump()["ends"]]
    assert [secret for secret in secrets if secret in shown] == []
