"""What `accord.calendars.Calendars` promises, tried on each calendar system: a system joins by a line in SYSTEMS."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from accord.bookings import Span, at
from accord.budget import NeverOpen
from accord.calendars import (
    Calendars,
    Create,
    Delete,
    Differs,
    Done,
    Event,
    Mark,
    NotDone,
    Outcome,
    TokenGone,
    Update,
    Wanted,
)
from accord.errors import Refused, TryLater
from accord.ledger.engine import Ledger
from accord.quota import SharedQuota
from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.google.seed import ANA, BOGDAN
from accord.sandbox.google.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from accord.sandbox.microsoft import tokens
from accord.sandbox.microsoft.seed import CARMEN, DAN
from accord.systems.google import RefreshToken, connect
from accord.systems.microsoft import Credentials
from accord.systems.microsoft import connect as connect_microsoft

NOW = 1_772_323_200.0  # 2026-03-01, so that both leaps of the clocks of 2026 are near enough
HOUR, DAY = 3_600, 86_400
BUCHAREST = "Europe/Bucharest"


class Person(NamedTuple):
    """What a person does in the first calendar, without the client; `make` gives the event's id."""

    make: Callable[..., str]  # start, end, title, zone, rule (FREQ=WEEKLY…)
    move: Callable[..., None]  # id, start, end, zone
    retitle: Callable[[str, str], None]
    delete: Callable[[str], None]


class Tried(NamedTuple):
    """A calendar system on trial: its client, two calendars that it reaches, and what goes on behind the client."""

    client: Calendars
    calendar: str
    other: str
    person: Person
    living: Callable[[], int]  # how many events there are in the first calendar
    forget: Callable[[], None]  # tokens to go on from die
    fault: Callable[..., None]  # a fault of the sandbox strikes requests that write: kind, times, rate …
    heal: Callable[[], None]  # no fault strikes any more
    withdraw: Callable[[], None]  # the first calendar is not reached any more
    hush: Callable[[], None]  # the system does not tell when the first calendar is taken
    respell: Callable[[], None]  # places that are written come back in another spelling
    requests: Callable[[], int]  # since this was last asked


def google(clock: Any, ledger: Ledger) -> Tried:
    """Google in the sandbox, by the refresh token of an account that the calendars are shared with."""
    sandbox = build(now=clock.now, payments=0)
    transport = Direct(sandbox, clock.sleep)
    admin = httpx.Client(transport=transport, base_url="http://sandbox.test/google/_admin")
    client = connect(
        base_url="http://sandbox.test/google",
        token_url="http://sandbox.test/google/token",
        credentials=lambda: RefreshToken(CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN),
        delegated=False,
        quota=SharedQuota("google/main", per_minute=None, ledger=ledger, clock=clock),
        breaker=NeverOpen(),
        clock=clock,
        client=httpx.Client(transport=transport),
    )

    def act(what: str, **given: Any) -> Any:
        answer = admin.post(f"/{what}", json={"calendar": ANA, **given})
        assert answer.status_code == 200, answer.text
        return answer.json()

    person = Person(
        make=lambda start, end, **more: str(act("make", start=start, end=end, **more)["id"]),
        move=lambda id, start, end, **more: act("change", id=id, start=start, end=end, **more),
        retitle=lambda id, title: act("change", id=id, title=title),
        delete=lambda id: act("delete", id=id),
    )
    return Tried(
        client,
        ANA,
        BOGDAN,
        person,
        living=lambda: int(admin.get("/truth").json()["calendars"][ANA]["events"]),
        forget=lambda: act("forget"),
        fault=lambda kind, **more: admin.post("/faults", json={"kind": kind, "path": "/batch", **more}),
        heal=lambda: admin.delete("/faults"),
        withdraw=lambda: act("access", gone=True),
        hush=lambda: act("access", silent="internalError"),
        respell=lambda: admin.post("/settings", json={"respell": True}),
        requests=lambda: int(admin.get("/stats?reset=1").json()["requests"]),
    )


