"""What a company works with: its rates, series, clients and products, in pages of 250."""

from collections.abc import Callable
from typing import Any

from accord.sandbox.oblio import fields
from accord.sandbox.oblio.errors import OblioError, wrong
from accord.sandbox.oblio.store import Company, Row, Store, digits

PAGE = 250


def companies(store: Store) -> list[Row]:
    """Every company of the account."""
    return [
        {"cif": one.cif, "company": one.name, "userTypeAccess": "Administrator", "useStock": False}
        for one in store.companies.values()
    ]


def rows(company: Company, what: str, params: dict[str, Any]) -> list[Row]:
    """One page of a list; raises OblioError where there is none such."""
    if what not in _LISTS:
        raise OblioError("Nomenclatorul nu exista.", 404)
    found = _LISTS[what](company, params)
    if what not in ("clients", "products"):
        return found
    offset = fields.text(params, "offset", "0")
    if not offset.isdigit() or int(offset) % PAGE:
        raise wrong("offset")
    return found[int(offset) : int(offset) + PAGE]


def _clients(company: Company, params: dict[str, Any]) -> list[Row]:
    name, cif, code = (fields.text(params, field, "") for field in ("name", "clientCif", "code"))
    return [
        row
        for row in company.clients
        if name.casefold() in row["name"].casefold()
        and (not cif or digits(row["cif"]) == digits(cif))
        and (not code or row["code"] == code)
    ]


def _products(company: Company, params: dict[str, Any]) -> list[Row]:
    name, code = fields.text(params, "name", ""), fields.text(params, "code", "")
    return [
        row
        for row in company.products
        if name.casefold() in row["name"].casefold() and (not code or row["code"] == code)
    ]


def _series(company: Company, params: dict[str, Any]) -> list[Row]:
    wanted = fields.text(params, "type", "")
    return [
        {
            "type": one.type,
            "name": one.name,
            "start": one.written(one.start),
            "next": one.written(one.next),
            "default": one.default,
        }
        for one in company.series
        if wanted in ("", one.type)
    ]


_LISTS: dict[str, Callable[[Company, dict[str, Any]], list[Row]]] = {
    "vat_rates": lambda company, _: company.vat_rates,
    "series": _series,
    "clients": _clients,
    "products": _products,
    "languages": lambda _, __: [{"code": "RO", "name": "Romana"}, {"code": "EN", "name": "Engleza"}],
    "management": lambda _, __: [],
}
