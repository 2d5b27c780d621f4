import gzip
import json

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.wire import gzip_bomb

NOW = 1_790_000_000.0
URL = "/v1/charges"


@pytest.fixture(scope="module")
def sandbox():
    return build(now=lambda: NOW, payments=60)


@pytest.fixture
def stripe(sandbox):
    headers = {"authorization": "Bearer sk_test_sandbox_full"}
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox/stripe", headers=headers) as client:
        yield client
        client.delete("/_admin/faults")


def switch(stripe, **fault):
    answer = stripe.post("/_admin/faults", json=fault)
    assert answer.status_code == 200, answer.text
    return answer.json()


def statuses(stripe, times, url=URL):
    return [stripe.get(url).status_code for _ in range(times)]


def test_a_switch_strikes_once_or_as_often_as_it_says(stripe):
    switch(stripe, kind="server_error")
    assert statuses(stripe, 2) == [500, 200]
    switch(stripe, kind="server_error", times=2, status=503)
    assert statuses(stripe, 3) == [503, 503, 200]


def test_a_rate_stays_until_it_is_cleared(stripe):
    switch(stripe, kind="server_error", rate=1)
    assert statuses(stripe, 5) == [500] * 5
    assert stripe.delete("/_admin/faults").json() == {"cleared": 1}
    switch(stripe, kind="server_error", rate=0.5)
    assert {500, 200} == set(statuses(stripe, 40))


def test_path_and_method_narrow_it(stripe):
    switch(stripe, kind="server_error", path="/stripe/v1/refunds", method="GET")
    assert statuses(stripe, 1) == [200]
    assert stripe.post("/v1/refunds").status_code == 400
    assert statuses(stripe, 1, "/v1/refunds") == [500]


def test_the_list_of_what_is_on(stripe):
    one, two = switch(stripe, kind="lag", seconds=5), switch(stripe, kind="drip")
    assert stripe.get("/_admin/faults").json()["faults"] == [one, two]
    assert stripe.delete(f"/_admin/faults/{one['id']}").json() == {"cleared": 1}
    assert stripe.get("/_admin/faults").json()["faults"] == [two]


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "earthquake"},
        {"kind": "lag", "rate": 0},
        {"kind": "lag", "rate": 2},
        {"kind": "lag", "times": 0},
        {"kind": "lag", "seconds": -1},
        {"kind": "server_error", "status": 200},
        {"kind": "lag", "colour": "red"},
        {"kind": "rate_limit", "retry_after": "1\r\nx: y"},
        {},
    ],
)
def test_a_switch_that_makes_no_sense_is_refused(stripe, wrong):
    answer = stripe.post("/_admin/faults", json=wrong)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert stripe.get("/_admin/faults").json() == {"faults": []}


@pytest.mark.parametrize("reason", ["global-rate", "endpoint-rate"])
def test_throttled_with_a_reason(stripe, reason):
    switch(stripe, kind="rate_limit", reason=reason, retry_after="2.5", should_retry="true")
    answer = stripe.get(URL)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, "rate_limit")
    assert answer.headers["stripe-rate-limited-reason"] == reason
    assert (answer.headers["retry-after"], answer.headers["stripe-should-retry"]) == ("2.5", "true")
    assert answer.headers["request-id"]


@pytest.mark.parametrize(("reason", "code"), [("none", "rate_limit"), ("lock_timeout", "lock_timeout")])
def test_throttled_without_a_reason(stripe, reason, code):
    switch(stripe, kind="rate_limit", reason=reason)
    answer = stripe.get(URL)
    assert (answer.status_code, answer.json()["error"]["code"]) == (429, code)
    assert not {"stripe-rate-limited-reason", "retry-after", "stripe-should-retry"} & answer.headers.keys()


def test_revoked_and_redirected(stripe):
    switch(stripe, kind="unauthorized")
    assert stripe.get(URL).status_code == 401
    switch(stripe, kind="redirect")
    answer = stripe.get(URL)
    assert (answer.status_code, httpx.URL(answer.headers["location"]).host) == (302, "elsewhere.example.test")


def test_spoilt_bodies(stripe):
    whole = stripe.get(URL)
    switch(stripe, kind="truncated_json")
    cut = stripe.get(URL)
    assert cut.status_code == 200
    assert whole.content.startswith(cut.content)
    with pytest.raises(json.JSONDecodeError):
        cut.json()
    switch(stripe, kind="html_502")
    proxy = stripe.get(URL)
    assert (proxy.status_code, proxy.headers["content-type"], "request-id" in proxy.headers) == (
        502,
        "text/html",
        False,
    )
    switch(stripe, kind="wrong_content_type")
    mislabelled = stripe.get(URL)
    assert (mislabelled.headers["content-type"][:9], mislabelled.content) == ("text/html", whole.content)
    switch(stripe, kind="big_body")
    big = stripe.get(URL)
    assert len(big.content) > 10_000_000
    assert big.json()["data"] == whole.json()["data"]


def test_the_gzip_bomb_is_small_and_unpacks_to_what_it_says():
    assert gzip.decompress(gzip_bomb(3)) == b" " * 3_000_000
    assert len(gzip_bomb()) < 1_000_000


def test_a_web_page_for_a_post_comes_after_the_work(stripe):
    before = stripe.get("/_admin/truth").json()["counts"]["customers"]
    switch(stripe, kind="html_502", method="POST")
    assert stripe.post("/v1/customers", data={"name": "Ana"}).status_code == 502
    assert stripe.get("/_admin/truth").json()["counts"]["customers"] == before + 1


