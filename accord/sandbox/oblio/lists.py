"""Lists of documents: filters, order and pages by offset; and how a document shows itself in them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from accord.sandbox.forms import words
from accord.sandbox.oblio import changes, fields
from accord.sandbox.oblio.errors import wrong
from accord.sandbox.oblio.store import TYPES, Company, Row, Store, digits, same_number

PAGE = 100
_PLAIN = words(
    "id draft canceled seriesName number issueDate dueDate precision currency exchangeRate total issuerName mentions"
    " type"
)
_PARTS = ("withProducts", "withCollects", "withEinvoiceStatus")
_EMPTY = ("issuerId", "noticeNumber", "deputyName", "deputyIdentityCard", "deputyAuto")
_ORDERS: dict[str, Callable[[Row], Any]] = {
    "id": lambda row: int(row["id"]),
    "issueDate": lambda row: (row["issueDate"], int(row["id"])),
    "number": lambda row: (int(row["number"] or 0) if row["number"].isdigit() else 0, int(row["id"])),
}


def page(store: Store, company: Company, kind: str, params: dict[str, Any], files: str, view: "View") -> bytes:
    """The rows of one page as a JSON list; `files` is the address that links to PDFs begin with."""
    order, direction = fields.text(params, "orderBy", "id"), fields.text(params, "orderDir", "DESC").upper()
    if order not in _ORDERS:
        raise wrong("orderBy")
    if direction not in ("ASC", "DESC"):
        raise wrong("orderDir")
    limit = _whole(params, "limitPerPage", PAGE)
    offset = 0 if view.repeat else _whole(params, "offset", 0)
    if not 1 <= limit <= PAGE:
        raise wrong("limitPerPage")
    if offset % PAGE:
        raise wrong("offset")
    keep = _filters(company, params)
    latest = store.now() - view.lag
    rows = [
        row
        for row in company.documents.values()
        if row["type"] == TYPES[kind] and row["born"] <= latest and all(test(row) for test in keep)
    ]
    if order == "id":  # in which they are kept
        rows = rows if direction == "ASC" else rows[::-1]
    else:
        rows.sort(key=_ORDERS[order], reverse=direction == "DESC")
    shown = {field for field in _PARTS if fields.flag(params, field) == "1"}
    return msgspec.json.encode([item(store, company, row, files, shown) for row in rows[offset : offset + limit]])


class View(msgspec.Struct, frozen=True):
    """How lists misbehave just now: rows that show up `lag` seconds late, the first page for ever."""

    lag: float = 0.0
    repeat: bool = False


def item(store: Store, company: Company, row: Row, files: str, shown: set[str]) -> Row:
    """A document as lists show it: every scalar is a text, but for what the tax authority says."""
    client = {"clientId": str(4_400 + sum(map(ord, row["client"]["name"])) % 500)} | row["client"]
    found: Row = {field: row[field] for field in _PLAIN} | dict.fromkeys(_EMPTY, "")
    found |= {
        "storno": row["storno"],
        "stornoed": "1" if _taken_back(company, row) else "0",
        "collected": "1" if _collected(row) else "0",
        "useStock": "0",
        "indexUpload": None,
        "idDownload": None,
        "link": link(row, files) + "&preload=1",
        "einvoice": link(row, files) + "&einvoice=1&api=1",
        "client": client,
    }
    status = changes.status(row, store.now())
    if status["code"] != changes.NOT_SENT:
        found["indexUpload"] = str(5_000_000_000 + int(row["id"]))
        if status["code"] != changes.PROCESSING:
            found["idDownload"] = str(3_000_000_000 + int(row["id"]))
    if "withEinvoiceStatus" in shown:
        found["einvoiceStatus"] = status
    if "withProducts" in shown:
        # Users report that discounts are not among them.
        found["products"] = [
            {"discount": "0", "refItems": None} | line for line in row["products"] if "discountType" not in line
        ]
    if "withCollects" in shown:
        found["collects"] = row["collects"]
    return found


def link(row: Row, files: str) -> str:
    """Where the PDF is, without a login: whoever has the link has the document."""
    return f"{files}/utils/show_file/?ic=70001&id={row['id']}&it={row['secret']}"


def short(row: Row, files: str, *more: str) -> Row:
    """A document as most calls answer: its number and link, and no lines."""
    return {field: row[field] for field in ("seriesName", "number", *more)} | {"link": link(row, files)}


def _collected(row: Row) -> bool:
    return bool(row["collects"]) and sum(Decimal(one["value"]) for one in row["collects"]) >= Decimal(row["total"])


def _taken_back(company: Company, row: Row) -> bool:
    """Whether stornos have taken back all of it."""
    stornos = [company.documents[key] for key in row["reversed_by"] if key in company.documents]
    live = [one for one in stornos if one["storno"] == "1" and one["canceled"] == "0"]
    return bool(live) and sum(Decimal(one["total"]) for one in live) <= -Decimal(row["total"])


def _whole(params: dict[str, Any], field: str, default: int) -> int:
    given = fields.text(params, field, str(default))
    if not given.isdigit():
        raise wrong(field)
    return int(given)


def _filters(company: Company, params: dict[str, Any]) -> list[Callable[[Row], bool]]:
    """The tests that a row has to pass; parameters that Oblio does not know are passed over."""
    tests: list[Callable[[Row], bool]] = []
    if series := fields.text(params, "seriesName", ""):
        tests.append(lambda row: row["seriesName"] == series)
    if number := fields.text(params, "number", ""):
        tests.append(lambda row: same_number(row["number"], number))
    if key := fields.text(params, "id", ""):
        tests.append(lambda row: row["id"] == key)
    if "client" in params:
        tests += _client_filters(fields.group(params, "client"))
    for field in ("draft", "canceled", "collected"):
        wanted = fields.text(params, field, "-1")
        if wanted not in ("-1", "0", "1"):
            raise wrong(field)
        if wanted != "-1":
            tests.append(lambda row, field=field, wanted=wanted: _flag(row, field) == wanted)  # type: ignore[misc]
    if after := fields.day(params, "issuedAfter", ""):
        tests.append(lambda row: row["issueDate"] >= after)
    if before := fields.day(params, "issuedBefore", ""):
        tests.append(lambda row: row["issueDate"] <= before)
    return tests


def _client_filters(given: dict[str, Any]) -> list[Callable[[Row], bool]]:
    tests: list[Callable[[Row], bool]] = []
    if cif := fields.text(given, "cif", ""):
        tests.append(lambda row: digits(row["client"]["cif"]) == digits(cif))
    for field in ("email", "phone", "code"):
        if wanted := fields.text(given, field, ""):
            tests.append(lambda row, field=field, wanted=wanted: row["client"][field] == wanted)  # type: ignore[misc]
    return tests


def _flag(row: Row, field: str) -> str:
    return ("1" if _collected(row) else "0") if field == "collected" else str(row[field])
