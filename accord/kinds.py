"""What the records of all kinds have in common: kinds, references, fields and their fingerprint."""

import functools
import typing
from collections.abc import Mapping
from enum import StrEnum
from hashlib import blake2b
from types import NoneType
from typing import Any, ClassVar, NamedTuple

import msgspec


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
    DOCUMENT = "document"
    BOOKING = "booking"


PARENTS_FIRST = tuple(Kind)
"""Every kind, behind the kinds that it needs."""

NEEDED: dict[Kind, tuple[Kind, ...]] = {
    Kind.CUSTOMER: (),
    Kind.SUBSCRIPTION: (Kind.CUSTOMER,),
    Kind.INVOICE: (Kind.CUSTOMER,),
    Kind.INTENT: (Kind.CUSTOMER,),
    Kind.PAYMENT: (Kind.CUSTOMER,),
    Kind.REFUND: (Kind.PAYMENT,),
    Kind.DISPUTE: (Kind.PAYMENT,),
    Kind.LEG: (Kind.PAYMENT, Kind.REFUND, Kind.DISPUTE),
    Kind.DOCUMENT: (),
    Kind.BOOKING: (),
}
"""The kinds whose records a kind's records may need first."""

TIMES = frozenset(
    {"created", "updated", "available_on", "due_date", "period_start", "period_end", "canceled_at", "started"},
)
"""The fields that hold a time, in Unix seconds UTC."""

Facts = Mapping[str, str | int | None]

_encode = msgspec.msgpack.Encoder().encode


class Ref(NamedTuple):
    """Which record: its kind, and its key at the system that owns it."""

    kind: Kind
    key: str


class Fields(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
        """A field's type (str, int or bool; a StrEnum is a str), and whether it may be None."""
        parts = cls._parts(field)
        type_ = next(part for part in parts if part is not NoneType)
        return (str if cls.is_enumerated(field) else type_), NoneType in parts

    @classmethod
    def is_enumerated(cls, field: str) -> bool:
        """Whether a field's values are texts of a StrEnum."""
        return any(isinstance(part, type) and issubclass(part, StrEnum) for part in cls._parts(field))

    @classmethod
    def _parts(cls, field: str) -> tuple[Any, ...]:
        hint = _hints(cls).get(field)
        return typing.get_args(hint) or (hint,)


_hints = functools.cache(typing.get_type_hints)
