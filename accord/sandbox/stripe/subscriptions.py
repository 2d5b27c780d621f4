"""Subscriptions: create, change, cancel, and the renewal when a period ends (docs.stripe.com/api/subscriptions)."""

import calendar
from datetime import UTC, datetime
from typing import Any, NamedTuple

from accord.sandbox.forms import words
from accord.sandbox.stripe import billing_objects, cards, invoices, lifecycle
from accord.sandbox.stripe.errors import bad_param, missing_param, wrong_state
from accord.sandbox.stripe.events import changed, emit
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

CREATE = frozenset(
    words("""cancel_at_period_end collection_method customer days_until_due default_payment_method description expand
    items metadata payment_behavior trial_period_days trial_settings""")
)
UPDATE = frozenset(words("cancel_at_period_end default_payment_method description expand items metadata"))
CANCEL = frozenset(words("cancellation_details expand invoice_now prorate"))

_PAYABLE_FOR = 23 * 3_600
_LONG = {"day": 86_400, "week": 7 * 86_400}


class Order(NamedTuple):
    """What a new subscription is for: prices with quantities, and how it starts and is paid."""

    items: list[tuple[Obj, int]]
    trial_days: int = 0
    send_invoice: bool = False
    days_until_due: int | None = None
    without_method: str = "create_invoice"


def create(store: Store, _: str, p: Params) -> Obj:
    p.only(CREATE)
    buyer = store.get("customer", p.need("customer"), "customer", 400)
    fields: dict[str, Any] = {
        "cancel_at_period_end": p.flag("cancel_at_period_end"),
        "description": p.text("description"),
        "metadata": p.metadata(),
    }
    if (token := p.text("default_payment_method")) is not None:
        fields["default_payment_method"] = cards.method(store, token, "default_payment_method")
    p.choice("payment_behavior", ("allow_incomplete", "default_incomplete", "error_if_incomplete"))
    method = p.choice("collection_method", ("charge_automatically", "send_invoice"), "charge_automatically")
    end = p.group("trial_settings").group("end_behavior")
    without = end.choice("missing_payment_method", ("cancel", "create_invoice", "pause"), "create_invoice")
    order = Order(
        [_wanted(store, item) for item in p.groups("items")],
        p.whole("trial_period_days") or 0,
        method == "send_invoice",
        p.whole("days_until_due"),
        without or "create_invoice",
    )
    if not order.items:
        raise missing_param("items")
    has_method = fields.get("default_payment_method") or buyer["invoice_settings"]["default_payment_method"]
    if not (order.send_invoice or order.trial_days or has_method):
        raise wrong_state("This customer has no attached payment source or default payment method.", "resource_missing")
    return start(store, buyer, order, fields)


def _wanted(store: Store, item: Params) -> tuple[Obj, int]:
    item.only(("price", "quantity"))
    quantity = item.whole("quantity")
    if quantity is not None and quantity < 1:
        raise bad_param(item.name("quantity"), "Invalid positive integer", "parameter_invalid_integer")
    return store.get("price", item.need("price"), item.name("price"), 400), quantity or 1


def start(store: Store, buyer: Obj, order: Order, fields: dict[str, Any]) -> Obj:
    """A new subscription with its first invoice, which is collected at once (or sent)."""
    now = store.time()
    key = store.new_id("sub")
    first = order.items[0][0]
    trial_end = now + order.trial_days * 86_400 if order.trial_days else None
    end = trial_end or after(now, first["recurring"]["interval"])
    items = [billing_objects.item(store, key, price, quantity, now, end) for price, quantity in order.items]
    settings = {"end_behavior": {"missing_payment_method": order.without_method}}
    subscription = billing_objects.subscription(
        store,
        key,
        first["currency"],
        items,
        fields
        | {
            "customer": buyer["id"],
            "collection_method": "send_invoice" if order.send_invoice else "charge_automatically",
            "days_until_due": (order.days_until_due or 30) if order.send_invoice else None,
            "status": "trialing" if trial_end else "active" if order.send_invoice else "incomplete",
            "trial_start": now if trial_end else None,
            "trial_end": trial_end,
            "trial_settings": settings,
        },
    )
    if subscription["cancel_at_period_end"]:
        subscription |= {"cancel_at": end, "canceled_at": now}
    store.add(subscription)
    emit(store, "customer.subscription.created", subscription)
    store.at(end, "period_ends", key)
    invoice = _bill(store, buyer, subscription, "subscription_create", free=bool(trial_end))
    invoices.issue(store, invoice)
    if invoice["status"] == "open" and not order.send_invoice:
        store.at(now + _PAYABLE_FOR, "first_payment_ends", key)
        invoices.collect(store, invoice)
    return subscription


