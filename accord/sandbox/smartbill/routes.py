"""Every endpoint of the sandbox's SmartBill: method and path to the function that answers. There is no list."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from accord.sandbox.smartbill import documents, payments
from accord.sandbox.smartbill.company import ESTIMATE, INVOICE, RECEIPT, TAXES, Company
from accord.sandbox.smartbill.errors import SmartBillError, envelope, problem, refusal, web_page
from accord.sandbox.smartbill.paper import printed
from accord.sandbox.smartbill.shapes import InvoiceRequest, PaymentRequest, ReverseRequest, read

Given = dict[str, str]


class Call(NamedTuple):
    """A request to an endpoint: the company, the query, the body and the path."""

    company: Company
    given: Given
    body: bytes
    path: str
    padded: bool  # whether /series gives numbers as texts with their zeros


Work = Callable[[Call], dict[str, Any] | bytes]

API = "/SBORO/api"


def _create(type_: str) -> Work:
    return lambda call: documents.create(call.company, type_, read(call.body, InvoiceRequest, call.path), call.path)


def _reverse(call: Call) -> dict[str, Any]:
    return documents.reverse(call.company, read(call.body, ReverseRequest, call.path), call.path)


def _change(type_: str, change: Callable[[Company, dict[str, Any]], dict[str, Any]]) -> Work:
    def work(call: Call) -> dict[str, Any]:
        row = documents.found(call.company, type_, call.given.get("seriesname"), call.given.get("number"))
        return change(call.company, row)

    return work


def _pdf(type_: str) -> Work:
    def work(call: Call) -> bytes:
        row = call.company.find(type_, call.given.get("seriesname", ""), call.given.get("number", ""))
        if row is None:
            raise web_page(502, "Bad Gateway") if type_ == INVOICE else refusal("Factura proforma nu a fost gasita!")
        return printed(call.company, row)

    return work


def _status(call: Call) -> dict[str, Any]:
    number = call.given.get("number")
    blank: dict[str, Any] = {"invoiceTotalAmount": 0.0, "paidAmount": 0.0, "unpaidAmount": 0.0, "paid": False}
    if not number:
        raise refusal("Numarul facturii trebuie specificat", **blank)
    if not call.given.get("seriesname"):
        raise refusal("Seria facturii trebuie specificata in url in parametrul 'seriesname'!", **blank)
    row = call.company.find(INVOICE, call.given["seriesname"], number)
    if row is None:
        raise refusal("Factura nu a fost gasita", **blank)
    total, left = Decimal(row["total"]), payments.unpaid(row)
    amounts: dict[str, Any] = {
        "invoiceTotalAmount": float(total),
        "paidAmount": float(row["paid"]),
        "unpaidAmount": float(left),
    }
    return envelope(**amounts, paid=left <= 0 and total > 0)


def _invoices_of(call: Call) -> dict[str, Any]:
    series, number = call.given.get("seriesname", ""), call.given.get("number", "")
    row = call.company.find(ESTIMATE, series, number)
    if row is None:
        raise refusal(f"Factura proforma {series} {number} nu a fost gasita!", 410)
    made = [{"series": one, "number": other} for one, other in row["invoices"]]
    text = "" if made else f"Proforma cu seria {series} si numarul {number} nu a fost facturata."
    return envelope(text, areInvoicesCreated=bool(made), invoices=made)


def _series(call: Call) -> dict[str, Any]:
    wanted = call.given.get("type", "")
    if wanted not in ("", INVOICE, ESTIMATE, RECEIPT):
        raise refusal(
            f"Tipul documentului nu poate fi {wanted}! Parametrul type poate lua valorile: 'f' pentru factura, 'p' "
            "pentru proforma si 'c' pentru chitanta."
        )
    rows = [row for row in call.company.series.values() if row["type"] == wanted or not wanted]
    shown = [
        {
            "name": row["name"],
            "nextNumber": str(row["next"]).zfill(row["width"]) if call.padded else row["next"],
            "type": row["type"],
        }
        for row in rows
    ]
    return envelope(list=shown)


def _pay(call: Call) -> dict[str, Any]:
    return payments.create(call.company, read(call.body, PaymentRequest, call.path))


def _unpay(call: Call) -> dict[str, Any]:
    return payments.delete(call.company, call.given)


def _unpay_receipt(call: Call) -> dict[str, Any]:
    given = call.given
    return payments.delete_receipt(call.company, given.get("seriesname", ""), given.get("number", ""))


_WORK: dict[tuple[str, str], Work] = {
    ("POST", "/invoice"): _create(INVOICE),
    ("POST", "/invoice/v2"): _create(INVOICE),
    ("POST", "/invoice/reverse"): _reverse,
    ("DELETE", "/invoice"): _change(INVOICE, documents.delete),
    ("PUT", "/invoice/cancel"): _change(INVOICE, documents.cancel),
    ("PUT", "/invoice/restore"): _change(INVOICE, documents.restore),
    ("GET", "/invoice/pdf"): _pdf(INVOICE),
    ("GET", "/invoice/paymentstatus"): _status,
    ("POST", "/estimate"): _create(ESTIMATE),
    ("POST", "/estimate/v2"): _create(ESTIMATE),
    ("DELETE", "/estimate"): _change(ESTIMATE, documents.delete),
    ("PUT", "/estimate/cancel"): _change(ESTIMATE, documents.cancel),
    ("PUT", "/estimate/restore"): _change(ESTIMATE, documents.restore),
    ("GET", "/estimate/pdf"): _pdf(ESTIMATE),
    ("GET", "/estimate/invoices"): _invoices_of,
    ("POST", "/payment"): _pay,
    ("DELETE", "/payment/v2"): _unpay,
    ("DELETE", "/payment/chitanta"): _unpay_receipt,
    ("GET", "/series"): _series,
    ("GET", "/tax"): lambda call: envelope(taxes=list(TAXES)),
}

_METHODS: dict[str, list[str]] = {}
for _method, _path in _WORK:
    _METHODS.setdefault(_path, []).append(_method)


def find(method: str, path: str) -> tuple[str, Work]:
    """The endpoint's path and what it does; raises 404 for one that does not exist, 405 for another method."""
    name = path.removeprefix(API)
    if not path.startswith(API + "/") or name not in _METHODS:
        raise web_page(404, "Not Found")
    work = _WORK.get((method, name))
    if work is None:
        error = problem(405, "method_not_allowed", f"Method {method} is not allowed.", path)
        raise SmartBillError(405, error.body, {"allow": ", ".join(_METHODS[name])})
    return name, work
