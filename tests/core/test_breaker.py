"""The breaker that several workers share through one ledger."""

import pytest

from accord.budget import LedgerBreaker
from accord.errors import TryLater
from accord.ledger import budgets


def test_one_of_several_workers_probes(true_ledger, at_once):
    name, now = "stripe/main", 1000.0
    opened = at_once(lambda: true_ledger.write(lambda c: budgets.open_circuit(c, name, 0, 5, now)))
    assert {circuit.opened_times for circuit in opened} == {1}
    assert {circuit.open_until for circuit in opened} == {1030.0}
    claims = at_once(lambda: true_ledger.write(lambda c: budgets.claim_probe(c, name, 1030.0)))
    assert sorted(mine for _, mine in claims) == [False] * 7 + [True]
    true_ledger.write(lambda c: budgets.close_circuit(c, name, 1))
    assert true_ledger.read(lambda c: budgets.circuit(c, name, now)) == budgets.CLOSED


def fail(breaker, times):
    for _ in range(times):
        breaker.check()
        breaker.failed()


def rest_of(breaker):
    """The seconds after which this breaker wants to be asked again."""
    with pytest.raises(TryLater) as caught:
        breaker.check()
    return caught.value.after


def test_five_failures_in_a_row_open_the_breaker_for_everyone(ledger, clock):
    first, second = (LedgerBreaker("stripe/main", ledger, clock) for _ in range(2))
    other = LedgerBreaker("stripe/eu", ledger, clock)
    second.check()
    fail(first, 4)
    first.check()
    first.succeeded()
    fail(first, 4)
    assert ledger.writes == 0
    fail(first, 1)
    assert rest_of(first) == 30
    clock.sleep(1)
    assert rest_of(second) == 29
    other.check()


def test_a_closed_breaker_reads_once_a_second_and_never_writes(ledger, clock):
    breaker = LedgerBreaker("stripe/main", ledger, clock)
    for _ in range(100):
        breaker.check()
        breaker.succeeded()
        clock.sleep(0.03)
    assert ledger.reads in (3, 4)
    assert ledger.writes == 0


def test_one_probe_decides(ledger, clock):
    first, second = (LedgerBreaker("stripe/main", ledger, clock) for _ in range(2))
    fail(first, 5)
    clock.sleep(30)
    first.check()
    assert rest_of(second) == 5  # the probe is on its way
    first.succeeded()
    clock.sleep(5)
    second.check()
    second.failed()  # one failure does not open it again
    second.check()
    first.check()


def test_a_failed_probe_doubles_the_rest_up_to_ten_minutes(ledger, clock):
    breaker = LedgerBreaker("stripe/main", ledger, clock)
    fail(breaker, 5)
    rests = []
    for _ in range(7):
        rests.append(rest_of(breaker))
        clock.sleep(rests[-1])
        fail(breaker, 1)
    assert rests == [30, 60, 120, 240, 480, 600, 600]
    clock.sleep(600)
    breaker.check()
    breaker.succeeded()
    fail(breaker, 5)
    assert rest_of(breaker) == 30


def test_a_prober_that_died_blocks_nobody_for_long(ledger, clock):
    first, second = (LedgerBreaker("stripe/main", ledger, clock) for _ in range(2))
    fail(first, 5)
    clock.sleep(30)
    first.check()  # and is heard of no more
    clock.sleep(85)
    assert rest_of(second) == 5
    clock.sleep(5)
    second.check()
    second.succeeded()


def test_a_prober_that_sent_nothing_may_come_again(ledger, clock):
    breaker = LedgerBreaker("stripe/main", ledger, clock)
    fail(breaker, 5)
    clock.sleep(30)
    breaker.check()
    breaker.check()
    breaker.succeeded()
    breaker.check()


def test_only_the_probe_counts_while_it_is_open(ledger, clock, at_once):
    breaker = LedgerBreaker("stripe/main", ledger, clock)
    fail(breaker, 5)
    breaker.failed()
    breaker.succeeded()  # both were sent before it opened
    assert rest_of(breaker) == 30
    clock.sleep(30)
    breaker.check()
    at_once(breaker.succeeded, threads=1)  # another thread's older request
    assert at_once(lambda: rest_of(breaker), threads=1) == [5]
    breaker.failed()
    assert rest_of(breaker) == 60


def test_workers_that_fail_together_open_it_once(ledger, clock):
    workers = [LedgerBreaker("stripe/main", ledger, clock) for _ in range(3)]
    for worker in workers:
        fail(worker, 4)
    for worker in workers:
        worker.failed()
    assert [rest_of(worker) for worker in workers] == [30, 30, 30]


def test_an_outcome_from_long_ago_changes_nothing(ledger, clock):
    first, second, third = (LedgerBreaker("stripe/main", ledger, clock) for _ in range(3))
    third.check()
    for _ in range(4):
        third.failed()
    fail(first, 5)
    clock.sleep(30)
    first.check()  # its probe takes longer than a probe may
    clock.sleep(90)
    second.check()
    second.failed()
    first.succeeded()
    third.failed()  # the fifth, as it sees it
    assert [rest_of(worker) for worker in (first, second, third)] == [60, 60, 60]


def test_the_retries_of_one_request_count_once(ledger, clock):
    breaker = LedgerBreaker("stripe/main", ledger, clock)
    breaker.check()
    breaker.failed()
    for _ in range(20):
        breaker.check()
        breaker.failed(again=True)
    breaker.check()
    fail(breaker, 4)
    assert rest_of(breaker) == 30


def test_what_a_clock_set_back_since_has_written_is_over(ledger, clock):
    breaker = LedgerBreaker("stripe/main", ledger, clock)
    clock.jump(30 * 86_400)
    fail(breaker, 5)
    clock.jump(-30 * 86_400)
    LedgerBreaker("stripe/main", ledger, clock).check()  # it may probe at once
