"""Credit notes: some or all of a finalized invoice taken back (docs.stripe.com/invoicing/integration/credit-notes)."""

from accord.sandbox.forms import words
from accord.sandbox.stripe import billing_objects, invoice_payments, refunds, taxes
from accord.sandbox.stripe.errors import bad_param, missing_param, wrong_state
from accord.sandbox.stripe.events import changed, emit
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

CREATE = frozenset(
    words("""amount credit_amount email_type expand invoice lines memo metadata out_of_band_amount reason
    refund_amount""")
)
LINE = frozenset(words("amount description invoice_line_item quantity tax_rates type unit_amount"))
UPDATE = frozenset(words("expand memo metadata"))
VOID = frozenset(("expand",))

_REASONS = ("duplicate", "fraudulent", "order_change", "product_unsatisfactory")
_AFTER = ("refund_amount", "credit_amount", "out_of_band_amount")


def create(store: Store, _: str, p: Params) -> Obj:
    """What an open invoice asks for is lowered first; what is beyond that has to go somewhere."""
    p.only(CREATE)
    invoice = store.get("invoice", p.need("invoice"), "invoice", 400)
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise wrong_state(f"You can not issue a credit note for an invoice that is {invoice['status']}.")
    reason, metadata = p.choice("reason", _REASONS), p.metadata()
    rows = _rows(store, invoice, p)
    sums = taxes.sums(rows)
    total = sums["total"]
    if total < 1:
        raise bad_param("amount", "Invalid positive integer", "parameter_invalid_integer")
    if total > _creditable(store, invoice):
        raise bad_param("amount", f"The credit note is over {total}, more than can be credited of the invoice.")
    before = min(total, invoice["amount_remaining"])
    goes = {name: p.whole(name) or 0 for name in _AFTER}
    if sum(goes.values()) != total - before:
        raise bad_param(
            "refund_amount",
            f"The sum of refund, credit and out of band amounts must equal the post payment amount ({total - before}).",
        )
    number = len(_of(store, invoice)) + 1
    fields = sums | {
        "amount": total,
        "memo": p.text("memo"),
        "metadata": metadata,
        "out_of_band_amount": goes["out_of_band_amount"] or None,
        "post_payment_amount": total - before,
        "pre_payment_amount": before,
        "reason": reason,
        "type": "pre_payment" if before == total else "mixed" if before else "post_payment",
    }
    note = billing_objects.credit_note(store, invoice, number, fields)
    store.lines[note["id"]] = rows
    note["lines"] = billing_objects.sublist(rows, f"/v1/credit_notes/{note['id']}/lines")
    note["refunds"] = _refunded(store, invoice, goes["refund_amount"])
    if goes["credit_amount"]:
        note["customer_balance_transaction"] = _credited(store, invoice, goes["credit_amount"])
    store.add(note)
    emit(store, "credit_note.created", note)
    _lower(store, invoice, before, total - before)
    return note


def _rows(store: Store, invoice: Obj, p: Params) -> list[Obj]:
    if "lines" in p:
        if "amount" in p:
            raise bad_param("amount", "You may only specify one of these parameters: amount, lines.")
        return [_row(store, invoice, one) for one in p.groups("lines")]
    if (amount := p.whole("amount")) is None:
        raise missing_param("amount")
    return [billing_objects.credit_note_line(store, amount, [], {"type": "custom_line_item"})]


def _row(store: Store, invoice: Obj, p: Params) -> Obj:
    p.only(LINE)
    if p.choice("type", ("custom_line_item", "invoice_line_item")) == "custom_line_item":
        unit, many = p.whole("unit_amount"), p.whole("quantity") or 1
        if unit is None:
            raise missing_param(p.name("unit_amount"))
        made = {"quantity": many, "unit_amount": unit, "unit_amount_decimal": str(unit)}
        fields = made | {"description": p.text("description"), "type": "custom_line_item"}
        return billing_objects.credit_note_line(
            store, unit * many, taxes.of(unit * many, taxes.named(store, p)), fields
        )
    key = p.need("invoice_line_item")
    line = next((row for row in store.lines[invoice["id"]] if row["id"] == key), None)
    if line is None:
        raise bad_param(p.name("invoice_line_item"), f"No such invoice line item: '{key[:60]}'", "resource_missing")
    amount, quantity = p.whole("amount"), p.whole("quantity")
    if (amount is None) == (quantity is None):
        raise bad_param(p.name("amount"), "You must specify one of these parameters: amount, quantity.")
    credited = line["amount"] * (quantity or 0) // line["quantity"] if amount is None else amount
    if not 0 < credited <= line["amount"]:
        raise bad_param(p.name("amount"), "The amount is more than can be credited of the line.")
    return billing_objects.credit_note_line(
        store,
        credited,
        _share(line, credited),
        {"description": line["description"], "invoice_line_item": key, "quantity": quantity},
    )


