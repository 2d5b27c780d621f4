"""Expansion: ids replaced by their objects, up to four levels deep (docs.stripe.com/api/expanding_objects)."""

from typing import Any

import msgspec

from accord.sandbox.stripe.billing_objects import sublist
from accord.sandbox.stripe.errors import bad_param
from accord.sandbox.stripe.store import SHELVES, Obj, Store

DEEPEST = 4
_ANY = ("charge", "refund", "dispute", "payout")

EXPANDABLE: dict[str, dict[str, tuple[str, ...]]] = {
    "charge": {
        "balance_transaction": ("balance_transaction",),
        "customer": ("customer",),
        "payment_intent": ("payment_intent",),
    },
    "payment_intent": {"customer": ("customer",), "latest_charge": ("charge",)},
    "refund": {
        "balance_transaction": ("balance_transaction",),
        "charge": ("charge",),
        "failure_balance_transaction": ("balance_transaction",),
        "payment_intent": ("payment_intent",),
    },
    "dispute": {"charge": ("charge",), "payment_intent": ("payment_intent",)},
    "balance_transaction": {"source": _ANY},
    "payout": {
        "balance_transaction": ("balance_transaction",),
        "failure_balance_transaction": ("balance_transaction",),
    },
    "subscription": {"customer": ("customer",), "latest_invoice": ("invoice",)},
    "invoice": {
        "account_tax_ids": ("tax_id",),
        "customer": ("customer",),
        "parent.subscription_details.subscription": ("subscription",),
    },
    "credit_note": {"customer": ("customer",), "invoice": ("invoice",)},
    "invoice_payment": {"invoice": ("invoice",), "payment.payment_intent": ("payment_intent",)},
    "price": {"product": ("product",)},
}
"""Per object, which fields hold ids of what, or lists of them."""

INCLUDABLE: dict[str, dict[str, tuple[str, str]]] = {
    "charge": {"refunds": ("refunds", "charge")},
    "customer": {"subscriptions": ("subscriptions", "customer")},
    "invoice": {"payments": ("invoice_payments", "invoice")},
}
"""Per object, lists that are shown only when asked for: their shelf and the field that points back."""


def expand(store: Store, body: bytes, paths: list[str]) -> bytes:
    """The JSON of an object or a list page with the paths expanded; raises StripeError for what can not be."""
    node = msgspec.json.decode(body)
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEEPEST:
            raise bad_param(
                "expand", f"You cannot expand more than {DEEPEST} levels of a property. Property: {path[:80]}"
            )
        _walk(store, node, steps, path, "", "")
    return msgspec.json.encode(node)


def _walk(store: Store, node: Any, steps: list[str], path: str, what: str, field: str) -> None:
    """Follow the steps from a node that lies at `field` within the nearest object, of kind `what`."""
    if not steps:
        return
    if isinstance(node, list):
        for part in node:
            _walk(store, part, steps, path, what, field)
        return
    if not isinstance(node, dict):
        return
    if "object" in node and node["object"] in SHELVES.keys() | {"list", "subscription_item"}:
        what, field = node["object"], ""
    step = steps[0]
    field = f"{field}.{step}" if field else step
    if field in INCLUDABLE.get(what, {}) and not isinstance(node.get(step), dict):
        node[step] = _included(store, node, what, field)
    elif kinds := EXPANDABLE.get(what, {}).get(field):
        if isinstance(node.get(step), str):
            node[step] = _fetched(store, node[step], kinds)
        elif isinstance(node.get(step), list):
            node[step] = [_fetched(store, key, kinds) if isinstance(key, str) else key for key in node[step]]
    elif not isinstance(node.get(step), dict | list) and not _leads_on(what, field):
        if node.get(step) is None and step in node and len(steps) > 1:
            return
        raise bad_param("expand", f"This property cannot be expanded ({path[:80]}).")
    elif len(steps) == 1:
        raise bad_param("expand", f"This property cannot be expanded ({path[:80]}).")
    _walk(store, node.get(step), steps[1:], path, what, field)


def _leads_on(what: str, field: str) -> bool:
    return any(known.startswith(field + ".") for known in EXPANDABLE.get(what, {}))


def _fetched(store: Store, key: str, kinds: tuple[str, ...]) -> Any:
    for kind in kinds:
        if store.find(kind, key) is not None:
            return msgspec.json.decode(store.shelves[SHELVES[kind]].encoded(key))
    if key in store.deleted:
        return {"id": key, "object": store.deleted[key], "deleted": True}
    return key


def _included(store: Store, node: Obj, what: str, field: str) -> Obj:
    shelf, back = INCLUDABLE[what][field]
    rows = store.shelves[shelf]
    held = [key for _, _, key in reversed(rows.order) if rows.rows[key][back] == node["id"]]
    if shelf == "subscriptions":
        held = [key for key in held if rows.rows[key]["status"] != "canceled"]
    url = f"/v1/charges/{node['id']}/refunds" if what == "charge" else f"/v1/{shelf}?{back}={node['id']}"
    return sublist([msgspec.json.decode(rows.encoded(key)) for key in held], url)
