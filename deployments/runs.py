"""What Prefect knows of a connection's runs: how the last one ended, what is stuck, when the next one is due."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import FlowRunSort

STUCK = timedelta(minutes=5)  # that a run may take from being given to a worker to its beginning
_BEGUN = [state for state in StateType if state not in (StateType.SCHEDULED, StateType.PENDING)]
_FINAL = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED, StateType.CANCELLED]
_PAGE = 50


class Runs(NamedTuple):
    """The runs of one deployment; times are Unix seconds."""

    last: str | None = None  # state of the one that began last
    last_at: float | None = None
    ended: str | None = None  # state of the one that ended last
    message: str = ""  # of that state
    completed: bool = True  # whether that one did; also where none has ended yet
    stuck: str | None = None  # state of one that was handed to a worker long ago and has not begun
    stuck_since: float | None = None
    late: int = 0  # that should have begun
    next_at: float | None = None
    note: str | None = None  # why there may be no next one

    @property
    def sound(self) -> bool:
        """Whether the last run completed, and none is stuck."""
        return self.completed and self.stuck is None


def read_runs(client: SyncPrefectClient, there: DeploymentResponse | None) -> Runs:
    """Ask for the runs of a deployment, if there is one."""
    if there is None:
        return Runs(note="not deployed; run: accord deploy")
    last = _newest(client, there, _BEGUN, FlowRunSort.EXPECTED_START_TIME_DESC)
    # A run of yesterday that was tried again today may be the one that ended last.
    last_ended = _newest(client, there, _FINAL, FlowRunSort.END_TIME_DESC)
    pending = _found(client, there, _states([StateType.PENDING]))
    late = _found(client, there, FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"])))
    oldest_first = FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC
    following = next(iter(_found(client, there, _states([StateType.SCHEDULED]), oldest_first, 1)), None)
    ended = last_ended.state if last_ended else None
    stuck = min((run.state for run in pending if run.state), key=lambda state: state.timestamp, default=None)
    if stuck is not None and datetime.now(UTC) - stuck.timestamp < STUCK:
        stuck = None
    due = following.next_scheduled_start_time if following else None
    note = "paused in Prefect" if there.paused else None if due else "no schedule is active"
    began = (last.start_time or last.expected_start_time) if last else None
    return Runs(
        last=last.state.name if last and last.state else None,
        last_at=began.timestamp() if began else None,
        ended=ended.name if ended else None,
        message=(ended.message or "") if ended else "",
        completed=ended is None or ended.is_completed(),
        stuck=stuck.name if stuck else None,
        stuck_since=stuck.timestamp.timestamp() if stuck else None,
        late=len(late),
        next_at=due.timestamp() if due else None,
        note=note,
    )


def faults(name: str, runs: Runs) -> list[str]:
    """A sentence, with what to do, for a deployment's last run that did not complete, and for one that is stuck."""
    told = []
    if not runs.completed:
        message = f": {reason(runs.message)}" if runs.message else ""
        told.append(f"the last run ended as {runs.ended}{message}; {how(runs.ended, name)}")
    if runs.stuck is not None:
        since = f"{datetime.fromtimestamp(runs.stuck_since or 0, UTC):%Y-%m-%d %H:%M} UTC"
        told.append(
            f"a run has been {runs.stuck} since {since} and does not begin; look into the worker's log, and cancel the "
            "run in Prefect's UI, so that the next one can"
        )
    return told


def reason(message: str) -> str:
    """A state's message; of an error that nobody foresaw only its type, since what it says may quote a record."""
    _, unforeseen, error = message.partition("encountered an exception: ")
    return f"an error that Accord does not know, {error.partition(':')[0]}" if unforeseen else message


def how(state: str | None, about: str) -> str:
    """What to do, or what happens by itself, after a run of FLOW/NAME that ended in a state."""
    return {
        "Misconfigured": f"then: accord run {about}",
        "Unreachable": "the next run tries again",
        "Waiting": "until then there is nothing to do",
        "Crashed": "it is resumed by itself if it was at work, and else the next scheduled run goes on; "
        f"where neither comes, look into the worker's log, then: accord run {about}",
        "Stopped": f"then: accord run {about}",
        "Disagrees": f"then: accord run {about}",
        "GaveUp": f"or: accord run {about}",
        "Cancelled": f"to run it again: accord run {about}",
    }.get(state or "", f"look at the run's log in Prefect's UI, then: accord run {about}")


def _newest(
    client: SyncPrefectClient, there: DeploymentResponse, types: list[StateType], sort: FlowRunSort
) -> FlowRun | None:
    """The first in this order that was not turned away: beside one that takes hours there are many of those."""
    offset = 0
    while True:
        page = _found(client, there, _states(types), sort, offset=offset)
        if found := next((run for run in page if not _turned_away(run)), None):
            return found
        if len(page) < _PAGE:
            return None
        offset += len(page)


def _turned_away(run: FlowRun) -> bool:
    """Whether it was cancelled before it began, as beside another run of its connection.

    Prefect gives such a run a start time too, so the server can not tell it from others.
    """
    return run.state is not None and run.state.is_cancelled() and run.run_count == 0


def _states(types: list[StateType]) -> FlowRunFilterState:
    return FlowRunFilterState(type=FlowRunFilterStateType(any_=types))


def _found(
    client: SyncPrefectClient,
    there: DeploymentResponse,
    state: FlowRunFilterState,
    sort: FlowRunSort = FlowRunSort.EXPECTED_START_TIME_DESC,
    limit: int | None = None,
    offset: int = 0,
) -> list[FlowRun]:
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[there.id])),
        flow_run_filter=FlowRunFilter(state=state),
        sort=sort,
        limit=limit or _PAGE,
        offset=offset,
    )
