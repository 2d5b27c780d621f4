"""Oblio issues invoices: under a key that it heeds, and looked up by what is printed on them (oblio.eu/api)."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, TypeVar

import httpx
import msgspec

from accord.actions import Look, Sent, Twin, Waits
from accord.clock import Until
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Response, Transport, date_of
from accord.invoicing import Order, Terms
from accord.money import exponent
from accord.systems.answers import UNREADABLE, Shape
from accord.systems.oblio.parse import PAGE
from accord.systems.oblio.rates import DOCUMENT, READ
from accord.systems.oblio.shapes import Rows, SeriesList, Text, VatRates

T = TypeVar("T")

_DAY = timedelta(days=1)


class Issued(Shape, gc=False):
    seriesName: Annotated[str, msgspec.Meta(min_length=1)]
    number: Annotated[str, msgspec.Meta(min_length=1)]
    link: Text = None


class Answer(Shape, gc=False):
    data: Issued


class Row(Shape, gc=False):
    id: Annotated[str, msgspec.Meta(pattern="^[0-9]+$")]
    seriesName: Text
    number: Text
    mentions: Text = None


class Ordered(Shape, gc=False):
    """What is looked at again of what was sent."""

    cif: str
    issueDate: str


_answer = msgspec.json.Decoder(Answer).decode
_rows = msgspec.json.Decoder(Rows).decode
_row = msgspec.json.Decoder(Row).decode
_ordered = msgspec.json.Decoder(Ordered).decode


class OblioIssuer:
    """Invoices of one company: `accord.invoicing.Issuer`.

    A repeated key makes no second invoice. Whether it is answered with the first one or with an error is not
    documented, nor how long it is heeded: so an invoice is looked up before its key is sent again, and after an hour
    the key is not relied upon.
    """

    steps = ("invoice",)
    heeds = 3600.0

    def __init__(
        self,
        account: str,
        api: Transport,
        cif: str,
        terms: Terms,
        waits: Waits | None = None,
        close: Callable[[], None] | None = None,
        admit: Callable[[], None] = lambda: None,
    ) -> None:
        """`close` gives back more than `api` holds; `admit` as in `accord.invoicing.Issuer`."""
        self._close, self.admit = close or api.close, admit
        self.account, self.waits = account, waits or Waits()
        self._api, self._cif, self._terms = api, cif, terms

    def check(self) -> None:
        """Whether the company has the series and the VAT rate."""
        cif, terms = [("cif", self._cif)], self._terms
        series = _read(self._api.get("/nomenclature/series", cif, endpoint=READ), SeriesList).data
        if not any((one.type, one.name) == ("Factura", terms.series) for one in series):
            names = ", ".join(one.name for one in series if one.type == "Factura")
            raise Misconfigured(f"Oblio has no series of invoices called {terms.series or 'nothing'}; it has {names}")
        rates = _read(self._api.get("/nomenclature/vat_rates", cif, endpoint=READ), VatRates).data
        if not any(one.name == terms.vat_name and Decimal(one.percent) == Decimal(terms.vat_rate) for one in rates):
            names = ", ".join(f"{one.name} {one.percent}" for one in rates)
            raise Misconfigured(f"Oblio has no VAT rate {terms.vat_name} of {terms.vat_rate} %; it has {names}")

    def payload(self, order: Order) -> bytes:
        """The body of the call: one line, paid for in full."""
        paid, terms, client = order.paid, self._terms, order.paid.client
        names = {"address": client.address, "state": client.county, "city": client.city, "email": client.email}
        body = {
            "cif": self._cif,
            "client": {
                "name": client.name,
                "cif": client.vat_id or "",
                "country": client.country,
                "vatPayer": int(client.vat_id is not None and client.vat_id[:2].isalpha()),
                **{name: value for name, value in names.items() if value},
                "save": 0,
            },
            "issueDate": order.day,
            "dueDate": order.day,
            "seriesName": terms.series,
            "language": terms.language,
            "precision": max(2, exponent(paid.currency)),
            "currency": paid.currency,
            "products": [
                {
                    "name": terms.product,
                    "price": msgspec.Raw(order.price.encode()),
                    "measuringUnit": terms.unit,
                    "currency": paid.currency,
                    "vatName": terms.vat_name,
                    "vatPercentage": msgspec.Raw(terms.vat_rate.encode()),
                    "vatIncluded": 1,
                    "quantity": 1,
                    "save": 0,
                }
            ],
            "collect": {"type": "Card", "documentNumber": paid.key, "issueDate": order.day},
            "mentions": order.mention,
            "idempotencyKey": order.mark,
        }
        return msgspec.json.encode(body)

    def before(self, sent: Sent) -> tuple[float | None, Mapping[str, Any]]:
        """Nothing: the key makes it one invoice."""
        return None, {}

    def send(self, sent: Sent, until: Until) -> Twin:
        """Issue the invoice, or have the one that was issued under the key."""
        path, json = "/docs/invoice", "application/json"
        body = self._api.post(path, sent.payload, content_type=json, endpoint=DOCUMENT, until=until).body
        try:
            made = _answer(body).data
        except UNREADABLE:
            raise TryLater("Oblio's answer to a new invoice can not be read") from None
        return Twin(_id(made), made.seriesName, made.number)

    def find(self, sent: Sent) -> Look:
        """The invoices of that day and later that have the mark printed on them."""
        ordered, told = _ordered(sent.payload), None
        since = (date.fromisoformat(ordered.issueDate) - _DAY).isoformat()
        found: dict[str, Twin] = {}
        for offset in range(0, 1_000_000, PAGE):
            answer = self._page(ordered.cif, since, offset)
            told = date_of(answer) if offset == 0 else told
            try:
                rows = [bytes(raw) for raw in _rows(answer.body).data]
                marked = [_row(raw) for raw in rows if sent.mark.encode() in raw]
            except UNREADABLE:
                raise TryLater("Oblio's list of invoices can not be read") from None
            for row in marked:
                if sent.mark in (row.mentions or ""):
                    found[row.id] = Twin(row.id, row.seriesName, row.number)
            if len(rows) < PAGE:
                return Look([found[key] for key in sorted(found, key=int)], told)
        raise Refused("Oblio's list of invoices does not end")

    def close(self) -> None:
        """Give the connections back."""
        self._close()

    def _page(self, cif: str, since: str, offset: int) -> Response:
        asked = [("cif", cif), ("issuedAfter", since), ("draft", "-1"), ("canceled", "-1"), ("collected", "-1")]
        asked += [("orderBy", "id"), ("orderDir", "DESC"), ("limitPerPage", str(PAGE)), ("offset", str(offset))]
        return self._api.get("/docs/invoice/list", asked, endpoint=READ)


def _read(answer: Response, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except UNREADABLE:
        raise TryLater("Oblio's answer can not be read") from None


def _id(made: Issued) -> str:
    """The id that a link carries, which the answer itself does not tell; the name where there is none."""
    ids = httpx.URL(made.link or "").params.get_list("id")
    return ids[0] if ids else f"{made.seriesName} {made.number}"
