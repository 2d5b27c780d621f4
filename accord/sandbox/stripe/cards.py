"""Stripe's test payment methods and what each of them does (docs.stripe.com/testing)."""

from typing import Literal, NamedTuple

from accord.sandbox.stripe.errors import no_such
from accord.sandbox.stripe.store import Store

Does = Literal["pay", "decline", "authenticate", "dispute", "refund_later", "refund_fails", "debit", "debit_fails"]


class Card(NamedTuple):
    """A test payment method; `code` and `decline_code` are those of a refusal, `reason` that of a dispute."""

    brand: str
    last4: str
    country: str = "RO"
    does: Does = "pay"
    code: str = ""
    decline_code: str = ""
    reason: str = ""

    @property
    def debit(self) -> bool:
        return self.does in ("debit", "debit_fails")


_REFUSED = "card_declined"

CARDS: dict[str, Card] = {
    "pm_card_visa": Card("visa", "4242"),
    "pm_card_mastercard": Card("mastercard", "4444", "DE"),
    "pm_card_us": Card("visa", "4242", "US"),
    "pm_card_chargeDeclined": Card("visa", "0002", "RO", "decline", _REFUSED, "generic_decline"),
    "pm_card_chargeDeclinedInsufficientFunds": Card("visa", "9995", "RO", "decline", _REFUSED, "insufficient_funds"),
    "pm_card_chargeDeclinedExpiredCard": Card("visa", "0069", "RO", "decline", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": Card("visa", "0127", "RO", "decline", "incorrect_cvc"),
    "pm_card_authenticationRequired": Card("visa", "3184", "RO", "authenticate"),
    "pm_card_createDispute": Card("visa", "0259", "RO", "dispute", reason="fraudulent"),
    "pm_card_createDisputeProductNotReceived": Card("visa", "2685", "RO", "dispute", reason="product_not_received"),
    "pm_card_createDisputeInquiry": Card("visa", "1976", "RO", "dispute", reason="inquiry"),
    "pm_card_pendingRefund": Card("visa", "7726", "RO", "refund_later"),
    "pm_card_refundFail": Card("visa", "5126", "RO", "refund_fails"),
    "pm_successDelayed_de": Card("sepa_debit", "3000", "DE", "debit"),
    "pm_failed_de": Card("sepa_debit", "3001", "DE", "debit_fails", "charge_exceeds_source_limit"),
}

MESSAGES: dict[str, str] = {
    "card_declined": "Your card was declined.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "charge_exceeds_source_limit": "The debit was refused by the bank.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
}


def method(store: Store, token: str, param: str = "payment_method") -> str:
    """The id of a payment method: a new one for the name of a test card, the same for an id that exists."""
    if token in store.cards:
        return token
    if token not in CARDS:
        raise no_such("PaymentMethod", token, param, status=400)
    key = store.new_id("pm")
    store.cards[key] = token
    return key


def card(store: Store, key: str) -> Card:
    """What is behind a payment method id."""
    return CARDS[store.cards[key]]
