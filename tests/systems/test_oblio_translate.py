"""Rows of Oblio's list as documents: what each field says, where it is from, and what can not be read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.documents import Document, Line, Origin, Party, State
from accord.errors import Refused, TryLater
from accord.systems.oblio import parse

LIST = (Path(__file__).parent.parent / "fixtures" / "oblio" / "list.json").read_bytes()
ISSUER = Party(name="Prăvălia Exemplu SRL", vat_id="RO90000017")
CANARIES = ("MOARA", "Moara", "Exemplu", "847", "ord-7f31", "ab12", "quantum", "show_file")

Change = Callable[[dict[str, Any]], object]


def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(LIST)["data"]
    return found


def read(*changed: dict[str, Any]) -> list[parse.Item]:
    return list(parse.read(json.dumps({"status": 200, "data": changed}).encode(), ISSUER).items)


def document(which: int = 0, /, **changes: object) -> Document:
    (item,) = read(rows()[which] | changes)
    assert item.document is not None, item.unsound
    return item.document


def unsound(**changes: object) -> str:
    (item,) = read(rows()[0] | changes)
    assert (item.document, item.key) == (None, "880053")
    return str(item.unsound)


def test_all_that_a_row_tells() -> None:
    found = document()
    assert found.client == Party(
        name="MOARA DE PROBA SRL",
        vat_id="RO90000025",
        registration="J00/1/2024",
        address="Str. Exemplu 4",
        city="SECTOR 3",
        county="BUCUREŞTI",
        country="Romania",
    )
    assert found.lines == (
        Line(
            name="Mentenanță lunară",
            code="MNT-1",
            quantity="2.0000",
            unit="buc",
            price="350.0000",
            vat_included=False,
            vat_name="Normala",
            vat_rate="21",
            net=70000,
            vat=14700,
            total=84700,
        ),
    )
    assert (found.key, found.position, found.series, found.number) == ("880053", 880053, "OBL", "0053")
    assert (found.issued_on, found.due_on, found.currency) == ("2026-09-03", "2026-09-18", "RON")
    assert (found.net, found.vat, found.total, found.paid) == (70000, 14700, 84700, 34750)
    assert (found.state, found.mentions, found.einvoice) == (State.PARTLY_PAID, "Ref ord-7f31", "not sent")
    assert (found.issuer, found.exchange_rate, found.reverses) == (ISSUER, None, None)


def test_where_each_field_is_from() -> None:
    found = document()
    fields = set(Document.__struct_fields__) - {"key", "position", "origins", "pdf", "deleted"}
    assert found.origins.keys() == fields
    computed = {field for field in fields if found.origins[field] is Origin.COMPUTED}
    unknown = {field for field in fields if found.origins[field] is Origin.UNKNOWN}
    assert computed == {"net", "vat", "paid", "state"}
    assert unknown == {"exchange_rate", "reverses"}
    assert all(getattr(found, field) is None for field in unknown)


def test_a_foreign_invoice_keeps_its_currency_and_rate() -> None:
    found = document(1)
    assert (found.currency, found.exchange_rate, found.total) == ("EUR", "5.091200", 121000)
    assert (found.due_on, found.origins["due_on"]) == (None, Origin.UNKNOWN)
    assert document(1, exchangeRate="0.000000").exchange_rate is None
    assert document(1, currency="RON").exchange_rate is None


def test_a_storno_keeps_the_rates_of_its_day() -> None:
    found = document(2)
    assert found.lines is not None
    assert (found.state, found.lines[0].vat_rate, found.lines[0].vat_included) == (State.STORNO, "19", True)
    assert (found.net, found.vat, found.total) == (-10000, -1900, -11900)
    assert found.einvoice == "accepted"


@pytest.mark.parametrize(
    ("which", "changes", "state"),
    [
        (0, {"collects": []}, State.ISSUED),
        (0, {"collects": [], "collected": "1"}, State.ISSUED),
        (0, {"collects": [{"value": "847.00"}]}, State.PAID),
        (0, {"collects": [{"value": "900.00"}]}, State.PAID),
        (0, {"collects": None}, State.UNKNOWN),
        (0, {"canceled": "1"}, State.CANCELLED),
        (0, {"stornoed": "1"}, State.REVERSED),
        (0, {"draft": "1"}, State.PARTLY_PAID),
        (0, {"draft": "1", "number": ""}, State.DRAFT),
        (0, {"draft": "1", "number": None}, State.DRAFT),
        (0, {"total": "0.0000", "collects": []}, State.PAID),
        (1, {}, State.ISSUED),
        (2, {"storno": None}, State.STORNO),
        (2, {"canceled": "1"}, State.CANCELLED),
    ],
)
def test_how_it_stands(which: int, changes: dict[str, Any], state: State) -> None:
    found = document(which, **changes)
    assert found.state is state
    assert (found.origins["state"] is Origin.UNKNOWN) == (state is State.UNKNOWN)


def test_the_state_of_a_draft_with_a_number_is_doubtful() -> None:
    assert document(0, draft="1").origins["state"] is Origin.DOUBTFUL
    assert document(0, draft="1", number=None).origins["state"] is Origin.API


def test_marks_of_a_storno_may_be_missing() -> None:
    row = rows()[2]
    del row["storno"], row["stornoed"]
    (item,) = read(row)
    assert item.document is not None
    assert item.document.state is State.STORNO


@pytest.mark.parametrize(("written", "kept"), [("RON", "RON"), ("lei", "RON"), ("Lei", "RON"), ("eur", "EUR")])
def test_ways_to_write_a_currency(written: str, kept: str) -> None:
    assert document(currency=written).currency == kept


@pytest.mark.parametrize(
    "product",
    [
        {"vatPercentage": None},
        {"price": None},
        {"vatIncluded": None},
        {"vatPercentage": "many"},
        {"quantity": "3.0000"},  # as with a discount, which the list leaves out
    ],
)
def test_vat_is_not_guessed_where_lines_do_not_add_up(product: dict[str, Any]) -> None:
    found = document(products=[rows()[0]["products"][0] | product])
    assert found.lines is not None
    assert (found.net, found.vat, found.lines[0].total, found.origins["vat"]) == (None, None, None, Origin.UNKNOWN)
    assert found.total == 84700


@pytest.mark.parametrize(("quantity", "price", "vat"), [(2, 350, 21), ("2.0000", 350.0, "21"), ("2", "350", 21.0)])
def test_the_types_of_what_is_not_documented_may_differ(quantity: object, price: object, vat: object) -> None:
    changed = rows()[0]["products"][0] | {"price": price, "vatPercentage": vat, "vatIncluded": False}
    assert document(products=[changed]).vat == 14700


def test_unknown_fields_change_nothing() -> None:
    assert document(hologram={"angle": 42}, client=rows()[0]["client"] | {"moon": []}) == document()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"total": 847}, "`$.total`"),
        ({"total": "847,00"}, "`$.total`"),
        ({"total": "NaN"}, "`$.total`"),
        ({"total": "1e5"}, "`$.total`"),
        ({"total": "847.0049"}, "more decimals"),
        ({"total": "999999999999999.00"}, "too large"),
        ({"total": None}, "`$.total`"),
        ({"currency": "XQQ"}, "`$.currency`"),
        ({"currency": ""}, "`$.currency`"),
        ({"draft": "quantum"}, "`$.draft`"),
        ({"canceled": None}, "`$.canceled`"),
        ({"storno": "2"}, "`$.storno`"),
        ({"type": "Proforma"}, "`$.type`"),
        ({"issueDate": "03.09.2026"}, "`$.issueDate`"),
        ({"issueDate": "2026-02-30"}, "`$.issueDate`"),
        ({"issueDate": ""}, "`$.issueDate`"),
        ({"dueDate": "soon"}, "`$.dueDate`"),
        ({"currency": "EUR", "exchangeRate": "five"}, "`$.exchangeRate`"),
        ({"einvoiceStatus": {"code": 7}}, "`$.einvoiceStatus.code`"),
        ({"einvoiceStatus": {"text": "?"}}, "`code`"),
        ({"collects": [{"value": "1"}, {"value": "x"}]}, "`$.collects[1].value`"),
        ({"collects": [{}]}, "`value`"),
        ({"client": "MOARA"}, "`$.client`"),
        ({"products": [{"name": "x"}]}, "`quantity`"),
        ({"mentions": "a\0b"}, "NUL"),
    ],
)
def test_what_can_not_be_read_is_named_without_its_value(changes: dict[str, Any], why: str) -> None:
    said = unsound(**changes)
    assert why in said
    assert not [canary for canary in CANARIES if canary in said]


@pytest.mark.parametrize("field", ["total", "collects", "products", "client", "einvoiceStatus", "currency", "number"])
def test_a_field_that_vanished_is_named(field: str) -> None:
    row = rows()[0]
    del row[field]
    (item,) = read(row)
    assert f"`{field}`" in str(item.unsound)


@pytest.mark.parametrize("bad", [{}, None, [], {"id": 880053}, {"id": "a b"}, {"id": ""}, "text"])
def test_a_row_without_an_id_goes_by_its_hash_and_spoils_no_other(bad: object) -> None:
    first, second, third = parse.read(json.dumps({"data": [rows()[0], bad, rows()[2]]}).encode(), ISSUER).items
    assert second.key.startswith("sha256:")
    assert (second.document, second.position) == (None, None)
    assert first.document is not None
    assert third.document is not None


@pytest.mark.parametrize("body", [b"", b"<html></html>", b'{"data":[{"id":"1"', b"\xff", b'{"data":[]} {}'])
def test_no_json_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(TryLater):
        parse.read(body, None)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"data":null}', b'{"data":{"id":"1"}}', b"null"])
def test_no_list_is_refused(body: bytes) -> None:
    with pytest.raises(Refused, match="not a list"):
        parse.read(body, None)


def test_no_repr_shows_what_is_inside() -> None:
    page = parse.read(LIST, ISSUER)
    assert page.items[0].document is not None
    shown = [repr(page), repr(page.items), *(repr(item.document) for item in page.items)]
    shown += [repr(part) for part in (page.items[0].document.client, page.items[0].document.lines)]
    assert not [canary for canary in CANARIES for text in shown if canary in text]


NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | st.text(max_size=9) | st.lists(st.none(), max_size=1)


@given(st.sampled_from(sorted(rows()[0])), SCALARS)
def test_whatever_a_field_holds_is_a_document_or_a_reason(field: str, value: object) -> None:
    (item,) = read(rows()[0] | {field: value})
    assert (item.document is None) != (item.unsound is None)
    if item.document is not None and item.document.vat is not None:
        assert item.document.net is not None
        assert item.document.net + item.document.vat == item.document.total
