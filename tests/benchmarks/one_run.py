"""One run in a process of its own, and what it took: `one_run.py flow|plain|empty FAKE_STRIPE_URL FOLDER KINDS RPS`.

`flow` is the real flow on the Prefect server that the environment names, `plain` the same steps as plain functions,
and `empty` a flow that does nothing: what Python and Prefect take for themselves. The last line printed is JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from prefect import flow


def main(way: str, url: str, folder: Path, kinds: str, rps: float) -> dict[str, Any]:
    """Run once, and tell what it took."""
    if way == "empty":
        flow(lambda connection: None, name="empty")("main")
        return {"cpu": time.process_time()}
    from accord.wire import Wire

    began: list[float] = []
    send = Wire.send

    def first(self: Wire, *given: Any) -> Any:
        """The first request starts the watch, and then gets out of the way."""
        began.append(time.monotonic())
        Wire.send = send  # type: ignore[method-assign]
        return send(self, *given)

    Wire.send = first  # type: ignore[method-assign]
    run = _flow if way == "flow" else _plain(url, folder, kinds, rps)
    said = run()
    wall = time.monotonic() - began[0]
    return {"wall": wall, "cpu": time.process_time(), "rss": _peak(), "records": said}


def _peak() -> float:
    """The most memory that this process ever held, in MB."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _flow() -> Any:
    from flows.payment_to_account import payment_to_account

    return payment_to_account("main")


def _plain(url: str, folder: Path, kinds: str, rps: float) -> Callable[[], Any]:
    from scene import accounts_block, stripe_block

    from accord import plan, run, settings
    from accord import settle as core
    from accord.batch import Prepared, prepare
    from accord.collect import Collector, Sync
    from accord.ledger import batches, streams
    from accord.ports import Threads
    from accord.sweep import sweep
    from flows.agree import LOOK_AGAIN
    from tasks.bench import LAG, Bench
    from tasks.examiner import examiner, prepare_examiner
    from tasks.standing import stand

    ledger = settings.open_ledger()
    target = accounts_block(folder, kinds).connect(ledger.clock)
    sync = Sync("payment-to-account/main", "stripe/main", "accounts/main")
    source = stripe_block(url, rps).connect(sync.connection, ledger, lambda _: None)
    collector = Collector(sync, source, ledger, Threads(), "plain", target.kinds, LAG, prepare_examiner)
    pool = ThreadPoolExecutor(10)

    class Steps:
        def plan(self) -> None:
            plan.plan(sync, source, ledger, target.mappings, LAG)

        def listen(self) -> None:
            pass

        def collect(self, stream: str) -> Callable[[], bool]:
            reading = pool.submit(collector.stream, stream)

            def more() -> bool:
                wait([reading], LOOK_AGAIN)
                return not reading.done() or reading.result() is None  # which raises what went wrong

            return more

        def changed(self, turn: int) -> int:
            return collector.changed()

        def open_batches(self, stream: str) -> list[int]:
            return ledger.read(lambda c: batches.open_ids(c, sync.name, stream))

        def unread(self, stream: str) -> bool:
            return ledger.read(lambda c: streams.unread_history(c, sync.name, stream))

        def check(self, batch: int) -> Prepared | None:
            prepared = prepare(sync, batch, source, ledger, target.kinds)
            if prepared is not None and prepared.records:
                prepared.reject(examiner().examine(prepared, ledger.clock.now()))
            return prepared

        def settle(self, prepared: Prepared) -> core.Settled:
            return core.settle(sync, prepared, ledger, target, "plain", target.mappings)

        def sweep(self) -> int:
            return sweep(sync, target.kinds, ledger)

    def once() -> dict[str, int]:
        tally = run.run(Steps(), target.kinds)
        now = stand(Bench(sync, source, target, ledger, collector, "plain"))
        if any(tally._replace(unchanged=0, read=0)):
            from tasks.expectations.outcome import look

            look("accounts", tally.read, sum(tally._replace(read=0)), now.sending, now.sums, now.accepted)
        return tally._asdict()

    return once


if __name__ == "__main__":
    way, url, folder, kinds, rps = sys.argv[1:]
    print(json.dumps(main(way, url, Path(folder), kinds, float(rps))), flush=True)
