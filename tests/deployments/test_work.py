"""`accord work`: what it tells the server of the runs that it takes."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from prefect.states import Pending, Scheduled, State

from deployments import work

NOW = datetime(2026, 11, 25, tzinfo=UTC)


class Server:
    """Knows the states of every run."""

    def __init__(self, *states: State[Any]) -> None:
        self._states = list(states)

    async def read_flow_run_states(self, run: object) -> list[State[Any]]:
        return self._states


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(work, "emit_event", lambda event, **more: events.append({"event": event, **more}))
    return events


def test_the_event_of_a_first_state_bears_its_id(told: list[dict[str, Any]]) -> None:
    run, first = uuid4(), Scheduled(timestamp=NOW)
    late = Scheduled(name="Late", timestamp=NOW + timedelta(seconds=20))
    asyncio.run(work._tell_first_state(Server(Pending(timestamp=NOW + timedelta(seconds=30)), late, first), run))
    resource = {"prefect.resource.id": f"prefect.flow-run.{run}"}
    assert told == [{"event": "accord.run.scheduled", "resource": resource, "id": first.id}]


def test_of_a_run_that_was_deleted_meanwhile_nothing_is_told(told: list[dict[str, Any]]) -> None:
    asyncio.run(work._tell_first_state(Server(), uuid4()))
    assert told == []
