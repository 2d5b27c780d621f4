"""The sandbox's Google: events, their ids, etags, times and what is left of them when they are deleted."""

import pytest

from accord.sandbox.google.tokens import OFFICE

EVENTS = "/calendar/v3/calendars/ana%40accord.test/events"
AT_TEN = {
    "start": {"dateTime": "2026-10-10T10:00:00+03:00", "timeZone": "Europe/Bucharest"},
    "end": {"dateTime": "2026-10-10T11:00:00+03:00", "timeZone": "Europe/Bucharest"},
}


@pytest.fixture
def http(google):
    return google


def reason(answer):
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def make(http, **more):
    answer = http.post(EVENTS, json={"summary": "Visit"} | AT_TEN | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_an_event_as_google_shows_it(http):
    row = make(http, id="abcde")
    assert row == {
        "kind": "calendar#event",
        "id": "abcde",
        "etag": row["etag"],
        "status": "confirmed",
        "htmlLink": row["htmlLink"],
        "created": "2026-09-21T14:13:20.000Z",
        "updated": "2026-09-21T14:13:20.000Z",
        "summary": "Visit",
        "creator": {"email": OFFICE},
        "organizer": {"email": "ana@accord.test", "self": True},
        "iCalUID": "abcde@google.com",
        "sequence": 0,
        "reminders": {"useDefault": True},
        "eventType": "default",
        **AT_TEN,
    }
    assert row["etag"].startswith('"')
    assert http.get(f"{EVENTS}/abcde").json() == row


@pytest.mark.parametrize("id", ["abcd", "ABCDE", "abc-de", "xyzzy", "a" * 1_025, 5])
def test_ids_are_base32hex_of_some_length(http, id):
    assert reason(http.post(EVENTS, json={"id": id, **AT_TEN})) == (400, "invalid")


def test_an_id_is_given_once_for_ever(http):
    make(http, id="abcde")
    assert reason(http.post(EVENTS, json={"id": "abcde", **AT_TEN})) == (409, "duplicate")
    assert http.delete(f"{EVENTS}/abcde").status_code == 204
    assert reason(http.post(EVENTS, json={"id": "abcde", **AT_TEN})) == (409, "duplicate")


def test_what_is_left_of_a_deleted_event(http):
    etag = make(http, id="abcde")["etag"]
    http.delete(f"{EVENTS}/abcde")
    left = http.get(f"{EVENTS}/abcde").json()
    assert left == {"kind": "calendar#event", "id": "abcde", "etag": left["etag"], "status": "cancelled"}
    assert left["etag"] != etag
    assert reason(http.delete(f"{EVENTS}/abcde")) == (410, "deleted")
    assert reason(http.patch(f"{EVENTS}/abcde", json={"summary": "x"})) == (410, "deleted")
    assert http.patch(f"{EVENTS}/abcde", json={"status": "confirmed", **AT_TEN}).json()["status"] == "confirmed"


def test_a_change_may_be_of_what_its_etag_knows_only(http):
    row = make(http, id="abcde")
    for method, body in (("PATCH", {"summary": "x"}), ("PUT", AT_TEN), ("DELETE", None)):
        answer = http.request(method, f"{EVENTS}/abcde", json=body, headers={"if-match": '"1"'})
        assert reason(answer) == (412, "conditionNotMet")
    assert http.get(f"{EVENTS}/abcde").json() == row
    patched = http.patch(f"{EVENTS}/abcde", json={"summary": "x"}, headers={"if-match": row["etag"]}).json()
    assert patched["etag"] != row["etag"]
    assert http.delete(f"{EVENTS}/abcde", headers={"if-match": patched["etag"]}).status_code == 204


def test_what_is_known_already_is_not_sent_again(http):
    etag = make(http, id="abcde")["etag"]
    assert http.get(f"{EVENTS}/abcde", headers={"if-none-match": etag}).status_code == 304
    assert http.get(f"{EVENTS}/abcde", headers={"if-none-match": '"1"'}).status_code == 200


def test_a_patch_merges_and_puts_lists_in_the_place_of_lists(http):
    make(
        http,
        id="abcde",
        location="Room",
        attendees=[{"email": "a@x.test"}, {"email": "b@x.test"}],
        extendedProperties={"private": {"a": "1", "b": "2"}},
    )
    change = {"location": None, "attendees": [{"email": "c@x.test"}], "extendedProperties": {"private": {"b": "3"}}}
    row = http.patch(f"{EVENTS}/abcde", json=change).json()
    assert "location" not in row
    assert row["attendees"] == [{"email": "c@x.test"}]
    assert row["extendedProperties"] == {"private": {"a": "1", "b": "3"}}
    assert row["summary"] == "Visit"


def test_a_put_leaves_nothing_that_it_does_not_name(http):
    before = make(http, id="abcde", location="Room", colorId="11", extendedProperties={"private": {"a": "1"}})
    row = http.put(f"{EVENTS}/abcde", json=AT_TEN).json()
    assert not {"location", "colorId", "extendedProperties", "summary"} & row.keys()
    assert all(row[name] == before[name] for name in ("id", "iCalUID", "created", "creator", "organizer"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"end": {"dateTime": "2026-10-10T09:00:00+03:00"}}, "timeRangeEmpty"),
        ({"start": {"date": "2026-10-10"}}, "invalid"),
        ({"start": {"date": "2026-10-10"}, "end": {"date": "2026-10-10"}}, "timeRangeEmpty"),
        ({"start": {"date": "2026-10-10", "dateTime": "2026-10-10T10:00:00Z"}}, "invalid"),
        ({"start": {"dateTime": "2026-10-10T10:00:00"}}, "required"),
        ({"start": {"dateTime": "2026-10-10T10:00:00", "timeZone": "GTB Standard Time"}}, "invalid"),
        ({"start": {"dateTime": "soon"}}, "invalid"),
        ({"start": {}}, "invalid"),
        ({"start": "2026-10-10"}, "required"),
        ({"summary": 5}, "invalid"),
        ({"status": "perhaps"}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=YEARLY"]}, "invalid"),
        ({"recurrence": ["RRULE:FREQ=DAILY"], "start": {"dateTime": "2026-10-10T10:00:00Z"}}, "required"),
        ({"extendedProperties": {"private": {"k" * 45: "v"}}}, "invalid"),
        ({"extendedProperties": {"private": {"k": "v" * 1_025}}}, "invalid"),
        ({"extendedProperties": {"private": {f"k{n}": "" for n in range(301)}}}, "invalid"),
        ({"extendedProperties": {"private": {f"k{n}": "v" * 1_000 for n in range(33)}}}, "invalid"),
    ],
)
def test_what_is_no_event(http, change, said):
    assert reason(http.post(EVENTS, json=AT_TEN | change)) == (400, said)
    make(http, id="abcde")
    assert reason(http.put(f"{EVENTS}/abcde", json=AT_TEN | change)) == (400, said)


