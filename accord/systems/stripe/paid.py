"""Stripe's payments as they are now, for the invoices that are issued because of them."""

from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from accord.actions import NotNeeded
from accord.documents import Party
from accord.errors import Refused, TryLater
from accord.invoicing import Paid
from accord.systems.answers import UNREADABLE, Shape
from accord.systems.stripe import shapes
from accord.systems.stripe.client import Stripe
from accord.systems.stripe.documents import vat_id
from accord.systems.stripe.errors import NotFound
from accord.systems.stripe.invoice_shapes import TaxId
from accord.systems.stripe.shapes import Amount, Id, Link

T = TypeVar("T")


class Address(Shape, gc=False):
    line1: str | None = None
    line2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Payer(Shape, gc=False):
    """Whom Stripe knows: a customer, or what was given with one payment."""

    name: str | None = None
    email: str | None = None
    address: Address | None = None
    deleted: bool = False


class Charge(Shape, gc=False):
    id: Id
    status: Literal["failed", "pending", "succeeded"]
    amount_captured: Amount
    amount_refunded: Amount
    currency: str
    disputed: bool
    customer: Link | None
    payment_intent: Link | None
    billing_details: Payer


class TaxIds(Shape, gc=False):
    data: list[TaxId]


class InvoicePayment(Shape, gc=False):
    """What ties a payment to an invoice."""

    status: str
    invoice: Link


class InvoicePayments(Shape, gc=False):
    data: list[InvoicePayment]


_charge = msgspec.json.Decoder(Charge).decode
_payer = msgspec.json.Decoder(Payer).decode
_tax_ids = msgspec.json.Decoder(TaxIds).decode
_ties = msgspec.json.Decoder(InvoicePayments).decode


class StripePayments:
    """One account's payments: `accord.invoicing.Payments`."""

    def __init__(self, stripe: Stripe) -> None:
        self._stripe = stripe

    def paid(self, key: str) -> Paid:
        """A payment and its payer. Raises NotNeeded where it was given back or belongs to an invoice; and Refused."""
        charge = self._one("/v1/charges", key, _charge)
        if charge.status != "succeeded" or charge.amount_captured <= charge.amount_refunded:
            raise NotNeeded("nothing is left of the payment")
        if charge.amount_refunded or charge.disputed:
            raise Refused("the payment was refunded or disputed before an invoice was issued; issue it by hand")
        if charge.payment_intent is not None:
            self._require_free(shapes.key(charge.payment_intent))
        customer = None if charge.customer is None else shapes.key(charge.customer)
        payer = Payer() if customer is None else self._one("/v1/customers", customer, _payer)
        vat_id = None if customer is None or payer.deleted else self._vat_id(customer)
        client = _party(payer, charge.billing_details, vat_id)
        return Paid(charge.id, charge.amount_captured, charge.currency.upper(), customer, client)

    def _vat_id(self, customer: str) -> str | None:
        body = self._stripe.get("/v1/customers", [("limit", "100")], key=f"{customer}/tax_ids").body
        return vat_id(_read(body, _tax_ids, "/v1/customers/…/tax_ids").data)

    def close(self) -> None:
        """Give the connections back."""
        self._stripe.close()

    def _require_free(self, intent: str) -> None:
        asked = [("payment[type]", "payment_intent"), ("payment[payment_intent]", intent), ("limit", "100")]
        body = self._stripe.get("/v1/invoice_payments", asked).body
        for tie in _read(body, _ties, "/v1/invoice_payments").data:
            if tie.status != "canceled":
                raise NotNeeded(f"the payment belongs to Stripe's invoice {shapes.key(tie.invoice)}")

    def _one(self, path: str, key: str, decode: Callable[[bytes], T]) -> T:
        try:
            body = self._stripe.get(path, key=key).body
        except NotFound:
            raise Refused("Stripe does not know the payment any more, or its customer") from None
        return _read(body, decode, path)


def _read(body: bytes, decode: Callable[[bytes], T], path: str) -> T:
    try:
        return decode(body)
    except UNREADABLE:
        raise TryLater(
            f"Stripe's answer to GET {path} can not be read; was it cut off, or did its API change?"
        ) from None


def _party(customer: Payer, given: Payer, vat_id: str | None) -> Party:
    """What is known of the customer, and otherwise what was given with the payment."""
    name = customer.name or given.name or customer.email or given.email
    if not name:
        raise Refused("the payment does not say who paid; issue its invoice by hand")
    there = next((payer.address for payer in (customer, given) if payer.address and payer.address.country), Address())
    return Party(
        name=name,
        vat_id=vat_id,
        address=" ".join(filter(None, (there.line1, there.line2))) or None,
        city=there.city,
        county=there.state,
        country="Romania" if there.country in (None, "RO") else there.country,
        email=customer.email or given.email,
    )
