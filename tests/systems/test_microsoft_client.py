"""What Microsoft's client asks for, and answers that the sandbox never gives."""

import json
from collections.abc import Callable
from datetime import datetime
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from accord.bookings import at
from accord.calendars import Create, Delete, Done, Mark, NotDone, TokenGone, Update, Wanted
from accord.errors import AccordError, Refused, TryLater
from accord.ledger.engine import Ledger
from accord.systems.microsoft import Credentials, MicrosoftCalendars, connect
from accord.systems.microsoft.translate import NAME_PROPERTY, REST_PROPERTY

CARMEN, DAN = "carmen@accord.test", "dan@accord.test"
GRAPH = "https://graph.microsoft.com/v1.0"
DELTA = f"{GRAPH}/users/{CARMEN}/calendarView/delta"
TOKEN = {"token_type": "Bearer", "expires_in": 3599, "access_token": "t0ken"}
MARK = Mark("booking-to-calendar/main b1", 1, 3)
PROPERTIES = [{"id": NAME_PROPERTY, "value": MARK.name}, {"id": REST_PROPERTY, "value": "1.3"}]
WANTED = Wanted(
    mark=MARK,
    start="2026-03-10T10:00:00",
    end="2026-03-10T11:00:00",
    zone="Europe/Bucharest",
    title="Visit",
    place="Room 5",
    link=None,
    notes=None,
    attendee=None,
)


def moment(hour: int) -> dict[str, str]:
    return {"dateTime": f"2026-03-10T{hour:02}:00:00.0000000", "timeZone": "UTC"}


def event(id: str = "A1", **more: Any) -> dict[str, Any]:
    shown = {"@odata.etag": f'W/"{id}"', "id": id, "type": "singleInstance", "isAllDay": False}
    shown |= {"start": moment(8), "end": moment(9), "subject": "Visit", "location": {"displayName": "Room 5"}}
    return shown | more


class Wire:
    """Answers by method and the end of the path, those of a list one after the other, and keeps what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {"token": TOKEN, "events": {"value": []}} | answers
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        name = request.url.path.rsplit("/", 1)[1].lstrip("$")
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if callable(answer):
            answer = answer(json.loads(request.content))
        status = 200
        if isinstance(answer, tuple):
            status, answer = answer
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return httpx.Response(status, content=content, headers={"content-type": "application/json"})

    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]


Connected = Callable[..., MicrosoftCalendars]


@pytest.fixture
def connected(ledger: Ledger) -> Connected:
    return lambda wire, **more: connect(
        "microsoft/main",
        lambda: Credentials("accord.test", "app", "s&cret=1"),
        lambda token: None,
        ledger,
        client=httpx.Client(transport=httpx.MockTransport(wire)),
        **more,
    )


def told(body: dict[str, Any], status: int = 200, **more: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The answer to a batch: the same for each of its parts."""
    return lambda asked: {
        "responses": [{"id": one["id"], "status": status, "body": body} | more for one in asked["requests"]]
    }


def page(*events: dict[str, Any], **more: str) -> dict[str, Any]:
    return {"value": [*events], "@odata.deltaLink": f"{DELTA}?$deltatoken=d1"} | {
        f"@odata.{k}": v for k, v in more.items()
    }


def test_what_is_asked_for(connected: Connected, own_time: Any) -> None:
    wire = Wire(delta=page(event()), batch=told(event(singleValueExtendedProperties=PROPERTIES)))
    found = connected(wire).changes(CARMEN, None)
    token, delta, ours, batch = wire.asked
    assert str(token.url) == "https://login.microsoftonline.com/accord.test/oauth2/v2.0/token"
    assert parse_qs(token.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": ["s&cret=1"],
        "scope": ["https://graph.microsoft.com/.default"],
    }
    assert dict(delta.url.params) == {"startDateTime": "2026-08-22T00:00:00Z", "endDateTime": "2027-10-26T00:00:00Z"}
    assert ours.url.path == f"/v1.0/users/{CARMEN}/calendar/events", "the calendar's own, not the mailbox's"
    named = f"singleValueExtendedProperties/Any(ep: ep/id eq '{NAME_PROPERTY}' and ep/value ne null)"
    assert ours.url.params["$filter"] == named
    assert delta.headers["authorization"] == batch.headers["authorization"] == "Bearer t0ken"
    [part] = json.loads(batch.content)["requests"]
    for prefer in (delta.headers["prefer"], batch.headers["prefer"], part["headers"]["Prefer"]):
        assert 'IdType="ImmutableId"' in prefer
        assert 'outlook.timezone="UTC"' in prefer
    assert part["method"] == "GET"
    assert urlsplit(part["url"]).path == f"/users/{CARMEN}/events/A1"
    expand = parse_qs(urlsplit(part["url"]).query)["$expand"][0]
    assert expand == f"singleValueExtendedProperties($filter=id eq '{NAME_PROPERTY}' or id eq '{REST_PROPERTY}')"
    assert [one.mark for one in found.events] == [MARK]


