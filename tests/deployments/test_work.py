"""`accord work`: what it tells the server of the runs that it takes, and of those that it cuts off."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import anyio
import httpx
import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Pending, Running, Scheduled, State

from accord import settings
from accord.errors import Misconfigured
from accord.ledger.cipher import new_key
from deployments import work

NOW = datetime(2026, 11, 25, tzinfo=UTC)


class Server:
    """Knows the states of every run; can be told to fail when it is asked for a run's."""

    def __init__(self, *states: State[Any]) -> None:
        self._states = list(states)
        self.fails_for: set[UUID] = set()
        self.crashed: list[UUID] = []

    async def __aenter__(self) -> "Server":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    async def read_flow_run_states(self, run: UUID) -> list[State[Any]]:
        if run in self.fails_for:
            raise httpx.ReadTimeout("too slow")
        return self._states

    async def read_flow_run(self, run: UUID) -> FlowRun:
        return FlowRun(id=run, flow_id=uuid4(), state=Running())

    async def set_flow_run_state(self, run: UUID, state: State[Any], force: bool) -> None:
        assert state.is_crashed()
        assert force
        self.crashed.append(run)


class Worker:
    """Takes runs that are due, and borrows in their names until they end, as Prefect's does."""

    name = "w"

    def __init__(self, server: Server, due: list[UUID]) -> None:
        self.client, self.due, self.limiter = server, due, anyio.CapacityLimiter(10)
        self.polled = anyio.Event()

    async def __aenter__(self) -> "Worker":
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    async def _sync_and_initialize(self) -> None:
        """Nothing to do."""

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        taken, self.due = self.due, []
        for run in taken:
            self.limiter.acquire_on_behalf_of_nowait(run)
        self.polled.set()
        return [FlowRun(id=run, flow_id=uuid4(), auto_scheduled=True) for run in taken]


def draining(worker: Worker) -> work.Draining:
    made = work.Draining("pool", None, 10, 0.0, lambda line: None)
    made._worker = worker  # type: ignore[assignment]
    return made


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


def test_a_telling_that_fails_keeps_no_other_run_from_it_and_is_made_up_for(told: list[dict[str, Any]]) -> None:
    runs = [uuid4() for _ in range(3)]
    server = Server(Scheduled(timestamp=NOW))

    def told_of() -> list[str]:
        return sorted(event["resource"]["prefect.resource.id"].rpartition(".")[2] for event in told)

    async def main() -> None:
        made = draining(Worker(server, list(runs)))
        server.fails_for = {runs[1]}
        await made._take()
        assert told_of() == sorted(map(str, [runs[0], runs[2]]))
        server.fails_for = set()
        await made._take()
        await made._take()
        assert told_of() == sorted(map(str, runs)), "each once"

    asyncio.run(main())


def test_only_runs_that_are_at_work_here_are_marked_when_they_are_cut_off(
    told: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, here = uuid4(), uuid4()
    server = Server(Scheduled(timestamp=NOW))
    monkeypatch.setattr(work, "get_client", lambda: server)

    async def main() -> int:
        worker = Worker(server, [gone, here])
        made = draining(worker)
        async with anyio.create_task_group() as group:

            async def stop() -> None:
                await worker.polled.wait()
                worker.limiter.release_on_behalf_of(gone)  # it died here, was resumed and is at work elsewhere
                made._stopping.set()

            group.start_soon(stop)
            return await made.run()

    assert asyncio.run(main()) == 1
    assert server.crashed == [here]


def test_a_worker_with_a_mistyped_ledger_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.LEDGER_URL, f"sqlite:///{tmp_path / 'typo.db'}")
    monkeypatch.setenv(settings.LEDGER_KEY, new_key())
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(Misconfigured, match=r"there is no ledger in .*typo.db; correct ACCORD_LEDGER_URL"),
    ):
        work.work("accord", None, 1, 1.0, print)
