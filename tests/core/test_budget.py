"""Rates and breakers that several workers share through one ledger."""

import itertools

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accord.budget import NeverOpen, SharedBudget, Unlimited
from accord.errors import Misconfigured, TryLater
from accord.ledger import budgets
from accord.ledger.budgets import Rate


def budget(ledger, clock, per_endpoint=None, in_all=None):
    return SharedBudget("stripe/main", per_endpoint=per_endpoint, in_all=in_all, ledger=ledger, clock=clock)


def most_over(times, rate):
    """By how many requests the fullest stretch of time exceeds what the rate allows there."""
    pairs = itertools.combinations(range(len(times)), 2)
    return max((j - i + 1 - (rate * (times[j] - times[i] + 1.5) + 1) for i, j in pairs), default=0)


RATES = st.none() | st.sampled_from([0.5, 1.0, 2.5, 7.0, 25.0])
STEPS = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from(["charges", "refunds"]),
        st.integers(1, 20),
        st.sampled_from([0.0, 0.0, 0.3, 0.99, 3.0]),
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(per_endpoint=RATES, in_all=RATES, steps=STEPS)
@example(25.0, None, [(worker, "charges", 25, 0.99) for worker in (0, 1, 0, 1)])
@example(None, 7.0, [(n % 2, "charges" if n % 3 else "refunds", 10, 0.0) for n in range(9)])
def test_two_workers_together_never_exceed_a_rate(in_memory, clock, per_endpoint, in_all, steps):
    ledger = in_memory()
    workers = [budget(ledger, clock, per_endpoint, in_all) for _ in range(2)]
    sent = []
    for worker, endpoint, requests, idle in steps:
        for _ in range(requests):
            workers[worker].take(endpoint)
            sent.append((endpoint, clock.monotonic()))
        clock.sleep(idle)
    if in_all is not None:
        assert most_over([at for _, at in sent], in_all) <= 0
    if per_endpoint is not None:
        for endpoint in ("charges", "refunds"):
            assert most_over([at for name, at in sent if name == endpoint], per_endpoint) <= 0


@pytest.mark.parametrize("rate", [2.5, 25.0, 100.0])
def test_the_rate_is_used_with_few_transactions(ledger, clock, rate):
    workers = [budget(ledger, clock, rate, 2 * rate) for _ in range(2)]
    sent = 0
    while clock.monotonic() < 40:
        workers[sent % 2].take("charges")
        sent += 1
    assert sent >= 0.95 * rate * 40
    assert ledger.writes <= 25 * 40


def test_threads_of_one_worker_do_not_each_ask_in_vain(ledger, clock, at_once):
    worker = budget(ledger, clock, in_all=1.0)
    worker.take("charges")

    def no_waiting(seconds):
        raise TryLater("would wait")

    clock.sleep = no_waiting

    def ask():
        with pytest.raises(TryLater, match="would wait"):
            worker.take("charges")

    at_once(ask)
    assert ledger.writes == 2


def test_a_worker_that_asks_little_holds_little(ledger, clock):
    first, second = (budget(ledger, clock, in_all=20.0) for _ in range(2))
    for endpoint in ("charges", "refunds", "disputes", "events"):
        first.take(endpoint)
        second.take(endpoint)
    assert clock.slept == []


def test_what_was_taken_and_not_spent_is_forgotten(ledger, clock):
    worker = budget(ledger, clock, in_all=20.0)
    for _ in range(4):
        worker.take("charges")  # slices of 1, 2 and 4: three are left
    asked = ledger.writes
    clock.sleep(0.9)
    worker.take("charges")
    assert ledger.writes == asked
    clock.sleep(0.2)
    worker.take("charges")
    assert ledger.writes == asked + 1


def test_a_pause_stops_the_other_workers_too(ledger, clock):
    first, second = (budget(ledger, clock, 20.0, 50.0) for _ in range(2))
    for _ in range(4):
        second.take("charges")
    first.pause(None, 20)
    clock.sleep(1.01)
    for worker, endpoint in ((second, "charges"), (first, "refunds")):
        worker.take(endpoint)
        assert clock.monotonic() == pytest.approx(20, abs=0.01)


def test_a_pause_of_one_endpoint_leaves_the_others(ledger, clock):
    first, second = (budget(ledger, clock, 20.0, None) for _ in range(2))
    first.pause("charges", 20)
    second.take("refunds")
    assert clock.slept == []
    second.take("charges")
    assert clock.slept == [20]


