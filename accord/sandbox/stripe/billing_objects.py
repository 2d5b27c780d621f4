"""New products, prices, subscriptions and invoices with their parts, before anything happens to them."""

from typing import Any

from accord.sandbox.stripe.blanks import blank, stamped
from accord.sandbox.stripe.store import Obj, Store

_EMBEDDED = 10


def sublist(rows: list[Obj], url: str) -> Obj:
    """A list inside another object: the first ten rows, and whether there are more."""
    more = len(rows) > _EMBEDDED
    return {"object": "list", "data": rows[:_EMBEDDED], "has_more": more, "total_count": len(rows), "url": url}


def product(store: Store, key: str, name: str) -> Obj:
    return blank("product", key, stamped(store) | {"name": name, "updated": store.time()})


def price(store: Store, key: str, product: str, amount: int, currency: str, interval: str) -> Obj:
    fields = {
        "currency": currency,
        "product": product,
        "recurring": {
            "interval": interval,
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    return blank("price", key, stamped(store) | fields)


def _plan(price: Obj) -> Obj:
    """The older form of a price, which subscription items still carry."""
    same = {name: price[name] for name in ("active", "created", "currency", "livemode", "product")}
    own = {
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "interval": price["recurring"]["interval"],
    }
    return blank("plan", price["id"], same | own)


def item(store: Store, subscription: str, price: Obj, quantity: int, start: int, end: int) -> Obj:
    fields = {
        "created": store.time(),
        "current_period_end": end,
        "current_period_start": start,
        "plan": _plan(price),
        "price": dict(price),
        "quantity": quantity,
        "subscription": subscription,
    }
    return blank("subscription_item", store.new_id("si"), fields)


def subscription(store: Store, key: str, currency: str, items: list[Obj], fields: dict[str, Any]) -> Obj:
    now = store.time()
    own = {
        "billing_cycle_anchor": items[0]["current_period_end"] if fields.get("trial_end") else now,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible", "updated_at": now},
        "currency": currency,
        "items": sublist(items, f"/v1/subscription_items?subscription={key}"),
        "start_date": now,
    }
    return blank("subscription", key, stamped(store) | own | fields)


def line(store: Store, invoice: str, amount: int, currency: str, text: str, period: tuple[int, int]) -> Obj:
    """A line of an invoice; `parent` and `pricing` are filled where a subscription stands behind it."""
    fields = {
        "amount": amount,
        "currency": currency,
        "description": text,
        "invoice": invoice,
        "livemode": store.livemode,
        "period": {"end": period[1], "start": period[0]},
        "subtotal": amount,
    }
    return blank("line_item", store.new_id("il"), fields)


def invoice(store: Store, buyer: Obj, currency: str, fields: dict[str, Any]) -> Obj:
    key, now = store.new_id("in"), store.time()
    own = {
        "account_tax_ids": list(store.shelves["tax_ids"].rows) or None,
        "currency": currency,
        "customer": buyer["id"],
        "customer_address": buyer["address"],
        "customer_email": buyer["email"],
        "customer_name": buyer["name"],
        "customer_phone": buyer["phone"],
        "customer_tax_ids": store.vat_ids.get(buyer["id"], []),
        "lines": sublist([], f"/v1/invoices/{key}/lines"),
        "period_end": now,
        "period_start": now,
    }
    return blank("invoice", key, stamped(store) | own | fields)


def invoice_payment(store: Store, invoice: Obj, intent: str, amount: int) -> Obj:
    """The tie between an invoice and a payment intent that is to pay it, or some of it."""
    fields = {
        "amount_requested": amount,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "payment": {"payment_intent": intent, "type": "payment_intent"},
    }
    return blank("invoice_payment", store.new_id("inpay"), stamped(store) | fields)


def credit_note(store: Store, invoice: Obj, number: int, fields: dict[str, Any]) -> Obj:
    key = store.new_id("cn")
    own = {
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "effective_at": store.time(),
        "invoice": invoice["id"],
        "number": f"{invoice['number']}-CN-{number:02}",
        "pdf": f"https://pay.stripe.com/credit_notes/{store.account}/{key}/pdf?s=ap",
    }
    return blank("credit_note", key, stamped(store) | own | fields)


def credit_note_line(store: Store, amount: int, taxes: list[Obj], fields: dict[str, Any]) -> Obj:
    own = {"amount": amount, "livemode": store.livemode, "taxes": taxes}
    return blank("credit_note_line_item", store.new_id("cnli"), own | fields)
