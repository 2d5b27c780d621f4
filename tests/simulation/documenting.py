"""One schedule of documents: sources without events into a portal while much fails, then peace, then judgement."""

import functools
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any
from unittest import mock

from databases import Databases
from documents_faults import DISTURBED, Profile
from documents_model import CIF, PAGE, Books, Oblio, SmartBill
from documents_portal import ApiPortal, PortalDatabase, SqlPortal
from schedule import LAG, Outcome, Patch, databases, played, small
from workers import SYNCED, SimFanOut, SimLedger, TriedTwice
from world import Played, Violation, Worker, World

from accord import plan, run
from accord.errors import AccordError
from accord.ledger import streams
from accord.records import Kind
from accord.systems.oblio import recent
from accord.systems.oblio import source as oblio_source
from accord.systems.oblio import walk as oblio_walk
from accord.systems.oblio.known import Known
from accord.systems.smartbill import pdf
from accord.systems.smartbill import source as smartbill_source
from accord.systems.smartbill import walk as smartbill_walk

TINY: tuple[Patch, ...] = (  # pages of a size that a few documents fill
    (oblio_walk, "PAGE", PAGE),
    (recent, "PAGE", PAGE),
    (recent, "ALONE", 2),
    (smartbill_source, "PAGE", 4),
    (smartbill_source, "FRESH", 3),
    (smartbill_walk, "LOST", 6),
    (pdf, "text", lambda body: body.removeprefix(b"%PDF-").decode()),
)
DRAINS = 16
HOUR = 3600


@functools.cache
def portal_database() -> PortalDatabase:
    """This process's SQL portal."""
    return PortalDatabase()


class Home:
    """Everything that the workers of a schedule share. The sync has the name that the payments' schedules give it."""

    kinds = (Kind.DOCUMENT,)
    lag = LAG

    def __init__(self, world: World, databases: Databases, books: Books, source: Any, target: Any) -> None:
        self.world, self.databases, self.books = world, databases, books
        self.ledger = SimLedger(databases, world)
        self.source, self.target = source(self.ledger), target
        self.runs = 0
        self.watch: Callable[[str], None] = lambda stream: None
        self.planned: Callable[[float, Collection[Kind]], None] = lambda began, kinds: None

    def run(self, mode: str, worker: Worker | None = None) -> run.Tally:
        """One run; raises what the run raises."""
        self.runs += 1
        return run.run(Steps(self, worker, f"run{self.runs}", mode), self.kinds)


class Steps(TriedTwice):
    """The verbs of a run; each worker has a client of the target of its own."""

    def __init__(self, home: Home, worker: Worker | None, name: str, mode: str) -> None:
        super().__init__(home, worker, name, mode)  # type: ignore[arg-type]
        self._target = home.target.worker(SimFanOut(home.world, worker if self._threads else None))


