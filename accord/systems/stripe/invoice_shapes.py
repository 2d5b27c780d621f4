"""What Stripe's invoices and credit notes must look like, as far as documents are made of them.

As in `shapes`: API version 2026-10-28.endive, and only what has a default here may be left out altogether.
"""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from accord.systems.answers import Shape
from accord.systems.stripe.shapes import Amount, Count, Id, Time

Number = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,12})?$")]
"""A decimal number as text, which is exact; as JSON's number, and as Stripe's amounts, it might not be."""


class TaxRate(Shape, gc=False):
    """In percent. Once made, a rate keeps its percentage for ever."""

    display_name: str
    percentage: Decimal
    effective_percentage: Decimal | None = None  # what of it was applied, where Stripe Tax finds the rate
    rate_type: str | None = None


class Besides(Shape, gc=False):
    """What Stripe tells elsewhere, and the source puts to each object as it reads it."""

    time_zone: str | None
    tax_rates: dict[str, TaxRate]


class TaxRateDetails(Shape, gc=False):
    tax_rate: Id


class Tax(Shape, gc=False):
    amount: Amount
    tax_behavior: Literal["exclusive", "inclusive"]
    tax_rate_details: TaxRateDetails | None = None


class Discount(Shape, gc=False):
    amount: Amount


class PretaxCredit(Shape, gc=False):
    amount: Amount
    type: str


class _Line(Shape, gc=False, kw_only=True):
    id: Id
    amount: Amount
    description: str | None
    quantity: Count | None = None
    discount_amounts: list[Discount] | None = None
    pretax_credit_amounts: list[PretaxCredit] | None = None
    taxes: list[Tax] | None


class Pricing(Shape, gc=False):
    unit_amount_decimal: Number | None = None


class InvoiceLine(_Line, gc=False, kw_only=True):
    pricing: Pricing | None
    quantity_decimal: Number | None = None


class CreditNoteLine(_Line, gc=False, kw_only=True):
    unit_amount_decimal: Number | None


class ShippingTax(Shape, gc=False):
    rate: TaxRate


class ShippingCost(Shape, gc=False):
    amount_subtotal: Amount
    amount_tax: Amount
    amount_total: Amount
    taxes: list[ShippingTax] | None = None


class Address(Shape, gc=False):
    city: str | None
    country: str | None
    line1: str | None
    line2: str | None
    postal_code: str | None
    state: str | None


class TaxId(Shape, gc=False):
    type: str
    value: str | None


class Parties(Shape, gc=False, kw_only=True):
    """What an invoice says of itself, its issuer and its client; it stays so once it is finalized."""

    id: Id
    number: str | None
    account_name: str | None
    account_country: str | None
    account_tax_ids: list[Id | TaxId] | None
    customer_name: str | None
    customer_email: str | None
    customer_address: Address | None
    customer_tax_ids: list[TaxId] | None


class InvoiceLines(Shape, gc=False):
    data: list[InvoiceLine]
    has_more: bool


class Transitions(Shape, gc=False):
    finalized_at: Time | None


class Invoice(Parties, gc=False, kw_only=True):
    object: Literal["invoice"]
    livemode: bool
    created: Time
    status: Literal["draft", "open", "paid", "uncollectible", "void"] | None
    status_transitions: Transitions
    effective_at: Time | None
    due_date: Time | None
    description: str | None
    currency: str
    total: Amount
    total_excluding_tax: Amount | None
    amount_paid: Amount
    amount_remaining: Amount
    pre_payment_credit_notes_amount: Amount
    post_payment_credit_notes_amount: Amount
    shipping_cost: ShippingCost | None
    lines: InvoiceLines
    besides: Besides
    deleted: bool = False


class CreditNoteLines(Shape, gc=False):
    data: list[CreditNoteLine]
    has_more: bool


class CreditNote(Shape, gc=False, kw_only=True):
    id: Id
    object: Literal["credit_note"]
    livemode: bool
    created: Time
    status: Literal["issued", "void"]
    effective_at: Time | None
    number: str
    memo: str | None
    currency: str
    total: Amount
    total_excluding_tax: Amount | None
    shipping_cost: ShippingCost | None
    invoice: Parties
    lines: CreditNoteLines
    besides: Besides
