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


def test_partial_refunds_up_to_the_whole_and_no_further(stripe):
    charge = charge_of(stripe, pay(stripe, 10_000))
    first = post(stripe, "/v1/refunds", charge=charge["id"], amount=3_000, reason="duplicate")
    assert (first["status"], first["amount"], entry(stripe, first)["amount"]) == ("succeeded", 3_000, -3_000)
    assert entry(stripe, first)["fee"] == 0
    row = get(stripe, f"/v1/charges/{charge['id']}")
    assert (row["amount_refunded"], row["refunded"]) == (3_000, False)
    error = refused(stripe.post("/v1/refunds", data={"charge": charge["id"], "amount": 7_001}), 400, None)
    assert error["param"] == "amount"
    post(stripe, "/v1/refunds", payment_intent=charge["payment_intent"])
    row = get(stripe, f"/v1/charges/{charge['id']}")
    assert (row["amount_refunded"], row["refunded"]) == (10_000, True)
    refused(stripe.post("/v1/refunds", data={"charge": charge["id"]}), 400, "charge_already_refunded")
    refused(stripe.post("/v1/refunds", data={"charge": "ch_nobody"}), 404, "resource_missing")
    refused(stripe.post("/v1/refunds", data={}), 400, "parameter_missing")
    refused(stripe.post("/v1/refunds", data={"charge": charge["id"], "amount": 0}), 400, "parameter_invalid_integer")
    events = get(stripe, "/v1/events", type="charge.refunded")["data"]
    assert [row["data"]["previous_attributes"] for row in events] == [
        {"amount_refunded": 3_000, "refunded": False},
        {"amount_refunded": 0},
    ]
    assert total(stripe) == -175


def test_a_refund_that_is_pending_and_one_that_fails(stripe, clock):
    late = post(stripe, "/v1/refunds", payment_intent=pay(stripe, card="pm_card_pendingRefund")["id"])
    back = post(stripe, "/v1/refunds", payment_intent=pay(stripe, card="pm_card_refundFail")["id"], amount=2_500)
    assert (late["status"], back["status"]) == ("pending", "succeeded")
    before = total(stripe)
    clock.now += 2 * DAY
    assert get(stripe, f"/v1/refunds/{late['id']}")["status"] == "succeeded"
    failed = get(stripe, f"/v1/refunds/{back['id']}")
    assert (failed["status"], failed["failure_reason"]) == ("failed", "expired_or_canceled_card")
    line = entry(stripe, failed, "failure_balance_transaction")
    assert (line["type"], line["amount"], line["source"]) == ("refund_failure", 2_500, back["id"])
    charge = get(stripe, f"/v1/charges/{back['charge']}")
    assert (charge["amount_refunded"], charge["refunded"]) == (0, False)
    assert total(stripe) == before + 2_500
    assert {"refund.failed", "refund.updated", "charge.refund.updated"} <= set(kinds(stripe))
    updated = get(stripe, "/v1/events", type="refund.updated")["data"]
    assert {"status": "pending"} in [row["data"]["previous_attributes"] for row in updated]


def test_a_dispute_lost_and_one_won(stripe):
    lost, won = (pay(stripe, 10_000, card="pm_card_createDispute") for _ in range(2))
    rows = [get(stripe, "/v1/disputes", payment_intent=intent["id"])["data"][0] for intent in (lost, won)]
    for row in rows:
        (line,) = row["balance_transactions"]
        assert (row["status"], line["type"], line["amount"], line["fee"], line["net"], line["source"]) == (
            "needs_response",
            "adjustment",
            -10_000,
            2_000,
            -12_000,
            row["id"],
        )
    refused(stripe.post("/v1/refunds", data={"charge": rows[0]["charge"]}), 400, "charge_disputed")
    assert post(stripe, f"/v1/disputes/{rows[0]['id']}/close")["status"] == "lost"
    won = post(stripe, f"/v1/disputes/{rows[1]['id']}", **{"evidence[uncategorized_text]": "winning_evidence"})
    assert won["status"] == "won"
    assert [line["amount"] for line in won["balance_transactions"]] == [-10_000, 10_000]
    assert entry(stripe, {"balance_transaction": won["balance_transactions"][1]["id"]})["reporting_category"] == (
        "dispute_reversal"
    )
    assert get(stripe, f"/v1/charges/{won['charge']}")["disputed"] is True
    refused(stripe.post(f"/v1/disputes/{won['id']}/close"), 400, None)
    told = [kind.removeprefix("charge.dispute.") for kind in kinds(stripe) if "dispute" in kind]
    assert told[:4] == ["created", "funds_withdrawn"] * 2
    assert told[4:] == ["closed", "updated", "funds_reinstated", "closed"]
    assert total(stripe) == 2 * (10_000 - 175) - 12_000 - 12_000 + 10_000


def test_disputes_by_the_switch_and_inquiries(stripe):
    charge = charge_of(stripe, pay(stripe))
    dispute = post(stripe, f"/_admin/dispute?charge={charge['id']}&reason=inquiry")
    assert (dispute["status"], dispute["balance_transactions"]) == ("warning_needs_response", [])
    closed = post(stripe, f"/_admin/dispute?dispute={dispute['id']}&outcome=won")
    assert (closed["status"], total(stripe)) == ("warning_closed", 10_000 - 175)
    assert stripe.post("/_admin/dispute?charge=ch_nobody").status_code == 400
    assert stripe.post("/_admin/dispute").status_code == 400
