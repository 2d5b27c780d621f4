"""The sandbox's Google: tokens, batches, limits, faults, what people do by hand, and its state after a restart."""

import base64
import contextlib
import json
from functools import cache

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

from accord.sandbox.app import application, build
from accord.sandbox.direct import Direct
from accord.sandbox.google.tokens import REFRESH_TOKEN, SERVICE_ACCOUNT, Tokens
from accord.sandbox.serve import served

NOW = 1_790_000_000.0
EVENTS = "/calendar/v3/calendars/ana%40accord.test/events"
TIMES = {"start": {"date": "2026-10-10"}, "end": {"date": "2026-10-11"}}


@pytest.fixture
def http(google):
    return google


def reason(answer):
    return answer.status_code, answer.json()["error"]["errors"][0]["reason"]


def refused(answer):
    return answer.status_code, answer.json()["error"]


# Tokens


@pytest.mark.parametrize(
    ("given", "status", "error"),
    [
        ({"refresh_token": "x"}, 400, "invalid_grant"),
        ({"client_secret": "x"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_a_consent_that_is_none(http, consent, given, status, error):
    assert refused(http.post("/token", data=consent | given)) == (status, error)


def test_a_consent_may_be_withdrawn(http, consent):
    http.post("/_admin/settings", data={"consent": "false"})
    assert refused(http.post("/token", data=consent)) == (400, "invalid_grant")
    assert http.get(EVENTS).status_code == 200, "tokens that were given out go on"
    http.post("/_admin/revoke")
    assert reason(http.get(EVENTS)) == (401, "authError")


def test_a_token_lasts_an_hour(http, clock):
    assert http.get(EVENTS).status_code == 200
    clock.now += 3_600
    assert reason(http.get(EVENTS)) == (401, "authError")


@cache
def pem():
    return Tokens(1).key_file("")["private_key"]


def assertion(sandbox, key="", **claims):
    sandbox.google.tokens.key = pem()
    account = sandbox.google.tokens.key_file("http://sandbox.test/google/token")
    usual = {
        "iss": account["client_email"],
        "sub": "ana@accord.test",
        "aud": account["token_uri"],
        "scope": "https://www.googleapis.com/auth/calendar.events",
        "iat": int(NOW),
        "exp": int(NOW) + 3_600,
    }
    head = {"alg": claims.pop("alg", "RS256"), "typ": "JWT", "kid": claims.pop("kid", account["private_key_id"])}
    body = {name: value for name, value in (usual | claims).items() if value is not None}
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (head, body))
    private = serialization.load_pem_private_key((key or account["private_key"]).encode(), None)
    signature = base64.urlsafe_b64encode(private.sign(signed, padding.PKCS1v15(), hashes.SHA256())).rstrip(b"=")
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": (signed + b"." + signature).decode(),
    }


def test_a_service_account_acts_for_a_person(sandbox, http):
    given = http.post("/token", data=assertion(sandbox)).json()
    assert given.keys() == {"access_token", "expires_in", "scope", "token_type"}
    http.headers["authorization"] = f"Bearer {given['access_token']}"
    row = http.post("/calendar/v3/calendars/primary/events", json=TIMES).json()
    assert row["creator"] == {"email": "ana@accord.test"}
    assert http.get("/calendar/v3/calendars/bogdan@accord.test/events").status_code == 404
    assert reason(http.post("/calendar/v3/freeBusy", json={})) == (403, "insufficientPermissions")


@pytest.mark.parametrize(
    ("claims", "status", "error"),
    [
        ({"sub": "eve@accord.test"}, 400, "invalid_grant"),
        ({"iss": "other@x.test"}, 400, "invalid_grant"),
        ({"aud": "https://elsewhere.test"}, 400, "invalid_grant"),
        ({"iat": int(NOW) + 3_000, "exp": int(NOW) + 4_000}, 400, "invalid_grant"),
        ({"exp": int(NOW) + 9_000}, 400, "invalid_grant"),
        ({"iat": int(NOW) - 9_000, "exp": int(NOW) - 6_000}, 400, "invalid_grant"),
        ({"exp": None}, 400, "invalid_grant"),
        ({"alg": "none"}, 400, "invalid_grant"),
        ({"kid": "x"}, 400, "invalid_grant"),
        ({"scope": ""}, 401, "unauthorized_client"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, 401, "unauthorized_client"),
    ],
)
def test_assertions_that_are_none(sandbox, http, claims, status, error):
    assert refused(http.post("/token", data=assertion(sandbox, **claims))) == (status, error)


def test_a_signature_is_checked(sandbox, http):
    other = Tokens(2).key_file("")["private_key"]
    assert refused(http.post("/token", data=assertion(sandbox, key=other))) == (400, "invalid_grant")
    good = assertion(sandbox)
    for text in ("", "a.b", "!.!.!", good["assertion"][:-8] + "AAAAAAAA"):
        assert refused(http.post("/token", data=good | {"assertion": text})) == (400, "invalid_grant")


def test_delegation_may_be_taken_away(sandbox, http):
    http.post("/_admin/settings", data={"delegated": "false"})
    assert refused(http.post("/token", data=assertion(sandbox))) == (401, "unauthorized_client")
    alone = http.post("/token", data=assertion(sandbox, sub=SERVICE_ACCOUNT)).json()
    http.headers["authorization"] = f"Bearer {alone['access_token']}"
    assert reason(http.get(EVENTS)) == (404, "notFound")


# Batches


def batch(http, *calls, edge="e"):
    """The statuses of calls (method, path, body), by their numbers."""
    parts = [
        f"--{edge}\r\nContent-Type: application/http\r\nContent-ID: <n{number}>\r\n\r\n{method} {path} HTTP/1.1\r\n"
        f"Content-Type: application/json\r\n\r\n{json.dumps(body) if body is not None else ''}\r\n"
        for number, (method, path, body) in enumerate(calls)
    ]
    content = "".join([*parts, f"--{edge}--"])
    return http.post(
        "/batch/calendar/v3", content=content, headers={"content-type": f"multipart/mixed; boundary={edge}"}
    )


def parts(answer):
    edge = answer.headers["content-type"].partition("boundary=")[2]
    found = {}
    for part in answer.text.split(f"--{edge}")[1:-1]:
        name = part.partition("Content-ID: <response-n")[2].partition(">")[0]
        found[int(name)] = int(part.partition("HTTP/1.1 ")[2][:3])
    return found


def test_each_call_of_a_batch_is_answered_for_itself_in_no_order(http):
    calls = [("POST", EVENTS, {"id": f"event{number}", **TIMES}) for number in range(20)]
    answer = batch(http, *calls, ("POST", EVENTS, calls[0][2]), ("GET", f"{EVENTS}/nothing", None), ("GET", "/x", None))
    assert answer.status_code == 200
    found = parts(answer)
    assert [found[number] for number in range(23)] == [200] * 20 + [409, 404, 404]
    assert list(found) != sorted(found)
    assert parts(batch(http, ("DELETE", f"{EVENTS}/event1", None))) == {0: 204}


def test_a_batch_has_no_more_than_a_thousand_calls(http):
    assert reason(batch(http, *[("GET", EVENTS, None)] * 1_001)) == (400, "badRequest")


@pytest.mark.parametrize(
    ("content", "kind"),
    [("", "multipart/mixed; boundary=e"), ("--e\r\n", "multipart/mixed; boundary=e"), ("{}", "application/json")],
)
def test_batches_that_can_not_be_read(http, content, kind):
    answer = http.post("/batch/calendar/v3", content=content, headers={"content-type": kind})
    assert reason(answer) == (400, "badRequest")


def test_a_batch_without_a_token(http):
    http.headers["authorization"] = "Bearer x"
    assert parts(batch(http, ("GET", EVENTS, None))) == {0: 401}


# Limits and faults


@pytest.mark.parametrize(("status", "why"), [(403, "userRateLimitExceeded"), (429, "rateLimitExceeded")])
def test_calls_of_a_minute_are_counted_for_each_person(sandbox, http, clock, status, why):
    http.post("/_admin/settings", data={"per_minute": "5", "limit_status": str(status)})
    assert [http.get(EVENTS).status_code for _ in range(5)] == [200] * 5
    assert reason(http.get(EVENTS)) == (status, why)
    ana = {"authorization": f"Bearer {http.post('/token', data=assertion(sandbox)).json()['access_token']}"}
    assert http.get(EVENTS, headers=ana).status_code == 200
    clock.now += 59
    assert http.get(EVENTS).status_code == status
    clock.now += 2
    assert http.get(EVENTS).status_code == 200


def test_calls_of_a_batch_count_each_and_mending_for_three(http):
    http.post("/_admin/settings", data={"per_minute": "5"})
    calls = [("POST", EVENTS, {"id": "event1", **TIMES}), ("PATCH", f"{EVENTS}/event1", {}), ("GET", EVENTS, None)]
    assert parts(batch(http, *calls, ("GET", EVENTS, None))) == {0: 200, 1: 200, 2: 200, 3: 403}


def test_a_fault_may_strike_some_calls_of_a_batch(http):
    http.post("/_admin/faults", json={"kind": "rate_limit", "status": 403, "path": "/calendar/v3", "times": 2})
    assert sorted(parts(batch(http, *[("GET", EVENTS, None)] * 5)).values()) == [200, 200, 200, 403, 403]
    http.post("/_admin/faults", json={"kind": "server_error", "status": 409, "value": "conflict", "path": "/calendar"})
    assert sorted(parts(batch(http, *[("GET", EVENTS, None)] * 2)).values()) == [200, 409]


@pytest.mark.parametrize("kind", ["drop_answer", "html_502", "truncated_json", "drop_midway"])
def test_what_was_done_stays_done_whatever_becomes_of_the_answer(http, kind):
    http.post("/_admin/faults", json={"kind": kind, "path": "/google/batch"})
    with contextlib.suppress(httpx.RemoteProtocolError):
        batch(http, ("POST", EVENTS, {"id": "event1", **TIMES}))
    assert http.get(f"{EVENTS}/event1").status_code == 200


def test_other_faults(http):
    for fault, answered in (
        ({"kind": "unauthorized"}, (401, "authError")),
        ({"kind": "rate_limit", "value": "quotaExceeded", "status": 403}, (403, "quotaExceeded")),
        ({"kind": "server_error", "status": 503}, (503, "backendError")),
    ):
        http.post("/_admin/faults", json=fault)
        assert reason(http.get(EVENTS)) == answered
    http.post("/_admin/faults", json={"kind": "redirect"})
    assert http.get(EVENTS).status_code == 302
    http.post("/_admin/faults", json={"kind": "drop_before"})
    with pytest.raises(httpx.RemoteProtocolError):
        http.get(EVENTS)


# What people do, and what is kept


def test_what_people_do_by_hand(http):
    own = {"calendar": "ana@accord.test", "start": "2026-10-10T10:00:00", "end": "2026-10-10T11:00:00"}
    row = http.post("/_admin/make", data=own | {"title": "Run", "rule": "FREQ=WEEKLY;COUNT=2"}).json()
    assert (row["summary"], row["recurrence"]) == ("Run", ["RRULE:FREQ=WEEKLY;COUNT=2"])
    named = {"calendar": "ana@accord.test", "id": row["id"]}
    row = http.post("/_admin/change", data=named | {"title": "Walk", "place": "Park"}).json()
    assert (row["summary"], row["location"], row["start"]["dateTime"]) == ("Walk", "Park", "2026-10-10T10:00:00+03:00")
    row = http.post("/_admin/change", json=named | {"start": "2026-10-12", "end": "2026-10-13"}).json()
    assert row["start"] == {"date": "2026-10-12"}
    row = http.post("/_admin/change", json=named | {"guests": ["dan@x.test"], "notes": "x"}).json()
    assert row["attendees"][0]["responseStatus"] == "accepted"
    assert http.post("/_admin/delete", data=named).json() == {"deleted": row["id"]}
    shown = http.get("/_admin/truth").json()["calendars"]["ana@accord.test"]
    assert shown == {"events": 0, "deleted": 1, "series": 0, "gone": False}


@pytest.mark.parametrize(
    ("what", "given", "said"),
    [
        ("make", {"calendar": "eve@accord.test"}, "no such calendar; there are ana@accord.test"),
        ("change", {"calendar": "ana@accord.test", "id": "x"}, "Not Found"),
        ("change", {"calendar": "ana@accord.test", "id": "x", "start": "2026-10-10"}, "both start and end"),
        ("make", {"calendar": "ana@accord.test", "start": "soon", "end": "later"}, "start.dateTime"),
        ("delete", {"calendar": "ana@accord.test"}, "Not Found"),
        ("forget", {"reason": "x"}, "reason is fullSyncRequired"),
        ("settings", {"colour": "x"}, "colour"),
    ],
)
def test_what_people_can_not_do_is_told(http, what, given, said):
    answer = http.post(f"/_admin/{what}", data=given)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_a_calendar_may_go_and_come_back(http):
    http.post("/_admin/access", data={"calendar": "ana@accord.test", "gone": "true"})
    assert reason(http.get(EVENTS)) == (404, "notFound")
    http.post("/_admin/access", data={"calendar": "ana@accord.test", "gone": "false"})
    assert http.get(EVENTS).status_code == 200


def test_people_have_plans_of_their_own_from_the_beginning():
    sandbox = build(now=lambda: NOW, payments=5)
    for person in ("ana@accord.test", "bogdan@accord.test"):
        rows = list(sandbox.google.store.calendars[person].living())
        assert len(rows) >= 3
        assert sum("recurrence" in row for row in rows) == 1
    again = build(now=lambda: NOW, payments=5)
    assert again.google.dump() == sandbox.google.dump()


def test_all_is_there_after_a_restart(tmp_path, open_google):
    path = tmp_path / "sandbox.json"
    sandbox = build(now=lambda: NOW, payments=5, state=path)
    http = open_google(sandbox)
    sandbox.google.tokens.key = pem()
    http.post("/_admin/settings", data={"per_minute": "600"})
    token = http.get(EVENTS).json()["nextSyncToken"]
    http.post(EVENTS, json={"id": "event1", **TIMES})
    sandbox.save()
    again = httpx.Client(
        transport=Direct(build(now=lambda: NOW, payments=5, state=path)),
        base_url="http://sandbox.test/google",
        headers={"authorization": http.headers["authorization"]},
    )
    for path_ in ("/_admin/settings", "/_admin/truth", "/_admin/service-account", EVENTS):
        assert again.get(path_).json() == http.get(path_).json()
    assert [row["id"] for row in again.get(EVENTS, params={"syncToken": token}).json()["items"]] == ["event1"]


def test_over_a_socket_with_its_page(consent):
    with served(application(build(payments=5))) as url, httpx.Client(base_url=url, trust_env=False) as http:
        token = http.post("/google/token", data=consent).json()["access_token"]
        page = http.get(f"/google{EVENTS}", headers={"authorization": f"Bearer {token}"}).json()
        assert page["summary"] == "ana@accord.test"
        assert len(http.get("/google/_admin/events/ana@accord.test").json()["items"]) == len(page["items"])
        front = http.get("/").text
        for said in ("Google Calendar", REFRESH_TOKEN, "ana@accord.test", f"{url}/google/token"):
            assert said in front
