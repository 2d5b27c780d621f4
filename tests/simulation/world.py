"""The world of one schedule: true time, the threads of the workers, and who runs next."""

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, ClassVar

from faults import KILL, OK, SUSPEND, Mix
from greenlet import GreenletExit, getcurrent, greenlet

from accord.errors import AccordError

BEGAN = 1_750_000_000
START = BEGAN + 3 * 86_400


class Violation(Exception):
    """An invariant does not hold; what is said begins with its name and a colon."""


ERROR = "error"
"""Stands where the name of an invariant would, for what the core must not raise: no proof that one was broken."""

_GUARDED = re.compile(r"[SF]\d+: ")
_ONE_ENTRY = "UNIQUE constraint failed: entries.sync, entries.kind, entries.key, entries.rev"


def said(error: BaseException) -> str:
    """What an error that reached the end says: an invariant's name first, also where a guard in a database raised."""
    if isinstance(error, Violation):
        return str(error)
    cause = str(getattr(error, "orig", error))
    if isinstance(getattr(error, "orig", error), sqlite3.IntegrityError):
        if cause == _ONE_ENTRY:
            return f"S6: two entries tell of one rev ({cause})"
        if _GUARDED.match(cause):
            return cause
    return f"{ERROR}: {type(error).__name__}: {error}"


class Thread(greenlet):
    """One thread of a worker; between two switches it stands before a call to a port."""

    worker: "Worker"
    port: str = "read"
    what: str = "begin"
    waits_for: "list[Thread]"
    error: BaseException | None = None
    result: Any = None


class Worker:
    """A process: it runs until it ends, is killed, or sleeps."""

    def __init__(self, name: str, mode: str) -> None:
        self.name, self.mode = name, mode
        self.threads: list[Thread] = []
        self.killed = False
        self.asleep_until = 0.0

    @property
    def over(self) -> bool:
        """Whether nothing of it will ever happen again."""
        return self.killed or all(thread.dead for thread in self.threads)


class Script:
    """Faults at chosen calls, by their number, instead of chance."""

    def __init__(self, faults: dict[int, str]) -> None:
        self.faults, self.calls, self.ports = faults, 0, []  # type: ignore[var-annotated]

    def verdict(self, port: str) -> str:
        """What happens to the next call."""
        self.calls += 1
        self.ports.append(port)
        return self.faults.get(self.calls - 1, OK)


