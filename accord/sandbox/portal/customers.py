"""The portal's web page: a customer picks himself, and sees his invoices, what is due, and as of when."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from accord.money import CURRENCIES
from accord.sandbox.forms import Malformed, decode
from accord.sandbox.html import template, units
from accord.sandbox.portal import invoices
from accord.sandbox.portal.invoices import Invoice, NoDatabase
from accord.sandbox.wire import Answer, Ask

if TYPE_CHECKING:
    from accord.sandbox.portal.service import Portal

_BUCHAREST = ZoneInfo("Europe/Bucharest")
_HTML = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
_FOUND_IN = {"pdf": "read from the PDF", "export": "from an export", "computed": "computed"}


class Customer(NamedTuple):
    """A client, and what is due of all the client's invoices."""

    who: str
    name: str | None
    vat_id: str | None
    invoices: list[Invoice]

    @property
    def due(self) -> dict[str | None, int]:
        """What is due, by currency; None, the last, is an unknown one."""
        sums: dict[str | None, int] = {}
        for one in self.invoices:
            if one.due:
                sums[one.currency] = sums.get(one.currency, 0) + one.due
        return dict(sorted(sums.items(), key=lambda one: one[0] or "\uffff"))

    @property
    def unclear(self) -> int:
        """Of how many invoices it is not known what is due."""
        return sum(one.due is None for one in self.invoices)


def answer(portal: "Portal", ask: Ask) -> Answer:
    """The list of customers, a customer's invoices, or the PDF of one."""
    if ask.method != "GET":
        return Answer(405, _HTML | {"allow": "GET"}, b"")
    try:
        params = decode(ask.query)
    except Malformed:
        params = {}
    if ask.path == "/pdf":
        make = portal.pdfs.find(str(params.get("connection")), str(params.get("key")))
        return _page(404) if make is None else Answer(200, {"content-type": "application/pdf"}, make())
    try:
        shelves = invoices.of_store(portal.store) if portal.database is None else invoices.of_database(portal.database)
    except NoDatabase as error:
        return _page(200, lacks=str(error))
    everybody = _customers(shelves.invoices)
    if ask.path == "/":
        known = sorted(everybody.values(), key=lambda one: one.name or "\uffff")
        return _page(200, as_of=shelves.as_of, everybody=known)
    who = everybody.get(str(params["who"])) if "who" in params and ask.path == "/customer" else None
    if who is None:
        return _page(404)
    mine = {one.connection for one in who.invoices}
    as_of = {name: at for name, at in sorted(shelves.as_of.items()) if name in mine}
    pdfs = {one: "pdf?" + urlencode({"connection": one[0], "key": one[1]}) for one in _with_pdf(portal, who.invoices)}
    return _page(200, as_of=as_of, customer=who, pdfs=pdfs)


def _with_pdf(portal: "Portal", shown: Sequence[Invoice]) -> set[tuple[str, str]]:
    return {(one.connection, one.key) for one in shown if portal.pdfs.find(one.connection, one.key) is not None}


def _customers(shown: Sequence[Invoice]) -> dict[str, Customer]:
    """By what is the same for all documents of a client; latest invoices first, which give the name."""
    everybody: dict[str, Customer] = {}
    for one in sorted(shown, key=lambda one: (one.issued_on or "", one.connection, one.key), reverse=True):
        everybody.setdefault(one.who, Customer(one.who, one.client, one.vat_id, [])).invoices.append(one)
    return everybody


def _page(status: int, **shown: object) -> Answer:
    return Answer(status, _HTML, _TEMPLATE.render(status=status, found_in=_FOUND_IN, **shown).encode())


def _amount(amount: int, currency: str | None) -> str:
    """An amount with its currency, in smallest units where nobody knows where its decimals begin."""
    if currency not in CURRENCIES:
        return units(amount, 0) + (f" smallest units of {currency}" if currency else "")
    return f"{units(amount, CURRENCIES[currency])}\N{NO-BREAK SPACE}{currency}"


def _time(at: datetime) -> str:
    return at.astimezone(_BUCHAREST).strftime("%d %b %Y, %H:%M %Z")


_TEMPLATE = template("accord.sandbox.portal", "customers.html", amount=_amount, time=_time, query=urlencode)
