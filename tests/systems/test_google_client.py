"""Google's client against the sandbox: who asks, how often, what of an event is left alone, and answers gone wrong."""

import json
import threading
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from accord.budget import NeverOpen
from accord.calendars import (
    Busy,
    Create,
    Delete,
    Differs,
    Done,
    Event,
    Mark,
    NotDone,
    Operation,
    TokenGone,
    Update,
    Wanted,
)
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Throttled
from accord.ledger.engine import Ledger
from accord.quota import SharedQuota
from accord.sandbox.app import Sandbox, build
from accord.sandbox.direct import Direct
from accord.sandbox.google.seed import ANA, BOGDAN
from accord.sandbox.google.store import Row
from accord.sandbox.google.tokens import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, SERVICE_ACCOUNT, Tokens
from accord.systems.google import Credentials, Google, RefreshToken, connect, parse_key
from accord.systems.google.credentials import SCOPES

CONSENT = RefreshToken(CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN)


class OneByOne:
    """A fan-out in this thread, so that a clock that only waiting moves tells how long all of it takes."""

    def repeat(self, step: Callable[[], bool], width: Callable[[], int]) -> None:
        while step():
            pass

    def map(self, call: Callable[[Any], Any], items: Any, width: int) -> list[Any]:
        return [call(item) for item in items]


class Way(httpx.BaseTransport):
    """The way to the sandbox, which notes what was asked, and may put an answer of its own in place of one."""

    def __init__(self, sandbox: Sandbox, sleep: Callable[[float], None]) -> None:
        self._direct = Direct(sandbox, sleep)
        self.asked: list[httpx.Request] = []
        self.instead: Callable[[httpx.Request], httpx.Response | None] = lambda request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.instead(request) or self._direct.handle_request(request)


@pytest.fixture
def sandbox(own_time: Any) -> Sandbox:
    return build(now=own_time.now, payments=0)


@pytest.fixture
def way(sandbox: Sandbox, own_time: Any) -> Way:
    return Way(sandbox, own_time.sleep)


@pytest.fixture
def new_client(way: Way, own_time: Any, ledger: Ledger) -> Iterator[Callable[..., Google]]:
    """Makes a client as one worker has it; all of them share the ledger's quota."""
    made: list[Google] = []

    def new_client(credentials: Credentials = CONSENT, per_minute: int | None = None, **more: Any) -> Google:
        made.append(
            connect(
                base_url="http://sandbox.test/google",
                token_url="http://sandbox.test/google/token",
                credentials=lambda: credentials,
                delegated=not isinstance(credentials, RefreshToken),
                quota=SharedQuota("google/main", per_minute=per_minute, ledger=ledger, clock=own_time),
                breaker=NeverOpen(),
                clock=own_time,
                client=httpx.Client(transport=way),
                **more,
            )
        )
        return made[-1]

    yield new_client
    for client in made:
        client.close()


@pytest.fixture
def client(new_client: Callable[..., Google]) -> Google:
    return new_client()


@cache
def _pem() -> str:
    """Made once, since that takes a while."""
    return Tokens(seed=1).key_file("")["private_key"]


@pytest.fixture
def key(sandbox: Sandbox) -> str:
    """The key file of the sandbox's service account."""
    sandbox.google.tokens.key = _pem()
    return json.dumps(sandbox.google.tokens.key_file("http://sandbox.test/google/token"))


def wanted(number: int = 1, rev: int = 1, **more: Any) -> Wanted:
    usual: dict[str, Any] = {"start": "2026-10-10T10:00:00", "end": "2026-10-10T11:00:00", "zone": "Europe/Bucharest"}
    texts = {"title": "Visit", "place": "Room 1", "link": None, "notes": None, "attendee": "Dan"}
    return Wanted(mark=Mark(f"b{number}", 1, rev), **usual | texts | more)


def make(client: Google, number: int = 1, calendar: str = ANA) -> Event:
    [outcome] = client.apply([Create(calendar, wanted(number))])
    assert isinstance(outcome, Done), outcome
    assert outcome.event is not None
    return outcome.event


def kept(sandbox: Sandbox, id: str) -> Row:
    return sandbox.google.store.calendars[ANA].events[id]


def asked(sandbox: Sandbox, endpoint: str) -> int:
    return sandbox.google.stats.by_endpoint[endpoint]


# Who asks


