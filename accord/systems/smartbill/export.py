"""The report "Facturi emise" as SmartBill's web application exports it: history, clients, currencies, cancellations.

Its columns go by their names, wherever they stand and with whatever letters; others are passed over.
"""

import io
import re
import warnings
import zipfile
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct

from accord.documents import Party, State
from accord.errors import Refused
from accord.names import folded

_MOST_BYTES = 20_000_000  # of the file
_MOST_UNPACKED = 300_000_000
_MOST_LINES, _MOST_COLUMNS = 200_000, 60
_MOST = Decimal(10) ** 13  # of an amount
_HEAD_ROWS = 20  # lines among which the columns are named

_NEEDED = ("Factura", "Client", "Data emiterii", "Status", "Valoare Totala")
_OPTIONAL = ("CIF", "Adresa", "Data scadentei", "Moneda", "Valoare fara TVA", "Valoare TVA")
_ALSO_CALLED = {"total": "valoare totala"}

_STATES = {
    "emisa": State.ISSUED,
    "depasita": State.ISSUED,
    "incasata": State.PAID,
    "platita": State.PAID,
    "incasata partial": State.PARTLY_PAID,
    "partial incasata": State.PARTLY_PAID,
    "anulata": State.CANCELLED,
    "storno": State.STORNO,
    "stornata": State.REVERSED,
    "ciorna": State.DRAFT,
}


class Row(Struct, frozen=True, kw_only=True):
    """One invoice of the report."""

    series: str
    number: str
    issued_on: str
    due_on: str | None
    client: Party
    currency: str | None
    net: Decimal | None
    vat: Decimal | None
    total: Decimal
    state: State

    def __repr__(self) -> str:
        """Without the values, which are people's names and money."""
        return "<Row>"


class Spoilt(NamedTuple):
    """A line of the report that can not be read, and why; 1 is the sheet's first line."""

    line: int
    why: str


class Export(NamedTuple):
    """The report's invoices, each with the line that it stands on, and the lines that can not be read."""

    rows: list[Row]
    lines: list[int]
    spoilt: list[Spoilt]


class _Spoilt(Exception):
    pass


def read(body: bytes, series: Collection[str]) -> Export:
    """The report in an .xlsx file; `series` are the names of the account's series, since numbers are joined to them.

    Raises Refused where the file is no such report; its text names the column that is missing.
    """
    lines = _lines(body)
    at, columns = _columns(lines)
    rows: list[Row] = []
    at_line: list[int] = []
    spoilt: list[Spoilt] = []
    for line, cells in enumerate(lines[at + 1 :], at + 2):
        values = {name: cells[place] if place < len(cells) else None for name, place in columns.items()}
        if all(value is None or value == "" for value in cells) or values["Factura"] in (None, ""):
            continue  # blank, or a line with totals
        try:
            rows.append(_row(values, series))
            at_line.append(line)
        except _Spoilt as error:
            spoilt.append(Spoilt(line, str(error)))
    return Export(rows, at_line, spoilt)


def _lines(body: bytes) -> list[tuple[Any, ...]]:
    if body.startswith(b"\xd0\xcf\x11\xe0"):
        raise Refused("the export is an old Excel file (.xls); open it and save it as .xlsx")
    if not body.startswith(b"PK"):
        raise Refused("the export is no Excel file (.xlsx); in SmartBill, export the report Facturi emise to Excel")
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as parts:
            unpacked = sum(part.file_size for part in parts.infolist())
        lines = _sheet(body) if len(body) <= _MOST_BYTES and unpacked <= _MOST_UNPACKED else None
    except Exception:  # a damaged file can raise anything, with what is in the file as its text
        raise Refused("the export is damaged, or no Excel file (.xlsx); export it again") from None
    if lines is None or len(lines) > _MOST_LINES:
        raise Refused("the export is too big; export shorter periods, one by one")
    return lines


def _sheet(body: bytes) -> list[tuple[Any, ...]]:
    import openpyxl  # only now: it takes a second to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about styles
        book = openpyxl.load_workbook(io.BytesIO(body), read_only=True, data_only=True)
        try:
            # Bounded here, since the sheet may claim any size.
            rows = book.worksheets[0].iter_rows(max_row=_MOST_LINES + 1, max_col=_MOST_COLUMNS, values_only=True)
            return list(rows)
        finally:
            book.close()


