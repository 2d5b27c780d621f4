"""The customer portal's page in a browser that runs no JavaScript: what customers see of their invoices."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page
from sqlalchemy import create_engine

from accord.clock import SystemClock
from accord.documents import Origin, Party, State
from accord.records import Kind
from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.portal.invoices import of_database, of_store
from accord.sandbox.serve import served
from accord.systems.portal import Portal

AS_OF = 1_795_651_200  # 2026-11-26 00:00 UTC
MILL = Party(name="Moara <b>de</b> Probă & fiii SRL", vat_id="RO 90000025")
UNKNOWN_CURRENCY = {"currency": None, "origins": {"total": Origin.API, "currency": Origin.UNKNOWN}}


def documents(shops: ModuleType, pdf: str) -> list[Any]:
    """What one customer was sent: each sort of what can be known and unknown."""
    return [
        shops.document(pdf, 1, series="ACC", state=State.PARTLY_PAID, paid=2_100, client=MILL),
        shops.document("d_2", 2, state=State.ISSUED, client=MILL, **UNKNOWN_CURRENCY),
        shops.document("d_3", 3, state=State.UNKNOWN, paid=None, due_on=None, client=MILL),
        shops.document("d_4", 4, state=State.PAID, currency="EUR", client=MILL, origins={"total": Origin.PDF}),
        shops.document("d_5", 5, state=State.STORNO, total=-12_100, client=Party(name=MILL.name, vat_id="90000025")),
        shops.document("d_6", 6, state=State.ISSUED, total=None, paid=None, number=None, client=MILL),
        shops.document("d_7", 7, deleted=True, client=MILL),
        shops.document("d_8", 8, client=Party(name="Alt Client SRL")),
        shops.document("d_9", 9, client=None),
        shops.document("d_10", 10, client=Party(name="Ana Popa", vat_id="-")),
        shops.document("d_11", 11, client=Party(name="Ion Popa", vat_id="0000000000000")),
        shops.document("d_12", 12, client=Party(name="Ilie Popa", vat_id="0000000000000")),
    ]


@pytest.fixture
def sandbox() -> Sandbox:
    return build(payments=20)


@pytest.fixture
def pdf(sandbox: Sandbox) -> str:
    """The key of a document that the sandbox's Oblio has."""
    return next(key for company in sandbox.oblio.store.companies.values() for key in company.documents)


@pytest.fixture(params=["the API", "a database"])
def url(request: pytest.FixtureRequest, sandbox: Sandbox, shops: ModuleType, pdf: str, tmp_path: Path) -> Iterator[str]:
    """The portal's page over the same documents, which came through its API or into its database."""
    sent = documents(shops, pdf)
    if request.param == "the API":
        for rev, document in enumerate(sent, 1):
            plain = msgspec.to_builtins(document)
            sandbox.portal.store.put("oblio/main", document.key, rev, plain)
        sandbox.portal.store.agree("oblio/main", AS_OF)
    else:
        sandbox.portal.database = tmp_path / "portal.db"
        engine = create_engine(f"sqlite:///{sandbox.portal.database}")
        portal = Portal(engine, SystemClock())
        portal.create_tables()
        portal.write("oblio/main", Kind.DOCUMENT, list(enumerate(sent, 1)))
        portal.agreed("oblio/main", AS_OF)
        portal.close()
    with served(application(sandbox)) as base:
        yield f"{base}/portal/"


def rows(page: Page) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]


