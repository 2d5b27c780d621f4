"""Invoices, stornos and credit notes as their issuer shows them: frozen values, money in smallest units.

What a service does not tell is None, and `origins` says of each field where it was found: nothing is guessed.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from hashlib import blake2b
from typing import Any, ClassVar, Self

import msgspec

from accord.kinds import Facts, Fields, Kind
from accord.names import digits, folded


class State(StrEnum):
    """Where a document stands."""

    DRAFT = "draft"
    ISSUED = "issued"
    PARTLY_PAID = "partly paid"
    PAID = "paid"
    CANCELLED = "cancelled"  # it keeps its number, and nothing is due
    STORNO = "storno"  # it takes back another one, with amounts below zero
    REVERSED = "reversed"  # another one takes it back
    UNKNOWN = "unknown"


class Origin(StrEnum):
    """Where a field's value was found."""

    API = "api"
    PDF = "pdf"
    COMPUTED = "computed"  # from other fields, which add up to what the service tells
    EXPORT = "export"  # a file that a person exported from the service's web application
    ARCHIVE = "archive"  # Accord's own archive of documents
    AWAITED = "awaited"  # nowhere yet: the PDF is to be archived; that is shown nowhere
    DOUBTFUL = "doubtful"  # in the API, which contradicts itself there
    UNKNOWN = "unknown"  # nowhere: the field is None


class _Part(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    def __repr__(self) -> str:
        """Without the values, which are people's names and money."""
        return f"<{type(self).__name__}>"


class Party(_Part, frozen=True, kw_only=True, gc=False):
    """Who issued a document, or whom it is made out to. `vat_id` is as written, with or without its country."""

    name: str | None
    vat_id: str | None = None
    registration: str | None = None  # in the trade register
    address: str | None = None
    city: str | None = None
    county: str | None = None
    country: str | None = None
    email: str | None = None
    iban: str | None = None

    def known_by(self) -> str | None:
        """By what it is known again, as a hash: the VAT id, else the name; says which of the two."""
        if vat_id := digits(self.vat_id):
            return f"vat:{_hashed(vat_id)}"
        return f"name:{_hashed(folded(self.name))}" if self.name else None


class Line(_Part, frozen=True, kw_only=True, gc=False):
    """One line. Decimals are texts as the service gives them; `total` is with VAT, in the currency's smallest unit."""

    name: str
    code: str | None = None
    quantity: str
    unit: str | None = None
    price: str | None = None  # of one, with VAT where `vat_included`
    vat_included: bool | None = None
    vat_name: str | None = None
    vat_rate: str | None = None  # in percent
    net: int | None = None
    vat: int | None = None
    total: int | None = None


class Document(Fields, frozen=True, kw_only=True, gc=False):
    """An invoice, a storno or a credit note.

    `key` names it at its service for ever; series and number do not, since a number that was deleted is given out
    again. Dates are ISO days of the issuer's calendar (Europe/Bucharest for Romanian services), amounts include VAT and
    are in the currency's smallest unit. `position` is where it stands in the order of the service's list.
    """

    kind: ClassVar[Kind] = Kind.DOCUMENT
    # By these a source knows what may change, and the numbers of a series are looked through.
    _told: ClassVar[tuple[str, ...]] = (
        "state",
        "einvoice",
        "issued_on",
        "series",
        "number",
        "currency",
        "total",
        "paid",
        "reverses",
    )

    position: int
    state: State
    series: str | None
    number: str | None  # as issued, leading zeros included
    issued_on: str | None
    due_on: str | None
    issuer: Party | None
    client: Party | None
    currency: str | None  # upper-case ISO 4217
    exchange_rate: str | None  # lei for one unit of a foreign currency
    net: int | None
    vat: int | None
    total: int | None
    paid: int | None
    lines: tuple[Line, ...] | None
    reverses: str | None  # series and number of the invoice that a storno takes back
    mentions: str | None
    einvoice: str | None  # what the tax authority says of it: "not sent", "processing", "accepted", "errors"
    origins: Mapping[str, Origin]
    pdf: str | None = None  # its name in the archive; no service tells of it, filing does
    deleted: bool = False

    def __getattr__(self, name: str) -> str | None:
        """What a table has a column for, and a document keeps in one of its parts."""
        if name not in _IN_PARTS:
            raise AttributeError(name)
        return _IN_PARTS[name](self)

    @classmethod
    def gone(cls, key: str, position: int, series: str | None = None, number: str | None = None) -> Self:
        """A document that its service does not have any more: what it was called, and nothing else."""
        called = {"series": series, "number": number}
        told = {name: Origin.API for name, value in called.items() if value is not None}
        known: dict[str, Any] = dict.fromkeys(cls.__struct_fields__)
        known |= {"key": key, "position": position, "state": State.UNKNOWN, "origins": told, "deleted": True}
        return cls(**known | called)

    @property
    def created(self) -> int:
        """Where it stands in the order of the service's list."""
        return self.position

    def facts(self) -> Facts:
        """What a source without a list knows its documents by; the client only as a hash."""
        return {**Fields.facts(self), "client": None if self.client is None else self.client.known_by()}

    def shown(self) -> Self:
        """What a portal is given of it: Accord's own mark, that the PDF is awaited, is left out."""
        return msgspec.structs.replace(self, origins=_shown(self.origins))

    def fingerprint(self) -> str:
        """A stable hash, also where the origins were found in another order."""
        return Fields.fingerprint(self.shown())

    @classmethod
    def fields(cls) -> list[str]:
        """What a table has columns for: parties field by field, lines and origins as JSON."""
        whole = [name for name in cls.__struct_fields__ if name not in ("issuer", "client", "lines", "origins")]
        return [*whole[:-1], *_IN_PARTS, whole[-1]]

    @classmethod
    def field_type(cls, field: str) -> tuple[type, bool]:
        """A field's type (str, int or bool), and whether it may be None."""
        return (str, field != "origins_json") if field in _IN_PARTS else super().field_type(field)


def _of_party(party: str, field: str) -> Callable[[Document], str | None]:
    def get(document: Document) -> str | None:
        there: Party | None = getattr(document, party)
        return None if there is None else getattr(there, field)

    return get


def _hashed(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def _shown(origins: Mapping[str, Origin] | None) -> dict[str, Origin]:
    """What is told of origins; nothing of a document that was made without, which the check then sets aside."""
    return {field: origin for field, origin in sorted((origins or {}).items()) if origin is not Origin.AWAITED}


def _json(value: object) -> str | None:
    return None if value is None else _encode(value).decode()


_encode = msgspec.json.Encoder(order="deterministic").encode

_IN_PARTS: dict[str, Callable[[Document], str | None]] = {
    f"{party}_{field}": _of_party(party, field) for party in ("issuer", "client") for field in Party.__struct_fields__
} | {
    "lines_json": lambda document: _json(document.lines),
    "origins_json": lambda document: _json(_shown(document.origins)),
}