def microsoft(clock: Any, ledger: Ledger, **settings: Any) -> Tried:
    """Microsoft 365 in the sandbox, by the app's own rights."""
    sandbox = build(now=clock.now, payments=0)
    transport = Direct(sandbox, clock.sleep)
    admin = httpx.Client(transport=transport, base_url="http://sandbox.test/microsoft/_admin")
    admin.post("/settings", json=settings).raise_for_status()
    client = connect_microsoft(
        "microsoft/main",
        lambda: Credentials(tokens.TENANT, tokens.CLIENT_ID, tokens.CLIENT_SECRET),
        lambda token: None,
        ledger,
        base_url="http://sandbox.test/microsoft/v1.0",
        login_url="http://sandbox.test/microsoft/login",
        client=httpx.Client(transport=transport),
    )

    def act(what: str, **given: Any) -> Any:
        answer = admin.post(f"/{what}", json={"mailbox": CARMEN, **given})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def made(start: str, end: str, title: str = "", rule: str = "", **more: Any) -> str:
        if rule:
            count = rule.rpartition("COUNT=")[2] if "COUNT" in rule else ""
            ends = {"type": "numbered", "numberOfOccurrences": int(count)} if count else {"type": "noEnd"}
            pattern = {"type": "weekly", "interval": 1}
            more["recurrence"] = {"pattern": pattern, "range": {"startDate": start[:10], **ends}}
        return str(act("events", start=start, end=end, subject=title, **more)["id"])

    person = Person(
        make=made,
        move=lambda id, start, end, **more: act("move", id=id, start=start, end=end, **more),
        retitle=lambda id, title: act("retitle", id=id, subject=title),
        delete=lambda id: act("delete", id=id),
    )
    return Tried(
        client,
        CARMEN,
        DAN,
        person,
        living=lambda: int(admin.get("/truth").json()["people"][CARMEN]["events"]),
        forget=lambda: act("expire"),
        fault=lambda kind, **more: admin.post("/faults", json={"kind": kind, "path": "/v1.0/$batch", **more}),
        heal=lambda: admin.delete("/faults"),
        withdraw=lambda: act("access", access="denied"),
        hush=lambda: act("access", access="silent"),
        respell=lambda: admin.post("/settings", json={"respell": True}),
        requests=lambda: int(admin.get("/stats?reset=1").json()["requests"]),
    )


SYSTEMS: dict[str, Callable[[Any, Ledger], Tried]] = {
    "google": google,
    "microsoft": microsoft,
    "microsoft without Deleted Items": partial(microsoft, deleted_items=False),
}
"""How each system comes on trial, by its name. The clock and the ledger are the test's."""


@pytest.fixture(params=SYSTEMS)
def tried(request: pytest.FixtureRequest, own_time: Any, ledger: Ledger) -> Iterator[Tried]:
    own_time.seconds = NOW
    made = SYSTEMS[request.param](own_time, ledger)
    yield made
    made.client.close()


def wanted(name: str = "booking-to-calendar/main b1", generation: int = 1, rev: int = 1, **more: Any) -> Wanted:
    """What an event is to show: an hour on 10 March, or what else is given."""
    usual: dict[str, Any] = {
        "start": "2026-03-10T10:00:00",
        "end": "2026-03-10T11:00:00",
        "zone": BUCHAREST,
        "title": "Ședință: Dan <dan@example.test>",
        "place": "Str. Lungă 5, et. 2",
        "link": "https://meet.example.test/a?b=c&d=e",
        "notes": "Bring the papers.\nAsk for Ana.",
        "attendee": "Dan Pop",
    }
    return Wanted(mark=Mark(name, generation, rev), **usual | more)


def make(tried: Tried, **more: Any) -> Event:
    """An event of ours, made in the first calendar."""
    [outcome] = tried.client.apply([Create(tried.calendar, wanted(**more))])
    assert isinstance(outcome, Done), outcome
    assert outcome.event is not None
    return outcome.event


def walk(
    tried: Tried, at: str | None, between: Callable[[], object] = lambda: None
) -> tuple[list[Event], list[str], str]:
    """All changes since `at`, where this happens between the pages."""
    events: list[Event] = []
    gone: list[str] = []
    for _ in range(100):
        page = tried.client.changes(tried.calendar, at)
        events, gone, at = [*events, *page.events], [*gone, *page.gone], page.at
        if not page.more:
            return events, gone, at
        between()
    raise AssertionError("the list has no end")


