"""Which filters each list takes and what they mean (docs.stripe.com/api, the list call of each object)."""

from collections.abc import Callable
from functools import partial
from operator import ge, gt, le, lt

from accord.sandbox.forms import words
from accord.sandbox.stripe.errors import bad_param
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

Keep = Callable[[Obj], bool]
Filter = Callable[[Store, Params, str], Keep]
"""Reads its parameter once and gives the test for a row."""

_BOUNDS: dict[str, Callable[[int, int], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}


def bounds(p: Params, name: str) -> list[tuple[str, int]]:
    """A time filter as its comparisons: an exact value is `gte` and `lte` in one."""
    if isinstance(p.tree.get(name), str):
        exact = p.whole(name)
        return [] if exact is None else [("gte", exact), ("lte", exact)]
    group = p.group(name)
    group.only(_BOUNDS)
    return [(word, value) for word in group.tree if (value := group.whole(word)) is not None]


def _equal(field: str, _: Store, p: Params, name: str) -> Keep:
    wanted = p.text(name)
    return lambda row: wanted is None or row[field] == wanted


def _flag(field: str, _: Store, p: Params, name: str) -> Keep:
    wanted = p.flag(name)
    return lambda row: row[field] is wanted


def _among(field: str, _: Store, p: Params, name: str) -> Keep:
    wanted = p.strings(name)
    return lambda row: row[field] in wanted


def _span(read: Callable[[Obj], int | None], _: Store, p: Params, name: str) -> Keep:
    wanted = [(_BOUNDS[word], limit) for word, limit in bounds(p, name)]

    def keep(row: Obj) -> bool:
        value = read(row)
        return value is not None and all(holds(value, limit) for holds, limit in wanted)

    return keep


def _one_of(field: str, options: str, _: Store, p: Params, name: str) -> Keep:
    wanted = p.choice(name, options.split())
    return lambda row: wanted is None or row[field] == wanted


def _payout(store: Store, p: Params, name: str) -> Keep:
    wanted = p.text(name)
    return lambda row: wanted is None or store.paid_by.get(row["id"]) == wanted


def _subscription_status(_: Store, p: Params, name: str) -> Keep:
    """Without a status, canceled ones are left out; `all` shows every one, `ended` those that are over."""
    over = ("canceled", "incomplete_expired")
    known = words("active all canceled ended incomplete incomplete_expired past_due paused trialing unpaid")
    wanted = p.choice(name, known)
    if wanted == "all":
        return lambda row: True
    if wanted == "ended":
        return lambda row: row["status"] in over
    return lambda row: row["status"] == wanted if wanted else row["status"] != "canceled"


def _price(store: Store, p: Params, name: str) -> Keep:
    wanted = p.text(name)
    return lambda row: wanted is None or any(item["price"]["id"] == wanted for item in row["items"]["data"])


def _of_subscription(_: Store, p: Params, name: str) -> Keep:
    wanted = p.text(name)

    def keep(row: Obj) -> bool:
        details = (row["parent"] or {}).get("subscription_details") or {}
        return wanted is None or details.get("subscription") == wanted

    return keep


def _payment(_: Store, p: Params, name: str) -> Keep:
    group = p.group(name)
    group.only(("type", "payment_intent"))
    wanted = group.text("payment_intent")
    group.choice("type", ("payment_intent",))
    return lambda row: wanted is None or row["payment"]["payment_intent"] == wanted


def _event_type(_: Store, p: Params, name: str) -> Keep:
    """One type, or all that begin like `charge.*`."""
    if "types" in p:
        raise bad_param(name, "You may only specify one of these parameters: type, types.")
    wanted = p.text(name)
    if wanted is None:
        return lambda row: True
    if wanted.endswith("*"):
        return lambda row: row["type"].startswith(wanted[:-1])
    return lambda row: row["type"] == wanted


def _event_types(_: Store, p: Params, name: str) -> Keep:
    wanted = p.strings(name)
    if len(wanted) > 20:
        raise bad_param(name, "You may specify up to 20 types.")
    return lambda row: row["type"] in wanted


def _delivered(_: Store, p: Params, name: str) -> Keep:
    """There are no endpoints, so nothing ever failed to be delivered."""
    wanted = p.flag(name, True)
    return lambda row: wanted


def _same(*fields: str) -> dict[str, Filter]:
    return {field: partial(_equal, field) for field in fields}


_COLLECTION = partial(_one_of, "collection_method", "charge_automatically send_invoice")

FILTERS: dict[str, dict[str, Filter]] = {
    "customers": _same("email"),
    "payment_intents": _same("customer"),
    "charges": _same("customer", "payment_intent", "transfer_group"),
    "refunds": _same("charge", "payment_intent"),
    "disputes": _same("charge", "payment_intent"),
    "balance_transactions": _same("currency", "source", "type") | {"payout": _payout},
    "products": {"active": partial(_flag, "active"), "ids": partial(_among, "id")},
    "prices": _same("currency", "product", "type") | {"active": partial(_flag, "active")},
    "subscriptions": _same("customer")
    | {
        "status": _subscription_status,
        "price": _price,
        "collection_method": _COLLECTION,
        "current_period_end": partial(_span, lambda row: row["items"]["data"][0]["current_period_end"]),
        "current_period_start": partial(_span, lambda row: row["items"]["data"][0]["current_period_start"]),
    },
    "invoices": _same("customer")
    | {
        "subscription": _of_subscription,
        "status": partial(_one_of, "status", "draft open paid uncollectible void"),
        "collection_method": _COLLECTION,
        "due_date": partial(_span, lambda row: row["due_date"]),
    },
    "invoice_payments": _same("invoice")
    | {"payment": _payment, "status": partial(_one_of, "status", "canceled open paid")},
    "credit_notes": _same("customer", "invoice"),
    "tax_rates": {"active": partial(_flag, "active"), "inclusive": partial(_flag, "inclusive")},
    "tax_ids": {},
    "payouts": _same("destination", "status") | {"arrival_date": partial(_span, lambda row: row["arrival_date"])},
    "events": {"type": _event_type, "types": _event_types, "delivery_success": _delivered},
}


def chosen(store: Store, shelf: str, p: Params) -> list[Keep]:
    """The tests that a row of this list must pass."""
    given = [make(store, p, name) for name, make in FILTERS[shelf].items() if name in p]
    if shelf == "subscriptions" and "status" not in p:
        given.append(_subscription_status(store, p, "status"))
    return given
