"""The report "Facturi emise" from the web application: read by its columns' names, refused by the column's name."""

import io
import re
import zipfile
from datetime import datetime
from decimal import Decimal
from typing import Any

import openpyxl
import pytest

from accord.documents import State
from accord.errors import Refused
from accord.sandbox.app import build
from accord.sandbox.smartbill.export import export
from accord.systems.smartbill.export import Export, read

SERIES = ("WEB", "EXP", "AB-2", "A", "A1")
HEAD = ("Nr. crt.", "Client", "CIF", "Factura", "Data emiterii", "Data scadentei", "Status", "Moneda", "Valoare Totala")
ROW = (1, "Moara SRL", "RO90000025", "WEB0042", "03/09/2026", "18/09/2026", "Emisa", "EUR", 847.1)


def book(*lines: tuple[Any, ...]) -> bytes:
    made = openpyxl.Workbook()
    for line in lines:
        made.active.append(line)  # type: ignore[union-attr]
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def row(**changed: Any) -> Export:
    """The usual row with other cells."""
    cells = dict(zip(HEAD, ROW, strict=True)) | {name.replace("_", " "): value for name, value in changed.items()}
    return read(book(("Firma",), (), HEAD, tuple(cells.values())), SERIES)


def test_a_row() -> None:
    (found,) = row().rows
    assert (found.series, found.number, found.issued_on, found.due_on) == ("WEB", "0042", "2026-09-03", "2026-09-18")
    assert (found.currency, found.total, found.state) == ("EUR", Decimal("847.1"), State.ISSUED)
    assert (found.client.name, found.client.vat_id, found.client.address) == ("Moara SRL", "RO90000025", None)
    assert (found.net, found.vat) == (None, None)
    assert repr(found) == "<Row>"


def test_the_sandboxes_export_tells_of_every_invoice() -> None:
    company = build(now=lambda: 1_793_000_000.0, payments=1).smartbill.company
    found = read(export(company), list(company.series))
    assert found.spoilt == []
    invoices = company.of_type("f")
    assert [(one.series, one.number, one.currency, one.total) for one in found.rows] == [
        (row["series"], row["number"], row["currency"], Decimal(row["total"])) for row in invoices
    ]
    states = [one.state for one in found.rows]
    assert states.count(State.CANCELLED) == sum(1 for row in invoices if row["cancelled"])
    assert states.count(State.REVERSED) == states.count(State.STORNO) > 0
    assert State.UNKNOWN not in states


@pytest.mark.parametrize(
    "names",
    [
        {"Data scadentei": "Data scadenței", "Valoare Totala": "Valoare Totală"},
        {"Data scadentei": "Data scadenţei", "Valoare Totala": "VALOARE  TOTALĂ "},
        {"Valoare Totala": "Total"},
    ],
)
def test_columns_go_by_their_names_in_whatever_letters_and_order(names: dict[str, str]) -> None:
    head = tuple(names.get(name, name) for name in HEAD)
    lines = [(*head[::-1], "Index SPV"), (*ROW[::-1], "1")]
    (found,) = read(book(*lines), SERIES).rows
    assert (found.number, found.due_on, found.total) == ("0042", "2026-09-18", Decimal("847.1"))


@pytest.mark.parametrize("column", ["Client", "Data emiterii", "Status", "Valoare Totala"])
def test_a_column_that_is_missing_is_named(column: str) -> None:
    with pytest.raises(Refused, match=f"lacks the column {column};"):
        read(book(tuple(name for name in HEAD if name != column)), SERIES)


def test_other_encodings_and_languages_name_the_column_too() -> None:
    broken = tuple("Data emiterÄƒii" if name == "Data emiterii" else name for name in HEAD)
    with pytest.raises(Refused, match="lacks the column Data emiterii;"):
        read(book(broken), SERIES)
    with pytest.raises(Refused, match="names no column Factura"):
        read(book(("No.", "Invoice", "Customer")), SERIES)
    with pytest.raises(Refused, match="has the column Status 2 times"):
        read(book((*HEAD, "STATUS")), SERIES)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is no Excel file"),
        (b"Nr. crt.,Client\n1,Ana", "is no Excel file"),
        (b"\xef\xbb\xbfNr. crt.;Client", "is no Excel file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "save it as .xlsx"),
        (b"PK\x03\x04 and then nothing", "is damaged"),
        (book(HEAD)[:900], "is damaged"),
    ],
)
def test_files_that_are_no_such_report(body: bytes, said: str) -> None:
    with pytest.raises(Refused, match=said):
        read(body, SERIES)


