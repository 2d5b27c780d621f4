"""The Excel file that a person exports from SmartBill's web application: the report "Facturi emise"."""

import io
from decimal import Decimal

from accord.sandbox.smartbill.company import INVOICE, ISSUER, Company, Row
from accord.sandbox.smartbill.payments import unpaid

COLUMNS = (
    "Nr. crt.",
    "Client",
    "CIF",
    "Adresa",
    "Factura",
    "Data emiterii",
    "Data scadentei",
    "Status",
    "Moneda",
    "Valoare fara TVA",
    "Valoare TVA",
    "Valoare Totala",
    "Valoare Totala(RON)",
    "Aviz insotire",
    "Observatii",
    "Index SPV",
)
"""As integrators know them; three lines stand above."""


def export(company: Company) -> bytes:
    """The report over all invoices, as .xlsx. The column of the currency is there only if one was a foreign one."""
    from openpyxl import Workbook  # only now: it takes a second to import, and few ask for the report

    rows = company.of_type(INVOICE)
    foreign = any(row["currency"] != "RON" for row in rows)
    shown = [column for column in COLUMNS if foreign or column != "Moneda"]
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Facturi emise")
    sheet.append([ISSUER["name"]])
    sheet.append([f"Raport facturi emise la {_day(company.today())}"])
    sheet.append([])
    sheet.append(shown)
    for number, row in enumerate(rows, 1):
        cells = _cells(company, number, row)
        sheet.append([cells[column] for column in shown])
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _cells(company: Company, number: int, row: Row) -> dict[str, object]:
    client, total = row["client"], Decimal(row["total"])
    rate = Decimal(row["rate"] or "1")
    return {
        "Nr. crt.": number,
        "Client": client["name"],
        "CIF": client.get("vat_code", ""),
        "Adresa": client.get("address", ""),
        "Factura": f"{row['series']}{row['number']}",
        "Data emiterii": _day(row["issued"]),
        "Data scadentei": _day(row["due"]) if row["due"] else "",
        "Status": _status(company, row),
        "Moneda": row["currency"],
        "Valoare fara TVA": float(row["net"]),
        "Valoare TVA": float(row["vat"]),
        "Valoare Totala": float(total),
        "Valoare Totala(RON)": float(round(total * rate, 2)),
        "Aviz insotire": "",
        "Observatii": row["observations"] or "",
        "Index SPV": "",
    }


def _status(company: Company, row: Row) -> str:
    if row["cancelled"]:
        return "Anulata"
    if row["reverses"]:
        return "Storno"
    if row["reversed"]:
        return "Stornata"
    if unpaid(row) <= 0:
        return "Incasata"
    if Decimal(row["paid"]) > 0:
        return "Incasata partial"
    return "Depasita" if row["due"] and row["due"] < company.today() else "Emisa"


def _day(text: str) -> str:
    year, month, day = text.split("-")
    return f"{day}/{month}/{year}"