def told(outcomes: Sequence[Outcome]) -> list[tuple[Any, ...]]:
    """Outcomes by their kinds too: as tuples, two of different kinds are equal where what is in them is."""
    return [(type(outcome), *outcome) for outcome in outcomes]


def ids(events: Sequence[Event]) -> set[str]:
    return {event.id for event in events}


def span_of(want: Wanted) -> Span:
    return Span(at(want.start, want.zone), at(want.end, want.zone), all_day=False)


def test_what_is_made_shows_what_was_wanted(tried: Tried) -> None:
    want = wanted()
    event = make(tried)
    assert (event.calendar, event.mark) == (tried.calendar, want.mark)
    assert (event.span, event.zone, event.place) == (span_of(want), BUCHAREST, want.place)
    assert want.title in event.title
    assert not event.series
    assert abs(event.updated - NOW) < HOUR
    assert tried.client.get(tried.calendar, event.id) == event


def test_a_place_in_another_spelling_is_what_was_written(tried: Tried) -> None:
    tried.respell()
    event = make(tried)
    assert event.place == str(wanted().place).upper()
    assert tried.client.get(tried.calendar, event.id) == event
    [outcome] = tried.client.apply([Update(tried.calendar, event.id, event.etag, wanted(rev=2, place="Room 5"))])
    assert isinstance(outcome, Done)
    assert outcome.event is not None
    assert outcome.event.place == "ROOM 5"


def test_what_is_wanted_twice_is_made_once(tried: Tried) -> None:
    event = make(tried)
    assert told(tried.client.apply([Create(tried.calendar, wanted())])) == told([Done(event)])
    assert tried.living() == 1


FAULTS = [
    ("drop_before", {}),
    ("drop_answer", {}),
    ("drop_midway", {}),
    ("truncated_json", {}),
    ("html_502", {}),
    ("server_error", {"status": 503}),
    ("unauthorized", {}),
    ("rate_limit", {"times": 2}),
    ("drop_answer", {"times": 3}),
]


@pytest.mark.parametrize(("kind", "more"), FAULTS, ids=lambda value: str(value))
def test_an_event_is_made_once_whatever_becomes_of_the_answer(tried: Tried, kind: str, more: dict[str, Any]) -> None:
    tried.fault(kind, **more)
    event = make(tried)
    assert tried.living() == 1
    assert tried.client.find(tried.calendar, wanted().mark.name) == [event]


def test_an_outage_is_told_and_what_was_done_in_it_is_not_done_again(tried: Tried) -> None:
    tried.fault("drop_answer", rate=1)
    [outcome] = tried.client.apply([Create(tried.calendar, wanted())])
    assert isinstance(outcome, NotDone)
    assert isinstance(outcome.error, TryLater)
    tried.heal()
    make(tried)
    assert tried.living() == 1


def test_a_repeat_tells_what_people_did_since(tried: Tried) -> None:
    event = make(tried)
    tried.person.move(event.id, "2026-03-11T09:00:00", "2026-03-11T10:00:00")
    [outcome] = tried.client.apply([Create(tried.calendar, wanted())])
    assert isinstance(outcome, Differs)
    assert outcome.event is not None
    assert outcome.event.span == Span(at("2026-03-11T09:00:00", BUCHAREST), at("2026-03-11T10:00:00", BUCHAREST), False)


def test_a_repeat_with_other_texts_tells_those_that_are_there(tried: Tried) -> None:
    """Whoever asks for it under another rev has to know that it is not this one which was written."""
    event = make(tried, title="As it was")
    [outcome] = tried.client.apply([Create(tried.calendar, wanted(rev=2, title="As it is"))])
    assert isinstance(outcome, Done | Differs)
    assert outcome.event == event
    assert outcome.event.mark is not None
    assert outcome.event.mark.rev == 1


def test_what_was_deleted_comes_back_under_a_new_generation_only(tried: Tried) -> None:
    event = make(tried)
    tried.person.delete(event.id)
    assert told(tried.client.apply([Create(tried.calendar, wanted())])) == told([Differs(None)])
    assert tried.living() == 0
    again = make(tried, generation=2)
    assert again.id != event.id
    assert again.mark == Mark(wanted().mark.name, 2, 1)
    assert tried.living() == 1


