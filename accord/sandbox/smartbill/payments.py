"""Payments: noted, taken back, and never listed."""

from decimal import Decimal
from typing import Any

from accord.sandbox.smartbill import documents
from accord.sandbox.smartbill.amounts import rounded
from accord.sandbox.smartbill.company import INVOICE, RECEIPT, Company, Row
from accord.sandbox.smartbill.errors import envelope, refusal
from accord.sandbox.smartbill.shapes import Named, PaymentRequest

_TYPES = (
    "Chitanta",
    "Bon",
    "Card",
    "Card online",
    "Ordin plata",
    "CEC",
    "Bilet ordin",
    "Mandat postal",
    "Extras de cont",
    "Ramburs",
    "Alta incasare",
)


def create(company: Company, wanted: PaymentRequest) -> dict[str, Any]:
    """Note a payment: for an invoice, or on its own."""
    if not wanted.type:
        raise refusal("Tipul incasarii trebuie specificat.")
    kind = next((name for name in _TYPES if name.lower() == wanted.type.lower()), None)
    if kind is None:
        raise refusal("Tipul incasarii nu a fost gasit!")
    day = wanted.issue_date or company.today()
    invoices = [wanted.invoices_list] if isinstance(wanted.invoices_list, Named) else wanted.invoices_list
    if wanted.use_invoice_details and len(invoices) != 1:
        raise refusal("Trebuie specificata doar o factura!")
    if not invoices:
        if wanted.value is None:
            raise refusal("Valoarea incasarii trebuie specificata.")
        client = wanted.client
        if client is None or not client.name:
            raise refusal("Client invalid!")
        value = str(rounded(wanted.value))
        row = {"type": kind, "value": value, "date": day, "client": client.name, "cif": client.vat_code}
        company.payments.append({**row, "invoice": None, "series": "", "number": ""})
        company.version += 1
    for named in invoices:
        _pay(company, named, wanted.value, kind, day)
    return _receipt(company, wanted.series_name) if kind == "Chitanta" else envelope()


def _pay(company: Company, named: Named, value: Decimal | None, kind: str, day: str) -> None:
    row = company.find(INVOICE, named.series_name, named.number)
    if row is None:
        raise refusal("Factura nu a fost gasita!")
    name = f"{row['series']}{row['number']}"
    if row["cancelled"]:
        raise refusal(
            f"Factura {name} este anulata, nu o puteti incasa. Restaurati intai factura sau emiteti incasarea "
            "independent de factura."
        )
    left = unpaid(row)
    if left <= 0 or row["reversed"]:
        raise refusal("Factura este incasata sau stornata in totalitate.")
    documents.pay(company, row, min(left, value) if value is not None else left, kind, day)


def _receipt(company: Company, series: str | None) -> dict[str, Any]:
    row = company.series.get(series or "")
    if row is None or row["type"] != RECEIPT:
        raise refusal("Seria nu poate fi folosita la chitante.")
    number = company.next_number(row["name"])
    company.payments[-1] |= {"series": row["name"], "number": number}
    return envelope(series=row["name"], number=number)


def unpaid(row: Row) -> Decimal:
    return Decimal(row["total"]) - Decimal(row["paid"])


def delete(company: Company, given: dict[str, str]) -> dict[str, Any]:
    """Take back the latest payment that fits: by its invoice, or by day, value, client and CIF as stored."""
    kind = given.get("paymentType", "")
    if kind not in _TYPES:  # case matters here, as it does not on create
        raise refusal("Tipul documentului nu a fost gasit pe server!")
    for row in reversed(company.payments):
        if row["type"] == kind and (_by_invoice if given.get("invoiceNumber") else _by_facts)(row, given):
            return _take_back(company, row)
    raise refusal("Incasarea nu a fost gasita!")


def _by_invoice(row: Row, given: dict[str, str]) -> bool:
    return bool(row["invoice"] == [given.get("invoiceSeries"), given.get("invoiceNumber")])


def _by_facts(row: Row, given: dict[str, str]) -> bool:
    same = Decimal(row["value"]) == Decimal(given.get("paymentValue") or "0")
    asked = (given.get("paymentDate"), given.get("clientName"), given.get("clientCif"))
    return same and (row["date"], row["client"], row["cif"]) == asked


def delete_receipt(company: Company, series: str, number: str) -> dict[str, Any]:
    """Delete the last receipt of a series."""
    for row in company.payments:
        if (row["series"], row["number"]) == (series, number):
            if int(number) != company.series[series]["next"] - 1:
                text = f"Nu poti sterge documentul cu seria si numarul {series} {number}, deoarece nu este ultimul "
                raise refusal(text + "din serie!", 403)
            company.series[series]["next"] -= 1
            return _take_back(company, row)
    raise refusal("Chitanta nu a fost gasita!")


def _take_back(company: Company, row: Row) -> dict[str, Any]:
    company.payments.remove(row)
    company.version += 1
    if row["invoice"] and (invoice := company.find(INVOICE, *row["invoice"])):
        invoice["paid"] = str(Decimal(invoice["paid"]) - Decimal(row["value"]))
    return envelope(message="Incasarea a fost stearsa cu succes.")
