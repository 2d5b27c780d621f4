"""How the sandbox's Oblio limits calls, misbehaves, is watched, and keeps its state."""

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.oblio import seed
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET

ORDER = {"cif": CIF, "client": {"name": "Ana"}, "seriesName": "MDP", "products": [{"name": "Sac", "price": 9}]}
SERIES = f"/api/nomenclature/series?cif={CIF}"
LIST = f"/api/docs/invoice/list?cif={CIF}"


class Time:
    def __init__(self):
        self.now = 1_790_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def sandbox(time):
    made = build(now=time, payments=0)
    seed.fill(made.oblio.store, invoices=60, seed=1)
    return made


def opened(sandbox):
    client = httpx.Client(transport=Direct(sandbox), base_url="http://sandbox.test/oblio")
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    token = client.post("/api/authorize/token", data=given).json()["access_token"]
    client.headers["authorization"] = f"Bearer {token}"
    return client


@pytest.fixture
def http(sandbox):
    return opened(sandbox)


def reads(http, times):
    return [http.get(SERIES).status_code for _ in range(times)]


def settings(http, **given):
    answer = http.post("/_admin/settings", data=given)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_no_limit_until_it_is_switched_on(http):
    assert set(reads(http, 100)) == {200}


@pytest.mark.parametrize("status", [429, 403])
def test_thirty_calls_in_ten_seconds(http, time, status):
    settings(http, limit="true", limit_status=status)
    assert reads(http, 32) == [200] * 30 + [status] * 2
    assert http.get(SERIES).json()["status"] == status
    time.now += 9.9
    assert reads(http, 1) == [status]
    time.now += 0.2
    assert reads(http, 1) == [200]


def test_thirty_documents_in_a_hundred_seconds_beside_them(http, time):
    settings(http, limit="true")
    made = [http.post("/api/docs/invoice", json=ORDER).status_code for _ in range(31)]
    assert made == [200] * 30 + [429]
    assert reads(http, 30) == [200] * 30
    time.now += 11
    assert http.post("/api/docs/invoice", json=ORDER).status_code == 429
    assert reads(http, 1) == [200]
    time.now += 90
    assert http.post("/api/docs/invoice", json=ORDER).status_code == 200


def test_a_block_of_ten_minutes_for_everything(http, time):
    settings(http, limit="true", block="true")
    assert reads(http, 31)[-1] == 429
    time.now += 599
    assert (reads(http, 1), http.post("/api/docs/invoice", json=ORDER).status_code) == ([429], 429)
    time.now += 2
    assert reads(http, 1) == [200]


def test_settings_stay_until_they_are_changed(http):
    settings(http, replay="error_400", spv_seconds="5")
    assert settings(http, limit="1") == http.get("/_admin/settings").json()
    assert (settings(http)["replay"], settings(http)["spv_seconds"]) == ("error_400", 5)
    for wrong in ({"replay": "x"}, {"limit_status": "500"}, {"colour": "red"}):
        assert http.post("/_admin/settings", data=wrong).status_code == 400


def test_errors_in_the_body_alone(http):
    settings(http, body_status="true")
    answer = http.get(f"/api/docs/invoice?cif={CIF}&seriesName=MDP&number=9999")
    assert (answer.status_code, answer.json()["status"]) == (200, 400)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "unauthorized"}, 401),
        ({"kind": "rate_limit", "retry_after": "7"}, 429),
        ({"kind": "rate_limit", "status": 403}, 403),
        ({"kind": "server_error", "status": 503}, 503),
        ({"kind": "redirect"}, 302),
        ({"kind": "html_502"}, 502),
    ],
)
def test_switches_strike_once(http, fault, status):
    assert http.post("/_admin/faults", json=fault | {"path": "/oblio/api"}).status_code == 200
    assert reads(http, 2) == [status, 200]


def test_rows_are_spoilt_and_pages_repeat(http):
    rows = http.get(LIST).json()["data"]
    for fault in ({"kind": "null_field", "nth": 2}, {"kind": "missing_field", "field": "storno", "nth": 0}):
        http.post("/_admin/faults", json=fault)
    spoilt = http.get(LIST).json()["data"]
    assert [row.get("total") is None for row in spoilt[:3]] == [False, True, False]
    assert not [row for row in spoilt if "storno" in row]
    http.post("/_admin/faults", json={"kind": "repeat_page"})
    assert http.get(f"{LIST}&offset=100").json()["data"] == rows
    assert http.delete("/_admin/faults").json() == {"cleared": 1}


