"""PDFs of Stripe's invoices and credit notes, behind links that need no key, over the real transport."""

from collections.abc import Callable

import httpx
import pytest

from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.errors import AccordError, Refused, TryLater
from accord.http import Transport
from accord.ports import Parsed
from accord.sandbox.app import Sandbox, build
from accord.sandbox.direct import Direct
from accord.systems.stripe.papers import Papers, address_of_links, classify_pdf

LINK = "https://pay.stripe.com/invoice/acct_1/test_1/pdf?s=ap"
FILE = "https://stripe-invoices.s3.us-west-2.amazonaws.com/acct_1/in_1.pdf?X-Amz-Signature=1"
PDF = httpx.Response(200, content=b"%PDF-1.7 invoice")


class NoWait(SystemClock):
    """Moves at once to the time that a wait would end at."""

    def __init__(self) -> None:
        self.waited = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


def papers(links: str, transport: httpx.BaseTransport) -> Papers:
    clock = NoWait()

    def connect(address: str) -> Transport:
        return Transport(
            base_url=address, authorize=lambda: {"Accept": "application/pdf"}, classify=classify_pdf,
            budget=Unlimited(), breaker=NeverOpen(), clock=clock, client=httpx.Client(transport=transport),
        )  # fmt: skip

    return Papers(links, connect)


def named(link: str, field: str = "invoice_pdf") -> Parsed:
    return Parsed("in_1", f'{{"id":"in_1","{field}":"{link}"}}'.encode(), None, None)


class Web:
    """Answers by address, and what was asked."""

    def __init__(self, **answers: httpx.Response) -> None:
        self.answers, self.asked = answers, list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        return self.answers[request.url.host.partition(".")[0].replace("-", "_")]

    def pdf(self, one: Parsed) -> bytes:
        return papers(address_of_links("https://api.stripe.com"), httpx.MockTransport(self)).pdf(one)


@pytest.mark.parametrize("field", ["invoice_pdf", "pdf"])
def test_a_link_is_followed_to_where_stripe_keeps_the_file_and_no_key_goes_along(field: str) -> None:
    web = Web(pay=httpx.Response(302, headers={"location": FILE}), stripe_invoices=PDF)
    assert web.pdf(named(LINK, field)) == PDF.content
    assert [str(one.url) for one in web.asked] == [LINK, FILE]
    assert all("authorization" not in one.headers for one in web.asked)


@pytest.mark.parametrize(
    ("location", "where"),
    [
        ("https://elsewhere.example.test/1.pdf", "elsewhere.example.test"),
        ("https://s3.amazonaws.com.example.test/1.pdf", "s3.amazonaws.com.example.test"),
        ("https://169.254.169.254/latest", "169.254.169.254"),
        ("http://files.stripe.com/1.pdf", "files.stripe.com"),
        ("https://files.stripe.com:8443/1.pdf", "files.stripe.com"),
        ("https://me@elsewhere.example.test", "elsewhere.example.test"),
    ],
)
def test_it_is_not_followed_to_elsewhere(location: str, where: str) -> None:
    web = Web(pay=httpx.Response(302, headers={"location": location}))
    with pytest.raises(Refused, match=f"leads to {where}, where Stripe keeps no files"):
        web.pdf(named(LINK))
    assert len(web.asked) == 1


def test_it_is_followed_once() -> None:
    web = Web(pay=httpx.Response(302, headers={"location": LINK}))
    with pytest.raises(Refused, match="redirects"):
        web.pdf(named(LINK))
    assert len(web.asked) == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(200, text="<html>no PDF</html>"), Refused),
        (httpx.Response(200, content=b"%PDF-" + bytes(10_000_000)), Refused),
        (httpx.Response(404), Refused),
        (httpx.Response(403), Refused),
        (httpx.Response(503), TryLater),
    ],
)
def test_what_is_no_pdf_is_not_kept(answer: httpx.Response, error: type[AccordError]) -> None:
    with pytest.raises(error):
        Web(pay=answer).pdf(named(LINK))


@pytest.mark.parametrize(
    "one", [named("https://elsewhere.example.test/1.pdf"), Parsed("in_1", b'{"id":"in_1"}', None, None)]
)
def test_a_link_to_elsewhere_or_none_is_refused(one: Parsed) -> None:
    web = Web()
    with pytest.raises(Refused, match=r"elsewhere\.example\.test, which is not one of its own|no link"):
        web.pdf(one)
    assert web.asked == []


@pytest.fixture
def sandbox() -> Sandbox:
    return build(now=lambda: 1_790_000_000.0, payments=160)


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/credit_notes"])
def test_the_sandbox_prints_what_it_issued(sandbox: Sandbox, path: str) -> None:
    http = httpx.Client(transport=Direct(sandbox), base_url="http://sandbox.test/stripe")
    fetch: Callable[[Parsed], bytes] = papers("http://sandbox.test/stripe", Direct(sandbox)).pdf
    asked = http.get(path, headers={"authorization": "Bearer sk_test_sandbox_full"}, params={"limit": 100})
    rows = [row for row in asked.json()["data"] if row.get("number")]
    assert rows
    for row in rows:
        assert fetch(named(row.get("invoice_pdf") or row["pdf"])).startswith(b"%PDF-")
    sandbox.stripe.faults.add({"kind": "redirect", "path": "/pay", "rate": 1})
    with pytest.raises(Refused, match=r"leads to elsewhere\.example\.test"):
        fetch(named(rows[0].get("invoice_pdf") or rows[0]["pdf"]))
