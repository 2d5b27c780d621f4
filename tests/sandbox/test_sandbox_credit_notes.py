import pytest


def get(stripe, path, **params):
    return stripe.get(path, params=params).raise_for_status().json()


def post(stripe, path, **fields):
    answer = stripe.post(path, data=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(stripe, path, **fields):
    answer = stripe.post(path, data=fields)
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]


def kinds(stripe):
    return [row["type"] for row in reversed(get(stripe, "/v1/events", limit=100)["data"])]


@pytest.fixture
def customer(stripe):
    method = {"invoice_settings[default_payment_method]": "pm_card_visa"}
    ids = {"tax_id_data[0][type]": "eu_vat", "tax_id_data[0][value]": "RO90000022"}
    return post(stripe, "/v1/customers", name="Ana", **method, **ids)["id"]


@pytest.fixture
def bill(stripe, customer):
    """An open invoice over 100.00 and its taxes."""

    def bill(*rates, amount=10_000, finalize=True, lines=1):
        invoice = post(stripe, "/v1/invoices", customer=customer, collection_method="send_invoice", currency="eur")
        taxed = {f"tax_rates[{n}]": rate for n, rate in enumerate(rates)}
        for number in range(lines):
            item = {"invoice": invoice["id"], "customer": customer, "description": f"Work {number + 1}"}
            post(stripe, "/v1/invoiceitems", amount=amount, **item, **taxed)
        path = f"/v1/invoices/{invoice['id']}"
        return post(stripe, f"{path}/finalize") if finalize else get(stripe, path)

    return bill


def again(stripe, invoice):
    return get(stripe, f"/v1/invoices/{invoice['id']}")


def amounts(invoice):
    names = ("amount_due", "amount_paid", "amount_remaining")
    notes = ("pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")
    return (invoice["status"], *(invoice[name] for name in (*names, *notes)))


def credit(stripe, invoice, **fields):
    return post(stripe, "/v1/credit_notes", invoice=invoice["id"], **fields)


def test_before_payment_the_invoice_asks_for_less(stripe, bill):
    invoice = bill()
    seen = len(kinds(stripe))
    note = credit(stripe, invoice, amount=3_000, memo="One piece less", reason="order_change")
    assert (note["number"], note["status"], note["type"]) == (f"{invoice['number']}-CN-01", "issued", "pre_payment")
    assert (note["total"], note["pre_payment_amount"], note["post_payment_amount"]) == (3_000, 3_000, 0)
    assert amounts(again(stripe, invoice)) == ("open", 7_000, 0, 7_000, 3_000, 0)
    assert kinds(stripe)[seen:] == ["credit_note.created", "invoice.updated"]
    paid = post(stripe, f"/v1/invoices/{invoice['id']}/pay")
    assert amounts(paid) == ("paid", 7_000, 7_000, 0, 3_000, 0)
    (charge,) = get(stripe, "/v1/charges")["data"]
    assert charge["amount"] == 7_000


def test_all_of_it_before_payment_leaves_nothing_to_pay(stripe, bill):
    invoice = bill()
    credit(stripe, invoice, amount=10_000)
    assert amounts(again(stripe, invoice)) == ("paid", 0, 0, 0, 10_000, 0)
    (intent,) = get(stripe, "/v1/payment_intents")["data"]
    assert intent["status"] == "canceled"
    assert kinds(stripe)[-2:] == ["invoice.paid", "invoice.payment_succeeded"]


def test_after_payment_the_money_goes_somewhere(stripe, bill, customer):
    invoice = post(stripe, f"/v1/invoices/{bill()['id']}/pay")
    error = refused(stripe, "/v1/credit_notes", invoice=invoice["id"], amount=3_000)
    assert error["param"] == "refund_amount"
    goes = {"refund_amount": 1_000, "credit_amount": 1_500, "out_of_band_amount": 500}
    note = credit(stripe, invoice, amount=3_000, **goes)
    assert (note["type"], note["post_payment_amount"], note["out_of_band_amount"]) == ("post_payment", 3_000, 500)
    assert amounts(again(stripe, invoice)) == ("paid", 10_000, 10_000, 0, 0, 3_000)
    (refund,) = get(stripe, "/v1/refunds")["data"]
    assert (refund["amount"], note["refunds"][0]["refund"]) == (1_000, refund["id"])
    assert get(stripe, f"/v1/customers/{customer}")["balance"] == -1_500


def test_what_a_customer_has_to_its_credit_is_taken_by_the_next_invoice(stripe, bill, customer):
    credit(stripe, post(stripe, f"/v1/invoices/{bill()['id']}/pay"), amount=3_000, credit_amount=3_000)
    invoice = bill()
    assert (invoice["starting_balance"], invoice["ending_balance"], invoice["total"]) == (-3_000, 0, 10_000)
    assert amounts(invoice)[:4] == ("open", 7_000, 0, 7_000)
    assert get(stripe, f"/v1/customers/{customer}")["balance"] == 0


