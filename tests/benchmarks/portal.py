"""How fast documents reach a portal: `python tests/benchmarks/portal.py [--documents 5000] [--rate 50 --limit 50]`.

The sandbox's portal is a process of its own, over loopback; the ledger is a SQLite file. With `--rate` the target asks
so often in a second, by the ledger's budget; with `--limit` the portal answers 429 to more.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine

from accord.budget import LedgerBreaker, SharedBudget
from accord.clock import SystemClock
from accord.documents import Document, Line, Origin, Party, State
from accord.http import Transport
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.upgrade import upgrade
from accord.records import Kind
from accord.sandbox.portal.service import TOKEN
from accord.systems.portal_api import PortalApi, classify, headers


def _document(number: int) -> Document:
    parties = {"issuer": Party(name="Atelier SRL", vat_id="RO123"), "client": Party(name=f"Client {number % 300} SRL")}
    lines = tuple(Line(name="Work", quantity="1.00", vat_rate="21", total=12_100) for _ in range(3))
    origins = dict.fromkeys(("number", "total", "currency", "state"), Origin.API)
    days = {"issued_on": "2026-11-02", "due_on": "2026-12-02"}
    known: dict[str, Any] = {"series": "ACC", "number": str(number), "total": 36_300, "paid": 0, "currency": "RON"}
    known |= parties | days | {"lines": lines, "origins": origins, "state": State.ISSUED, "position": number}
    known |= {"key": f"d_{number}", "deleted": False}
    return Document(**(dict.fromkeys(Document.__struct_fields__) | known))


def _target(url: str, engine: Engine, rate: float | None) -> PortalApi:
    ledger = Ledger(engine, Cipher(new_key()), SystemClock())
    transport = Transport(
        base_url=f"{url}/portal/v1",
        authorize=lambda: headers(TOKEN),
        classify=classify,
        budget=SharedBudget("portal", per_endpoint=None, in_all=rate, ledger=ledger, clock=ledger.clock),
        breaker=LedgerBreaker("portal", ledger, ledger.clock),
        clock=ledger.clock,
    )
    return PortalApi(transport)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=5_000)
    parser.add_argument("--rate", type=float, help="requests a second that Accord allows itself")
    parser.add_argument("--limit", type=float, help="requests a second that the portal takes")
    given = parser.parse_args()
    rows = [(1, _document(n)) for n in range(given.documents)]
    command = [sys.executable, "-m", "accord.sandbox", "--payments", "0"]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().split()[1]}"
        try:
            if given.limit:
                httpx.post(f"{url}/portal/_admin/limit", json={"per_second": given.limit}).raise_for_status()
            engine = open_database(f"sqlite:///{Path(folder) / 'ledger.db'}", "the ledger")
            upgrade(engine)
            target = _target(url, engine, given.rate)
            began = time.monotonic()
            refused = target.write("oblio/main", Kind.DOCUMENT, rows)
            seconds = time.monotonic() - began
            asked = httpx.get(f"{url}/portal/_admin/stats").json()
            began = time.monotonic()
            shown = sum(1 for _ in target.read("oblio/main", Kind.DOCUMENT))
            read = time.monotonic() - began
            target.close()
        finally:
            server.terminate()
    print(
        f"{len(rows)} documents, {len(refused)} refused: {seconds:.1f} s, {len(rows) / seconds:.0f}/s; "
        f"{asked['requests']} requests, of which 429: {asked['throttled']}; {shown} read back in {read:.1f} s"
    )


if __name__ == "__main__":
    main()
