"""What is said of a run while it is followed, and in which order, without a server."""

from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun, State, StateType

from deployments.follow import Lines, _Telling
from deployments.trigger import Ended


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
