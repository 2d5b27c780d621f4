"""From payment status, PDF and export to a document: what each may say, and what it must not."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from accord.documents import Document, Origin, Party, State
from accord.errors import Refused
from accord.sandbox.app import build
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.export import export
from accord.sandbox.smartbill.paper import printed
from accord.systems.smartbill import SmartBill
from accord.systems.smartbill import export as exports
from accord.systems.smartbill.export import Row
from accord.systems.smartbill.pdf import Paper, PaperLine, parse, text
from accord.systems.smartbill.shapes import Status
from accord.systems.smartbill.translate import Shown, Unsound, document, key, named, tombstone
from accord.systems.smartbill.walk import Found, history

STATUS = Status(Decimal("847"), Decimal("200"), Decimal("647"), False)
PAPER = Paper(
    series="WEB",
    number="0042",
    issued_on="2026-09-03",
    due_on="2026-09-18",
    issuer=Party(name="Atelierul SRL", vat_id="RO90000017"),
    client=Party(name="Moara SRL", vat_id="RO90000025"),
    currency="RON",
    exchange_rate=None,
    net=Decimal("700.00"),
    vat=Decimal("147.00"),
    total=Decimal("847.00"),
    lines=(PaperLine("Mentenanță", "buc", "2", "350.00", "21", Decimal("700.00"), Decimal("147.00")),),
    mentions="Ref. ord-1",
    cancelled=False,
    storno=False,
    reverses=None,
)
ROW = Row(
    series="WEB",
    number="0042",
    issued_on="2026-09-03",
    due_on=None,
    client=Party(name="MOARA SRL", vat_id="90000025"),
    currency="RON",
    net=None,
    vat=None,
    total=Decimal("847"),
    state=State.ISSUED,
)


def made(status: Status | None = STATUS, paper: Paper | None = PAPER, row: Row | None = None) -> Document:
    return document(Shown("WEB", "0042", CIF, status, paper, row), 1)


def paper(**changed: Any) -> Paper:
    return msgspec.structs.replace(PAPER, **changed)


def exported(**changed: Any) -> Row:
    return msgspec.structs.replace(ROW, **changed)


def status(total: str, paid: str = "0") -> Status:
    left = Decimal(total) - Decimal(paid)
    return Status(Decimal(total), Decimal(paid), left, left == 0)


def test_from_payment_status_and_pdf() -> None:
    found = made()
    assert (found.key, found.position, found.series, found.number) == ("WEB/42/1", 42, "WEB", "0042")
    assert (found.total, found.paid, found.net, found.vat, found.currency) == (84_700, 20_000, 70_000, 14_700, "RON")
    assert (found.state, found.issued_on, found.due_on) == (State.PARTLY_PAID, "2026-09-03", "2026-09-18")
    assert found.lines is not None
    assert [(line.total, line.vat_rate, line.vat_included) for line in found.lines] == [(84_700, "21", False)]
    assert found.mentions == "Ref. ord-1"
    by = {origin: {name for name, one in found.origins.items() if one is origin} for origin in Origin}
    assert by[Origin.API] == {"series", "number", "total", "paid", "state"}
    assert by[Origin.PDF] == {
        "client",
        "issuer",
        "currency",
        "issued_on",
        "due_on",
        "net",
        "vat",
        "lines",
        "mentions",
    }
    assert by[Origin.UNKNOWN] == {"exchange_rate", "reverses", "einvoice"}


def test_every_field_has_an_origin_and_unknown_ones_are_none() -> None:
    for found in (made(), made(paper=None), made(row=ROW), made(status=None, row=ROW)):
        fields = set(Document.__struct_fields__) - {"key", "position", "origins", "pdf", "deleted"}
        assert set(found.origins) == fields
        for name in fields - {"state"}:
            assert (getattr(found, name) is None) == (found.origins[name] is Origin.UNKNOWN), name


def test_the_export_stands_above_the_pdf() -> None:
    found = made(row=exported(due_on="2026-10-01"))
    assert (found.client, found.origins["client"]) == (ROW.client, Origin.EXPORT)
    assert (found.due_on, found.origins["due_on"]) == ("2026-10-01", Origin.EXPORT)
    assert (found.mentions, found.origins["mentions"]) == ("Ref. ord-1", Origin.PDF)


def test_a_currency_that_nobody_tells_is_none_and_so_are_amounts() -> None:
    found = made(paper=paper(currency=None))
    assert (found.currency, found.total, found.paid, found.net, found.lines) == (None,) * 5
    assert found.origins["currency"] is Origin.UNKNOWN
    assert found.state is State.PARTLY_PAID
    assert made(paper=None).currency is None


def test_the_currency_of_a_euro_invoice_by_pdf_and_by_export() -> None:
    assert made(paper=paper(currency="EUR", exchange_rate="4.9770")).exchange_rate == "4.9770"
    assert made(paper=None, row=exported(currency="EUR")).currency == "EUR"
    assert made(paper=paper(currency=None), row=exported(currency="EUR")).total == 84_700


def test_yen_have_no_decimals() -> None:
    assert made(paper=paper(currency="JPY", lines=None)).total == 847


@pytest.mark.parametrize(
    ("shown", "row", "state", "origin"),
    [
        (status("847"), None, State.ISSUED, Origin.PDF),
        (status("847", "847"), None, State.PAID, Origin.API),
        (status("847", "1"), None, State.PARTLY_PAID, Origin.API),
        (status("847"), exported(state=State.CANCELLED), State.CANCELLED, Origin.EXPORT),
        (status("847", "1"), exported(state=State.CANCELLED), State.PARTLY_PAID, Origin.API),  # restored since
        (status("847"), exported(state=State.REVERSED), State.REVERSED, Origin.EXPORT),
        (status("847"), exported(state=State.PAID), State.ISSUED, Origin.EXPORT),  # a payment was taken back since
        (status("847", "847"), exported(state=State.UNKNOWN), State.PAID, Origin.API),
        (status("847"), exported(state=State.UNKNOWN), State.ISSUED, Origin.PDF),
        (None, exported(state=State.PAID), State.PAID, Origin.EXPORT),
    ],
)
def test_where_it_stands(shown: Status | None, row: Row | None, state: State, origin: Origin) -> None:
    found = made(status=shown, row=row)
    assert (found.state, found.origins["state"]) == (state, origin)


def test_an_open_invoice_without_pdf_and_export_may_be_cancelled() -> None:
    found = made(status=status("847"), paper=None)
    assert (found.state, found.origins["state"]) == (State.UNKNOWN, Origin.UNKNOWN)
    assert made(status=status("847"), paper=paper(cancelled=True)).state is State.CANCELLED


def test_a_storno_names_what_it_takes_back() -> None:
    minus = paper(net=Decimal(-700), vat=Decimal(-147), total=Decimal(-847), lines=None, reverses=("WEB", "0041"))
    found = made(status=status("-847"), paper=minus)
    assert (found.state, found.total, found.reverses) == (State.STORNO, -84_700, "WEB 0041")
    assert made(status=status("-847"), paper=None).state is State.STORNO


@pytest.mark.parametrize(
    "row",
    [exported(total=Decimal(900)), exported(issued_on="2026-01-01"), exported(client=Party(name="X", vat_id="1"))],
)
def test_a_line_of_an_invoice_that_stood_there_before_is_left_out(row: Row) -> None:
    found = made(row=msgspec.structs.replace(row, state=State.CANCELLED))
    assert found.state is State.PARTLY_PAID
    assert Origin.EXPORT not in found.origins.values()


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"paper": paper(number="0043")}, "the PDF is of another number - at `number`"),
        ({"paper": paper(series="EXP")}, "the PDF is of another number - at `number`"),
        ({"paper": paper(issuer=Party(name="Z", vat_id="RO1"))}, "the PDF is of another company - at `issuer`"),
        ({"paper": paper(total=Decimal(848))}, "the PDF's total is not the payment status' - at `total`"),
        ({"paper": paper(net=Decimal(1))}, "net and VAT do not come to the total - at `net`"),
        ({"paper": paper(currency="XDR")}, "the smallest unit of its currency is not known - at `currency`"),
        ({"status": status("847", "0.005")}, "an amount has more decimals than its currency - at `paid`"),
        ({"row": exported(currency="EUR")}, "the export and the PDF name two currencies - at `currency`"),
        ({"status": None}, "neither the API nor the export tells of it"),
    ],
)
def test_what_does_not_fit_together_says_why_without_values(given: dict[str, Any], why: str) -> None:
    with pytest.raises(Unsound) as caught:
        made(**given)
    assert str(caught.value) == why


def test_the_key_grows_with_the_generation_and_not_with_zeros() -> None:
    assert key("AB-2", 1001, 2) == "AB-2/1001/2"
    assert named("A/B/1001/2") == ("A/B", 1001, 2)
    with pytest.raises(Refused, match="none of a SmartBill invoice"):
        named("in_123")
    gone = tombstone("WEB", 42, 1)
    assert (gone.key, gone.deleted, gone.total, gone.state) == ("WEB/42/1", True, None, State.UNKNOWN)


def test_reprs_tell_nothing() -> None:
    assert repr(Shown("WEB", "0042", CIF, STATUS, PAPER, ROW)) == "<Shown WEB0042>"
    assert repr(made()) == "<document WEB/42/1>"


def shown(account: Any, client: SmartBill, number: str, series: str = "WEB") -> Document:
    found, body = client.status(series, number), client.pdf(series, number)
    assert body is not None
    return document(Shown(series, number, CIF, found, parse(text(body)), None), 1)


def test_paid_twice_in_parts_and_cancelled_and_restored(account: Any, client: SmartBill) -> None:
    number = account.issue(100)
    states = [shown(account, client, number)]
    for value in (20, 30):
        account.pay(number, value)
        states.append(shown(account, client, number))
    assert [(one.state.value, one.paid, one.total) for one in states] == [
        ("issued", 0, 12_100),
        ("partly paid", 2_000, 12_100),
        ("partly paid", 5_000, 12_100),
    ]
    other = account.issue(100)
    account.change("PUT", "/invoice/cancel", seriesname="WEB", number=other)
    assert shown(account, client, other).state is State.CANCELLED
    account.change("PUT", "/invoice/restore", seriesname="WEB", number=other)
    assert shown(account, client, other).state is State.ISSUED


def test_a_storno_of_a_19_percent_invoice_after_august_2025(account: Any, client: SmartBill) -> None:
    old = {"name": "Carte", "measuringUnitName": "buc", "quantity": 2, "price": 50}
    rate = {"taxName": "Normala veche", "taxPercentage": 19}
    account.issue(products=[old | rate], issueDate="2025-07-30")
    account.post("/invoice/reverse", seriesName="WEB", number="0001", issueDate="2025-09-02")
    found = shown(account, client, "0002")
    assert (found.state, found.total, found.reverses, found.issued_on) == (
        State.STORNO,
        -11_900,
        "WEB 0001",
        "2025-09-02",
    )
    assert found.lines is not None
    assert [(line.vat_rate, line.quantity, line.total) for line in found.lines] == [("19", "-2", -11_900)]


def test_a_euro_invoice(account: Any, client: SmartBill) -> None:
    number = account.issue(100, "EXP", currency="EUR")
    found = shown(account, client, number, "EXP")
    assert (found.currency, found.total, found.exchange_rate) == ("EUR", 12_100, "4.9770")


def test_the_sandboxes_two_years_with_pdf_and_export(new_client: Callable[..., SmartBill], account: Any) -> None:
    company = build(now=account.clock.now, payments=1).smartbill.company
    account.smartbill.company.load(company.dump())
    client = new_client(per_second=1_000.0)
    rows = {(row.series, row.number): row for row in exports.read(export(company), list(company.series)).rows}
    found = 0
    for series in client.series():
        for step in history(client, series, series.next_number, None):
            if not isinstance(step, Found):
                continue
            truth = company.find("f", series.name, step.written)
            assert truth is not None
            assert step.text == text(printed(company, truth))
            row = rows[series.name, step.written]
            made = document(Shown(series.name, step.written, CIF, step.status, step.paper, row), 1)
            assert made.total == int(Decimal(truth["total"]) * 100)
            assert made.paid == int(Decimal(truth["paid"]) * 100)
            assert (made.currency, made.issued_on, made.due_on) == (truth["currency"], truth["issued"], truth["due"])
            assert made.client is not None
            assert made.client.name == truth["client"]["name"]
            assert (made.state is State.CANCELLED) == truth["cancelled"]
            assert (made.state is State.REVERSED) == (truth["reversed"] and not truth["reverses"])
            found += 1
    assert found == len(company.of_type("f"))
