"""One sync in a process of its own, so that it can be killed: `one_run.py SANDBOX_URL ACCOUNTS_URL`."""

import os
import sys
from collections.abc import Callable

from accord import batch, plan, run, settings, settle, sweep
from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.collect import Collector
from accord.compare import Agreement, reconcile
from accord.http import Transport
from accord.ledger import batches, leases, streams
from accord.ledger.engine import open_database
from accord.ports import Threads
from accord.sync import Sync
from accord.systems.accounts import Accounts
from accord.systems.stripe import Stripe, classify, headers

LAG = 300


class Straight:
    """The steps of a sync as plain calls."""

    def __init__(self, url: str, accounts_url: str) -> None:
        self.ledger = settings.open_ledger()
        self.accounts_url, self._engine = accounts_url, open_database(accounts_url, "the accounts")
        self.accounts = Accounts(self._engine, SystemClock())
        self._transport = Transport(
            base_url=f"{url}/stripe",
            authorize=lambda: headers("sk_test_sandbox_full"),
            classify=classify,
            budget=Unlimited(),
            breaker=NeverOpen(),
            clock=SystemClock(),
        )
        self.stripe = Stripe(self._transport, "test")
        self.at = Sync("payment-to-account/main", "stripe/main", "accounts/main")
        self._name = f"run-{os.getpid()}"
        kinds = self.accounts.kinds
        self.collector = Collector(self.at, self.stripe, self.ledger, Threads(), self._name, kinds, LAG)

    def __enter__(self) -> "Straight":
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()
        self._engine.dispose()
        self.ledger.engine.dispose()

    def plan(self) -> None:
        plan.plan(self.at, self.stripe, self.ledger, dict.fromkeys(self.accounts.kinds, ""), LAG)

    def listen(self) -> None:
        pass

    def collect(self, stream: str) -> Callable[[], bool]:
        def more() -> bool:
            self.collector.stream(stream)
            return False

        return more

    def changed(self, turn: int) -> int:
        return self.collector.changed()

    def open_batches(self, stream: str) -> list[int]:
        return self.ledger.read(lambda c: batches.open_ids(c, self.at.name, stream))

    def unread(self, stream: str) -> bool:
        return self.ledger.read(lambda c: streams.unread_history(c, self.at.name, stream))

    def check(self, number: int) -> batch.Prepared | None:
        return batch.prepare(self.at, number, self.stripe, self.ledger, self.accounts.kinds)

    def settle(self, prepared: batch.Prepared) -> settle.Settled:
        kinds = dict.fromkeys(self.accounts.kinds, "")
        return settle.settle(self.at, prepared, self.ledger, self.accounts, self._name, kinds)

    def sweep(self) -> int:
        return sweep.sweep(self.at, self.accounts.kinds, self.ledger)

    def run(self) -> run.Tally:
        return run.run(self, self.accounts.kinds)

    def reconcile(self) -> Agreement:
        return reconcile(self.stripe, self.accounts, self.at.connection)


if __name__ == "__main__":
    # A killed worker's leases are waited out by the next one: here within a second, so that the test is quick.
    leases.TTL = 1.0
    with Straight(sys.argv[1], sys.argv[2]) as straight:
        print(straight.run(), flush=True)
