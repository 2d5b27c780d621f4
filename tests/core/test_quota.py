"""Quotas of calls a minute that several workers share through one ledger."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accord.errors import Misconfigured, TryLater
from accord.ledger.quotas import Quota, use
from accord.quota import SharedQuota

MINUTE = 60.0


def quota(ledger, clock, per_minute):
    return SharedQuota("google/main", per_minute=per_minute, ledger=ledger, clock=clock)


def fullest_minute(sent):
    """The most calls that any minute had; each entry is (second, calls)."""
    return max((sum(calls for at, calls in sent if begin <= at < begin + MINUTE) for begin, _ in sent), default=0)


STEPS = st.lists(
    st.tuples(st.integers(0, 1), st.integers(1, 30), st.sampled_from([0.0, 0.0, 0.7, 3.99, 20.0, 59.0, 130.0])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, most=st.sampled_from([30, 50, 600]))
@example(steps=[(n % 2, 30, 0.0) for n in range(40)], most=600)
@example(steps=[(0, 30, 3.99)] * 40, most=30)
def test_no_minute_has_more_than_the_quota(in_memory, clock, steps, most):
    ledger = in_memory()
    workers = [quota(ledger, clock, most) for _ in range(2)]
    sent = []
    for worker, calls, idle in steps:
        workers[worker].take("ana", calls)
        sent.append((clock.monotonic(), calls))
        clock.sleep(idle)
    assert fullest_minute(sent) <= most


def test_a_minutes_calls_go_at_once_and_the_next_a_minute_later(ledger, clock):
    worker = quota(ledger, clock, 600)
    for _ in range(12):
        worker.take("ana", 50)
    assert clock.slept == []
    for _ in range(8):
        worker.take("ana", 50)
    assert 60 <= clock.monotonic() <= 68
    assert ledger.writes == 21, "one for each taking, and one in vain"


def test_endpoints_have_quotas_of_their_own(ledger, clock):
    worker = quota(ledger, clock, 50)
    worker.take("ana", 50)
    worker.take("bogdan", 50)
    assert clock.slept == []


def test_what_is_too_far_away_is_handed_back(ledger, clock):
    worker = quota(ledger, clock, 50)
    worker.pause(None, 1e9)
    with pytest.raises(TryLater, match="google/main: its calls a minute are used up") as caught:
        worker.take("ana")
    assert caught.value.after == pytest.approx(900)


@pytest.mark.parametrize("most", [50, None])
@pytest.mark.parametrize(("endpoint", "waited"), [("ana", [0.0, 20.0]), (None, [20.0, 0.0])])
def test_a_pause_holds_for_an_endpoint_or_for_all(ledger, clock, most, endpoint, waited):
    worker = quota(ledger, clock, most)
    worker.pause(endpoint, 20)
    worker.pause(endpoint, 1)
    for name, seconds in zip(("bogdan", "ana"), waited, strict=True):
        before = clock.monotonic()
        worker.take(name)
        assert clock.monotonic() - before == pytest.approx(seconds)


def test_a_pause_stops_the_other_workers_too(ledger, clock):
    first, second = (quota(ledger, clock, 50) for _ in range(2))
    first.pause("ana", 20)
    second.take("ana")
    assert clock.monotonic() == pytest.approx(20)


def test_without_a_quota_the_ledger_is_not_asked(ledger, clock):
    worker = quota(ledger, clock, None)
    for _ in range(2_000):
        worker.take("ana", 50)
    worker.pause("ana", 1)
    assert (ledger.writes, ledger.reads) == (0, 0)


def test_a_clock_that_was_set_back_locks_nobody_out(ledger, clock):
    worker = quota(ledger, clock, 50)
    worker.take("ana", 50)
    worker.pause("ana", 60)
    clock.jump(-86_400)
    worker.take("ana", 50)
    assert clock.monotonic() <= 70


def test_threads_of_one_worker_use_no_call_twice(ledger, clock, at_once):
    worker = quota(ledger, clock, 100)
    at_once(lambda: worker.take("ana", 10))
    assert clock.slept == []
    worker.take("ana", 20)
    assert clock.slept == []
    worker.take("ana")
    assert clock.slept != []


def test_workers_at_the_same_time_use_no_call_twice(true_ledger, at_once):
    """In real time, and on each database."""
    shared = Quota("google/main ana", ("google/main", "google/main ana"), per_minute=100)

    def take():
        return true_ledger.write(lambda c: use(c, shared, 10, true_ledger.now(c), longest_pause=900))

    waits = at_once(take, threads=16)
    assert sum(wait == 0 for wait in waits) == 10
    assert all(60 < wait <= 68 for wait in waits if wait)


@pytest.mark.parametrize("most", [0, -5])
def test_a_quota_of_nothing_is_refused(ledger, clock, most):
    with pytest.raises(Misconfigured, match="above 0"):
        quota(ledger, clock, most)
