"""SmartBill issues invoices. It knows no keys and has no list, so each invoice is made of a proforma.

A proforma is no fiscal document: one too many costs nothing. What was made of it can be asked for at any time, so
whether its invoice was issued is known for sure, once what was sent can have no effect any more.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from accord.actions import Look, Sent, Twin, Waits
from accord.clock import Clock, Until
from accord.errors import Misconfigured, TryLater, Unclear
from accord.http import Response, Transport, date_of
from accord.invoicing import Order, Terms
from accord.money import exponent
from accord.systems.answers import UNREADABLE
from accord.systems.smartbill import errors, pdf, shapes
from accord.systems.smartbill.errors import NoPaper, NotFound

PROFORMA, INVOICE = "proforma", "invoice"

_FRESH = 60.0  # seconds in which nobody deletes a proforma that was just made
_MOST = 50  # proformas that are looked through for one

T = TypeVar("T")


class Issued(shapes.Shape, gc=False, frozen=True):
    """The answer to a new document; `number` is a text with its zeros."""

    series: str
    number: str
    error_text: str | None = None


class Payload(msgspec.Struct):
    """The bodies of both calls; that of the invoice without the proforma's number, which is not known yet."""

    proforma: dict[str, Any]
    invoice: dict[str, Any]


_payload = msgspec.json.Decoder(Payload).decode


