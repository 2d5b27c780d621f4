import httpx
import pytest

from accord.sandbox.app import build
from accord.sandbox.direct import Direct

NOW = 1_790_000_000
KEY = {"authorization": "Bearer sk_test_sandbox_full"}


@pytest.fixture(scope="module")
def sandbox():
    return build(now=lambda: float(NOW), payments=160)


@pytest.fixture(scope="module")
def stripe(sandbox):
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox/stripe", headers=KEY) as client:
        yield client


def walk(stripe, path, **params):
    """Every row of a list, by cursor."""
    rows, params = [], {"limit": 100} | params
    while True:
        page = stripe.get(path, params=params).raise_for_status().json()
        rows += page["data"]
        if not page["has_more"]:
            return rows
        params["starting_after"] = page["data"][-1]["id"]


def refused(answer, status, code=None, param=None):
    error = answer.json()["error"]
    assert (answer.status_code, error.get("code"), error.get("param")) == (status, code, param)
    return error


def test_a_list_is_newest_first_and_ten_long(stripe):
    page = stripe.get("/v1/charges").json()
    assert page.keys() == {"object", "data", "has_more", "url"}
    assert (page["object"], page["url"], page["has_more"], len(page["data"])) == ("list", "/v1/charges", True, 10)
    times = [row["created"] for row in page["data"]]
    assert times == sorted(times, reverse=True)
    assert all(isinstance(moment, int) for moment in times)


def test_walking_by_cursor_meets_every_row_once(stripe, sandbox):
    rows = walk(stripe, "/v1/charges", limit=7)
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)) == len(sandbox.stripe.stores["test"].shelves["charges"].rows)
    assert ids == [row["id"] for row in walk(stripe, "/v1/charges", limit=100)]


def test_ending_before_walks_the_other_way(stripe):
    ids = [row["id"] for row in stripe.get("/v1/charges", params={"limit": 20}).json()["data"]]
    page = stripe.get("/v1/charges", params={"limit": 3, "ending_before": ids[10]}).json()
    assert ([row["id"] for row in page["data"]], page["has_more"]) == (ids[7:10], True)
    page = stripe.get("/v1/charges", params={"limit": 3, "ending_before": ids[2]}).json()
    assert ([row["id"] for row in page["data"]], page["has_more"]) == (ids[:2], False)


@pytest.mark.parametrize("limit", ["0", "101", "-1", "ten", "1.5"])
def test_limit_is_between_1_and_100(stripe, limit):
    refused(stripe.get("/v1/charges", params={"limit": limit}), 400, "parameter_invalid_integer", "limit")


def test_cursors_that_can_not_be(stripe):
    refused(stripe.get("/v1/charges?starting_after=ch_nobody"), 400, "resource_missing", "starting_after")
    refused(stripe.get("/v1/charges?ending_before=ch_nobody"), 400, "resource_missing", "ending_before")
    refused(stripe.get("/v1/charges?starting_after=a&ending_before=b"), 400, None, "ending_before")


def test_created_bounds(stripe):
    rows = walk(stripe, "/v1/charges")
    moment = rows[20]["created"]
    for word, keep in (
        ("gt", lambda at: at > moment),
        ("gte", lambda at: at >= moment),
        ("lt", lambda at: at < moment),
        ("lte", lambda at: at <= moment),
    ):
        found = walk(stripe, "/v1/charges", **{f"created[{word}]": moment})
        assert [row["id"] for row in found] == [row["id"] for row in rows if keep(row["created"])]
    assert rows[20]["id"] in [row["id"] for row in walk(stripe, "/v1/charges", created=moment)]
    assert {row["created"] for row in walk(stripe, "/v1/charges", created=moment)} == {moment}
    refused(stripe.get("/v1/charges?created[above]=1"), 400, "parameter_unknown", "created[above]")


@pytest.mark.parametrize(
    ("shelf", "name"),
    [
        ("charges", "customer"),
        ("charges", "payment_intent"),
        ("payment_intents", "customer"),
        ("refunds", "charge"),
        ("refunds", "payment_intent"),
        ("disputes", "charge"),
        ("balance_transactions", "type"),
        ("balance_transactions", "currency"),
        ("balance_transactions", "source"),
        ("customers", "email"),
        ("invoices", "customer"),
        ("invoices", "status"),
        ("invoice_payments", "invoice"),
        ("payouts", "status"),
        ("payouts", "arrival_date"),
        ("prices", "product"),
    ],
)
def test_filters_keep_exactly_what_they_name(stripe, shelf, name):
    rows = walk(stripe, f"/v1/{shelf}")
    value = next(row[name] for row in rows if row[name])
    wanted = [row["id"] for row in rows if row[name] == value]
    assert 0 < len(wanted) < len(rows)
    assert [row["id"] for row in walk(stripe, f"/v1/{shelf}", **{name: value})] == wanted