def test_a_token_is_asked_for_once_and_again_before_its_hour_is_over(
    sandbox: Sandbox, client: Google, own_time: Any
) -> None:
    threads = [threading.Thread(target=client.get, args=(ANA, "nothing")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.apply([Create(ANA, wanted())])
    assert asked(sandbox, "POST /token") == 1
    own_time.sleep(3_300)
    client.look(ANA)
    assert asked(sandbox, "POST /token") == 2
    assert "401" not in sandbox.google.stats.by_status


def test_a_token_that_ended_early_is_asked_for_anew(sandbox: Sandbox, client: Google) -> None:
    event = make(client)
    for ask in (
        lambda: client.look(ANA),
        lambda: client.apply([Delete(ANA, event.id, event.etag)]),
        lambda: client.busy([ANA], 0, 60),
    ):
        sandbox.google.tokens.revoke()
        ask()
    assert client.get(ANA, event.id) is None


def test_how_a_refresh_token_is_asked_with(client: Google, way: Way) -> None:
    client.look(ANA)
    token, listed = way.asked
    assert parse_qs(token.content.decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": [CLIENT_ID],
        "client_secret": [CLIENT_SECRET],
        "refresh_token": [REFRESH_TOKEN],
    }
    assert "authorization" not in token.headers
    assert listed.headers["authorization"].startswith("Bearer ya29.")


@pytest.mark.parametrize(
    ("credentials", "settings", "said"),
    [
        (CONSENT, {"consent": False}, "give consent anew"),
        (CONSENT._replace(refresh_token="other"), {}, "give consent anew"),
        (CONSENT._replace(client_secret="other"), {}, "does not know the OAuth client"),
    ],
)
def test_a_consent_that_is_none_is_for_a_person(
    sandbox: Sandbox, new_client: Callable[..., Google], credentials: RefreshToken, settings: Any, said: str
) -> None:
    for name, value in settings.items():
        setattr(sandbox.google.settings, name, value)
    client = new_client(credentials)
    for ask in (
        lambda: client.changes(ANA, None),
        lambda: client.apply([Create(ANA, wanted())]),
        lambda: client.busy([ANA], 0, 60),
    ):
        with pytest.raises(Misconfigured, match=said):
            ask()


def test_a_consent_that_is_withdrawn_while_events_are_made_stops_them(sandbox: Sandbox, client: Google) -> None:
    make(client)
    sandbox.google.tokens.revoke()
    sandbox.google.settings.consent = False
    with pytest.raises(Misconfigured, match="give consent anew"):
        client.apply([Create(ANA, wanted(2))])


def test_a_service_account_acts_for_each_person(
    sandbox: Sandbox, new_client: Callable[..., Google], key: str, way: Way
) -> None:
    client = new_client(parse_key(key))
    mine = {calendar: make(client, calendar=calendar) for calendar in (ANA, BOGDAN)}
    assert asked(sandbox, "POST /token") == 2
    assert kept(sandbox, mine[ANA].id)["creator"] == {"email": ANA}
    start = mine[ANA].span
    assert start is not None
    found = client.busy([ANA, BOGDAN, "nobody@accord.test"], start.start, start.end)
    assert {name: len(busy.spans) for name, busy in found.items()} == {ANA: 1, BOGDAN: 1, "nobody@accord.test": 0}
    assert "no such person" in str(found["nobody@accord.test"].unknown)
    assert found[ANA].unknown is None
    form = parse_qs(way.asked[0].content.decode())
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]


def test_a_person_who_left_is_refused_alone(new_client: Callable[..., Google], key: str) -> None:
    client = new_client(parse_key(key))
    left, there = client.apply([Create("left@accord.test", wanted(1)), Create(ANA, wanted(2))])
    assert isinstance(there, Done)
    assert isinstance(left, NotDone)
    assert isinstance(left.error, Refused)
    assert "no such person" in str(left.error)
    with pytest.raises(Refused, match="no such person"):
        client.changes("left@accord.test", None)


def test_a_service_account_without_delegation_is_for_a_person(
    sandbox: Sandbox, new_client: Callable[..., Google], key: str
) -> None:
    sandbox.google.settings.delegated = False
    client = new_client(parse_key(key))
    with pytest.raises(Misconfigured, match="Domain-wide delegation") as caught:
        client.apply([Create(ANA, wanted())])
    assert all(scope in str(caught.value) for scope in SCOPES)
    with pytest.raises(Misconfigured, match="Domain-wide delegation"):
        client.busy([ANA, BOGDAN], 0, 60)


def test_a_key_of_another_account_is_for_a_person(
    sandbox: Sandbox, new_client: Callable[..., Google], key: str
) -> None:
    sandbox.google.tokens.key = Tokens(seed=2).key_file("")["private_key"]
    with pytest.raises(Misconfigured, match="the key is wrong"):
        new_client(parse_key(key)).look(ANA)


def test_what_is_no_key_file_is_told(key: str) -> None:
    assert parse_key(key).client_email == SERVICE_ACCOUNT
    good = json.loads(key)
    for bad in (
        "",
        "[]",
        "not json",
        json.dumps(good | {"type": "authorized_user"}),
        json.dumps(good | {"private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}),
        json.dumps({name: value for name, value in good.items() if name != "client_email"}),
    ):
        with pytest.raises(Misconfigured, match="no key of a service account") as caught:
            parse_key(bad)
        assert "PRIVATE" not in str(caught.value)
    assert good["private_key"] not in repr(parse_key(key)) + repr(CONSENT)


# How often


def test_a_thousand_events_within_the_quota_take_little_more_than_a_minute(
    sandbox: Sandbox, new_client: Callable[..., Google], own_time: Any
) -> None:
    sandbox.google.settings.per_minute = 600
    sandbox.google.faults.add({"kind": "latency", "rate": 1.0, "seconds": 0.05})
    client = new_client(per_minute=600, fan_out=OneByOne())
    began = own_time.monotonic()
    outcomes = client.apply([Create(ANA, wanted(number)) for number in range(1_000)])
    assert {type(one) for one in outcomes} == {Done}
    assert own_time.monotonic() - began <= 75
    assert not {"403", "429"} & sandbox.google.stats.by_status.keys()


def test_workers_share_the_quota_and_people_have_one_each(
    sandbox: Sandbox, new_client: Callable[..., Google], own_time: Any, key: str
) -> None:
    sandbox.google.settings.per_minute = 100
    workers = [new_client(parse_key(key), per_minute=100, fan_out=OneByOne()) for _ in range(3)]
    for number, worker in enumerate(workers[:2]):
        worker.apply([Create(calendar, wanted(number * 50 + n)) for n in range(50) for calendar in (ANA, BOGDAN)])
    assert own_time.monotonic() - 1_790_000_000 < 1, "a hundred for each of two people"
    workers[2].apply([Create(ANA, wanted(500))])
    assert own_time.monotonic() - 1_790_000_000 >= 60
    assert not {"403", "429"} & sandbox.google.stats.by_status.keys()


def test_mending_counts_for_three(sandbox: Sandbox, new_client: Callable[..., Google], own_time: Any) -> None:
    sandbox.google.settings.per_minute = 60
    client = new_client(per_minute=60, fan_out=OneByOne())
    events = [one.event for one in client.apply([Create(ANA, wanted(n)) for n in range(60)]) if isinstance(one, Done)]
    own_time.sleep(100)
    mended = client.apply([Update(ANA, one.id, one.etag, wanted(n, rev=2)) for n, one in enumerate(events) if one])
    assert {type(one) for one in mended} == {Done}
    assert not {"403", "429"} & sandbox.google.stats.by_status.keys()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "rate_limit", "status": 403, "value": "userRateLimitExceeded"},
        {"kind": "rate_limit", "status": 429},
        {"kind": "server_error", "status": 409},
        {"kind": "server_error", "status": 503},
    ],
)
def test_some_calls_of_a_batch_are_made_again(sandbox: Sandbox, client: Google, fault: dict[str, Any]) -> None:
    sandbox.google.faults.add({"path": "/calendar/v3", "times": 20, **fault})
    outcomes = client.apply([Create(ANA, wanted(number)) for number in range(50)])
    assert {type(one) for one in outcomes} == {Done}
    assert len(sandbox.google.store.calendars[ANA].events) == 50
    assert asked(sandbox, "POST /events in a batch") == 70


