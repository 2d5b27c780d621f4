"""Invoices and proformas: issue, reverse, cancel, restore, delete."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from accord.sandbox.forms import words
from accord.sandbox.smartbill import amounts
from accord.sandbox.smartbill.company import ESTIMATE, INVOICE, TAXES, Company, Row
from accord.sandbox.smartbill.errors import SmartBillError, envelope, problem, refusal
from accord.sandbox.smartbill.shapes import Client, InvoiceRequest, Product, ReverseRequest

_CURRENCIES = frozenset(
    words(
        "RON EUR USD GBP CAD AUD CHF TRY CZK DKK HUF MDL SEK NOK JPY EGP PLN RUB AED BRL CNY HRK INR KRW MXN NZD RSD "
        "THB UAH XDR ZAR"
    )
)
_RATE = {"EUR": "4.9770", "USD": "4.3120", "GBP": "5.8210"}
_MOST_LINES = 400
_LINKS = "https://cloud.smartbill.ro/document/"

CALLED = {INVOICE: "Factura", ESTIMATE: "Proforma"}


def create(company: Company, type_: str, wanted: InvoiceRequest, path: str) -> dict[str, Any]:
    """Issue a document, or draft it: a draft has no number and is not seen again."""
    series = _series(company, type_, wanted.series_name)
    origin = _estimate(company, wanted)
    client = _client(wanted.client) if wanted.client or origin is None else dict(origin["client"])
    lines = _lines(wanted.products) if wanted.products or origin is None else [dict(row) for row in origin["lines"]]
    if wanted.currency not in _CURRENCIES:
        raise refusal("Moneda nu a fost gasita pe server!", documentId=-1)
    issued = _day(wanted.issue_date) or company.today()
    if wanted.is_draft:
        return _answer(company, "", "", path)
    rate = wanted.exchange_rate or _RATE.get(wanted.currency)
    row = company.add(
        {
            "type": type_,
            "series": series,
            "issued": issued,
            "due": _day(wanted.due_date),
            "currency": wanted.currency,
            "rate": None if wanted.currency == "RON" or rate is None else str(rate),
            "client": client,
            "lines": lines,
            **amounts.totals(lines),
            "paid": "0.00",
            "mentions": wanted.mentions,
            "observations": wanted.observations,
            "cancelled": False,
            "reverses": None,
            "reversed": False,
            "invoices": [],
        }
    )
    if origin is not None:
        origin["invoices"].append([row["series"], row["number"]])
    if wanted.payment is not None:
        pay(company, row, wanted.payment.value, wanted.payment.type, issued)
    return _answer(company, row["series"], row["number"], path)


def reverse(company: Company, wanted: ReverseRequest, path: str) -> dict[str, Any]:
    """Take an invoice back in full, by another one in the same series."""
    row = found(company, INVOICE, wanted.series_name, wanted.number)
    name = f"{row['series']}{row['number']}"
    if row["reverses"]:
        raise refusal(f"Factura {name} este de tip storno. Nu se poate storna.")
    if row["reversed"]:
        raise refusal("Factura este deja stornata.")
    if row["cancelled"]:
        raise refusal(f"Factura {name} este anulata.")
    try:
        issued = _day(wanted.issue_date) or company.today()
    except SmartBillError:
        raise problem(400, "json_mapping_error", "Could not map property: issueDate.", path, "issueDate") from None
    if issued < row["issued"]:
        raise refusal("Data emiterii facturii storno nu poate fi anterioara datei emiterii facturii stornate.")
    lines = [amounts.reversed_line(line) for line in row["lines"]]
    storno = {**row, "issued": issued, "due": None, "lines": lines, **amounts.totals(lines), "paid": "0.00"}
    storno |= {"mentions": None, "reverses": [row["series"], row["number"], row["issued"]], "invoices": []}
    company.add(storno)
    row["reversed"] = True
    return _answer(company, storno["series"], storno["number"], path) | {"documentId": str(storno["id"])}


def cancel(company: Company, row: Row) -> dict[str, Any]:
    name, what = f"{row['series']}{row['number']}", CALLED[row["type"]]
    if row["cancelled"]:
        return envelope(message=f"{what} {name} este deja anulata.")
    row["cancelled"] = True
    company.version += 1
    return envelope(message=f"{what} cu seria si numarul {name} a fost anulata cu succes.")


def restore(company: Company, row: Row) -> dict[str, Any]:
    name, what = f"{row['series']}{row['number']}", CALLED[row["type"]]
    if not row["cancelled"]:
        return envelope(message=f"{what} {name} nu necesita restaurare.")
    row["cancelled"] = False
    company.version += 1
    return envelope(message=f"{what} cu seria si numarul {name} a fost restaurata cu succes.")


def delete(company: Company, row: Row) -> dict[str, Any]:
    """Delete the last document of its series; its number is given out again."""
    if not company.is_last(row):
        raise refusal(
            f"Nu poti sterge documentul cu seria si numarul {row['series']} {row['number']}, deoarece nu este ultimul "
            "din serie!",
            403,
        )
    if row["reverses"] and (taken := company.find(row["type"], row["reverses"][0], row["reverses"][1])):
        taken["reversed"] = False
    company.remove(row)
    return envelope(message=f"{CALLED[row['type']]} {row['series']}{row['number']} a fost stearsa cu succes.")


def pay(company: Company, row: Row, value: Decimal, type_: str, day: str) -> None:
    """Note a payment for an invoice."""
    row["paid"] = str(amounts.rounded(Decimal(row["paid"]) + value))
    company.version += 1
    company.payments.append(
        {
            "type": type_,
            "value": str(amounts.rounded(value)),
            "date": day,
            "client": row["client"]["name"],
            "cif": row["client"].get("vat_code"),
            "invoice": [row["series"], row["number"]],
            "series": "",
            "number": "",
        }
    )


def found(company: Company, type_: str, series: str | None, number: str | None) -> Row:
    """The document that a change is asked for."""
    word = "facturii" if type_ == INVOICE else "proformei"
    if not number:
        raise refusal(f"Numarul {word} trebuie specificat in url in parametrul 'number'!")
    if not series:
        raise refusal(f"Seria {word} trebuie specificata in url in parametrul 'seriesname'!")
    row = company.find(type_, series, number)
    if row is None:
        raise refusal(f"{CALLED[type_]} cu seria si numarul {series}{number} nu a fost gasita!")
    return row


def _series(company: Company, type_: str, name: str | None) -> str:
    row = company.series.get(name or "")
    if row is None or row["type"] != type_:
        raise refusal("Seria nu a fost gasita! Folositi o serie creata in contul de cloud.", documentId=-1)
    return str(row["name"])


def _estimate(company: Company, wanted: InvoiceRequest) -> Row | None:
    if not wanted.use_estimate_details or wanted.estimate is None:
        return None
    row = company.find(ESTIMATE, wanted.estimate.series_name, wanted.estimate.number)
    if row is None:
        raise refusal(f"Factura proforma {wanted.estimate.series_name} {wanted.estimate.number} nu a fost gasita!")
    return row


def _client(client: Client | None) -> dict[str, Any]:
    if client is None or not client.name:
        raise refusal("Client invalid!", documentId=-1)
    if not client.country:
        raise refusal("tara trebuie specificata", documentId=-1)
    kept = ("name", "vat_code", "reg_com", "address", "city", "county", "country", "email", "iban")
    return {name: value for name in kept if (value := getattr(client, name)) is not None}


def _lines(products: Sequence[Product]) -> list[dict[str, Any]]:
    if not products:
        text = "invoiceProducts trebuie specificat si trebuie sa contina cel putin un element"
        raise refusal(text, documentId=-1)
    if len(products) > _MOST_LINES:
        raise refusal("Numarul maxim acceptat de 400 intrari pe document a fost depasit.", 410)
    lines: list[dict[str, Any]] = []
    for product in products:
        rate = product.tax_percentage
        if rate and not any(tax["name"] == product.tax_name and tax["percentage"] == rate for tax in TAXES):
            raise refusal(f"Cota tva a produsului {product.name} nu a fost gasita pe server!", documentId=-1)
        row = amounts.discount(product, lines) if product.is_discount else amounts.line(product)
        lines += [row] if row else []
    return lines


def _day(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise refusal("Data documentului trebuie sa fie de forma yyyy-MM-dd.", documentId=-1) from None


def _answer(company: Company, series: str, number: str, path: str) -> dict[str, Any]:
    link = f"{_LINKS}{company.serial}"
    new: dict[str, Any] = {"documentUrl": link, "documentId": company.serial, "documentViewUrl": f"{link}/view"}
    return envelope(series=series, number=number, **({} if path.endswith(("/invoice", "/estimate")) else new))
