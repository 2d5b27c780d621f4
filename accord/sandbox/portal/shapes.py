"""What the portal takes, as the published description of its API says it."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

Connection = Annotated[str, Meta(pattern="^[a-z0-9-]+/[a-z0-9-]+$")]
Key = Annotated[str, Meta(min_length=1, max_length=255)]
Rev = Annotated[int, Meta(ge=1)]
_Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
_Day = Annotated[str, Meta(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class Party(msgspec.Struct, kw_only=True):
    """Who issued a document, or whom it is made out to."""

    name: str | None
    vat_id: str | None = None
    registration: str | None = None
    address: str | None = None
    city: str | None = None
    county: str | None = None
    country: str | None = None
    email: str | None = None
    iban: str | None = None


class Line(msgspec.Struct, kw_only=True):
    """One line of a document."""

    name: str
    quantity: str
    code: str | None = None
    unit: str | None = None
    price: str | None = None
    vat_included: bool | None = None
    vat_name: str | None = None
    vat_rate: str | None = None
    net: int | None = None
    vat: int | None = None
    total: int | None = None


class Document(msgspec.Struct, kw_only=True):
    """An invoice, a storno or a credit note."""

    key: Key
    position: int
    state: Literal["draft", "issued", "partly paid", "paid", "cancelled", "storno", "reversed", "unknown"]
    series: str | None
    number: str | None
    issued_on: _Day | None
    due_on: _Day | None
    issuer: Party | None
    client: Party | None
    currency: _Currency | None
    exchange_rate: str | None
    net: int | None
    vat: int | None
    total: int | None
    paid: int | None
    lines: list[Line] | None
    reverses: str | None
    mentions: str | None
    einvoice: str | None
    origins: dict[str, Literal["api", "pdf", "computed", "export", "archive", "doubtful", "unknown"]]
    deleted: bool
    pdf: str | None = None


class Put(msgspec.Struct, kw_only=True):
    """A document with its rev; fields of it that are not known here are kept too."""

    rev: Rev
    document: dict[str, Any]


class AsOf(msgspec.Struct, kw_only=True):
    """Up to when all that a connection showed is shown here."""

    as_of: Annotated[datetime, Meta(tz=True)]