def test_an_invoice_that_was_paid_in_part_takes_some_of_each(stripe, bill, customer):
    invoice = bill()
    intent = post(stripe, "/v1/payment_intents", amount=4_000, currency="eur", customer=customer)
    path = f"/v1/invoices/{invoice['id']}/attach_payment"
    assert amounts(post(stripe, path, payment_intent=intent["id"]))[:4] == ("open", 10_000, 0, 10_000)
    post(stripe, f"/v1/payment_intents/{intent['id']}/confirm", payment_method="pm_card_visa")
    assert amounts(again(stripe, invoice))[:4] == ("open", 10_000, 4_000, 6_000)
    assert kinds(stripe)[-2:] == ["invoice_payment.paid", "invoice.updated"]
    note = credit(stripe, invoice, amount=7_000, refund_amount=1_000)
    assert (note["type"], note["pre_payment_amount"], note["post_payment_amount"]) == ("mixed", 6_000, 1_000)
    assert amounts(again(stripe, invoice)) == ("paid", 4_000, 4_000, 0, 6_000, 1_000)


def test_the_last_part_pays_the_invoice(stripe, bill, customer):
    invoice = bill()
    order = {"currency": "eur", "customer": customer, "payment_method": "pm_card_visa", "confirm": "true"}
    for amount in (4_000, 6_000):
        intent = post(stripe, "/v1/payment_intents", amount=amount, **order)
        paid = post(stripe, f"/v1/invoices/{invoice['id']}/attach_payment", payment_intent=intent["id"])
    assert amounts(paid)[:4] == ("paid", 10_000, 10_000, 0)
    rows = get(stripe, "/v1/invoice_payments", invoice=invoice["id"])["data"]
    assert sorted((row["status"], row["amount_paid"]) for row in rows if row["amount_paid"]) == [
        ("paid", 4_000),
        ("paid", 6_000),
    ]
    assert [row["status"] for row in rows if row["is_default"]] == ["canceled"]


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ({"amount": 10_001}, "remaining amount"),
        ({"currency": "ron"}, "customer and currency"),
        ({"customer": ""}, "customer and currency"),
    ],
)
def test_a_payment_that_does_not_fit_is_not_attached(stripe, bill, customer, order, why):
    invoice = bill()
    intent = post(stripe, "/v1/payment_intents", **{"amount": 4_000, "currency": "eur", "customer": customer} | order)
    error = refused(stripe, f"/v1/invoices/{invoice['id']}/attach_payment", payment_intent=intent["id"])
    assert why in error["message"]


def test_voiding_asks_for_the_amount_again(stripe, bill, clock):
    invoice = bill()
    note = credit(stripe, invoice, amount=3_000)
    voided = post(stripe, f"/v1/credit_notes/{note['id']}/void")
    assert (voided["status"], voided["voided_at"]) == ("void", int(clock.now))
    assert amounts(again(stripe, invoice)) == ("open", 10_000, 0, 10_000, 0, 0)
    assert kinds(stripe)[-2:] == ["credit_note.voided", "invoice.updated"]
    assert "void" in refused(stripe, f"/v1/credit_notes/{note['id']}/void")["message"]
    post(stripe, f"/v1/invoices/{invoice['id']}/pay")
    (charge,) = get(stripe, "/v1/charges")["data"]
    assert charge["amount"] == 10_000


def test_a_credit_note_of_a_paid_invoice_stays(stripe, bill):
    invoice = post(stripe, f"/v1/invoices/{bill()['id']}/pay")
    note = credit(stripe, invoice, amount=3_000, out_of_band_amount=3_000)
    assert "paid" in refused(stripe, f"/v1/credit_notes/{note['id']}/void")["message"]


def test_lines_are_credited_with_their_share_of_tax(stripe, bill):
    rate = post(stripe, "/v1/tax_rates", display_name="TVA", percentage="21", inclusive="false")
    within = post(stripe, "/v1/tax_rates", display_name="VAT", percentage="8.875", inclusive="true")
    assert (rate["percentage"], within["percentage"]) == (21, 8.875)
    invoice = bill(rate["id"])
    assert (invoice["subtotal"], invoice["total"], invoice["total_excluding_tax"]) == (10_000, 12_100, 10_000)
    (line,) = invoice["lines"]["data"]
    assert line["taxes"][0] == {
        "amount": 2_100,
        "tax_behavior": "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": "not_available",
        "taxable_amount": 10_000,
        "type": "tax_rate_details",
    }
    chosen = {"lines[0][type]": "invoice_line_item", "lines[0][invoice_line_item]": line["id"]}
    own = {"lines[1][type]": "custom_line_item", "lines[1][description]": "Sorry", "lines[1][unit_amount]": 500}
    taxed = {"lines[1][quantity]": 2, "lines[1][tax_rates][0]": within["id"]}
    note = credit(stripe, invoice, **chosen, **{"lines[0][amount]": 3_000}, **own, **taxed)
    assert (note["subtotal"], note["total"], note["total_excluding_tax"]) == (4_000, 4_630, 3_918)
    first, second = get(stripe, f"/v1/credit_notes/{note['id']}/lines")["data"]
    assert (first["taxes"][0]["amount"], first["invoice_line_item"]) == (630, line["id"])
    assert (second["amount"], second["taxes"][0]["amount"], second["unit_amount_decimal"]) == (1_000, 82, "500")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "amount"),
        ({"amount": 0}, "amount"),
        ({"amount": 10_001}, "amount"),
        ({"amount": 1_000, "refund_amount": 1}, "refund_amount"),
        ({"amount": 1_000, "reason": "whim"}, "reason"),
        ({"amount": 1_000, "colour": "red"}, "colour"),
        ({"lines[0][type]": "invoice_line_item", "lines[0][invoice_line_item]": "il_0"}, "lines[0][invoice_line_item]"),
        ({"lines[0][type]": "custom_line_item"}, "lines[0][unit_amount]"),
        ({"amount": 1_000, "lines[0][type]": "custom_line_item"}, "amount"),
    ],
)
def test_what_is_refused_names_the_parameter(stripe, bill, fields, param):
    error = refused(stripe, "/v1/credit_notes", invoice=bill()["id"], **fields)
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


