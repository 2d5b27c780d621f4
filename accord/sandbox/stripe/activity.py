"""A few realistic changes now, as a shop's day brings them: payments, refunds of old ones, disputes, cancellations."""

import random
from collections.abc import Callable

from accord.sandbox.stripe import customers, disputes, lifecycle, payments, subscriptions
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.shop import Shop
from accord.sandbox.stripe.store import Obj, Store

_WEIGHTS = {
    "payment": 40,
    "refund": 20,
    "dispute": 8,
    "dispute_closed": 8,
    "subscription_cancelled": 8,
    "customer_changed": 8,
    "customer": 4,
    "captured": 4,
}


def happen(store: Store, times: int) -> list[str]:
    """Make `times` changes; a line about each. The same state and number give the same changes."""
    shop = Shop(store, random.Random(f"{store.seed} {store.serial}"))  # noqa: S311
    done: list[str] = []
    for _ in range(times):
        (what,) = shop.dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        row = _act(shop, what) or shop.buy(guest=True)
        if row is not None:
            done.append(f"{what}: {row['id']}" if row["object"] != "charge" else f"payment: {row['id']}")
    return done


def _act(shop: Shop, what: str) -> Obj | None:
    """One change; None when there is nothing it could be made to."""
    store = shop.store
    if what == "payment":
        return shop.buy(shop.declined() if shop.dice.random() < 0.1 else "pm_card_visa")
    if what == "customer":
        return shop.customer()
    if what == "refund":
        charge = _pick(shop, "charges", lambda row: row["captured"] and not row["refunded"] and not row["disputed"])
        return charge and shop.refund(charge, shop.dice.choice((None, 0.3, 0.5)))
    if what == "dispute":
        charge = _pick(shop, "charges", lambda row: row["captured"] and not row["refunded"] and not row["disputed"])
        return charge and shop.dispute(charge)
    if what == "dispute_closed":
        dispute = _pick(shop, "disputes", lambda row: row["status"] in ("needs_response", "under_review"))
        return dispute and disputes.close(store, dispute, won=shop.dice.random() < 0.5)
    if what == "subscription_cancelled":
        subscription = _pick(shop, "subscriptions", lambda row: row["status"] not in lifecycle.ENDED)
        return subscription and subscriptions.cancel(store, subscription["id"], Params({}))
    if what == "captured":
        intent = _pick(shop, "payment_intents", lambda row: row["status"] == "requires_capture")
        return intent and payments.capture(store, intent["id"], Params({}))
    buyer = shop.someone()
    phone = f"+40 700 {shop.dice.randrange(100_000, 999_999)}"
    return buyer and customers.update(store, buyer["id"], Params({"phone": phone}))


def _pick(shop: Shop, shelf: str, fits: Callable[[Obj], bool]) -> Obj | None:
    rows = [row for row in shop.store.shelves[shelf].rows.values() if fits(row)]
    return shop.dice.choice(rows) if rows else None
