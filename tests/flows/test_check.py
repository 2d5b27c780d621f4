"""Checking: what is expected of each kind, position by position."""

import random
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from accord.batch import Prepared
from accord.bookings import Status
from accord.documents import Document, Line, Origin, Party, State
from accord.money import CURRENCIES
from accord.records import PARENTS_FIRST, RECORDS, Facts, Kind, Record, Ref
from accord.systems.stripe.translate import tombstone

NOW = 1_800_000_000.0
THEN = 1_700_000_000
FIRST = 1_230_768_000

FIRM = Party(name="Moara de Proba SRL", vat_id="RO18547290", iban="RO49AAAA1B31007593840000")


def line(net: int | None, vat: int | None, rate: str | None = "19") -> Line:
    total = None if net is None or vat is None else net + vat
    return Line(name="Faina", quantity="1", net=net, vat=vat, total=total, vat_rate=rate)


def lines(*rates: str | None) -> dict[str, Any]:
    """Lines of these rates that come to the sound document's total."""
    return {"lines": (line(10000, 1900, None), *(line(0, 0, rate) for rate in rates))}


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
    Kind.DOCUMENT: {
        "position": 1,
        "state": State.ISSUED,
        "series": "WEB",
        "number": "0042",
        "issued_on": "2025-07-31",
        "due_on": None,
        "issuer": FIRM,
        "client": Party(name="Ana Test"),
        "currency": "RON",
        "exchange_rate": None,
        "net": 10000,
        "vat": 1900,
        "total": 11900,
        "paid": 0,
        "lines": (line(4000, 760), line(6000, 1141)),
        "reverses": None,
        "mentions": None,
        "einvoice": None,
        "origins": {"total": Origin.API},
    },
    Kind.BOOKING: {
        "version": 1,
        "updated": THEN,
        "person": "ana",
        "attendee": None,
        "email": "ion@example.test",
        "status": Status.BOOKED,
        "start": "2026-03-29T03:30:00",
        "end": "2026-03-29T04:45:00",
        "zone": "Europe/Bucharest",
        "title": "Tooth",
        "place": None,
        "link": None,
        "notes": None,
    },
}
FACTS: dict[Ref, Facts] = {
    Ref(Kind.PAYMENT, "ch_known"): {"customer": "cus_1", "amount": 1000, "currency": "EUR"},
    Ref(Kind.PAYMENT, "ch_gone"): {"customer": None, "amount": 0, "currency": ""},
}

Fields = Mapping[str, Any]
Case = tuple[str, Fields, Fields]  # a rule, fields that fail it and nothing else, and fields next to them that pass


def _common(kind: Kind) -> list[Case]:
    key: Case = (f"{kind}.key", {"key": None}, {"key": f"x_{kind}"})
    if kind is Kind.DOCUMENT:  # it has days, and no second that it was created in
        return [key]
    if kind is Kind.BOOKING:  # its system need not tell when it was made
        return [key, ("booking.time", {"created": NOW + 301}, {"created": 0})]
    return [
        key,
        (f"{kind}.given", {"created": None}, {"created": THEN}),
        (f"{kind}.time", {"created": NOW + 301}, {"created": NOW + 300}),
        (f"{kind}.time", {"created": FIRST - 1}, {"created": FIRST}),
    ]


def _currency(kind: Kind) -> Case:
    return (f"{kind}.currency", {"currency": "eur"}, {"currency": "EUR"})


TWO_WEEKS = {"start": "2026-03-01T10:00:00", "end": "2026-03-15T10:00:00"}
LONGER = TWO_WEEKS | {"end": "2026-03-15T10:00:01"}

