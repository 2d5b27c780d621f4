"""One run in a process of its own, and what it took: `one_run.py flow|plain|empty FAKE_STRIPE_URL FOLDER KINDS RPS`.

`flow` is the real flow on the Prefect server that the environment names, `plain` the same steps as plain functions,
and `empty` a flow that does nothing: what Python and Prefect take for themselves. The last line printed is JSON.
"""

import json
import sys
import time
from collections.abc import Callable
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
    from plain import Steps
    from scene import accounts_block, stripe_block

    from accord import run, settings
    from accord.sync import Sync
    from tasks.bench import Bench
    from tasks.standing import stand

    ledger = settings.open_ledger()
    target = accounts_block(folder, kinds).connect(ledger.clock)
    sync = Sync("payment-to-account/main", "stripe/main", "accounts/main")
    source = stripe_block(url, rps).connect(sync.connection, ledger, lambda _: None)
    steps = Steps(sync, source, ledger, target)

    def once() -> dict[str, int]:
        tally = run.run(steps, target.kinds)
        now = stand(Bench(sync, source, target, ledger, steps.collector, "plain"))
        if any(tally._replace(unchanged=0, read=0)):
            from tasks.expectations.outcome import look

            look("accounts", tally.read, sum(tally._replace(read=0)), now.sending, now.sums, now.accepted)
        return tally._asdict()

    return once


if __name__ == "__main__":
    way, url, folder, kinds, rps = sys.argv[1:]
    print(json.dumps(main(way, url, Path(folder), kinds, float(rps))), flush=True)
