"""What is said of a run while it is followed, and in which order, without a server."""

from datetime import UTC, datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from deployments import follow
from deployments.follow import Lines, _Telling
from deployments.trigger import Ended, _ended


class Log:
    """As much of a run's log as is counted."""

    read = settled = records = 0


class Played:
    """A run that is told of at moments of our own."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._telling = _Telling("otter", Lines(self.said.append), 0.0)
        self.log = Log()

    def at(self, now: float, type_: StateType, name: str, *lines: str, away: bool = False) -> FlowRun:
        run = FlowRun(flow_id=uuid4(), state=State(type=type_, name=name))
        self._telling.tell(now, run, self.log, list(lines), away)  # type: ignore[arg-type]
        return run

    def end(self, run: FlowRun) -> None:
        self._telling.end(run)


def test_the_last_state_is_said_after_the_last_lines() -> None:
    played = Played()
    played.at(1, StateType.RUNNING, "Running", "leg: 1 read on 1 page (0.01 s, last request req_1)")
    played.at(2, StateType.COMPLETED, "Completed")
    ended = played.at(3, StateType.COMPLETED, "Completed", "In agreement: the accounts show everything.")
    played.end(ended)
    assert played.said == [
        "leg: 1 read on 1 page (0.01 s, last request req_1)",
        "run otter: Running",
        "In agreement: the accounts show everything.",
        "run otter: Completed",
    ]


def test_no_line_is_said_twice_while_a_run_waits() -> None:
    played = Played()
    for second in range(15):
        played.at(second, StateType.PENDING, "Submitting")
    played.log.read = 3
    for second in range(15, 25):
        played.at(second, StateType.RUNNING, "Running")
    played.at(31, StateType.RUNNING, "Running", away=True)
    for second in range(32, 40):
        played.at(second, StateType.FAILED, "Failed")
    assert played.said == [
        "run otter: Submitting",
        "run otter: Submitting for 5 s",
        "run otter: Submitting for 10 s",
        "run otter: Running",
        "run otter: Running for 5 s, 0 of 3 batches settled",
        "run otter: the Prefect server does not answer; trying again",
        "run otter: has ended; its last lines are on their way",
    ]
    assert len(set(played.said)) == len(played.said)


@pytest.mark.parametrize(
    ("completed", "counts", "said"),
    [
        (True, {}, "nothing has changed"),
        (False, {}, ""),
        (False, {"created": 2, "held": 0}, "2 created"),
    ],
)
def test_only_of_a_run_that_completed_it_is_said_that_nothing_has_changed(
    completed: bool, counts: dict[str, int], said: str
) -> None:
    assert Ended(uuid4(), "Completed", "", completed, counts).summary == said


AT_WORK = (StateType.RUNNING, "Running")
DIED = (StateType.CRASHED, "Crashed")
RESUMED = (StateType.RUNNING, "Rerunning")
COMPLETED = (StateType.COMPLETED, "Completed")


class Server:
    """A run that takes states at certain seconds, the last of them with a line that comes in five seconds later."""

    def __init__(self, *states: tuple[float, tuple[StateType, str]]) -> None:
        self.now, self._states = 0.0, states
        self.run = FlowRun(id=uuid4(), flow_id=uuid4(), name="otter", run_count=1)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def read_flow_run(self, run: UUID) -> FlowRun:
        type_, name = [state for since, state in self._states if since <= self.now][-1]
        return self.run.model_copy(update={"state": State(type=type_, name=name, message="nothing was heard of it")})

    def read_logs(self, wanted: object, offset: int, limit: int) -> list[object]:
        last = SimpleNamespace(id=1, timestamp=datetime.now(UTC), message="In agreement.", task_run_id=uuid4())
        return [last] if not offset and self.now >= self._states[-1][0] + 5 else []

    def read_artifacts(self, **_: object) -> list[object]:
        return []


def test_a_run_that_is_resumed_is_followed_to_its_end_and_its_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    server, said = Server((0, AT_WORK), (5, DIED), (15, RESUMED), (55, COMPLETED)), list[str]()
    monkeypatch.setattr(follow, "time", server)
    end = follow.follow(server, server.run, Lines(said.append))  # type: ignore[arg-type]
    assert end.state is not None
    assert end.state.is_completed()
    assert "In agreement." in said
    assert said[-1] == "run otter: Completed"


def test_of_a_run_that_died_it_is_said_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server((0, AT_WORK), (5, DIED))
    monkeypatch.setattr(follow, "time", server)
    end = follow.follow(server, server.run, Lines(lambda line: None))  # type: ignore[arg-type]
    ended = _ended(server, "payment-to-account/main", end)  # type: ignore[arg-type]
    assert ended.message == (
        "nothing was heard of it; it is resumed by itself if it was at work, and else the next scheduled run goes on; "
        "where neither comes, look into the worker's log, then: accord run payment-to-account/main"
    )
    assert ended.code == 1