def test_an_event_is_mended_as_its_etag_knows_it(tried: Tried) -> None:
    event = make(tried)
    want = wanted(rev=2, start="2026-03-12T14:00:00", end="2026-03-12T14:45:00", place=None, title="Moved")
    [outcome] = tried.client.apply([Update(tried.calendar, event.id, event.etag, want)])
    assert isinstance(outcome, Done)
    assert outcome.event is not None
    now = outcome.event
    assert (now.id, now.span, now.place, now.title, now.mark) == (event.id, span_of(want), None, "Moved", want.mark)
    assert now.etag != event.etag
    assert tried.client.get(tried.calendar, event.id) == now


@pytest.mark.parametrize("kind", ["drop_answer", "truncated_json", "html_502"])
def test_a_mending_whose_answer_is_lost_is_done(tried: Tried, kind: str) -> None:
    event = make(tried)
    want = wanted(rev=2, start="2026-03-12T14:00:00", end="2026-03-12T14:45:00")
    tried.fault(kind)
    [outcome] = tried.client.apply([Update(tried.calendar, event.id, event.etag, want)])
    assert told([outcome]) == told([Done(tried.client.get(tried.calendar, event.id))])


def test_what_people_changed_is_not_written_over(tried: Tried) -> None:
    event = make(tried)
    tried.person.move(event.id, "2026-03-11T09:00:00", "2026-03-11T10:00:00")
    moved = tried.client.get(tried.calendar, event.id)
    update = Update(tried.calendar, event.id, event.etag, wanted(rev=2, place="Elsewhere"))
    assert told(tried.client.apply([update, Delete(tried.calendar, event.id, event.etag)])) == told(
        [Differs(moved)] * 2
    )
    assert tried.client.get(tried.calendar, event.id) == moved


def test_a_mending_that_came_too_late_is_not_taken_for_done(tried: Tried) -> None:
    """Time and place are as wanted, since only the title was to change."""
    event = make(tried)
    tried.person.retitle(event.id, "Dan!")
    update = Update(tried.calendar, event.id, event.etag, wanted(rev=2, title="Another"))
    assert told(tried.client.apply([update])) == told([Differs(tried.client.get(tried.calendar, event.id))])


def test_what_people_deleted_is_not_mended(tried: Tried) -> None:
    event = make(tried)
    tried.person.delete(event.id)
    assert tried.client.get(tried.calendar, event.id) is None
    update = Update(tried.calendar, event.id, event.etag, wanted(rev=2))
    assert told(tried.client.apply([update])) == told([Differs(None)])


def test_an_event_is_deleted_once_and_again(tried: Tried) -> None:
    event = make(tried)
    delete = Delete(tried.calendar, event.id, event.etag)
    assert told(tried.client.apply([delete])) == told([Done(None)])
    assert tried.client.get(tried.calendar, event.id) is None
    assert tried.client.find(tried.calendar, wanted().mark.name) == []
    assert told(tried.client.apply([delete])) == told([Done(None)])
    assert tried.living() == 0


@pytest.mark.parametrize("kind", ["drop_before", "drop_answer", "html_502"])
def test_a_deletion_whose_answer_is_lost_is_done(tried: Tried, kind: str) -> None:
    event = make(tried)
    tried.fault(kind)
    assert told(tried.client.apply([Delete(tried.calendar, event.id, event.etag)])) == told([Done(None)])
    assert tried.living() == 0


def test_what_people_change_leaves_the_mark(tried: Tried) -> None:
    event = make(tried)
    tried.person.move(event.id, "2026-03-11T09:00:00", "2026-03-11T10:00:00")
    tried.person.retitle(event.id, "Dan!")
    now = tried.client.get(tried.calendar, event.id)
    assert now is not None
    assert (now.mark, now.title, now.place) == (event.mark, "Dan!", event.place)
    assert now.etag != event.etag


def test_another_title_is_neither_another_time_nor_another_place(tried: Tried) -> None:
    event = make(tried)
    tried.person.retitle(event.id, "Dan!")
    now = tried.client.get(tried.calendar, event.id)
    assert now is not None
    assert (now.span, now.zone, now.place) == (event.span, event.zone, event.place)


