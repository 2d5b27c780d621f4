"""`accord work`: a Prefect process worker that survives its server's outages, and drains before it stops.

`prefect worker start` kills the runs under way when it is told to stop, leaves them as Running, and gives up after
some minutes without its server.
"""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from uuid import UUID

import anyio
import httpx
from prefect.client.orchestration import PrefectClient, get_client
from prefect.events import emit_event
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, get_current_settings
from prefect.states import Crashed
from prefect.workers.process import ProcessWorker

from accord import settings
from accord.errors import Misconfigured, TryLater

LONGEST_PAUSE = 60.0  # seconds between attempts while the server does not answer
STEP = 0.2
SCHEDULED = "accord.run.scheduled"


class Draining:
    """One worker: it takes runs until it is told to stop, and then waits for those that it took."""

    def __init__(self, pool: str, name: str | None, limit: int, drain: float, say: Callable[[str], None]) -> None:
        self._worker = ProcessWorker(pool, name=name, limit=limit, create_pool_if_not_found=False)
        self._drain, self._say = drain, say
        self._stopping, self._hurry = anyio.Event(), anyio.Event()
        self._told: set[UUID] = set()
        self._untold: set[UUID] = set()

    async def run(self) -> int:
        """Work until SIGTERM or SIGINT; how many runs were cut off."""
        every = get_current_settings().worker
        cut_off: set[UUID] = set()
        with anyio.CancelScope() as everything:
            async with self._worker as worker, anyio.create_task_group() as loops:
                loops.start_soon(self._listen)
                loops.start_soon(self._repeat, self._take, every.query_seconds)
                loops.start_soon(self._repeat, worker._sync_and_initialize, every.heartbeat_seconds)
                self._say(f"worker {worker.name} takes runs; Ctrl-C or SIGTERM lets those under way end first")
                await self._stopping.wait()
                if not await self._drained():
                    cut_off = self._at_work()
                    everything.cancel()
                loops.cancel_scope.cancel()
        if cut_off:
            self._say(f"{len(cut_off)} runs did not end in time; they are marked as crashed and can be run again")
            await _mark_crashed(cut_off)
        self._say("worker stopped")
        return len(cut_off)

    def _at_work(self) -> set[UUID]:
        """The runs that were taken and have not ended here; one that went on elsewhere is not among them."""
        return set(self._worker.limiter.statistics().borrowers)  # a worker borrows in the names of its runs

    async def _listen(self) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async for _ in signals:
                (self._hurry if self._stopping.is_set() else self._stopping).set()

    async def _take(self) -> None:
        if self._stopping.is_set():
            return
        taken = await self._worker.get_and_submit_flow_runs()
        at_work = self._at_work()
        self._told &= at_work
        self._untold = (self._untold & at_work) | ({run.id for run in taken if run.auto_scheduled} - self._told)
        for run_id in list(self._untold):
            try:
                await _tell_first_state(self._worker.client, run_id)
            except Exception as error:  # without it alerts of that run come late; nothing else may wait for it
                self._say(f"the first state of run {run_id} could not be told ({type(error).__name__}); trying again")
            else:
                self._untold.remove(run_id)
                self._told.add(run_id)

    async def _repeat(self, work: Callable[[], Awaitable[object]], every: float) -> None:
        """Again and again, also while the server is away."""
        failures = 0
        while True:
            try:
                await work()
                if failures:
                    self._say("the Prefect server answers again")
                failures = 0
            except (httpx.HTTPError, OSError) as error:
                if not failures:
                    self._say(f"the Prefect server does not answer ({type(error).__name__}); trying again")
                failures += 1
            await anyio.sleep(min(every * 2**failures, max(every, LONGEST_PAUSE)))

    async def _drained(self) -> bool:
        """Whether every run ended in time; a second signal ends the wait."""
        under_way = self._worker.limiter.borrowed_tokens
        if under_way:
            self._say(f"waiting up to {self._drain:.0f} s for {under_way} runs under way; again to stop at once")
        with anyio.move_on_after(self._drain):
            while self._worker.limiter.borrowed_tokens and not self._hurry.is_set():
                await anyio.sleep(STEP)
        return not self._worker.limiter.borrowed_tokens


async def _mark_crashed(runs: Iterable[UUID]) -> None:
    """Say of runs whose process we ended what nobody else would; else they stay Running for ever."""
    async with get_client() as client:
        for run_id in runs:
            await _crash(client, run_id)


async def _tell_first_state(client: PrefectClient, run_id: UUID) -> None:
    """Send the event of a run's first state, which the server does not for a run that it made by a schedule.

    It makes the next state's event wait for this one, for up to 15 minutes, where less than five lie between them; and
    with it every automation. The event of a state has the id of that state.
    """
    states = await client.read_flow_run_states(run_id)
    if states:  # else it was deleted meanwhile, with its schedule
        first = min(states, key=lambda state: state.timestamp)
        emit_event(SCHEDULED, resource={"prefect.resource.id": f"prefect.flow-run.{run_id}"}, id=first.id)


async def _crash(client: PrefectClient, run_id: UUID) -> None:
    try:
        run = await client.read_flow_run(run_id)
    except ObjectNotFound:
        return
    if run.state is not None and not run.state.is_final() and not run.state.is_scheduled():
        message = "The worker was stopped before the run had ended."
        await client.set_flow_run_state(run_id, Crashed(message=message), force=True)


def work(pool: str, name: str | None, limit: int, drain: float, say: Callable[[str], None]) -> int:
    """Run a worker until it is told to stop; 1 where runs were cut off, else 0."""
    if not PREFECT_API_URL.value():
        raise Misconfigured("PREFECT_API_URL is not set; set it to the server's, such as http://127.0.0.1:4200/api")
    if settings.names_a_ledger():  # else the work pool gives it to each run
        with suppress(TryLater):
            settings.current_ledger().engine.dispose()
    # What its helpers say of an outage, with tracebacks, is said by us in a line.
    logging.getLogger("prefect").setLevel(logging.ERROR)

    async def main() -> int:
        async with get_client() as client:
            try:
                await client.read_work_pool(pool)
            except ObjectNotFound:
                raise Misconfigured(f"there is no work pool {pool}; make it with: accord deploy") from None
        return await Draining(pool, name, limit, drain, say).run()

    return 1 if asyncio.run(main()) else 0