def _share(line: Obj, credited: int) -> list[Obj]:
    """A line's taxes, on as much of it as is credited."""
    return [
        tax
        | {
            name: (tax[name] * credited * 2 + line["amount"]) // (line["amount"] * 2)
            for name in ("amount", "taxable_amount")
        }
        for tax in line["taxes"]
    ]


def _of(store: Store, invoice: Obj) -> list[Obj]:
    return [row for row in store.shelves["credit_notes"].rows.values() if row["invoice"] == invoice["id"]]


def _creditable(store: Store, invoice: Obj) -> int:
    """What is left of an invoice that neither credit notes nor refunds of its own took back."""
    noted = invoice["pre_payment_credit_notes_amount"] + invoice["post_payment_credit_notes_amount"]
    ours = sum(one["amount_refunded"] for note in _of(store, invoice) for one in note["refunds"])
    returned = sum(charge["amount_refunded"] for charge in invoice_payments.charges(store, invoice))
    left: int = invoice["total"] - noted - (returned - ours)
    return left


def _refunded(store: Store, invoice: Obj, amount: int) -> list[Obj]:
    if not amount:
        return []
    paid = [row for row in invoice_payments.charges(store, invoice) if row["amount"] - row["amount_refunded"] >= amount]
    if not paid:
        raise bad_param("refund_amount", "No charge of this invoice has that much left to be refunded.")
    refund = refunds.give(store, paid[0], amount, "requested_by_customer", {})
    return [{"amount_refunded": amount, "payment_record_refund": None, "refund": refund["id"], "type": "refund"}]


def _credited(store: Store, invoice: Obj, amount: int) -> str:
    """Put the amount on the customer's balance, which the next invoice draws on."""
    buyer = store.get("customer", invoice["customer"], "customer", 400)
    changed(store, "customer.updated", buyer, store.amend(buyer, balance=buyer["balance"] - amount))
    return store.new_id("cbtxn")


def _lower(store: Store, invoice: Obj, before: int, after: int) -> None:
    """Lower what the invoice asks for by what was credited before payment; with amounts below zero, raise it again."""
    left = invoice["amount_remaining"] - before
    was = store.amend(
        invoice,
        amount_due=invoice["amount_due"] - before,
        amount_remaining=left,
        pre_payment_credit_notes_amount=invoice["pre_payment_credit_notes_amount"] + before,
        post_payment_credit_notes_amount=invoice["post_payment_credit_notes_amount"] + after,
    )
    changed(store, "invoice.updated", invoice, was)
    if not before:
        return
    if left:
        invoice_payments.ask_for(store, invoice)
    else:
        invoice_payments.call_off(store, invoice, None)
        invoice_payments.paid(store, invoice)


def update(store: Store, key: str, p: Params) -> Obj:
    p.only(UPDATE)
    note = store.get("credit_note", key, "credit_note")
    fields = p.changes("memo")
    if "metadata" in p:
        fields["metadata"] = p.metadata(note["metadata"])
    changed(store, "credit_note.updated", note, store.amend(note, **fields))
    return note


def void(store: Store, key: str, p: Params) -> Obj:
    """Only while its invoice is open: the invoice then asks for the amount again."""
    p.only(VOID)
    note = store.get("credit_note", key, "credit_note")
    if note["status"] == "void":
        raise wrong_state("This credit note is void already.")
    invoice = store.get("invoice", note["invoice"])
    if invoice["status"] != "open":
        raise wrong_state(f"You can only void a credit note of an open invoice; this one is {invoice['status']}.")
    store.amend(note, status="void", voided_at=store.time())
    emit(store, "credit_note.voided", note)
    _lower(store, invoice, -note["pre_payment_amount"], -note["post_payment_amount"])
    return note