BAD = [
    *(
        {"kind": kind, "path": "/batch", "rate": 0.1}
        for kind in ("drop_before", "drop_answer", "truncated_json", "html_502")
    ),
    {"kind": "server_error", "status": 503, "path": "/calendar", "rate": 0.05},
    {"kind": "server_error", "status": 409, "path": "/calendar", "rate": 0.05},
    {"kind": "rate_limit", "status": 403, "path": "/calendar", "rate": 0.02},
    {"kind": "truncated_json", "path": "/calendar", "rate": 0.05},
]


def test_after_a_bad_day_each_thing_is_done_once(sandbox: Sandbox, client: Google) -> None:
    for fault in BAD:
        sandbox.google.faults.add(fault)

    def done(operations: list[Operation]) -> list[Event | None]:
        """What each came to in the end: whatever may have been done, or not, is asked for again."""
        left, found = dict(enumerate(operations)), {}
        while left:
            for number, outcome in zip(tuple(left), client.apply(list(left.values())), strict=True):
                if isinstance(outcome, NotDone):
                    assert isinstance(outcome.error, TryLater), outcome
                    continue
                assert isinstance(outcome, Done), outcome
                found[number] = outcome.event
                del left[number]
        return [found[number] for number in range(len(operations))]

    made = [event for event in done([Create(ANA, wanted(number)) for number in range(200)]) if event is not None]
    assert len({event.id for event in made}) == 200
    mended = done([Update(ANA, one.id, one.etag, wanted(n, rev=2, place="Room 2")) for n, one in enumerate(made)])
    assert [event.place for event in mended if event is not None] == ["Room 2"] * 200
    assert len(sandbox.google.store.calendars[ANA].events) == 200
    assert done([Delete(ANA, event.id, event.etag) for event in mended if event is not None]) == [None] * 200
    assert not list(sandbox.google.store.calendars[ANA].living())


