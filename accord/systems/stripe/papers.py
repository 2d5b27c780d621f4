"""The PDFs of Stripe's invoices and credit notes, behind the public links that the objects carry."""

import re
from collections.abc import Callable
from contextlib import closing

import httpx
import msgspec

from accord.errors import Redirected, Refused
from accord.http import Response, Transport
from accord.ports import Parsed
from accord.systems.answers import UNREADABLE, Shape
from accord.systems.stripe.errors import classify

API, LINKS = "api.stripe.com", "https://pay.stripe.com"

# Where Stripe keeps the files, as its links have led since 2021 (github.com/dunglas/stripe-invoice-exporter/pull/1).
_FILES = re.compile(r"[a-z0-9-]+\.stripe\.com|([a-z0-9.-]+\.)?s3([.-][a-z0-9-]+)*\.amazonaws\.com")


class _Linked(Shape, gc=False):
    invoice_pdf: str | None = None  # of an invoice
    pdf: str | None = None  # of a credit note


_linked = msgspec.json.Decoder(_Linked).decode


def address_of_links(base_url: str) -> str:
    """What links to PDFs begin with, by the address of the API: Stripe's have a host of their own."""
    return LINKS if httpx.URL(base_url).host == API else base_url


class Papers:
    """Asks without the key, which these links need not and must not get, and follows them to one file each."""

    def __init__(self, links: str, connect: Callable[[str], Transport]) -> None:
        """`connect` gives a transport to an address, which sends no credential."""
        self._own, self._connect = httpx.URL(links), connect
        self._links = connect(links)

    def pdf(self, one: Parsed) -> bytes:
        """The PDF of an object that was just fetched: its link expires. Raises Refused where there is none."""
        try:
            found = _linked(one.raw)
        except UNREADABLE:
            found = _Linked()
        link = found.invoice_pdf or found.pdf
        if link is None:
            raise Refused("Stripe gives no link to its PDF")
        try:
            body = self._links.get(link, endpoint="pdf").body
        except Redirected as error:
            body = self._file(error.location)
        if not body.startswith(b"%PDF-"):
            raise Refused("what Stripe's link leads to is no PDF")
        return body

    def close(self) -> None:
        """Give the connections back."""
        self._links.close()

    def _file(self, location: str) -> bytes:
        """What a link was redirected to, on the same host or where Stripe keeps files, and encrypted."""
        url = self._own.join(location)
        own = (url.scheme, url.netloc) == (self._own.scheme, self._own.netloc)
        if not own and not (url.scheme == "https" and url.port is None and _FILES.fullmatch(url.host)):
            raise Refused(f"Stripe's link to a PDF leads to {url.host[:100] or 'nowhere'}, where Stripe keeps no files")
        with closing(self._connect(f"{url.scheme}://{url.netloc.decode('ascii')}")) as files:
            return files.get(str(url), endpoint="pdf").body


def classify_pdf(response: Response) -> Exception | None:
    """The error to raise for an answer to a link, which nobody's key can mend."""
    if response.status in (401, 403, 404, 410):
        return Refused(f"Stripe's link to a PDF was answered with {response.status}")
    return classify(response)
