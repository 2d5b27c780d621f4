"""One company's data at the sandbox's SmartBill: series, documents, payments and VAT rates, as JSON values."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]

INVOICE, ESTIMATE, RECEIPT = "f", "p", "c"

_BUCHAREST = ZoneInfo("Europe/Bucharest")

ISSUER = {
    "name": "Atelierul de Probă SRL",
    "cif": "RO90000017",
    "reg_com": "J40/90/2019",
    "address": "Str. Exemplului 1, Sector 1, Bucuresti",
    "iban": "RO49AAAA1B31007593840000",
}
CIF = ISSUER["cif"]

SERIES: tuple[Row, ...] = (
    {"name": "WEB", "type": INVOICE, "width": 4, "next": 1},
    {"name": "EXP", "type": INVOICE, "width": 0, "next": 1},
    {"name": "AB-2", "type": INVOICE, "width": 6, "next": 1001},
    {"name": "API", "type": INVOICE, "width": 4, "next": 1},
    {"name": "PRO", "type": ESTIMATE, "width": 4, "next": 1},
    {"name": "CH", "type": RECEIPT, "width": 4, "next": 1},
)
TAXES: tuple[Row, ...] = (
    {"name": "Normala", "percentage": 21},
    {"name": "Redusa", "percentage": 11},
    {"name": "Normala veche", "percentage": 19},
    {"name": "Redusa veche", "percentage": 9},
    {"name": "Redusa locuinte", "percentage": 5},
    {"name": "Taxare inversa", "percentage": 0},
    {"name": "SDD", "percentage": 0},
)


class Company:
    """Documents by type, series and number as issued; `version` grows with every change."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.series: dict[str, Row] = {row["name"]: dict(row) for row in SERIES}
        self.documents: dict[str, Row] = {}
        self.payments: list[Row] = []
        self.serial = 500_000
        self.version = 0

    def today(self) -> str:
        """The day in Bucharest, which SmartBill's default is."""
        return datetime.fromtimestamp(self.now(), _BUCHAREST).date().isoformat()

    def find(self, type_: str, series: str, number: str) -> Row | None:
        """The document of exactly this number: leading zeros count."""
        return self.documents.get(f"{type_} {series} {number}")

    def of_type(self, type_: str) -> list[Row]:
        """All documents of a type in the order in which they were issued."""
        return [row for row in self.documents.values() if row["type"] == type_]

    def next_number(self, series: str) -> str:
        """The number that the series gives out next, with its zeros; it counts on."""
        row = self.series[series]
        number = str(row["next"]).zfill(row["width"])
        row["next"] += 1
        return number

    def add(self, row: Row) -> Row:
        """Issue a document under the next number of its series."""
        self.serial += 1
        self.version += 1
        row |= {"id": self.serial, "number": self.next_number(row["series"])}
        self.documents[f"{row['type']} {row['series']} {row['number']}"] = row
        return row

    def remove(self, row: Row) -> None:
        """Delete the last document of a series; its number is free again."""
        self.version += 1
        del self.documents[f"{row['type']} {row['series']} {row['number']}"]
        self.series[row["series"]]["next"] = int(row["number"])

    def is_last(self, row: Row) -> bool:
        return bool(int(row["number"]) == self.series[row["series"]]["next"] - 1)

    def dump(self) -> dict[str, Any]:
        return {
            "series": self.series,
            "documents": self.documents,
            "payments": self.payments,
            "serial": self.serial,
            "version": self.version,
        }

    def load(self, dumped: dict[str, Any]) -> None:
        for name, value in dumped.items():
            setattr(self, name, value)
