"""Making documents: new ones, from a proforma, taking one back, and changing one that is still free."""

from decimal import Decimal
from typing import Any

from accord.sandbox.oblio import amounts, fields
from accord.sandbox.oblio.errors import OblioError, missing, wrong
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.store import TYPES, Company, Row, Store

_LANGUAGES = ("RO", "EN", "FR", "IT", "ES", "HU", "DE", "SP")
_REFERENCES = {"Factura", "Proforma", "Aviz"}
_RATE = Decimal("4.9775")  # lei for a euro, and for all else, where a call names none


def create(store: Store, company: Company, kind: str, params: dict[str, Any], settings: Settings) -> Row:
    """A document under the next number of its series; the same one again for an idempotencyKey that was used."""
    type_ = TYPES[kind]
    key = params.get("idempotencyKey")
    if key is not None and (kept := company.keys.get(f"{type_} {key}")) is not None:
        if settings.replay == "error_400":
            raise OblioError("Documentul a fost deja emis cu aceasta cheie.")
        return company.documents[kept]
    source = _reference(company, params)
    row = _row(store, company, type_, params, source)
    payment = params.get("collect")
    if payment is not None:
        if kind != "invoice" or not isinstance(payment, dict):
            raise wrong("collect")
        row["collects"] = [fields.collection(payment, row["total"], row["issueDate"])]
    _number(company, row, params)
    store.add(company, row)
    if source is not None:
        _refer(store, row, source, fields.flag(fields.group(params, "referenceDocument"), "refund"))
    if key is not None:
        company.keys[f"{type_} {key}"] = row["id"]
        row["key"] = str(key)
    if fields.flag(fields.group(params, "client") if "client" in params else {}, "save") == "1":
        company.clients.append(dict(row["client"]))
    return row


def edit(store: Store, company: Company, params: dict[str, Any]) -> Row:
    """Replace an invoice's content; refused once it is paid for, cancelled, or with the tax authority."""
    row = company.find("Factura", fields.text(params, "seriesName"), fields.text(params, "number"))
    if row["collects"] or row["spv"] or row["canceled"] == "1":
        raise OblioError("Factura nu mai poate fi modificata.")
    fresh = _row(store, company, "Factura", params, None)
    kept = ("number", "storno", "reverses", "reversed_by", "collects", "draft")
    store.amend(row, **{field: value for field, value in fresh.items() if field not in kept})
    return row


def collect(store: Store, company: Company, params: dict[str, Any]) -> Row:
    """Note a payment of an invoice, which may be a part of it."""
    row = company.find("Factura", fields.text(params, "seriesName"), fields.text(params, "number"))
    if row["canceled"] == "1":
        raise OblioError("Factura este anulata.")
    payment = fields.collection(fields.group(params, "collect"), left(row), store.today())
    store.amend(row, collects=[*row["collects"], payment])
    return row


def left(row: Row) -> str:
    """What is still to be paid."""
    paid = sum((Decimal(one["value"]) for one in row["collects"]), Decimal(0))
    return f"{Decimal(row['total']) - paid:.2f}"


def _row(store: Store, company: Company, type_: str, params: dict[str, Any], source: Row | None) -> Row:
    taken = source is not None and "products" not in params
    if source is not None and taken:
        sign = -1 if source["type"] == type_ else 1
        products = [_turned(row, sign) for row in source["products"]]
    else:
        # A storno keeps the rates of what it takes back, which may have been abolished since.
        old = [] if source is None else [_rate(row) for row in source["products"] if "vatName" in row]
        products = fields.products(params, [*company.vat_rates, *old])
    inherited = source if source is not None and taken else {"precision": "2", "currency": "RON", "exchangeRate": "0"}
    precision = fields.text(params, "precision", inherited["precision"])
    currency = fields.text(params, "currency", inherited["currency"]).upper()
    if precision not in ("2", "3", "4"):
        raise wrong("precision")
    if currency not in fields.CURRENCIES:
        raise wrong("currency")
    if fields.text(params, "language", "RO") not in _LANGUAGES:
        raise wrong("language")
    default = inherited["exchangeRate"] if Decimal(inherited["exchangeRate"]) else str(_RATE)
    rate = "0" if currency == "RON" else fields.text(params, "exchangeRate", default)
    return {
        "type": type_,
        "draft": "0",
        "canceled": "0",
        "seriesName": fields.text(params, "seriesName"),
        "number": "",
        "issueDate": fields.day(params, "issueDate", store.today()),
        "dueDate": fields.day(params, "dueDate", ""),
        "precision": precision,
        "currency": currency,
        "exchangeRate": f"{amounts.decimal(rate, 'exchangeRate'):.6f}",
        "total": f"{amounts.total(products, int(precision)):.4f}",
        "issuerName": fields.text(params, "issuerName", ""),
        "mentions": fields.text(params, "mentions", ""),
        "internalNote": fields.text(params, "internalNote", ""),
        "client": source["client"] if source is not None and "client" not in params else fields.client(params),
        "products": products,
        "collects": [],
        "storno": "1" if source is not None and source["type"] == type_ == "Factura" else "0",
        "reverses": None,
        "reversed_by": [],
        "spv": None,
        "key": None,
    }


def _rate(row: Row) -> Row:
    return {"name": row["vatName"], "percent": int(row["vatPercentage"]), "default": False}


def _turned(row: Row, sign: int) -> Row:
    field = "discount" if row.get("discountType") == "valoric" else "quantity"
    return row if field not in row else row | {field: f"{sign * Decimal(row[field]):.4f}"}


def _number(company: Company, row: Row, params: dict[str, Any]) -> None:
    """The next number of the series, or the caller's own."""
    if fields.flag(params, "disableAutoSeries") == "1":
        row["number"] = fields.text(params, "number")
        return
    series = company.series_of(row["type"], row["seriesName"])
    row["number"] = series.written(series.next)
    series.next += 1


def _reference(company: Company, params: dict[str, Any]) -> Row | None:
    if "referenceDocument" not in params:
        return None
    given = fields.group(params, "referenceDocument")
    type_ = fields.text(given, "type")
    if type_ not in _REFERENCES:
        raise wrong("referenceDocument[type]")
    source = company.find(type_, fields.text(given, "seriesName"), fields.text(given, "number"))
    if source["canceled"] == "1":
        raise OblioError("Documentul de referinta este anulat.")
    if type_ != "Factura" and source["reversed_by"]:
        raise OblioError("Documentul de referinta a fost deja facturat.")
    if not source["products"]:
        raise missing("products")
    return source


def _refer(store: Store, row: Row, source: Row, refund: str) -> None:
    """Tie a storno to what it takes back, or an invoice to its proforma; a refund takes the payments away too."""
    store.amend(row, reverses=source["id"])
    store.amend(source, reversed_by=[*source["reversed_by"], row["id"]])
    if refund == "1":
        store.amend(source, collects=[])
