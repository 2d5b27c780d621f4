"""The sandbox Oblio's memory: companies, each with its series, rates, clients, products and documents."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from accord.sandbox.oblio.errors import OblioError, missing, no_such

Row = dict[str, Any]
"""A document, client or product as it is kept; a document's amounts are texts."""

TYPES = {"invoice": "Factura", "proforma": "Proforma", "notice": "Aviz"}
"""The word in a path to the type of the documents."""

_BUCHAREST = ZoneInfo("Europe/Bucharest")


class Series(msgspec.Struct):
    """A row of numbers for documents of one type; `next` is the number that the next one gets."""

    type: str
    name: str
    start: int = 1
    width: int = 4
    next: int = 1
    default: bool = False

    def written(self, number: int) -> str:
        return str(number).rjust(self.width, "0")


class Company(msgspec.Struct):
    """One company of the account."""

    cif: str
    name: str
    address: str
    series: list[Series]
    vat_rates: list[Row]
    clients: list[Row] = []
    products: list[Row] = []
    documents: dict[str, Row] = {}  # by id, oldest first
    keys: dict[str, str] = {}  # type and idempotencyKey -> document id

    def find(self, type_: str, series: str, number: str) -> Row:
        """A document by its number, with or without leading zeros; raises OblioError."""
        for row in reversed(self.documents.values()):
            if (row["type"], row["seriesName"]) == (type_, series) and same_number(row["number"], number):
                return row
        raise no_such("Documentul")

    def series_of(self, type_: str, name: str) -> Series:
        for series in self.series:
            if (series.type, series.name) == (type_, name):
                return series
        raise no_such("Seria")


def same_number(one: str, other: str) -> bool:
    """Oblio takes 55 and 0055 for the same."""
    return one == other or (one.isdigit() and other.isdigit() and int(one) == int(other))


class Store:
    """All that is kept across restarts."""

    def __init__(self, seed: int, now: Callable[[], float]) -> None:
        self.seed = seed
        self.now = now
        self.companies: dict[str, Company] = {}
        self.last_id = 880_000
        self.version = 0

    def today(self) -> str:
        """The day in Bucharest, which is where dates are of."""
        return datetime.fromtimestamp(self.now(), UTC).astimezone(_BUCHAREST).date().isoformat()

    def company(self, cif: object) -> Company:
        """The company of a call, with or without RO; raises OblioError where the account has none such."""
        if not isinstance(cif, str) or not cif:
            raise missing("cif")
        company = self.companies.get(digits(cif))
        if company is None:
            raise OblioError("Nu aveti acces la aceasta firma.")
        return company

    def open(self, company: Company) -> Company:
        self.companies[digits(company.cif)] = company
        self.version += 1
        return company

    def add(self, company: Company, row: Row) -> Row:
        """Keep a new document under a new id, larger than any before."""
        self.last_id += 1
        self.version += 1
        key = str(self.last_id)
        secret = hashlib.blake2b(key.encode(), digest_size=8, key=str(self.seed).encode()).hexdigest()
        row |= {"id": key, "secret": secret, "born": self.now()}
        company.documents[key] = row
        return row

    def amend(self, row: Row, **changes: Any) -> None:
        row.update(changes)
        self.version += 1

    def dump(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        companies = {key: msgspec.to_builtins(company) for key, company in self.companies.items()}
        return {"companies": companies, "last_id": self.last_id, "version": self.version}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.companies = msgspec.convert(dumped["companies"], dict[str, Company])
        self.last_id, self.version = dumped["last_id"], dumped["version"]


def digits(cif: str) -> str:
    return cif.strip().upper().removeprefix("RO").strip()
