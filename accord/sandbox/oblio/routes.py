"""Every call of the sandbox's Oblio: method and path to the function that answers."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from accord.sandbox.oblio import changes, documents, lists, nomenclature
from accord.sandbox.oblio.errors import OblioError, envelope
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.lists import View
from accord.sandbox.oblio.store import TYPES, Store

Params = dict[str, Any]


class Call(NamedTuple):
    """What an answer is made from."""

    store: Store
    settings: Settings
    params: Params
    kind: str  # the word in the path: invoice, or vat_rates
    files: str  # what links to PDFs begin with
    view: View


class Found(NamedTuple):
    """A call's name in the statistics, the function that does it, and whether it counts as producing documents."""

    name: str
    kind: str
    do: Callable[[Call], bytes]
    produces: bool = False


def _companies(call: Call) -> bytes:
    return envelope(nomenclature.companies(call.store))


def _nomenclature(call: Call) -> bytes:
    return envelope(nomenclature.rows(call.store.company(call.params.get("cif")), call.kind, call.params))


def _create(call: Call) -> bytes:
    company = call.store.company(call.params.get("cif"))
    row = documents.create(call.store, company, call.kind, call.params, call.settings)
    return envelope(lists.short(row, call.files))


def _edit(call: Call) -> bytes:
    row = documents.edit(call.store, call.store.company(call.params.get("cif")), call.params)
    return envelope(lists.short(row, call.files))


def _collect(call: Call) -> bytes:
    row = documents.collect(call.store, call.store.company(call.params.get("cif")), call.params)
    more = {"documentType": row["type"], "collects": row["collects"]}
    return envelope(lists.short(row, call.files) | more, "")


def _list(call: Call) -> bytes:
    company = call.store.company(call.params.get("cif"))
    page = lists.page(call.store, company, call.kind, call.params, call.files, call.view)
    return envelope(msgspec.Raw(page))


def _one(call: Call) -> bytes:
    row = changes.found(call.store.company(call.params.get("cif")), call.kind, call.params)
    einvoice = {"einvoice": lists.link(row, call.files) + "&einvoice=1&api=1"}
    return envelope(lists.short(row, call.files, "total") | einvoice)


def _send(call: Call) -> bytes:
    row = changes.send(call.store, call.store.company(call.params.get("cif")), call.params, call.settings)
    return envelope(changes.status(row, call.store.now()))


def _change(change: Callable[[Store, Any, str, Params], str]) -> Callable[[Call], bytes]:
    def do(call: Call) -> bytes:
        company = call.store.company(call.params.get("cif"))
        return envelope([], change(call.store, company, call.kind, call.params))

    return do


_DOCUMENTS: dict[tuple[str, str], tuple[Callable[[Call], bytes], bool]] = {
    ("POST", ""): (_create, True),
    ("GET", ""): (_one, False),
    ("DELETE", ""): (_change(changes.delete), False),
    ("GET", "list"): (_list, False),
    ("PUT", "cancel"): (_change(changes.cancel), False),
    ("PUT", "restore"): (_change(changes.restore), False),
}
_INVOICES: dict[tuple[str, str], tuple[Callable[[Call], bytes], bool]] = {
    ("PUT", ""): (_edit, True),
    ("PUT", "collect"): (_collect, False),
}


def find(method: str, path: str) -> Found:
    """The call for a path below `/api`; raises OblioError where Oblio has none such."""
    steps = path.strip("/").split("/")
    match steps:
        case ["nomenclature", "companies"] if method == "GET":
            return Found("GET /nomenclature/companies", "companies", _companies)
        case ["nomenclature", kind] if method == "GET":
            return Found(f"GET /nomenclature/{kind}"[:60], kind, _nomenclature)
        case ["docs", "einvoice"] if method == "POST":
            return Found("POST /docs/einvoice", "invoice", _send)
        case ["docs", kind, *rest] if kind in TYPES and len(rest) <= 1:
            action = rest[0] if rest else ""
            call = _DOCUMENTS.get((method, action)) or (_INVOICES.get((method, action)) if kind == "invoice" else None)
            if call is not None:
                return Found(" ".join((method, "/".join(["/docs", kind, *rest]))), kind, *call)
    raise OblioError("Resursa nu exista.", 404)