def test_a_limit_of_use_is_handed_back_at_once(sandbox: Sandbox, client: Google, own_time: Any) -> None:
    sandbox.google.faults.add(
        {"kind": "server_error", "status": 403, "value": "quotaExceeded", "path": "/calendar/v3", "rate": 1.0}
    )
    [outcome] = client.apply([Create(ANA, wanted())])
    assert isinstance(outcome, NotDone)
    assert isinstance(outcome.error, TryLater)
    assert outcome.error.after is not None
    assert outcome.error.after >= 3_600
    assert own_time.monotonic() - 1_790_000_000 < 1


def test_a_throttle_without_end_is_handed_back(sandbox: Sandbox, client: Google) -> None:
    sandbox.google.faults.add({"kind": "rate_limit", "status": 403, "path": "/calendar/v3", "rate": 1.0})
    [outcome] = client.apply([Create(ANA, wanted())])
    assert isinstance(outcome, NotDone)
    assert isinstance(outcome.error, Throttled)


def test_a_repeat_under_another_rev_is_not_done(client: Google) -> None:
    event = make(client)
    [outcome] = client.apply([Create(ANA, wanted(rev=2))])
    assert isinstance(outcome, Differs)
    assert outcome.event == event


# What of an event is left alone


def test_what_people_added_outlasts_our_writing(sandbox: Sandbox, client: Google) -> None:
    event = make(client)
    added: dict[str, Any] = {
        "attendees": [{"email": "dan@example.test", "responseStatus": "accepted", "comment": "gladly"}],
        "colorId": "11",
        "reminders": {"useDefault": False, "overrides": [{"method": "popup", "minutes": 5}]},
        "conferenceData": {"conferenceId": "abc-defg-hij"},
        "transparency": "transparent",
        "visibility": "private",
        "attachments": [{"fileUrl": "https://example.test/f"}],
    }
    row = kept(sandbox, event.id)
    row |= added
    row["extendedProperties"]["private"]["theirs"] = "x"
    row["extendedProperties"]["shared"] = {"ours": "y"}
    [outcome] = client.apply([Update(ANA, event.id, event.etag, wanted(rev=2, place="Room 2"))])
    assert isinstance(outcome, Done)
    after = kept(sandbox, event.id)
    assert {name: after[name] for name in added} == added
    assert after["extendedProperties"] == {
        "private": {"accordBooking": "b1", "accordWriting": "1.2", "theirs": "x"},
        "shared": {"ours": "y"},
    }
    assert after["location"] == "Room 2"


def test_nobody_is_mailed_and_guests_are_not_asked_for(client: Google, way: Way) -> None:
    event = make(client)
    client.apply([Update(ANA, event.id, event.etag, wanted(rev=2)), Delete(ANA, event.id, event.etag)])
    calls = [line for request in way.asked for line in request.content.split(b"\r\n") if b" HTTP/1.1" in line]
    assert len(calls) == 3
    assert all(b"sendUpdates=none" in call for call in calls)
    assert [b"maxAttendees=1" in call for call in calls] == [True, True, False]