def test_where_to_go_on_holds_the_window(connected: Connected, own_time: Any) -> None:
    wire = Wire(delta=page())
    calendars = connected(wire)
    place = calendars.changes(CARMEN, None).at
    own_time.seconds += 29 * 86_400
    assert calendars.changes(CARMEN, place).events == []
    assert str(wire.asked[-1].url) == f"{DELTA}?$deltatoken=d1", "the link as it was given"
    own_time.seconds += 2 * 86_400
    with pytest.raises(TokenGone, match="window"):
        calendars.changes(CARMEN, place)


@pytest.mark.parametrize("status", [400, 404, 410])
def test_a_dead_token_is_told(connected: Connected, status: int) -> None:
    calendars = connected(Wire(delta=[page(), (status, {"error": {"code": "SyncStateNotFound"}})]))
    place = calendars.changes(CARMEN, None).at
    with pytest.raises(TokenGone):
        calendars.changes(CARMEN, place)


HOSTILE = [
    "https://elsewhere.example/v1.0/users/x/calendarView/delta?$skiptoken=1",
    "http://graph.microsoft.com/v1.0/x",
    "https://graph.microsoft.com@elsewhere.example/v1.0/x",
    "https://graph.microsoft.com/beta/x",
    "https://graph.microsoft.com/v1.0/../beta/x",
    "https://graph.microsoft.com:8443/v1.0/x",
    "//elsewhere.example/v1.0",
    "file:///etc/passwd",
    "",
]


@pytest.mark.parametrize("link", HOSTILE)
@pytest.mark.parametrize("name", ["nextLink", "deltaLink"])
def test_a_link_that_leads_elsewhere_is_neither_followed_nor_kept(connected: Connected, link: str, name: str) -> None:
    wire = Wire(delta=page(**{name: link}))
    with pytest.raises(Refused):
        connected(wire).changes(CARMEN, None)
    assert len(wire.asked) == 2


@pytest.mark.parametrize("link", HOSTILE)
def test_so_it_is_with_lists(connected: Connected, link: str) -> None:
    wire = Wire(events={"value": [], "@odata.nextLink": link})
    with pytest.raises(Refused):
        connected(wire).find(CARMEN, "b1")
    assert len(wire.asked) == 2


def test_lists_that_go_round_are_refused(connected: Connected) -> None:
    following = f"{GRAPH}/users/{CARMEN}/events?$skip=10"
    with pytest.raises(Refused, match="never end"):
        connected(Wire(events={"value": [], "@odata.nextLink": following})).find(CARMEN, "b1")
    calendars = connected(Wire(delta=page(nextLink=f"{DELTA}?$skiptoken=1")))
    place = calendars.changes(CARMEN, None).at
    with pytest.raises(Refused, match="never end"):
        calendars.changes(CARMEN, place)


def test_a_delta_that_repeats_a_page_under_other_links_is_refused(connected: Connected) -> None:
    """As users report of mailboxes with long series; an empty page may come twice."""
    date = {"id": "M.1", "seriesMasterId": "M", "type": "occurrence", "start": moment(8), "end": moment(9)}
    rounds = [page(*rows, nextLink=f"{DELTA}?$skiptoken={n}") for n, rows in enumerate([(), (), (date,), (date,)])]
    calendars = connected(Wire(delta=rounds))
    place = None
    for _ in range(3):
        place = calendars.changes(CARMEN, place).at
    with pytest.raises(Refused, match="repeats a page"):
        calendars.changes(CARMEN, place)


def test_a_delta_that_does_not_go_on_is_refused(connected: Connected) -> None:
    with pytest.raises(Refused, match="how it goes on"):
        connected(Wire(delta={"value": []})).changes(CARMEN, None)
    with pytest.raises(Refused, match="no id"):
        connected(Wire(delta=page({"subject": "x"}))).changes(CARMEN, None)


def test_what_comes_twice_counts_as_it_came_last(connected: Connected) -> None:
    removed = {"@removed": {"reason": "deleted"}}
    rows = [event("A1"), event("A2"), {"id": "A1"} | removed, {"id": "A3"} | removed, event("A3"), event("A2")]
    rows.append({"id": "A9"} | removed)
    batch = lambda asked: {  # noqa: E731
        "responses": [
            {"id": one["id"], "status": 200, "body": event(urlsplit(one["url"]).path.rsplit("/", 1)[1])}
            for one in asked["requests"]
        ]
    }
    found = connected(Wire(delta=page(*rows), batch=batch)).changes(CARMEN, None)
    assert [one.id for one in found.events] == ["A3", "A2"]
    assert list(found.gone) == ["A1", "A9"]


