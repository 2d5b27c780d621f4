"""Invoices: draft, finalise, collect, void, write off (docs.stripe.com/invoicing/overview)."""

from typing import Any

from accord.sandbox.forms import words
from accord.sandbox.stripe import billing_objects, cards, invoice_payments, lifecycle, money, payments, taxes
from accord.sandbox.stripe.errors import StripeError, bad_param, missing_param, wrong_state
from accord.sandbox.stripe.events import changed, emit
from accord.sandbox.stripe.invoice_payments import must_be, stamped
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

CREATE = frozenset(
    words("""auto_advance collection_method currency customer days_until_due default_payment_method description expand
    metadata""")
)
UPDATE = frozenset(words("auto_advance default_payment_method description expand metadata"))
ITEM = frozenset(words("amount currency customer description expand invoice metadata tax_rates"))
FINALIZE = frozenset(words("auto_advance expand"))
PAY = frozenset(words("expand off_session paid_out_of_band payment_method"))
PLAIN = frozenset(("expand",))


def create(store: Store, _: str, p: Params) -> Obj:
    p.only(CREATE)
    buyer = store.get("customer", p.need("customer"), "customer", 400)
    method = p.choice("collection_method", ("charge_automatically", "send_invoice"), "charge_automatically")
    fields: dict[str, Any] = {
        "auto_advance": p.flag("auto_advance"),
        "collection_method": method,
        "description": p.text("description"),
        "metadata": p.metadata(),
    }
    if (token := p.text("default_payment_method")) is not None:
        fields["default_payment_method"] = cards.method(store, token, "default_payment_method")
    if method == "send_invoice":
        fields["due_date"] = store.time() + (p.whole("days_until_due") or 30) * money.DAY
    return draft(store, buyer, money.check_currency(p.text("currency") or "eur"), fields)


def draft(store: Store, buyer: Obj, currency: str, fields: dict[str, Any]) -> Obj:
    """A new draft without lines; one that advances by itself is finalised in an hour."""
    invoice = billing_objects.invoice(store, buyer, currency, fields)
    store.lines[invoice["id"]] = []
    store.add(invoice)
    emit(store, "invoice.created", invoice)
    if invoice["auto_advance"]:
        due = store.time() + 3_600
        store.amend(invoice, automatically_finalizes_at=due)
        store.at(due, "advance", invoice["id"])
    return invoice


def add_line(store: Store, invoice: Obj, line: Obj) -> None:
    """Put a line on a draft and add it up."""
    rows = store.lines[invoice["id"]]
    rows.append(line)
    sums = taxes.sums(rows)
    due = dict.fromkeys(("amount_due", "amount_remaining"), sums["total"])
    lines = billing_objects.sublist(rows, f"/v1/invoices/{invoice['id']}/lines")
    store.amend(invoice, lines=lines, **due, **sums)


def create_item(store: Store, _: str, p: Params) -> Obj:
    """POST /v1/invoiceitems: a line on a given draft."""
    p.only(ITEM)
    invoice = store.get("invoice", p.need("invoice"), "invoice", 400)
    must_be(invoice, "draft")
    if p.need("customer") != invoice["customer"]:
        raise bad_param("customer", "The invoice belongs to another customer.")
    if (p.text("currency") or invoice["currency"]).lower() != invoice["currency"]:
        raise bad_param("currency", f"The invoice is in {invoice['currency']}.")
    amount = p.whole("amount")
    if amount is None:
        raise missing_param("amount")
    text, now = p.text("description") or "", store.time()
    line = billing_objects.line(store, invoice["id"], amount, invoice["currency"], text, (now, now))
    line["taxes"] = taxes.of(amount, taxes.named(store, p))
    add_line(store, invoice, line)
    emit(store, "invoice.updated", invoice, {"lines": {"total_count": len(store.lines[invoice["id"]]) - 1}})
    return {
        "id": store.new_id("ii"),
        "object": "invoiceitem",
        "amount": amount,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "date": now,
        "description": text,
        "invoice": invoice["id"],
        "livemode": store.livemode,
        "metadata": p.metadata(),
    }


def update(store: Store, key: str, p: Params) -> Obj:
    p.only(UPDATE)
    invoice = store.get("invoice", key, "invoice")
    fields = p.changes("description")
    if "auto_advance" in p:
        fields["auto_advance"] = p.flag("auto_advance")
    if (token := p.text("default_payment_method")) is not None:
        fields["default_payment_method"] = cards.method(store, token, "default_payment_method")
    if "metadata" in p:
        fields["metadata"] = p.metadata(invoice["metadata"])
    changed(store, "invoice.updated", invoice, store.amend(invoice, **fields))
    return invoice


def finalize(store: Store, key: str, p: Params) -> Obj:
    p.only(FINALIZE)
    invoice = store.get("invoice", key, "invoice")
    must_be(invoice, "draft")
    issue(store, invoice)
    return invoice


