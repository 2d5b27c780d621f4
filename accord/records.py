"""What must agree: records, small frozen values with money in smallest units and times in Unix seconds."""

import functools
import typing
from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b
from types import NoneType
from typing import Any, ClassVar, NamedTuple

import msgspec

from accord.houses import origin_kind


class Kind(StrEnum):
    """The kinds of records; the value is also the name of the stream that lists them."""

    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    INTENT = "intent"
    PAYMENT = "payment"
    REFUND = "refund"
    DISPUTE = "dispute"
    LEG = "leg"


PARENTS_FIRST = tuple(Kind)
"""Every kind, behind the kinds that it needs."""

_KINDS = {str(kind): kind for kind in Kind}

NEEDED: dict[Kind, tuple[Kind, ...]] = {
    Kind.CUSTOMER: (),
    Kind.SUBSCRIPTION: (Kind.CUSTOMER,),
    Kind.INVOICE: (Kind.CUSTOMER,),
    Kind.INTENT: (Kind.CUSTOMER,),
    Kind.PAYMENT: (Kind.CUSTOMER,),
    Kind.REFUND: (Kind.PAYMENT,),
    Kind.DISPUTE: (Kind.PAYMENT,),
    Kind.LEG: (Kind.PAYMENT, Kind.REFUND, Kind.DISPUTE),
}
"""The kinds whose records a kind's records may need first."""

TIMES = frozenset(
    {"created", "available_on", "due_date", "period_start", "period_end", "canceled_at", "started"},
)
"""The fields that hold a time, in Unix seconds UTC."""

Facts = Mapping[str, str | int | None]

_encode = msgspec.msgpack.Encoder().encode


class Ref(NamedTuple):
    """Which record: its kind, and its key at the system that owns it."""

    kind: Kind
    key: str


class _Fields(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the kinds have in common. Currencies are upper-case ISO 4217 codes."""

    kind: ClassVar[Kind]
    _parent: ClassVar[tuple[Kind, str] | None] = None
    _told: ClassVar[tuple[str, ...]] = ()

    key: str

    def __repr__(self) -> str:
        """Without the values: they are people's names and money, and a repr ends up in logs and tracebacks."""
        return f"<{self.kind} {self.key}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("key", self.key)]

    @property
    def source_key(self) -> str:
        """The key of the object that the record was read from, by which it can be fetched again."""
        return self.key

    @property
    def needs(self) -> Ref | None:
        """The record that must be known before this one can be settled; None where it stands alone."""
        if self._parent is None:
            return None
        key = getattr(self, self._parent[1])
        return Ref(self._parent[0], key) if key else None

    def fingerprint(self) -> str:
        """A stable hash (BLAKE2b, 32 hex digits) of the kind and of each field's name and value, in order."""
        return blake2b(_encode((self.kind, self)), digest_size=16).hexdigest()

    def facts(self) -> Facts:
        """What the records that need this one have to know of it."""
        return {name: getattr(self, name) for name in self._told}

    @classmethod
    def fields(cls) -> list[str]:
        """The names of the fields, in order; `key` comes first."""
        return list(cls.__struct_fields__)

    @classmethod
    def field_type(cls, field: str) -> tuple[type, bool]:
        """A field's type (str, int or bool), and whether it may be None."""
        hint = _hints(cls)[field]
        parts = typing.get_args(hint) or (hint,)
        return next(part for part in parts if part is not NoneType), NoneType in parts


_hints = functools.cache(typing.get_type_hints)


class Customer(_Fields, frozen=True, kw_only=True, gc=False):
    """Someone who pays, and has an account under this key."""

    kind: ClassVar[Kind] = Kind.CUSTOMER

    name: str | None
    email: str | None
    currency: str | None
    delinquent: bool
    created: int
    deleted: bool = False


class Subscription(_Fields, frozen=True, kw_only=True, gc=False):
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


class Invoice(_Fields, frozen=True, kw_only=True, gc=False):
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


class Intent(_Fields, frozen=True, kw_only=True, gc=False):
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


class Payment(_Fields, frozen=True, kw_only=True, gc=False):
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


class Refund(_Fields, frozen=True, kw_only=True, gc=False):
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


class Dispute(_Fields, frozen=True, kw_only=True, gc=False):
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


class Leg(_Fields, frozen=True, kw_only=True, gc=False):
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


Record = Customer | Subscription | Invoice | Intent | Payment | Refund | Dispute | Leg

RECORDS: dict[Kind, type[Record]] = {
    record.kind: record for record in (Customer, Subscription, Invoice, Intent, Payment, Refund, Dispute, Leg)
}
"""The record class of each kind."""
