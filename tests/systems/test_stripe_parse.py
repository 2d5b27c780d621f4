"""Stripe's objects as records, and what becomes of those that cannot be read."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from accord.errors import Misconfigured
from accord.ports import Parsed
from accord.records import RECORDS, Invoice, Kind, Payment, Subscription
from accord.systems.stripe import shapes
from accord.systems.stripe.parse import read
from accord.systems.stripe.translate import tombstone

FIXTURES = Path(__file__).parent.parent / "fixtures" / "stripe"

FILES = {
    Kind.CUSTOMER: "customer",
    Kind.SUBSCRIPTION: "subscription",
    Kind.INVOICE: "invoice",
    Kind.INTENT: "payment_intent",
    Kind.PAYMENT: "charge",
    Kind.REFUND: "refund",
    Kind.DISPUTE: "dispute",
    Kind.LEG: "balance_transaction",
}
SHAPES = {
    Kind.CUSTOMER: shapes.Customer,
    Kind.SUBSCRIPTION: shapes.Subscription,
    Kind.INVOICE: shapes.Invoice,
    Kind.INTENT: shapes.PaymentIntent,
    Kind.PAYMENT: shapes.Charge,
    Kind.REFUND: shapes.Refund,
    Kind.DISPUTE: shapes.Dispute,
    Kind.LEG: shapes.BalanceTransaction,
}
EXPECTED = {
    kind: msgspec.convert(fields, RECORDS[kind])
    for kind, fields in msgspec.json.decode(
        (FIXTURES / "expected.json").read_bytes(), type=dict[Kind, dict[str, Any]]
    ).items()
}


def load(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_bytes())
    return data


def page(*elements: object) -> bytes:
    return json.dumps({"object": "list", "url": "/v1/x", "has_more": False, "data": list(elements)}).encode()


def changed(kind: Kind, **fields: Any) -> dict[str, Any]:
    return load(FILES[kind]) | fields


def alone(kind: Kind, **fields: Any) -> Parsed:
    [parsed] = read(kind, json.dumps(changed(kind, **fields)).encode(), live=False)
    return parsed


def between_neighbours(kind: Kind, broken: object) -> Parsed:
    """What becomes of an element; checks that those beside it are read all the same."""
    good = load(FILES[kind])
    before, parsed, after = read(kind, page(good, broken, good), live=False)
    assert before.record == after.record == EXPECTED[kind]
    return parsed


@pytest.mark.parametrize("kind", FILES)
def test_a_whole_object_is_read(kind: Kind) -> None:
    raw = json.dumps(load(FILES[kind])).encode()
    [parsed] = read(kind, raw, live=False)
    assert parsed == Parsed(EXPECTED[kind].key, raw, EXPECTED[kind], None)


@pytest.mark.parametrize(
    ("kind", "field", "of"),
    [
        (Kind.SUBSCRIPTION, "customer", "customer"),
        (Kind.INVOICE, "customer", "customer"),
        (Kind.INTENT, "customer", "customer"),
        (Kind.INTENT, "latest_charge", "payment"),
        (Kind.PAYMENT, "customer", "customer"),
        (Kind.PAYMENT, "payment_intent", "intent"),
        (Kind.PAYMENT, "balance_transaction", "leg"),
        (Kind.REFUND, "charge", "payment"),
        (Kind.REFUND, "balance_transaction", "leg"),
        (Kind.DISPUTE, "charge", "payment"),
        (Kind.LEG, "source", "source"),
    ],
)
def test_an_expanded_object_counts_as_its_id(kind: Kind, field: str, of: str) -> None:
    parsed = alone(kind, **{field: {"id": "x_9", "object": "thing", "deleted": True}})
    assert getattr(parsed.record, of) == "x_9"
    assert alone(kind, **{field: {"object": "thing"}}).record is None
    assert alone(kind, **{field: ""}).record is None


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("quantum_entangled", True),
        ("eu_3ds2.v2", True),
        ("4000056655665556", False),
        ("visa-5556", False),
        ("ana@example.com", False),
        ("Ana Exemplu", False),
        ("'\n'", False),
        ("x" * 41, False),
    ],
)
def test_a_value_that_nobody_knows_is_told_where_it_can_only_be_a_word(value: str, told: bool) -> None:
    why = alone(Kind.PAYMENT, status=value).unsound
    assert why is not None
    assert "$.status" in why
    assert (value in why) == told


def test_an_expanded_subscription_of_an_invoice() -> None:
    details = {"subscription": {"id": "sub_9", "object": "subscription"}}
    parsed = alone(Kind.INVOICE, parent={"subscription_details": details})
    assert isinstance(parsed.record, Invoice)
    assert parsed.record.subscription == "sub_9"


def test_an_invoice_made_by_hand_or_from_a_quote_has_no_subscription() -> None:
    for parent in (None, {"quote_details": {"quote": "qt_1"}, "subscription_details": None, "type": "quote_details"}):
        parsed = alone(Kind.INVOICE, parent=parent)
        assert isinstance(parsed.record, Invoice)
        assert parsed.record.subscription is None


def test_a_subscription_shows_its_first_item_and_may_have_none() -> None:
    items = load("subscription")["items"]
    second = items["data"][0] | {"price": {"id": "price_other"}}
    parsed = alone(Kind.SUBSCRIPTION, items=items | {"data": [items["data"][0], second]})
    assert parsed.record == EXPECTED[Kind.SUBSCRIPTION]
    empty = alone(Kind.SUBSCRIPTION, items=items | {"data": []}).record
    assert isinstance(empty, Subscription)
    assert (empty.plan, empty.quantity, empty.period_start, empty.period_end) == (None, None, None, None)


@pytest.mark.parametrize("kind", [Kind.CUSTOMER, Kind.INVOICE])
def test_a_deleted_object_is_a_tombstone_in_both_forms(kind: Kind) -> None:
    short = {"id": "x_9", "object": FILES[kind], "deleted": True}
    assert between_neighbours(kind, short).record == tombstone(kind, "x_9")
    key = EXPECTED[kind].key
    assert alone(kind, deleted=True).record == tombstone(kind, key)
    assert between_neighbours(kind, load("customer_deleted") | {"object": "coupon"}).record is None


def test_a_balance_transaction_cannot_be_deleted() -> None:
    parsed = between_neighbours(Kind.LEG, {"id": "txn_9", "object": "balance_transaction", "deleted": True})
    assert (parsed.key, parsed.record) == ("txn_9", None)


@pytest.mark.parametrize("kind", [kind for kind in SHAPES if kind is not Kind.LEG])
def test_a_tombstone_keeps_its_key_and_says_nothing_else(kind: Kind) -> None:
    record = tombstone(kind, "x_9")
    assert (record.kind, record.key, record.deleted, record.needs) == (kind, "x_9", True, None)
    others = [getattr(record, field) for field in RECORDS[kind].fields() if field not in ("key", "deleted")]
    assert not any(others)
    assert record.fingerprint() != tombstone(kind, "x_8").fingerprint()


@pytest.mark.parametrize("currency", ["xyz", "EUR", "", "Ana Exemplu"])
@pytest.mark.parametrize("kind", [kind for kind in SHAPES if "currency" in SHAPES[kind].__struct_fields__])
def test_an_unknown_currency_is_unsound(kind: Kind, currency: str) -> None:
    parsed = between_neighbours(kind, changed(kind, currency=currency))
    assert parsed.record is None
    assert "currency" in str(parsed.unsound)
    assert "Ana" not in str(parsed.unsound)


@pytest.mark.parametrize(("code", "amount"), [("jpy", 500), ("kwd", 5120), ("ugx", 500), ("huf", 12_345), ("hrk", 7)])
def test_amounts_stay_in_the_smallest_unit_of_their_currency(code: str, amount: int) -> None:
    record = alone(Kind.PAYMENT, amount=amount, currency=code).record
    assert isinstance(record, Payment)
    assert (record.amount, record.currency) == (amount, code.upper())


@pytest.mark.parametrize(("field", "value"), [("amount", 10**15 + 1), ("created", -1), ("created", 10**12)])
def test_numbers_that_no_database_takes_are_unsound(field: str, value: int) -> None:
    assert between_neighbours(Kind.PAYMENT, changed(Kind.PAYMENT, **{field: value})).record is None


@pytest.mark.parametrize("field", ["name", "id"])
def test_a_nul_character_is_unsound_and_named_without_its_text(field: str) -> None:
    parsed = between_neighbours(Kind.CUSTOMER, changed(Kind.CUSTOMER, **{field: "Ana\0"}))
    assert parsed.record is None
    assert "NUL" in str(parsed.unsound)
    assert "Ana" not in str(parsed.unsound)
    assert "\0" not in parsed.key
    # Where it does not matter it does no harm.
    assert alone(Kind.CUSTOMER, description="Ana\0").record == EXPECTED[Kind.CUSTOMER]


@pytest.mark.parametrize(
    ("kind", "field"), [(Kind.CUSTOMER, "name"), (Kind.CUSTOMER, "id"), (Kind.INVOICE, "number"), (Kind.LEG, "source")]
)
def test_bytes_that_are_not_utf8_spoil_one_record_only(kind: Kind, field: str) -> None:
    good = json.dumps(load(FILES[kind])).encode()
    broken = json.dumps(changed(kind, **{field: "WAS"})).encode().replace(b"WAS", b"\xff\xfe")
    body = b'{"object":"list","data":[' + b",".join([good, broken, good]) + b'],"has_more":false}'
    before, parsed, after = read(kind, body, live=False)
    assert before.record == after.record == EXPECTED[kind]
    assert parsed.unsound == "a text is not UTF-8"
    assert parsed.raw == broken


@pytest.mark.parametrize("element", [None, 5, "ch_1", [], {}, {"id": ""}, {"id": 7}])
def test_an_element_without_an_id_goes_by_the_hash_of_its_bytes(element: object) -> None:
    parsed = between_neighbours(Kind.PAYMENT, element)
    assert parsed.record is None
    assert len(parsed.key) == len("sha256:") + 64
    assert parsed.raw == json.dumps(element).encode()


def test_elements_without_an_id_do_not_go_by_one_name() -> None:
    one, other = read(Kind.PAYMENT, page({"a": 1}, {"a": 2}), live=False)
    assert one.key != other.key


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"object":"list","data":[', b'{"object":"list"}', b"[" * 100_000])
def test_a_body_that_is_nothing_at_all_is_one_unsound_element(body: bytes) -> None:
    [parsed] = read(Kind.PAYMENT, body, live=False)
    assert parsed.raw == body
    assert parsed.record is None
    assert parsed.unsound


def test_an_object_of_another_kind_is_unsound() -> None:
    assert between_neighbours(Kind.PAYMENT, load("refund")).record is None


@pytest.mark.parametrize("kind", [kind for kind in SHAPES if "livemode" in SHAPES[kind].__struct_fields__])
@pytest.mark.parametrize("live", [True, False])
def test_an_object_of_the_other_mode_stops_everything(kind: Kind, live: bool) -> None:
    good, other = changed(kind, livemode=live), changed(kind, livemode=not live)
    assert read(kind, page(good), live)[0].record is not None
    with pytest.raises(Misconfigured, match="mode"):
        read(kind, page(good, other), live)
    with pytest.raises(Misconfigured, match="mode"):
        read(kind, page(good, other | {"created": "?"}), live)


def test_new_fields_are_no_news() -> None:
    for kind in SHAPES:
        assert alone(kind, brand_new={"nested": [1, None]}).record == EXPECTED[kind]


@pytest.mark.parametrize("kind", FILES)
def test_no_repr_shows_a_value(kind: Kind) -> None:
    raw = json.dumps(load(FILES[kind])).encode()
    for thing in (EXPECTED[kind], msgspec.json.decode(raw, type=SHAPES[kind])):
        shown = repr(thing) + "".join(map(str, thing.__rich_repr__()))
        assert not any(word in shown for word in ("Ana Ex", "example.test", "12500", "2500", "2510", "5700"))
    assert repr(EXPECTED[kind]) == f"<{kind} {EXPECTED[kind].key}>"
