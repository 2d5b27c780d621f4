"""The ports as a simulated worker meets them, and the run that it does through them."""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from databases import KINDS, SOURCE, SYNC, TARGET, Databases
from faults import AWAY, FAILED, LOST, REPLY_LOST, THROTTLED, UNKNOWN, UNKNOWN_AWAY
from greenlet import getcurrent
from model_stripe import ModelStripe
from sqlalchemy import Connection
from templates import Direct
from world import Thread, Violation, Worker, World

from accord import batch, collect, plan, run, settle, sweep
from accord.batch import Prepared
from accord.errors import AccordError, Superseded, TryLater
from accord.ledger import batches, streams
from accord.ledger.engine import Ledger
from accord.ports import Event, Page, Parsed
from accord.records import Kind, Payment, Record
from accord.settle import Settled
from accord.sync import Sync
from accord.systems.accounts import Accounts

T = TypeVar("T")
R = TypeVar("R")

SYNCED = Sync(SYNC, SOURCE, TARGET)


class SimLedger(Ledger):
    """The ledger on its real tables; each transaction is one effect, which can fail or be in doubt."""

    def __init__(self, databases: Databases, world: World) -> None:
        super().__init__(databases.ledger, databases.cipher, world)
        self._world, self._db = world, databases.ledger_db
        self._open: Any = Direct(databases.plain.connect(), databases.ledger_db)

    def close(self) -> None:
        """Give the connection back."""
        self._open.close()

    def write(self, work: Callable[[Connection], T]) -> T:
        """One transaction, done again as a whole where its commit failed or its outcome is unknown."""
        caller = sys._getframe(1).f_code.co_name
        while True:
            match self._world.point("ledger", caller):
                case "commit failed":
                    self.commit(work, fail=True)
                case "commit unknown":
                    self.commit(work)
                case "database away":
                    raise TryLater("the ledger stayed away", 30)
                case "commit unknown, then away":
                    self.commit(work)
                    raise TryLater("the ledger stayed away", 30)
                case _:
                    return self.commit(work)

    def read(self, work: Callable[[Connection], T]) -> T:
        """One transaction that only reads."""
        if self._world.point("read", sys._getframe(1).f_code.co_name) == AWAY:
            raise TryLater("the ledger stayed away", 30)
        return self.commit(work)

    def commit(self, work: Callable[[Connection], T], fail: bool = False) -> T:
        """The transaction itself: nothing else happens meanwhile.

        Raises Violation (S5) for a write by a stale lease.
        """
        fence = getattr(getcurrent(), "fence", None)
        held = fence and self._db.execute("SELECT token FROM leases WHERE name = ?", fence[:1]).fetchone()
        try:
            result = work(self._open)
        except BaseException as error:
            if isinstance(error, Superseded):
                self._world.note("lease was taken over")
            self._open.rollback()
            raise
        self._open.rollback() if fail else self._open.commit()
        if fence and not fail and held != fence[1:]:
            raise Violation(f"S5: {fence[0]} was written under token {fence[1]}, while it is at {held}")
        return result


class SimTarget:
    """The accounts on their real tables."""

    def __init__(self, world: World, databases: Databases) -> None:
        assert world.profile.kinds is not None
        self._world, self._databases, self.whole = world, databases, True
        self.writes = 0

    @property
    def accounts(self) -> Accounts:
        """As they are mapped now."""
        assert self._world.profile.kinds is not None
        return self._databases.accounts[self._world.profile.kinds, self.whole]

    @property
    def kinds(self) -> frozenset[Kind]:
        """The kinds that are mapped now."""
        return self.accounts.kinds

    def write(self, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]) -> dict[str, str]:
        """Show records; the transaction can fail, be done twice, or be done and not acknowledged."""
        verdict = self._world.point("target", f"write {kind} {[record.key for _, record in rows]}")
        if verdict == AWAY:
            raise TryLater("the accounts database stayed away", 30)
        refused = self._write(connection, kind, rows)
        if verdict == UNKNOWN:
            refused = self._write(connection, kind, rows)
        if verdict in (UNKNOWN_AWAY, FAILED):
            raise TryLater("the accounts database stayed away", 30)
        return refused

    def _write(self, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]) -> dict[str, str]:
        self.writes += 1
        refused = self.accounts.write(connection, kind, rows)
        if self._databases.broken:
            raise Violation(self._databases.broken[0])
        return refused

    def agreed(self, connection: str, at: float) -> None:
        """Note up to when everything is shown."""
        self.accounts.agreed(connection, at)


