"""One of everything: a plan that leaves each status of each object in the seed, however small it is."""

from collections.abc import Callable
from functools import partial
from typing import Any

from accord.sandbox.forms import Tree
from accord.sandbox.stripe import (
    cards,
    credit_notes,
    customers,
    disputes,
    invoice_payments,
    invoices,
    money,
    payments,
    payouts,
    subscriptions,
    taxes,
)
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.shop import Shop
from accord.sandbox.stripe.store import Obj

Note = Callable[[int, Callable[[], object]], None]

_GAZETTE = "price_gazeta_eur"
_HOUR = 3_600
_FIRM = {
    "name": "Atelier Exemplu SRL",
    "email": "plati@example.test",
    "address": {"line1": "Str. Exemplului 7", "city": "Iași", "postal_code": "700001", "country": "RO"},
    "tax_id_data": [{"type": "eu_vat", "value": "RO90000022"}],
}
_VAT = {"display_name": "TVA", "percentage": "21", "inclusive": "false", "country": "RO"}


def plan(shop: Shop, note: Note, now: int) -> None:
    """Note all of them into the diary."""
    _payments(shop, note, now)
    _disputes(shop, note, now)
    _subscriptions(shop, note, now)
    _invoices(shop, note, now)
    _payouts(shop, note, now)


def _payments(shop: Shop, note: Note, now: int) -> None:
    """The seven statuses of a payment intent, and refunds in all of theirs."""
    store = shop.store
    note(now - 5 * _HOUR, lambda: shop.order(shop.someone()))
    note(now - 5 * _HOUR, lambda: _with_method(shop))
    note(now - 4 * _HOUR, lambda: shop.pay(shop.order(shop.someone()), "pm_card_authenticationRequired"))
    note(now - 4 * _HOUR, lambda: shop.pay(shop.order(shop.someone(), manual=True), "pm_card_visa"))
    note(now - 3 * _HOUR, lambda: shop.pay(shop.order(shop.someone()), "pm_successDelayed_de"))
    note(now - 3 * _HOUR, lambda: payments.call_off(store, shop.order(None), "abandoned"))
    note(now - 9 * money.DAY, lambda: shop.pay(shop.order(shop.someone(), manual=True), "pm_card_visa"))
    note(now - 20 * money.DAY, partial(_bought_and_returned, shop, "pm_card_refundFail", None))
    note(now - 6 * money.DAY, partial(_bought_and_returned, shop, "pm_card_pendingRefund", 0.5))
    note(now - 1 * money.DAY, partial(_bought_and_returned, shop, "pm_card_pendingRefund", 0.5))
    note(now - 3 * money.DAY, partial(_bought_and_returned, shop, "pm_card_visa", None))


def _with_method(shop: Shop) -> Obj:
    method = cards.method(shop.store, "pm_card_visa")
    return payments.start(shop.store, 4_200, "eur", {"payment_method": method})


def _bought_and_returned(shop: Shop, card: str, share: float | None) -> None:
    if charge := shop.buy(card):
        shop.refund(charge, share)


def _disputes(shop: Shop, note: Note, now: int) -> None:
    """Open, under review, won, lost, and inquiries open and closed."""
    store = shop.store

    def complain(days: int, reason: str, then: Callable[[Obj], object] | None = None) -> None:
        def deed() -> None:
            charge = shop.buy()
            dispute = shop.dispute(charge, reason) if charge else None
            if dispute and then:
                note(now - (days - 2) * money.DAY, lambda: then(dispute))

        note(now - days * money.DAY, deed)

    def answer(dispute: Obj) -> None:
        tree = {"evidence": {"uncategorized_text": "Pachetul a fost predat."}, "submit": "true"}
        disputes.update(store, dispute["id"], Params(tree))

    complain(4, "fraudulent")
    complain(9, "product_not_received", answer)
    complain(15, "fraudulent", lambda dispute: disputes.close(store, dispute, won=True))
    complain(16, "duplicate", lambda dispute: disputes.close(store, dispute, won=False))
    complain(5, "inquiry")
    complain(25, "inquiry", lambda dispute: disputes.close(store, dispute, won=False))