def test_an_event_is_found_by_its_bookings_name(tried: Tried) -> None:
    mine, others = make(tried), make(tried, name="booking-to-calendar/main b=2&x")
    second = make(tried, generation=2)
    assert ids(tried.client.find(tried.calendar, "booking-to-calendar/main b1")) == {mine.id, second.id}
    assert tried.client.find(tried.calendar, "booking-to-calendar/main b=2&x") == [others]
    assert tried.client.find(tried.calendar, "booking-to-calendar/main b") == []
    assert tried.client.find(tried.other, "booking-to-calendar/main b1") == []
    shouted = make(tried, name="booking-to-calendar/main B1")
    assert tried.client.find(tried.calendar, "booking-to-calendar/main B1") == [shouted], "a name is not another one"


def test_everything_is_listed_and_then_what_changes(tried: Tried) -> None:
    theirs = tried.person.make("2026-03-09T12:00:00", "2026-03-09T13:00:00", title="Own")
    mine = make(tried)
    events, _, at_ = walk(tried, None)
    assert ids(events) == {theirs, mine.id}
    assert {event.id: event.mark for event in events} == {theirs: None, mine.id: mine.mark}
    assert walk(tried, at_)[:2] == ([], [])
    tried.person.move(theirs, "2026-03-09T15:00:00", "2026-03-09T16:00:00")
    tried.person.delete(mine.id)
    events, gone, at_ = walk(tried, at_)
    assert ids(events) == {theirs}
    assert mine.id in gone
    assert walk(tried, at_)[:2] == ([], [])


def test_everything_is_listed_however_long_ago_or_far_ahead(tried: Tried) -> None:
    """Whoever compares with bookings, or asks which of the events that are known are gone, reads it from the start."""
    years = (2019, 2026, 2040)
    mine = [make(tried, generation=year, start=f"{year}-05-04", end=f"{year}-05-05") for year in years]
    events, _, _ = walk(tried, None)
    assert {event.id: event for event in events} == {event.id: event for event in mine}
    tried.person.delete(mine[0].id)
    tried.forget()
    assert ids(walk(tried, None)[0]) == {event.id for event in mine[1:]}


def test_a_deletion_of_our_own_is_seen_too(tried: Tried) -> None:
    mine = make(tried)
    _, _, at_ = walk(tried, None)
    tried.client.apply([Delete(tried.calendar, mine.id, mine.etag)])
    assert mine.id in walk(tried, at_)[1]


def test_from_where_a_reader_was_all_that_came_since_is_told_again(tried: Tried) -> None:
    _, _, at_ = walk(tried, None)
    mine = make(tried)
    assert ids(walk(tried, at_)[0]) == ids(walk(tried, at_)[0]) == {mine.id}


def test_many_changes_come_by_pages_and_none_is_missed_meanwhile(tried: Tried) -> None:
    names = [f"booking-to-calendar/main b{number}" for number in range(1_150)]
    done = tried.client.apply([Create(tried.calendar, wanted(name=name)) for name in names])
    made = {one.event.id for one in done if isinstance(one, Done) and one.event is not None}
    assert len(made) == len(names)
    late: list[str] = []

    def between() -> None:
        late.append(tried.person.make("2026-03-09T12:00:00", "2026-03-09T13:00:00", title="Late"))

    events, _, at_ = walk(tried, None, between)
    assert late, "there are several pages"
    assert made <= ids(events)
    assert set(late) <= ids(events) | ids(walk(tried, at_)[0])


def test_a_day_without_changes_costs_a_request_or_two(tried: Tried) -> None:
    _, _, at_ = walk(tried, None)
    tried.requests()
    walk(tried, at_)
    assert tried.requests() <= 2


def test_a_token_that_died_is_told_and_all_can_be_read_anew(tried: Tried) -> None:
    mine = make(tried)
    _, _, at_ = walk(tried, None)
    tried.forget()
    with pytest.raises(TokenGone):
        tried.client.changes(tried.calendar, at_)
    assert ids(walk(tried, None)[0]) == {mine.id}