class SimSource:
    """The model of Stripe behind a network."""

    discovery = ModelStripe.discovery

    def __init__(self, world: World, model: ModelStripe) -> None:
        self._world, self._model = world, model
        self.asked = 0
        self.date: int | None = None

    def _ask(self, what: str, answer: Callable[[], T]) -> T:
        verdict = self._world.point("source", what)
        self.asked += 1
        if verdict == LOST:
            raise TryLater("the source could not be reached")
        if verdict == THROTTLED:
            raise TryLater("the source asks to wait", 20)
        result = answer()
        self.date = int(self._world.true) if self._model.habits.dates else None
        if verdict == REPLY_LOST:
            raise TryLater("the source broke off")
        return result

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        if lo is None and hi is None:
            self._world.note("single records looked for on a list")
        return self._ask(f"page {stream} {after}", lambda: self._model.page(stream, lo, hi, after))

    def fetch(self, kind: str, key: str) -> bytes | None:
        return self._ask(f"fetch {key}", lambda: self._model.fetch(kind, key))

    def began(self) -> int:
        return self._ask("began", self._model.began)

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        return self._model.records(kind, body)

    def events(self, body: bytes) -> list[Event]:
        return self._model.events(body)

    def tombstone(self, kind: str, key: str) -> Record:
        return self._model.tombstone(kind, key)


