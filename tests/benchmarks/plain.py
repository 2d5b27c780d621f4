"""A run's steps as plain functions, which tell what it takes without Prefect."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from accord import plan
from accord import settle as core
from accord.batch import Prepared, prepare
from accord.collect import Collector
from accord.ledger import batches, streams
from accord.ledger.engine import Ledger
from accord.plan import Mode
from accord.ports import Source, Threads
from accord.sweep import sweep
from accord.sync import Sync
from flows.agree import LOOK_AGAIN
from tasks.bench import LAG
from tasks.examiner import examiner, prepare_examiner


class Steps:
    """What `accord.run.run` needs, as the tasks of a flow run do it."""

    def __init__(self, sync: Sync, source: Source, ledger: Ledger, target: Any, mode: Mode = Mode.CHANGES) -> None:
        self.sync, self.source, self.ledger, self.target, self.mode = sync, source, ledger, target, mode
        self.collector = Collector(sync, source, ledger, Threads(), "plain", target.kinds, LAG, prepare_examiner)
        self._pool = ThreadPoolExecutor(10)

    def plan(self) -> None:
        plan.plan(self.sync, self.source, self.ledger, self.target.mappings, LAG, mode=self.mode)

    def listen(self) -> None:
        """Nothing: tables do not tell who changed them."""

    def collect(self, stream: str) -> Callable[[], bool]:
        reading = self._pool.submit(self.collector.stream, stream)

        def more() -> bool:
            wait([reading], LOOK_AGAIN)
            return not reading.done() or reading.result() is None  # which raises what went wrong

        return more

    def changed(self, turn: int) -> int:
        return self.collector.changed()

    def open_batches(self, stream: str) -> list[int]:
        return self.ledger.read(lambda c: batches.open_ids(c, self.sync.name, stream))

    def unread(self, stream: str) -> bool:
        return self.ledger.read(lambda c: streams.unread_history(c, self.sync.name, stream))

    def check(self, batch: int) -> Prepared | None:
        prepared = prepare(self.sync, batch, self.source, self.ledger, self.target.kinds)
        if prepared is not None and prepared.records:
            failed = examiner().examine(prepared, self.ledger.clock.now())
            prepared.reject(examiner().sort_out(prepared.kind, failed)[0])
        return prepared

    def settle(self, prepared: Prepared) -> core.Settled:
        return core.settle(self.sync, prepared, self.ledger, self.target, "plain", self.target.mappings)

    def sweep(self) -> int:
        return sweep(self.sync, self.target.kinds, self.ledger)