@pytest.mark.parametrize("at_", ["", "nonsense", '["x",null]', '[null,"y"]', "[1,2]", "null"])
def test_a_token_that_was_never_given_out_is_told(tried: Tried, at_: str) -> None:
    with pytest.raises(TokenGone):
        tried.client.changes(tried.calendar, at_)


TIMES = [
    ("2026-03-29T03:30:00", "2026-03-29T04:30:00", BUCHAREST),  # from a time that the clocks leap over
    ("2026-03-29T02:30:00", "2026-03-29T04:30:00", BUCHAREST),  # across the leap: an hour
    ("2026-10-25T03:30:00", "2026-10-25T04:30:00", BUCHAREST),  # from a time that comes twice: the first, two hours
    ("2026-10-25T00:00:00", "2026-10-26T00:00:00", BUCHAREST),  # a day of 25 hours
    ("2026-03-28T23:30:00", "2026-03-29T06:00:00", BUCHAREST),  # across midnight and the leap
    ("2026-06-30T23:00:00", "2026-07-01T01:00:00", "America/St_Johns"),
    ("2026-06-30T23:00:00", "2026-07-01T01:00:00", "Pacific/Kiritimati"),
    ("2026-04-01T08:00:00", "2026-04-01T08:00:00", "UTC"),  # no time at all
    ("2026-04-01T08:00:00", "2026-04-01T08:20:00", "Asia/Kathmandu"),
]


@pytest.mark.parametrize(("start", "end", "zone"), TIMES, ids=lambda value: str(value))
def test_times_are_shown_as_they_were_meant(tried: Tried, start: str, end: str, zone: str) -> None:
    want = wanted(start=start, end=end, zone=zone)
    _, _, at_ = walk(tried, None)
    event = make(tried, start=start, end=end, zone=zone)
    assert event.span == span_of(want)
    [seen] = walk(tried, at_)[0]
    assert (seen.span, seen.zone, seen.place) == (event.span, event.zone, event.place), "its echo"
    if start < end:
        taken = tried.client.busy([tried.calendar], event.span.start - DAY, event.span.end + DAY)[tried.calendar]
        assert taken.unknown is None
        assert [one[:2] for one in taken.spans] == [event.span[:2]]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-03-29", "2026-03-30"),
        ("2026-10-25", "2026-10-27"),
        ("2028-02-29", "2028-03-01"),
        ("2026-12-31", "2027-01-01"),
    ],
)
def test_whole_days_stay_whole_days(tried: Tried, start: str, end: str) -> None:
    event = make(tried, start=start, end=end)
    assert event.span is not None
    assert event.span.all_day
    assert event.span.end - event.span.start == DAY * (2 if end.endswith("27") else 1)
    now = tried.client.get(tried.calendar, event.id)
    assert now is not None
    assert (now.span, now.place) == (event.span, event.place)


def test_a_leap_day_is_a_day(tried: Tried) -> None:
    event = make(tried, start="2028-02-29T09:00:00", end="2028-02-29T10:00:00")
    assert event.span == Span(at("2028-02-29T09:00:00", BUCHAREST), at("2028-02-29T10:00:00", BUCHAREST), False)


def test_a_time_becomes_a_day_and_a_day_a_time(tried: Tried) -> None:
    event = make(tried)
    for rev, times in ((2, ("2026-03-20", "2026-03-21")), (3, ("2026-03-20T08:00:00", "2026-03-20T09:00:00"))):
        want = wanted(rev=rev, start=times[0], end=times[1])
        [outcome] = tried.client.apply([Update(tried.calendar, event.id, event.etag, want)])
        assert isinstance(outcome, Done)
        assert outcome.event is not None
        event = outcome.event
        assert event.span is not None
        assert event.span.all_day is (rev == 2)


def test_a_series_is_told_as_one(tried: Tried) -> None:
    tried.person.make("2026-03-09T12:00:00", "2026-03-09T13:00:00", title="Weekly", rule="FREQ=WEEKLY")
    single = tried.person.make("2026-03-09T15:00:00", "2026-03-09T16:00:00", title="Once")
    events, _, _ = walk(tried, None)
    assert {event.series for event in events if event.id != single} == {True}
    assert [event.series for event in events if event.id == single] == [False]


