from collections import Counter, defaultdict

import pytest

from accord.sandbox.app import build
from accord.sandbox.stripe import admin
from accord.sandbox.stripe.money import exponent

NOW = 1_790_000_000


@pytest.fixture(scope="module")
def sandbox():
    return build(now=lambda: float(NOW))


@pytest.fixture(scope="module")
def rows(sandbox):
    return {name: shelf.rows for name, shelf in sandbox.stripe.stores["test"].shelves.items()}


def test_it_is_as_big_as_a_real_shop(sandbox, rows):
    assert len(rows["customers"]) >= 200
    paid = [row for row in rows["charges"].values() if row["status"] == "succeeded"]
    assert len(paid) >= 2_000
    assert {row["currency"] for row in paid} == {"eur", "ron", "usd", "jpy", "kwd"}
    assert all(row["amount"] % 10 == 0 for row in paid if row["currency"] == "kwd")
    assert {row["currency"] for row in rows["balance_transactions"].values()} == {"eur", "usd"}
    assert any(row["customer"] is None for row in paid)
    assert "customer" in sandbox.stripe.stores["test"].deleted.values()
    assert {row["email"].rpartition("@")[2] for row in rows["customers"].values()} == {"example.test"}
    assert all(row["email"].isascii() for row in rows["customers"].values())


@pytest.mark.parametrize("payments", [50, 2_150])
def test_every_status_is_there(payments):
    shelves = build(now=lambda: float(NOW), payments=payments).stripe.stores["test"].shelves

    def seen(shelf, field="status"):
        return {row[field] for row in shelves[shelf].rows.values()}

    assert seen("payment_intents") == {
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "requires_capture",
        "canceled",
        "succeeded",
    }
    assert seen("charges") == {"succeeded", "pending", "failed"}
    assert seen("refunds") == {"succeeded", "pending", "failed"}
    assert seen("disputes") >= {"needs_response", "under_review", "won", "lost", "warning_closed"}
    assert seen("subscriptions") == {
        "active",
        "canceled",
        "incomplete",
        "incomplete_expired",
        "past_due",
        "paused",
        "trialing",
        "unpaid",
    }
    assert seen("invoices") == {"draft", "open", "paid", "uncollectible", "void"}
    assert seen("payouts") >= {"paid", "failed"}
    assert seen("balance_transactions") == {"available", "pending"}
    assert seen("balance_transactions", "type") >= {
        "charge",
        "payment",
        "refund",
        "refund_failure",
        "adjustment",
        "stripe_fee",
        "payout",
        "payout_failure",
    }


def test_created_times_spread_over_the_year_and_end_now(rows):
    times = sorted(row["created"] for row in rows["charges"].values())
    assert NOW - 400 * 86_400 <= times[0] < NOW - 380 * 86_400
    assert NOW - 600 <= times[-1] < NOW
    months = Counter((NOW - moment) // (40 * 86_400) for moment in times)
    assert min(months[number] for number in range(9)) > 150
    assert all(row["created"] <= NOW for shelf in rows.values() for row in shelf.values())


def test_every_balance_transaction_that_is_named_exists_and_names_it_back(rows):
    entries = rows["balance_transactions"]
    named = {}
    for shelf in ("charges", "refunds", "payouts"):
        for row in rows[shelf].values():
            for field in ("balance_transaction", "failure_balance_transaction"):
                if row.get(field):
                    named[row[field]] = row["id"]
    for row in rows["disputes"].values():
        named |= {entry["id"]: row["id"] for entry in row["balance_transactions"]}
    assert {key: entries[key]["source"] for key in named} == named
    assert {row["type"] for key, row in entries.items() if key not in named} == {"stripe_fee"}
    captured = [row for row in rows["charges"].values() if row["status"] == "succeeded" and row["captured"]]
    assert all(row["balance_transaction"] for row in captured)


def test_the_money_adds_up(sandbox, rows):
    assert all(row["net"] == row["amount"] - row["fee"] for row in rows["balance_transactions"].values())
    sums = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows["balance_transactions"].values():
        for place, value in enumerate((1, row["amount"], row["fee"], row["net"])):
            sums[row["currency"]][place] += value
    truth = admin.truth(sandbox.stripe, {}, "")["balance_transactions"]
    assert {code: list(line.values()) for code, line in truth.items()} == dict(sums)


def test_refunds_and_charges_agree(rows):
    given = Counter()
    for row in rows["refunds"].values():
        if row["status"] != "failed":
            given[row["charge"]] += row["amount"]
    for charge in rows["charges"].values():
        limit = charge["amount_captured"] or charge["amount"]
        assert charge["amount_refunded"] == given[charge["id"]] <= limit
        assert charge["refunded"] == (charge["amount_refunded"] == limit)


def test_conversions_can_be_followed(rows):
    for charge in rows["charges"].values():
        if charge["balance_transaction"]:
            entry = rows["balance_transactions"][charge["balance_transaction"]]
            rate = 1 if entry["exchange_rate"] is None else entry["exchange_rate"]
            exact = charge["amount_captured"] / 10 ** exponent(charge["currency"]) * rate * 100
            assert abs(entry["amount"] - exact) < 0.51
            assert entry["status"] == ("available" if entry["available_on"] <= NOW else "pending")


def test_invoices_that_are_paid_were_paid_by_something(rows):
    by_invoice = {row["invoice"]: row for row in rows["invoice_payments"].values()}
    for invoice in rows["invoices"].values():
        if invoice["status"] == "paid" and invoice["amount_due"]:
            payment = by_invoice[invoice["id"]]
            intent = rows["payment_intents"][payment["payment"]["payment_intent"]]
            assert (payment["status"], intent["status"]) in (("paid", "succeeded"), ("canceled", "canceled"))


def test_events_are_those_of_the_last_thirty_days(rows):
    assert min(row["created"] for row in rows["events"].values()) >= NOW - 30 * 86_400
    recent = {row["id"] for row in rows["charges"].values() if row["created"] > NOW - 29 * 86_400}
    told = set()
    for event in rows["events"].values():
        body = bytes(event["data"]["object"])
        told |= {key for key in recent if event["type"].startswith("charge.") and f'"id":"{key}"'.encode() in body[:60]}
    assert told == recent


def test_the_same_seed_gives_the_same_and_another_one_does_not():
    def made(seed, now=NOW):
        return build(now=lambda: float(now), payments=60, seed=seed).stripe.dump()

    assert made(1) == made(1)
    assert made(1)["stores"]["test"]["account"] != made(2)["stores"]["test"]["account"]


def test_live_mode_is_tiny_and_marked(sandbox):
    live = sandbox.stripe.stores["live"].shelves
    assert 0 < len(live["charges"].rows) < 100
    assert {row["livemode"] for row in live["charges"].rows.values()} == {True}


def test_an_empty_sandbox_has_prices_and_the_tax_id_of_its_account_only(sandbox):
    empty = admin.truth(build(payments=0).stripe, {}, "")
    assert {name for name, count in empty["counts"].items() if count} == {"prices", "products", "tax_ids"}
