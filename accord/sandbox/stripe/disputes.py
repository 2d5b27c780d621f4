"""Disputes and inquiries: money goes by an adjustment and comes back by another when won (docs.stripe.com/disputes)."""

from accord.sandbox.forms import words
from accord.sandbox.stripe import money, objects
from accord.sandbox.stripe.errors import wrong_state
from accord.sandbox.stripe.events import changed, emit
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

UPDATE = frozenset(words("evidence expand metadata submit"))
CLOSE = frozenset(("expand",))

_WAITING = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")


def open(store: Store, charge: Obj, reason: str) -> Obj:
    """The cardholder disputes what is left of a charge; `inquiry` only asks, and no money moves."""
    amount = charge["amount_captured"] - charge["amount_refunded"]
    if charge["status"] != "succeeded" or charge["disputed"] or amount <= 0:
        raise wrong_state(f"Charge {charge['id']} cannot be disputed: not captured, refunded or disputed already.")
    inquiry = reason == "inquiry"
    dispute = objects.dispute(store, charge, amount, "general" if inquiry else reason, inquiry)
    store.add(dispute)
    store.amend(charge, disputed=True)
    emit(store, "charge.dispute.created", dispute)
    if not inquiry:
        _adjust(store, dispute, withdrawn=True)
        emit(store, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def _adjust(store: Store, dispute: Obj, *, withdrawn: bool) -> None:
    """Write the adjustment at the day's rate; Stripe's fee for the dispute is not given back."""
    currency = dispute["currency"]
    settled, rate = money.convert(dispute["amount"], currency, store.time() // money.DAY)
    entry = money.post(
        store,
        "adjustment",
        -settled if withdrawn else settled,
        money.settlement(currency),
        source=dispute["id"],
        fee=money.dispute_fee(currency) if withdrawn else 0,
        rate=rate,
        category="dispute" if withdrawn else "dispute_reversal",
        description=f"Chargeback {'withdrawal' if withdrawn else 'reversal'} for {dispute['charge']}",
    )
    store.amend(dispute, balance_transactions=[*dispute["balance_transactions"], dict(entry)])


def close(store: Store, dispute: Obj, *, won: bool) -> Obj:
    """The bank's decision; raises when it was made before. An inquiry just ends, whatever was asked for."""
    if dispute["status"] not in _WAITING:
        raise wrong_state(f"Dispute {dispute['id']} is closed already.")
    if dispute["status"].startswith("warning"):
        store.amend(dispute, status="warning_closed")
        emit(store, "charge.dispute.closed", dispute)
        return dispute
    store.amend(dispute, status="won" if won else "lost", is_charge_refundable=False)
    if won:
        _adjust(store, dispute, withdrawn=False)
        emit(store, "charge.dispute.funds_reinstated", dispute)
    emit(store, "charge.dispute.closed", dispute)
    return dispute


def accept(store: Store, key: str, p: Params) -> Obj:
    """POST /v1/disputes/{id}/close: give in."""
    p.only(CLOSE)
    return close(store, store.get("dispute", key, "dispute"), won=False)


def update(store: Store, key: str, p: Params) -> Obj:
    """Evidence; the texts `winning_evidence` and `losing_evidence` decide at once, as in Stripe's own test mode."""
    p.only(UPDATE)
    dispute = store.get("dispute", key, "dispute")
    fields: Obj = {}
    if "metadata" in p:
        fields["metadata"] = p.metadata(dispute["metadata"])
    text = p.group("evidence").text("uncategorized_text")
    if text is not None:
        if dispute["status"] not in _WAITING:
            raise wrong_state(f"Dispute {dispute['id']} is closed; evidence cannot be changed.")
        sent = p.flag("submit", True)
        details = dispute["evidence_details"]
        fields["evidence"] = dispute["evidence"] | {"uncategorized_text": text}
        fields["evidence_details"] = details | {
            "has_evidence": True,
            "submission_count": details["submission_count"] + sent,
            "submission_method": "manual" if sent else "not_submitted",
        }
        if sent:
            fields["status"] = dispute["status"].replace("needs_response", "under_review")
    changed(store, "charge.dispute.updated", dispute, store.amend(dispute, **fields))
    if text in ("winning_evidence", "losing_evidence") and p.flag("submit", True):
        close(store, dispute, won=text == "winning_evidence")
    return dispute
