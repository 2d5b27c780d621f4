"""Customers: create, update, delete (docs.stripe.com/api/customers)."""

from typing import Any

from accord.sandbox.forms import words
from accord.sandbox.stripe import cards, lifecycle, objects, taxes
from accord.sandbox.stripe.events import changed, emit
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

FIELDS = frozenset(
    words("address description email expand invoice_settings metadata name payment_method phone tax_exempt")
)
CREATE = FIELDS | {"tax_id_data"}
DELETE = frozenset(("expand",))


def create(store: Store, _: str, p: Params) -> Obj:
    p.only(CREATE)
    customer = objects.customer(store)
    customer |= _fields(store, customer, p)
    if ids := taxes.ids(p):
        store.vat_ids[customer["id"]] = ids
    store.add(customer)
    emit(store, "customer.created", customer)
    return customer


def update(store: Store, key: str, p: Params) -> Obj:
    p.only(FIELDS)
    customer = store.get("customer", key, "customer")
    changed(store, "customer.updated", customer, store.amend(customer, **_fields(store, customer, p)))
    return customer


def _fields(store: Store, customer: Obj, p: Params) -> dict[str, Any]:
    fields = p.changes("description", "email", "name", "phone")
    if "address" in p:
        parts = p.group("address")
        fields["address"] = objects.address({name: parts.text(name) or "" for name in objects.ADDRESS_FIELDS})
    if "metadata" in p:
        fields["metadata"] = p.metadata(customer["metadata"])
    if "tax_exempt" in p:
        fields["tax_exempt"] = p.choice("tax_exempt", ("none", "exempt", "reverse"), "none")
    default = p.group("invoice_settings").text("default_payment_method") or p.text("payment_method")
    if default is not None:
        settings = customer["invoice_settings"]
        fields["invoice_settings"] = settings | {"default_payment_method": cards.method(store, default)}
    return fields


def delete(store: Store, key: str, p: Params) -> Obj:
    """The customer leaves the list and answers `deleted: true` from now on; running subscriptions end."""
    p.only(DELETE)
    customer = store.get("customer", key, "customer")
    for subscription in list(store.shelves["subscriptions"].rows.values()):
        if subscription["customer"] == key and subscription["status"] not in lifecycle.ENDED:
            lifecycle.end(store, subscription, "cancellation_requested")
    stub = store.remove(customer, remembered=True)
    emit(store, "customer.deleted", customer)
    return stub
