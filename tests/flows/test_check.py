"""Checking: what is expected of each kind, position by position."""

import random
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from accord.batch import Prepared
from accord.money import CURRENCIES
from accord.records import PARENTS_FIRST, RECORDS, Facts, Kind, Record, Ref
from accord.systems.stripe.translate import tombstone

NOW = 1_800_000_000.0
THEN = 1_700_000_000
FIRST = 1_230_768_000

SOUND: dict[Kind, dict[str, Any]] = {
    Kind.CUSTOMER: {"name": None, "email": None, "currency": None, "delinquent": False},
    Kind.SUBSCRIPTION: {
        "customer": "cus_1",
        "status": "active",
        "plan": "price_1",
        "quantity": 1,
        "period_start": THEN,
        "period_end": THEN + 1,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "started": THEN,
    },
    Kind.INVOICE: {
        "customer": None,
        "subscription": None,
        "number": None,
        "status": None,
        "currency": "EUR",
        "total": -500,
        "amount_due": 0,
        "amount_paid": 700,
        "amount_remaining": -700,
        "due_date": None,
    },
    Kind.INTENT: {
        "customer": None,
        "payment": None,
        "amount": 1000,
        "amount_received": 0,
        "currency": "JPY",
        "status": "processing",
        "cancellation_reason": None,
    },
    Kind.PAYMENT: {
        "customer": None,
        "intent": None,
        "amount": 1000,
        "captured": 400,
        "refunded": 0,
        "currency": "USD",
        "status": "failed",
        "disputed": False,
        "failure_code": None,
        "leg": None,
    },
    Kind.REFUND: {
        "payment": "ch_known",
        "amount": 1000,
        "currency": "EUR",
        "status": None,
        "reason": None,
        "failure_reason": None,
        "leg": None,
    },
    Kind.DISPUTE: {"payment": "ch_known", "amount": 5000, "currency": "USD", "status": "lost", "reason": "general"},
    Kind.LEG: {
        "type": "adjustment",
        "source": "dp_1",
        "account": "",
        "payment": None,
        "charged_amount": None,
        "charged_currency": None,
        "gross": -1000,
        "fee": -20,
        "net": -980,
        "currency": "EUR",
        "available_on": THEN - 5,
    },
}
FACTS: dict[Ref, Facts] = {
    Ref(Kind.PAYMENT, "ch_known"): {"customer": "cus_1", "amount": 1000, "currency": "EUR"},
    Ref(Kind.PAYMENT, "ch_gone"): {"customer": None, "amount": 0, "currency": ""},
}

Fields = Mapping[str, Any]
Case = tuple[str, Fields, Fields]  # a rule, fields that fail it and nothing else, and fields next to them that pass


def _common(kind: Kind) -> list[Case]:
    return [
        (f"{kind}.key", {"key": None}, {"key": f"x_{kind}"}),
        (f"{kind}.given", {"created": None}, {"created": THEN}),
        (f"{kind}.time", {"created": NOW + 301}, {"created": NOW + 300}),
        (f"{kind}.time", {"created": FIRST - 1}, {"created": FIRST}),
    ]


def _currency(kind: Kind) -> Case:
    return (f"{kind}.currency", {"currency": "eur"}, {"currency": "EUR"})


