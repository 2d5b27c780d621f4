"""One schedule: some time of chaos, then peace, then judgement."""

import contextlib
import functools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from unittest import mock

import templates
from databases import KINDS, SYNC, UNMAPPED, Databases
from faults import Profile
from invariants import agreement, claimed, dump, open_windows, quiet, unfollowed, watermark
from model_stripe import DAY, Habits, ModelStripe, new_customer, new_payment
from workers import Home, SimLedger
from world import BEGAN, Violation, Worker, World, said

from accord import batch, collect, deletions, fetch, plan
from accord.errors import AccordError
from accord.ledger import streams
from accord.records import Kind

Patch = tuple[Any, str, Any]

LAG = 300
SMALL: tuple[Patch, ...] = (
    (collect, "BATCH", 5),
    (fetch, "CHUNK", 4),
    (fetch, "MANY", 2),
    (fetch, "ENOUGH", 1),
    (plan, "SHORTEST", 600),
)
TOUCHY: tuple[Patch, ...] = (  # what looks like a broken source stops
    (batch, "STOP_ROWS", 0),
    (collect, "STOP_ROWS", 0),
    (deletions, "ROWS", 1),
)
DRAINS = 14
HASTY = 6  # drains that may be minutes apart
HOUR = 3600


@functools.cache
def databases() -> Databases:
    """This process's two databases."""
    return Databases()


@dataclass
class Outcome:
    """What a schedule came to."""

    seed: int
    violation: str | None
    step: int
    seen: Counter[str]
    trace: list[tuple[Any, ...]]
    digest: str

    @property
    def invariant(self) -> str | None:
        """The name of the invariant that broke."""
        return self.violation and self.violation.partition(":")[0]


@contextlib.contextmanager
def small(*more: Patch) -> Iterator[None]:
    """Batches and windows of a size that a few records fill; and what else is to be another."""
    with contextlib.ExitStack() as stack:
        for module, name, value in (*SMALL, *more):
            stack.enter_context(mock.patch.object(module, name, value))
        stack.enter_context(templates.made_once())
        yield


class _Beginning:
    """A world in which everything was read and settled once."""

    def __init__(self, schedule: "Schedule") -> None:
        model = schedule.model
        self._copies = schedule.home.databases.copies()
        self._things = {kind: {k: replace(t) for k, t in things.items()} for kind, things in model.things.items()}
        self._rest = list(model.log), model.serial, model.last_created, schedule.world.true, schedule.since

    def restore(self, schedule: "Schedule") -> None:
        """Make a schedule begin there."""
        schedule.home.databases.reset(self._copies)
        model = schedule.model
        model.things = {kind: {k: replace(t) for k, t in things.items()} for kind, things in self._things.items()}
        log, model.serial, model.last_created, schedule.world.true, schedule.since = self._rest
        model.log, model.untold = list(log), 0
        schedule.world.forget()
        schedule.home.forget()
        schedule.home.mapped_at = 0.0
        model.rng = schedule.world.rng


beginnings: dict[tuple[int, str, int, int, int], _Beginning] = {}