def test_an_event_that_was_deleted_meanwhile_is_gone(connected: Connected) -> None:
    gone = told({"error": {"code": "ErrorItemNotFound"}}, 404)
    found = connected(Wire(delta=page(event()), batch=gone)).changes(CARMEN, None)
    assert (found.events, found.gone) == ([], ["A1"])


@pytest.mark.parametrize("wrong", [{"start": 5}, {"start": {"dateTime": "x", "timeZone": "UTC"}}, {"subject": ["x"]}])
def test_an_event_that_can_not_be_read_holds_up_no_other_unless_it_is_ours(
    connected: Connected, wrong: dict[str, Any]
) -> None:
    spoilt = event("A1", **wrong)
    found = connected(Wire(delta=page(spoilt), batch=told(spoilt))).changes(CARMEN, None)
    assert (found.events, found.gone) == ([], [])
    ours = told(spoilt | {"singleValueExtendedProperties": PROPERTIES})
    with pytest.raises(Refused):
        connected(Wire(delta=page(spoilt), batch=ours)).changes(CARMEN, None)


def test_dates_of_a_series_are_told_without_asking_about_them(connected: Connected) -> None:
    date = {"id": "M.1", "seriesMasterId": "M", "type": "occurrence", "start": moment(8), "end": moment(9)}
    wire = Wire(delta=page(date))
    [found] = connected(wire).changes(CARMEN, None).events
    assert (found.series, found.mark) == (True, None)
    assert not any(path.endswith("$batch") for path in wire.paths())


def test_what_is_written(connected: Connected) -> None:
    wire = Wire(batch=told(event()))
    operations = [Create(CARMEN, WANTED), Update(CARMEN, "A/1", 'W/"e"', WANTED), Delete(CARMEN, "A1", 'W/"f"')]
    outcomes = connected(wire).apply(operations)
    assert all(isinstance(one, Done) for one in outcomes)
    made, changed, deleted = json.loads(wire.asked[-1].content)["requests"]
    assert (made["method"], made["url"]) == ("POST", f"/users/{CARMEN}/events")
    assert len(made["body"]["transactionId"]) == 36
    assert (changed["method"], changed["url"]) == ("PATCH", f"/users/{CARMEN}/events/A%2F1")
    assert changed["headers"]["If-Match"] == 'W/"e"'
    assert "transactionId" not in changed["body"]
    assert (deleted["method"], deleted["headers"]["If-Match"]) == ("DELETE", 'W/"f"')
    assert "body" not in deleted


OURS = event(singleValueExtendedProperties=PROPERTIES)


@pytest.mark.parametrize(("listed", "there"), [([OURS], True), ([], False), ([OURS | {"id": "A2"}], False)])
def test_an_event_of_ours_that_its_calendar_does_not_list_is_not_there(
    connected: Connected, listed: list[dict[str, Any]], there: bool
) -> None:
    """Its id leads to it in Deleted Items, too."""
    wire = Wire(A1=OURS, events={"value": listed})
    assert (connected(wire).get(CARMEN, "A1") is not None) is there
    assert wire.asked[-1].url.path == f"/v1.0/users/{CARMEN}/calendar/events"


def test_what_is_not_ours_is_looked_at_once(connected: Connected) -> None:
    wire = Wire(A1=event())
    assert connected(wire).get(CARMEN, "A1") is not None
    assert len(wire.asked) == 2


@pytest.mark.parametrize(
    ("shown", "listed", "kind"),
    [(OURS, [OURS], NotDone), (OURS, [], Done), (event(), [], NotDone), (OURS | {"@odata.etag": "W/9"}, [], Done)],
)
def test_what_can_not_be_deleted_is_looked_for_in_its_calendar(
    connected: Connected, shown: dict[str, Any], listed: list[dict[str, Any]], kind: type
) -> None:
    """Microsoft says so of what is deleted already; it is no reason to think that the calendar may not be read."""

    def answer(one: dict[str, Any]) -> dict[str, Any]:
        if one["method"] == "DELETE":
            return {"status": 403, "body": {"error": {"code": "ErrorCannotDeleteObject"}}}
        mine = urlsplit(one["url"]).path.endswith("/A1")
        return {"status": 200, "body": shown if mine else {"value": listed}}

    batch = lambda asked: {"responses": [{"id": one["id"]} | answer(one) for one in asked["requests"]]}  # noqa: E731
    [outcome] = connected(Wire(batch=batch)).apply([Delete(CARMEN, "A1", 'W/"A1"')])
    assert type(outcome) is kind
    if isinstance(outcome, NotDone):
        assert isinstance(outcome.error, Refused)
        assert "this event can not be deleted" in str(outcome.error)