def test_ten_thousand_guests_are_no_burden(sandbox: Sandbox, client: Google, way: Way) -> None:
    event = make(client)
    kept(sandbox, event.id)["attendees"] = [{"email": f"guest{n}@example.test"} for n in range(10_000)]
    kept(sandbox, event.id)["description"] = "x" * 8_000
    [seen] = client.changes(ANA, None).events
    assert seen == client.get(ANA, event.id)
    [outcome] = client.apply([Update(ANA, event.id, event.etag, wanted(rev=2))])
    assert isinstance(outcome, Done)
    assert len(kept(sandbox, event.id)["attendees"]) == 10_000
    assert all(b"guest" not in request.content for request in way.asked)


def test_an_event_too_large_does_not_hold_up_others(sandbox: Sandbox, client: Google) -> None:
    large = [Create(ANA, wanted(number, notes="x" * 60_000)) for number in range(30)]
    outcomes = client.apply([*large, Create(ANA, wanted(99, notes="x" * 70_000))])
    assert [type(one) for one in outcomes] == [Done] * 30 + [NotDone]
    assert asked(sandbox, "POST /batch") >= 4, "no request is larger than half a megabyte"


def test_calendars_names_are_quoted(sandbox: Sandbox, client: Google, way: Way) -> None:
    with pytest.raises(Refused):
        client.look("a/b?c#d@group.calendar.google.com")
    assert way.asked[-1].url.raw_path.startswith(
        b"/google/calendar/v3/calendars/a%2Fb%3Fc%23d%40group.calendar.google.com/"
    )


# Answers gone wrong


@pytest.mark.parametrize("reason", ["fullSyncRequired", "updatedMinTooLongAgo", "deleted"])
def test_each_way_in_which_a_token_dies(sandbox: Sandbox, client: Google, reason: str) -> None:
    at = client.changes(ANA, None).at
    calendar = sandbox.google.store.calendars[ANA]
    calendar.epoch, calendar.why_dead = 2, reason
    with pytest.raises(TokenGone):
        client.changes(ANA, at)
    assert client.changes(ANA, None).more is False


def test_a_page_may_be_empty_and_not_the_last(sandbox: Sandbox, client: Google) -> None:
    event = make(client)
    sandbox.google.settings.empty_page = True
    first = client.changes(ANA, None)
    assert (first.events, first.gone, first.more) == ([], [], True)
    second = client.changes(ANA, first.at)
    assert [one.id for one in second.events] == [event.id]
    assert not second.more
    sandbox.google.settings.empty_page = False
    assert client.changes(ANA, second.at).events == []


def answering(way: Way, at: str, *answers: Any) -> None:
    """Answer what is asked at the end of this path with these in turn, and then as the sandbox would."""
    left = list(answers)

    def instead(request: httpx.Request) -> httpx.Response | None:
        if not request.url.path.endswith(at) or not left:
            return None
        answer = left.pop(0)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx.Response(200, content=content, headers={"content-type": "application/json"})

    way.instead = instead


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        ([{"items": []}], "ends without a token"),
        ([{"items": [], "nextPageToken": "p"}, {"items": [], "nextPageToken": "p"}], "goes round"),
        ([{"items": [], "nextPageToken": "p" * 5_000}], "token of more than 4,000"),
        ([{"items": [], "nextSyncToken": "p" * 5_000}], "token of more than 4,000"),
        ([{"items": 5}], "is not what it was"),
        ([{"items": [{"summary": "no id"}], "nextSyncToken": "s"}], "without an id"),
        ([{"items": [{"id": 5}], "nextSyncToken": "s"}], "without an id"),
        (
            [{"items": [{"id": "abcde", "extendedProperties": {"private": {"accordBooking": "b1"}}}]}],
            "event abcde has no etag",
        ),
    ],
)
def test_lists_that_are_none(client: Google, way: Way, pages: list[Any], said: str) -> None:
    answering(way, "/events", *pages)
    at = None
    for _ in pages[1:]:
        at = client.changes(ANA, at).at
    with pytest.raises(Refused, match=said):
        client.changes(ANA, at)