def test_one_object_in_a_page_is_spoilt(stripe):
    rows = stripe.get(URL).json()["data"]
    switch(stripe, kind="unknown_enum", nth=3)
    spoilt = stripe.get(URL).json()["data"]
    assert spoilt[2] == rows[2] | {"status": "quantum_entangled"}
    assert spoilt[:2] + spoilt[3:] == rows[:2] + rows[3:]
    switch(stripe, kind="missing_field")
    assert rows[0].keys() - stripe.get(URL).json()["data"][0].keys() == {"amount"}
    switch(stripe, kind="wrong_type", field="outcome.risk_score", nth=2)
    assert stripe.get(URL).json()["data"][1]["outcome"]["risk_score"] == str(rows[1]["outcome"]["risk_score"])
    switch(stripe, kind="extra_fields")
    assert all("hologram" in row for row in stripe.get(URL).json()["data"])
    assert stripe.get(URL).json()["data"] == rows


def test_an_object_can_be_spoilt_wherever_it_shows(stripe):
    rows = stripe.get(URL).json()["data"]
    bad = rows[4]["id"]
    switch(stripe, kind="missing_field", field="currency", object=bad, rate=1)
    assert [row["id"] for row in stripe.get(URL).json()["data"] if "currency" not in row] == [bad]
    assert "currency" not in stripe.get(f"{URL}/{bad}").json()
    assert "currency" in stripe.get(f"{URL}/{rows[0]['id']}").json()


def test_a_switch_that_finds_nothing_to_spoil_waits(stripe):
    switch(stripe, kind="unknown_enum", nth=50)
    stripe.get(URL, params={"limit": 10})
    assert stripe.get("/_admin/faults").json()["faults"][0]["struck"] == 0
    page = stripe.get(URL, params={"limit": 60}).json()["data"]
    assert page[49]["status"] == "quantum_entangled"


def test_lists_without_an_end(stripe):
    switch(stripe, kind="has_more_forever")
    page = stripe.get(URL, params={"limit": 100}).json()
    for _ in range(3):
        if page["data"]:
            last = page["data"][-1]["id"]
        page = stripe.get(URL, params={"limit": 100, "starting_after": last}).json()
    assert (page["data"], page["has_more"]) == ([], True)


def test_the_same_page_again_and_again(stripe):
    switch(stripe, kind="repeat_page")
    page = stripe.get(URL).json()
    assert stripe.get(URL, params={"starting_after": page["data"][-1]["id"]}).json() == page


def test_latency_is_waited_for(sandbox):
    waited = []
    transport = Direct(sandbox, sleep=waited.append)
    with httpx.Client(
        transport=transport, base_url="http://sandbox/stripe", auth=("sk_test_sandbox_full", "")
    ) as stripe:
        switch(stripe, kind="latency", seconds=7)
        assert statuses(stripe, 2) == [200, 200]
    assert waited == [7.0]


def test_requests_are_counted(stripe):
    stripe.get("/_admin/stats?reset=1")
    switch(stripe, kind="rate_limit")
    switch(stripe, kind="drop_before", path="/v1/events")
    charge = stripe.get("/v1/refunds").json()["data"][0] if statuses(stripe, 2) == [429, 200] else {}
    stripe.get(f"/v1/refunds/{charge['id']}")
    with pytest.raises(httpx.RemoteProtocolError):
        stripe.get("/v1/events")
    seen = stripe.get("/_admin/stats?reset=1").json()
    assert seen == {
        "requests": 5,
        "by_endpoint": {
            "GET /v1/charges": 2,
            "GET /v1/events": 1,
            "GET /v1/refunds": 1,
            "GET /v1/refunds/:id": 1,
        },
        "by_status": {"200": 3, "429": 1, "dropped": 1},
        "throttled": 1,
        "throttled_by_endpoint": {"GET /v1/charges": 1},
    }
    assert stripe.get("/_admin/stats").json()["requests"] == 0


def test_the_real_limit_by_endpoint_and_in_all():
    moment = [NOW]
    sandbox = build(now=lambda: moment[0], payments=0, per_endpoint=3)
    auth = ("sk_test_sandbox_full", "")
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox/stripe", auth=auth) as stripe:
        assert statuses(stripe, 4) == [200, 200, 200, 429]
        assert stripe.get(URL).headers["stripe-rate-limited-reason"] == "endpoint-rate"
        for url in ("/v1/refunds", "/v1/disputes", "/v1/events"):
            assert statuses(stripe, 3, url) == [200] * 3
        answer = stripe.get("/v1/customers")
        assert (answer.status_code, answer.headers["stripe-rate-limited-reason"]) == (429, "global-rate")
        moment[0] += 1
        assert statuses(stripe, 1) == [200]


def test_unknown_switches_and_wrong_use(stripe):
    assert stripe.get("/_admin/nothing").status_code == 404
    assert stripe.post("/_admin/clock", data={"seconds": "-5"}).status_code == 400
    assert stripe.get("/_admin/truth?mode=dream").status_code == 400
    assert stripe.get("/_admin/lists/dreams").status_code == 400
    assert stripe.get("/_admin/lists/refunds?limit=2&mode=test").json()["url"] == "/v1/refunds"