def test_a_mailbox_that_fails_makes_no_other_give_up(connected: Connected, homes: ModuleType) -> None:
    """Of the second one a batch is sent but once the first was given up, and it is left in peace at first."""
    batch = lambda asked: (502, b"") if CARMEN in asked["requests"][0]["url"] else told(event())(asked)  # noqa: E731
    calendars = connected(Wire(batch=batch), fan_out=homes.Straight())
    lost, made = calendars.apply([Create(CARMEN, WANTED), Create(DAN, WANTED)])
    assert isinstance(lost, NotDone)
    assert isinstance(made, Done)


def test_four_batches_at_most_each_one_part_after_the_other(connected: Connected) -> None:
    wire = Wire(batch=told(event()))
    marks = [Mark(f"b{number}", 1, 1) for number in range(20)]
    fields = {name: getattr(WANTED, name) for name in Wanted.__struct_fields__}
    connected(wire).apply([Create(CARMEN, Wanted(**fields | {"mark": mark})) for mark in marks])
    batches = [json.loads(one.content)["requests"] for one in wire.asked if one.url.path.endswith("batch")]
    assert len(batches) <= 4
    assert sum(map(len, batches)) == 20
    for batch in batches:
        assert [one.get("dependsOn") for one in batch] == [None, *([str(before)] for before in range(len(batch) - 1))]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"<html>", TryLater),
        (b"{", TryLater),
        ({"responses": []}, TryLater),
        ((502, b"<html>"), TryLater),
        ({"value": 1}, Refused),
        ((400, {"error": {"code": "BadRequest"}}), Refused),
    ],
    ids=str,
)
def test_a_batch_that_is_not_answered_is_not_done(connected: Connected, answer: Any, error: type[AccordError]) -> None:
    [outcome] = connected(Wire(batch=answer)).apply([Create(CARMEN, WANTED)])
    assert isinstance(outcome, NotDone)
    assert isinstance(outcome.error, error)


def test_an_answer_in_another_zone_is_read_by_that(connected: Connected) -> None:
    local = {"dateTime": "2026-03-10T10:00:00.0000000", "timeZone": "GTB Standard Time"}
    shown = event(start=local, end=local, originalStartTimeZone="tzone://Microsoft/Custom")
    found = connected(Wire(A1=shown)).get(CARMEN, "A1")
    assert found is not None
    assert found.span is not None
    assert found.span.start == at("2026-03-10T10:00:00", "Europe/Bucharest")
    assert found.zone is None
    assert connected(Wire(A1=shown | {"isCancelled": True})).get(CARMEN, "A1") is None


def schedule(**one: Any) -> dict[str, Any]:
    return {"value": [{"scheduleId": CARMEN.upper(), **one}]}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (schedule(error={"message": "Ana", "responseCode": "5006"}, scheduleItems=[]), "(5006)"),
        (schedule(error={}), "(no reason given)"),
        (schedule(availabilityView="0"), "more of it has to be shared"),
        ({"value": []}, "left this calendar out"),
        (
            schedule(scheduleItems=[{"start": moment(8), "end": {"dateTime": "x", "timeZone": "UTC"}}]),
            "can not be read",
        ),
    ],
)
def test_what_is_not_told_is_not_free(connected: Connected, answer: dict[str, Any], why: str) -> None:
    found = connected(Wire(getSchedule=answer)).busy([CARMEN], 0, 86_400)
    assert found[CARMEN].spans == ()
    assert why in str(found[CARMEN].unknown)
    assert "Ana" not in str(found[CARMEN].unknown)