class Schedule:
    """The chaos and the peace of one seed."""

    def __init__(self, seed: int, profile: Profile) -> None:
        databases().reset()
        self.world = world = World(seed, profile)
        self.profile: Profile = world.profile
        assert self.profile.habits is not None
        assert self.profile.kinds is not None
        habits = Habits(**self.profile.habits)  # type: ignore[arg-type]
        habits.lag = LAG if habits.dates else LAG - 20
        self.model = ModelStripe(world.rng, world.true_now, habits, KINDS[self.profile.kinds], BEGAN)
        self.model.note, self.model.heeded = world.note, bool(self.profile.stop)
        self.home = Home(world, databases(), self.model, self.lag())
        self.home.watch, self.home.planned = self._watch, self._planned
        self.since: float | None = None
        self.outage, self.gap_at, self.remapping = False, 0.0, False
        self._begin()

    def lag(self) -> int:
        """The visibility lag that the core is told."""
        return self.profile.lag

    def _begin(self) -> None:
        if not self.profile.settled_first:
            self._history(self.world.rng)
            return
        key = (
            self.home.lag,
            str(self.profile.kinds),
            self.profile.customers,
            self.profile.payments,
            self.world.seed % 16,
        )
        if key not in beginnings:  # made alike by whichever seed comes first
            model = self.model
            self.world.rng, habits, model.habits = Random(key[-1]), model.habits, Habits()
            self._history(self.world.rng)
            self._run("changes")
            beginnings[key], model.habits = _Beginning(self), habits
        beginnings[key].restore(self)

    def _history(self, rng: Random) -> None:
        world, model = self.world, self.model
        model.rng, usual = rng, model.rng
        true, world.true = world.true, BEGAN + 3600.0
        for _ in range(self.profile.customers):
            if rng.random() >= model.habits.ties:
                world.true += rng.random() * (true - world.true) * 0.3
            new_customer(model)
        for _ in range(self.profile.payments):
            world.true += rng.random() * (true - world.true) * 0.4
            customer = model.pick("customer")  # type: ignore[arg-type]
            new_payment(model, customer.record.key if customer and rng.random() < 0.8 else None)
        world.true, model.untold, model.rng = true, 0, usual

    def _watch(self, stream: str) -> None:
        if unfollowed(self.home):
            self.since = None  # what is not known to be read is read again: the next plan begins with that
        if self.since is not None:
            watermark(self.home, stream, self.since)

    def _planned(self, began: float, kinds: Collection[Kind]) -> None:
        if self.home.mapped_at == math.inf and UNMAPPED in kinds:
            self.home.mapped_at = began
        # The first time, and where events were forgotten since: all older ones are rescanned.
        if self.since is None and began >= self.gap_at:
            self.since = began

    # -- chaos

    def chaos(self) -> None:
        """Workers, faults and changes, for so many steps."""
        for move in self.world.moves({"change": self.profile.mutate or 0, **self.profile.moves}):
            getattr(self, move)()

    def work(self) -> None:
        """A new worker where one is missing, or a step of one that runs."""
        world = self.world
        if self.remapping and not world.workers:
            self._remap()
        if self.remapping:
            pass  # those that run come to their end first
        elif world.short_of_workers():
            assert self.profile.modes is not None
            self.begin(world.rng.choice(self.profile.modes))
        world.go_on()

    def begin(self, mode: str) -> Worker:
        """A new worker starts a run."""
        if self.world.graveyard:
            self.world.note("restart after kill")
        return self.world.start(f"w{self.home.runs}", mode, lambda worker: self.home.run(mode, worker))

    def jump(self) -> None:
        """Time passes."""
        rng = self.world.rng
        low, high = rng.choice(((5, 20), (61, 130), (61, 130), (301, 700), (3600, 4 * 3600)))
        if self.profile.outage and not self.outage and rng.random() < 0.5:
            low, high, self.outage, self.since = 30 * DAY, 31 * DAY, True, None
            self.world.note("outage beyond the life of events")
        self.world.true += rng.uniform(low, high)
        if self.since is None and self.outage:
            self.gap_at = self.world.true
        self.world.note("clock jumps")

    def skew(self) -> None:
        """The clock of the workers' host is set."""
        if self.model.habits.dates:
            self.world.skew = self.world.rng.choice((0.0, 0.0, 30.0, 400.0, HOUR, 7 * HOUR, 3 * DAY))
            self.world.skew *= self.world.rng.choice((1, -1))
            self.world.note("clock is set")

    def remap(self) -> None:
        """Between two runs the mapping leaves a kind out, or names it again."""
        self.remapping = True

    def _remap(self) -> None:
        self.remapping = False
        self.home.target.whole = not self.home.target.whole
        self.home.mapped_at = math.inf
        self.world.note("mapping changed")

    def webhook(self) -> None:
        """An event arrives by itself: any, at any time, as often as it likes."""
        from accord.ledger import inbox

        if not self.model.log or self.since is None:
            return
        told = self.world.rng.choice(self.model.log)
        hints = [inbox.Hint(told.id, kind, key) for kind, key in told.hints if kind in self.home.kinds]
        self.home.ledger.commit(lambda c: inbox.receive(c, SYNC, hints, self.world.now()))
        self.world.note("webhook")

    def change(self) -> None:
        """Something changes at the source."""
        assert self.profile.changes is not None
        names = list(self.profile.changes)
        what = self.world.rng.choices(names, list(self.profile.changes.values()))[0]
        from changes import CHANGE

        CHANGE[what](self.model)
        self.world.trace.append(("source", what, round(self.world.true, 3)))

    # -- peace

    def peace(self) -> None:
        """Faults end; what is left is done, and judged. Sleepers may wake before or after."""
        world = self.world
        world.finish(asleep=not self.profile.zombies)
        world.skew, self.model.misread, self.model.lossy = 0.0, None, False
        self.home.target.whole = True
        self.settle_down()
        if world.workers:
            world.note("woke after the others were done")
            world.finish(asleep=True)
            self.settle_down()

    def settle_down(self) -> None:
        """Runs until nothing is left to do, then judgement."""
        self._drain("changes")
        if self.model.untold or self.profile.rescan_at_end:
            self._drain("rescan")
            self.model.untold = 0
            if self.profile.run_again:
                before = dump(self.home, links=False)
                self._run("rescan")
                if dump(self.home, links=False) != before and not self._unfit():
                    raise Violation("F6: a second rescan wrote something")
        agreement(self.home)
        if not self.profile.run_again:
            return
        before = dump(self.home, links=True)
        with mock.patch.object(plan, "OVERDUE", 10**9):  # a turn of the rescan would take revs
            self._run("changes")
        after = dump(self.home, links=True)
        if after != before and quiet(self.home) is None and not self._unfit():
            raise Violation("F6: a second run wrote something")

    def _run(self, mode: str) -> None:
        self.home.run(mode)

    def _drain(self, mode: str) -> None:
        left: str | None = None
        for turn in range(DRAINS):
            self.world.true += LAG + (150 if self.profile.hasty and turn < HASTY else 7 * HOUR)
            # A window that was begun before shows what was new then; what came since is read by the next run.
            begun = open_windows(self.home)
            try:
                self._run(mode if turn == 0 else "changes")
                left = quiet(self.home) or ("windows were open" if begun else None)
                claimed(self.home)
            except AccordError as error:
                left = str(error)
            if self._resume(lenient=turn > 2 or self.world.rng.random() < 0.5):
                left = "a stream was stopped"
            elif left is None:
                return
        raise Violation(f"liveness: {left}")

    def _unfit(self) -> bool:
        """Whether something is tried again each time that it is read."""
        return any(thing.unfit for thing in self.model.live(UNMAPPED))

    def _resume(self, lenient: bool) -> int:
        """Release what was stopped; how many streams that were."""
        found = list(self.home.ledger.commit(lambda c: streams.stopped(c, SYNC)))
        for stream in found:
            self.home.ledger.commit(lambda c, stream=stream: streams.release(c, SYNC, stream, lenient))
            self.world.note("resumed")
        return len(found)


def played(seed: int, world: World, ledger: SimLedger, *acts: Callable[[], None]) -> Outcome:
    """Do these one after the other; the outcome names the violation, if any."""
    violation = None
    try:
        for act in acts:
            act()
    except Exception as error:
        violation = said(error)
    finally:
        world.close()
        ledger.close()
    return Outcome(seed, violation, world.steps, world.seen, world.trace, world.digest())


def play(seed: int, profile: Profile | None = None) -> Outcome:
    """Run one schedule; the outcome names the violation, if any."""
    try:
        with small():
            schedule = Schedule(seed, profile or Profile())
    except Exception as error:  # even without faults
        return Outcome(seed, said(error), 0, Counter(), [], "")
    with small(*TOUCHY * bool(schedule.profile.stop)):
        return played(seed, schedule.world, schedule.home.ledger, schedule.chaos, schedule.peace)