CASES: dict[Kind, list[Case]] = {
    Kind.BOOKING: [
        ("booking.given", {"person": ""}, {"person": "dan"}),
        ("booking.title", {"title": ""}, {"title": "-"}),
        ("booking.times", {"end": "2026-03-29T03:30:00"}, {"end": "2026-03-29T03:30:01"}),
        ("booking.times", {"end": "2026-03-29"}, {"start": "2026-03-29", "end": "2026-03-30"}),
        ("booking.times", {"zone": "GTB Standard Time"}, {"zone": "Asia/Calcutta"}),
        ("booking.length", LONGER, TWO_WEEKS),
        ("booking.length", LONGER, {"start": "2026-03-01", "end": "2026-12-31"}),
        ("booking.email", {"email": "ion at example"}, {"email": None}),
    ],
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
    Kind.DOCUMENT: [
        ("document.currency", {"currency": "lei"}, {"currency": None}),
        ("document.given", {"state": None}, {"state": State.UNKNOWN}),
        ("document.given", {"origins": {}}, {"origins": {"total": Origin.UNKNOWN}}),
        ("document.time", {"issued_on": "1999-12-31"}, {"issued_on": "2000-01-01"}),
        ("document.time", {"issued_on": "2027-01-16"} | lines("21"), {"issued_on": "2027-01-15"} | lines("21")),
        ("document.time", {"issued_on": "2025-02-29"}, {"issued_on": None}),
        ("document.time", {"issued_on": "20250731"}, {"issued_on": "2024-02-29"}),
        ("document.time", {"issued_on": ""}, {"issued_on": "2025-01-01"}),
        ("document.due", {"due_on": "2025-07-30"}, {"due_on": "2025-07-31"}),
        ("document.due", {"due_on": "2025-08-32"}, {"due_on": "2125-08-31"}),
        ("document.due", {"due_on": "soon", "issued_on": None}, {"due_on": "1990-01-01", "issued_on": None}),
        ("document.number", {"number": None}, {"number": None, "state": State.DRAFT}),
        ("document.number", {"number": "", "state": State.CANCELLED}, {"number": None, "state": State.UNKNOWN}),
        ("document.client", {"client": None}, {"client": None, "state": State.DRAFT}),
        ("document.client", {"client": None}, {"client": None, "issued_on": None, "state": State.PAID}),
        ("document.client", {"client": Party(name=""), "state": State.PAID}, {"client": Party(name=None, vat_id="-")}),
        ("document.total", {"net": 10001}, {"net": None}),
        ("document.total", {"vat": 1899}, {"vat": None}),
        ("document.lines", {"lines": (line(11898, 0),)}, {"lines": (line(11899, 0),)}),
        ("document.lines", {"lines": (line(11902, 0), line(1, 0))}, {"lines": (line(11901, 0), line(1, 0))}),
        ("document.lines", {"lines": ()}, {"lines": None}),
        ("document.lines", {"lines": (line(1, 0),)}, {"lines": (line(1, 0), line(None, 0))}),
        (
            "document.lines",
            {"lines": (line(1, 0),), "net": None, "paid": None},
            {"lines": (line(1, 0),), "total": None, "currency": None},
        ),
        ("document.rates", lines("21"), lines("19.00", "9", "5", "0")),
        ("document.rates", lines("19", "11"), lines("21") | {"issuer": Party(name="Muster", vat_id="DE136695976")}),
        ("document.rates", lines("x"), lines("21") | {"issuer": Party(name=FIRM.name)}),
        (
            "document.rates",
            lines("19") | {"issued_on": "2025-08-01"},
            lines("21", "11", "9") | {"issued_on": "2026-07-31"},
        ),
        ("document.rates", lines("9") | {"issued_on": "2026-08-01"}, lines("11", "0") | {"issued_on": "2026-08-01"}),
        (
            "document.rates",
            lines("24")
            | {
                "state": State.STORNO,
                "issued_on": "2026-08-01",
                "total": 0,
                "net": 0,
                "vat": 0,
                "lines": (line(0, 0, "24"),),
            },
            {
                "state": State.STORNO,
                "issued_on": "2026-08-01",
                "total": -119,
                "net": -100,
                "vat": -19,
                "lines": (line(-100, -19, "19"),),
            },
        ),
        (
            "document.rates",
            lines("21") | {"issuer": Party(name="Moara", vat_id="18547290")},
            lines("21") | {"issued_on": None},
        ),
        (
            "document.storno",
            {"state": State.STORNO},
            {"state": State.STORNO, "total": 0, "net": None, "lines": None},
        ),
        ("document.paid", {"paid": 11901}, {"paid": 11900}),
        ("document.paid", {"paid": -1}, {"paid": None}),
        (
            "document.paid",
            {"paid": -101, "total": -100, "net": None, "lines": None},
            {"paid": -100, "total": -100, "net": None, "lines": None},
        ),
        (
            "document.paid",
            {"paid": 1, "total": -100, "net": None, "lines": None},
            {"paid": 0, "total": -100, "net": None, "lines": None},
        ),
        (
            "document.paid",
            {"paid": 10**15 + 1, "total": 10**15, "net": None, "lines": None},
            {"paid": 10**15, "total": 10**15, "net": None, "lines": None},
        ),
        (
            "document.doubt",
            {"origins": {"state": Origin.DOUBTFUL}},
            {"origins": {"state": Origin.COMPUTED}},
        ),
        (
            "document.vat_ids",
            {"client": Party(name="A", vat_id="RO18547291")},
            {"client": Party(name="A", vat_id="18547290")},
        ),
        ("document.vat_ids", {"issuer": Party(name="A", vat_id="18547291")}, {"issuer": None}),
        (
            "document.vat_ids",
            {"client": Party(name="A", vat_id="DE136695977")},
            {"client": Party(name="A", vat_id="123456789", country="Germania")},
        ),
        (
            "document.ibans",
            {"client": Party(name="A", iban="RO50AAAA1B31007593840000")},
            {"client": Party(name="A", iban="")},
        ),
        (
            "document.ibans",
            {"issuer": Party(name="A", iban="DE89370400440532013001")},
            {"issuer": Party(name="A", iban="DE89 3704 0044 0532 0130 00")},
        ),
    ],
}


