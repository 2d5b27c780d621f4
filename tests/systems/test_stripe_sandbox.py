"""The Stripe client over the real transport, against the sandbox: a whole shop, and what can go wrong with it."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from accord.attribution import attribute
from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Transport
from accord.ports import CursorGone, Parsed
from accord.records import Facts, Kind, Leg, Record, Ref
from accord.sandbox.app import Sandbox, build
from accord.sandbox.direct import Direct
from accord.systems.stripe import Mode, Stripe, classify, headers
from accord.systems.stripe.client import EVENT, PATHS

NOW = 1_790_000_000
FULL = "sk_test_sandbox_full"


class NoWait(SystemClock):
    """Moves at once to the time that a wait would end at."""

    def __init__(self) -> None:
        self.waited = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


@pytest.fixture(scope="module")
def shop() -> Sandbox:
    return build(now=lambda: float(NOW), payments=160)


@pytest.fixture
def sandbox(shop: Sandbox) -> Iterator[Sandbox]:
    yield shop
    shop.stripe.faults.clear()


def connect(sandbox: Sandbox, key: str = FULL, mode: Mode = "test") -> Stripe:
    transport = Transport(
        base_url="http://sandbox.test/stripe",
        authorize=lambda: headers(key),
        classify=classify,
        budget=Unlimited(),
        breaker=NeverOpen(),
        clock=NoWait(),
        client=httpx.Client(transport=Direct(sandbox)),
    )
    return Stripe(transport, mode)


def walk(stripe: Stripe, stream: str) -> Iterator[bytes]:
    after = None
    while True:
        page = stripe.page(stream, None, None, after)
        yield page.body
        if not page.has_more:
            return
        assert page.last is not None
        after = page.last.key


def everything(stripe: Stripe, kind: Kind) -> list[Parsed]:
    return [one for body in walk(stripe, kind) for one in stripe.records(kind, body)]


def sound(stripe: Stripe, kind: Kind) -> list[Record]:
    return [one.record for one in everything(stripe, kind) if one.record is not None]


def test_the_whole_shop_is_read_and_every_leg_has_an_account(sandbox: Sandbox) -> None:
    stripe = connect(sandbox)
    store = sandbox.stripe.stores["test"]
    facts: dict[Ref, Facts] = {}
    sums: dict[str, int] = defaultdict(int)
    accounts = set()
    for kind in PATHS:
        parsed = everything(stripe, kind)
        assert [one.unsound for one in parsed if one.unsound] == []
        shelf = {"intent": "payment_intents", "payment": "charges", "leg": "balance_transactions"}.get(kind, f"{kind}s")
        assert {one.key for one in parsed} == set(store.shelves[shelf].rows)
        for record in (one.record for one in parsed if one.record is not None):
            facts[Ref(record.kind, record.key)] = record.facts()
            if isinstance(record, Leg):
                placed = attribute(record, facts.get)
                assert placed.account
                assert (placed.charged_amount or 0) * placed.gross >= 0
                accounts.add(placed.account.partition("_")[0])
                sums[placed.currency] += placed.gross
    assert accounts >= {"cus", "house:guests", "house:fees", "house:payouts"}
    rows = store.shelves["balance_transactions"].rows.values()
    assert dict(sums) == {
        code.upper(): sum(row["amount"] for row in rows if row["currency"] == code)
        for code in {row["currency"] for row in rows}
    }


def test_events_speak_of_what_can_be_fetched(sandbox: Sandbox) -> None:
    stripe = connect(sandbox)
    events = [event for body in walk(stripe, EVENT) for event in stripe.events(body)]
    hints = {hint for event in events for hint in event.hints}
    assert {kind for kind, _ in hints} >= {Kind.INTENT, Kind.PAYMENT, Kind.SUBSCRIPTION, Kind.INVOICE}
    for kind, key in sorted(hints)[::25]:
        body = stripe.fetch(kind, key)
        record = stripe.tombstone(kind, key) if body is None else next(stripe.records(kind, body)).record
        assert record is not None
        assert (record.kind, record.key) == (kind, key)


def test_windows_share_a_list_between_them(sandbox: Sandbox) -> None:
    stripe = connect(sandbox)
    records = sorted(sound(stripe, Kind.DISPUTE), key=lambda record: record.created)
    middle = records[len(records) // 2].created
    below = stripe.page(Kind.DISPUTE, None, middle, None)
    above = stripe.page(Kind.DISPUTE, middle, None, None)
    assert 0 < below.count < len(records) == below.count + above.count
    assert all(one.record and one.record.created < middle for one in stripe.records(Kind.DISPUTE, below.body))
    assert all(one.record and one.record.created >= middle for one in stripe.records(Kind.DISPUTE, above.body))


def switch(sandbox: Sandbox, **fault: Any) -> None:
    sandbox.stripe.faults.add(fault)


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "unknown_enum"}, "quantum_entangled"),
        ({"kind": "missing_field"}, "`amount`"),
        ({"kind": "wrong_type"}, "`$.amount`"),
    ],
)
def test_one_bad_object_spoils_no_other(sandbox: Sandbox, fault: dict[str, str], why: str) -> None:
    stripe = connect(sandbox)
    switch(sandbox, path="/v1/charges", nth=3, **fault)
    parsed = list(stripe.records(Kind.PAYMENT, stripe.page(Kind.PAYMENT, None, None, None).body))
    assert [position for position, one in enumerate(parsed, 1) if one.record is None] == [3]
    assert why in str(parsed[2].unsound)
    assert parsed[2].key.startswith(("ch_", "py_"))


@pytest.mark.parametrize(
    "kind", ["html_502", "truncated_json", "drop_before", "drop_midway", "server_error", "rate_limit"]
)
def test_what_passes_is_tried_again(sandbox: Sandbox, kind: str) -> None:
    stripe = connect(sandbox)
    switch(sandbox, kind=kind, times=2)
    assert stripe.page(Kind.PAYMENT, None, None, None).count == 100


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "truncated_json", "times": 100}, TryLater),
        ({"kind": "html_502", "times": 100}, TryLater),
        ({"kind": "rate_limit", "reason": "global-rate", "times": 100}, TryLater),
        ({"kind": "rate_limit", "reason": "lock_timeout", "times": 100}, TryLater),
        ({"kind": "redirect"}, Refused),
        ({"kind": "big_body"}, Refused),
        ({"kind": "gzip_bomb"}, Refused),
        ({"kind": "unauthorized", "times": 2}, Misconfigured),
    ],
)
def test_what_stays_is_named_by_what_to_do(sandbox: Sandbox, fault: dict[str, Any], error: type[Exception]) -> None:
    stripe = connect(sandbox)
    switch(sandbox, **fault)
    with pytest.raises(error):
        stripe.page(Kind.PAYMENT, None, None, None)


@pytest.mark.parametrize("kind", ["has_more_forever", "repeat_page"])
def test_a_list_without_an_end_is_refused(sandbox: Sandbox, kind: str) -> None:
    stripe = connect(sandbox)
    switch(sandbox, kind=kind)
    with pytest.raises(Refused, match="payment"):
        list(walk(stripe, Kind.PAYMENT))


def test_a_cursor_that_is_not_there_is_told_from_other_refusals(sandbox: Sandbox) -> None:
    with pytest.raises(CursorGone):
        connect(sandbox).page(Kind.PAYMENT, None, None, "ch_neverwas")


@pytest.mark.parametrize("key", ["sk_test_sandbox_wrong", "sk_test_sandbox_expired", "pk_test_sandbox_public"])
def test_a_key_that_is_not_valid_is_for_a_person(sandbox: Sandbox, key: str) -> None:
    with pytest.raises(Misconfigured, match="api_key") as error:
        connect(sandbox, key).account()
    assert key not in str(error.value)


def test_a_right_that_is_lacking_is_named(sandbox: Sandbox) -> None:
    stripe = connect(sandbox, "rk_test_sandbox_no_balance")
    assert stripe.page(Kind.PAYMENT, None, None, None).count == 100
    with pytest.raises(Misconfigured, match="rak_balance_transaction_read"):
        stripe.page(Kind.LEG, None, None, None)


def test_a_key_of_the_other_mode_brings_nothing_in(sandbox: Sandbox) -> None:
    stripe = connect(sandbox, "sk_live_sandbox_full", mode="test")
    with pytest.raises(Misconfigured, match="live mode"):
        stripe.records(Kind.PAYMENT, stripe.page(Kind.PAYMENT, None, None, None).body)
    known = sound(connect(sandbox), Kind.PAYMENT)[0].key
    with pytest.raises(Misconfigured, match="other mode"):
        stripe.fetch(Kind.PAYMENT, known)


def test_the_account_is_older_than_all_it_holds(sandbox: Sandbox) -> None:
    stripe = connect(sandbox)
    oldest = min(record.created for kind in PATHS for record in sound(stripe, kind))
    assert stripe.began() <= oldest
