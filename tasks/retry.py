"""How tasks are retried: on TryLater only, after the delay that it names."""

import random
from contextvars import ContextVar
from typing import Any, SupportsIndex

from prefect import Task
from prefect.client.schemas.objects import State, TaskRun

from accord.errors import TryLater

RETRIES = 5
LONGEST_SLEEP = 300.0  # seconds; a longer wait ends the run as waiting instead of keeping a process asleep

_after: ContextVar[float | None] = ContextVar("after", default=None)


class Delays(list[float]):
    """Delays between retries, in seconds, of which the one that the other side asked for takes precedence.

    Prefect asks `retry_condition_fn` first and reads the delay by index after that, in the same context: held by a
    test, since neither is documented.
    """

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        own = super().__getitem__(index)
        asked = _after.get()
        return asked * random.uniform(1.0, 1.2) if asked else own  # noqa: S311 - jitter, not a secret


DELAYS = Delays([1, 5, 20, 60, 120])


def try_later(task: Task[..., Any], task_run: TaskRun, state: State) -> bool:
    """Whether the task's error says that the same call may succeed within five minutes."""
    # `state.data`, not `state.result()`: in an async task the latter is a coroutine that is never an error.
    error = state.data
    if not isinstance(error, TryLater) or (error.after or 0) > LONGEST_SLEEP:
        return False
    _after.set(error.after)
    return True
