"""What the sandbox's Oblio does with documents: the calls of its API that change something."""

import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET

NOW = 1_790_000_000.0  # 21 September 2026 in Bucharest
CLIENT = {"cif": "RO90000025", "name": "Moara de Probă SRL", "state": "Bucuresti", "city": "Sector 3"}
LINE = {"name": "Mentenanță lunară", "price": 350, "vatName": "Normala", "vatIncluded": 0, "quantity": 2}
ORDER = {"client": CLIENT, "seriesName": "MDP", "products": [LINE], "mentions": "Ref ord-7f31"}


class Api:
    """Calls with a token and the company's CIF."""

    def __init__(self):
        self.sandbox = build(now=lambda: NOW, payments=0)
        self.http = httpx.Client(transport=Direct(self.sandbox), base_url="http://sandbox.test/oblio")
        given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = self.http.post("/api/authorize/token", data=given).json()["access_token"]
        self.http.headers["authorization"] = f"Bearer {token}"

    def ask(self, method, path, status=200, **body):
        answer = self.http.request(method, f"/api/docs/{path}", json={"cif": CIF} | body)
        assert answer.status_code == status, answer.text
        assert answer.json()["status"] == status
        return answer.json().get("data")

    def make(self, kind="invoice", **changes):
        return self.ask("POST", kind, **ORDER | changes)

    def row(self, made):
        """An invoice as the list shows it."""
        params = {"cif": CIF, "seriesName": made["seriesName"], "number": made["number"]}
        parts = {"withProducts": 1, "withCollects": 1, "withEinvoiceStatus": 1}
        (row,) = self.http.get("/api/docs/invoice/list", params=params | parts).json()["data"]
        return row


@pytest.fixture
def api():
    return Api()


def named(made):
    return {"seriesName": made["seriesName"], "number": made["number"]}


def about(made, **more):
    return {"referenceDocument": {"type": "Factura"} | named(made) | more}


def test_an_invoice_gets_the_next_number_and_a_link_with_its_id(api):
    made = [api.make() for _ in range(2)]
    assert [one["number"] for one in made] == ["0001", "0002"]
    assert made[0].keys() == {"seriesName", "number", "link"}
    row = api.row(made[0])
    assert f"id={row['id']}&" in made[0]["link"]
    assert (row["total"], row["issueDate"], row["dueDate"]) == ("847.0000", "2026-09-21", "")
    assert (row["currency"], row["exchangeRate"]) == ("RON", "0.000000")


def test_a_form_is_taken_like_json(api):
    form = {
        "cif": CIF,
        "seriesName": "WEB",
        "client[name]": "Ana",
        "products[0][name]": "Sac",
        "products[0][price]": "10.5",
        "collect[type]": "Card",
    }
    made = api.http.post("/api/docs/invoice", data=form).json()["data"]
    row = api.row(made)
    assert (made["number"], row["total"], row["collected"]) == ("000001", "10.5000", "1")


@pytest.mark.parametrize(
    ("lines", "total"),
    [
        ([{"price": "100", "vatIncluded": 1}], "100.0000"),
        ([{"price": "100", "vatIncluded": 0}], "121.0000"),
        ([{"price": "0.125", "quantity": 1, "vatIncluded": 1}], "0.1300"),
        ([{"price": "0.333", "quantity": 3, "vatName": "Redusa", "vatIncluded": 0}], "1.1100"),
        ([{"price": 100}, {"name": "minus", "discount": 10, "discountType": "procentual"}], "90.0000"),
        ([{"price": 100}, {"price": 50}, {"name": "minus", "discount": 30, "discountAllAbove": 1}], "120.0000"),
    ],
)
def test_totals(api, lines, total):
    made = api.make(products=[{"name": "Sac"} | line for line in lines])
    assert api.row(made)["total"] == total


