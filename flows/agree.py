"""The sentence that every flow is, as a Prefect flow run: its steps as tasks, and how it ends."""

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile
from typing import Annotated, Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.deployments import run_deployment
from prefect.runtime import deployment, flow_run
from pydantic import Field

from accord.batch import Prepared
from accord.calendar_target import CalendarTarget
from accord.errors import AccordError, Disagrees, Misconfigured, Stopped, TryLater
from accord.ledger import batches, streams
from accord.plan import Mode
from accord.ports import Listens
from accord.run import attempt
from accord.settle import Settled
from accord.sweep import sweep
from blocks.names import NAME
from tasks.act import act
from tasks.availability import show_availability
from tasks.bench import Bench, bench, close
from tasks.check import check
from tasks.collect import collect, collect_changed
from tasks.plan import plan
from tasks.report import report
from tasks.retry import LONGEST_SLEEP
from tasks.settle import settle

LOOK_AGAIN = 0.25  # seconds in which batches of a stream that is still being read may wait to be settled
RESUMES = 3  # of a run whose process died; by an automation, deployments/automations.py

ConnectionName = Annotated[str, Field(pattern=NAME)]


def agree(sync: str, since: date | None, until: date | None, mode: Mode) -> Any:
    """Bring both sides of a sync into agreement, as the flow run that this is called in; the run's counts or its state.

    `since` and `until` (UTC) bound what is read.
    """
    if given_up := _died_too_often():
        return given_up
    try:
        at = bench(sync)
        tally, error = attempt(_Tasks(at, mode, _start(since), _start(until)), at.target.kinds)
        # A key of another account is one of the things that may be wrong then: nothing is done by it.
        if at.actions and not isinstance(error, Misconfigured):
            error = _acted(sync) or error
        if isinstance(at.target, CalendarTarget):
            show_availability(sync)
        said = report(sync, tally, complete=error is None)
        if error is not None:
            raise error
        return said
    except AccordError as error:
        return _ended(error)
    finally:
        close(sync)


def _acted(sync: str) -> AccordError | None:
    """Do what is to be done because of what was settled; what went wrong, if anything."""
    try:
        act(sync)
    except AccordError as error:
        return error
    return None


def _died_too_often() -> State[Any] | None:
    """The state to end in where the process of this run has died more often than it is to be resumed.

    Nothing else ends a run that kills its process each time. Resumptions are counted, since one death is often reported
    twice, and from the last time that the run ended alive: a person who presses Retry starts anew.
    """
    if flow_run.get_run_count() <= RESUMES:
        return None
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(flow_run.get_id()))
    since = list(takewhile(lambda one: not one.is_final() or one.is_crashed(), reversed(states)))
    resumed = [one.name for one in since].count("AwaitingRetry")
    if resumed <= RESUMES:
        return None
    message = f"the process of this run died {resumed} times; look for what kills it, then press Retry"
    return State(type=StateType.FAILED, name="GaveUp", message=message)


def _start(day: date | None) -> int | None:
    return None if day is None else calendar.timegm(day.timetuple())


def _ended(error: AccordError) -> State[Any]:
    """A final state that is named by what to do about the error."""
    name = next((one.__name__ for one in (Misconfigured, Stopped, Disagrees) if isinstance(error, one)), "Failed")
    if isinstance(error, TryLater):
        if error.after is not None and error.after > LONGEST_SLEEP and deployment.get_id():
            return _waiting(error, error.after)
        name = "Unreachable"
    return State(type=StateType.FAILED, name=name, message=str(error), data=error)


def _waiting(error: TryLater, seconds: float) -> State[Any]:
    """End now and have the next run scheduled, instead of keeping a process asleep until then."""
    due = datetime.now(UTC) + timedelta(seconds=seconds)
    run_deployment(
        UUID(deployment.get_id()),
        parameters=flow_run.get_parameters(),
        scheduled_time=due,
        timeout=0,
        as_subflow=False,
    )
    message = f"{error}; the next run is scheduled for {due:%Y-%m-%d %H:%M} UTC"
    return State(type=StateType.CANCELLED, name="Waiting", message=message)


class _Tasks:
    """The steps of the sentence, each as a Prefect task."""

    def __init__(self, at: Bench, mode: Mode, since: int | None, until: int | None) -> None:
        self._at, self._sync = at, at.sync.name
        self._mode, self._since, self._until = mode, since, until

    def plan(self) -> None:
        plan(self._sync, self._mode, self._since, self._until)

    def listen(self) -> None:
        # Not tried again here: while one account is away, all others go on.
        if isinstance(self._at.target, Listens):
            self._at.target.listen()

    def collect(self, stream: str) -> Callable[[], bool]:
        reading = collect.submit(self._sync, stream)

        def more() -> bool:
            reading.wait(LOOK_AGAIN)
            if not reading.wrapped_future.done():
                return True
            reading.result()
            return False

        return more

    def changed(self, turn: int) -> int:
        return collect_changed(self._sync, turn)

    def open_batches(self, stream: str) -> list[int]:
        return self._at.ledger.read(lambda c: batches.open_ids(c, self._sync, stream))

    def unread(self, stream: str) -> bool:
        return self._at.ledger.read(lambda c: streams.unread_history(c, self._sync, stream))

    def check(self, batch: int) -> Prepared | None:
        return check(self._sync, batch)

    def settle(self, prepared: Prepared) -> Settled:
        return settle(self._sync, prepared)

    def sweep(self) -> int:
        return sweep(self._at.sync, self._at.target.kinds, self._at.ledger)
