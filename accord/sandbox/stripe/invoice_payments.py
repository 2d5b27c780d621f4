"""What is paid of invoices: the intent that comes with each, and others that are attached to it."""

from typing import Any

from accord.sandbox.forms import words
from accord.sandbox.stripe import billing_objects, lifecycle, payments
from accord.sandbox.stripe.errors import bad_param, wrong_state
from accord.sandbox.stripe.events import changed, emit
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

ATTACH = frozenset(words("expand payment_intent"))

_UNPAID = ("requires_payment_method", "requires_confirmation", "requires_action", "requires_capture")


def ask(store: Store, invoice: Obj) -> None:
    """Make the intent that is to pay all that is due."""
    fields = {"customer": invoice["customer"], "description": f"Invoice {invoice['number']}"}
    intent = payments.start(store, invoice["amount_due"], invoice["currency"], fields)
    store.ties[invoice["id"]] = _tie(store, invoice, intent, invoice["amount_remaining"])["id"]


def _tie(store: Store, invoice: Obj, intent: Obj, amount: int) -> Obj:
    store.bills[intent["id"]] = invoice["id"]
    return store.add(billing_objects.invoice_payment(store, invoice, intent["id"], amount))


def asked(store: Store, invoice: Obj) -> Obj:
    """The invoice payment that came with an invoice."""
    return store.get("invoice_payment", store.ties[invoice["id"]])


def attach(store: Store, key: str, p: Params) -> Obj:
    """POST /v1/invoices/{id}/attach_payment: an intent pays some of an invoice (docs.stripe.com/invoicing)."""
    p.only(ATTACH)
    invoice = store.get("invoice", key, "invoice")
    intent = store.get("payment_intent", p.need("payment_intent"), "payment_intent", 400)
    must_be(invoice, "open", "uncollectible")
    if intent["id"] in store.bills:
        raise wrong_state("This PaymentIntent is already attached to an invoice.", param="payment_intent")
    if intent["currency"] != invoice["currency"] or intent["customer"] != invoice["customer"]:
        raise bad_param("payment_intent", "The PaymentIntent must have the invoice's customer and currency.")
    if intent["amount"] > invoice["amount_remaining"]:
        raise bad_param("payment_intent", "The PaymentIntent is over more than the invoice's remaining amount.")
    store.amend(_tie(store, invoice, intent, intent["amount"]), is_default=False)
    look(store, intent["id"])
    return invoice


def look(store: Store, intent: str) -> None:
    """After an intent changed: if it succeeded, the invoice that it was for is paid by as much."""
    invoice = store.find("invoice", store.bills.get(intent, ""))
    if invoice is None or invoice["status"] not in ("open", "uncollectible"):
        return
    found = store.get("payment_intent", intent)
    (tie,) = [row for row in _all(store, invoice) if row["payment"]["payment_intent"] == intent]
    if found["status"] != "succeeded" or tie["status"] != "open":
        return
    stamps = tie["status_transitions"] | {"paid_at": store.time()}
    store.amend(tie, status="paid", amount_paid=found["amount_received"], status_transitions=stamps)
    emit(store, "invoice_payment.paid", tie)
    _receive(store, invoice, found["amount_received"])


def _receive(store: Store, invoice: Obj, amount: int) -> None:
    left = invoice["amount_remaining"] - amount
    if left > 0:
        before = store.amend(invoice, amount_paid=invoice["amount_paid"] + amount, amount_remaining=left)
        changed(store, "invoice.updated", invoice, before)
        ask_for(store, invoice)
    else:
        if asked(store, invoice)["status"] == "open":  # another one has paid
            call_off(store, invoice, None)
        paid(store, invoice)


def _all(store: Store, invoice: Obj) -> list[Obj]:
    return [row for row in store.shelves["invoice_payments"].rows.values() if row["invoice"] == invoice["id"]]


def ask_for(store: Store, invoice: Obj) -> None:
    """Have the intent that came with an open invoice ask for what remains, after that has changed."""
    tie = asked(store, invoice)
    intent = store.get("payment_intent", tie["payment"]["payment_intent"])
    if tie["status"] == "open" and intent["status"] in _UNPAID:
        store.amend(intent, amount=invoice["amount_remaining"])
        store.amend(tie, amount_requested=invoice["amount_remaining"])


def paid(store: Store, invoice: Obj) -> None:
    """Nothing remains to be paid."""
    store.amend(
        invoice,
        status="paid",
        attempted=True,
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        next_payment_attempt=None,
        **stamped(store, invoice, "paid_at"),
    )
    emit(store, "invoice.paid", invoice)
    emit(store, "invoice.payment_succeeded", invoice)
    lifecycle.paid(store, invoice)


def call_off(store: Store, invoice: Obj, reason: str | None) -> None:
    """The intent that came with an invoice is not to pay it any more."""
    tie = asked(store, invoice)
    intent = store.get("payment_intent", tie["payment"]["payment_intent"])
    if intent["status"] not in ("succeeded", "canceled", "processing"):
        payments.call_off(store, intent, reason)
    stamps = tie["status_transitions"] | {"canceled_at": store.time()}
    store.amend(tie, status="canceled", status_transitions=stamps)


def charges(store: Store, invoice: Obj) -> list[Obj]:
    """The charges that paid an invoice."""
    intents = [row["payment"]["payment_intent"] for row in _all(store, invoice) if row["status"] == "paid"]
    return [store.get("charge", store.get("payment_intent", intent)["latest_charge"]) for intent in intents]


def stamped(store: Store, invoice: Obj, name: str) -> dict[str, Any]:
    return {"status_transitions": invoice["status_transitions"] | {name: store.time()}}


def must_be(invoice: Obj, *statuses: str) -> None:
    if invoice["status"] not in statuses:
        wanted = " or ".join(statuses)
        raise wrong_state(
            f"This invoice is {invoice['status']}; only {wanted} ones allow this.", "invoice_not_editable"
        )