CASES: dict[Kind, list[Case]] = {
    Kind.CUSTOMER: [_currency(Kind.CUSTOMER), ("customer.given", {"delinquent": None}, {"delinquent": True})],
    Kind.SUBSCRIPTION: [
        ("subscription.given", {"customer": ""}, {"customer": "cus_2"}),
        ("subscription.quantity", {"quantity": -1}, {"quantity": 0}),
        ("subscription.quantity", {"quantity": -1}, {"quantity": None}),
        ("subscription.period", {"period_end": THEN - 1}, {"period_end": THEN}),
        ("subscription.period", {"period_end": THEN - 1}, {"period_end": None}),
    ],
    Kind.INVOICE: [
        _currency(Kind.INVOICE),
        ("invoice.given", {"total": None}, {"total": -(10**15)}),
        ("invoice.amounts", {"amount_due": -1}, {"amount_due": 0}),
        ("invoice.amounts", {"amount_paid": -1}, {"amount_paid": 0}),
    ],
    Kind.INTENT: [
        _currency(Kind.INTENT),
        ("intent.given", {"status": ""}, {"status": "canceled"}),
        ("intent.amounts", {"amount_received": -1}, {"amount_received": 0}),
        ("intent.received", {"amount_received": 1001}, {"amount_received": 1000}),
    ],
    Kind.PAYMENT: [
        _currency(Kind.PAYMENT),
        ("payment.given", {"status": ""}, {"status": "pending"}),
        ("payment.amounts", {"captured": -1}, {"captured": 0}),
        ("payment.captured", {"captured": 1001}, {"captured": 1000}),
        ("payment.captured", {"amount": 10**15, "captured": 10**15 + 1}, {"amount": 10**15, "captured": 10**15}),
        ("payment.refunded", {"refunded": 1001}, {"refunded": 1000, "captured": 0}),
    ],
    Kind.REFUND: [
        ("refund.currency", {"currency": "eur", "payment": None}, {"currency": "KWD", "payment": None}),
        ("refund.given", {"amount": None}, {"amount": 1}),
        ("refund.positive", {"amount": 0}, {"amount": 1}),
        ("refund.at_most", {"amount": 1001}, {"amount": 1000}),
        ("refund.at_most", {"amount": 1001}, {"amount": 1001, "payment": "ch_not_settled_yet"}),
        ("refund.at_most", {"amount": 1001}, {"amount": 1001, "payment": "ch_gone"}),
        ("refund.same_currency", {"currency": "USD"}, {"currency": "USD", "payment": "ch_gone"}),
    ],
    Kind.DISPUTE: [
        _currency(Kind.DISPUTE),
        ("dispute.given", {"payment": None}, {"payment": "ch_not_settled_yet"}),
        ("dispute.amount", {"amount": -1}, {"amount": 0}),
    ],
    Kind.LEG: [
        _currency(Kind.LEG),
        ("leg.given", {"type": ""}, {"type": "stripe_fee"}),
        ("leg.net", {"net": -981}, {"fee": 0, "net": -1000}),
        (
            "leg.signs",
            {"type": "charge", "gross": -1, "fee": 0, "net": -1},
            {"type": "charge", "gross": 0, "fee": 0, "net": 0},
        ),
        (
            "leg.signs",
            {"type": "refund", "gross": 1, "fee": 0, "net": 1},
            {"type": "refund", "gross": 0, "fee": 0, "net": 0},
        ),
    ],
}


def record(kind: Kind, number: int, fields: Fields) -> Record:
    return RECORDS[kind](**{"key": f"k_{number}", "created": THEN, **SOUND[kind], **fields})


def batch(kind: Kind, records: list[Record]) -> Prepared:
    prepared = Prepared(1, kind, 1, None, records=records, hashes=[""] * len(records), facts=FACTS)
    prepared.raw_of = lambda keys: {key: key.removeprefix("k_").encode() for key in keys}
    return prepared


def examine(kind: Kind, records: list[Record]) -> dict[int, list[str]]:
    from tasks.expectations.examine import examine

    return examine(batch(kind, records), NOW)


def titles(kind: Kind) -> dict[str, str]:
    from tasks.expectations.suites import OURS

    return {rule.id: rule.title for rule in OURS[kind]}


@pytest.mark.parametrize("kind", PARENTS_FIRST)
def test_each_expectation_fails_exactly_the_records_that_violate_it(kind: Kind) -> None:
    records, expected = [record(kind, 0, {})], {}
    for rule, bad, good in [*_common(kind), *CASES[kind]]:
        expected[len(records)] = [titles(kind)[rule]]
        records += [record(kind, len(records), bad), record(kind, len(records) + 1, good)]
    expected |= {twin: [titles(kind)[f"{kind}.once"]] for twin in (len(records), len(records) + 1)}
    records += [record(kind, 0, {"key": "k_twice"}), record(kind, 0, {"key": "k_twice"})]
    ours = set(titles(kind).values())  # an installed project may add its own, as the demo does
    found = {position: [t for t in failed if t in ours] for position, failed in examine(kind, records).items()}
    assert {position: failed for position, failed in found.items() if failed} == expected


def test_every_expectation_of_every_suite_is_among_the_cases() -> None:
    for kind in PARENTS_FIRST:
        proven = {rule for rule, _, _ in [*_common(kind), *CASES[kind]]} | {f"{kind}.once"}
        assert proven == set(titles(kind))


