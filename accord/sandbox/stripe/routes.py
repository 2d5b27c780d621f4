"""Every endpoint of the sandbox's Stripe: method and path to the function that answers."""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from accord.sandbox.stripe import (
    credit_notes,
    customers,
    disputes,
    events,
    invoice_payments,
    invoices,
    lists,
    money,
    payments,
    payouts,
    refunds,
    subscriptions,
    taxes,
)
from accord.sandbox.stripe.errors import StripeError, missing_param, no_such
from accord.sandbox.stripe.lists import View
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import SHELVES, Obj, Store

Write = Callable[[Store, str, Params], Obj]
Read = Callable[[Store, str, Params, View], bytes]

_OBJECT = {shelf: what for what, shelf in SHELVES.items()}
_EXPAND_ONLY = frozenset(("expand",))
_PARAM = {"customers": "customer", "payment_intents": "intent", "charges": "charge", "prices": "price"}


class Found(NamedTuple):
    """An endpoint with the id in its path ("" if there is none) and its name in the statistics."""

    name: str
    resource: str
    key: str
    read: Read | None
    write: Write | None


def _confirm(store: Store, key: str, p: Params) -> Obj:
    intent = payments.confirm(store, key, p)
    invoice_payments.look(store, key)
    return intent


_WRITES: dict[tuple[str, str, bool, str], Write] = {
    ("POST", "customers", False, ""): customers.create,
    ("POST", "customers", True, ""): customers.update,
    ("DELETE", "customers", True, ""): customers.delete,
    ("POST", "payment_intents", False, ""): payments.create,
    ("POST", "payment_intents", True, ""): payments.update,
    ("POST", "payment_intents", True, "confirm"): _confirm,
    ("POST", "payment_intents", True, "capture"): payments.capture,
    ("POST", "payment_intents", True, "cancel"): payments.cancel,
    ("POST", "charges", True, ""): payments.update_charge,
    ("POST", "refunds", False, ""): refunds.create,
    ("POST", "refunds", True, ""): refunds.update,
    ("POST", "disputes", True, ""): disputes.update,
    ("POST", "disputes", True, "close"): disputes.accept,
    ("POST", "payouts", False, ""): payouts.create,
    ("POST", "subscriptions", False, ""): subscriptions.create,
    ("POST", "subscriptions", True, ""): subscriptions.update,
    ("DELETE", "subscriptions", True, ""): subscriptions.cancel,
    ("POST", "invoices", False, ""): invoices.create,
    ("POST", "invoices", True, ""): invoices.update,
    ("POST", "invoices", True, "finalize"): invoices.finalize,
    ("POST", "invoices", True, "pay"): invoices.pay,
    ("POST", "invoices", True, "void"): invoices.void,
    ("POST", "invoices", True, "mark_uncollectible"): invoices.write_off,
    ("POST", "invoices", True, "attach_payment"): invoice_payments.attach,
    ("DELETE", "invoices", True, ""): invoices.delete,
    ("POST", "invoiceitems", False, ""): invoices.create_item,
    ("POST", "credit_notes", False, ""): credit_notes.create,
    ("POST", "credit_notes", True, ""): credit_notes.update,
    ("POST", "credit_notes", True, "void"): credit_notes.void,
    ("POST", "tax_rates", False, ""): taxes.create,
    ("POST", "tax_rates", True, ""): taxes.update,
}


def _list(shelf: str) -> Read:
    return lambda store, _, p, view: lists.encoded(store, shelf, p, f"/v1/{shelf}", view)


def _one(shelf: str) -> Read:
    def read(store: Store, key: str, p: Params, _: View) -> bytes:
        p.only(_EXPAND_ONLY)
        row = store.find(_OBJECT[shelf], key)
        if row is None and store.deleted.get(key) == _OBJECT[shelf]:
            return msgspec.json.encode({"id": key, "object": _OBJECT[shelf], "deleted": True})
        gone = shelf == "events" and row is not None and row["created"] < store.time() - events.RETENTION
        if row is None or gone:
            raise no_such(_OBJECT[shelf], key, _PARAM.get(shelf, "id"))
        return store.shelves[shelf].encoded(key)

    return read