def test_times_are_shown_in_the_calendars_zone(http):
    moment = {"dateTime": "2026-10-25T03:30:00", "timeZone": "Europe/Bucharest"}
    row = make(http, start=moment, end=moment | {"dateTime": "2026-10-25T02:30:00Z", "timeZone": "UTC"})
    assert row["start"] == {"dateTime": "2026-10-25T03:30:00+03:00", "timeZone": "Europe/Bucharest"}
    assert row["end"] == {"dateTime": "2026-10-25T04:30:00+02:00", "timeZone": "UTC"}


def test_a_day_may_become_a_time(http):
    make(http, id="abcde")
    days = {"start": {"date": "2026-10-10", "dateTime": None}, "end": {"date": "2026-10-12", "dateTime": None}}
    row = http.patch(f"{EVENTS}/abcde", json=days).json()
    assert (row["start"], row["end"]) == ({"date": "2026-10-10"}, {"date": "2026-10-12"})
    both = {"start": {"dateTime": "2026-10-10T10:00:00Z"}}
    assert reason(http.patch(f"{EVENTS}/abcde", json=both)) == (400, "invalid")


def test_guests_are_shown_up_to_so_many(http):
    make(http, id="abcde", attendees=[{"email": "a@x.test"}, {"email": "ana@accord.test", "self": True}])
    row = http.get(f"{EVENTS}/abcde?maxAttendees=1").json()
    assert row["attendees"] == [{"email": "ana@accord.test", "self": True}]
    assert row["attendeesOmitted"] is True


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ("id", {"id": "abcde"}),
        ("id,start/timeZone", {"id": "abcde", "start": {"timeZone": "Europe/Bucharest"}}),
        ("start(timeZone),nothing", {"start": {"timeZone": "Europe/Bucharest"}}),
        ("extendedProperties/private/a", {"extendedProperties": {"private": {"a": "1"}}}),
        ("start(timeZone),end", {"start": {"timeZone": "Europe/Bucharest"}, "end": AT_TEN["end"]}),
    ],
)
def test_partial_answers(http, fields, shown):
    make(http, id="abcde", extendedProperties={"private": {"a": "1", "b": "2"}})
    assert http.get(f"{EVENTS}/abcde", params={"fields": fields}).json() == shown


@pytest.mark.parametrize("fields", ["", "items(", "a)", "a b", "(a)b", ",,"])
def test_a_selection_that_is_none(http, fields):
    make(http, id="abcde")
    assert reason(http.get(f"{EVENTS}/abcde", params={"fields": fields})) == (400, "invalidParameter")


def test_what_is_not_there_or_not_shared(http):
    assert reason(http.get(f"{EVENTS}/abcde")) == (404, "notFound")
    assert reason(http.get("/calendar/v3/calendars/eve@accord.test/events")) == (404, "notFound")
    assert reason(http.get("/calendar/v3/nothing")) == (404, "notFound")
    assert http.get("/calendar/v3/calendars/primary/events").json()["summary"] == OFFICE
    http.post("/_admin/access", data={"calendar": "ana@accord.test", "user": OFFICE, "role": "reader"})
    assert reason(http.post(EVENTS, json=AT_TEN)) == (403, "requiredAccessLevel")
    http.post("/_admin/access", data={"calendar": "ana@accord.test", "user": OFFICE, "role": ""})
    assert reason(http.get(EVENTS)) == (404, "notFound")


def test_a_body_that_is_no_json(http):
    assert reason(http.post(EVENTS, content=b"{")) == (400, "parseError")