def _bill(store: Store, buyer: Obj, subscription: Obj, reason: str, *, free: bool = False) -> Obj:
    """The invoice for the subscription's present period, a draft."""
    sent = subscription["collection_method"] == "send_invoice"
    rows = subscription["items"]["data"]
    start, end = rows[0]["current_period_start"], rows[0]["current_period_end"]
    tie = {"metadata": subscription["metadata"], "subscription": subscription["id"]}
    fields: dict[str, Any] = {
        "auto_advance": reason != "subscription_create" and subscription["status"] != "unpaid",
        "billing_reason": reason,
        "collection_method": subscription["collection_method"],
        "due_date": store.time() + subscription["days_until_due"] * 86_400 if sent else None,
        "parent": {"quote_details": None, "subscription_details": tie, "type": "subscription_details"},
        "period_start": start,
        "period_end": end,
    }
    invoice = invoices.draft(store, buyer, subscription["currency"], fields)
    for item in rows:
        amount = 0 if free else item["price"]["unit_amount"] * item["quantity"]
        text = f"{item['quantity']} × {item['price']['product']}"
        line = billing_objects.line(store, invoice["id"], amount, subscription["currency"], text, (start, end))
        detail = {"proration": False, "subscription": subscription["id"], "subscription_item": item["id"]}
        line |= {
            "parent": {
                "invoice_item_details": None,
                "subscription_item_details": detail,
                "type": "subscription_item_details",
            },
            "pricing": {
                "price_details": {"price": item["price"]["id"], "product": item["price"]["product"]},
                "type": "price_details",
                "unit_amount_decimal": item["price"]["unit_amount_decimal"],
            },
            "quantity": item["quantity"],
            "subscription": subscription["id"],
        }
        invoices.add_line(store, invoice, line)
    store.amend(subscription, latest_invoice=invoice["id"])
    return invoice


def update(store: Store, key: str, p: Params) -> Obj:
    """A changed price or quantity counts from the next period on; nothing is prorated."""
    p.only(UPDATE)
    subscription = store.get("subscription", key, "subscription")
    if subscription["status"] in lifecycle.ENDED:
        raise wrong_state("A canceled subscription can only update its metadata.", "resource_missing")
    fields = p.changes("description")
    if "metadata" in p:
        fields["metadata"] = p.metadata(subscription["metadata"])
    if (token := p.text("default_payment_method")) is not None:
        fields["default_payment_method"] = cards.method(store, token, "default_payment_method")
    if "cancel_at_period_end" in p:
        fields |= _ending(store, subscription, p.flag("cancel_at_period_end"))
    if "items" in p:
        fields["items"] = subscription["items"] | {"data": _changed_items(store, subscription, p)}
    changed(store, "customer.subscription.updated", subscription, store.amend(subscription, **fields))
    return subscription


def _ending(store: Store, subscription: Obj, at_end: bool) -> dict[str, Any]:
    end = subscription["items"]["data"][0]["current_period_end"]
    details = subscription["cancellation_details"]
    return {
        "cancel_at_period_end": at_end,
        "cancel_at": end if at_end else None,
        "canceled_at": store.time() if at_end else None,
        "cancellation_details": details | {"reason": "cancellation_requested" if at_end else None},
    }


def _changed_items(store: Store, subscription: Obj, p: Params) -> list[Obj]:
    rows = {row["id"]: row for row in subscription["items"]["data"]}
    for item in p.groups("items"):
        item.only(("id", "price", "quantity"))
        key = item.need("id")
        if key not in rows:
            raise bad_param(item.name("id"), f"No such subscription item: '{key[:60]}'", "resource_missing")
        was = rows[key]
        price = store.get("price", item.text("price") or was["price"]["id"], item.name("price"), 400)
        start, end = was["current_period_start"], was["current_period_end"]
        quantity = item.whole("quantity") or was["quantity"]
        fresh = billing_objects.item(store, subscription["id"], price, quantity, start, end)
        rows[key] = fresh | {"id": key, "created": was["created"]}
    return list(rows.values())


def cancel(store: Store, key: str, p: Params) -> Obj:
    """DELETE /v1/subscriptions/{id}: ends now."""
    p.only(CANCEL)
    subscription = store.get("subscription", key, "subscription")
    if subscription["status"] in lifecycle.ENDED:
        raise wrong_state(f"No such subscription: '{key}'", "resource_missing", "id")
    lifecycle.end(store, subscription, "cancellation_requested")
    return subscription


def period_ends(store: Store, key: str) -> None:
    """Timer: cancel, pause, or go into the next period with an invoice that is collected an hour later."""
    subscription = store.get("subscription", key)
    rows = subscription["items"]["data"]
    start = rows[0]["current_period_end"]
    buyer = store.find("customer", subscription["customer"])
    if subscription["status"] not in ("trialing", "active", "past_due", "unpaid") or buyer is None:
        return None
    if subscription["cancel_at_period_end"]:
        return lifecycle.end(store, subscription, "cancellation_requested")
    has_method = subscription["default_payment_method"] or buyer["invoice_settings"]["default_payment_method"]
    trial = subscription["status"] == "trialing"
    if trial and not has_method and subscription["collection_method"] == "charge_automatically":
        behavior = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
        if behavior == "cancel":
            return lifecycle.end(store, subscription, "payment_failed")
        if behavior == "pause":
            lifecycle.set_status(store, subscription, "paused")
            return emit(store, "customer.subscription.paused", subscription)
    end = after(start, rows[0]["price"]["recurring"]["interval"])
    moved = [row | {"current_period_start": start, "current_period_end": end} for row in rows]
    fields = {"items": subscription["items"] | {"data": moved}}
    before = store.amend(subscription, status="active" if trial else subscription["status"], **fields)
    before["latest_invoice"] = subscription["latest_invoice"]
    _bill(store, buyer, subscription, "subscription_cycle")
    emit(store, "customer.subscription.updated", subscription, before)
    store.at(end, "period_ends", key)
    return None


def after(moment: int, interval: str) -> int:
    """One day, week, month or year later, at the same time of day UTC; the 31st becomes the month's last day."""
    if interval in _LONG:
        return moment + _LONG[interval]
    then = datetime.fromtimestamp(moment, UTC)
    months = then.month if interval == "month" else then.month + 11
    year, month = then.year + months // 12, months % 12 + 1
    day = min(then.day, calendar.monthrange(year, month)[1])
    return int(then.replace(year=year, month=month, day=day).timestamp())