class SimFanOut:
    """Several threads of one worker, or one after the other where there is only one."""

    def __init__(self, world: World, worker: Worker | None) -> None:
        self._world, self._worker = world, worker

    def _together(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        assert self._worker is not None
        threads = [self._world.spawn(self._worker, work) for work in works]
        self._world.join(threads)
        for thread in threads:
            if thread.error is not None:
                raise thread.error
        return [thread.result for thread in threads]

    def repeat(self, step: Callable[[], bool], width: Callable[[], int]) -> None:
        def loop() -> None:
            while step():
                pass

        if self._worker is None:
            return loop()
        while any(self._together([step] * min(width(), 2))):
            pass
        return None

    def map(self, call: Callable[[T], R], items: Iterable[T], width: int) -> list[R]:
        if self._worker is None:
            return [call(item) for item in items]
        return self._together([lambda item=item: call(item) for item in items])


class WatchedCollector(collect.Collector):
    """A collector after whose every store the fence and the watermark are looked at."""

    watch: "Callable[[str], None]"

    def _store(self, window: streams.Window, token: int, ticket: int, reading: Any) -> None:
        me: Any = getcurrent()
        me.fence = (streams.lease_name(window.id), token)
        try:
            super()._store(window, token, ticket, reading)
        finally:
            me.fence = None
        if window.purpose == "recent" and reading.finished:
            self.watch(window.stream)


class SimSteps:
    """The verbs of a run, bound to a world."""

    def __init__(self, home: "Home", worker: Worker | None, name: str, mode: str) -> None:
        self._home, self._worker, self._run, self._mode = home, worker, name, plan.Mode(mode)
        self._kinds, self._target = home.kinds, home.target
        profile = home.world.profile
        self._threads = bool(profile.threads and worker is not None)
        self._manner = home.world.rng.choice(("eager", "lazy", "thread" if self._threads else "eager"))
        fan_out = SimFanOut(home.world, worker if self._threads else None)
        self._collector = WatchedCollector(SYNCED, home.source, home.ledger, fan_out, name, self._kinds, home.lag)
        self._collector.watch = home.watch

    def plan(self) -> None:
        home = self._home
        began = home.world.true
        plan.plan(SYNCED, home.source, home.ledger, dict.fromkeys(self._kinds, ""), home.lag, self._mode)
        home.planned(began, self._kinds)

    def listen(self) -> None:
        """No other changes what is shown."""

    def collect(self, stream: str) -> Callable[[], bool]:
        def read() -> bool:
            self._collector.stream(stream)
            return False

        if self._manner == "lazy":
            return read
        if self._manner == "thread" and self._worker is not None:
            world, thread = self._home.world, self._home.world.spawn(self._worker, read)
            return lambda: _awaited(world, thread)
        try:
            read()
        except AccordError as error:
            return _raising(error)
        return lambda: False

    def changed(self, turn: int) -> int:
        return self._collector.changed()

    def open_batches(self, stream: str) -> list[int]:
        return self._home.ledger.read(lambda c: batches.open_ids(c, SYNC, stream))

    def unread(self, stream: str) -> bool:
        return self._home.ledger.read(lambda c: streams.unread_history(c, SYNC, stream))

    def check(self, batch_id: int) -> Prepared | None:
        home = self._home
        prepared = batch.prepare(SYNCED, batch_id, home.source, home.ledger, self._kinds)
        if prepared is not None:
            prepared.reject(
                {
                    position: ["captured is negative"]
                    for position, record in enumerate(prepared.records)
                    if isinstance(record, Payment) and record.captured < 0
                }
            )
        return prepared

    def settle(self, prepared: Prepared) -> Settled:
        home = self._home
        settled = settle.settle(SYNCED, prepared, home.ledger, self._target, self._run, dict.fromkeys(self._kinds, ""))
        if settled.stopped is not None:
            home.world.note("settled: stopped")
        for what, count in zip(run.Tally._fields, settled, strict=False):
            if count:
                home.world.note(f"settled: {what}")
        return settled

    def sweep(self) -> int:
        missing = sweep.sweep(SYNCED, self._kinds, self._home.ledger)
        if missing:
            self._home.world.note("sweep missed records")
        return missing


class TriedTwice(SimSteps):
    """The same, of which a batch is settled as a task does it: tried once more."""

    def settle(self, prepared: Prepared) -> Settled:
        """Tried twice, as a task is."""
        try:
            return super().settle(prepared)
        except TryLater:
            return super().settle(prepared)


def _awaited(world: World, thread: Thread) -> bool:
    """Whether the thread still reads; what else happens meanwhile is as chance has it."""
    if not thread.dead:
        world.point("read", "is it read?")
    if thread.dead and thread.error is not None:
        raise thread.error
    return not thread.dead


def _raising(error: AccordError) -> Callable[[], bool]:
    def read() -> bool:
        raise error

    return read


class Home:
    """Everything that the workers of a schedule share."""

    def __init__(self, world: World, databases: Databases, model: ModelStripe, lag: int) -> None:
        assert world.profile.kinds is not None
        self.world, self.databases, self.model, self.lag = world, databases, model, lag
        self.ledger = SimLedger(databases, world)
        self.target = SimTarget(world, databases)
        self.source = SimSource(world, model)
        self.mapped_at = 0.0  # when a plan first knew of all kinds again
        self.runs = 0
        self.watch: Callable[[str], None] = lambda stream: None
        self.planned: Callable[[float, Collection[Kind]], None] = lambda began, kinds: None

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds that are mapped now."""
        assert self.world.profile.kinds is not None
        return tuple(kind for kind in KINDS[self.world.profile.kinds] if kind in self.target.kinds)

    def forget(self) -> None:
        """The databases were replaced."""
        self.target.writes, self.runs = 0, 1

    def run(self, mode: str, worker: Worker | None = None) -> run.Tally:
        """One run, by a worker or by nobody in particular; raises what the run raises."""
        self.runs += 1
        steps = SimSteps(self, worker, f"run{self.runs}", mode)
        return run.run(steps, self.kinds)


__all__ = ["SYNCED", "Home", "SimLedger", "Superseded"]
