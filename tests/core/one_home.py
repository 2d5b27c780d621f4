"""A sync as one worker runs it: the core bound to a ledger, a source and a target, step by step."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection

from accord import batch, plan, run, settle, sweep
from accord.batch import Prepared
from accord.collect import Collector
from accord.ledger import batches, counters, entries, inbox, links, quarantine, streams
from accord.ledger.engine import Ledger
from accord.plan import Mode
from accord.ports import FanOut, Listens, Target, Threads
from accord.records import Kind, Record
from accord.run import Tally
from accord.settle import Settled
from accord.sync import EVENT, Sync
from accord.systems.accounts import Accounts

LAG = 300
SYNC = Sync("payment-to-account/main", "stripe/main", "accounts/main")
KINDS = frozenset({Kind.CUSTOMER, Kind.PAYMENT, Kind.REFUND, Kind.LEG})


class Straight:
    """Fan-out without threads, in order."""

    def repeat(self, step: Callable[[], bool], width: Callable[[], int]) -> None:
        while step():
            pass

    def map(self, call: Callable[[Any], Any], items: Any, width: int) -> list[Any]:
        return [call(item) for item in items]


class Noted:
    """A target that notes what it is asked to write, and can be told to do something first."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.kinds, self.read, self.fields, self.sums = accounts.kinds, accounts.read, accounts.fields, accounts.sums
        self.engine, self.accounts = accounts._engine, accounts
        self.written: list[tuple[Kind, str, int]] = []
        self.before: Callable[[], object] = lambda: None

    def write(self, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]) -> dict[str, str]:
        before, self.before = self.before, lambda: None
        before()
        refused = self._accounts.write(connection, kind, rows)
        self.written += [(kind, record.key, rev) for rev, record in rows if record.source_key not in refused]
        return refused

    def agreed(self, connection: str, at: float) -> None:
        self._accounts.agreed(connection, at)