def _columns(lines: Sequence[tuple[Any, ...]]) -> tuple[int, Mapping[str, int]]:
    """The line that names the columns, and where each stands."""
    for at, cells in enumerate(lines[:_HEAD_ROWS]):
        names = [folded(str(cell)) if cell is not None else "" for cell in cells]
        names = [_ALSO_CALLED.get(name, name) for name in names]
        if "factura" not in names:
            continue
        found = {}
        for column in (*_NEEDED, *_OPTIONAL):
            places = [place for place, name in enumerate(names) if name == folded(column)]
            if len(places) > 1:
                raise Refused(f"the export has the column {column} {len(places)} times; export the report unchanged")
            if places:
                found[column] = places[0]
        if missing := [column for column in _NEEDED if column not in found]:
            raise Refused(
                f"the export lacks the column {' and '.join(missing)}; export the report Facturi emise with all "
                "columns, in Romanian"
            )
        return at, found
    raise Refused(
        f"the export names no column Factura in its first {_HEAD_ROWS} lines; is it the report Facturi emise, in "
        "Romanian?"
    )


def _row(values: Mapping[str, Any], series: Collection[str]) -> Row:
    name, number = _split(str(values["Factura"]).strip(), series)
    issued_on = _day(values["Data emiterii"], "Data emiterii")
    total = _amount(values["Valoare Totala"], "Valoare Totala")
    if issued_on is None or total is None:
        raise _Spoilt("Data emiterii or Valoare Totala is empty")
    currency = _text(values.get("Moneda"))
    if currency is not None:
        currency = "RON" if folded(currency) == "lei" else currency.upper()
        if not re.fullmatch(r"[A-Z]{3}", currency):
            raise _Spoilt("Moneda is no currency")
    return Row(
        series=name,
        number=number,
        issued_on=issued_on,
        due_on=_day(values.get("Data scadentei"), "Data scadentei"),
        client=Party(
            name=_text(values["Client"]), vat_id=_text(values.get("CIF")), address=_text(values.get("Adresa"))
        ),
        currency=currency,
        net=_amount(values.get("Valoare fara TVA"), "Valoare fara TVA"),
        vat=_amount(values.get("Valoare TVA"), "Valoare TVA"),
        total=total,
        state=_STATES.get(folded(str(values["Status"] or "")), State.UNKNOWN),
    )


def _split(joined: str, series: Collection[str]) -> tuple[str, str]:
    """Series and number, which stand there without anything between them."""
    fits = [(name, joined[len(name) :].strip()) for name in series if joined.startswith(name)]
    fits = [(name, number) for name, number in fits if re.fullmatch(r"[0-9]{1,15}", number)]
    if not fits and (ended := re.fullmatch(r"(.*\D)([0-9]{1,15})", joined)):  # a series of the past
        fits = [(ended[1].strip(), ended[2])]
    if len(fits) != 1:
        raise _Spoilt("Factura can not be told apart into series and number")
    return fits[0]


def _text(value: Any) -> str | None:
    text = str(value).strip() if value is not None else ""
    return text if text not in ("", "-") else None


def _day(value: Any, column: str) -> str | None:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    text = _text(value)
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})", text)
    try:
        return (date(int(match[3]), int(match[2]), int(match[1])) if match else date.fromisoformat(text)).isoformat()
    except ValueError:
        raise _Spoilt(f"{column} is no day") from None


def _amount(value: Any, column: str) -> Decimal | None:
    """An amount as a number, or as a text with points between thousands and a comma, or the other way round."""
    if type(value) in (int, float) and abs(value) < _MOST:
        return Decimal(repr(round(value, 4)))  # without what binary fractions add
    text = (_text(value) or "").replace(" ", "")
    if not text:
        return None
    if re.fullmatch(r"-?\d{1,3}[.,]\d{3}", text, re.ASCII):
        raise _Spoilt(f"{column} can be read in two ways")
    match = re.fullmatch(r"(-?\d{1,3}(?:[.,]\d{3}){0,3}|-?\d{1,12})(?:[.,](\d{1,2}|\d{4}))?", text)
    if match is None:
        raise _Spoilt(f"{column} is no amount")
    return Decimal(f"{re.sub('[.,]', '', match[1])}.{match[2] or 0}")
