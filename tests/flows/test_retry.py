"""Tasks are retried on TryLater alone, after the delay that the other side asked for."""

import itertools
import time

import pytest
from prefect import flow, task

from accord.errors import Misconfigured, Refused, TryLater
from tasks.retry import DELAYS, Delays, try_later

pytestmark = pytest.mark.usefixtures("prefect_server")


def _calls_of(error: Exception, delays: Delays) -> list[float]:
    """When a task that always fails with this error was called."""
    called: list[float] = []

    @task(retries=2, retry_delay_seconds=delays, retry_condition_fn=try_later)
    def fail() -> None:
        called.append(time.monotonic())
        raise error

    @flow
    def failing() -> None:
        fail()

    with pytest.raises(type(error)):
        failing()
    return called


def test_the_delay_that_the_other_side_asked_for_comes_before_our_own() -> None:
    called = _calls_of(TryLater("busy", after=1.0), Delays([60, 60]))
    gaps = [b - a for a, b in itertools.pairwise(called)]
    assert len(gaps) == 2
    assert all(1.0 <= gap < 10 for gap in gaps), gaps


def test_without_one_our_own_delays_are_used() -> None:
    called = _calls_of(TryLater("away"), Delays([0, 0]))
    assert len(called) == 3


@pytest.mark.parametrize("error", [Refused("never"), Misconfigured("wrong key"), ValueError("a bug")])
def test_what_will_not_get_better_is_not_retried(error: Exception) -> None:
    assert len(_calls_of(error, Delays([60, 60]))) == 1


def test_a_wait_of_more_than_five_minutes_does_not_keep_a_process_asleep() -> None:
    assert len(_calls_of(TryLater("blocked", after=301), Delays([60, 60]))) == 1


def test_there_is_a_delay_for_each_retry() -> None:
    from tasks.collect import collect
    from tasks.settle import settle

    assert all(one.retries == len(DELAYS) for one in (collect, settle))