def test_a_pause_holds_at_once_for_the_worker_that_was_told(ledger, clock):
    worker = budget(ledger, clock, 20.0, None)
    for _ in range(4):
        worker.take("charges")
    worker.pause("charges", 5)
    worker.take("charges")
    assert clock.slept == [5]


def test_a_shorter_pause_does_not_end_a_longer_one(ledger, clock):
    worker = budget(ledger, clock, in_all=20.0)
    worker.pause(None, 20)
    worker.pause(None, 1)
    worker.take("charges")
    assert clock.monotonic() == pytest.approx(20)


@pytest.mark.parametrize("rate", [20.0, None])
def test_a_long_pause_is_handed_on_and_has_an_end(ledger, clock, rate):
    worker = budget(ledger, clock, in_all=rate)
    worker.pause(None, 1e9)
    with pytest.raises(TryLater) as caught:
        worker.take("charges")
    assert caught.value.after == pytest.approx(900)
    assert clock.slept == []
    clock.sleep(900)
    worker.take("charges")


@pytest.mark.parametrize("hours", [-5, 5])
def test_a_clock_set_anew_stops_nothing(ledger, clock, hours):
    worker = budget(ledger, clock, 2.0, 3.0)
    worker.take("charges")
    clock.jump(hours * 3600)
    for _ in range(20):
        worker.take("charges")
    assert 7 < clock.monotonic() < 11


def test_a_pause_ends_with_a_clock_that_is_set_back_by_more_than_a_pause_can_last(ledger, clock):
    worker = budget(ledger, clock, in_all=20.0)
    worker.pause(None, 10)
    clock.jump(-600)
    with pytest.raises(TryLater) as caught:
        worker.take("charges")
    assert caught.value.after == 610
    clock.jump(-5 * 3600)
    budget(ledger, clock, in_all=20.0).take("charges")


class Untouchable:
    """A ledger that nobody may ask."""


def test_without_rates_the_ledger_is_never_asked(clock):
    worker = budget(Untouchable(), clock)
    for _ in range(1000):
        worker.take("charges")
    assert clock.slept == []
    worker.pause("charges", 10)
    worker.pause("charges", 5)
    worker.take("refunds")
    assert clock.slept == []
    worker.take("charges")
    assert clock.slept == [10]
    worker.pause(None, 31)
    with pytest.raises(TryLater) as caught:
        worker.take("refunds")
    assert caught.value.after == 31


@pytest.mark.parametrize("rates", [(0.0, None), (None, -1.0), (float("nan"), None)])
def test_a_rate_must_be_above_nothing(ledger, clock, rates):
    with pytest.raises(Misconfigured, match="stripe/main"):
        budget(ledger, clock, *rates)


def test_no_token_is_taken_twice(true_ledger, at_once):
    rates = (Rate("stripe/main charges", 60.0), Rate("stripe/main", 80.0))

    def draw_all():
        taken = 0
        while tokens := true_ledger.write(lambda c: budgets.draw(c, rates, 3, 1000.0)).tokens:
            taken += tokens
        return taken

    assert sum(at_once(draw_all)) == 30  # half a second's worth


def test_the_ones_that_always_allow():
    Unlimited().pause(None, 1e9)
    Unlimited().take("charges")
    breaker = NeverOpen()
    for _ in range(10):
        breaker.failed()
    breaker.check()
    breaker.succeeded()


def test_several_requests_are_taken_at_once(ledger, clock):
    worker = SharedBudget("m/main", per_endpoint=10.0, in_all=None, ledger=ledger, clock=clock, burst=39.0)
    worker.take("box", 20)
    assert (ledger.writes, clock.slept) == (1, [])
    worker.take("box", 370)
    assert clock.slept == [], "39 seconds' worth may go at once"
    began = clock.monotonic()
    worker.take("box", 20)
    assert 1.5 < clock.monotonic() - began < 3


def test_a_slow_rate_lets_several_through_one_by_one(ledger, clock):
    """What was spent for the first of them is not lost because the last is far away."""
    worker = budget(ledger, clock, per_endpoint=0.1)
    began = clock.monotonic()
    worker.take("box", 6)
    assert 45 < clock.monotonic() - began < 70