@pytest.mark.parametrize("kind", PARENTS_FIRST)
def test_records_that_have_nothing_fail_and_do_not_break_the_check(kind: Kind) -> None:
    fields = dict.fromkeys(RECORDS[kind].fields()) | ({} if kind is Kind.LEG else {"deleted": False})
    found = examine(kind, [RECORDS[kind](**fields), RECORDS[kind](**fields)])
    assert list(found) == [0, 1]
    for failed in found.values():
        assert {titles(kind)[f"{kind}.key"], titles(kind)[f"{kind}.given"]} <= set(failed)


def test_fields_that_are_needed_are_needed_each_by_itself() -> None:
    from tasks.expectations.suites import suite

    for kind in PARENTS_FIRST:
        given = suite(kind).rules[f"{kind}.given"]
        fields = given.expectation.column_list
        records = [record(kind, number, {field: None}) for number, field in enumerate(fields)]
        found = examine(kind, records)
        assert [number for number, failed in found.items() if given.title in failed] == list(range(len(fields)))


@pytest.mark.parametrize("kind", [kind for kind in PARENTS_FIRST if kind is not Kind.LEG])
def test_of_a_tombstone_only_the_key_is_looked_at(kind: Kind) -> None:
    gone = [tombstone(kind, key) for key in ("k_1", "k_2", "k_3")]
    assert examine(kind, gone) == {}
    nameless = msgspec.structs.replace(gone[0], key=None)
    found = examine(kind, [nameless, record(kind, 3, {}), *gone])
    once = [titles(kind)[f"{kind}.once"]]
    assert found == {0: [titles(kind)[f"{kind}.key"]], 1: once, 4: once}


def test_no_records_have_no_failures() -> None:
    assert examine(Kind.LEG, []) == {}


def test_every_currency_is_known_to_the_suites_by_its_own_name() -> None:
    records = [record(Kind.PAYMENT, number, {"currency": code}) for number, code in enumerate(CURRENCIES)]
    assert examine(Kind.PAYMENT, records) == {}


def test_positions_are_those_of_the_batch_wherever_the_bad_ones_stand() -> None:
    chance = random.Random(7)
    records, expected = [], {}
    for number in range(1500):
        amount, captured, gone = chance.randint(0, 30), chance.randint(-3, 40), chance.random() < 0.1
        failed = []
        if captured < 0:
            failed.append(titles(Kind.PAYMENT)["payment.amounts"])
        if captured > amount:
            failed.append(titles(Kind.PAYMENT)["payment.captured"])
        if failed and not gone:
            expected[number] = failed
        records.append(record(Kind.PAYMENT, number, {"amount": amount, "captured": captured, "deleted": gone}))
    found = examine(Kind.PAYMENT, records)
    assert found == expected
    prepared = batch(Kind.PAYMENT, records)
    prepared.reject(found)
    assert {(u.key, u.raw) for u in prepared.unsound} == {(f"k_{n}", str(n).encode()) for n in expected}
    assert [r.key for r in prepared.records] == [f"k_{n}" for n in range(1500) if n not in expected]


def test_threads_get_the_verdicts_of_their_own_batches() -> None:
    examine(Kind.PAYMENT, [record(Kind.PAYMENT, 0, {})])
    wrong: list[object] = []

    def work(offset: int) -> None:
        for turn in range(4):
            bad = set(range(offset, 200, 5 + turn))
            kind = (Kind.PAYMENT, Kind.REFUND)[(turn + offset) % 2]
            fields = {Kind.PAYMENT: {"captured": 2000}, Kind.REFUND: {"amount": 0}}[kind]
            found = examine(kind, [record(kind, n, fields if n in bad else {}) for n in range(200)])
            if set(found) != bad:
                wrong.append((offset, turn))

    threads = [threading.Thread(target=work, args=(offset,)) for offset in (0, 1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_checking_leaves_no_thread_and_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    examine(Kind.PAYMENT, [record(Kind.PAYMENT, 0, {"captured": -1})])
    assert [t.name for t in threading.enumerate() if "tqdm" in t.name.lower()] == []
    assert capfd.readouterr() == ("", "")