def test_subscriptions_leave_canceled_ones_out_unless_asked(stripe):
    def statuses(**params):
        return {row["status"] for row in walk(stripe, "/v1/subscriptions", **params)}

    running = {"active", "incomplete", "incomplete_expired", "past_due", "paused", "trialing", "unpaid"}
    assert statuses(status="all") == running | {"canceled"}
    assert statuses() == running
    assert statuses(status="ended") == {"canceled", "incomplete_expired"}
    assert statuses(status="past_due") == {"past_due"}
    refused(stripe.get("/v1/subscriptions?status=asleep"), 400, None, "status")


def test_invoices_of_a_subscription_and_payments_of_an_invoice(stripe):
    subscription = stripe.get("/v1/subscriptions?limit=1&status=active").json()["data"][0]
    invoices = walk(stripe, "/v1/invoices", subscription=subscription["id"])
    assert subscription["latest_invoice"] in [row["id"] for row in invoices]
    assert {row["parent"]["subscription_details"]["subscription"] for row in invoices} == {subscription["id"]}
    payment = stripe.get("/v1/invoice_payments?status=paid&limit=1").json()["data"][0]
    intent = payment["payment"]["payment_intent"]
    same = stripe.get(
        "/v1/invoice_payments", params={"payment[type]": "payment_intent", "payment[payment_intent]": intent}
    ).json()["data"]
    assert same == [payment]


def test_what_an_automatic_payout_holds_adds_up_to_it(stripe):
    payout = next(row for row in walk(stripe, "/v1/payouts") if row["automatic"])
    rows = walk(stripe, "/v1/balance_transactions", payout=payout["id"])
    assert payout["balance_transaction"] in [row["id"] for row in rows]
    assert sum(row["net"] for row in rows) == 0


def test_sub_lists(stripe):
    charge = next(row for row in walk(stripe, "/v1/charges") if row["amount_refunded"])
    page = stripe.get(f"/v1/charges/{charge['id']}/refunds").json()
    assert page["url"] == f"/v1/charges/{charge['id']}/refunds"
    assert {row["charge"] for row in page["data"]} == {charge["id"]}
    invoice = next(row for row in walk(stripe, "/v1/invoices") if row["lines"]["has_more"])
    assert (len(invoice["lines"]["data"]), invoice["lines"]["total_count"]) == (10, 12)
    lines = walk(stripe, invoice["lines"]["url"], limit=5)
    assert len({line["id"] for line in lines}) == 12
    assert sum(line["amount"] for line in lines) == invoice["total"]
    subscription = stripe.get("/v1/subscriptions?limit=1").json()["data"][0]
    items = stripe.get("/v1/subscription_items", params={"subscription": subscription["id"]}).json()["data"]
    assert items == subscription["items"]["data"]
    refused(stripe.get("/v1/subscription_items"), 400, "parameter_missing", "subscription")


def test_one_object_and_unknown_ones(stripe):
    for shelf in (
        "customers",
        "charges",
        "refunds",
        "disputes",
        "balance_transactions",
        "invoices",
        "events",
        "payouts",
    ):
        row = stripe.get(f"/v1/{shelf}?limit=1").json()["data"][0]
        assert stripe.get(f"/v1/{shelf}/{row['id']}").json() == row
    refused(stripe.get("/v1/refunds/re_nobody"), 404, "resource_missing", "id")
    refused(stripe.get("/v1/charges/ch_nobody"), 404, "resource_missing", "charge")
    refused(stripe.get("/v1/nonsense"), 404, "resource_missing")
    refused(stripe.get("/v1/charges?colour=red"), 400, "parameter_unknown", "colour")
    refused(stripe.get("/v1/charges/ch_x?limit=1"), 400, "parameter_unknown", "limit")