def test_only_finalized_invoices_are_credited(stripe, bill):
    draft = bill(finalize=False)
    assert "draft" in refused(stripe, "/v1/credit_notes", invoice=draft["id"], amount=1)["message"]
    error = refused(stripe, "/v1/credit_notes", invoice="in_0", amount=1)
    assert (error["code"], error["param"]) == ("resource_missing", "invoice")
    voided = post(stripe, f"/v1/invoices/{bill()['id']}/void")
    assert "void" in refused(stripe, "/v1/credit_notes", invoice=voided["id"], amount=1)["message"]


def test_no_more_is_credited_than_was_left(stripe, bill):
    invoice = post(stripe, f"/v1/invoices/{bill()['id']}/pay")
    (charge,) = get(stripe, "/v1/charges")["data"]
    post(stripe, "/v1/refunds", charge=charge["id"], amount=6_000)
    assert "5000" in refused(stripe, "/v1/credit_notes", invoice=invoice["id"], amount=5_000)["message"]
    credit(stripe, invoice, amount=4_000, refund_amount=4_000)
    assert refused(stripe, "/v1/credit_notes", invoice=invoice["id"], amount=1)["param"] == "amount"


def test_they_are_listed_found_changed_and_expanded(stripe, bill, customer):
    first, second = bill(), bill()
    notes = [credit(stripe, invoice, amount=1_000) for invoice in (first, second, second)]
    listed = get(stripe, "/v1/credit_notes")["data"]
    assert [note["id"] for note in listed] == [note["id"] for note in reversed(notes)]
    assert [note["number"][-5:] for note in listed] == ["CN-02", "CN-01", "CN-01"]
    of_first = get(stripe, "/v1/credit_notes", invoice=first["id"], customer=customer)["data"]
    assert [note["id"] for note in of_first] == [notes[0]["id"]]
    changed = post(stripe, f"/v1/credit_notes/{notes[0]['id']}", memo="As agreed")
    assert changed["memo"] == "As agreed"
    assert kinds(stripe)[-1] == "credit_note.updated"
    paths = {"expand[0]": "invoice", "expand[1]": "invoice.account_tax_ids"}
    shown = get(stripe, f"/v1/credit_notes/{notes[0]['id']}", **paths)["invoice"]
    assert (shown["number"], shown["account_tax_ids"][0]["value"]) == (first["number"], "RO90000014")
    assert shown["customer_tax_ids"] == [{"type": "eu_vat", "value": "RO90000022"}]
    assert stripe.get("/v1/credit_notes/cn_0").status_code == 404


def test_an_invoice_has_a_pdf_once_it_is_final(stripe, bill):
    assert bill(finalize=False)["invoice_pdf"] is None
    assert bill()["invoice_pdf"].startswith("https://pay.stripe.com/invoice/acct_")


@pytest.mark.parametrize(
    ("fields", "param"), [({"percentage": "many"}, "percentage"), ({"inclusive": ""}, "inclusive")]
)
def test_a_tax_rate_is_a_number_and_says_whether_it_is_included(stripe, fields, param):
    rate = {"display_name": "TVA", "percentage": "21", "inclusive": "false"} | fields
    assert refused(stripe, "/v1/tax_rates", **rate)["param"] == param


def test_a_tax_rate_keeps_its_percentage(stripe):
    rate = post(stripe, "/v1/tax_rates", display_name="TVA", percentage="21", inclusive="false")
    assert refused(stripe, f"/v1/tax_rates/{rate['id']}", percentage="19")["code"] == "parameter_unknown"
    changed = post(stripe, f"/v1/tax_rates/{rate['id']}", active="false", display_name="TVA 21%")
    assert (changed["active"], changed["display_name"], changed["percentage"]) == (False, "TVA 21%", 21)
    assert get(stripe, "/v1/tax_rates", active="true")["data"] == []
