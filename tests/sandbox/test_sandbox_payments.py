import pytest

DAY = 86_400


def get(stripe, path, **params):
    return stripe.get(path, params=params).raise_for_status().json()


def post(stripe, path, **fields):
    answer = stripe.post(path, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(answer, status, code):
    error = answer.json()["error"]
    assert (answer.status_code, error.get("code")) == (status, code)
    return error


def pay(stripe, amount=10_000, currency="eur", card="pm_card_visa", **more):
    return post(
        stripe, "/v1/payment_intents", amount=amount, currency=currency, payment_method=card, confirm="true", **more
    )


def charge_of(stripe, intent):
    return get(stripe, f"/v1/charges/{get(stripe, '/v1/payment_intents/' + intent['id'])['latest_charge']}")


def entry(stripe, row, field="balance_transaction"):
    return get(stripe, f"/v1/balance_transactions/{row[field]}")


def kinds(stripe):
    """The types of all events, oldest first."""
    return [row["type"] for row in reversed(get(stripe, "/v1/events", limit=100)["data"])]


def total(stripe, currency="eur"):
    return get(stripe, "/_admin/truth")["balance_transactions"].get(currency, {"net": 0})["net"]


def test_a_payment_with_everything_it_writes(stripe, clock):
    intent = pay(stripe, description="Ceai")
    assert (intent["status"], intent["amount_received"]) == ("succeeded", 10_000)
    charge = charge_of(stripe, intent)
    assert (charge["status"], charge["captured"], charge["paid"], charge["amount_captured"]) == (
        "succeeded",
        True,
        True,
        10_000,
    )
    line = entry(stripe, charge)
    assert (line["type"], line["source"], line["amount"], line["fee"], line["net"]) == (
        "charge",
        charge["id"],
        10_000,
        175,
        9_825,
    )
    assert (line["currency"], line["exchange_rate"], line["status"]) == ("eur", None, "pending")
    assert sum(part["amount"] for part in line["fee_details"]) == line["fee"]
    assert kinds(stripe) == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]
    clock.now = float(line["available_on"])
    assert entry(stripe, charge)["status"] == "available"


def test_events_are_frozen_copies_with_their_request(stripe):
    answer = stripe.post("/v1/customers", data={"name": "Ana"}, headers={"idempotency-key": "k-7"})
    customer = answer.json()
    post(stripe, f"/v1/customers/{customer['id']}", name="Ana-Maria", **{"metadata[a]": "1"})
    post(stripe, f"/v1/customers/{customer['id']}", name="Ana-Maria")
    updated, created = get(stripe, "/v1/events")["data"]
    assert (created["type"], created["data"], created["pending_webhooks"]) == (
        "customer.created",
        {"object": customer},
        0,
    )
    assert created["request"] == {"id": answer.headers["request-id"], "idempotency_key": "k-7"}
    assert updated["data"]["previous_attributes"] == {"name": "Ana", "metadata": {"a": None}}
    assert updated["data"]["object"]["name"] == "Ana-Maria"


@pytest.mark.parametrize(
    ("currency", "amount", "settled", "exponent"),
    [("ron", 10_000, "eur", 2), ("jpy", 5_000, "eur", 0), ("kwd", 12_340, "eur", 3), ("usd", 10_000, "usd", 2)],
)
def test_settlement_in_another_currency(stripe, currency, amount, settled, exponent):
    charge = charge_of(stripe, pay(stripe, amount, currency))
    line = entry(stripe, charge)
    assert (charge["amount"], charge["currency"], line["currency"]) == (amount, currency, settled)
    rate = 1 if line["exchange_rate"] is None else line["exchange_rate"]
    assert abs(line["amount"] - amount / 10**exponent * rate * 100) <= 0.5
    assert (line["exchange_rate"] is None) == (currency == settled)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"amount": 1_001, "currency": "kwd"}, "parameter_invalid_integer"),
        ({"amount": 1_050, "currency": "isk"}, "parameter_invalid_integer"),
        ({"amount": -5, "currency": "eur"}, "parameter_invalid_integer"),
        ({"amount": "10.5", "currency": "eur"}, "parameter_invalid_integer"),
        ({"amount": 49, "currency": "eur"}, "amount_too_small"),
        ({"amount": 100_000_000, "currency": "eur"}, "amount_too_large"),
        ({"amount": 1_000, "currency": "xyz"}, None),
        ({"currency": "eur"}, "parameter_missing"),
        ({"amount": 1_000}, "parameter_missing"),
        ({"amount": 1_000, "currency": "eur", "confirm": "true"}, "parameter_missing"),
        ({"amount": 1_000, "currency": "eur", "confirm": "perhaps"}, None),
        ({"amount": 1_000, "currency": "eur", "payment_method": "pm_nobody"}, "resource_missing"),
        ({"amount": 1_000, "currency": "eur", "customer": "cus_nobody"}, "resource_missing"),
        ({"amount": 1_000, "currency": "eur", "colour": "red"}, "parameter_unknown"),
        (
            {"amount": 1_000, "currency": "eur", "payment_method_types[]": "card"},
            "payment_method_types_no_longer_supported",
        ),
        ({"amount": 1_000, "currency": "eur", "metadata[k]": "x" * 501}, None),
    ],
)
def test_payments_that_are_refused_leave_nothing_behind(stripe, fields, code):
    refused(stripe.post("/v1/payment_intents", data=fields), 400, code)
    assert (get(stripe, "/v1/payment_intents")["data"], kinds(stripe)) == ([], [])


