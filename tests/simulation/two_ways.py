"""One schedule of bookings: into calendars and back while much fails, then peace, then judgement."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any

from databases import Databases
from schedule import LAG, Outcome, Patch, databases, played, small
from sqlalchemy import Connection
from two_ways_faults import FITTING, Profile
from two_ways_model import Office, SimBookings, SimCalendars, shows
from workers import SYNCED, SimFanOut, SimLedger, TriedTwice
from world import Played, Violation, Worker, World

from accord import conflicts, deletions, hearing, run
from accord.bookings import showing
from accord.calendar_target import CalendarTarget
from accord.calendars import Event, Seat
from accord.errors import AccordError
from accord.ledger import calendars, inbox, pairs, quarantine, streams
from accord.ledger.pairs import Pair
from accord.pairing import Policy
from accord.records import Kind

SMALLER: tuple[Patch, ...] = ((hearing, "LOOKS", 2), (deletions, "ROWS", 10**6))  # few events are not guarded here
DRAINS = 16
HOUR = 3600
PEOPLE = ("book", "rebook", "reassign", "cancel", "move", "move", "delete", "retitle")
"""What is done on both sides before a run that one fault strikes."""


class Home:
    """Everything that the workers of a schedule share. The sync has the name that the payments' schedules give it."""

    kinds = (Kind.BOOKING,)
    lag = LAG

    def __init__(self, world: World, databases: Databases, office: Office) -> None:
        self.world, self.databases, self.office = world, databases, office
        self.ledger = SimLedger(databases, world)
        self.source = SimBookings(office, SYNCED.name)
        self.runs = 0
        self.watch: Callable[[str], None] = lambda stream: None
        self.planned: Callable[[float, Collection[Kind]], None] = lambda began, kinds: None

    def target(self, worker: Worker | None) -> CalendarTarget:
        """The calendars, as one worker has them."""
        office = self.office
        accounts = {name: SimCalendars(office, name) for name in office.accounts}
        fan_out: Any = SimFanOut(self.world, worker)
        return CalendarTarget(SYNCED, accounts, dict(office.people), self.source, self.ledger, office.policy, fan_out)

    def run(self, mode: str, worker: Worker | None = None) -> run.Tally:
        """One run; raises what the run raises."""
        self.runs += 1
        return run.run(Steps(self, worker, f"run{self.runs}", mode), self.kinds)


class Steps(TriedTwice):
    """The verbs of a run; each worker has a target of its own."""

    def __init__(self, home: Home, worker: Worker | None, name: str, mode: str) -> None:
        super().__init__(home, worker, name, mode)  # type: ignore[arg-type]
        self._target = home.target(worker if self._threads else None)

    def listen(self) -> None:
        """Hear what people did."""
        self._target.listen()