def test_people_are_taken_by_their_series_and_by_our_events(tried: Tried) -> None:
    """The week in which the clocks leap: at ten it is ten before and after."""
    tried.person.make("2026-03-23T10:00:00", "2026-03-23T10:30:00", title="Weekly", rule="FREQ=WEEKLY;COUNT=3")
    event = make(tried, start="2026-03-24T10:00:00", end="2026-03-24T11:00:00")
    found = tried.client.busy([tried.calendar, tried.other], int(NOW), int(NOW) + 60 * DAY)
    weekly = [at(f"2026-{day}T10:00:00", BUCHAREST) for day in ("03-23", "03-30", "04-06")]
    assert event.span is not None
    spans = sorted([*((start, start + HOUR // 2) for start in weekly), event.span[:2]])
    assert [one[:2] for one in found[tried.calendar].spans] == spans
    assert found[tried.calendar].unknown is None
    assert found[tried.other] == ([], None)


def test_nobody_is_free_because_nothing_is_known(tried: Tried) -> None:
    tried.hush()
    found = tried.client.busy([tried.calendar, tried.other, "nobody@accord.test"], int(NOW), int(NOW) + DAY)
    assert found.keys() == {tried.calendar, tried.other, "nobody@accord.test"}
    assert found[tried.other].unknown is None
    for calendar in (tried.calendar, "nobody@accord.test"):
        assert found[calendar].unknown
        assert not found[calendar].spans


def test_a_calendar_that_is_gone_is_refused_alone(tried: Tried) -> None:
    event = make(tried)
    tried.withdraw()
    for ask in (
        lambda: tried.client.changes(tried.calendar, None),
        lambda: tried.client.get(tried.calendar, event.id),
        lambda: tried.client.find(tried.calendar, wanted().mark.name),
    ):
        with pytest.raises(Refused):
            ask()
    operations = [
        Create(tried.calendar, wanted(name="b2")),
        Create(tried.other, wanted(name="b3")),
        Update(tried.calendar, event.id, event.etag, wanted(rev=2)),
        Delete(tried.calendar, event.id, event.etag),
    ]
    mine, others, *rest = tried.client.apply(operations)
    assert isinstance(others, Done)
    for outcome in (mine, *rest):
        assert isinstance(outcome, NotDone)
        assert isinstance(outcome.error, Refused)


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": "Europe/Bukarest"},
        {"start": "2026-02-30T10:00:00"},
        {"start": "at ten"},
        {"end": "2026-03-10T09:00:00"},
        {"notes": "x" * 2_000_000},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_what_no_event_can_show_is_refused_alone(tried: Tried, wrong: dict[str, Any]) -> None:
    operations = [Create(tried.calendar, wanted(**wrong)), Create(tried.calendar, wanted(name="b2"))]
    refused, made = tried.client.apply(operations)
    assert isinstance(made, Done)
    assert isinstance(refused, NotDone)
    assert isinstance(refused.error, Refused)
    assert "Dan" not in str(refused.error)
    assert tried.living() == 1


def test_outcomes_are_in_the_order_of_what_was_asked(tried: Tried) -> None:
    names = [f"b{number}" for number in range(130)]
    first = tried.client.apply([Create(tried.calendar, wanted(name=name)) for name in names])
    events = [one.event for one in first if isinstance(one, Done) and one.event is not None]
    assert [event.mark and event.mark.name for event in events] == names
    tried.person.move(events[7].id, "2026-03-11T09:00:00", "2026-03-11T10:00:00")
    tried.person.delete(events[9].id)
    second = tried.client.apply(
        [
            Delete(tried.calendar, event.id, event.etag)
            if number % 2
            else Update(tried.calendar, event.id, event.etag, wanted(name=names[number], rev=2))
            for number, event in enumerate(events)
        ]
    )
    kinds = [type(one) for one in second]
    assert kinds == [Differs if number == 7 else Done for number in range(130)]
    assert [one.event is None for one in second if isinstance(one, Done)] == [
        number % 2 == 1 for number in range(130) if number != 7
    ]
    assert tried.client.apply([]) == []


def test_what_people_see_of_an_event_is_not_in_its_repr(tried: Tried) -> None:
    event = make(tried)
    assert "Dan" not in repr(event) + repr(wanted()) + repr(msgspec.structs.replace(event, title="Dan"))