def test_a_declined_card(stripe):
    fields = {"amount": 900, "currency": "eur", "confirm": "true"}
    answer = stripe.post(
        "/v1/payment_intents", data=fields | {"payment_method": "pm_card_chargeDeclinedInsufficientFunds"}
    )
    error = refused(answer, 402, "card_declined")
    assert (error["type"], error["decline_code"]) == ("card_error", "insufficient_funds")
    intent = get(stripe, f"/v1/payment_intents/{error['payment_intent']['id']}")
    assert (intent["status"], intent["last_payment_error"]["code"]) == ("requires_payment_method", "card_declined")
    charge = get(stripe, f"/v1/charges/{error['charge']}")
    assert (charge["status"], charge["paid"], charge["balance_transaction"]) == ("failed", False, None)
    assert kinds(stripe)[1:] == ["charge.failed", "payment_intent.payment_failed"]
    done = post(stripe, f"/v1/payment_intents/{intent['id']}/confirm", payment_method="pm_card_visa")
    assert (done["status"], done["last_payment_error"]) == ("succeeded", None)
    refused(stripe.post(f"/v1/payment_intents/{intent['id']}/confirm"), 400, "payment_intent_unexpected_state")


def test_authentication(stripe):
    intent = pay(stripe, card="pm_card_authenticationRequired")
    assert (intent["status"], intent["latest_charge"]) == ("requires_action", None)
    assert kinds(stripe)[-1] == "payment_intent.requires_action"
    fields = {"amount": 900, "currency": "eur", "confirm": "true", "off_session": "true"}
    answer = stripe.post("/v1/payment_intents", data=fields | {"payment_method": "pm_card_authenticationRequired"})
    refused(answer, 402, "authentication_required")


def test_a_direct_debit_takes_days(stripe, clock):
    good, bad = pay(stripe, card="pm_successDelayed_de"), pay(stripe, card="pm_failed_de")
    assert (good["status"], charge_of(stripe, good)["status"]) == ("processing", "pending")
    clock.now += 5 * DAY
    charge = charge_of(stripe, good)
    assert (charge["status"], charge["id"][:3], entry(stripe, charge)["type"]) == ("succeeded", "py_", "payment")
    charge = charge_of(stripe, bad)
    assert (charge["status"], charge["balance_transaction"]) == ("failed", None)
    assert get(stripe, f"/v1/payment_intents/{bad['id']}")["status"] == "requires_payment_method"


def test_capture_later_and_in_part(stripe, clock):
    intent = pay(stripe, 10_000, capture_method="manual")
    assert (intent["status"], intent["amount_capturable"]) == ("requires_capture", 10_000)
    charge = charge_of(stripe, intent)
    assert (charge["captured"], charge["balance_transaction"], total(stripe)) == (False, None, 0)
    url = f"/v1/payment_intents/{intent['id']}/capture"
    refused(stripe.post(url, data={"amount_to_capture": 10_001}), 400, "amount_too_large")
    clock.now += DAY
    done = post(stripe, url, amount_to_capture=4_000)
    assert (done["status"], done["amount_received"], done["amount_capturable"]) == ("succeeded", 4_000, 0)
    charge = charge_of(stripe, intent)
    line = entry(stripe, charge)
    assert (charge["amount"], charge["amount_captured"], line["amount"]) == (10_000, 4_000, 4_000)
    assert line["created"] == charge["created"] + DAY
    assert kinds(stripe)[-2:] == ["charge.captured", "payment_intent.succeeded"]
    refused(stripe.post("/v1/refunds", data={"charge": charge["id"], "amount": 4_001}), 400, None)


