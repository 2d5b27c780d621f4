"""The sandbox's Google: lists and their tokens, series, when people are taken."""

import pytest

EVENTS = "/calendar/v3/calendars/ana%40accord.test/events"


@pytest.fixture
def http(google):
    return google


def reason(answer):
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def make(http, day="2026-10-10", **more):
    body = {
        "summary": "Visit",
        "start": {"dateTime": f"{day}T10:00:00", "timeZone": "Europe/Bucharest"},
        "end": {"dateTime": f"{day}T11:00:00", "timeZone": "Europe/Bucharest"},
    }
    answer = http.post(EVENTS, json=body | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(http, **params):
    answer = http.get(EVENTS, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(page):
    return [row["id"] for row in page["items"]]


def test_a_token_comes_with_the_last_page_only(http):
    made = [make(http)["id"] for _ in range(5)]
    page, seen = listed(http, maxResults=2), []
    while True:
        seen += ids(page)
        if "nextPageToken" not in page:
            break
        assert "nextSyncToken" not in page
        page = listed(http, maxResults=2, pageToken=page["nextPageToken"])
    assert seen == made
    assert "nextSyncToken" in page


def test_changes_are_told_once_each_also_deletions(http):
    first, second = make(http)["id"], make(http)["id"]
    token = listed(http)["nextSyncToken"]
    for title in ("a", "b"):
        http.patch(f"{EVENTS}/{first}", json={"summary": title})
    http.delete(f"{EVENTS}/{second}")
    page = listed(http, syncToken=token)
    assert [(row["id"], row["status"]) for row in page["items"]] == [(first, "confirmed"), (second, "cancelled")]
    assert page["items"][0]["summary"] == "b"
    assert page["items"][1].keys() == {"kind", "id", "etag", "status"}
    assert listed(http, syncToken=page["nextSyncToken"])["items"] == []
    assert ids(listed(http)) == [first], "what is deleted is not on a list of everything"
    assert ids(listed(http, showDeleted="true")) == [first, second]


def test_what_changes_while_pages_are_read_comes_with_the_token(http):
    made = [make(http)["id"] for _ in range(4)]
    page = listed(http, maxResults=2)
    http.patch(f"{EVENTS}/{made[0]}", json={"summary": "late"})
    last = listed(http, maxResults=2, pageToken=page["nextPageToken"])
    assert made[0] in ids(listed(http, syncToken=last["nextSyncToken"]))


@pytest.mark.parametrize(
    "param",
    [
        {"timeMin": "2026-10-10T00:00:00Z"},
        {"timeMax": "2026-10-10T00:00:00Z"},
        {"updatedMin": "2026-09-20T00:00:00Z"},
        {"q": "x"},
        {"orderBy": "updated"},
        {"iCalUID": "x"},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "a=b"},
        {"showDeleted": "false"},
    ],
)
def test_what_does_not_go_with_a_token(http, param):
    token = listed(http)["nextSyncToken"]
    assert reason(http.get(EVENTS, params={"syncToken": token, **param})) == (400, "invalid")


@pytest.mark.parametrize("param", [{"singleEvents": "true"}, {"maxAttendees": "2"}, {"eventTypes": "default"}])
def test_a_token_is_bound_to_the_parameters_of_its_list(http, param):
    token = listed(http)["nextSyncToken"]
    assert reason(http.get(EVENTS, params={"syncToken": token, **param})) == (400, "invalid")
    own = listed(http, maxAttendees="2")["nextSyncToken"]
    assert listed(http, syncToken=own, maxAttendees="2", maxResults="7", fields="items")["items"] == []


@pytest.mark.parametrize("why", ["fullSyncRequired", "updatedMinTooLongAgo", "deleted"])
def test_the_ways_in_which_a_token_dies(http, why):
    token = listed(http)["nextSyncToken"]
    http.post("/_admin/forget", data={"calendar": "ana@accord.test", "reason": why}).raise_for_status()
    assert reason(http.get(EVENTS, params={"syncToken": token})) == (410, why)
    assert listed(http, syncToken=listed(http)["nextSyncToken"])["items"] == []


def test_changes_since_a_time_reach_thirty_days_back(http):
    make(http)
    assert len(ids(listed(http, updatedMin="2026-09-01T00:00:00Z"))) == 1
    far = http.get(EVENTS, params={"updatedMin": "2026-08-01T00:00:00Z"})
    assert reason(far) == (410, "updatedMinTooLongAgo")


@pytest.mark.parametrize(
    "params",
    [
        {"syncToken": "x"},
        {"pageToken": "!!"},
        {"maxResults": "0"},
        {"maxResults": "x"},
        {"timeMin": "2026-10-10"},
        {"timeMin": "2026-10-11T00:00:00Z", "timeMax": "2026-10-10T00:00:00Z"},
        {"orderBy": "startTime"},
    ],
)
def test_lists_that_can_not_be(http, params):
    assert http.get(EVENTS, params=params).status_code == 400


def test_no_token_where_an_order_is_asked_for(http):
    assert "nextSyncToken" not in listed(http, orderBy="updated")


def test_an_empty_page_may_lead_on(http):
    made = make(http)["id"]
    http.post("/_admin/settings", data={"empty_page": "true"})
    page = listed(http)
    assert page["items"] == []
    assert ids(listed(http, pageToken=page["nextPageToken"])) == [made]


def test_events_are_found_by_their_properties(http):
    mine = make(http, extendedProperties={"private": {"a": "1=2", "b": "x"}})["id"]
    make(http, extendedProperties={"shared": {"a": "1=2"}})
    assert ids(listed(http, privateExtendedProperty="a=1=2")) == [mine]
    assert ids(listed(http, privateExtendedProperty=["a=1=2", "b=y"])) == []
    assert ids(listed(http, privateExtendedProperty="a=1")) == []


def occurrences(http, rule, **more):
    series = make(http, "2026-10-19", recurrence=[f"RRULE:{rule}"], **more)["id"]
    page = listed(http, singleEvents="true", timeMin="2026-10-01T00:00:00Z", timeMax="2026-12-01T00:00:00Z")
    assert all(row["recurringEventId"] == series for row in page["items"])
    return [row["start"].get("dateTime", row["start"].get("date")) for row in page["items"]]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        ("FREQ=WEEKLY;COUNT=3", ["10-19", "10-26", "11-02"]),
        ("FREQ=DAILY;INTERVAL=10;COUNT=3", ["10-19", "10-29", "11-08"]),
        ("FREQ=WEEKLY;BYDAY=TU,TH;COUNT=3", ["10-20", "10-22", "10-27"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=4", ["10-19", "10-23", "11-02", "11-06"]),
        ("FREQ=WEEKLY;UNTIL=20261026T080000Z", ["10-19", "10-26"]),
    ],
)
def test_series_keep_their_wall_time_over_the_leap(http, rule, days):
    winter = {"10-26", "10-27", "10-29", "11-02", "11-06", "11-08"}
    assert occurrences(http, rule) == [f"2026-{day}T10:00:00+0{2 if day in winter else 3}:00" for day in days]


def test_days_in_series(http):
    whole = {"start": {"date": "2026-10-19"}, "end": {"date": "2026-10-20"}}
    assert occurrences(http, "FREQ=WEEKLY;COUNT=2", **whole) == ["2026-10-19", "2026-10-26"]


def test_what_is_left_out_moved_or_cancelled_of_a_series(http):
    lines = ["EXDATE;TZID=Europe/Bucharest:20261026T100000"]
    series = make(http, "2026-10-19", recurrence=["RRULE:FREQ=WEEKLY;COUNT=4", *lines])["id"]
    moved = f"{series}_20261102T080000Z"
    hours = {
        "start": {"dateTime": "2026-11-03T15:00:00+02:00"},
        "end": {"dateTime": "2026-11-03T16:00:00+02:00"},
    }
    row = http.patch(f"{EVENTS}/{moved}", json=hours).json()
    assert row["recurringEventId"] == series
    assert row["originalStartTime"]["dateTime"] == "2026-11-02T10:00:00+02:00"
    assert http.delete(f"{EVENTS}/{series}_20261109T080000Z").status_code == 204
    window = {"timeMin": "2026-10-01T00:00:00Z", "timeMax": "2026-12-01T00:00:00Z"}
    page = listed(http, singleEvents="true", **window)
    assert [row["start"]["dateTime"] for row in page["items"]] == [
        "2026-10-19T10:00:00+03:00",
        "2026-11-03T15:00:00+02:00",
    ]
    http.delete(f"{EVENTS}/{series}")
    assert listed(http, singleEvents="true", **window)["items"] == []
    assert reason(http.get(f"{EVENTS}/{series}_20261019T080000Z")) == (404, "notFound")


def busy(http, *calendars, low="2026-10-01T00:00:00Z", high="2026-11-01T00:00:00Z"):
    asked = {"timeMin": low, "timeMax": high, "items": [{"id": one} for one in calendars]}
    answer = http.post("/calendar/v3/freeBusy", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["calendars"]


def test_people_are_taken_by_what_is_neither_free_nor_deleted(http):
    make(http, "2026-10-10")
    make(http, "2026-10-11", transparency="transparent")
    http.delete(f"{EVENTS}/{make(http, '2026-10-12')['id']}")
    make(http, "2026-10-24", recurrence=["RRULE:FREQ=DAILY;COUNT=2"])
    overlapping = {"dateTime": "2026-10-10T11:30:00+03:00"}
    make(http, "2026-10-10", end=overlapping)
    assert busy(http, "ana@accord.test")["ana@accord.test"]["busy"] == [
        {"start": "2026-10-10T07:00:00Z", "end": "2026-10-10T08:30:00Z"},
        {"start": "2026-10-24T07:00:00Z", "end": "2026-10-24T08:00:00Z"},
        {"start": "2026-10-25T08:00:00Z", "end": "2026-10-25T09:00:00Z"},
    ]


def test_only_what_is_within_is_told(http):
    make(http, "2026-10-10")
    found = busy(http, "ana@accord.test", low="2026-10-10T07:30:00Z", high="2026-10-10T07:45:00Z")
    assert found["ana@accord.test"]["busy"] == [{"start": "2026-10-10T07:30:00Z", "end": "2026-10-10T07:45:00Z"}]


def test_a_calendar_that_fails_says_why_in_an_answer_that_does_not(http):
    http.post("/_admin/access", data={"calendar": "bogdan@accord.test", "silent": "internalError"})
    found = busy(http, "ana@accord.test", "bogdan@accord.test", "eve@accord.test", *(f"n{n}@x.test" for n in range(48)))
    reasons = {name: one["errors"][0]["reason"] for name, one in found.items() if "errors" in one}
    assert "ana@accord.test" not in reasons
    assert reasons["bogdan@accord.test"] == "internalError"
    assert reasons["eve@accord.test"] == "notFound"
    assert reasons["n47@x.test"] == "tooManyCalendarsRequested"


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, "required"),
        ({"timeMin": "2026-10-10T00:00:00Z", "timeMax": "2026-10-10T00:00:00Z"}, "timeRangeEmpty"),
        ({"timeMin": "2026-10-10T00:00:00Z", "timeMax": "2026-10-11T00:00:00Z", "items": ["x"]}, "invalid"),
    ],
)
def test_questions_that_are_none(http, asked, why):
    assert reason(http.post("/calendar/v3/freeBusy", json=asked)) == (400, why)
