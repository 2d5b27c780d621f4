import pytest

from accord.sandbox.stripe.subscriptions import after

DAY = 86_400
PRICE = "price_gazeta_eur"


def get(stripe, path, **params):
    return stripe.get(path, params=params).raise_for_status().json()


def post(stripe, path, **fields):
    answer = stripe.post(path, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def kinds(stripe):
    return [row["type"] for row in reversed(get(stripe, "/v1/events", limit=100)["data"])]


@pytest.fixture
def customer(stripe):
    return post(stripe, "/v1/customers", name="Ana", **{"invoice_settings[default_payment_method]": "pm_card_visa"})[
        "id"
    ]


def subscribe(stripe, customer, **fields):
    return post(stripe, "/v1/subscriptions", customer=customer, **{"items[0][price]": PRICE} | fields)


def again(stripe, subscription):
    return get(stripe, f"/v1/subscriptions/{subscription['id']}")


def test_a_subscription_starts_with_a_paid_invoice(stripe, customer):
    subscription = subscribe(stripe, customer, **{"items[0][quantity]": "2"})
    assert subscription["status"] == "active"
    (item,) = subscription["items"]["data"]
    assert item["current_period_end"] == after(subscription["created"], "month")
    assert "current_period_end" not in subscription
    invoice = get(stripe, f"/v1/invoices/{subscription['latest_invoice']}", **{"expand[]": "payments"})
    assert (invoice["status"], invoice["billing_reason"], invoice["amount_paid"], invoice["amount_remaining"]) == (
        "paid",
        "subscription_create",
        1_980,
        0,
    )
    (payment,) = invoice["payments"]["data"]
    intent = get(stripe, f"/v1/payment_intents/{payment['payment']['payment_intent']}")
    assert (payment["status"], payment["amount_paid"], intent["status"], intent["amount"]) == (
        "paid",
        1_980,
        "succeeded",
        1_980,
    )
    assert intent["customer"] == customer
    assert kinds(stripe)[1:] == [
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
    ]


def test_a_first_payment_that_fails_leaves_23_hours(stripe, customer, clock):
    subscription = subscribe(stripe, customer, default_payment_method="pm_card_chargeDeclined")
    assert subscription["status"] == "incomplete"
    saved = subscribe(stripe, customer, default_payment_method="pm_card_chargeDeclined")
    post(stripe, f"/v1/invoices/{saved['latest_invoice']}/pay", payment_method="pm_card_visa")
    clock.now += 23 * 3_600
    assert again(stripe, subscription)["status"] == "incomplete_expired"
    assert again(stripe, saved)["status"] == "active"


def test_renewal_is_collected_an_hour_after_the_period_ends(stripe, customer, clock):
    subscription = subscribe(stripe, customer)
    end = subscription["items"]["data"][0]["current_period_end"]
    clock.now = float(end)
    renewed = again(stripe, subscription)
    assert renewed["items"]["data"][0]["current_period_start"] == end
    invoice = get(stripe, f"/v1/invoices/{renewed['latest_invoice']}")
    assert (invoice["status"], invoice["billing_reason"], invoice["created"]) == ("draft", "subscription_cycle", end)
    event = get(stripe, "/v1/events", type="customer.subscription.updated")["data"][0]
    assert event["data"]["previous_attributes"]["latest_invoice"] == subscription["latest_invoice"]
    clock.now += 3_600
    assert get(stripe, f"/v1/invoices/{invoice['id']}")["status"] == "paid"


def test_a_renewal_that_fails_four_times_ends_it(stripe, customer, clock):
    subscription = subscribe(stripe, customer)
    post(stripe, f"/v1/subscriptions/{subscription['id']}", default_payment_method="pm_card_chargeDeclined")
    clock.now = subscription["items"]["data"][0]["current_period_end"] + 3_600.0
    assert again(stripe, subscription)["status"] == "past_due"
    clock.now += 9 * DAY
    ended = again(stripe, subscription)
    assert (ended["status"], ended["cancellation_details"]["reason"]) == ("canceled", "payment_failed")
    assert get(stripe, f"/v1/invoices/{ended['latest_invoice']}")["attempt_count"] == 4
    assert kinds(stripe).count("invoice.payment_failed") == 4


def test_cancelling_now_and_at_the_end_of_the_period(stripe, customer, clock):
    now, later = subscribe(stripe, customer), subscribe(stripe, customer)
    gone = stripe.delete(f"/v1/subscriptions/{now['id']}").json()
    assert (gone["status"], gone["ended_at"]) == ("canceled", int(clock.now))
    assert stripe.delete(f"/v1/subscriptions/{now['id']}").status_code == 400
    row = post(stripe, f"/v1/subscriptions/{later['id']}", cancel_at_period_end="true")
    assert (row["status"], row["cancel_at"]) == ("active", row["items"]["data"][0]["current_period_end"])
    event = get(stripe, "/v1/events", type="customer.subscription.updated")["data"][0]
    assert event["data"]["previous_attributes"]["cancel_at_period_end"] is False
    clock.now = float(row["cancel_at"])
    assert again(stripe, later)["status"] == "canceled"
    assert kinds(stripe).count("customer.subscription.deleted") == 2


def test_trials(stripe, customer, clock):
    poor = post(stripe, "/v1/customers", name="Ion")["id"]
    with_card = subscribe(stripe, customer, trial_period_days=7)
    paused = subscribe(
        stripe, poor, trial_period_days=7, **{"trial_settings[end_behavior][missing_payment_method]": "pause"}
    )
    ended = subscribe(
        stripe, poor, trial_period_days=7, **{"trial_settings[end_behavior][missing_payment_method]": "cancel"}
    )
    assert (with_card["status"], get(stripe, f"/v1/invoices/{with_card['latest_invoice']}")["total"]) == ("trialing", 0)
    clock.now += 7 * DAY + 3_600
    assert [again(stripe, row)["status"] for row in (with_card, paused, ended)] == ["active", "paused", "canceled"]
    assert "customer.subscription.paused" in kinds(stripe)
    answer = stripe.post("/v1/subscriptions", data={"customer": poor, "items[0][price]": PRICE})
    assert answer.json()["error"]["code"] == "resource_missing"


def test_a_change_of_price_counts_from_the_next_period(stripe, customer, clock):
    subscription = subscribe(stripe, customer)
    item = subscription["items"]["data"][0]
    fields = {"items[0][id]": item["id"], "items[0][price]": "price_atelier_eur"}
    changed = post(stripe, f"/v1/subscriptions/{subscription['id']}", **fields)
    assert changed["items"]["data"][0]["price"]["id"] == "price_atelier_eur"
    clock.now = item["current_period_end"] + 3_600.0
    invoice = get(stripe, f"/v1/invoices/{again(stripe, subscription)['latest_invoice']}")
    assert (invoice["status"], invoice["amount_paid"]) == ("paid", 2_900)


def test_an_invoice_by_hand(stripe, customer):
    invoice = post(stripe, "/v1/invoices", customer=customer, currency="ron")
    for amount in (10_000, -500):
        post(stripe, "/v1/invoiceitems", customer=customer, invoice=invoice["id"], amount=amount)
    row = post(stripe, f"/v1/invoices/{invoice['id']}/finalize")
    assert (row["status"], row["amount_due"], row["number"][-5:]) == ("open", 9_500, "-0001")
    row = post(stripe, f"/v1/invoices/{invoice['id']}/pay")
    assert (row["status"], row["amount_paid"]) == ("paid", 9_500)
    assert stripe.post(f"/v1/invoices/{invoice['id']}/pay").status_code == 400
    assert stripe.post(f"/v1/invoices/{invoice['id']}/void").status_code == 400
    assert stripe.delete(f"/v1/invoices/{invoice['id']}").status_code == 400


def test_the_other_ends_of_an_invoice(stripe, customer):
    def made(*steps):
        key = post(stripe, "/v1/invoices", customer=customer)["id"]
        post(stripe, "/v1/invoiceitems", customer=customer, invoice=key, amount=1_000)
        for step, fields in steps:
            post(stripe, f"/v1/invoices/{key}/{step}", **fields)
        return get(stripe, f"/v1/invoices/{key}", **{"expand[]": "payments"})

    opened = ("finalize", {})
    void = made(opened, ("void", {}))
    intent = void["payments"]["data"][0]["payment"]["payment_intent"]
    assert (void["status"], void["payments"]["data"][0]["status"]) == ("void", "canceled")
    assert get(stripe, f"/v1/payment_intents/{intent}")["cancellation_reason"] == "void_invoice"
    assert made(opened, ("mark_uncollectible", {}))["status"] == "uncollectible"
    assert made(("pay", {"paid_out_of_band": "true"}))["status"] == "paid"
    assert get(stripe, "/v1/charges")["data"] == []
    draft = made()
    assert stripe.delete(f"/v1/invoices/{draft['id']}").json() == {
        "id": draft["id"],
        "object": "invoice",
        "deleted": True,
    }
    assert stripe.get(f"/v1/invoices/{draft['id']}").status_code == 404
    told = {kind for kind in kinds(stripe) if kind.startswith("invoice.")}
    assert {"invoice.voided", "invoice.marked_uncollectible", "invoice.deleted", "invoice.finalized"} <= told


def test_an_invoice_that_is_declined_stays_open(stripe, customer):
    key = post(stripe, "/v1/invoices", customer=customer)["id"]
    post(stripe, "/v1/invoiceitems", customer=customer, invoice=key, amount=1_000)
    answer = stripe.post(f"/v1/invoices/{key}/pay", data={"payment_method": "pm_card_chargeDeclined"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "card_declined")
    row = get(stripe, f"/v1/invoices/{key}")
    assert (row["status"], row["attempt_count"], kinds(stripe)[-1]) == ("open", 1, "invoice.payment_failed")


def test_a_sent_invoice_paid_by_debit_days_later_and_one_overdue(stripe, customer, clock):
    def sent(days):
        fields = {"customer": customer, "collection_method": "send_invoice", "days_until_due": days}
        key = post(stripe, "/v1/invoices", **fields)["id"]
        post(stripe, "/v1/invoiceitems", customer=customer, invoice=key, amount=1_000)
        post(stripe, f"/v1/invoices/{key}/finalize")
        return key

    paid, late = sent(30), sent(2)
    row = post(stripe, f"/v1/invoices/{paid}/pay", payment_method="pm_successDelayed_de")
    assert row["status"] == "open"
    clock.now += 5 * DAY
    assert get(stripe, f"/v1/invoices/{paid}")["status"] == "paid"
    assert get(stripe, f"/v1/invoices/{late}")["status"] == "open"
    assert kinds(stripe).count("invoice.overdue") == 1


def test_a_deleted_customer_ends_its_subscriptions(stripe, customer):
    subscription = subscribe(stripe, customer)
    stripe.delete(f"/v1/customers/{customer}").raise_for_status()
    assert again(stripe, subscription)["status"] == "canceled"
    assert kinds(stripe)[-2:] == ["customer.subscription.deleted", "customer.deleted"]


@pytest.mark.parametrize(
    ("start", "interval", "end"),
    [
        (1_769_817_600, "month", 1_772_236_800),  # 31 January 2026 -> 28 February 2026
        (1_767_225_600, "year", 1_798_761_600),  # 1 January 2026 -> 1 January 2027
        (1_796_083_200, "month", 1_798_761_600),  # 1 December 2026 -> 1 January 2027
        (1_709_164_800, "year", 1_740_700_800),  # 29 February 2024 -> 28 February 2025
        (1_767_225_600, "week", 1_767_830_400),
    ],
)
def test_periods_follow_the_calendar(start, interval, end):
    assert after(start, interval) == end