def test_a_customer_picks_himself_and_sees_his_invoices(page: Page, url: str) -> None:
    page.goto(url)
    people = ["Ana Popa", "Ilie Popa", "Ion Popa"]
    assert [row[0] for row in rows(page)] == ["Alt Client SRL", *people, MILL.name, "Unknown client"]
    page.get_by_role("link", name=MILL.name).click()
    assert page.get_by_role("heading", level=1).inner_text() == MILL.name
    assert page.get_by_text("smallest units of an unknown currency").count() == 3
    shown = {row[0].split("\n")[0]: [cell.split("\n")[0] for cell in row[1:]] for row in rows(page)}
    assert shown == {
        "ACC 0001": ["oblio/main", "2026-11-02", "2026-12-02", "partly paid", "121.00\xa0RON", "100.00\xa0RON", "PDF"],
        "ACC 0002": [
            "oblio/main", "2026-11-02", "2026-12-02", "issued",
            "12,100", "12,100", "none",
        ],
        "ACC 0003": ["oblio/main", "2026-11-02", "unknown", "unknown", "121.00\xa0RON", "unknown", "none"],
        "ACC 0004": ["oblio/main", "2026-11-02", "2026-12-02", "paid", "121.00\xa0EUR", "0.00\xa0EUR", "none"],
        "ACC 0005": ["oblio/main", "2026-11-02", "2026-12-02", "storno", "−121.00\xa0RON", "0.00\xa0RON", "none"],
        "unknown": ["oblio/main", "2026-11-02", "2026-12-02", "issued", "unknown", "unknown", "none"],
    }  # fmt: skip
    due = page.locator("#due").inner_text()
    assert "100.00\xa0RON, 12,100 smallest units of an unknown currency" in due
    assert "Of 2 invoices it is not known what is due." in due
    assert page.locator("#as-of").inner_text() == "oblio/main: 26 Nov 2026, 02:00 EET"


def test_the_pdf_of_an_invoice_can_be_had(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("link", name=MILL.name).click()
    link = page.get_by_role("link", name="PDF").get_attribute("href")
    answer = page.request.get(url + str(link))
    assert (answer.status, answer.headers["content-type"], answer.body()[:5]) == (200, "application/pdf", b"%PDF-")
    assert page.request.get(f"{url}pdf?connection=oblio/main&key=none").status == 404


def test_nothing_that_a_document_holds_becomes_part_of_the_page(page: Page, url: str) -> None:
    page.goto(url)
    assert page.locator("td b").count() == 0
    page.get_by_role("link", name=MILL.name).click()
    assert page.locator("h1 b").count() == 0


def test_customers_without_invoices_and_other_addresses_are_not_found(page: Page, url: str) -> None:
    for address in ("customer", "customer?who=nobody", "elsewhere", "customer?who[a]=b&who=c"):
        answer = page.request.get(url + address)
        assert (answer.status, "Not found" in answer.text()) == (404, True)
    assert page.request.post(url).status == 405


def test_the_page_fits_a_telephone(page: Page, url: str) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    page.goto(url)
    page.get_by_role("link", name=MILL.name).click()
    body = page.locator("body").bounding_box()
    assert body is not None
    assert body["width"] <= 375


def test_an_origin_that_is_not_the_service_s_own_word_is_told(page: Page, sandbox: Sandbox, shops: ModuleType) -> None:
    document = msgspec.to_builtins(shops.document("d_4", origins={"total": Origin.PDF}))
    sandbox.portal.store.put("smartbill/main", "d_4", 1, document)
    with served(application(sandbox)) as base:
        page.goto(f"{base}/portal/")
        page.get_by_role("link", name="Client of d_4").click()
        assert rows(page)[0][5] == "121.00\xa0RON\nread from the PDF"
        assert page.locator("#as-of").inner_text() == "smartbill/main: not known to be complete yet"


def test_a_portal_without_documents_says_so(page: Page, sandbox: Sandbox, tmp_path: Path) -> None:
    with served(application(sandbox)) as base:
        page.goto(f"{base}/portal/")
        assert page.get_by_role("status").inner_text() == "No invoices are shown here yet."
        sandbox.portal.database = tmp_path / "not yet.db"
        page.goto(f"{base}/portal/")
        assert "is no portal database, or not yet" in page.get_by_role("status").inner_text()


def test_both_ways_show_the_same(sandbox: Sandbox, shops: ModuleType, pdf: str, url: str) -> None:
    """The API's documents and the database's view come to the same invoices, but for where a value was found."""
    kept = of_store(sandbox.portal.store) if sandbox.portal.database is None else of_database(sandbox.portal.database)
    expected = [document for document in documents(shops, pdf) if not document.deleted]
    assert sorted(one.key for one in kept.invoices) == sorted(document.key for document in expected)
    by_key = {one.key: one for one in kept.invoices}
    for document in expected:
        shown = by_key[document.key]
        told = (shown.number, shown.client, shown.vat_id, shown.currency, shown.state, shown.total)
        client = document.client or Party(name=None)
        fields = (document.number, client.name, client.vat_id, document.currency, document.state, document.total)
        assert told == fields