class TwoWays(Played):
    """The chaos and the peace of one seed."""

    def __init__(self, seed: int, profile: Profile) -> None:
        databases().reset()
        self.world = world = World(seed, profile)
        self.profile: Profile = world.profile
        chosen = self.profile
        assert chosen.policy is not None
        self.office = Office(world, chosen.policy, bool(chosen.rewrites), chosen.omits or 0.0)
        for account in self.office.accounts.values():
            account.PAGE = chosen.page or account.PAGE
        self.home = Home(world, databases(), self.office)
        self.office.known, self.office.ended, self.office.resume = self._known, self._ended, self._resume
        for _ in range(chosen.bookings):
            self.office.book()

    def _known(self, seat: Seat, id: str) -> bool:
        sql = "SELECT 1 FROM pairs WHERE account = ? AND calendar = ? AND event = ?"
        return bool(self.home.databases.ledger_db.execute(sql, (*seat, id)).fetchall())

    def _ended(self, seat: Seat, name: str) -> bool:
        sql = "SELECT 1 FROM pairs WHERE account = ? AND calendar = ? AND key = ? AND state != 'gone'"
        return not self.home.databases.ledger_db.execute(sql, (*seat, name.rpartition(":")[2])).fetchall()

    def _resume(self, seat: Seat) -> None:
        """A person lets a paused calendar go on."""

        def release(c: Connection) -> None:
            inbox.wake(c, SYNCED.name, "calendar", [str(seat)], self.home.ledger.now(c))
            calendars.release(c, SYNCED.name, str(seat), lenient=False)

        self.home.ledger.commit(release)

    def _let_go_on(self) -> None:
        """A person has what is in quarantine looked at again, and paused calendars go on."""
        for seat in self.home.ledger.commit(lambda c: calendars.paused(c, SYNCED.name)):
            self._resume(seat)

        def retry(c: Connection) -> None:
            refs = [(row.kind, row.key) for row in quarantine.listed(c)]
            inbox.look_again(c, SYNCED.name, refs, "retry", "a person asked for it", self.home.ledger.now(c))

        self.home.ledger.commit(retry)

    def begin(self) -> None:
        """What came before the chaos."""
        if self.profile.first:
            self.home.run("changes")

    # -- chaos

    def work(self) -> None:
        """A new worker where one is missing, or a step of one that runs."""
        world = self.world
        if world.short_of_workers():
            mode = world.rng.choice(self.profile.modes)
            world.start(f"w{self.home.runs}", mode, lambda worker: self.home.run(mode, worker))
        world.go_on()

    def change(self) -> None:
        """Somebody works on one of both sides."""
        assert self.profile.changes is not None
        what = self.world.rng.choices([*self.profile.changes], [*self.profile.changes.values()])[0]
        self.keep() if what == "keep" else getattr(self.office, what)()
        self.world.trace.append(("people", what, round(self.world.true, 3)))

    def keep(self) -> None:
        """A person says which side of a conflict counts."""
        ledger = self.home.ledger
        waiting = ledger.commit(lambda c: pairs.conflicts(c, ledger.cipher, SYNCED.name))
        if waiting:
            pair, side = self.world.rng.choice(waiting), self.world.rng.choice(("booking", "calendar"))
            ledger.commit(lambda c: conflicts.keep(c, ledger, SYNCED, pair, side))
            self.office.chosen.add(pair.key)
            self.office.chose[pair.key] = pair.booking.version if pair.booking else 0
            self.world.note("a person chose a side")

    # -- peace

    def peace(self) -> None:
        """No faults any more: both sides come to agree. Sleepers may wake before that or after."""
        self.office.calm = True
        for seat in sorted(self.office.withdrawn):
            self.office.give_back(seat)
        for account in self.office.accounts.values():
            account.failing = None
            if self.profile.omits:  # what a list left out was heard by nobody
                account.forget_tokens()
        self.world.wind_down(self.profile.zombies, self.settle_down)

    def settle_down(self) -> None:
        """Runs until nothing is left to do, judgement, and two more runs, which write nothing."""
        left: str | None = None
        for turn in range(DRAINS):
            self.world.true += 7 * HOUR
            self.office.catch_up()
            self._let_go_on()
            try:
                self.home.run("rescan" if turn == 1 else "changes")
                left = self._open() or self._wrong()
            except AccordError as error:
                left = f"B5: a run in peace fails: {error}"
            if left is None and turn > 2:
                break
        else:
            raise Violation(str(left))
        before = self.office.writes, self.home.databases.rows("SELECT count(*) FROM entries")
        for mode in ("changes", "rescan"):
            self.world.true += 7 * HOUR
            self.home.run(mode)
            if (self.office.writes, self.home.databases.rows("SELECT count(*) FROM entries")) != before:
                raise Violation(f"B6: a second run ({mode}) wrote something")

    # -- judgement

    def _open(self) -> str | None:
        """What waits; None where nothing does."""
        for table, where in (
            ("batches", ""),
            ("windows", ""),
            ("links", "WHERE state = 'sending'"),
            ("inbox", "WHERE state = 'new'"),
            ("quarantine", ""),
            ("calendars", "WHERE paused IS NOT NULL"),
            ("pairs", "WHERE state IN ('making', 'deleting') OR (sent != '[]' AND state != 'conflict')"),
            ("pairs", "WHERE seen IS NOT NULL AND state != 'conflict'"),
        ):
            if found := self.home.databases.rows(f"SELECT * FROM {table} {where}"):
                return f"B5: {table} are left: {found[:3]}"
        if stopped := self.home.ledger.commit(lambda c: streams.stopped(c, SYNCED.name)):
            return f"B5: stopped: {stopped}"
        return None

    def _wrong(self) -> str | None:
        """B1: each booking is shown as it is, once, in the right calendar, or is a conflict that tells both."""
        office, ledger = self.office, self.home.ledger
        conflicts = ledger.commit(lambda c: pairs.conflicts(c, ledger.cipher, SYNCED.name))
        named = {(p.seat, p.key): p for p in conflicts if p.seen and p.seen.event and p.seen.event.series}
        waiting = {p.key: p for p in conflicts if (p.seat, p.key) not in named}
        shown: dict[str, list[tuple[Seat, Event]]] = {}
        for name, event in office.events():
            assert event.mark is not None
            if event.series:
                if why := self._unnamed(name, event, {p.event for p in named.values()}):
                    return why
                continue
            shown.setdefault(event.mark.name.rpartition(":")[2], []).append((Seat(name, event.calendar), event))
        if twice := sorted(key for key, of in shown.items() if len(of) > 1):
            return f"B2: shown more than once: {[(key, shown[key]) for key in twice]}"
        for key in sorted({*office.bookings.held, *shown}):
            if why := self._differs(
                key, shown.get(key, []), waiting.get(key), {seat for seat, of in named if of == key}
            ):
                return f"B1: {key} {why}"
        for name, copy in office.copies.values():
            if not copy.original and office.accounts[name].held[copy.calendar].get(copy.id) != copy:
                return f"B7: the copy {copy.id} is not as its person left it"
        return None

    def _unnamed(self, name: str, series: Event, named: Collection[str | None]) -> str | None:
        """A series that a person made of a booking's event is a conflict, unless it was left to them."""
        sql = "SELECT state FROM pairs WHERE account = ? AND calendar = ? AND event = ? AND state != 'gone'"
        found = self.home.databases.ledger_db.execute(sql, (name, series.calendar, series.id)).fetchall()
        return f"B7: nobody is told of the series {series.id}" if found and series.id not in named else None

    def _differs(
        self, key: str, shown: list[tuple[Seat, Event]], conflict: Pair | None, series: Collection[Seat]
    ) -> str | None:
        office = self.office
        booking = office.bookings.held.get(key)
        seat = office.people[booking.person] if booking else None
        place = booking and office.accounts[seat.account].rewrites(booking.place)  # type: ignore[union-attr]
        takes = booking and booking.takes
        wanted = {showing(takes, one) for one in (place, booking.place)} if booking and takes else None
        there = shows(shown[0][1]) if shown else None
        if conflict is not None:
            seen = conflict.seen.event if conflict.seen else None
            if conflict.booking != booking:
                return "waits as a conflict with another version of the booking"
            if (seen and shows(seen)) != there:
                return "waits as a conflict with another version of the event"
            # What a server made of a place, where its answer was lost, may be what a person made of it.
            return (
                "waits as a conflict and agrees"
                if booking and takes and there == showing(takes, booking.place)
                else None
            )
        if wanted is None:
            return f"is gone and shown: {shown}" if shown else None
        if there is None:
            return None if seat in series else "is not shown"
        if shown[0][0] != seat:
            return f"is in {shown[0][0]}, not in {seat}"
        if there not in wanted:
            return "differs"
        wrong = shown[0][1].title != f"<b>{booking.title}</b>" and not shown[0][1].title.startswith("my")  # type: ignore[union-attr]
        return "has an older title" if wrong else None