def test_discounts_count_and_are_not_listed(api):
    made = api.make(products=[LINE, {"name": "minus", "discount": 47}])
    row = api.row(made)
    assert (row["total"], [line["name"] for line in row["products"]]) == ("800.0000", ["Mentenanță lunară"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"cif": "RO1"},
        {"cif": None},
        {"client": {}},
        {"client": None},
        {"seriesName": "NONE"},
        {"products": []},
        {"products": [{"name": "x", "price": "y"}]},
        {"products": [{"name": "x", "price": 1, "vatName": "Normala", "vatPercentage": 19}]},
        {"currency": "XQQ"},
        {"precision": 7},
        {"issueDate": "21.09.2026"},
        {"collect": {"type": "Beans"}},
        {"referenceDocument": {"type": "Factura", "seriesName": "MDP", "number": "99"}},
    ],
)
def test_what_is_wrong_is_refused_and_takes_no_number(api, wrong):
    api.ask("POST", "invoice", 400, **ORDER | wrong)
    assert api.make()["number"] == "0001"


def test_a_number_of_ones_own(api):
    assert api.make(disableAutoSeries=1, number="X-7")["number"] == "X-7"
    assert api.make()["number"] == "0001"


def test_a_key_is_used_once_under_either_way_to_replay_it(api):
    made = api.make(idempotencyKey="k")
    assert api.make(idempotencyKey="k", mentions="another") == made
    assert api.make("proforma", seriesName="PF", idempotencyKey="k")["seriesName"] == "PF"
    api.http.post("/_admin/settings", data={"replay": "error_400"})
    api.ask("POST", "invoice", 400, **ORDER | {"idempotencyKey": "k"})
    assert api.make()["number"] == "0002"
    api.ask("DELETE", "invoice", **named(api.row({"seriesName": "MDP", "number": "2"})))
    api.ask("DELETE", "invoice", **named(made))
    assert api.make(idempotencyKey="k")["number"] == "0001"


def test_a_lost_answer_has_done_its_work(api):
    for kind in ("drop_answer", "html_502", "truncated_json"):
        api.http.post("/_admin/faults", data={"kind": kind, "method": "POST"})
        try:
            answer = api.http.post("/api/docs/invoice", json={"cif": CIF} | ORDER | {"idempotencyKey": kind})
        except httpx.RemoteProtocolError:
            continue
        assert answer.status_code in (200, 502)
    assert api.make()["number"] == "0004"
    assert api.make(idempotencyKey="html_502")["number"] == "0002"


def test_a_proforma_becomes_an_invoice_once(api):
    proforma = api.make("proforma", seriesName="PF")
    reference = {"referenceDocument": {"type": "Proforma"} | named(proforma)}
    call = {"client": CLIENT, "seriesName": "MDP"} | reference
    row = api.row(api.ask("POST", "invoice", **call))
    assert (row["total"], row["storno"], len(row["products"])) == ("847.0000", "0", 1)
    api.ask("POST", "invoice", 400, **call)


def test_a_storno_takes_all_back(api):
    made = api.make()
    storno = api.ask("POST", "invoice", seriesName="MDP", **about(made))
    row = api.row(storno)
    assert (row["total"], row["storno"], row["client"]["name"]) == ("-847.0000", "1", CLIENT["name"])
    assert row["products"][0]["quantity"] == "-2.0000"
    assert (api.row(made)["stornoed"], api.row(made)["total"]) == ("1", "847.0000")
    api.ask("PUT", "invoice/cancel", **named(storno))
    assert api.row(made)["stornoed"] == "0"


def test_a_storno_of_a_part_leaves_the_rest(api):
    made = api.make()
    row = api.row(api.make(products=[LINE | {"quantity": -1}], **about(made)))
    assert (row["total"], row["storno"], api.row(made)["stornoed"]) == ("-423.5000", "1", "0")


def test_a_refund_takes_the_payments_away(api):
    paid = [api.make(collect={"type": "Card"}) for _ in range(2)]
    for refund, made in enumerate(paid):
        api.ask("POST", "invoice", seriesName="MDP", **about(made, refund=refund))
    assert [api.row(made)["collects"] == [] for made in paid] == [False, True]