def _subscriptions(shop: Shop, note: Note, now: int) -> None:
    """The eight statuses of a subscription."""
    store = shop.store

    def start(days: float, card: str | None = "pm_card_visa", **how: Any) -> None:
        note(
            now - int(days * money.DAY),
            lambda: shop.subscribe(shop.customer(card=card is not None), _GAZETTE, card, **how),
        )

    def turns_bad(days: int, last: str) -> None:
        """Paid at first; from the second period on the card is declined."""

        def deed() -> None:
            key = shop.subscribe(shop.customer(), _GAZETTE)["id"]
            store.dunning[key] = last
            tree = {"default_payment_method": "pm_card_chargeDeclinedInsufficientFunds"}
            note(store.time() + money.DAY, lambda: subscriptions.update(store, key, Params(tree)))

        note(now - days * money.DAY, deed)

    def cancelled() -> None:
        key = shop.subscribe(shop.customer(), _GAZETTE)["id"]
        note(now - 10 * money.DAY, lambda: subscriptions.cancel(store, key, Params({})))

    start(40)
    start(5, trial_days=14)
    start(0.1, "pm_card_chargeDeclined")
    start(9, "pm_card_chargeDeclined")
    start(20, None, trial_days=7, without_method="pause")
    start(12, None, send_invoice=True)
    turns_bad(34, "past_due")
    turns_bad(52, "unpaid")
    turns_bad(55, "canceled")
    note(now - 50 * money.DAY, cancelled)


def _invoices(shop: Shop, note: Note, now: int) -> None:
    """The five statuses of an invoice made by hand, one with more lines than are shown at once; and credit notes."""
    store = shop.store
    vat: list[str] = []
    note(now - 61 * money.DAY, lambda: vat.append(taxes.create(store, "", Params(dict(_VAT)))["id"]))

    def made(days: int, lines: int, *then: Callable[[str], object], taxed: bool = False) -> None:
        def deed() -> None:
            buyer = customers.create(store, "", Params(dict(_FIRM)))
            invoice = invoices.create(
                store, "", Params({"customer": buyer["id"], "collection_method": "send_invoice", "currency": "ron"})
            )
            for number in range(lines):
                tree: Tree = {
                    "amount": str(12_500 + 100 * number),
                    "customer": buyer["id"],
                    "description": f"Poziția {number + 1}",
                    "invoice": invoice["id"],
                }
                invoices.create_item(store, "", Params(tree | ({"tax_rates": list(vat)} if taxed else {})))
            for step in then:
                step(invoice["id"])

        note(now - days * money.DAY, deed)

    none = Params({})
    finalize: Callable[[str], object] = lambda key: invoices.finalize(store, key, none)  # noqa: E731
    pay: Callable[[str], object] = lambda key: invoices.pay(store, key, Params({"payment_method": "pm_card_visa"}))  # noqa: E731

    def credit(key: str, **goes: str) -> Obj:
        return credit_notes.create(
            store, "", Params({"invoice": key, "amount": "5000", "reason": "order_change", **goes})
        )

    made(2, 2)
    made(8, 12, finalize)
    made(11, 1, finalize, pay)
    made(12, 1, finalize, lambda key: invoices.pay(store, key, Params({"paid_out_of_band": "true"})))
    made(13, 1, finalize, lambda key: invoices.void(store, key, none))
    made(60, 1, finalize, lambda key: invoices.write_off(store, key, none))
    made(14, 2, finalize, lambda key: _pay_some(shop, key), taxed=True)
    made(15, 2, finalize, credit, taxed=True)
    made(16, 1, finalize, pay, lambda key: credit(key, refund_amount="5000"), taxed=True)
    made(17, 1, finalize, lambda key: credit_notes.void(store, credit(key)["id"], none), taxed=True)


def _pay_some(shop: Shop, key: str) -> None:
    store = shop.store
    invoice = store.get("invoice", key)
    intent = payments.start(store, 10_000, invoice["currency"], {"customer": invoice["customer"]})
    invoice_payments.attach(store, key, Params({"payment_intent": intent["id"]}))
    shop.pay(intent, "pm_card_visa")
    invoice_payments.look(store, intent["id"])


def _payouts(shop: Shop, note: Note, now: int) -> None:
    """A payout that came back from the bank, and one asked for by hand."""
    store = shop.store

    def fails() -> None:
        paid = [row for row in store.shelves["payouts"].rows.values() if row["status"] == "paid"]
        if paid:
            payouts.fail(store, paid[-1])

    def by_hand() -> None:
        if money.totals(store, "available").get("eur", {"net": 0})["net"] >= 1_000:
            payouts.send(store, 1_000, "eur", automatic=False)

    note(now - 21 * money.DAY, fails)
    note(now - money.DAY, by_hand)
