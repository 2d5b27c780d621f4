"""One schedule of actions: invoices are issued for settled payments while much fails, then peace, then judgement."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from acting_faults import FITTING, SYSTEMS, Profile
from acting_model import Model
from databases import Databases
from faults import AWAY, FAILED, UNKNOWN
from schedule import Outcome, databases, played
from workers import SimLedger
from world import Played, Violation, Worker, World

from accord import settle
from accord.acting import act
from accord.batch import Prepared
from accord.errors import TryLater
from accord.invoicing import IssueInvoice
from accord.ledger import batches, counters
from accord.money import exponent
from accord.records import Kind, Payment
from accord.sync import Sync

SYNC = Sync("payment-to-account/main", "stripe/main", "accounts/main")
PEACE = 80  # rounds in which everything must have come to its end


class _Target:
    """Accounts that take everything; whether they did may stay unknown."""

    kinds = frozenset({Kind.PAYMENT})

    def __init__(self, world: World) -> None:
        self._world = world

    def write(self, connection: str, kind: Kind, rows: Any) -> dict[str, str]:
        """Show records."""
        if self._world.point("target", f"write {len(rows)}") in (AWAY, FAILED, UNKNOWN):
            raise TryLater("the accounts database stayed away", 30)
        return {}

    def agreed(self, connection: str, at: float) -> None:
        """Nobody looks."""


class Acting(Played):
    """The chaos and the peace of one seed."""

    SPANS = (20, 100, 400, 800, 4000)

    def __init__(self, seed: int, profile: Profile) -> None:
        self.databases: Databases = databases()
        self.databases.reset()
        self.world = world = World(seed, profile)
        self.profile: Profile = world.profile
        chosen = self.profile
        system, _, error = str(chosen.system).partition("-")
        replay = "error_400" if error else "return_same"
        self.model = Model(world, system, replay, chosen.lag or 0.0, chosen.delay or 0.0, bool(chosen.dates))
        self.ledger = SimLedger(self.databases, world)
        self.target, self.runs = _Target(world), 0
        self.before = {one.key for one in self._buy(2)}
        world.true += 10
        self.since = int(world.true)
        self.action = IssueInvoice(self.since, self.model.payments, self.model.issuer, world)
        self.settled: dict[str, str] = {}  # payments, each with the hash that was settled
        self.read: dict[int, list[Payment]] = {}  # what each batch holds

    def _buy(self, times: int) -> list[Payment]:
        for _ in range(times):
            self.model.buy("customer")
        return self.model.charges()

    # -- a worker

    def run(self) -> None:
        """Settle what is new, then act."""
        self.runs += 1
        run, ledger = f"run{self.runs}", self.ledger
        ticket = ledger.read(lambda c: counters.ticket(c, SYNC.connection))
        new = [one for one in self.model.charges() if self.settled.get(one.key) != one.fingerprint()]
        if new:
            sealed = batches.seal(ledger.cipher, SYNC.name, Kind.PAYMENT, [], [], len(new))
            number = ledger.write(lambda c: self._store(c, sealed, ticket, new))
            self.world.note(f"batch {'again' if number in self.read else 'new'}")
        for number in ledger.read(lambda c: batches.open_ids(c, SYNC.name, Kind.PAYMENT)):
            records = self.read[number]
            hashes = [one.fingerprint() for one in records]
            prepared = Prepared(number, Kind.PAYMENT, ticket, None, records=list(records), hashes=hashes)
            settle.settle(SYNC, prepared, ledger, self.target, run, {Kind.PAYMENT: ""}, [self.action])
            self.settled |= dict(zip([one.key for one in records], hashes, strict=True))
        for state, count in act(SYNC, [self.action], ledger, run, run).items():
            self.world.seen[f"ended: {state}"] += count

    def _store(self, connection: Any, sealed: Any, ticket: int, records: list[Payment]) -> int:
        number = batches.add(connection, SYNC.name, Kind.PAYMENT, sealed, ticket, self.world.now())
        self.read[number] = records
        return number

    # -- chaos

    def work(self) -> None:
        """A new worker where one is missing, or a step of one that runs."""
        world = self.world
        if world.short_of_workers():
            world.start(f"w{self.runs}", "", self._worker)
        world.go_on()

    def _worker(self, _: Worker) -> None:
        self.run()

    def buy(self) -> None:
        """Somebody pays."""
        self.model.buy(self.world.rng.choice(self.profile.kinds))

    def refund(self) -> None:
        """Somebody gets the money back."""
        self.model.refund()

    def meddle(self) -> None:
        """A person works in the series that are the action's own, while nobody else does."""
        if self.profile.system == "smartbill" and not self.world.workers:
            self.model.meddle()
            self.world.note("a number is given out again")

    # -- peace

    def peace(self) -> None:
        """No faults any more: everything comes to its end."""
        world = self.world
        world.finish(asleep=world.rng.random() < 0.5)
        for turn in range(PEACE):
            world.true += world.rng.choice((60, 400, 1000, 4000))
            self.model.catch_up()
            try:
                self.run()
            except TryLater as error:
                raise Violation(f"liveness: a run in peace has to wait: {error}") from error
            if turn > 5:
                world.finish(asleep=True)
            if turn > 8 and not self._open() and not self.model.pending:
                break
        else:
            raise Violation(f"A2: without an end: {self._open()}")
        self.judge()

    def _open(self) -> list[Any]:
        return self.databases.rows("SELECT key, state, attempt, why FROM actions WHERE state IN ('wanted', 'sending')")

    # -- judgement

    def judge(self) -> None:
        """What must hold at the end."""
        self.model.catch_up()
        rows = self.databases.rows("SELECT key, state, mark, number, why FROM actions")
        printed = self.model.issued()
        charges = {one.key: one for one in self.model.charges()}
        for key, state, mark, number, why in rows:
            mine = [one for one in printed if mark in one[0]]
            if len(mine) > 1:
                raise Violation(f"A1: {len(mine)} invoices for {key}: {mine}")
            if state not in ("done", "overtaken", "skipped", "refused", "unknown"):
                raise Violation(f"A2: {key} is {state}")
            if state in ("done", "overtaken"):
                self._right(charges[key], number, mine)
            elif mine and state in ("skipped", "refused"):
                raise Violation(f"A3: {key} is {state} ({why}), and its invoice is {mine}")
            if state == "unknown" and not self.model.meddled:
                raise Violation(f"A3: {key} is unknown ({why}), though nobody meddled")
            if mine and key in self.model.belongs:
                raise Violation(f"A6: {key} belongs to an invoice and was given another one")
        if len(printed) != sum(any(row[2] in one[0] for row in rows) for one in printed):
            raise Violation("A1: an invoice belongs to no action")
        self._complete(charges, {row[0]: row for row in rows})
        told = Counter(key for (key,) in self.databases.rows("SELECT key FROM entries WHERE change LIKE 'action %'"))
        if told != Counter(row[0] for row in rows):
            raise Violation(f"A7: entries tell {told}")

    def _right(self, payment: Payment, number: str, mine: list[tuple[str, str, str]]) -> None:
        if not mine or mine[0][1] != number:
            raise Violation(f"A3: {payment.key} is done by {number}, and there is {mine}")
        paid = Decimal(payment.captured)
        paid = paid if self.model.system == "stripe" else paid.scaleb(-exponent(payment.currency))
        if Decimal(mine[0][2]) != paid:
            raise Violation(f"A3: {payment.key} is {paid}, and its invoice {mine}")

    def _complete(self, charges: dict[str, Payment], rows: dict[str, Any]) -> None:
        """Each settled payment from the beginning on has its invoice; none from before has."""
        for key, payment in charges.items():
            if key in self.before and key in rows:
                raise Violation(f"A5: {key} is older than the action")
            free = key not in self.model.belongs and key not in self.before and not payment.refunded
            able = payment.status == "succeeded" and (
                payment.customer is not None if self.model.system == "stripe" else payment.currency != "KWD"
            )
            if free and able and (key not in rows or rows[key][1] in ("skipped", "refused")) and not self.model.meddled:
                raise Violation(f"A5: {key} has no invoice: {rows.get(key)}")


