"""Refunds: partial, full, late, failed, and the release of what was only authorised (docs.stripe.com/refunds)."""

from accord.sandbox.forms import words
from accord.sandbox.stripe import cards, money, objects
from accord.sandbox.stripe.errors import StripeError, bad_param, missing_param, wrong_state
from accord.sandbox.stripe.events import changed, emit
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

CREATE = frozenset(words("amount charge expand metadata payment_intent reason"))
UPDATE = frozenset(words("expand metadata"))

_REASONS = ("duplicate", "fraudulent", "requested_by_customer")
_BANK_TAKES = 2 * money.DAY


def create(store: Store, _: str, p: Params) -> Obj:
    p.only(CREATE)
    amount = p.whole("amount")
    if amount is not None and amount < 1:
        raise bad_param("amount", "Invalid positive integer", "parameter_invalid_integer")
    reason = p.choice("reason", _REASONS)
    charge = _charge(store, p)
    metadata = p.metadata()
    if amount is not None:
        _last_digits(amount, charge["currency"])
    return give(store, charge, amount, reason, metadata)


def _charge(store: Store, p: Params) -> Obj:
    if (key := p.text("charge")) is not None:
        return store.get("charge", key, "charge")
    if (key := p.text("payment_intent")) is None:
        raise missing_param("charge")
    intent = store.get("payment_intent", key, "payment_intent")
    if intent["status"] != "succeeded":
        raise wrong_state(
            f"This PaymentIntent has a status of {intent['status']}; only one that succeeded can be refunded.",
            "payment_intent_unexpected_state",
            "payment_intent",
        )
    return store.get("charge", intent["latest_charge"])


def _last_digits(amount: int, currency: str) -> None:
    if (money.exponent(currency) == 3 and amount % 10) or (currency in ("isk", "ugx") and amount % 100):
        raise bad_param("amount", f"The last digits of an amount in {currency} must be 0.")


def give(store: Store, charge: Obj, amount: int | None, reason: str | None, metadata: dict[str, str]) -> Obj:
    """Refund `amount`, or all that is left, of a charge; raises Stripe's refusals."""
    left = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise wrong_state(f"Charge {charge['id']} has not been captured, so it cannot be refunded.", param="charge")
    if charge["disputed"] and not _only_inquiries(store, charge):
        raise wrong_state(f"Charge {charge['id']} has been charged back; cannot issue a refund.", "charge_disputed")
    if charge["refunded"] or left <= 0:
        raise wrong_state(f"Charge {charge['id']} has already been refunded.", "charge_already_refunded")
    amount = left if amount is None else amount
    if amount > left:
        raise over_refund(amount, left)
    does = cards.card(store, charge["payment_method"]).does
    late = does == "refund_later"
    fields = {"reason": reason, "metadata": metadata, "status": "pending" if late else "succeeded"}
    refund = objects.refund(store, charge, amount, fields)
    refund["balance_transaction"] = money.give_back(store, charge, amount, refund["id"])["id"]
    store.add(refund)
    _count(store, charge, amount)
    emit(store, "refund.created", refund)
    if late or does == "refund_fails":
        store.at(store.time() + _BANK_TAKES, "refund_arrives" if late else "refund_fails", refund["id"])
    return refund


def over_refund(amount: int, left: int) -> StripeError:
    return wrong_state(f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})", param="amount")


def _only_inquiries(store: Store, charge: Obj) -> bool:
    rows = store.shelves["disputes"].rows.values()
    return all(row["is_charge_refundable"] for row in rows if row["charge"] == charge["id"])


def _count(store: Store, charge: Obj, amount: int) -> None:
    total = charge["amount_refunded"] + amount
    before = store.amend(
        charge, amount_refunded=total, refunded=total >= (charge["amount_captured"] or charge["amount"])
    )
    emit(store, "charge.refunded", charge, before)


def release(store: Store, charge: Obj, *, expired: bool) -> Obj:
    """Give an authorised amount back that was never captured: a refund without a balance transaction."""
    reason = "expired_uncaptured_charge" if expired else "requested_by_customer"
    refund = store.add(objects.refund(store, charge, charge["amount"], {"reason": reason}))
    before = store.amend(charge, amount_refunded=charge["amount"], refunded=True)
    emit(store, "charge.expired" if expired else "charge.refunded", charge, before)
    emit(store, "refund.created", refund)
    return refund


def update(store: Store, key: str, p: Params) -> Obj:
    p.only(UPDATE)
    refund = store.get("refund", key)
    if "metadata" in p:
        _changed(store, refund, store.amend(refund, metadata=p.metadata(refund["metadata"])))
    return refund


def _changed(store: Store, refund: Obj, before: Obj) -> None:
    """Both the event and its older twin, as Stripe sends them."""
    changed(store, "refund.updated", refund, before)
    changed(store, "charge.refund.updated", refund, before)


def arrives(store: Store, key: str) -> None:
    """Timer: the bank took a refund that was pending."""
    refund = store.get("refund", key)
    if refund["status"] == "pending":
        _changed(store, refund, store.amend(refund, status="succeeded"))


def fail(store: Store, key: str) -> None:
    """Timer: the bank sent a refund back. The money returns to the balance; the charge counts as not refunded."""
    refund = store.get("refund", key)
    if refund["status"] == "failed":
        return
    charge = store.get("charge", refund["charge"])
    out = store.get("balance_transaction", refund["balance_transaction"])
    back = money.post(
        store,
        "refund_failure",
        -out["amount"],
        out["currency"],
        source=refund["id"],
        rate=out["exchange_rate"],
        description=f"REFUND FAILURE ({out['description']})",
    )
    before = store.amend(
        refund, status="failed", failure_reason="expired_or_canceled_card", failure_balance_transaction=back["id"]
    )
    left = charge["amount_refunded"] - refund["amount"]
    charge_before = store.amend(charge, amount_refunded=left, refunded=False)
    _changed(store, refund, before)
    emit(store, "refund.failed", refund, before)
    changed(store, "charge.updated", charge, charge_before)