def test_payments_in_parts(api):
    made = api.make()
    first = {"collect": {"type": "Ordin de plata", "documentNumber": "OP 17", "value": 200, "issueDate": "2026-09-22"}}
    data = api.ask("PUT", "invoice/collect", **named(made) | first)
    kept = {"issueDate": "2026-09-22", "type": "Ordin de plata", "number": "OP 17", "value": "200.00"}
    assert (data["documentType"], data["collects"]) == ("Factura", [kept])
    assert api.row(made)["collected"] == "0"
    data = api.ask("PUT", "invoice/collect", **named(made) | {"collect": {"type": "Card"}})
    assert [one["value"] for one in data["collects"]] == ["200.00", "647.00"]
    assert api.row(made)["collected"] == "1"


def test_cancelled_and_restored(api):
    made = api.make()
    api.ask("PUT", "invoice/cancel", **named(made))
    assert (api.row(made)["canceled"], api.row(made)["number"]) == ("1", "0001")
    api.ask("PUT", "invoice/cancel", 400, **named(made))
    api.ask("PUT", "invoice/collect", 400, **named(made) | {"collect": {"type": "Card"}})
    api.ask("PUT", "invoice/restore", **named(made))
    assert api.row(made)["canceled"] == "0"
    api.ask("PUT", "invoice/restore", 400, **named(made))


def test_only_the_last_number_is_deleted_and_it_is_given_out_again(api):
    first, second = api.make(), api.make()
    api.ask("DELETE", "invoice", 400, **named(first))
    old = api.row(second)["id"]
    api.ask("DELETE", "invoice", **named(second))
    again = api.make(products=[LINE | {"price": 1}])
    assert again["number"] == second["number"]
    assert int(api.row(again)["id"]) > int(old)
    api.ask("DELETE", "invoice", 400, **named({"seriesName": "MDP", "number": "77"}))


def test_one_that_was_paid_is_deleted_with_its_payments(api):
    made = api.make(collect={"type": "Card"})
    api.ask("DELETE", "invoice", 400, **named(made))
    api.ask("DELETE", "invoice", **named(made), deleteCollect=True)


def test_any_proforma_can_be_deleted(api):
    first, second = (api.make("proforma", seriesName="PF") for _ in range(2))
    api.ask("DELETE", "proforma", **named(first))
    assert api.make("proforma", seriesName="PF")["number"] == "0003"
    assert second["number"] == "0002"


def test_an_invoice_can_be_changed_while_it_is_free(api):
    made = api.make()
    api.ask("PUT", "invoice", **ORDER | named(made) | {"products": [LINE | {"quantity": 3}]})
    assert (api.row(made)["total"], api.row(made)["number"]) == ("1270.5000", "0001")
    api.ask("PUT", "invoice/collect", **named(made) | {"collect": {"type": "Card"}})
    api.ask("PUT", "invoice", 400, **ORDER | named(made))


@pytest.mark.parametrize(("county", "code"), [("Bucuresti", 1), ("", 2)])
def test_the_tax_authority_takes_its_time(api, county, code):
    made = api.make(client=CLIENT | {"state": county})
    assert (api.row(made)["einvoiceStatus"]["code"], api.row(made)["indexUpload"]) == (-1, None)
    assert api.ask("POST", "einvoice", **named(made))["code"] == 0
    assert api.row(made)["indexUpload"]
    api.ask("POST", "einvoice", 400, **named(made))
    api.http.post("/_admin/clock?seconds=600")
    assert api.row(made)["einvoiceStatus"]["code"] == code
    api.ask("PUT", "invoice", 400, **ORDER | named(made))


def test_an_error_is_mended_by_sending_again(api):
    made = api.make(client=CLIENT | {"state": ""})
    api.ask("POST", "einvoice", **named(made))
    api.http.post("/_admin/clock?seconds=600")
    assert api.ask("POST", "einvoice", **named(made))["code"] == 0
