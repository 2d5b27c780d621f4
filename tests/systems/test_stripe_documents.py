"""Stripe's invoices and credit notes as documents: what each field says, where it is from, and what can not be read."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accord.clock import SystemClock
from accord.documents import Document, Line, Origin, Party, State
from accord.ports import Parsed
from accord.records import Kind
from accord.systems.stripe import Stripe
from accord.systems.stripe.invoices import Invoices

FIXTURES = Path(__file__).parent.parent / "fixtures" / "stripe"
CANARIES = ("Moara", "ord-7f31", "90000022", "plati@", "quantum", "pay.example")

Change = Callable[[dict[str, Any]], object]


def load(name: str = "invoice_issued") -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_bytes())
    return data


def read(*objects: object) -> list[Parsed]:
    source = Invoices(Stripe(None, "test"), SystemClock())  # type: ignore[arg-type] - nothing is asked
    return list(
        source.records(Kind.DOCUMENT, json.dumps({"object": "list", "has_more": False, "data": objects}).encode())
    )


def document(name: str = "invoice_issued", /, **changes: object) -> Document:
    (parsed,) = read(load(name) | changes)
    assert isinstance(parsed.record, Document), parsed.unsound
    return parsed.record


def altered(change: Change, name: str = "invoice_issued") -> Document:
    raw = load(name)
    change(raw)
    return document(name, **raw)


def rate(raw: dict[str, Any], number: int = 0) -> dict[str, Any]:
    key = raw["lines"]["data"][number]["taxes"][0]["tax_rate_details"]["tax_rate"]
    found: dict[str, Any] = raw["besides"]["tax_rates"][key]
    return found


def test_all_that_an_invoice_tells() -> None:
    found = document()
    assert (found.key, found.position, found.created) == ("in_D1", 1788220700, 1788220700)
    assert (found.series, found.number, found.reverses) == (None, "MDP1-0042", None)
    assert found.issuer == Party(name="Prăvălia Exemplu SRL", vat_id="RO90000014", country="RO")
    assert found.client == Party(
        name="Moara de Probă SRL",
        vat_id="RO90000022",
        address="Str. Exemplu 4, 700001",
        city="Iași",
        county="IS",
        country="RO",
        email="plati@example.test",
    )
    assert (found.issued_on, found.due_on, found.currency) == ("2026-09-01", "2026-09-15", "RON")
    assert (found.net, found.vat, found.total, found.paid) == (11800, 2300, 14100, 4300)
    assert (found.state, found.mentions, found.einvoice) == (State.PARTLY_PAID, "Comanda ord-7f31", None)
    common = {"quantity": "2", "price": "50.00", "vat_included": False, "vat_name": "TVA", "vat_rate": "21"}
    assert found.lines == (
        Line(name="Mentenanță lunară", **common, net=10000, vat=2100, total=12100),  # type: ignore[arg-type]
        Line(
            name="Manual tipărit",
            quantity="1",
            price="20.00",
            vat_included=True,
            vat_name="TVA redusă",
            vat_rate="11",
            net=1800,
            vat=200,
            total=2000,
        ),
    )


def test_all_that_a_credit_note_tells() -> None:
    found, invoice = document("credit_note"), document()
    assert (found.key, found.position, found.state) == ("cn_D1", 1788307200, State.STORNO)
    assert (found.series, found.number, found.reverses) == (None, "MDP1-0042-CN-01", "MDP1-0042")
    assert (found.issuer, found.client) == (invoice.issuer, invoice.client)
    assert (found.issued_on, found.due_on, found.currency) == ("2026-09-02", None, "RON")
    assert (found.net, found.vat, found.total, found.paid) == (-5000, -1050, -6050, None)
    assert found.mentions == "O lună mai puțin"
    assert found.lines is not None
    (line,) = found.lines
    assert (line.quantity, line.price, line.vat_rate) == ("-1", "50.00", "21")
    assert (line.net, line.vat, line.total) == (-5000, -1050, -6050)


@pytest.mark.parametrize("name", ["invoice_issued", "credit_note"])
def test_where_each_field_is_from(name: str) -> None:
    found = document(name)
    assert found.origins.keys() == set(Document.__struct_fields__) - {"key", "position", "origins", "pdf", "deleted"}
    computed = {"issued_on", "vat"} | ({"due_on", "paid", "state"} if name == "invoice_issued" else set())
    for field, origin in found.origins.items():
        assert (getattr(found, field) is None) == (origin is Origin.UNKNOWN), field
        assert (origin is Origin.COMPUTED) == (field in computed), field


@pytest.mark.parametrize(
    ("changes", "state", "paid"),
    [
        ({"status": "draft", "amount_paid": 0, "amount_remaining": 14100, "number": None}, State.DRAFT, 0),
        ({"amount_paid": 0, "amount_remaining": 14100}, State.ISSUED, 0),
        ({}, State.PARTLY_PAID, 4300),
        # What a credit note took off before payment is not asked for any more.
        (
            {"amount_paid": 0, "amount_remaining": 8050, "pre_payment_credit_notes_amount": 6050},
            State.PARTLY_PAID,
            6050,
        ),
        ({"status": "paid", "amount_paid": 14100, "amount_remaining": 0}, State.PAID, 14100),
        # Of a customer's balance some was taken.
        ({"status": "paid", "amount_paid": 10000, "amount_remaining": 0, "starting_balance": -4100}, State.PAID, 14100),
        ({"status": "void"}, State.CANCELLED, 4300),
        ({"status": "uncollectible", "amount_paid": 0, "amount_remaining": 14100}, State.ISSUED, 0),
        ({"status": "uncollectible"}, State.PARTLY_PAID, 4300),
        ({"status": "paid", "amount_remaining": 0, "post_payment_credit_notes_amount": 14100}, State.REVERSED, 14100),
        ({"status": "paid", "amount_remaining": 0, "post_payment_credit_notes_amount": 14099}, State.PAID, 14100),
        ({"status": None}, State.UNKNOWN, 4300),
    ],
)
def test_where_an_invoice_stands(changes: dict[str, Any], state: State, paid: int) -> None:
    found = document(**changes)
    assert (found.state, found.paid) == (state, paid)


def test_a_voided_credit_note_is_cancelled() -> None:
    assert document("credit_note", status="void").state is State.CANCELLED


def test_a_draft_is_not_issued_yet() -> None:
    found = document(status="draft", number=None, effective_at=None)
    assert (found.number, found.issued_on, found.origins["issued_on"]) == (None, None, Origin.UNKNOWN)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Bucharest", "2026-09-01"),
        ("America/New_York", "2026-08-31"),
        (None, "2026-08-31"),
        ("No/Where", "2026-08-31"),
    ],
)
def test_days_are_those_of_the_accounts_calendar(zone: str | None, day: str) -> None:
    """Half past midnight in Bucharest."""
    found = altered(lambda raw: raw["besides"].update(time_zone=zone) or raw.update(effective_at=1788211800))
    assert found.issued_on == day


@pytest.mark.parametrize(
    ("changes", "day"),
    [
        ({"effective_at": None}, "2026-09-01"),
        ({"effective_at": None, "status_transitions": {"finalized_at": None}}, None),
    ],
)
def test_the_day_of_issue_is_that_of_finalization_unless_another_is_given(
    changes: dict[str, Any], day: str | None
) -> None:
    assert document(**changes).issued_on == day


@pytest.mark.parametrize(
    ("currency", "price", "shown"),
    [("jpy", "5000", "5000"), ("kwd", "5000", "5.000"), ("ron", "0.5", "0.005"), ("isk", "5000", "50.00")],
)
def test_prices_are_in_the_currencys_own_unit(currency: str, price: str, shown: str) -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["currency"] = currency
        raw["lines"]["data"][0]["pricing"]["unit_amount_decimal"] = price

    found = altered(change)
    assert found.lines is not None
    assert (found.currency, found.lines[0].price, found.total) == (currency.upper(), shown, 14100)


def test_discounts_and_credits_come_off_a_line_before_taxes() -> None:
    def change(raw: dict[str, Any]) -> None:
        line = raw["lines"]["data"][0]
        line["amount"] = 13000
        line["discount_amounts"] = [{"amount": 2000, "discount": "di_1"}]
        line["pretax_credit_amounts"] = [
            {"amount": 2000, "discount": "di_1", "type": "discount"},
            {"amount": 1000, "credit_balance_transaction": "cbtxn_1", "type": "credit_balance_transaction"},
        ]

    found = altered(change)
    assert found.lines is not None
    assert (found.lines[0].net, found.lines[0].vat, found.lines[0].total) == (10000, 2100, 12100)


def test_shipping_is_a_line() -> None:
    def change(raw: dict[str, Any]) -> None:
        cost = {"amount_subtotal": 1000, "amount_tax": 210, "amount_total": 1210, "shipping_rate": "shr_1"}
        raw["shipping_cost"] = cost | {"taxes": [{"amount": 210, "rate": rate(raw), "taxable_amount": 1000}]}
        raw["total"] += 1210

    found = altered(change)
    assert found.lines is not None
    shipped = Line(name="Shipping", quantity="1", vat_name="TVA", vat_rate="21", net=1000, vat=210, total=1210)
    assert found.lines[-1] == shipped


def test_lines_that_do_not_add_up_have_no_amounts() -> None:
    found = document(total=20000)
    assert found.lines is not None
    assert {(line.net, line.vat, line.total) for line in found.lines} == {(None, None, None)}
    assert [line.name for line in found.lines] == ["Mentenanță lunară", "Manual tipărit"]


@pytest.mark.parametrize("name", ["invoice_issued", "credit_note"])
@pytest.mark.parametrize("lines", [{"has_more": True}, {"data": []}], ids=["more than are known", "none"])
def test_lines_that_are_not_all_known_are_not_shown(name: str, lines: dict[str, Any]) -> None:
    found = altered(lambda raw: raw["lines"].update(lines), name)
    assert (found.lines, found.origins["lines"]) == (None, Origin.UNKNOWN)


def test_nothing_told_of_tax_is_nothing_known_of_it() -> None:
    def change(raw: dict[str, Any]) -> None:
        raw["total_excluding_tax"] = None
        raw["besides"]["tax_rates"] = {}

    found = altered(change)
    assert (found.net, found.vat, found.origins["vat"]) == (None, None, Origin.UNKNOWN)
    assert found.lines is not None
    assert {(line.vat_name, line.vat_rate) for line in found.lines} == {(None, None)}


@pytest.mark.parametrize(
    ("fields", "percent"),
    [
        ({"percentage": 8.875}, "8.875"),
        ({"percentage": 100}, "100"),
        ({"percentage": 0}, "0"),
        ({"effective_percentage": 0}, "0"),
        ({"effective_percentage": 9.5}, "9.5"),
        ({"rate_type": "flat_amount"}, None),
        ({"rate_type": None}, "21"),
    ],
)
def test_a_rate_is_in_percent_as_it_was_applied(fields: dict[str, Any], percent: str | None) -> None:
    found = altered(lambda raw: rate(raw).update(fields))
    assert found.lines is not None
    assert found.lines[0].vat_rate == percent
    assert percent is None or Decimal(percent) >= 0


def test_several_taxes_on_one_line_are_named_and_have_no_rate() -> None:
    def change(raw: dict[str, Any]) -> None:
        first, second = raw["lines"]["data"]
        first["taxes"] = [*first["taxes"], second["taxes"][0] | {"tax_behavior": "exclusive", "amount": 0}]

    found = altered(change)
    assert found.lines is not None
    assert (found.lines[0].vat_name, found.lines[0].vat_rate, found.lines[0].total) == ("TVA + TVA redusă", None, 12100)


@pytest.mark.parametrize(
    ("ids", "vat_id"),
    [
        ([], None),
        (None, None),
        ([{"type": "us_ein", "value": "12-3456789"}], "12-3456789"),
        ([{"type": "gb_vat", "value": None}, {"type": "eu_vat", "value": "DE136695976"}], "DE136695976"),
    ],
)
def test_the_clients_vat_id_is_the_one_that_stripe_shows(ids: list[dict[str, Any]] | None, vat_id: str | None) -> None:
    found = document(customer_tax_ids=ids)
    assert found.client is not None
    assert found.client.vat_id == vat_id


def test_nobody_is_no_party() -> None:
    nobody = dict.fromkeys(("customer_name", "customer_email", "customer_address", "customer_tax_ids"))
    found = document(**nobody, account_name=None, account_country=None, account_tax_ids=None)
    assert (found.client, found.issuer) == (None, None)
    assert (found.origins["client"], found.origins["issuer"]) == (Origin.UNKNOWN, Origin.UNKNOWN)


def test_a_tax_id_of_the_issuer_that_was_not_expanded_is_none() -> None:
    found = document(account_tax_ids=["atxi_D1"])
    assert found.issuer == Party(name="Prăvălia Exemplu SRL", country="RO")


@pytest.mark.parametrize("body", [{"deleted": True}, load() | {"deleted": True}], ids=["stub", "whole"])
def test_a_deleted_draft_is_a_tombstone(body: dict[str, Any]) -> None:
    (parsed,) = read({"id": "in_D1", "object": "invoice"} | body)
    assert isinstance(parsed.record, Document)
    assert (parsed.record.key, parsed.record.deleted, parsed.record.state) == ("in_D1", True, State.UNKNOWN)


UNSOUND: dict[str, tuple[Change, str]] = {
    "a status of tomorrow": (lambda raw: raw.update(status="quantum"), "Invalid enum value 'quantum' - at `$.status`"),
    "no total": (lambda raw: raw.pop("total"), "missing required field `total`"),
    "an amount as text": (lambda raw: raw.update(amount_remaining="9800"), "at `$.amount_remaining`"),
    "a currency of tomorrow": (lambda raw: raw.update(currency="xyz"), "Currency that is not known - at `$.currency`"),
    "no lines": (lambda raw: raw.pop("lines"), "missing required field `lines`"),
    "a line without an amount": (lambda raw: raw["lines"]["data"][0].pop("amount"), "`amount`"),
    "a price that is none": (
        lambda raw: raw["lines"]["data"][0]["pricing"].update(unit_amount_decimal="1e9"),
        "at `$.lines.data[0].pricing.unit_amount_decimal`",
    ),
    "a NUL in a name": (lambda raw: raw.update(customer_name="A\0B"), "NUL character"),
    "a NUL in a line": (lambda raw: raw["lines"]["data"][0].update(description="A\0B"), "NUL character"),
}


@pytest.mark.parametrize("case", UNSOUND)
def test_what_can_not_be_read_says_why_and_spoils_no_other(case: str) -> None:
    change, why = UNSOUND[case]
    broken = load()
    change(broken)
    before, parsed, after = read(load(), broken, load("credit_note"))
    assert (before.record, after.record) == (document(), document("credit_note"))
    assert (parsed.record, parsed.key) == (None, "in_D1")
    assert why in str(parsed.unsound)
    assert not any(canary in str(parsed.unsound) for canary in CANARIES if canary != "quantum")


def test_what_is_neither_says_so() -> None:
    parsed = read({"id": "sub_1", "object": "subscription"}, [1])
    assert [(one.record, "Expected" in str(one.unsound) or "enum" in str(one.unsound)) for one in parsed] == [
        (None, True)
    ] * 2