def test_new_rows_may_show_up_late(http, time):
    made = http.post("/api/docs/invoice", json=ORDER).json()["data"]
    http.post("/_admin/faults", json={"kind": "lag", "seconds": 20})
    assert http.get(LIST).json()["data"][0]["number"] != made["number"]
    time.now += 21
    assert http.get(LIST).json()["data"][0]["number"] == made["number"]


def test_latency_is_waited_for(sandbox, http):
    waited = []
    with httpx.Client(transport=Direct(sandbox, waited.append), base_url="http://sandbox.test/oblio") as slow:
        slow.post("/_admin/faults", json={"kind": "latency", "seconds": 7, "times": 1})
        slow.get("/api/nomenclature/companies", headers=http.headers)
    assert waited == [7.0]


def test_what_happened_is_counted(http):
    assert http.get("/_admin/stats?reset=1").json()["requests"] == 1
    reads(http, 2)
    http.get(LIST)
    http.get("/api/none")
    seen = http.get("/_admin/stats").json()
    assert seen["by_endpoint"] == {"GET /docs/invoice/list": 1, "GET /nomenclature/series": 2, "unknown": 1}
    assert seen["by_status"] == {"200": 3, "404": 1}


def test_days_pass_and_things_happen(http):
    before = http.get("/_admin/truth").json()
    happened = http.post("/_admin/activity?n=60").json()["happened"]
    assert len(happened) == 60
    assert {text.split()[0] for text in happened} >= {"issued", "paid", "sent", "cancelled", "deleted", "taken"}
    after = http.post("/_admin/clock?days=3") and http.get("/_admin/truth").json()
    assert after["now"] == before["now"] + 3 * 86_400
    assert after["companies"][CIF]["counts"]["Factura"] > before["companies"][CIF]["counts"]["Factura"]
    assert http.post("/_admin/activity?n=0").status_code == 400
    assert http.get("/_admin/none").status_code == 404


def test_tokens_end_by_themselves_and_on_command(http, time):
    time.now += 3_599
    assert reads(http, 1) == [200]
    time.now += 2
    assert reads(http, 1) == [401]
    fresh = httpx.Client(transport=http._transport, base_url=http.base_url)
    given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    token = fresh.post("/api/authorize/token", data=given).json()["access_token"]
    http.headers["authorization"] = f"Bearer {token}"
    assert reads(http, 1) == [200]
    assert http.post("/_admin/revoke").json() == {"revoked": 1}
    assert reads(http, 1) == [401]


def test_all_is_there_after_a_restart(tmp_path, time):
    path = tmp_path / "sandbox.json"
    sandbox = build(now=time, payments=0, state=path)
    http = opened(sandbox)
    made = http.post("/api/docs/invoice", json=ORDER | {"idempotencyKey": "k"}).json()["data"]
    http.post("/api/docs/einvoice", json={"cif": CIF, "seriesName": made["seriesName"], "number": made["number"]})
    settings(http, spv_seconds="60")
    before = [http.get(f"/_admin/{what}").json() for what in ("truth", "settings", "lists/invoice")]
    sandbox.save()

    again = build(now=time, payments=0, state=path)
    http._transport = Direct(again)
    assert [http.get(f"/_admin/{what}").json() for what in ("truth", "settings", "lists/invoice")] == before
    assert http.post("/api/docs/invoice", json=ORDER | {"idempotencyKey": "k"}).json()["data"] == made
    assert http.post("/api/docs/invoice", json=ORDER).json()["data"]["number"] == "0002"


def test_the_same_seed_makes_the_same_documents(time):
    stores = [build(now=time, payments=60, seed=number).oblio.store for number in (1, 1, 2)]
    dumps = [store.dump() for store in stores]
    assert dumps[0] == dumps[1] != dumps[2]


def test_the_front_page_says_how_to_get_in(time):
    from accord.sandbox.oblio import page

    sandbox = build(now=time, payments=0)
    sandbox.oblio.faults.add({"kind": "lag"})
    shown = page.render(sandbox.oblio, "http://127.0.0.1:4300")
    for text in (CLIENT_ID, CLIENT_SECRET, CIF, "http://127.0.0.1:4300/oblio/api", "<code>lag </code>"):
        assert text in shown