def record(kind: Kind, number: int, fields: Fields) -> Record:
    created = {} if kind is Kind.DOCUMENT else {"created": THEN}
    return RECORDS[kind](**{"key": f"k_{number}", **created, **SOUND[kind], **fields})


def deleted(kind: Kind, key: str) -> Record:
    if kind is not Kind.DOCUMENT:
        return tombstone(kind, key)
    nothing: dict[str, Any] = dict.fromkeys(Document.__struct_fields__)
    return Document(**{**nothing, "key": key, "position": 0, "state": State.UNKNOWN, "origins": {}, "deleted": True})


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
    fields = dict.fromkeys(RECORDS[kind].__struct_fields__) | ({} if kind is Kind.LEG else {"deleted": False})
    found = examine(kind, [RECORDS[kind](**fields), RECORDS[kind](**fields)])
    assert list(found) == [0, 1]
    for failed in found.values():
        assert {titles(kind)[f"{kind}.key"], titles(kind)[f"{kind}.given"]} <= set(failed)


def test_fields_that_are_needed_are_needed_each_by_itself() -> None:
    from tasks.expectations.suites import suite

    for kind in PARENTS_FIRST:
        given = suite(kind).rules[f"{kind}.given"]
        fields = given.expectation.column_list
        records = [record(kind, number, {field.removesuffix("_json"): None}) for number, field in enumerate(fields)]
        found = examine(kind, records)
        assert [number for number, failed in found.items() if given.title in failed] == list(range(len(fields)))


@pytest.mark.parametrize("kind", [kind for kind in PARENTS_FIRST if kind is not Kind.LEG])
def test_of_a_tombstone_only_the_key_is_looked_at(kind: Kind) -> None:
    gone = [deleted(kind, key) for key in ("k_1", "k_2", "k_3")]
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


def test_the_day_of_issue_is_one_of_romania() -> None:
    from tasks.expectations.examine import examine

    records = [record(Kind.DOCUMENT, 0, {"issued_on": "2027-01-16", **lines("21")})]
    before_midnight = 1_800_050_400 - 301  # 2027-01-15 22:00 UTC is midnight there; five minutes are for clocks
    assert examine(batch(Kind.DOCUMENT, records), before_midnight) == {0: [titles(Kind.DOCUMENT)["document.time"]]}
    assert examine(batch(Kind.DOCUMENT, records), before_midnight + 1) == {}


def test_what_fails_nothing_but_remarks_goes_on() -> None:
    from tasks.expectations.examine import sort_out

    wrong_id = {"client": Party(name="A", vat_id="RO18547291")}
    late, total = {"due_on": "2025-01-01"}, {"net": 0}
    fields = ({}, wrong_id, late, total, wrong_id | late | total)
    found = examine(Kind.DOCUMENT, [record(Kind.DOCUMENT, number, one) for number, one in enumerate(fields)])
    said = titles(Kind.DOCUMENT)
    unsound, remarked = sort_out(Kind.DOCUMENT, found)
    assert unsound == {3: [said["document.total"]], 4: [said["document.total"]]}
    assert remarked == {1: [said["document.vat_ids"]], 2: [said["document.due"]]}
    assert sort_out(Kind.PAYMENT, examine(Kind.PAYMENT, [record(Kind.PAYMENT, 0, {"created": 1})])) == (
        {0: [titles(Kind.PAYMENT)["payment.time"]]},
        {},
    )


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
