"""How fast a company's invoices reach a portal: `python tests/benchmarks/oblio.py [--invoices 10000] [--limit]`.

The sandbox's Oblio is a process of its own, over loopback; ledger and portal are SQLite files; every expectation is
evaluated. With `--limit` Oblio takes 30 calls in 10 s, and Accord keeps to the budget that its block has by default.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from plain import Steps

from accord import run
from accord.budget import LedgerBreaker, Unlimited
from accord.clock import SystemClock
from accord.compare import reconcile
from accord.ledger import streams
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.upgrade import upgrade
from accord.plan import Mode
from accord.sandbox.app import application, build
from accord.sandbox.oblio import seed
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.serve import serve
from accord.sync import Sync
from accord.systems.oblio import Credentials, Invoices, Known, Rates, connect
from accord.systems.oblio.rates import DOCUMENTS_A_SECOND, READS_A_SECOND
from accord.systems.portal import Portal

SYNC = Sync("invoice-to-portal/oblio-main", "oblio/main", "portal/main")


def oblio(invoices: int) -> None:
    """Serve a sandbox whose Oblio has so many invoices."""
    sandbox = build(payments=0)
    seed.fill(sandbox.oblio.store, invoices=invoices, seed=1)
    serve(0, app=application(sandbox))


class Shop:
    """The ledger, the portal and Oblio behind its address."""

    def __init__(self, folder: Path, url: str, limit: bool) -> None:
        clock = SystemClock()
        engine = open_database(f"sqlite:///{folder / 'ledger.db'}", "the ledger")
        upgrade(engine)
        self.ledger = Ledger(engine, Cipher(new_key()), clock)
        self.portal = Portal(open_database(f"sqlite:///{folder / 'portal.db'}", "the portal"), clock)
        self.portal.create_tables()
        self._http = httpx.Client(base_url=f"{url}/oblio/_admin")
        self._http.post("/settings", params={"limit": str(limit).lower()}).raise_for_status()
        rates = Rates("oblio/main", self.ledger, clock, reads=READS_A_SECOND, documents=DOCUMENTS_A_SECOND)
        client = connect(
            base_url=f"{url}/oblio/api",
            cif=CIF,
            credentials=lambda: Credentials(CLIENT_ID, CLIENT_SECRET),
            budget=rates if limit else Unlimited(),
            breaker=LedgerBreaker("oblio/main", self.ledger, clock),
            clock=clock,
        )
        self.source = Invoices(client, Known(self.ledger, "oblio/main"), clock)

    def play(self, mode: Mode) -> str:
        """One run, and what it took."""
        self._http.get("/stats", params={"reset": "true"})
        steps = Steps(SYNC, self.source, self.ledger, self.portal, mode)
        began, cpu = time.monotonic(), time.process_time()
        tally = run.run(steps, self.portal.kinds)
        wall, cpu = time.monotonic() - began, time.process_time() - cpu
        if stopped := self.ledger.read(lambda c: streams.stopped(c, SYNC.name)):
            raise SystemExit(f"a stream is stopped: {stopped}")
        asked: dict[str, Any] = self._http.get("/stats").json()
        calls = asked["requests"]
        refused = sum(count for status, count in asked["by_status"].items() if status in ("429", "403"))
        return (
            f"{tally.read} read, {tally.created} created: {wall:.1f} s ({tally.read / wall:.0f}/s), cpu {cpu:.1f} s; "
            f"{calls} calls, {refused} refused; 30 calls in 10 s take {calls / 3:.1f} s"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--invoices", type=int, default=10_000)
    parser.add_argument("--limit", action="store_true", help="with Oblio's limit on, and Accord's budget")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return oblio(given.invoices)
    command = [sys.executable, __file__, "--serve", "--invoices", str(given.invoices)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout is not None
        try:
            url = f"http://127.0.0.1:{server.stdout.readline().split()[1]}"
            shop = Shop(Path(folder), url, given.limit)
            modes = (Mode.CHANGES, Mode.CHANGES, Mode.RESCAN)
            for what, mode in zip(("all of history", "nothing changed", "rescan of all"), modes, strict=True):
                print(f"{what}: {shop.play(mode)}", flush=True)
            found = reconcile(shop.source, shop.portal, SYNC.connection)
            print(f"agreement: {found.records} records, {len(found.disagreements)} disagreements")
        finally:
            server.terminate()
    return None


if __name__ == "__main__":
    main()