class SmartBillIssuer:
    """Invoices of one company, in series that nobody else issues in: `accord.invoicing.Issuer`."""

    steps = (PROFORMA, INVOICE)
    heeds = None

    def __init__(
        self,
        account: str,
        api: Transport,
        papers: Transport,
        cif: str,
        terms: Terms,
        clock: Clock,
        waits: Waits | None = None,
    ) -> None:
        """`papers` asks for PDFs, by another Accept header."""
        self.account, self.waits = account, waits or Waits()
        self._api, self._papers, self._cif, self._terms = api, papers, cif, terms
        self._proformas, self._clock = terms.proformas, clock
        self._width = 0
        self._fresh: dict[str, float] = {}  # marks of proformas that were just made, and until when they are fresh

    def check(self) -> None:
        """Whether the company has both series and the VAT rate."""
        self._counter()
        terms, series = self._terms, self._get("/series", {"type": "f"}, shapes.SeriesList)[1].list
        if not any(one.name == terms.series for one in series):
            names = ", ".join(one.name for one in series)
            raise Misconfigured(
                f"SmartBill has no series of invoices called {terms.series or 'nothing'}; it has {names}"
            )
        rates = self._get("/tax", {}, shapes.Taxes)[1].taxes
        if not any(one.name == terms.vat_name and one.percentage == Decimal(terms.vat_rate) for one in rates):
            names = ", ".join(f"{one.name} {one.percentage}" for one in rates)
            raise Misconfigured(f"SmartBill has no VAT rate {terms.vat_name} of {terms.vat_rate} %; it has {names}")

    def payload(self, order: Order) -> bytes:
        """The bodies of both calls: one line, paid for in full."""
        paid, terms, client = order.paid, self._terms, order.paid.client
        price = msgspec.Raw(order.price.encode())
        both = {
            "companyVatCode": self._cif,
            "issueDate": order.day,
            "dueDate": order.day,
            "currency": paid.currency,
            "precision": max(2, exponent(paid.currency)),
            "language": terms.language,
            "mentions": order.mention,
        }
        names = {"vatCode": client.vat_id, "address": client.address, "city": client.city, "county": client.county}
        names |= {"name": client.name, "country": client.country, "email": client.email}
        line = {
            "name": terms.product,
            "measuringUnitName": terms.unit,
            "quantity": 1,
            "price": price,
            "currency": paid.currency,
            "isTaxIncluded": True,
            "taxName": terms.vat_name,
            "taxPercentage": msgspec.Raw(terms.vat_rate.encode()),
            "isService": True,
            "saveToDb": False,
        }
        payer = client.vat_id is not None and client.vat_id[:2].isalpha()  # RO stands before the numbers of those
        client_ = {"isTaxPayer": payer, "saveToDb": False, **{name: value for name, value in names.items() if value}}
        proforma = {**both, "seriesName": self._proformas, "client": client_, "products": [line]}
        payment = {"value": price, "type": "Card online", "isCash": False}
        invoice = {**both, "seriesName": terms.series, "useEstimateDetails": True, "payment": payment}
        return msgspec.json.encode({PROFORMA: proforma, INVOICE: invoice})

    def before(self, sent: Sent) -> tuple[float | None, Mapping[str, Any]]:
        """The number that the next proforma gets; or that the proforma is still the one that was made."""
        answer, number = self._counter()
        if sent.step == PROFORMA:
            return date_of(answer), {"next": number}
        if self._fresh.get(sent.mark, 0.0) < self._clock.monotonic():
            self._require_own(sent)
        return date_of(answer), {}

    def send(self, sent: Sent, until: Until) -> Twin:
        """Make the proforma, or the invoice of it."""
        bodies = _payload(sent.payload)
        if sent.step == PROFORMA:
            made = self._post("/estimate/v2", bodies.proforma, until)
            self._fresh[sent.mark] = self._clock.monotonic() + _FRESH
            return Twin(f"{made.series} {made.number}", made.series, made.number)
        _, series, number = sent.note[PROFORMA]
        made = self._post(
            "/invoice/v2", {**bodies.invoice, "estimate": {"seriesName": series, "number": number}}, until
        )
        return _twin(made)

    def find(self, sent: Sent) -> Look:
        """The proformas that have the mark printed on them; or the invoices that were made of the proforma."""
        answer, next_number = self._counter()
        told = date_of(answer)
        if sent.step == PROFORMA:
            return Look(self._marked(int(sent.note["next"]), next_number, sent.mark), told)
        self._require_own(sent)
        _, series, number = sent.note[PROFORMA]
        found = self._get("/estimate/invoices", {"seriesname": series, "number": number}, shapes.Invoiced)[1]
        return Look([_twin(one) for one in sorted(found.invoices or (), key=_order) if one.number], told)

    def close(self) -> None:
        """Give the connections back."""
        self._api.close()
        self._papers.close()

    def _marked(self, first: int, end: int, mark: str) -> list[Twin]:
        if end - first > _MOST:
            raise Unclear(f"{end - first} proformas were made in {self._proformas} meanwhile; look for {mark} there")
        found = []
        for number in range(first, end):
            for written in dict.fromkeys((str(number).zfill(self._width), str(number).zfill(4), str(number))):
                paper = self._paper(self._proformas, written)
                if paper is not None and _prints(paper, mark):
                    found.append(Twin(f"{self._proformas} {written}", self._proformas, written))
                if paper is not None:
                    break
        return found

    def _require_own(self, sent: Sent) -> None:
        """A number names a document only until it is deleted: then it is given out again."""
        _, series, number = sent.note[PROFORMA]
        paper = self._paper(series, number)
        if paper is None or not _prints(paper, sent.mark):
            what = "is gone" if paper is None else f"does not show {sent.mark}"
            raise Unclear(
                f"the proforma {series} {number}, of which the invoice is made, {what}; look whether an invoice in "
                f"{self._terms.series} mentions {sent.mark}"
            )

    def _paper(self, series: str, number: str) -> bytes | None:
        asked = [("cif", self._cif), ("seriesname", series), ("number", number)]
        try:
            body = self._papers.get("/estimate/pdf", asked, endpoint="/estimate/pdf").body
        except NotFound:
            return None
        except NoPaper as error:  # of a proforma that is missing it says so otherwise
            raise TryLater(str(error)) from None
        if not body.startswith(b"%PDF-"):
            raise TryLater("SmartBill gave something else than the PDF of a proforma")
        return body

    def _counter(self) -> tuple[Response, int]:
        answer, found = self._get("/series", {"type": "p"}, shapes.SeriesList)
        for one in found.list:
            if one.name == self._proformas and str(one.next_number).isdigit():
                text = str(one.next_number)
                self._width = len(text) if text.startswith("0") else 0
                return answer, int(text)
        raise Misconfigured(f"SmartBill has no series of proformas called {self._proformas}; create it there")

    def _get(self, path: str, given: Mapping[str, str], shape: type[T]) -> tuple[Response, T]:
        answer = self._api.get(path, [("cif", self._cif), *given.items()], endpoint=path)
        try:
            return answer, msgspec.json.decode(errors.unwrapped(answer.body), type=shape)
        except UNREADABLE:
            raise TryLater(f"SmartBill's answer to GET {path} can not be read") from None

    def _post(self, path: str, body: Mapping[str, Any], until: Until) -> Issued:
        json = "application/json"
        answer = self._api.post(path, msgspec.json.encode(body), content_type=json, endpoint=path, until=until)
        if text := errors.error_text(answer.body):
            raise errors.refused(text)
        try:
            made = msgspec.json.decode(errors.unwrapped(answer.body), type=Issued)
        except UNREADABLE:
            raise TryLater("SmartBill's answer to a new document can not be read") from None
        if not made.number:
            raise TryLater("SmartBill's answer to a new document has no number")
        return made


def _prints(paper: bytes, mark: str) -> bool:
    """Whether the mark stands on the paper, also where it is broken into lines; False where none can be read."""
    try:
        return mark in "".join(pdf.text(paper).split())
    except pdf.Unreadable:
        return False


def _twin(made: Issued | shapes.Numbered) -> Twin:
    return Twin(f"{made.series} {made.number}", made.series, made.number)


def _order(one: shapes.Numbered) -> tuple[int, str]:
    return (int(one.number) if one.number.isdigit() else 0, one.number)
