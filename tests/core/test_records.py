"""Records: fingerprints, what they need, and whose account a leg is in."""

import typing
from collections.abc import Mapping
from enum import StrEnum
from types import NoneType
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accord.attribution import attribute
from accord.houses import HOUSE_OF
from accord.records import PARENTS_FIRST, RECORDS, TIMES, Kind, Leg, Record, Ref

TEXT = st.text(max_size=20)
PLAIN = {str: TEXT, int: st.integers(-(2**63), 2**63 - 1), bool: st.booleans(), NoneType: st.none()}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field with this type."""
    parts = typing.get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if typing.get_origin(hint) is tuple:
        return st.lists(values(parts[0]), max_size=2).map(tuple)
    if typing.get_origin(hint) is Mapping:
        return st.dictionaries(values(parts[0]), values(parts[1]), max_size=2)
    if parts:
        return st.one_of([values(part) for part in parts])
    return st.sampled_from(hint) if issubclass(hint, StrEnum) else structs(hint)


def structs(struct: Any) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(struct)
    return st.fixed_dictionaries({field: values(hints[field]) for field in struct.__struct_fields__}).map(
        lambda found: struct(**found)
    )


def records() -> st.SearchStrategy[Record]:
    return st.sampled_from(Kind).flatmap(lambda kind: structs(RECORDS[kind]))


# A document has many parts, and making one up takes long on a busy machine.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@patient
@given(records(), records())
def test_fingerprints_are_equal_exactly_when_records_are(one: Record, other: Record) -> None:
    assert (one.fingerprint() == other.fingerprint()) == (one == other)


@patient
@given(records(), st.data())
def test_every_field_counts_in_the_fingerprint(record: Record, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(record.__struct_fields__))
    value = data.draw(values(typing.get_type_hints(type(record))[field]))
    changed = msgspec.structs.replace(record, **{field: value})
    assert (changed.fingerprint() == record.fingerprint()) == (value == getattr(record, field))


def leg(**fields: Any) -> Leg:
    unknown = {"account": "", "payment": None, "charged_amount": None, "charged_currency": None}
    money = {"gross": 1000, "fee": 40, "net": 960, "currency": "EUR", "created": 1, "available_on": 2}
    return Leg(**{"key": "txn_1", "type": "charge", "source": "ch_1", **unknown, **money, **fields})


def test_fingerprints_stay_the_same_from_version_to_version() -> None:
    # The ledger keeps them: another value here makes every record look changed after an upgrade.
    assert leg().fingerprint() == "103a3e6c2284094dfadb31276276f7f7"


def test_the_same_values_in_another_kind_have_another_fingerprint() -> None:
    same = {
        "key": "x_1",
        "payment": "ch_1",
        "amount": 5,
        "currency": "EUR",
        "status": "won",
        "reason": None,
        "created": 1,
    }
    dispute = RECORDS[Kind.DISPUTE](**same)
    refund = RECORDS[Kind.REFUND](**same, failure_reason=None, leg=None)
    assert dispute.fingerprint() != refund.fingerprint()


@patient
@given(records())
def test_parents_come_first(record: Record) -> None:
    if record.needs is not None:
        assert PARENTS_FIRST.index(record.needs.kind) < PARENTS_FIRST.index(record.kind)
        assert record.needs.key


@pytest.mark.parametrize("kind", Kind)
def test_a_mapping_can_name_every_field(kind: Kind) -> None:
    record = RECORDS[kind]
    assert record.kind is kind
    assert record.fields()[0] == "key"
    assert {record.field_type(field)[0] for field in record.fields()} <= {str, int, bool}
    assert all(record.field_type(field)[0] is int for field in TIMES.intersection(record.fields()))


@pytest.mark.parametrize(
    ("kind", "field", "parent"),
    [
        (Kind.SUBSCRIPTION, "customer", Kind.CUSTOMER),
        (Kind.INVOICE, "customer", Kind.CUSTOMER),
        (Kind.INTENT, "customer", Kind.CUSTOMER),
        (Kind.PAYMENT, "customer", Kind.CUSTOMER),
        (Kind.REFUND, "payment", Kind.PAYMENT),
        (Kind.DISPUTE, "payment", Kind.PAYMENT),
    ],
)
def test_a_record_needs_its_parent_if_it_has_one(kind: Kind, field: str, parent: Kind) -> None:
    values: dict[str, Any] = {}
    for name in RECORDS[kind].fields():
        type_, nullable = RECORDS[kind].field_type(name)
        values[name] = None if nullable else type_()
    record = RECORDS[kind](**values)
    assert record.needs is None
    assert msgspec.structs.replace(record, **{field: "p_1"}).needs == Ref(parent, "p_1")


@pytest.mark.parametrize(
    ("type_", "source", "needs"),
    [
        ("charge", "ch_1", Ref(Kind.PAYMENT, "ch_1")),
        ("payment", "py_1", Ref(Kind.PAYMENT, "py_1")),
        ("payment", "new_1", Ref(Kind.PAYMENT, "new_1")),
        ("refund", "re_1", Ref(Kind.REFUND, "re_1")),
        ("refund", "ch_1", Ref(Kind.PAYMENT, "ch_1")),
        ("payment_refund", "pyr_1", Ref(Kind.REFUND, "pyr_1")),
        ("refund_failure", "re_1", Ref(Kind.REFUND, "re_1")),
        ("payment_failure_refund", "py_1", Ref(Kind.PAYMENT, "py_1")),
        ("adjustment", "du_1", Ref(Kind.DISPUTE, "du_1")),
        ("adjustment", "dp_1", Ref(Kind.DISPUTE, "dp_1")),
        ("adjustment", "re_1", Ref(Kind.REFUND, "re_1")),
        ("adjustment", "po_1", None),
        ("adjustment", None, None),
        ("charge", None, None),
        ("stripe_fee", "ch_1", None),
        ("payout", "po_1", None),
    ],
)
def test_a_leg_needs_what_moved_its_money(type_: str, source: str | None, needs: Ref | None) -> None:
    assert leg(type=type_, source=source).needs == needs


PAID = {"customer": "cus_1", "amount": 900, "currency": "USD"}
KNOWN: dict[Ref, Mapping[str, str | int | None]] = {
    Ref(Kind.PAYMENT, "ch_1"): PAID,
    Ref(Kind.PAYMENT, "ch_guest"): PAID | {"customer": None},
    Ref(Kind.PAYMENT, "ch_same"): PAID | {"currency": "EUR"},
    Ref(Kind.PAYMENT, "ch_gone"): {"customer": None, "amount": 0, "currency": ""},
    Ref(Kind.REFUND, "re_1"): {"payment": "ch_1", "amount": 300, "currency": "USD"},
    Ref(Kind.REFUND, "re_lone"): {"payment": None, "amount": 300, "currency": "USD"},
    Ref(Kind.REFUND, "re_orphan"): {"payment": "ch_unknown", "amount": 300, "currency": "USD"},
    Ref(Kind.DISPUTE, "du_1"): {"payment": "ch_1", "amount": 900, "currency": "USD"},
    Ref(Kind.DISPUTE, "du_guest"): {"payment": "ch_guest", "amount": 900, "currency": "USD"},
}


@pytest.mark.parametrize(
    ("fields", "account", "payment", "charged"),
    [
        ({"source": "ch_1"}, "cus_1", "ch_1", (900, "USD")),
        ({"source": "ch_guest"}, "house:guests", "ch_guest", (900, "USD")),
        ({"source": "ch_same", "gross": 400}, "cus_1", "ch_same", (400, "EUR")),
        ({"source": "ch_gone"}, "house:guests", "ch_gone", (None, None)),
        ({"source": None}, "house:guests", None, (None, None)),
        ({"type": "refund", "source": "re_1", "gross": -310}, "cus_1", "ch_1", (-300, "USD")),
        ({"type": "refund_failure", "source": "re_1", "gross": 310}, "cus_1", "ch_1", (300, "USD")),
        ({"type": "refund", "source": "re_lone", "gross": -310}, "house:guests", None, (-300, "USD")),
        ({"type": "adjustment", "source": "du_1", "gross": -950}, "cus_1", "ch_1", (-900, "USD")),
        ({"type": "adjustment", "source": "du_1", "gross": 950}, "cus_1", "ch_1", (900, "USD")),
        ({"type": "adjustment", "source": "du_guest", "gross": -950}, "house:guests", "ch_guest", (-900, "USD")),
        ({"type": "adjustment", "source": None}, "house:adjustments", None, (None, None)),
        ({"type": "stripe_fee", "source": "ch_1"}, "house:fees", None, (None, None)),
        ({"type": "payout", "source": "po_1"}, "house:payouts", None, (None, None)),
        ({"type": "reserve_hold", "source": None}, "house:reserves", None, (None, None)),
        ({"type": "transfer", "source": "tr_1"}, "house:transfers", None, (None, None)),
    ],
)
def test_a_leg_is_put_into_an_account(
    fields: dict[str, Any], account: str, payment: str | None, charged: tuple[int | None, str | None]
) -> None:
    before = leg(**fields)
    after = attribute(before, KNOWN.get)
    assert (after.account, after.payment) == (account, payment)
    assert (after.charged_amount, after.charged_currency) == charged
    assert (after.gross, after.fee, after.net, after.key) == (before.gross, before.fee, before.net, before.key)
    assert attribute(after, {}.get) == after


def test_a_leg_waits_for_its_source_and_then_for_the_payment_behind_it() -> None:
    waiting = leg(type="refund", source="re_orphan", gross=-310)
    assert attribute(waiting, {}.get) == waiting
    half = attribute(waiting, KNOWN.get)
    assert half.account == ""
    assert half.needs == Ref(Kind.PAYMENT, "ch_unknown")
    known = KNOWN | {Ref(Kind.PAYMENT, "ch_unknown"): PAID}
    assert attribute(half, known.get).account == "cus_1"
    assert attribute(half, known.get) == attribute(waiting, known.get)


def test_every_type_of_balance_transaction_has_a_house() -> None:
    assert len(HOUSE_OF) == 52
    for type_ in HOUSE_OF:
        placed = attribute(leg(type=type_, source=None), {}.get)
        assert placed.account == HOUSE_OF[type_]
        assert placed.account.startswith("house:")


@given(st.sampled_from(sorted(HOUSE_OF)), st.sampled_from([None, *(ref.key for ref in KNOWN)]), st.integers(-5, 5))
def test_attribution_changes_no_amount_and_gives_the_charge_the_sign_of_gross(
    type_: str, source: str | None, gross: int
) -> None:
    before = leg(type=type_, source=source, gross=gross)
    after = attribute(before, KNOWN.get)
    assert (after.gross, after.fee, after.net, after.currency) == (gross, before.fee, before.net, before.currency)
    if after.charged_amount is not None:
        assert after.charged_amount * gross >= 0