def crashes(system: str, every: int = 1) -> Iterator[tuple[str, str]]:
    """Let each call of a run meet each fault that can strike it, alone; what went wrong, if anything."""
    calls = _struck(system, {})
    for number, port in list(enumerate(calls))[::every]:
        for fault in FITTING[port]:
            try:
                _struck(system, {number: fault})
            except Violation as error:
                yield f"{system}: {fault} at call {number} ({port})", str(error)


def _struck(system: str, faults: dict[int, str]) -> list[str]:
    """One run with the faults, then peace; the ports that it called. Raises Violation."""
    still = dict.fromkeys(("buy", "refund", "jump", "skew", "meddle"), 0.0)
    acting = Acting(7, Profile(system=system, rates={}, moves=still, naps=(5000,), delay=595.0, lag=115.0))
    world = acting.world
    try:
        acting.model.buy("customer")
        acting.model.buy("customer")
        world.start("w", "", acting._worker)
        ports = world.follow(faults)
        acting.peace()
    finally:
        world.close()
        acting.ledger.close()
    return ports


def play(seed: int, profile: Profile | None = None) -> Outcome:
    """Play a seed to its end."""
    acting = Acting(seed, profile or Profile())
    return played(seed, acting.world, acting.ledger, acting.chaos, acting.peace)


__all__ = ["SYSTEMS", "Acting", "crashes", "play"]
