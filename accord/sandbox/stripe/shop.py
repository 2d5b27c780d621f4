"""An invented shop's doings: customers that come, pay, take back and complain, picked by dice that can be repeated."""

import random
import unicodedata
from typing import NamedTuple

from accord.sandbox.forms import words
from accord.sandbox.stripe import cards, customers, disputes, payments, refunds, subscriptions
from accord.sandbox.stripe.errors import StripeError
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

FIRST = words(
    """Andrei Ioana Ștefan Măriuca Răzvan Ilinca Dragoș Smaranda Țvetan Crina Anton Bianca Matei Sânziana Horia
Lavinia Jürgen Anneliese Łukasz Zofia Björn Freja Étienne Maëlle Gonçalo Inês Dénes Réka Kostas Eleni"""
)
LAST = words(
    """Pârvulescu Crăiniceanu Țurcan Bălănescu Mălureanu Ștefănoiu Văcărel Ghindaru Frunzeti Brădețeanu Orzescu
Șerbuleț Müllerstein Großfeld Żurawiecki Lindqvisten Sørholm Dubrechamp Castelhano Kőszegfalvi Papadimoulis"""
)
PLACES = (
    ("București", "RO", "010011"),
    ("Cluj-Napoca", "RO", "400001"),
    ("Iași", "RO", "700001"),
    ("Timișoara", "RO", "300001"),
    ("Chișinău", "MD", "2001"),
    ("Wien", "AT", "1010"),
    ("Kraków", "PL", "30-001"),
    ("Lisboa", "PT", "1100-001"),
)
GOODS = ("Cutie cu ceai", "Set de căni", "Curs de olărit", "Bilet la atelier", "Hartă veche", "Pătură de lână")
PRICES = (
    ("price_gazeta_eur", "prod_gazeta", "Gazeta, lunar", 990, "eur", "month"),
    ("price_gazeta_ron", "prod_gazeta", "Gazeta, lunar", 4_900, "ron", "month"),
    ("price_atelier_eur", "prod_atelier", "Atelierul, lunar", 2_900, "eur", "month"),
    ("price_atelier_usd", "prod_atelier", "Atelierul, lunar", 3_400, "usd", "month"),
    ("price_arhiva_usd", "prod_arhiva", "Arhiva, anual", 19_900, "usd", "year"),
)
"""Price id, product id, product name, amount, currency, interval."""

_CURRENCIES = {"eur": 45, "ron": 25, "usd": 17, "jpy": 7, "kwd": 6}  # how often
_SCALE = {"eur": 100, "ron": 500, "usd": 110, "jpy": 170, "kwd": 330}  # smallest units of about one euro's worth
_STEP = {"kwd": 10}
_DECLINED = (
    "pm_card_chargeDeclined",
    "pm_card_chargeDeclinedInsufficientFunds",
    "pm_card_chargeDeclinedExpiredCard",
    "pm_card_chargeDeclinedIncorrectCvc",
)


class Shop(NamedTuple):
    """One mode's store and the dice."""

    store: Store
    dice: random.Random

    def customer(self, *, card: bool = True) -> Obj:
        """A new customer with an address and, mostly, a card (never one if `card` is false)."""
        first, last = self.dice.choice(FIRST), self.dice.choice(LAST)
        number = len(self.store.shelves["customers"].rows) + len(self.store.deleted) + 1
        city, country, code = self.dice.choice(PLACES)
        tree = {
            "name": f"{first} {last}",
            "email": f"{_ascii(first)}.{_ascii(last)}.{number}@example.test",
            "address": {"city": city, "country": country, "postal_code": code, "line1": f"Str. Exemplului {number}"},
            "metadata": {"shop_number": str(1_000 + number)},
            "invoice_settings": {"default_payment_method": "pm_card_visa"},
        }
        if not card or self.dice.random() < 0.1:
            del tree["invoice_settings"]
        return customers.create(self.store, "", Params(tree))

    def someone(self) -> Obj | None:
        rows = list(self.store.shelves["customers"].rows.values())
        return self.dice.choice(rows) if rows else None

    def order(self, buyer: Obj | None, *, manual: bool = False) -> Obj:
        """A payment intent for something, not yet paid. Guests leave a mail address."""
        (currency,) = self.dice.choices(list(_CURRENCIES), list(_CURRENCIES.values()))
        worth = min(max(self.dice.lognormvariate(3.4, 0.9), 1.5), 3_000)
        step = _STEP.get(currency, 1)
        amount = int(worth * _SCALE[currency]) // step * step
        number = str(self.dice.randrange(100_000, 999_999))
        fields = {
            "capture_method": "manual" if manual else "automatic_async",
            "customer": buyer["id"] if buyer else None,
            "description": self.dice.choice(GOODS),
            "metadata": {"order": number},
            "receipt_email": None if buyer else f"oaspete.{number}@example.test",
        }
        return payments.start(self.store, amount, currency, fields)

    def pay(self, intent: Obj, card: str) -> Obj | None:
        """Try to pay with a test card; the charge, if there is one."""
        payments.attempt(self.store, intent, cards.method(self.store, card))
        return self.store.find("charge", intent["latest_charge"] or "")

    def buy(self, card: str = "pm_card_visa", *, guest: bool = False) -> Obj | None:
        """Order and pay in one; the charge."""
        return self.pay(self.order(None if guest else self.someone()), card)

    def declined(self) -> str:
        return self.dice.choice(_DECLINED)

    def refund(self, charge: Obj, share: float | None = None) -> Obj | None:
        """Give back a share of what was charged, or all that is left; None when Stripe refuses."""
        amount = None
        if share is not None:
            step = _STEP.get(charge["currency"], 1)
            amount = max(int(charge["amount_captured"] * share) // step * step, step)
        reason = self.dice.choice(("requested_by_customer", "duplicate", None))
        try:
            return refunds.give(self.store, charge, amount, reason, {})
        except StripeError:
            return None

    def dispute(self, charge: Obj, reason: str = "fraudulent") -> Obj | None:
        """The cardholder complains; None when the charge can not be disputed."""
        try:
            return disputes.open(self.store, charge, reason)
        except StripeError:
            return None

    def subscribe(self, buyer: Obj, price: str | None = None, card: str | None = "pm_card_visa", **how: object) -> Obj:
        """Start a subscription; `how` are fields of its Order."""
        chosen = price or self.dice.choice(PRICES)[0]
        order = subscriptions.Order([(self.store.get("price", chosen), 1)], **how)  # type: ignore[arg-type]
        fields = {"default_payment_method": cards.method(self.store, card)} if card else {}
        return subscriptions.start(self.store, buyer, order, fields)


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("Ł", "L").replace("ł", "l").replace("ß", "ss").replace("ø", "o"))
    return "".join(letter for letter in plain.lower() if letter.isascii() and letter.isalnum())
