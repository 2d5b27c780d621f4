"""The targets in SQL databases, each with a kind that every test of such targets is made with."""

from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Engine

from accord.clock import SystemClock
from accord.documents import Document, Line, Origin, Party, State
from accord.records import RECORDS, TIMES, Customer, Kind, Record
from accord.systems import accounts, portal
from accord.systems.sql_look import SqlDatabase
from accord.systems.sql_tables import Layout, Mapping

MAIN = "stripe/main"
BIG = 2**53 + 1  # the first whole number that a float can not hold
TEXT = "ț 'quoted' 日本 %s :x"
LATE = 253_402_300_799


class Tried(NamedTuple):
    """A target with a kind, and two fields of it: a text that may be without a value, and a whole number or a time."""

    target: type[SqlDatabase]
    parse_mapping: Callable[[object], Mapping]
    kind: Kind
    text: str
    number: str
    made: Callable[[str, str | None, int], Record]
    """A record by its key with these two values."""

    @property
    def layout(self) -> Layout:
        return self.target.layout

    def open(self, engine: Engine, mapping: Any = None) -> SqlDatabase:
        """The target in a database, by a mapping as a user writes it."""
        return self.target(engine, SystemClock(), None if mapping is None else self.parse_mapping(mapping))

    def row(self, key: str, text: str | None = "Ada", number: int = 1, rev: int = 1) -> tuple[int, Record]:
        """A record with its rev."""
        return rev, self.made(key, text, number)

    def write(self, target: SqlDatabase, *rows: tuple[int, Record], connection: str = MAIN) -> dict[str, str]:
        return target.write(connection, self.kind, list(rows))

    def texts(self, target: SqlDatabase, connection: str = MAIN) -> dict[str, str]:
        """The text that is shown of each record."""
        at = target.fields(self.kind).index(self.text)
        return {key: values[at] for key, _, values in target.read(connection, self.kind)}


def _customer(key: str, text: str | None, number: int) -> Customer:
    return Customer(key=key, name=text, email=None, currency="EUR", delinquent=False, created=number)


def _document(key: str, text: str | None, number: int) -> Document:
    record = empty(Kind.DOCUMENT, key, client=Party(name=text), total=number)
    assert isinstance(record, Document)
    return record


TRIED = {
    "accounts": Tried(accounts.Accounts, accounts.parse_mapping, Kind.CUSTOMER, "name", "created", _customer),
    "portal": Tried(portal.Portal, portal.LAYOUT.parse_mapping, Kind.DOCUMENT, "client_name", "total", _document),
}


def made_up(kind: Kind, key: str) -> Record:
    """A record with a value in every field, as far out as it may be."""
    values: dict[str, Any] = {}
    for field in RECORDS[kind].__struct_fields__:
        if field not in ("issuer", "client", "lines", "origins"):
            type_, _ = RECORDS[kind].field_type(field)
            values[field] = LATE if field in TIMES else {str: TEXT, int: -BIG, bool: True}[type_]
    if kind is Kind.DOCUMENT:
        party = Party(**dict.fromkeys(Party.__struct_fields__, TEXT))
        lines = (Line(name=TEXT, quantity="0.333", vat_included=True, total=-BIG), Line(name="", quantity=""))
        values |= {"state": State.PARTLY_PAID, "issuer": party, "client": party, "lines": lines}
        values["origins"] = {"number": Origin.PDF, "currency": Origin.UNKNOWN}
    return RECORDS[kind](**{**values, "key": key})


def empty(kind: Kind, key: str, **given: Any) -> Record:
    """A record with nothing in every field that may be without a value."""
    values: dict[str, Any] = {}
    for field in RECORDS[kind].__struct_fields__:
        if field not in ("issuer", "client", "lines", "origins"):
            type_, nullable = RECORDS[kind].field_type(field)
            values[field] = None if nullable else type_()
    if kind is Kind.DOCUMENT:
        values |= {"state": State.UNKNOWN, "issuer": None, "client": None, "lines": None, "origins": {}}
    return RECORDS[kind](**{**values, "key": key, **given})