def test_a_deleted_customer_is_a_stub_and_leaves_the_list(stripe):
    made = stripe.post("/v1/customers", data={"name": "Ana"}).json()
    gone = {"id": made["id"], "object": "customer", "deleted": True}
    assert stripe.delete(f"/v1/customers/{made['id']}").json() == gone
    answer = stripe.get(f"/v1/customers/{made['id']}")
    assert (answer.status_code, answer.json()) == (200, gone)
    assert made["id"] not in [row["id"] for row in walk(stripe, "/v1/customers")]
    refused(stripe.get(f"/v1/customers?starting_after={made['id']}"), 400, "resource_missing", "starting_after")
    refused(stripe.delete(f"/v1/customers/{made['id']}"), 404, "resource_missing", "customer")


def test_expansion(stripe):
    page = stripe.get("/v1/charges", params={"expand[]": ["data.customer", "data.payment_intent.latest_charge"]}).json()
    row = next(row for row in page["data"] if row["customer"] and row["balance_transaction"])
    assert row["customer"]["object"] == "customer"
    assert row["payment_intent"]["latest_charge"]["object"] == "charge"
    sources = stripe.get("/v1/balance_transactions?limit=100&expand[]=data.source").json()["data"]
    assert {row["source"]["object"] for row in sources if row["source"]} >= {"charge", "refund", "payout"}
    one = stripe.get(f"/v1/charges/{row['id']}?expand[]=refunds&expand[]=balance_transaction").json()
    assert one["refunds"]["object"] == "list"
    assert one["balance_transaction"]["source"] == row["id"]
    subscription = stripe.get("/v1/subscriptions?limit=1&expand[]=data.latest_invoice").json()["data"][0]
    deep = stripe.get(f"/v1/subscriptions/{subscription['id']}?expand[]=items.data.price.product").json()
    assert deep["items"]["data"][0]["price"]["product"]["object"] == "product"
    refused(stripe.get("/v1/charges?expand[]=data.amount"), 400, None, "expand")
    refused(stripe.get("/v1/charges?expand[]=data.a.b.c.d"), 400, None, "expand")


def test_an_expanded_customer_that_was_deleted_is_a_stub(stripe):
    gone = stripe.post("/v1/customers", data={"name": "Ion"}).json()["id"]
    intent = stripe.post("/v1/payment_intents", data={"amount": 500, "currency": "eur", "customer": gone}).json()
    stripe.delete(f"/v1/customers/{gone}")
    found = stripe.get(f"/v1/payment_intents/{intent['id']}?expand[]=customer").json()["customer"]
    assert found == {"id": gone, "object": "customer", "deleted": True}


def test_events_by_type(stripe):
    everything = walk(stripe, "/v1/events")
    assert {row["api_version"] for row in everything} == {"2026-10-28.endive"}
    assert min(row["created"] for row in everything) >= NOW - 30 * 86_400
    charges = walk(stripe, "/v1/events", type="charge.*")
    assert [row["id"] for row in charges] == [row["id"] for row in everything if row["type"].startswith("charge.")]
    two = walk(stripe, "/v1/events", **{"types[]": ["refund.created", "payout.paid"]})
    assert {row["type"] for row in two} == {"refund.created", "payout.paid"}
    assert walk(stripe, "/v1/events", delivery_success="false") == []
    refused(stripe.get("/v1/events?type=a&types[]=b"), 400, None, "type")
    refused(stripe.get("/v1/events", params={"types[]": [f"a.{n}" for n in range(21)]}), 400, None, "types")


def test_account_and_balance(stripe):
    account = stripe.get("/v1/account").json()
    assert account["object"] == "account"
    balance = stripe.get("/v1/balance").json()
    truth = stripe.get("/_admin/truth").json()["balance_transactions"]
    for currency in ("eur", "usd"):
        parts = [
            row["amount"] for part in ("available", "pending") for row in balance[part] if row["currency"] == currency
        ]
        assert sum(parts) == truth[currency]["net"]


def test_lag_hides_only_what_is_new(stripe):
    made = stripe.post("/v1/payment_intents", data={"amount": 500, "currency": "eur"}).json()["id"]
    fault = stripe.post("/_admin/faults", data={"kind": "lag", "seconds": 60, "path": "/v1/payment_intents"}).json()
    hidden = stripe.get("/v1/payment_intents?limit=1").json()["data"][0]["id"]
    direct = stripe.get(f"/v1/payment_intents/{made}").status_code
    stripe.delete(f"/_admin/faults/{fault['id']}")
    assert (hidden != made, direct) == (True, 200)
    assert stripe.get("/v1/payment_intents?limit=1").json()["data"][0]["id"] == made