def test_a_token_of_strange_characters_leads_nowhere_else(client: Google, way: Way) -> None:
    strange = "https://evil.example.test/?a=b&c=d#e\r\nX-Evil: 1"
    answering(way, "/events", {"items": [], "nextPageToken": strange}, {"items": [], "nextSyncToken": "s"})
    client.changes(ANA, client.changes(ANA, None).at)
    assert way.asked[-1].url.host == "sandbox.test"
    assert way.asked[-1].url.params["pageToken"] == strange


def test_an_event_of_others_that_can_not_be_read_is_left_out(client: Google, way: Way, caplog: Any) -> None:
    good = {"id": "abcde", "etag": '"1"', "start": {"date": "2026-10-10"}, "end": {"date": "2026-10-11"}}
    answering(way, "/events", {"items": [{"id": "fghij", "summary": "Secret"}, good], "nextSyncToken": "s"})
    assert [one.id for one in client.changes(ANA, None).events] == ["abcde"]
    assert "an event that is not one of ours is left out" in caplog.text
    assert "Secret" not in caplog.text


def test_an_answer_that_is_too_large_is_told(sandbox: Sandbox, client: Google) -> None:
    sandbox.google.faults.add({"kind": "big_body", "path": "/calendar/v3"})
    with pytest.raises(Refused, match="more than 10 MB"):
        client.changes(ANA, None)


@pytest.mark.parametrize(
    ("answer", "unknown"),
    [
        ({"calendars": {}}, "did not answer for this calendar"),
        ({"calendars": {ANA: {"errors": [{"domain": "global", "reason": "internalError"}]}}}, "internalError"),
        ({"calendars": {ANA: {"errors": [{}], "busy": []}}}, "no reason given"),
        ({"calendars": {ANA: {"busy": [{"start": "soon", "end": "later"}]}}}, "times that can not be read"),
        ({"calendars": {ANA: {"busy": [{"start": "2026-10-10T10:00:00", "end": "2026-10-10T11:00:00"}]}}}, "times"),
    ],
)
def test_whatever_is_not_told_plainly_is_not_free(client: Google, way: Way, answer: Any, unknown: str) -> None:
    answering(way, "/freeBusy", answer)
    found = client.busy([ANA], 0, 60)[ANA]
    assert isinstance(found, Busy)
    assert list(found.spans) == []
    assert unknown in str(found.unknown)


@pytest.mark.parametrize(
    ("answer", "error"), [({"calendars": []}, Refused), (b"<html>", TryLater), ({"kind": "x"}, Refused)]
)
def test_free_busy_that_is_none_is_raised(client: Google, way: Way, answer: Any, error: type[Exception]) -> None:
    answering(way, "/freeBusy", answer, answer, answer)
    with pytest.raises(error):
        client.busy([ANA], 0, 60)


def test_free_busy_is_asked_by_fifty(sandbox: Sandbox, client: Google) -> None:
    found = client.busy([ANA, *(f"n{number}@accord.test" for number in range(99))], 0, 60)
    assert len(found) == 100
    assert found[ANA].unknown is None
    assert asked(sandbox, "POST /freeBusy") == 2
    assert client.busy([], 0, 60) == {}


def test_a_batch_that_is_not_there_is_for_a_person(client: Google, way: Way) -> None:
    way.instead = lambda request: httpx.Response(404) if "/batch" in request.url.path else None
    with pytest.raises(Misconfigured, match="to a batch of calls, so none of them was heard"):
        client.apply([Create(ANA, wanted())])


def test_rights_that_are_lacking(sandbox: Sandbox, client: Google) -> None:
    calendar = sandbox.google.store.calendars[ANA]
    calendar.roles = dict.fromkeys(calendar.roles, "reader")
    client.look(ANA)
    mine, others = client.apply([Create(ANA, wanted()), Create(BOGDAN, wanted())])
    assert isinstance(mine, NotDone)
    assert isinstance(mine.error, Refused)
    assert "shared with the right to make changes" in str(mine.error)
    assert isinstance(others, Done)


def test_what_goes_wrong_names_nobody(sandbox: Sandbox, client: Google, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    sandbox.google.faults.add({"kind": "rate_limit", "status": 403, "times": 2, "path": "/calendar"})
    with pytest.raises(Refused) as caught:
        client.look("nobody@accord.test")
    [outcome] = client.apply([Create("nobody@accord.test", wanted())])
    assert isinstance(outcome, NotDone)
    said = caplog.text + str(caught.value) + str(outcome.error)
    assert "nobody" not in said
    assert REFRESH_TOKEN not in said
    assert "ya29" not in said