class World:
    """Time, threads and chance; also the clock that the core is given."""

    def __init__(self, seed: int, profile: Mix) -> None:
        self.seed, self.rng = seed, Random(seed)
        self.profile = profile.drawn(self.rng)
        self.true, self.skew = float(START), 0.0
        self.hub = getcurrent()
        self.workers: list[Worker] = []
        self.graveyard: list[Worker] = []
        self.seen: Counter[str] = Counter()
        self.trace: list[tuple[Any, ...]] = []
        self.steps = 0
        self.last: Thread | None = None
        self.script: Script | None = None
        self.over = False

    # -- the clock

    def now(self) -> float:
        """The time that the workers' host shows."""
        return self.true + self.skew

    def monotonic(self) -> float:
        """The workers' steady time."""
        return self.true

    def sleep(self, seconds: float) -> None:
        """Waiting takes no turn."""
        self.true += seconds

    def true_now(self) -> float:
        """The source's time."""
        return self.true

    # -- what happened

    def note(self, what: str) -> None:
        """Count that something of a class happened."""
        self.seen[what] += 1

    def forget(self) -> None:
        """Begin anew with what is counted and traced."""
        self.seen.clear()
        self.trace.clear()
        self.steps, self.rng = 0, Random(f"{self.seed}")

    def digest(self) -> str:
        """A hash of everything that happened, in order."""
        return hashlib.blake2b(repr(self.trace).encode(), digest_size=16).hexdigest()

    # -- called inside a worker

    def point(self, port: str, what: str) -> str:
        """Stand before a call; the verdict on it. A worker that is killed here never comes back."""
        me = getcurrent()
        if me is self.hub:
            return OK
        if self.over:
            raise AssertionError("a dead worker called a port")
        assert isinstance(me, Thread)
        me.port, me.what = port, what
        return str(self.hub.switch())

    def spawn(self, worker: Worker, work: Callable[[], Any]) -> Thread:
        """Another thread of the worker."""

        def body() -> None:
            try:
                thread.result = work()
            except GreenletExit:
                raise
            except BaseException as error:
                thread.error = error

        thread = Thread(body, self.hub)
        thread.worker, thread.waits_for = worker, []
        worker.threads.append(thread)
        return thread

    def join(self, threads: list[Thread]) -> None:
        """Wait until these threads end."""
        me = getcurrent()
        assert isinstance(me, Thread)
        while not all(thread.dead for thread in threads):
            me.waits_for = threads
            me.port, me.what = "read", "join"
            self.hub.switch()
        me.waits_for = []

    # -- called by the hub

    def moves(self, rates: Mapping[str, float]) -> Iterator[str]:
        """What comes next, by chance, for as many steps as the profile has: one of these, or else "work"."""
        while self.steps < self.profile.steps:
            self.steps += 1
            roll = self.rng.random()
            for move, rate in rates.items():
                roll -= rate
                if roll < 0:
                    yield move
                    break
            else:
                yield "work"

    def short_of_workers(self) -> bool:
        """Whether a worker is missing, and is to start now."""
        return len(self.workers) < self.profile.workers and (not self.workers or self.rng.random() < 0.1)

    def start(self, name: str, mode: str, work: Callable[[Worker], Any]) -> Worker:
        """A new worker that does `work`."""
        worker = Worker(name, mode)
        self.spawn(worker, lambda: work(worker))
        self.workers.append(worker)
        return worker

    def runnable(self, asleep: bool = False) -> list[Thread]:
        """The threads that can go on."""
        return [
            thread
            for worker in self.workers
            if asleep or worker.asleep_until <= self.true
            for thread in worker.threads
            if not thread.dead and all(other.dead for other in thread.waits_for)
        ]

    def run_one(self, faults: bool = True, asleep: bool = False) -> bool:
        """Let one thread make its next call; False where none can."""
        ready = self.runnable(asleep)
        if not ready:
            return False
        rng, sticky = self.rng, self.profile.sticky or 0.0
        thread = self.last if self.last in ready and rng.random() < sticky else rng.choice(ready)
        assert thread is not None
        self.last, verdict = thread, OK
        if faults and thread.what not in ("join", "begin"):
            verdict = (
                self.script.verdict(thread.port) if self.script else self.profile.verdict(rng, thread.port, thread.what)
            )
        self.true += rng.random() * 0.3
        self.steps += 1
        self.trace.append((thread.worker.name, thread.port, thread.what, verdict, round(self.true - START, 3)))
        if verdict != OK:
            self.note(f"{thread.port}: {verdict}")
        if verdict == KILL:
            self.kill(thread.worker)
        elif verdict == SUSPEND:
            thread.worker.asleep_until = self.true + rng.choice(self.profile.naps)
        else:
            self._resume(thread, verdict)
        return True

    def go_on(self) -> None:
        """A step of a worker that runs; where all of them sleep, time passes until the first one wakes."""
        if not self.run_one() and self.workers:
            self.true = max(self.true, min(worker.asleep_until for worker in self.workers))

    def follow(self, faults: dict[int, str]) -> list[str]:
        """Let the workers run, with these faults and no others, until they end or sleep; the ports that they called."""
        self.script = script = Script(faults)
        while self.workers and self.run_one():
            pass
        self.script = None
        return script.ports

    def kill(self, worker: Worker) -> None:
        """End a process as `kill -9` does. It is kept, for a greenlet that is dropped would run its `finally`."""
        worker.killed = True
        self.workers.remove(worker)
        self.graveyard.append(worker)

    def _resume(self, thread: Thread, verdict: str) -> None:
        thread.switch(verdict) if thread else thread.switch()
        if not thread.dead:
            return
        worker, error = thread.worker, thread.error
        if error is not None and not isinstance(error, AccordError):
            raise Violation(said(error)) from error
        if worker.over and worker in self.workers:
            self.workers.remove(worker)
            self.note("run ended" if error is None else f"run ended by {type(error).__name__}")

    def finish(self, asleep: bool) -> None:
        """Let the workers end without further faults; those asleep too, or only the others."""
        for _ in range(20_000):
            if not self.run_one(faults=False, asleep=asleep):
                return
        raise Violation("liveness: a worker does not come to its end")

    def wind_down(self, zombies: bool | None, settle_down: Callable[[], None]) -> None:
        """No faults any more: all is brought to its end. Sleepers may wake before that or after."""
        self.finish(asleep=not zombies)
        self.skew = 0.0
        settle_down()
        if self.workers:
            self.note("woke after the others were done")
            self.finish(asleep=True)
            settle_down()

    def close(self) -> None:
        """Drop every thread that never ended."""
        self.over = True
        for worker in [*self.workers, *self.graveyard]:
            for thread in worker.threads:
                if thread and not thread.dead:
                    thread.throw(GreenletExit)
        self.workers.clear()
        self.graveyard.clear()


class Played:
    """What happens in the schedules of several families."""

    world: World
    profile: Any
    SPANS: ClassVar[tuple[int, ...]] = (20, 100, 700, 4000, 30_000, 200_000)  # seconds that pass at once

    def chaos(self) -> None:
        """Workers, faults and people, for so many steps."""
        for move in self.world.moves(self.profile.moves):
            getattr(self, move)()

    def jump(self) -> None:
        """Time passes."""
        self.world.true += self.world.rng.choice(self.SPANS)
        self.world.note("time jumps")

    def skew(self) -> None:
        """The host's clock is set."""
        self.world.skew = self.world.rng.choice((-90_000, -700, -5, 5, 700, 90_000))
        self.world.note("clock is set")