class Home:
    """A sync of the shop with a target, as one worker runs it."""

    def __init__(
        self,
        ledger: Ledger,
        shop: Any,
        target: Target | None = None,
        kinds: Collection[Kind] = KINDS,
        worker: str = "run",
        threads: bool = False,
        sync: Sync = SYNC,
    ) -> None:
        self.ledger, self.shop, self.target, self.kinds = ledger, shop, target, kinds
        self.sync = sync
        self.worker = worker
        self.since: int | None = None
        self.mappings: dict[Kind, str] = {}
        fan_out: FanOut = Threads() if threads else Straight()
        self.collector = Collector(self.sync, shop, ledger, fan_out, worker, kinds, LAG)

    @property
    def mapped(self) -> dict[Kind, str]:
        """The kinds, each with a digest of where it goes."""
        return dict.fromkeys(self.kinds, "") | self.mappings

    def plan(self, mode: Mode = Mode.CHANGES, since: int | None = None, until: int | None = None) -> None:
        plan.plan(self.sync, self.shop, self.ledger, self.mapped, LAG, mode, since or self.since, until)

    def listen(self) -> None:
        if isinstance(self.target, Listens):
            self.target.listen()

    def collect(self, stream: str) -> Callable[[], bool]:
        self.collector.stream(stream)
        return lambda: False

    def changed(self, turn: int = 0) -> int:
        return self.collector.changed()

    def unread(self, stream: str) -> bool:
        return self.ledger.read(lambda c: streams.unread_history(c, self.sync.name, stream))

    def open_batches(self, stream: str) -> list[int]:
        return self.ledger.read(lambda c: batches.open_ids(c, self.sync.name, stream))

    def check(self, number: int) -> Prepared | None:
        return batch.prepare(self.sync, number, self.shop, self.ledger, self.kinds)

    def settle(self, prepared: Prepared) -> Settled:
        assert self.target is not None
        return settle.settle(self.sync, prepared, self.ledger, self.target, self.worker, self.mapped)

    def sweep(self) -> int:
        return sweep.sweep(self.sync, self.kinds, self.ledger)

    def run(self) -> Tally:
        return run.run(self, self.kinds)

    def begin(self) -> "Home":
        """Know every stream, without a window to read."""

        def put(connection: Connection) -> None:
            for stream in (*self.kinds, EVENT):
                streams.put(connection, self.sync.name, stream, watermark=0)

        self.ledger.write(put)
        return self

    def beside(self, worker: str = "other", shop: Any = None) -> "Home":
        """Another worker on the same sync, with the same source or one of its own."""
        return Home(self.ledger, shop or self.shop, self.target, self.kinds, worker, sync=self.sync)

    def open_window(self, lo: int, hi: int, stream: str = Kind.PAYMENT, purpose: str = "backfill") -> None:
        self.ledger.write(lambda c: streams.plan(c, self.sync.name, stream, purpose, [(lo, hi)], 0))

    def open_recent(self, lo: int, hi: int, stream: str = EVENT) -> None:
        self.ledger.write(lambda c: streams.plan_recent(c, self.sync.name, stream, lo, hi, 0))

    def windows(self, stream: str, state: str = "open") -> list[streams.Window]:
        return self.ledger.read(lambda c: streams.in_state(c, self.sync.name, stream, state))

    def stream(self, stream: str) -> streams.Stream:
        found = self.ledger.read(lambda c: streams.get(c, self.sync.name, stream))
        assert found is not None
        return found

    def batch(self, number: int) -> batches.Batch:
        found = self.ledger.read(lambda c: batches.load(c, self.ledger.cipher, self.sync.name, number))
        assert found is not None
        return found

    def stored(self, kind: Kind) -> list[str]:
        """The keys of all records in open batches of a kind, in the order in which they were stored."""
        found = [self.batch(number) for number in self.open_batches(kind)]
        return [one.key for b in found for page in b.pages for one in self.shop.records(kind, page)]

    def hints(self) -> int:
        """Hints that are not dealt with."""
        return self.ledger.read(lambda c: inbox.waiting(c, self.sync.name))

    def quarantined(self) -> dict[str, list[str]]:
        kept = self.ledger.read(lambda c: quarantine.listed(c, self.sync.name))
        return {row.key: row.reasons for row in kept}

    def read_all(
        self, *records: Record, kind: Kind = Kind.PAYMENT, gone: Collection[str] = (), alone: bool = False
    ) -> int:
        """Store a batch as if these records had been read just now; its number."""
        pages = [msgspec.json.encode({"object": "list", "data": [msgspec.Raw(self.shop.encoded(r)) for r in records]})]
        sealed = batches.seal(self.ledger.cipher, self.sync.name, kind, pages, list(gone), len(records) + len(gone))

        def store(connection: Connection) -> int:
            ticket, claim = counters.ticket(connection, self.sync.connection), "alone" if alone else None
            return batches.add(connection, self.sync.name, kind, sealed, ticket, 0.0, claim=claim)

        return self.ledger.write(store)

    def settle_batch(self, number: int) -> Settled | None:
        prepared = self.check(number)
        return None if prepared is None else self.settle(prepared)

    def settle_all(self) -> Tally:
        """Every open batch, parents first, without reading anything more."""
        tally = Tally()
        for kind in Kind:
            for number in self.open_batches(kind):
                settled = self.settle_batch(number)
                tally = tally if settled is None else tally.plus(settled)
        return tally

    def shown(self, kind: Kind = Kind.PAYMENT) -> dict[str, dict[str, Any]]:
        """What the target shows of a kind."""
        target: Any = self.target
        fields = target.fields(kind)
        rows = target.read(self.sync.connection, kind)
        return {key: dict(zip(fields, values, strict=True)) for key, _, values in rows}

    def link(self, key: str, kind: Kind = Kind.PAYMENT) -> links.Link:
        sync = self.sync
        return self.ledger.read(lambda c: links.load(c, sync.target, sync.connection, kind, [key]))[key]

    def told(self, key: str) -> list[tuple[str, int | None]]:
        """The changes made to a record, each with its rev."""
        return [(one.change, one.rev) for one in self.ledger.read(lambda c: entries.story(c, key))]
