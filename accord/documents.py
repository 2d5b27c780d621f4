"""Invoices, stornos and credit notes as their issuer shows them: frozen values, money in smallest units.

What a service does not tell is None, and `origins` says of each field where it was found: nothing is guessed.
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


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


class Document(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An invoice, a storno or a credit note.

    `key` names it at its service for ever; series and number do not, since a number that was deleted is given out
    again. Dates are ISO days of the issuer's calendar (Europe/Bucharest for Romanian services), amounts include VAT and
    are in the currency's smallest unit. `position` is where it stands in the order of the service's list.
    """

    key: str
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
    deleted: bool = False

    def __repr__(self) -> str:
        """Without the values, which are people's names and money."""
        return f"<document {self.key}>"