def crashes(policy: Policy, every: int = 1) -> Iterator[tuple[str, str]]:
    """Let each call of a run meet each fault that can strike it, alone; what went wrong, if anything."""
    calls = _struck(policy, {})
    for number, port in list(enumerate(calls))[::every]:
        for fault in FITTING[port]:
            try:
                _struck(policy, {number: fault})
            except Violation as error:
                yield f"{policy}: {fault} at call {number} ({port})", str(error)


def _struck(policy: Policy, faults: dict[int, str]) -> list[str]:
    """A run after people worked on both sides, with the faults, then peace; the ports that it called."""
    still = dict.fromkeys(("change", "jump", "skew"), 0.0)
    with small(*SMALLER):
        profile = Profile(policy=policy, workers=1, rates={}, moves=still, first=True, threads=False, rewrites=False)
        two = TwoWays(7, replace(profile, omits=0.0, page=3, zombies=True, naps=(5000,), sticky=0.0, bookings=6))
        world = two.world
        try:
            two.begin()
            for what in PEOPLE:
                getattr(two.office, what)()
            world.true += HOUR
            world.start("w", "changes", lambda worker: two.home.run("changes", worker))
            ports = world.follow(faults)
            two.peace()
        finally:
            world.close()
            two.home.ledger.close()
    return ports


def play(seed: int, profile: Profile | None = None) -> Outcome:
    """Play a seed to its end."""
    with small(*SMALLER):
        two = TwoWays(seed, profile or Profile())
        return played(seed, two.world, two.home.ledger, two.begin, two.chaos, two.peace)