def test_whoever_is_not_said_to_be_free_is_taken(connected: Connected) -> None:
    stati = ["free", "tentative", "busy", "oof", "workingElsewhere", "unknown", "hologram", None]
    items = [{"start": moment(n), "end": moment(n + 1), "status": status} for n, status in enumerate(stati)]
    found = connected(Wire(getSchedule=schedule(scheduleItems=items))).busy([CARMEN], 0, 86_400)
    hours = [(span.start // 3_600) % 24 for span in found[CARMEN].spans]
    assert [stati[hour] for hour in hours] == ["tentative", "busy", "oof", "unknown", "hologram", None]


def test_a_schedule_is_asked_for_in_parts(connected: Connected) -> None:
    """Twenty calendars and 62 days are what Microsoft allows."""
    wire = Wire(getSchedule={"value": []})
    connected(wire).busy([f"p{number}@accord.test" for number in range(45)], 0, 62 * 86_400 + 1)
    bodies = [json.loads(one.content) for one in wire.asked if one.url.path.endswith("getSchedule")]
    assert [len(body["schedules"]) for body in bodies] == [20, 20, 5], "what is not known is not asked again"
    assert bodies[0]["startTime"] == {"dateTime": "1970-01-01T00:00:00", "timeZone": "UTC"}
    assert bodies[0]["endTime"] == {"dateTime": "1970-03-04T00:00:00", "timeZone": "UTC"}


def test_a_calendar_with_too_many_events_is_asked_about_in_halves(connected: Connected) -> None:
    def answer(body: dict[str, Any]) -> dict[str, Any]:
        start, end = (datetime.fromisoformat(body[side]["dateTime"]) for side in ("startTime", "endTime"))
        full = {"error": {"message": "many", "responseCode": "5006"}, "scheduleItems": []}
        item = {"status": "busy", "start": body["startTime"], "end": body["endTime"]}
        told = full if (end - start).days > 15 else {"scheduleItems": [item]}
        others = [{"scheduleId": name, "scheduleItems": []} for name in body["schedules"] if name != CARMEN]
        return {"value": [{"scheduleId": CARMEN, **told}, *others]}

    wire = Wire(getSchedule=answer)
    found = connected(wire).busy([CARMEN, "dan@accord.test"], 0, 60 * 86_400)
    assert found[CARMEN].unknown is None
    assert [(span.start, span.end) for span in found[CARMEN].spans] == [
        (n * 15 * 86_400, (n + 1) * 15 * 86_400) for n in range(4)
    ]
    assert list(found["dan@accord.test"].spans) == []
    asked = [json.loads(one.content)["schedules"] for one in wire.asked if one.url.path.endswith("getSchedule")]
    assert asked == [[CARMEN, "dan@accord.test"], *[[CARMEN]] * 6]
    always = connected(Wire(getSchedule={"value": [{"scheduleId": CARMEN, "error": {"responseCode": "5006"}}]}))
    assert "(5006)" in str(always.busy([CARMEN], 0, 86_400 * 2)[CARMEN].unknown)


def test_a_question_that_fails_is_asked_again_through_another_calendar(connected: Connected) -> None:
    answers = [(503, {"error": {"code": "ErrorMailboxMoveInProgress"}}), (502, b"<html>"), schedule(scheduleItems=[])]
    wire = Wire(getSchedule=answers)
    found = connected(wire).busy([CARMEN, DAN], 0, 86_400)
    assert found[CARMEN].unknown is None
    assert "left this calendar out" in str(found[DAN].unknown)
    asked = [path.split("/")[3] for path in wire.paths() if path.endswith("getSchedule")]
    assert asked == [CARMEN, DAN, CARMEN]


def test_a_question_that_is_not_answered_makes_its_own_calendars_unknown(connected: Connected) -> None:
    people = [f"p{number}@accord.test" for number in range(25)]

    def answer(asked: dict[str, Any]) -> Any:
        names = asked["schedules"]
        one = {"scheduleItems": [{"start": moment(8), "end": moment(9), "status": "busy"}]}
        return (502, b"<html>") if people[0] in names else {"value": [{"scheduleId": name} | one for name in names]}

    found = connected(Wire(getSchedule=answer)).busy(people, 0, 86_400)
    assert [one for one in people if found[one].unknown] == people[:20]
    assert all("502" in str(found[one].unknown) for one in people[:20])
    assert all(found[one].spans for one in people[20:])


def test_a_proxys_page_is_tried_later(connected: Connected) -> None:
    with pytest.raises(TryLater):
        connected(Wire(getSchedule=(502, b"<html>"))).busy([CARMEN], 0, 86_400)
    with pytest.raises(TryLater):
        connected(Wire(delta=b"<html>")).changes(CARMEN, None)


def test_an_answer_of_another_shape_is_named(connected: Connected) -> None:
    calendars = connected(Wire(getSchedule={"value": "none"}, delta={"value": "none"}, A1={"id": 7}))
    assert "answer for getSchedule is not what it was" in str(calendars.busy([CARMEN], 0, 86_400)[CARMEN].unknown)
    with pytest.raises(Refused, match=r"answer for a list of events is not what it was"):
        calendars.changes(CARMEN, None)
    with pytest.raises(Refused, match=r"answer for an event is not what it was"):
        calendars.get(CARMEN, "A1")
