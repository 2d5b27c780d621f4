"""Every field of Stripe's objects that is used: what happens when it vanishes, is null, or changes type."""

import json
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from accord.houses import HOUSE_OF
from accord.ports import Parsed
from accord.records import RECORDS, Kind
from accord.systems.stripe import shapes
from accord.systems.stripe.parse import read

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


def paths(kind: Kind) -> list[tuple[str, ...]]:
    """Every field that is used, nested ones too."""
    nested = {
        Kind.SUBSCRIPTION: [
            ("items", "data"),
            ("items", "data", "price"),
            ("items", "data", "price", "id"),
            ("items", "data", "current_period_start"),
            ("items", "data", "current_period_end"),
            ("items", "data", "quantity"),
        ],
        Kind.INVOICE: [("parent", "subscription_details"), ("parent", "subscription_details", "subscription")],
    }
    return [(field,) for field in SHAPES[kind].__struct_fields__] + nested.get(kind, [])


USED = [(kind, path) for kind in SHAPES for path in paths(kind)]
# May be left out or null; everything else that may be null must be there.
OPTIONAL = {("quantity",), ("failure_reason",), ("deleted",)}
NULLABLE = {
    Kind.CUSTOMER: {"name", "email", "currency", "delinquent"},
    Kind.SUBSCRIPTION: {"canceled_at", "quantity"},
    Kind.INVOICE: {"customer", "parent", "subscription_details", "number", "status", "due_date"},
    Kind.INTENT: {"customer", "latest_charge", "cancellation_reason"},
    Kind.PAYMENT: {"customer", "payment_intent", "balance_transaction", "failure_code"},
    Kind.REFUND: {"charge", "balance_transaction", "status", "reason", "failure_reason"},
    Kind.DISPUTE: set(),
    Kind.LEG: {"source"},
}


def holder(obj: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The object that the last name of the path is a field of."""
    for name in path[:-1]:
        inner = obj[name]
        obj = inner[0] if isinstance(inner, list) else inner
    return obj


def test_every_kind_and_every_field_of_its_shape_is_tried() -> None:
    assert {kind for kind, _ in USED} == set(Kind) - {Kind.DOCUMENT, Kind.BOOKING}
    assert all(("object",) in paths(kind) and ("created",) in paths(kind) for kind in SHAPES)


@pytest.mark.parametrize(("kind", "path"), USED)
def test_a_field_that_vanished_is_noticed(kind: Kind, path: tuple[str, ...]) -> None:
    broken = load(FILES[kind])
    missing = holder(broken, path).pop(path[-1], None)
    parsed = between_neighbours(kind, broken)
    if path[-1:] in OPTIONAL:
        assert parsed.record is not None
        return
    assert parsed.record is None
    assert parsed.unsound is not None
    assert f"`{path[-1]}`" in parsed.unsound
    if path == ("id",):
        assert parsed.key.startswith("sha256:")
    else:
        assert parsed.key == broken["id"]
    if isinstance(missing, str) and path != ("object",):
        assert missing not in parsed.unsound


@pytest.mark.parametrize(("kind", "path"), USED)
def test_null_is_taken_only_where_stripe_says_so(kind: Kind, path: tuple[str, ...]) -> None:
    broken = load(FILES[kind])
    holder(broken, path)[path[-1]] = None
    parsed = between_neighbours(kind, broken)
    if path[-1] in NULLABLE[kind]:
        assert parsed.unsound is None
        assert parsed.record is not None
    else:
        assert parsed.record is None
        assert path[-1] in str(parsed.unsound)


@pytest.mark.parametrize(("kind", "path"), USED)
@pytest.mark.parametrize("wrong", [["Ana Exemplu"], 12.5], ids=["list", "decimal"])
def test_a_changed_type_is_noticed(kind: Kind, path: tuple[str, ...], wrong: object) -> None:
    broken = load(FILES[kind])
    holder(broken, path)[path[-1]] = wrong
    parsed = between_neighbours(kind, broken)
    assert parsed.record is None
    assert path[-1] in str(parsed.unsound)
    assert "Ana" not in str(parsed.unsound)


WHOLE = [(kind, path) for kind, path in USED if isinstance(holder(load(FILES[kind]), path).get(path[-1]), int)]


@pytest.mark.parametrize(("kind", "path"), WHOLE)
def test_a_number_as_text_is_noticed(kind: Kind, path: tuple[str, ...]) -> None:
    broken = load(FILES[kind])
    holder(broken, path)[path[-1]] = "4242"
    parsed = between_neighbours(kind, broken)
    assert parsed.record is None
    assert "4242" not in str(parsed.unsound)


def enums() -> list[tuple[Kind, str, tuple[str, ...]]]:
    found = []
    for kind, shape in SHAPES.items():
        for field, hint in get_type_hints(shape).items():
            values = [v for part in (hint, *get_args(hint)) for v in get_args(part) if isinstance(v, str)]
            if values:
                found.append((kind, field, tuple(dict.fromkeys(values))))
    return [*found, (Kind.LEG, "type", tuple(HOUSE_OF))]


@pytest.mark.parametrize(("kind", "field", "values"), enums(), ids=lambda v: v if isinstance(v, str) else "")
def test_enums_take_their_values_and_name_a_new_one(kind: Kind, field: str, values: tuple[str, ...]) -> None:
    assert all(alone(kind, **{field: value}).unsound is None for value in values)
    parsed = between_neighbours(kind, changed(kind, **{field: "brand_new"}))
    assert parsed.record is None
    assert parsed.unsound == f"Invalid enum value 'brand_new' - at `$.{field}`"


def test_enums_are_found() -> None:
    names = {(kind, field) for kind, field, _ in enums()}
    assert {(Kind.PAYMENT, "status"), (Kind.INTENT, "cancellation_reason"), (Kind.REFUND, "reason")} <= names
    assert {(Kind.SUBSCRIPTION, "status"), (Kind.INVOICE, "status"), (Kind.DISPUTE, "reason")} <= names
    assert {(Kind.REFUND, "failure_reason"), (Kind.DISPUTE, "status"), (Kind.LEG, "type")} <= names


@pytest.mark.parametrize("value", ["Ana Exemplu", "ana@example.test", "x" * 41, "a\nb", "it's", 'it\'s "Ana"'])
@pytest.mark.parametrize(("kind", "field"), [(Kind.PAYMENT, "status"), (Kind.LEG, "type"), (Kind.PAYMENT, "currency")])
def test_an_enum_value_that_could_be_a_persons_is_not_named(kind: Kind, field: str, value: str) -> None:
    assert alone(kind, **{field: value}).unsound == f"Invalid enum value - at `$.{field}`"
