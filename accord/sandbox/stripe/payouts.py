"""Payouts to the bank, weekly by themselves or asked for, and Stripe's own monthly fees (docs.stripe.com/payouts)."""

from accord.sandbox.forms import words
from accord.sandbox.stripe import money, objects
from accord.sandbox.stripe.errors import bad_param, missing_param, wrong_state
from accord.sandbox.stripe.events import emit
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

CREATE = frozenset(words("amount currency description expand metadata method statement_descriptor"))

_FROM = 4 * money.DAY  # the first Monday after the epoch was its fifth day


def create(store: Store, _: str, p: Params) -> Obj:
    """A payout asked for; it belongs to no particular balance transactions."""
    p.only(CREATE)
    amount, currency = p.whole("amount"), p.need("currency").lower()
    if amount is None:
        raise missing_param("amount")
    if amount < 1:
        raise bad_param("amount", "Invalid positive integer", "parameter_invalid_integer")
    if currency not in ("eur", "usd"):
        raise bad_param("currency", "This account has balances in eur and usd.")
    if amount > money.totals(store, "available").get(currency, {"net": 0})["net"]:
        raise wrong_state("You have insufficient funds in your Stripe account.", "balance_insufficient", "amount")
    fields = p.changes("description", "statement_descriptor")
    return send(store, amount, currency, automatic=False, fields=fields | {"metadata": p.metadata()})


def send(store: Store, amount: int, currency: str, *, automatic: bool, fields: Obj | None = None) -> Obj:
    payout = store.add(objects.payout(store, amount, currency, automatic, fields or {}))
    entry = money.post(store, "payout", -amount, currency, source=payout["id"], description=payout["description"])
    store.amend(payout, balance_transaction=entry["id"])
    if automatic:
        store.paid_by[entry["id"]] = payout["id"]
    emit(store, "payout.created", payout)
    store.at(payout["arrival_date"], "payout_arrives", payout["id"])
    return payout


def schedule(store: Store) -> None:
    """Set the timer for the next Monday, 00:00 UTC."""
    week = 7 * money.DAY
    store.at(((store.time() - _FROM) // week + 1) * week + _FROM, "payout_run", "")


def run(store: Store, _: str) -> None:
    """Timer: pay out, per currency, everything available that no payout holds yet."""
    held: dict[str, list[Obj]] = {}
    for row in store.shelves["balance_transactions"].rows.values():
        if row["status"] == "available" and row["id"] not in store.paid_by:
            held.setdefault(row["currency"], []).append(row)
    for currency, rows in sorted(held.items()):
        amount = sum(row["net"] for row in rows)
        if amount > 0:
            payout = send(store, amount, currency, automatic=True)
            store.paid_by |= {row["id"]: payout["id"] for row in rows}
    schedule(store)


def arrive(store: Store, key: str) -> None:
    """Timer: the bank has the money."""
    payout = store.get("payout", key)
    if payout["status"] == "in_transit":
        before = store.amend(payout, status="paid", trace_id={"status": "supported", "value": key[-10:]})
        emit(store, "payout.updated", payout, before)
        emit(store, "payout.paid", payout)
        if payout["automatic"]:
            emit(store, "payout.reconciliation_completed", payout)


def fail(store: Store, payout: Obj) -> Obj:
    """The bank sent it back, even after it counted as paid; the money returns to the balance."""
    if payout["status"] not in ("in_transit", "paid"):
        raise wrong_state(f"Payout {payout['id']} is {payout['status']} already.")
    back = money.post(
        store,
        "payout_failure",
        payout["amount"],
        payout["currency"],
        source=payout["id"],
        description="PAYOUT FAILURE",
    )
    store.amend(
        payout,
        status="failed",
        failure_balance_transaction=back["id"],
        failure_code="account_closed",
        failure_message="The bank account has been closed.",
    )
    emit(store, "payout.failed", payout)
    return payout


def monthly_fee(store: Store, _: str) -> None:
    """Timer: what Stripe charges for its tools, with no object behind it."""
    money.post(store, "stripe_fee", -1_990, "eur", source=None, description="Billing (monthly)")
    money.post(store, "stripe_fee", -350, "usd", source=None, description="Radar (monthly)")
    store.at(store.time() + 30 * money.DAY, "monthly_fee", "")
