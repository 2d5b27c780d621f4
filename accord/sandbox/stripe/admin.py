"""The sandbox's own switches beside Stripe's API, below `/_admin`: faults, counters, truth, clock, activity."""

from bisect import bisect_left
from collections.abc import Callable
from typing import Any

import msgspec

from accord.sandbox.forms import Malformed, decode
from accord.sandbox.stripe import activity, disputes, events, lists, money, payouts, refunds
from accord.sandbox.stripe.errors import StripeError
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.service import Stripe
from accord.sandbox.stripe.store import SHELVES, Store
from accord.sandbox.wire import Answer, Ask

_MOST_ACTIVITY = 1_000

Switch = Callable[[Stripe, dict[str, Any], str], Any]


class BadSwitch(ValueError):
    """A switch was used wrongly; the text says how to use it."""


def answer(stripe: Stripe, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    _, _, what, *rest = [*ask.path.split("/"), ""]
    switch = _SWITCHES.get((ask.method, what))
    if switch is None:
        known = sorted(f"{method} /_admin/{name}" for method, name in _SWITCHES)
        return _json(404, {"error": f"no such switch; there are {', '.join(known)}"})
    try:
        stripe.run_due()
        found = switch(stripe, _given(ask), rest[0])
    except (BadSwitch, Malformed, ValueError) as error:
        return _json(400, {"error": str(error)})
    except StripeError as error:
        return _json(400, error.body)
    return Answer(200, {"content-type": "application/json"}, found) if isinstance(found, bytes) else _json(200, found)


def _json(status: int, body: Any) -> Answer:
    return Answer(status, {"content-type": "application/json"}, msgspec.json.encode(body))


def _given(ask: Ask) -> dict[str, Any]:
    """Parameters from the query and from a body that is a form or a JSON object."""
    given = decode(ask.query)
    if ask.body and ask.headers.get("content-type", "").startswith("application/json"):
        return given | msgspec.json.decode(ask.body, type=dict[str, Any])
    return given | decode(ask.body.decode()) if ask.body else given


def _store(stripe: Stripe, given: dict[str, Any]) -> Store:
    mode = given.pop("mode", "test")
    if mode not in stripe.stores:
        raise BadSwitch("mode is test or live, or second for the second account's test mode")
    return stripe.stores[mode]


def _add_fault(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    path = given.get("path", "")
    if isinstance(path, str):
        given["path"] = path.removeprefix("/stripe")
    return stripe.faults.add(given)


def _clear_faults(stripe: Stripe, _: dict[str, Any], number: str) -> Any:
    return {"cleared": stripe.faults.clear(int(number) if number else None)}


def _stats(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    shown = stripe.stats.shown()
    if given.get("reset") in ("1", "true"):
        stripe.stats.reset()
    return shown


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
    if "seconds" in given or "days" in given:
        stripe.clock.forward(float(given.get("seconds", 0)) + 86_400 * float(given.get("days", 0)))
        stripe.run_due()
    return {"now": int(stripe.clock.now()), "moved_forward": stripe.clock.offset}


def _activity(stripe: Stripe, given: dict[str, Any], _: str) -> Any:
    times = int(given.get("n", 5))
    if not 1 <= times <= _MOST_ACTIVITY:
        raise BadSwitch(f"n is between 1 and {_MOST_ACTIVITY}")
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
    return lists.encoded(store, shelf, Params(given), f"/v1/{shelf}")


_SWITCHES: dict[tuple[str, str], Switch] = {
    ("GET", "faults"): lambda stripe, _, __: {"faults": stripe.faults.on()},
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "stats"): _stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _clock,
    ("POST", "activity"): _activity,
    ("POST", "dispute"): _dispute,
    ("POST", "refund"): _refund,
    ("POST", "payout"): _payout,
    ("GET", "lists"): _rows,
}