def test_an_authorisation_that_is_cancelled_or_runs_out(stripe, clock):
    cancelled, expired = (pay(stripe, capture_method="manual") for _ in range(2))
    post(stripe, f"/v1/payment_intents/{cancelled['id']}/cancel", cancellation_reason="abandoned")
    clock.now += 7 * DAY
    for intent, reason, why in (
        (cancelled, "abandoned", "requested_by_customer"),
        (expired, "expired", "expired_uncaptured_charge"),
    ):
        row = get(stripe, f"/v1/payment_intents/{intent['id']}")
        assert (row["status"], row["cancellation_reason"]) == ("canceled", reason)
        charge = charge_of(stripe, intent)
        assert (charge["refunded"], charge["amount_refunded"], charge["captured"]) == (True, 10_000, False)
        refund = get(stripe, "/v1/refunds", charge=charge["id"])["data"][0]
        assert (refund["balance_transaction"], refund["reason"]) == (None, why)
    assert "charge.expired" in kinds(stripe)
    assert total(stripe) == 0
    refused(stripe.post(f"/v1/payment_intents/{expired['id']}/cancel"), 400, "payment_intent_unexpected_state")


def test_payouts(stripe, clock):
    pay(stripe, 50_000)
    refused(stripe.post("/v1/payouts", data={"amount": 100, "currency": "eur"}), 400, "balance_insufficient")
    clock.now += 8 * DAY
    manual = post(stripe, "/v1/payouts", amount=9_000, currency="eur")
    assert (manual["automatic"], entry(stripe, manual)["amount"]) == (False, -9_000)
    clock.now += 7 * DAY
    rows = get(stripe, "/v1/payouts")["data"]
    (run,) = [row for row in rows if row["automatic"]]
    assert run["amount"] == 50_000 - 775 - 9_000
    assert get(stripe, f"/v1/payouts/{manual['id']}")["status"] == "paid"
    assert total(stripe) == 0
    failed = post(stripe, f"/_admin/payout?payout={manual['id']}")
    assert (failed["status"], total(stripe)) == ("failed", 9_000)
    assert entry(stripe, failed, "failure_balance_transaction")["type"] == "payout_failure"


def test_metadata_is_merged_and_removed(stripe):
    url = "/v1/customers/" + post(stripe, "/v1/customers", **{"metadata[a]": "1", "metadata[b]": "2"})["id"]
    assert post(stripe, url, **{"metadata[a]": "", "metadata[c]": "3"})["metadata"] == {"b": "2", "c": "3"}
    assert post(stripe, url, metadata="")["metadata"] == {}


def test_a_changed_charge_says_so(stripe):
    charge = charge_of(stripe, pay(stripe))
    post(stripe, f"/v1/charges/{charge['id']}", description="Ceai verde")
    event = get(stripe, "/v1/events", type="charge.updated")["data"][0]
    assert event["data"]["previous_attributes"] == {"description": None}


def test_events_live_for_thirty_days(stripe, clock):
    post(stripe, "/v1/customers", name="Ana")
    (event,) = get(stripe, "/v1/events")["data"]
    clock.now += 30 * DAY
    assert get(stripe, "/v1/events")["data"] == [event]
    clock.now += 1
    assert get(stripe, "/v1/events")["data"] == []
    refused(stripe.get(f"/v1/events/{event['id']}"), 404, "resource_missing")


def test_activity_changes_things_and_is_told_by_events(stripe):
    for _ in range(6):
        pay(stripe, customer=post(stripe, "/v1/customers", name="Ana")["id"])
    before = len(kinds(stripe))
    happened = post(stripe, "/_admin/activity?n=20")["happened"]
    assert len(happened) == 20
    assert len(kinds(stripe)) > before
    assert stripe.post("/_admin/activity?n=0").status_code == 400
