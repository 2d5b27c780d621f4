"""What must agree: records, small frozen values with money in smallest units and times in Unix seconds."""

from typing import ClassVar

from accord.bookings import Booking
from accord.documents import Document
from accord.houses import origin_kind
from accord.kinds import NEEDED, PARENTS_FIRST, TIMES, Facts, Fields, Kind, Ref

__all__ = [
    "NEEDED",
    "PARENTS_FIRST",
    "RECORDS",
    "TIMES",
    "Booking",
    "Customer",
    "Dispute",
    "Document",
    "Facts",
    "Intent",
    "Invoice",
    "Kind",
    "Leg",
    "Payment",
    "Record",
    "Ref",
    "Refund",
    "Subscription",
]

_KINDS = {str(kind): kind for kind in Kind}


class Customer(Fields, frozen=True, kw_only=True, gc=False):
    """Someone who pays, and has an account under this key."""

    kind: ClassVar[Kind] = Kind.CUSTOMER

    name: str | None
    email: str | None
    currency: str | None
    delinquent: bool
    created: int
    deleted: bool = False


class Subscription(Fields, frozen=True, kw_only=True, gc=False):
    """What a customer pays for again and again; `plan` is the price of its first item."""

    kind: ClassVar[Kind] = Kind.SUBSCRIPTION
    _parent: ClassVar[tuple[Kind, str] | None] = (Kind.CUSTOMER, "customer")

    customer: str
    status: str
    plan: str | None
    quantity: int | None
    period_start: int | None
    period_end: int | None
    cancel_at_period_end: bool
    canceled_at: int | None
    started: int | None
    created: int
    deleted: bool = False


class Invoice(Fields, frozen=True, kw_only=True, gc=False):
    """What a customer is asked to pay."""

    kind: ClassVar[Kind] = Kind.INVOICE
    _parent: ClassVar[tuple[Kind, str] | None] = (Kind.CUSTOMER, "customer")

    customer: str | None
    subscription: str | None
    number: str | None
    status: str | None
    currency: str
    total: int
    amount_due: int
    amount_paid: int
    amount_remaining: int
    due_date: int | None
    created: int
    deleted: bool = False


class Intent(Fields, frozen=True, kw_only=True, gc=False):
    """A payment being attempted; `payment` is the latest attempt that reached a bank."""

    kind: ClassVar[Kind] = Kind.INTENT
    _parent: ClassVar[tuple[Kind, str] | None] = (Kind.CUSTOMER, "customer")

    customer: str | None
    payment: str | None
    amount: int
    amount_received: int
    currency: str
    status: str
    cancellation_reason: str | None
    created: int
    deleted: bool = False


class Payment(Fields, frozen=True, kw_only=True, gc=False):
    """Money charged, as the payer saw it; without `customer` that is a guest. `leg` is what it came to."""

    kind: ClassVar[Kind] = Kind.PAYMENT
    _parent: ClassVar[tuple[Kind, str] | None] = (Kind.CUSTOMER, "customer")
    _told: ClassVar[tuple[str, ...]] = ("customer", "amount", "captured", "currency")

    customer: str | None
    intent: str | None
    amount: int
    captured: int
    refunded: int
    currency: str
    status: str
    disputed: bool
    failure_code: str | None
    leg: str | None
    created: int
    deleted: bool = False


class Refund(Fields, frozen=True, kw_only=True, gc=False):
    """Money given back of a payment, in the payment's currency."""

    kind: ClassVar[Kind] = Kind.REFUND
    _parent: ClassVar[tuple[Kind, str] | None] = (Kind.PAYMENT, "payment")
    _told: ClassVar[tuple[str, ...]] = ("payment", "amount", "currency")

    payment: str | None
    amount: int
    currency: str
    status: str | None
    reason: str | None
    failure_reason: str | None
    leg: str | None
    created: int
    deleted: bool = False


class Dispute(Fields, frozen=True, kw_only=True, gc=False):
    """Money that the payer's bank demands back, in the payment's currency."""

    kind: ClassVar[Kind] = Kind.DISPUTE
    _parent: ClassVar[tuple[Kind, str] | None] = (Kind.PAYMENT, "payment")
    _told: ClassVar[tuple[str, ...]] = ("payment", "amount", "currency")

    payment: str
    amount: int
    currency: str
    status: str
    reason: str | None
    created: int
    deleted: bool = False


class Leg(Fields, frozen=True, kw_only=True, gc=False):
    """One row of money in an account: gross, fee and net in settlement currency, and the amount as charged.

    `account` is a customer's key or a house account ("house:fees"). It is empty until `attribute` has filled
    it in, with `payment` and the two `charged_` fields. A leg never changes and is never deleted; where its money
    goes to another account later, `postings` adds two legs under its key with "/out" and "/in".
    """

    kind: ClassVar[Kind] = Kind.LEG
    _told: ClassVar[tuple[str, ...]] = ("account", "payment", "charged_amount")
    deleted: ClassVar[bool] = False

    type: str
    source: str | None
    account: str
    payment: str | None
    charged_amount: int | None
    charged_currency: str | None
    gross: int
    fee: int
    net: int
    currency: str
    created: int
    available_on: int

    @property
    def source_key(self) -> str:
        """The balance transaction's key, also for the legs that move it."""
        return self.key.partition("/")[0]

    @property
    def origin(self) -> Ref | None:
        """The payment, refund or dispute that moved the money; None where the money is the house's own."""
        kind = origin_kind(self.type, self.source)
        return Ref(_KINDS[kind], self.source) if kind and self.source else None

    @property
    def needs(self) -> Ref | None:
        """What moved the money; or the payment behind that, once only the payment is still unknown."""
        if not self.account and self.payment:
            return Ref(Kind.PAYMENT, self.payment)
        return self.origin


Record = Customer | Subscription | Invoice | Intent | Payment | Refund | Dispute | Leg | Document | Booking

RECORDS: dict[Kind, type[Record]] = {
    record.kind: record
    for record in (Customer, Subscription, Invoice, Intent, Payment, Refund, Dispute, Leg, Document, Booking)
}
"""The record class of each kind."""
