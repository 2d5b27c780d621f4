"""The sandbox's Microsoft 365 as any HTTP client sees it: login, events, lists, deltas, batches, schedules."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from accord.sandbox.app import Sandbox, build
from accord.sandbox.direct import Direct
from accord.sandbox.microsoft import tokens
from accord.sandbox.microsoft.seed import CARMEN, DAN

FORM = {"client_id": tokens.CLIENT_ID, "client_secret": tokens.CLIENT_SECRET, "grant_type": "client_credentials"}
IMMUTABLE = {"prefer": 'IdType="ImmutableId"'}
EVENTS = f"/v1.0/users/{CARMEN}/events"
WINDOW = "startDateTime=2026-09-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z"
DELTA = f"/v1.0/users/{CARMEN}/calendarView/delta"
PROPERTY = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name ownKey"


@pytest.fixture
def http(sandbox: Sandbox) -> Iterator[httpx.Client]:
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox.test/microsoft") as client:
        client.headers["authorization"] = f"Bearer {login(client).json()['access_token']}"
        yield client


def login(http: httpx.Client, tenant: str = tokens.TENANT, **form: str) -> httpx.Response:
    return http.post(f"/login/{tenant}/oauth2/v2.0/token", data=FORM | form)


def moment(text: str, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": text, "timeZone": zone}


def event(**more: Any) -> dict[str, Any]:
    times = {"start": moment("2026-10-10T10:00:00"), "end": moment("2026-10-10T11:00:00")}
    return {"subject": "Visit", **times, **more}


def made(http: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = http.post(EVENTS, json=event(**more), headers=IMMUTABLE)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def switch(http: httpx.Client, what: str, **given: Any) -> Any:
    answer = http.post(f"/_admin/{what}", json=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_token_is_given_for_the_apps_secret(http: httpx.Client, clock: Any) -> None:
    given = login(http).json()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 3_599)
    assert "refresh_token" not in given
    http.headers["authorization"] = f"Bearer {given['access_token']}"
    assert http.get(EVENTS).status_code == 200
    clock.now += 3_600
    assert code(http.get(EVENTS)) == (401, "InvalidAuthenticationToken")


@pytest.mark.parametrize(
    ("tenant", "form", "status", "error", "number"),
    [
        ("other.test", {}, 400, "invalid_request", 90002),
        (tokens.TENANT, {"client_id": "x"}, 400, "unauthorized_client", 700016),
        (tokens.TENANT, {"client_secret": "x"}, 401, "invalid_client", 7000215),
        (tokens.TENANT, {"client_secret": tokens.EXPIRED_SECRET}, 401, "invalid_client", 7000222),
        (tokens.TENANT, {"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        (tokens.TENANT, {"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant", 70008),
    ],
)
def test_a_login_is_refused_by_number(
    http: httpx.Client, tenant: str, form: dict[str, str], status: int, error: str, number: int
) -> None:
    answer = login(http, tenant, **form)
    assert answer.status_code == status
    told = answer.json()
    assert (told["error"], told["error_codes"]) == (error, [number])
    assert told["error_description"].startswith(f"AADSTS{number}: ")


def test_refresh_tokens_rotate(http: httpx.Client) -> None:
    def renewed(token: str) -> httpx.Response:
        return login(http, grant_type="refresh_token", refresh_token=token)

    second = renewed(tokens.REFRESH_TOKEN).json()["refresh_token"]
    assert second != tokens.REFRESH_TOKEN
    again = renewed(tokens.REFRESH_TOKEN).json()["refresh_token"]  # as of a worker whose answer was lost
    third = renewed(again).json()["refresh_token"]
    assert renewed(third).status_code == 200
    assert renewed(tokens.REFRESH_TOKEN).status_code == 400
    switch(http, "login", fault=50173)
    assert renewed(third).json()["error_codes"] == [50173]


def test_who_signed_in_has_a_calendar_and_the_app_has_none(http: httpx.Client) -> None:
    assert http.get("/v1.0/me/events").status_code == 400
    assert http.get(f"/v1.0/users/{CARMEN}/calendar").json()["canEdit"] is True
    token = login(http, grant_type="refresh_token", refresh_token=tokens.REFRESH_TOKEN).json()["access_token"]
    signed_in = {"authorization": f"Bearer {token}"}
    assert http.get("/v1.0/me/events", headers=signed_in).status_code == 200
    assert code(http.get(f"/v1.0/users/{DAN}/events", headers=signed_in)) == (403, "ErrorAccessDenied")


def test_times_are_utc_unless_another_zone_is_preferred(http: httpx.Client) -> None:
    local = "GTB Standard Time"
    times = {"start": moment("2026-10-10T10:00:00", local), "end": moment("2026-10-10T11:00:00.0000000", local)}
    found = made(http, **times)
    assert found["start"] == moment("2026-10-10T07:00:00.0000000")
    assert found["originalStartTimeZone"] == local
    prefer = {"prefer": 'IdType="ImmutableId", outlook.timezone="Europe/Bucharest"'}
    shown = http.get(f"{EVENTS}/{found['id']}", headers=prefer).json()
    assert shown["start"] == moment("2026-10-10T10:00:00.0000000", "Europe/Bucharest")
    assert http.get(EVENTS, headers={"prefer": 'outlook.timezone="Nowhere"'}).status_code == 400


def test_days_are_midnights_and_stay_so(http: httpx.Client) -> None:
    day = {"start": moment("2026-10-25T00:00:00", "Tokyo Standard Time"), "isAllDay": True}
    found = made(http, **day, end=moment("2026-10-26T00:00:00", "Tokyo Standard Time"))
    assert found["start"] == moment("2026-10-25T00:00:00.0000000")
    for end in ("2026-10-25T10:00:00", "2026-10-25T00:00:00"):
        answer = http.post(EVENTS, json=event(**day, end=moment(end, "Tokyo Standard Time")))
        assert code(answer) == (400, "ErrorPropertyValidationFailure")


@pytest.mark.parametrize(
    "wrong",
    [
        {"end": moment("2026-10-10T09:00:00")},
        {"start": moment("2026-10-10T10:00:00", "Nowhere Standard Time")},
        {"start": moment("soon")},
        {"start": None},
        {"attendees": [{}] * 501},
        {"recurrence": {"pattern": {"type": "lunar"}}},
    ],
)
def test_what_makes_no_sense_is_refused(http: httpx.Client, wrong: dict[str, Any]) -> None:
    assert http.post(EVENTS, json=event(**wrong)).status_code == 400
    assert http.get(EVENTS).json()["value"] == []


@pytest.mark.parametrize(("duplicate", "status"), [("400", 400), ("409", 409)])
def test_a_transaction_is_remembered_also_when_its_event_is_gone(
    http: httpx.Client, duplicate: str, status: int
) -> None:
    switch(http, "settings", duplicate=duplicate)
    found = made(http, transactionId="t1")
    answer = http.post(EVENTS, json=event(transactionId="t1"))
    assert code(answer) == (status, "ErrorDuplicateTransactionId")
    assert "@event.existingEventId" not in answer.json()["error"]
    switch(http, "settings", existing_id=True)
    answer = http.post(EVENTS, json=event(transactionId="t1"))
    assert answer.json()["error"]["@event.existingEventId"] == found["id"]
    assert http.delete(f"{EVENTS}/{found['id']}").status_code == 204
    assert http.post(EVENTS, json=event(transactionId="t1")).status_code == status
    assert http.get(EVENTS).json()["value"] == []


def test_or_it_answers_with_what_is_there(http: httpx.Client) -> None:
    switch(http, "settings", duplicate="replay")
    found = made(http, transactionId="t1")
    assert made(http, transactionId="t1", subject="Other") == found


def test_a_change_names_what_it_was_decided_on(http: httpx.Client) -> None:
    found = made(http, body={"contentType": "text", "content": "a <b>"}, location={"displayName": "Room"})
    path, tag = f"{EVENTS}/{found['id']}", found["@odata.etag"]
    assert found["body"]["contentType"] == "html"
    assert "a &lt;b&gt;" in found["body"]["content"]
    changed = http.patch(path, json={"subject": "Other"}, headers=IMMUTABLE | {"if-match": tag}).json()
    assert (changed["subject"], changed["location"]["displayName"], changed["id"]) == ("Other", "Room", found["id"])
    assert changed["changeKey"] != found["changeKey"]
    for answer in (http.patch(path, json={}, headers={"if-match": tag}), http.delete(path, headers={"if-match": tag})):
        assert code(answer) == (412, "ErrorIrresolvableConflict")
    assert http.patch(path, json={"end": moment("2020-01-01T00:00:00")}).status_code == 400
    assert http.get(path, headers=IMMUTABLE).json() == changed
    assert http.delete(path, headers={"if-match": changed["@odata.etag"]}).status_code == 204
    assert http.get(EVENTS).json()["value"] == []


@pytest.mark.parametrize("how", ["by the API", "cancelled", "by a person"])
@pytest.mark.parametrize("kept", [True, False])
def test_what_is_deleted_is_in_no_list_and_is_led_to_by_its_immutable_id(
    http: httpx.Client, kept: bool, how: str
) -> None:
    switch(http, "settings", deleted_items=kept)
    found = made(http, singleValueExtendedProperties=[{"id": PROPERTY, "value": "visit-17"}])
    path, ordinary = f"{EVENTS}/{found['id']}", http.get(EVENTS).json()["value"][0]["id"]
    link = http.get(f"{DELTA}?{WINDOW}", headers=IMMUTABLE).json()["@odata.deltaLink"]
    match how:
        case "by the API":
            assert http.delete(path).status_code == 204
        case "cancelled":
            assert http.post(f"{path}/cancel", json={}).status_code == 202
        case _:
            switch(http, "delete", mailbox=CARMEN, id=found["id"])
    mine = f"singleValueExtendedProperties/Any(ep: ep/id eq '{PROPERTY}' and ep/value ne null)"
    view = EVENTS.replace("events", f"calendarView?{WINDOW}")
    for listed in (http.get(EVENTS), http.get(EVENTS, params={"$filter": mine}), http.get(view)):
        assert listed.json()["value"] == []
    [told] = http.get(link, headers=IMMUTABLE).json()["value"]
    assert told == {"id": found["id"], "@removed": {"reason": "deleted"}}
    assert code(http.get(f"{EVENTS}/{ordinary}")) == (404, "ErrorItemNotFound")
    assert http.post("/_admin/move", json={"mailbox": CARMEN, "id": found["id"]}).status_code == 400, (
        "as Outlook has it"
    )
    tag = {"if-match": found["@odata.etag"]}
    if kept:
        assert http.get(path, headers=IMMUTABLE).json()["subject"] == "Visit"
        assert code(http.delete(path, headers=tag)) == (403, "ErrorCannotDeleteObject")
        assert code(http.patch(path, json={"subject": "x"}, headers=tag)) == (412, "ErrorIrresolvableConflict")
    else:
        for answer in (http.get(path), http.delete(path, headers=tag), http.patch(path, json={}, headers=tag)):
            assert code(answer) == (404, "ErrorItemNotFound")


def test_only_who_organizes_a_meeting_cancels_it(http: httpx.Client, sandbox: Sandbox) -> None:
    found = made(http)
    sandbox.microsoft.store.mailboxes[CARMEN].events[found["id"]].organizer = "x@elsewhere.example.test"
    assert http.post(f"{EVENTS}/{found['id']}/cancel", json={}).status_code == 400
    mine = made(http)
    assert http.post(f"{EVENTS}/{mine['id']}/cancel", json={"comment": "x"}).status_code == 202
    assert [one["subject"] for one in http.get(EVENTS).json()["value"]] == ["Visit"], "the other one"


def test_properties_of_ones_own_are_shown_and_found_where_they_are_asked_for(http: httpx.Client) -> None:
    for value in ("visit-17", "visit's", "visit-1"):
        made(http, singleValueExtendedProperties=[{"id": PROPERTY, "value": value}])
    expand = f"singleValueExtendedProperties($filter=id eq '{PROPERTY}')"
    assert "singleValueExtendedProperties" not in http.get(EVENTS).json()["value"][0]
    for value in ("visit-17", "visit''s"):
        condition = f"singleValueExtendedProperties/Any(ep: ep/id eq '{PROPERTY}' and ep/value eq '{value}')"
        [found] = http.get(EVENTS, params={"$filter": condition, "$expand": expand, "$select": "id"}).json()["value"]
        assert found["singleValueExtendedProperties"] == [{"id": PROPERTY, "value": value.replace("''", "'")}]
        assert set(found) == {"@odata.etag", "id", "singleValueExtendedProperties"}
    shouted = condition.replace("visit", "VISIT")
    assert len(http.get(EVENTS, params={"$filter": shouted}).json()["value"]) == 1, "values are not case-sensitive"
    other = condition.replace("ownKey", "ownkey")
    assert http.get(EVENTS, params={"$filter": other}).json()["value"] == [], "names are case-sensitive"
    assert http.get(EVENTS, params={"$filter": "subject eq 'x'"}).status_code == 400


def test_lists_go_on_by_links(http: httpx.Client) -> None:
    ids = [made(http)["id"] for _ in range(25)]
    found: list[str] = []
    link = EVENTS
    while link:
        page = http.get(link, headers=IMMUTABLE).json()
        found += [one["id"] for one in page["value"]]
        link = page.get("@odata.nextLink", "")
    assert found == ids
    assert len(http.get(f"{EVENTS}?$top=20").json()["value"]) == 20
    assert http.get(f"{EVENTS}?$top=1001").status_code == 400


def test_an_ordinary_id_changes_where_an_event_is_moved(http: httpx.Client) -> None:
    found = made(http)
    before = http.get(EVENTS).json()["value"][0]["id"]
    assert before != found["id"]
    after = switch(http, "file", mailbox=CARMEN, id=found["id"])["id"]
    assert http.get(f"{EVENTS}/{before}").status_code == 404
    for id in (after, found["id"]):
        assert http.get(f"{EVENTS}/{id}", headers=IMMUTABLE).json()["id"] == found["id"]
    switch(http, "settings", volatile_ids=True)
    assert http.get(f"{EVENTS}/{after}", headers=IMMUTABLE).json()["id"] == after


def test_a_series_keeps_its_wall_time(http: httpx.Client) -> None:
    zone = "GTB Standard Time"
    recurrence = {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
        "range": {"type": "numbered", "startDate": "2026-10-19", "numberOfOccurrences": 3},
    }
    times = {"start": moment("2026-10-19T10:00:00", zone), "end": moment("2026-10-19T10:30:00", zone)}
    master = made(http, recurrence=recurrence, **times)
    assert master["type"] == "seriesMaster"
    view = http.get(f"/v1.0/users/{CARMEN}/calendarView?{WINDOW}", headers=IMMUTABLE).json()["value"]
    assert [one["start"]["dateTime"][:16] for one in view] == [
        "2026-10-19T07:00",
        "2026-10-26T08:00",
        "2026-11-02T08:00",
    ]
    assert {(one["type"], one["seriesMasterId"]) for one in view} == {("occurrence", master["id"])}
    rows = http.get(f"{DELTA}?{WINDOW}", headers=IMMUTABLE).json()["value"]
    assert [one["type"] for one in rows] == ["seriesMaster", "occurrence", "occurrence", "occurrence"]
    assert set(rows[1]) == {"id", "seriesMasterId", "type", "start", "end"}


def test_a_delta_tells_what_changed_in_its_window(http: httpx.Client) -> None:
    first, second, third = (made(http, subject=name) for name in ("one", "two", "three"))
    prefer = {"prefer": 'IdType="ImmutableId", odata.maxpagesize=2'}
    page = http.get(f"{DELTA}?{WINDOW}", headers=prefer).json()
    assert [one["id"] for one in page["value"]] == [first["id"], second["id"]]
    http.patch(f"{EVENTS}/{first['id']}", json={"subject": "changed meanwhile"})
    page = http.get(page["@odata.nextLink"], headers=prefer).json()
    assert [one["id"] for one in page["value"]] == [third["id"], first["id"]], "the same event again"
    link = page["@odata.deltaLink"]
    assert http.get(link, headers=prefer).json()["value"] == []
    http.delete(f"{EVENTS}/{second['id']}")
    out = {"start": moment("2029-01-01T10:00:00"), "end": moment("2029-01-01T10:00:00")}
    http.patch(f"{EVENTS}/{third['id']}", json=out)
    rows = http.get(link, headers=prefer).json()["value"]
    assert rows == [{"id": one["id"], "@removed": {"reason": "deleted"}} for one in (second, third)]
    assert http.get(f"{DELTA}?{WINDOW}&$select=id").status_code == 400
    assert http.get(DELTA).status_code == 400


@pytest.mark.parametrize(
    ("how", "status", "name"),
    [
        ("410", 410, "SyncStateNotFound"),
        ("410-location", 410, "resyncRequired"),
        ("400", 400, "SyncStateNotFound"),
        ("404", 404, "syncStateNotFound"),
    ],
)
def test_a_deltas_token_dies_in_several_ways(http: httpx.Client, how: str, status: int, name: str) -> None:
    link = http.get(f"{DELTA}?{WINDOW}").json()["@odata.deltaLink"]
    switch(http, "expire", mailbox=CARMEN, how=how)
    answer = http.get(link)
    assert code(answer) == (status, name)
    assert ("location" in answer.headers) is (how == "410-location")
    assert http.get(link.partition("?")[0] + "?$deltatoken=nonsense").status_code == 400


def batch(http: httpx.Client, *requests: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = http.post("/v1.0/$batch", json={"requests": [{"id": str(n)} | one for n, one in enumerate(requests)]})
    assert answer.status_code == status, answer.text
    return {one["id"]: one for one in answer.json().get("responses", [])}


def part(**more: Any) -> dict[str, Any]:
    url = EVENTS.removeprefix("/v1.0")
    return {"method": "POST", "url": url, "body": event(), "headers": {"Content-Type": "application/json"}, **more}


def test_a_batch_has_twenty_parts_at_most_and_four_of_a_mailbox_at_a_time(http: httpx.Client) -> None:
    batch(http, *[part() for _ in range(21)], status=400)
    found = batch(http, *[part() for _ in range(6)])
    assert [found[str(n)]["status"] for n in range(6)] == [201] * 4 + [429] * 2
    assert found["5"]["headers"] == {"Retry-After": "1"}
    chained = [part(dependsOn=[str(n - 1)] if n else []) for n in range(20)]
    assert {one["status"] for one in batch(http, *chained).values()} == {201}
    other = EVENTS.removeprefix("/v1.0").replace(CARMEN, DAN)
    both = [part(url=url) for url in (EVENTS.removeprefix("/v1.0"), other) for _ in range(4)]
    assert {one["status"] for one in batch(http, *both).values()} == {201}


def test_a_part_whose_dependency_failed_is_not_done(http: httpx.Client) -> None:
    wrong = part(body=event(end=moment("2020-01-01T00:00:00")))
    found = batch(http, part(), wrong | {"dependsOn": ["0"]}, part(dependsOn=["1"]), part(dependsOn=["2"]))
    assert [found[str(n)]["status"] for n in range(4)] == [201, 400, 424, 424]
    batch(http, part(), part(), part(dependsOn=["0"]), part(dependsOn=["1"]), status=400)
    batch(http, part(dependsOn=["7"]), status=400)
    batch(http, part(url=f"http://sandbox.test{EVENTS}"), status=400)
    batch(http, part(id="1"), part(id="1"), status=400)


def test_faults_strike_parts_alone(http: httpx.Client) -> None:
    http.post("/_admin/faults", json={"kind": "rate_limit", "retry_after": "2.128", "path": EVENTS, "times": 1})
    http.post("/_admin/faults", json={"kind": "server_error", "status": 503, "path": EVENTS, "times": 1})
    found = batch(http, part(), part(), part())
    assert [found[str(n)]["status"] for n in range(3)] == [429, 503, 201]
    assert found["0"]["headers"]["Retry-After"] == "2.128"
    assert found["1"]["body"]["error"]["code"] == "ConcurrentItemSave"


def test_the_time_of_a_batch_is_that_of_its_longest_chain(sandbox: Sandbox, http: httpx.Client) -> None:
    waited: list[float] = []
    with httpx.Client(transport=Direct(sandbox, waited.append), base_url=http.base_url, headers=http.headers) as slow:
        slow.post("/_admin/faults", json={"kind": "latency", "seconds": 0.05, "rate": 1})
        batch(slow, part(), part(), part())
        batch(slow, part(), part(dependsOn=["0"]), part(dependsOn=["1"]))
        slow.get(EVENTS)
    assert waited == pytest.approx([2 * 0.05, 4 * 0.05, 0.05])


def test_requests_of_ten_minutes_are_counted(http: httpx.Client, clock: Any) -> None:
    switch(http, "settings", requests=3, retry_after="2.5")
    assert [http.get(EVENTS).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = http.get(EVENTS)
    assert (code(answer), answer.headers["retry-after"]) == ((429, "TooManyRequests"), "2.5")
    assert http.get(EVENTS.replace(CARMEN, DAN)).status_code == 200
    clock.now += 600
    assert http.get(EVENTS).status_code == 200


def schedules(http: httpx.Client, *names: str, **more: Any) -> httpx.Response:
    times = {"startTime": moment("2026-10-10T00:00:00"), "endTime": moment("2026-10-11T00:00:00")}
    body = {"schedules": [*names], **times, **more}
    return http.post(f"/v1.0/users/{CARMEN}/calendar/getSchedule", json=body)


def test_schedules_are_told_each_with_its_own_error(http: httpx.Client) -> None:
    made(http)
    made(http, showAs="free", start=moment("2026-10-10T20:00:00"), end=moment("2026-10-10T21:00:00"))
    switch(http, "access", mailbox=DAN, access="silent")
    mine, silent, unknown = schedules(http, CARMEN, DAN, "x@accord.test").json()["value"]
    assert [one["status"] for one in mine["scheduleItems"]] == ["busy", "free"]
    assert mine["scheduleItems"][0]["start"] == moment("2026-10-10T10:00:00.0000000")
    assert mine["availabilityView"] == "0" * 20 + "22" + "0" * 26
    assert "scheduleItems" not in silent
    assert unknown["error"]["responseCode"] == "ErrorMailRecipientNotFound"
    assert schedules(http, *["x"] * 21).json()["error"]["code"] == "ErrorMailboxDataArrayTooBig"
    long = schedules(http, CARMEN, endTime=moment("2026-12-12T00:00:00"))
    assert code(long) == (400, "ErrorTimeIntervalTooBig")
    assert schedules(http, CARMEN, availabilityViewInterval=4).status_code == 400


def test_more_than_a_thousand_entries_are_too_many(http: httpx.Client, sandbox: Sandbox) -> None:
    store, mailbox = sandbox.microsoft.store, sandbox.microsoft.store.mailboxes[CARMEN]
    found = mailbox.events[made(http)["id"]]
    for _ in range(1_000):
        store.add(mailbox, type(found)(id="", start=found.start, end=found.end))
    [one] = schedules(http, CARMEN).json()["value"]
    assert one["error"]["responseCode"] == "5006"


@pytest.mark.parametrize(
    ("access", "status", "name"),
    [("denied", 403, "ErrorAccessDenied"), ("disabled", 404, "MailboxNotEnabledForRESTAPI")],
)
def test_a_mailbox_may_be_closed(http: httpx.Client, access: str, status: int, name: str) -> None:
    switch(http, "access", mailbox=CARMEN, access=access)
    for answer in (http.get(EVENTS), http.post(EVENTS, json=event()), http.get(f"{DELTA}?{WINDOW}")):
        assert code(answer) == (status, name)
    assert code(http.get(EVENTS.replace(CARMEN, "x@accord.test"))) == (404, "ErrorInvalidUser")
    assert http.get("/v1.0/planets").status_code == 404


def test_what_a_person_does_in_outlook(http: httpx.Client) -> None:
    given = {"mailbox": CARMEN, "subject": "Own", "start": "2026-10-12T10:00:00", "end": "2026-10-12T11:00:00"}
    id = switch(http, "events", **given)["id"]
    moved = switch(http, "move", mailbox=CARMEN, id=id, start="2026-10-13", end="2026-10-14")
    assert (moved["isAllDay"], moved["start"]["dateTime"][:10]) == (True, "2026-10-13")
    assert switch(http, "retitle", mailbox=CARMEN, id=id, subject="Other", place="Here")["subject"] == "Other"
    assert [one["id"] for one in http.get(f"/_admin/events?mailbox={CARMEN}").json()["value"]] == [id]
    assert switch(http, "cancel", mailbox=CARMEN, id=id)["isCancelled"] is True
    assert switch(http, "delete", mailbox=CARMEN, id=id) == {"deleted": id}
    assert http.get("/_admin/truth").json()["people"][CARMEN]["events"] == 0
    for what, wrong in (("move", {"id": "x"}), ("expire", {"how": "x"}), ("access", {"access": "x"})):
        assert http.post(f"/_admin/{what}", json={"mailbox": CARMEN} | wrong).status_code == 400
    assert http.post("/_admin/events", json={"mailbox": "x"}).status_code == 400


def test_people_have_plans_of_their_own(clock: Any) -> None:
    sandbox = build(now=clock, payments=5)
    for mailbox in sandbox.microsoft.store.mailboxes.values():
        subjects = [one.subject for one in mailbox.events.values()]
        assert len(subjects) == 6
        assert sum(one.recurrence is not None for one in mailbox.events.values()) == 1


def test_all_is_there_after_a_restart(tmp_path: Any, clock: Any) -> None:
    sandbox = build(now=clock, payments=0, state=tmp_path / "s.json")
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox.test/microsoft") as http:
        http.headers["authorization"] = f"Bearer {login(http).json()['access_token']}"
        found = made(http, transactionId="t1")
        link = http.get(f"{DELTA}?{WINDOW}").json()["@odata.deltaLink"]
        switch(http, "settings", duplicate="400")
        sandbox.save()
        http._transport = Direct(build(now=clock, payments=0, state=tmp_path / "s.json"))
        assert http.get(f"{EVENTS}/{found['id']}", headers=IMMUTABLE).json() == found
        assert http.get(link).json()["value"] == []
        assert http.post(EVENTS, json=event(transactionId="t1")).status_code == 400


def test_the_front_page_says_how_to_get_in(sandbox: Sandbox) -> None:
    from accord.sandbox.microsoft import page

    sandbox.microsoft.faults.add({"kind": "latency"})
    shown = page.render(sandbox.microsoft, "http://127.0.0.1:4300")
    for text in (tokens.CLIENT_ID, tokens.CLIENT_SECRET, CARMEN, "http://127.0.0.1:4300/microsoft/v1.0", "latency"):
        assert text in shown
