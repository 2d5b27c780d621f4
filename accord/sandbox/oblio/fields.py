"""Fields of a call: texts from a form or a query, and texts, numbers and booleans from JSON, read alike."""

import re
from datetime import date
from typing import Any

from accord.sandbox.forms import words
from accord.sandbox.oblio.amounts import decimal
from accord.sandbox.oblio.errors import missing, wrong

CURRENCIES = frozenset(
    words(
        "RON EUR USD GBP CAD AUD CHF TRY CZK DKK HUF MDL SEK NOK JPY EGP PLN AED BRL CNY INR KRW MXN NZD RSD THB UAH"
        " ZAR BGN"
    )
)
CLIENT = words("cif name rc code address state city country iban bank email phone contact")
COLLECTS = frozenset(
    (
        "Chitanta",
        "Bon fiscal",
        "Bon fiscal card",
        "Alta incasare numerar",
        "Ordin de plata",
        "Mandat postal",
        "Card",
        "CEC",
        "Bilet ordin",
        "Alta incasare banca",
        "Ramburs",
    )
)


def text(params: dict[str, Any], field: str, default: str | None = None) -> str:
    """A text, or a number as text; raises OblioError where it is missing and has no default."""
    value = params.get(field)
    if value is None or value == "":
        if default is None:
            raise missing(field)
        return default
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise wrong(field)
    return str(value)


def flag(params: dict[str, Any], field: str, default: str = "0") -> str:
    """0 or 1 as text."""
    value = params.get(field, default)
    shown = {True: "1", False: "0"}.get(value, str(value)) if isinstance(value, bool) else str(value)
    if shown not in ("0", "1"):
        raise wrong(field)
    return shown


def day(params: dict[str, Any], field: str, default: str) -> str:
    found = text(params, field, default)
    if found == "":
        return found
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", found, re.ASCII):
            raise ValueError(found)
        date.fromisoformat(found)
    except ValueError:
        raise wrong(field) from None
    return found


def group(params: dict[str, Any], field: str) -> dict[str, Any]:
    found = params.get(field)
    if not isinstance(found, dict):
        raise missing(field) if found is None else wrong(field)
    return found


def client(params: dict[str, Any]) -> dict[str, str]:
    given = group(params, "client")
    text(given, "name")
    return {field: text(given, field, "") for field in CLIENT} | {"vatPayer": flag(given, "vatPayer")}


def products(params: dict[str, Any], rates: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The rows of a document as they are kept: every scalar a text. A rate must be one of the company's."""
    given = params.get("products")
    if not isinstance(given, list) or not given or not all(isinstance(row, dict) for row in given):
        raise missing("products")
    return [_discount(row) if "discount" in row else _product(row, rates) for row in given]


def _product(row: dict[str, Any], rates: list[dict[str, Any]]) -> dict[str, str]:
    percent, name = text(row, "vatPercentage", ""), text(row, "vatName", "")
    fits = [
        rate
        for rate in rates
        if (not name or rate["name"] == name) and (not percent or decimal(percent, "vatPercentage") == rate["percent"])
    ]
    if not fits:
        raise wrong("vatName")
    rate = next((rate for rate in fits if rate["default"]), fits[0])
    return {
        "name": text(row, "name"),
        "code": text(row, "code", ""),
        "quantity": f"{decimal(text(row, 'quantity', '1'), 'quantity'):.4f}",
        "price": f"{decimal(text(row, 'price'), 'price'):.4f}",
        "measuringUnit": text(row, "measuringUnit", "buc"),
        "vatName": rate["name"],
        "vatPercentage": str(rate["percent"]),
        "vatIncluded": flag(row, "vatIncluded", "1"),
    }


def _discount(row: dict[str, Any]) -> dict[str, str]:
    kind = text(row, "discountType", "valoric")
    if kind not in ("valoric", "procentual"):
        raise wrong("discountType")
    return {
        "name": text(row, "name"),
        "discount": f"{decimal(text(row, 'discount'), 'discount'):.4f}",
        "discountType": kind,
        "discountAllAbove": flag(row, "discountAllAbove"),
    }


def collection(given: dict[str, Any], total: str, today: str) -> dict[str, str]:
    """A payment as it is kept; without a value it is for all of the document."""
    kind = text(given, "type")
    if kind not in COLLECTS:
        raise wrong("collect[type]")
    return {
        "issueDate": day(given, "issueDate", today),
        "type": kind,
        "number": " ".join(filter(None, (text(given, "seriesName", ""), text(given, "documentNumber", "")))),
        "value": f"{decimal(text(given, 'value', total), 'collect[value]'):.2f}",
    }
