"""A subscription's status as its invoices are paid or not (docs.stripe.com/billing/subscriptions/overview)."""

from accord.sandbox.stripe.events import changed, emit
from accord.sandbox.stripe.store import Obj, Store

ENDED = ("canceled", "incomplete_expired")
TRIES = 4
BETWEEN_TRIES = 3 * 86_400


def set_status(store: Store, subscription: Obj, status: str) -> None:
    """Move to another status, with its event."""
    changed(store, "customer.subscription.updated", subscription, store.amend(subscription, status=status))


def of(store: Store, invoice: Obj) -> Obj | None:
    """The subscription behind an invoice."""
    if invoice["parent"] is None:
        return None
    return store.find("subscription", invoice["parent"]["subscription_details"]["subscription"])


def paid(store: Store, invoice: Obj) -> None:
    """Its invoice was paid: what waited for money is active."""
    subscription = of(store, invoice)
    if subscription and subscription["status"] in ("incomplete", "past_due", "unpaid"):
        set_status(store, subscription, "active")


def failed(store: Store, invoice: Obj) -> None:
    """A try to collect failed: try again in three days, and after the fourth give up as the subscription is set to."""
    subscription = of(store, invoice)
    if subscription is None or subscription["status"] in (*ENDED, "incomplete"):
        return
    if invoice["attempt_count"] < TRIES:
        due = store.time() + BETWEEN_TRIES
        store.amend(invoice, next_payment_attempt=due)
        store.at(due, "collect", invoice["id"])
        set_status(store, subscription, "past_due")
        return
    store.amend(invoice, next_payment_attempt=None)
    last = store.dunning.get(subscription["id"], "canceled")
    if last == "canceled":
        end(store, subscription, "payment_failed")
    else:
        set_status(store, subscription, last)


def end(store: Store, subscription: Obj, reason: str) -> None:
    """Cancel at once."""
    now = store.time()
    store.amend(
        subscription,
        status="canceled",
        canceled_at=subscription["canceled_at"] or now,
        ended_at=now,
        cancellation_details=subscription["cancellation_details"] | {"reason": reason},
    )
    emit(store, "customer.subscription.deleted", subscription)


def expire(store: Store, key: str) -> None:
    """Timer: a first invoice that nobody paid within 23 hours."""
    subscription = store.get("subscription", key)
    if subscription["status"] == "incomplete":
        before = store.amend(subscription, status="incomplete_expired", ended_at=store.time())
        changed(store, "customer.subscription.updated", subscription, before)
