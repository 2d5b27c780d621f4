"""Stripe issues invoices: several calls, each under a key of its own that Stripe heeds for 24 hours.

The payment was made already, so the invoice is marked as paid outside of Stripe's invoicing, and charges nobody.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from accord.actions import Look, Sent, Twin, Waits
from accord.clock import Until
from accord.errors import Misconfigured, NotSent, Refused, TryLater, Unclear
from accord.http import Transport, date_of
from accord.invoicing import Order, Terms
from accord.systems.answers import UNREADABLE, Shape
from accord.systems.stripe.shapes import Amount, Id

_PAGE = 100


class Invoice(Shape, gc=False):
    id: Id
    status: Literal["draft", "open", "paid", "uncollectible", "void"]
    number: str | None
    total: Amount
    metadata: dict[str, str]


class Invoices(Shape, gc=False):
    data: list[Invoice]
    has_more: bool


class Payload(msgspec.Struct):
    """The forms of the first two calls; that of the line without the invoice's id, which is not known yet."""

    customer: str
    since: int
    amount: int
    invoice: str
    item: str


_invoice = msgspec.json.Decoder(Invoice).decode
_invoices = msgspec.json.Decoder(Invoices).decode
_payload = msgspec.json.Decoder(Payload).decode


class StripeIssuer:
    """Invoices of one account: `accord.invoicing.Issuer`."""

    steps = ("invoice",)
    heeds = 20 * 3600.0

    def __init__(
        self,
        account: str,
        transport: Transport,
        terms: Terms,
        waits: Waits | None = None,
        admit: Callable[[], None] = lambda: None,
    ) -> None:
        """`admit` as in `accord.invoicing.Issuer`."""
        self.admit = admit
        self.account, self.waits = account, waits or Waits()
        self._transport, self._terms = transport, terms

    def check(self) -> None:
        """Nothing of the terms has to be there."""

    def payload(self, order: Order) -> bytes:
        """The forms of the calls. Raises Refused for a guest's payment: Stripe makes invoices out to customers."""
        paid = order.paid
        if paid.customer is None:
            raise Refused("the payment has no customer, to whom Stripe could make out an invoice")
        known = {"metadata[accord]": order.mark, "metadata[payment]": paid.key}
        invoice = {"customer": paid.customer, "currency": paid.currency.lower(), "auto_advance": "false"}
        item = {
            "customer": paid.customer,
            "currency": paid.currency.lower(),
            "amount": str(paid.amount),
            "description": self._terms.product,
        }
        forms = {"invoice": urlencode({**invoice, "description": order.mention, **known}), "item": urlencode(item)}
        day = datetime.fromisoformat(order.day).replace(tzinfo=UTC)
        since = int(day.timestamp()) - 86_400
        return msgspec.json.encode({"customer": paid.customer, "since": since, "amount": paid.amount, **forms})

    def before(self, sent: Sent) -> tuple[float | None, Mapping[str, Any]]:
        """Nothing: the keys make it one invoice."""
        return None, {}

    def send(self, sent: Sent, until: Until) -> Twin:
        """Go on with the invoice from where it stands."""
        forms = _payload(sent.payload)
        own = [one for one in self._own(sent)[0] if one.status in ("draft", "open")] if sent.attempt > 1 else []
        invoice = own[0] if own else self._post("/v1/invoices", forms.invoice, sent, "invoice", until)
        try:
            return self._finish(invoice, forms, sent, until)
        except (NotSent, Misconfigured, Refused) as error:
            if sent.attempt > 1:
                raise
            # Of the call alone nothing came; but the invoice is there.
            begun = f"Stripe's invoice {invoice.id} is begun and not finished: {error}"
            raise (Unclear if isinstance(error, Refused) else TryLater)(begun) from None

    def find(self, sent: Sent) -> Look:
        """The customer's invoices with the mark in their metadata that are not under way any more."""
        found, told = self._own(sent)
        return Look([_twin(one) for one in found if one.status not in ("draft", "open")], told)

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def _finish(self, invoice: Invoice, forms: Payload, sent: Sent, until: Until) -> Twin:
        where = f"/v1/invoices/{invoice.id}"
        if invoice.status == "draft" and invoice.total == 0:
            form = f"{forms.item}&{urlencode({'invoice': invoice.id})}"
            self._call("/v1/invoiceitems", form, sent, "item", until)
        if invoice.status == "draft":
            invoice = self._post(f"{where}/finalize", "auto_advance=false", sent, "finalize", until)
        if invoice.total != forms.amount:
            raise Unclear(f"Stripe's invoice {invoice.id} does not come to what was paid; look at it")
        if invoice.status == "open":
            invoice = self._post(f"{where}/pay", "paid_out_of_band=true", sent, "pay", until)
        return _twin(invoice)

    def _own(self, sent: Sent) -> tuple[list[Invoice], float | None]:
        """Oldest first."""
        pages = list(self._pages(_payload(sent.payload)))
        own = [one for _, page in pages for one in page if one.metadata.get("accord") == sent.mark]
        return own[::-1], pages[0][0]

    def _pages(self, forms: Payload) -> Iterator[tuple[float | None, list[Invoice]]]:
        asked = [("customer", forms.customer), ("created[gte]", str(forms.since)), ("limit", str(_PAGE))]
        after: list[tuple[str, str]] = []
        while True:
            answer = self._transport.get("/v1/invoices", [*asked, *after], endpoint="/v1/invoices")
            try:
                page = _invoices(answer.body)
            except UNREADABLE:
                raise TryLater("Stripe's list of invoices can not be read") from None
            yield date_of(answer), page.data
            if not page.has_more or not page.data:
                return
            after = [("starting_after", page.data[-1].id)]

    def _post(self, path: str, form: str, sent: Sent, name: str, until: Until) -> Invoice:
        body = self._call(path, form, sent, name, until)
        try:
            return _invoice(body)
        except UNREADABLE:
            raise TryLater(f"Stripe's answer to POST {path} can not be read") from None

    def _call(self, path: str, form: str, sent: Sent, name: str, until: Until) -> bytes:
        return self._transport.post(
            path,
            form.encode(),
            content_type="application/x-www-form-urlencoded",
            endpoint="/v1/invoices",
            headers={"Idempotency-Key": f"{sent.mark}-{name}"},
            until=until,
        ).body


def _twin(invoice: Invoice) -> Twin:
    return Twin(invoice.id, None, invoice.number)