def issue(store: Store, invoice: Obj) -> None:
    """Number the invoice and open it; one over nothing is paid at once, any other gets a payment intent."""
    buyer = store.find("customer", invoice["customer"])
    prefix, number = invoice["customer"][4:12].upper(), 1
    if buyer:
        number = buyer["next_invoice_sequence"]
        store.amend(buyer, next_invoice_sequence=number + 1)
    store.amend(
        invoice,
        status="open",
        number=f"{prefix}-{number:04}",
        effective_at=store.time(),
        automatically_finalizes_at=None,
        hosted_invoice_url=f"https://invoice.stripe.com/i/{store.account}/{invoice['id']}",
        invoice_pdf=f"https://pay.stripe.com/invoice/{store.account}/{invoice['id']}/pdf?s=ap",
        **_balanced(store, buyer, invoice),
        **stamped(store, invoice, "finalized_at"),
    )
    emit(store, "invoice.finalized", invoice)
    if invoice["amount_due"] <= 0:
        return invoice_payments.paid(store, invoice)
    invoice_payments.ask(store, invoice)
    if invoice["due_date"]:
        store.at(invoice["due_date"], "overdue", invoice["id"])
    return None


def _balanced(store: Store, buyer: Obj | None, invoice: Obj) -> dict[str, Any]:
    """What the customer's credit, a balance below zero, takes over of an invoice."""
    balance = min(buyer["balance"], 0) if buyer else 0
    over = min(-balance, max(invoice["total"], 0))
    if buyer and over:
        changed(store, "customer.updated", buyer, store.amend(buyer, balance=balance + over))
    due = dict.fromkeys(("amount_due", "amount_remaining"), invoice["total"] - over)
    return {"starting_balance": balance, "ending_balance": balance + over, **due}


def pay(store: Store, key: str, p: Params) -> Obj:
    """Collect now; a draft is finalised first. Raises Stripe's 402 when the card is declined."""
    p.only(PAY)
    invoice = store.get("invoice", key, "invoice")
    token = p.text("payment_method")
    method = cards.method(store, token) if token else None
    must_be(invoice, "draft", "open", "uncollectible")
    if invoice["status"] == "draft":
        issue(store, invoice)
        if invoice["status"] == "paid":
            return invoice
    if p.flag("paid_out_of_band"):
        invoice_payments.call_off(store, invoice, None)
        invoice_payments.paid(store, invoice)
        return invoice
    if refusal := collect(store, invoice, method):
        raise refusal
    return invoice


def collect(store: Store, invoice: Obj, method: str | None = None) -> StripeError | None:
    """One try to charge the given or the default payment method; the refusal, if it is refused."""
    method = method or default_method(store, invoice)
    intent = store.get("payment_intent", invoice_payments.asked(store, invoice)["payment"]["payment_intent"])
    if method is None:
        refusal: StripeError | None = wrong_state("The customer has no default payment method.", "resource_missing")
    else:
        refusal = payments.attempt(store, intent, method, off_session=True)
    store.amend(invoice, attempted=True, attempt_count=invoice["attempt_count"] + 1, next_payment_attempt=None)
    if refusal:
        emit(store, "invoice.payment_failed", invoice)
        lifecycle.failed(store, invoice)
    else:
        invoice_payments.look(store, intent["id"])
    return refusal


def default_method(store: Store, invoice: Obj) -> str | None:
    subscription = lifecycle.of(store, invoice)
    buyer = store.find("customer", invoice["customer"])
    return (
        invoice["default_payment_method"]
        or (subscription and subscription["default_payment_method"])
        or (buyer and buyer["invoice_settings"]["default_payment_method"])
        or None
    )


def void(store: Store, key: str, p: Params) -> Obj:
    p.only(PLAIN)
    invoice = store.get("invoice", key, "invoice")
    must_be(invoice, "open", "uncollectible")
    invoice_payments.call_off(store, invoice, "void_invoice")
    store.amend(invoice, status="void", next_payment_attempt=None, **stamped(store, invoice, "voided_at"))
    emit(store, "invoice.voided", invoice)
    return invoice


def write_off(store: Store, key: str, p: Params) -> Obj:
    """POST /v1/invoices/{id}/mark_uncollectible."""
    p.only(PLAIN)
    invoice = store.get("invoice", key, "invoice")
    must_be(invoice, "open")
    store.amend(invoice, status="uncollectible", **stamped(store, invoice, "marked_uncollectible_at"))
    emit(store, "invoice.marked_uncollectible", invoice)
    return invoice


def delete(store: Store, key: str, p: Params) -> Obj:
    """Drafts only; afterwards the id is unknown."""
    p.only(PLAIN)
    invoice = store.get("invoice", key, "invoice")
    must_be(invoice, "draft")
    stub = store.remove(invoice, remembered=False)
    emit(store, "invoice.deleted", invoice)
    return stub


def advance(store: Store, key: str) -> None:
    """Timer: a draft whose hour is over is finalised and collected."""
    invoice = store.find("invoice", key)
    if invoice and invoice["status"] == "draft" and invoice["auto_advance"]:
        issue(store, invoice)
        try_again(store, key)


def try_again(store: Store, key: str) -> None:
    """Timer: collect what is still open."""
    invoice = store.find("invoice", key)
    if invoice and invoice["status"] == "open" and invoice["collection_method"] == "charge_automatically":
        collect(store, invoice)


def overdue(store: Store, key: str) -> None:
    """Timer: the due date of a sent invoice has passed."""
    invoice = store.find("invoice", key)
    if invoice and invoice["status"] == "open":
        emit(store, "invoice.overdue", invoice)
        subscription = lifecycle.of(store, invoice)
        if subscription and subscription["status"] == "active":
            lifecycle.set_status(store, subscription, "past_due")