def test_a_file_that_unpacks_to_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accord.systems.smartbill.export._MOST_UNPACKED", 1_000)
    with pytest.raises(Refused, match="too big"):
        read(book(HEAD, ROW), SERIES)


def test_a_file_that_claims_to_be_endless() -> None:
    whole = book(HEAD, ROW)
    with zipfile.ZipFile(io.BytesIO(whole)) as parts:
        texts = {part: parts.read(part) for part in parts.namelist()}
    sheet = texts["xl/worksheets/sheet1.xml"]
    texts["xl/worksheets/sheet1.xml"] = re.sub(rb'dimension ref="[^"]*"', b'dimension ref="A1:XFD1048576"', sheet)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as parts:
        for part, text in texts.items():
            parts.writestr(part, text)
    assert len(read(file.getvalue(), SERIES).rows) == 1


@pytest.mark.parametrize(
    ("joined", "split"),
    [
        ("WEB0042", ("WEB", "0042")),
        ("AB-2001001", ("AB-2", "001001")),
        ("WEB 0042", ("WEB", "0042")),
        ("VECHI-7", ("VECHI-", "7")),
        ("OLD0042", ("OLD", "0042")),
    ],
)
def test_series_and_number_are_told_apart(joined: str, split: tuple[str, str]) -> None:
    (found,) = row(Factura=joined).rows
    assert (found.series, found.number) == split


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"Factura": "A1001"}, "Factura can not be told apart into series and number"),  # A 1001 or A1 001
        ({"Factura": "Ciorna"}, "Factura can not be told apart into series and number"),
        ({"Data_emiterii": "2026-13-01"}, "Data emiterii is no day"),
        ({"Data_emiterii": None}, "Data emiterii or Valoare Totala is empty"),
        ({"Data_scadentei": "30/02/2026"}, "Data scadentei is no day"),
        ({"Valoare_Totala": "mult"}, "Valoare Totala is no amount"),
        ({"Valoare_Totala": 1e300}, "Valoare Totala is no amount"),
        ({"Valoare_Totala": "9" * 40}, "Valoare Totala is no amount"),
        ({"Valoare_Totala": "1.234"}, "Valoare Totala can be read in two ways"),
        ({"Valoare_Totala": ""}, "Data emiterii or Valoare Totala is empty"),
        ({"Moneda": "euro"}, "Moneda is no currency"),
    ],
)
def test_a_row_that_can_not_be_read_says_why_and_others_go_through(changed: dict[str, Any], why: str) -> None:
    found = row(**changed)
    assert (found.rows, found.spoilt) == ([], [(4, why)])
    cells = dict(zip(HEAD, ROW, strict=True)) | {name.replace("_", " "): value for name, value in changed.items()}
    both = read(book(HEAD, tuple(cells.values()), ROW), SERIES)
    assert (len(both.rows), both.spoilt) == (1, [(2, why)])


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        (847.1, "847.1"),
        (847.1000000000001, "847.1"),
        (5, "5"),
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("1.234.567", "1234567"),
        ("-12,5", "-12.5"),
        ("1234", "1234"),
    ],
)
def test_amounts_as_numbers_and_as_texts(cell: object, amount: str) -> None:
    assert row(Valoare_Totala=cell).rows[0].total == Decimal(amount)


def test_days_as_dates_and_as_texts() -> None:
    given = (datetime(2026, 9, 3), "03/09/2026", "3.9.2026", "2026-09-03")  # noqa: DTZ001 - as Excel has them
    assert {row(Data_emiterii=day).rows[0].issued_on for day in given} == {"2026-09-03"}
    assert row(Data_scadentei="").rows[0].due_on is None


@pytest.mark.parametrize(
    ("cell", "currency"), [("lei", "RON"), ("Lei", "RON"), ("eur", "EUR"), ("", None), (None, None)]
)
def test_a_currency_that_is_not_told_is_unknown(cell: object, currency: str | None) -> None:
    assert row(Moneda=cell).rows[0].currency == currency
    without = tuple(value for name, value in zip(HEAD, ROW, strict=True) if name != "Moneda")
    names = tuple(name for name in HEAD if name != "Moneda")
    assert read(book(names, without), SERIES).rows[0].currency is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Emisa", State.ISSUED),
        ("depasita", State.ISSUED),
        ("Încasată", State.PAID),
        ("Incasata partial", State.PARTLY_PAID),
        ("ANULATĂ", State.CANCELLED),
        ("Storno", State.STORNO),
        ("Stornata", State.REVERSED),
        ("Ceva nou", State.UNKNOWN),
        (None, State.UNKNOWN),
    ],
)
def test_states(status: object, state: State) -> None:
    assert row(Status=status).rows[0].state == state