class Documenting(Played):
    """The chaos and the peace of one seed."""

    def __init__(self, seed: int, profile: Profile) -> None:
        databases().reset()
        portal_database().reset()
        self.world = world = World(seed, profile)
        self.profile: Profile = world.profile
        chosen = self.profile
        make = Oblio if chosen.system == "oblio" else SmartBill
        self.books = make(world, bool(chosen.alike), bool(chosen.dates))
        target: Any = SqlPortal(world, portal_database()) if chosen.target == "sql" else ApiPortal(world)
        self.home = Home(world, databases(), self.books, self._source, target)
        self.books.history(chosen.documents)

    def begin(self) -> None:
        """What came before the chaos."""
        if self.profile.first == "read":
            self.home.run("changes")
        elif self.profile.first == DISTURBED:
            self._disturbed()

    def _disturbed(self) -> None:
        """D10: all is read while somebody works for a moment; what stays there is shown by that alone."""
        world, before = self.world, {*self.books.there}
        world.start("first", "changes", lambda worker: self.home.run("changes", worker))
        for _ in range(world.rng.randrange(60)):
            world.run_one(faults=False)
        for what in world.rng.choices(("delete", "issue"), (3, 1), k=world.rng.choice((1, 1, 2, 3))):
            self.books.change(what)
        world.finish(asleep=True)
        self._look()
        there = {self.books.name(one) for uid, one in self.books.there.items() if uid in before}
        if missing := there - {name for name, _ in self._shown()}:
            raise Violation(f"D10: never met: {sorted(missing)}")

    def _source(self, ledger: SimLedger) -> Any:
        api: Any = self.books
        if self.profile.system == "oblio":
            return oblio_source.Invoices(api, Known(ledger, SYNCED.connection), self.world)
        return smartbill_source.Invoices(api, SYNCED.connection, ledger, CIF)

    # -- chaos

    def work(self) -> None:
        """A new worker where one is missing, or a step of one that runs."""
        world = self.world
        assert self.profile.modes is not None
        if world.short_of_workers():
            mode = world.rng.choice(self.profile.modes)
            world.start(f"w{self.home.runs}", mode, lambda worker: self.home.run(mode, worker))
        world.go_on()

    def change(self) -> None:
        """Somebody works in the source."""
        assert self.profile.changes is not None
        what = self.world.rng.choices([*self.profile.changes], [*self.profile.changes.values()])[0]
        self.books.change(what)
        self.world.trace.append(("source", what, round(self.world.true, 3)))

    # -- peace

    def peace(self) -> None:
        """No faults any more: all is read and shown."""
        self.world.wind_down(self.profile.zombies, self.settle_down)

    def settle_down(self) -> None:
        """Runs that look for changes, and what those must find; then all is read again, and all must be shown."""
        self._look()
        self._drain("rescan", self._wrong)
        self._still()

    def _look(self) -> None:
        with mock.patch.object(plan, "OVERDUE", 10**9):  # a turn of the rescan would find what these runs must
            self._drain("changes", self._polled)

    def _drain(self, mode: str, wrong: Callable[[], str | None]) -> None:
        left: str | None = None
        for turn in range(DRAINS):
            self.world.true += 7 * HOUR
            self.home.target.catch_up()
            try:
                self.home.run(mode if turn == 0 else "changes")
                left = self._open() or wrong()
            except AccordError as error:
                left = f"D6: a run in peace fails: {error}"
            if left is None and turn > 1:
                return
        raise Violation(str(left))

    def _still(self) -> None:
        """Two more runs, which write nothing."""
        target = self.home.target
        before = target.writes, self.home.databases.rows("SELECT count(*) FROM entries")
        for mode in ("changes", "rescan"):
            self.home.run(mode)
            if (target.writes, self.home.databases.rows("SELECT count(*) FROM entries")) != before:
                raise Violation(f"D7: a second run ({mode}) wrote something")

    # -- judgement

    def _open(self) -> str | None:
        """What waits; None where nothing does."""
        for table, where in (
            ("batches", ""),
            ("windows", ""),
            ("links", "WHERE state = 'sending'"),
            ("inbox", "WHERE state = 'new'"),
        ):
            if found := self.home.databases.rows(f"SELECT * FROM {table} {where}"):
                return f"D6: {table} are left: {found[:3]}"
        if self.home.ledger.commit(lambda c: streams.doubted(c, SYNCED.name)):
            return "D6: all of it is to be read again"
        if stopped := self.home.ledger.commit(lambda c: streams.stopped(c, SYNCED.name)):
            return f"D6: stopped: {stopped}"
        return None

    def _shown(self) -> list[tuple[str, dict[str, Any]]]:
        """Every document that the portal shows as being there, by the name under which the source has it."""
        target = self.home.target
        target = target.accounts if isinstance(target, SqlPortal) else target
        fields = target.fields(Kind.DOCUMENT)
        rows = target.read(SYNCED.connection, Kind.DOCUMENT)
        return [
            (self.books.named(key), dict(zip(fields, values, strict=True)))
            for key, deleted, values in rows
            if not deleted
        ]

    def _wrong(self) -> str | None:
        """D1: the portal shows what the source does, each document once, and none beside; and says what it can not."""
        expected, unsound = self.books.expected(), self.books.unsound()
        kept = {self.books.named(key) for (key,) in self.home.databases.rows("SELECT key FROM quarantine")}
        if kept != unsound:
            return f"D8: in quarantine are {sorted(kept)}, unsound are {sorted(unsound)}"
        shown = self._shown()
        if twice := [name for name, times in Counter(name for name, _ in shown).items() if times > 1]:
            return f"D5: shown twice: {twice}"
        for name, row in shown:
            if name not in expected:
                return f"D1: {name} is shown and is not there: {row['mentions']}"
            if name not in unsound and (why := _differs(row, expected[name])):
                return f"D1: {name} {why}"
        missing = expected.keys() - {name for name, _ in shown} - unsound
        return f"D1: not shown: {sorted(missing)}" if missing else None

    def _polled(self) -> str | None:
        """D9: of what is shown as not paid, all is as it is at the source, also where nothing tells of a change.

        Not where all is gone at once, which each run leaves to the nightly one; nor where a storno is not found yet:
        numbers that were given out while history was read may be known only once it is read again.
        """
        if not self.books.there:
            return None
        there = {name for name, _ in self._shown()}
        stornos = [one for one in self.books.there.values() if one.reverses]
        unfound = {self.books.name(one.reverses) for one in stornos if self.books.name(one) not in there}
        expected, unsound = self.books.expected(), self.books.unsound()
        for name, row in self._shown():
            if row["state"] not in ("issued", "partly paid") or name in unsound | unfound:
                continue
            if name not in expected:
                return f"D9: {name} is shown as {row['state']} and is not there"
            if why := _differs(row, expected[name]):
                return f"D9: {name} {why}"
        return None


def _differs(row: dict[str, Any], expected: dict[str, Any]) -> str | None:
    wrong = {field: (row[field], value) for field, value in expected.items() if row[field] != value}
    return f"differs (shown, true): {wrong}" if wrong else None


def play(seed: int, profile: Profile | None = None) -> Outcome:
    """Play a seed to its end."""
    with small(*TINY):
        one = Documenting(seed, profile or Profile())
        return played(seed, one.world, one.home.ledger, one.begin, one.chaos, one.peace)
