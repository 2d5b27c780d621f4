"""What happens by itself when the sandbox's clock reaches its hour."""

import heapq
from collections.abc import Callable

from accord.sandbox.stripe import invoice_payments, invoices, lifecycle, payments, payouts, refunds, subscriptions
from accord.sandbox.stripe.store import Store


def _available(store: Store, key: str) -> None:
    """The money of a balance transaction can be paid out; Stripe has no event for a single one."""
    store.amend(store.get("balance_transaction", key), status="available")


def _debit(store: Store, key: str) -> None:
    payments.debit_settles(store, key)
    invoice_payments.look(store, key)


TIMERS: dict[str, Callable[[Store, str], None]] = {
    "available": _available,
    "debit": _debit,
    "hold_ends": payments.hold_ends,
    "refund_arrives": refunds.arrives,
    "refund_fails": refunds.fail,
    "payout_arrives": payouts.arrive,
    "payout_run": payouts.run,
    "monthly_fee": payouts.monthly_fee,
    "advance": invoices.advance,
    "collect": invoices.try_again,
    "overdue": invoices.overdue,
    "first_payment_ends": lifecycle.expire,
    "period_ends": subscriptions.period_ends,
}


def run_due(store: Store) -> None:
    """Run every timer that is due, each at its own moment of the sandbox's time."""
    now = store.time()
    if not store.timers or store.timers[0][0] > now:
        return
    clock, request = store.now, store.request
    store.request = (None, None)
    try:
        while store.timers and store.timers[0][0] <= now:
            due, _, what, key = heapq.heappop(store.timers)
            store.now = lambda moment=due: float(moment)  # type: ignore[misc]
            TIMERS[what](store, key)
    finally:
        store.now, store.request = clock, request