def _charge_refunds(store: Store, key: str, p: Params, view: View) -> bytes:
    store.get("charge", key, "charge")
    url = f"/v1/charges/{key}/refunds"
    return lists.encoded(store, "refunds", Params(p.tree | {"charge": key}), url, view)


def _lines(what: str) -> Read:
    def read(store: Store, key: str, p: Params, _: View) -> bytes:
        store.get(what, key, what)
        return lists.of_rows(store.lines[key], p, f"/v1/{SHELVES[what]}/{key}/lines")

    return read


def _items(store: Store, _: str, p: Params, __: View) -> bytes:
    key = p.text("subscription")
    if key is None:
        raise missing_param("subscription")
    rows = store.get("subscription", key, "subscription", 400)["items"]["data"]
    return lists.of_rows(rows, p, "/v1/subscription_items", frozenset(("subscription",)))


def _balance(store: Store, _: str, p: Params, __: View) -> bytes:
    p.only(_EXPAND_ONLY)

    def sums(status: str) -> list[Obj]:
        found = {"eur": {"net": 0}, "usd": {"net": 0}} | money.totals(store, status)
        return [{"amount": line["net"], "currency": code} for code, line in found.items()]

    return msgspec.json.encode(
        {
            "object": "balance",
            "available": sums("available"),
            "livemode": store.livemode,
            "pending": sums("pending"),
        }
    )


def _account(store: Store, _: str, p: Params, __: View) -> bytes:
    p.only(_EXPAND_ONLY)
    return msgspec.json.encode(
        {
            "id": store.account,
            "object": "account",
            "business_profile": {"name": "Prăvălia Exemplu", "url": "https://pravalia.example.test"},
            "business_type": "company",
            "charges_enabled": True,
            "country": "RO",
            "default_currency": "eur",
            "details_submitted": True,
            "email": "contact@pravalia.example.test",
            "metadata": {},
            "payouts_enabled": True,
            "settings": {"dashboard": {"display_name": "Prăvălia Exemplu", "timezone": "Europe/Bucharest"}},
            "type": "standard",
        }
    )


def _tax_ids(store: Store, key: str, p: Params, _: View) -> bytes:
    store.get("customer", key, "customer")
    ids = store.vat_ids.get(key, [])
    rows = [{"id": f"txi_{key[4:]}{number}", "object": "tax_id", **one} for number, one in enumerate(ids)]
    return lists.of_rows(rows, p, f"/v1/customers/{key}/tax_ids")


_READS: dict[tuple[str, bool, str], Read] = {
    ("charges", True, "refunds"): _charge_refunds,
    ("invoices", True, "lines"): _lines("invoice"),
    ("credit_notes", True, "lines"): _lines("credit_note"),
    ("subscription_items", False, ""): _items,
    ("customers", True, "tax_ids"): _tax_ids,
    ("balance", False, ""): _balance,
    ("account", False, ""): _account,
}
for _shelf in SHELVES.values():
    _READS[_shelf, False, ""] = _list(_shelf)
    _READS[_shelf, True, ""] = _one(_shelf)


def find(method: str, path: str) -> Found:
    """The endpoint for a path like `/v1/charges/ch_1`; raises Stripe's answer to an unknown URL."""
    steps = path.removeprefix("/v1/").split("/") if path.startswith("/v1/") else []
    if 1 <= len(steps) <= 3 and all(steps):
        resource, key, action = (*steps, "", "")[:3]
        shape = (resource, bool(key), action)
        read = _READS.get(shape) if method == "GET" else None
        write = _WRITES.get((method, *shape))
        if read or write:
            name = "/".join(["/v1", resource, *([":id"] if key else []), *([action] if action else [])])
            return Found(f"{method} {name}", resource, key, read, write)
    raise StripeError(404, f"Unrecognized request URL ({method}: {path[:200]}).", code="resource_missing")
