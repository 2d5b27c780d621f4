"""The sandbox's own switches beside Stripe's API, below `/_admin`: faults, counters, truth, clock, activity."""

from bisect import bisect_left
from typing import Any

import msgspec

from accord.sandbox import switches
from accord.sandbox.stripe import activity, disputes, events, lists, money, payouts, refunds
from accord.sandbox.stripe.errors import StripeError
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.service import Stripe
from accord.sandbox.stripe.store import SHELVES, Store
from accord.sandbox.wire import Answer, Ask


class BadSwitch(ValueError):
    """A switch was used wrongly; the text says how to use it."""


def answer(stripe: Stripe, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    try:
        stripe.run_due()
        return switches.answer(_SWITCHES, stripe, ask)
    except StripeError as error:
        return switches.as_json(400, error.body)


def _store(stripe: Stripe, given: dict[str, Any]) -> Store:
    mode = given.pop("mode", "test")
    if mode not in stripe.stores:
        raise BadSwitch("mode is test or live, or second for the second account's test mode")
    return stripe.stores[mode]


def truth(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    """What a reader of everything would have to find: counts, and the sums of all balance transactions."""
    store = _store(stripe, given)
    counts = {name: len(shelf.rows) for name, shelf in store.shelves.items()}
    oldest = (store.time() - events.RETENTION, 0, "")
    counts["events"] -= bisect_left(store.shelves["events"].order, oldest)
    return {
        "account": store.account,
        "livemode": store.livemode,
        "now": store.time(),
        "counts": counts,
        "deleted_customers": sum(1 for what in store.deleted.values() if what == "customer"),
        "balance_transactions": money.totals(store),
    }


def _clock(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    shown = switches.clock(stripe, given, _)
    stripe.run_due()
    return shown


def _activity(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    times = switches.times(given)
    return {"happened": activity.happen(_store(stripe, given), times)}


def _dispute(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    """Open one with charge=…&reason=…, or decide one with dispute=…&outcome=won|lost."""
    store = _store(stripe, given)
    if "dispute" in given:
        if given.get("outcome") not in ("won", "lost"):
            raise BadSwitch("outcome is won or lost")
        row = store.get("dispute", str(given["dispute"]), "dispute")
        return disputes.close(store, row, won=given["outcome"] == "won")
    if "charge" not in given:
        raise BadSwitch("give a charge to open a dispute, or a dispute and an outcome to close it")
    return disputes.open(
        store, store.get("charge", str(given["charge"]), "charge"), str(given.get("reason", "fraudulent"))
    )


def _refund(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    """Have the bank send a refund back: refund=…"""
    store = _store(stripe, given)
    row = store.get("refund", str(given.get("refund")))
    if row["balance_transaction"] is None:
        raise BadSwitch("this refund moved no money, so it can not fail")
    refunds.fail(store, row["id"])
    return row


def _payout(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    """Have the bank send a payout back: payout=…"""
    store = _store(stripe, given)
    return payouts.fail(store, store.get("payout", str(given.get("payout"))))


def _rows(stripe: Stripe, given: dict[str, Any], shelf: str) -> Any:
    """A list as the API gives it, without a key, for a look in the browser."""
    store = _store(stripe, given)
    if shelf not in SHELVES.values():
        raise BadSwitch(f"no such list; there are {', '.join(SHELVES.values())}")
    return msgspec.Raw(lists.encoded(store, shelf, Params(given), f"/v1/{shelf}"))


_SWITCHES: dict[tuple[str, str], switches.Switch] = {
    **switches.of_faults("/stripe"),
    ("GET", "stats"): switches.stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _clock,
    ("POST", "activity"): _activity,
    ("POST", "dispute"): _dispute,
    ("POST", "refund"): _refund,
    ("POST", "payout"): _payout,
    ("GET", "lists"): _rows,
}
