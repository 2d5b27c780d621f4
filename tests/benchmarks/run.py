"""How fast a sync is: `python tests/benchmarks/run.py --fakestripe FILE [--charges 100000] [--rounds 3]`.

Each round starts with an empty ledger and empty accounts (SQLite) and a fake Stripe of so many charges, and goes
through four phases: all of history, nothing changed, 1 % new charges, 1 % of old charges refunded. Every phase is a
run of the real flow in a process of its own on a standing Prefect server, with all checks on; after each, both sides
are compared. The same is done by the same steps as plain functions, to tell what Prefect takes.
"""

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from servers import Servers, environment

from deployments.children import free_port

HERE = Path(__file__).resolve().parent
PHASES = {"all of history": None, "nothing changed": None, "1 % new": "append", "1 % refunded": "mutate"}


class Took(NamedTuple):
    """What one run took."""

    wall: float  # seconds from the first request to the end of the run
    cpu: float  # seconds of the run's process, its start included
    rss: float  # MB, at its highest
    requests: int
    pages: int  # of lists, among the requests
    limited: int  # of the requests, answered 429
    changed: int  # payments, refunds and legs that the fake has new or altered
    records: int
    tasks: int
    batches: int


def main() -> int:
    """Measure, and print a table; 1 where both sides do not agree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--charges", type=int, default=100_000, help="that the fake Stripe has (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of which the medians are shown (%(default)s)")
    parser.add_argument("--latency-ms", type=float, default=0, help="of each answer (%(default)s)")
    parser.add_argument("--rps", type=float, default=0, help="requests a second that are let through (0: no limit)")
    parser.add_argument(
        "--kinds",
        choices=["money", "all"],
        default="money",
        help="records that are read: customers, payments, refunds, disputes and legs, or all eight kinds (%(default)s)",
    )
    parser.add_argument("--ways", default="flow,plain", help="flow, plain or both (%(default)s)")
    parser.add_argument("--fakestripe", type=Path, required=True, help="the fake's program (docs/performance.md)")
    parser.add_argument("--json", action="store_true", help="print JSON, with every round")
    given = parser.parse_args()
    if not given.fakestripe.is_file():
        parser.error(f"there is no {given.fakestripe}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="accord-benchmark-") as home:
        shown = _measure(given, Path(home))
    print(json.dumps(shown, indent=1) if given.json else _table(given, shown))
    return 0


def _measure(given: argparse.Namespace, home: Path) -> dict[str, Any]:
    """What every run has to pay for, and the rounds, each as way -> phase -> what it took."""
    fake, prefect = free_port(0), free_port(0)
    os.environ.update(environment(home, prefect))
    from scene import RESOURCES  # only now: Prefect looks at the environment when it is imported

    servers, url = Servers(home), f"http://127.0.0.1:{fake}"
    servers.start(
        "fakestripe",
        str(given.fakestripe),
        "--port",
        str(fake),
        "--n",
        str(given.charges),
        "--latency-ms",
        str(given.latency_ms),
        "--rps",
        str(given.rps),
        "--preload",
        ",".join(RESOURCES.values()),
    )
    servers.start("prefect", "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(prefect))
    try:
        servers.wait(f"{os.environ['PREFECT_API_URL']}/health")
        servers.wait(f"{url}/_admin/stats")
        rounds = [
            {way: _phases(given, url, home / f"{way}-{number}", way) for way in given.ways.split(",")}
            for number in range(given.rounds)
        ]
        return {"load": os.getloadavg()[0], **_fixed(), "rounds": rounds}
    finally:
        servers.stop()


def _phases(given: argparse.Namespace, url: str, folder: Path, way: str) -> dict[str, Any]:
    from scene import RESOURCES, ask, prepare

    from accord.records import Kind

    prepare(folder, url, given.kinds, given.rps)
    took, before = {}, dict.fromkeys(RESOURCES, 0)
    for phase, change in PHASES.items():
        altered = 0  # a refund alters its payment, besides what it adds
        if change is not None:
            altered = ask(f"{url}/_admin/{change}?pct=1").get("mutate", 0)
            time.sleep(2.1)  # the fake dates what it adds up to a second ahead
        truth = {kind: ask(f"{url}/_admin/truth?resource={name}") for kind, name in RESOURCES.items()}
        ask(f"{url}/_admin/stats?reset=1")
        found = _run(way, url, folder, given)
        asked = ask(f"{url}/_admin/stats?reset=1")
        _compare(folder, phase, truth, given.kinds)
        print(f"{way}, {phase}: {found['wall']:.1f} s, {found['cpu']:.1f} s of CPU", file=sys.stderr, flush=True)
        tasks, batches = _task_runs() if way == "flow" else (0, 0)
        counts = {kind: truth[kind]["count"] for kind in before}
        changed = altered + sum(counts[kind] - before[kind] for kind in (Kind.PAYMENT, Kind.REFUND, Kind.LEG))
        pages = sum(number for path, number in asked["by_path"].items() if "{id}" not in path and "account" not in path)
        took[phase] = Took(
            wall=found["wall"],
            cpu=found["cpu"],
            rss=found["rss"],
            requests=asked["requests"],
            pages=pages,
            limited=asked["rate_limited"],
            changed=changed,
            records=sum(found["records"][what] for what in ("created", "updated", "deleted", "unchanged")),
            tasks=tasks,
            batches=batches,
        )._asdict()
        before = counts
    return took


def _run(way: str, url: str, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One run in a process of its own; what it said of itself."""
    command = [sys.executable, str(HERE / "one_run.py"), way, url, str(folder), given.kinds, str(given.rps)]
    # In an empty folder, as a worker would: nothing may be found by being near.
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    (folder / "run.log").write_text(ran.stderr)
    if ran.returncode:
        raise SystemExit(f"the run failed:\n{ran.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def _compare(folder: Path, phase: str, truth: dict[str, dict[str, int]], kinds: str) -> None:
    """Hold the accounts against what the fake says that it shows. Ends the benchmark where they differ."""
    sums = {
        "customer": ("customers", "0", "0"),
        "payment": ("payments", "amount", "refunded"),
        "refund": ("refunds", "amount", "0"),
        "leg": ("account_legs", "gross", "0"),
    }
    if kinds == "all" and phase == "all of history":  # later ones come without an event, which only the fake does
        sums |= {"intent": ("payment_intents", "amount", "0"), "invoice": ("invoices", "total", "0")}
    with sqlite3.connect(folder / "accounts.db") as accounts:
        for kind, (table, amount, refunded) in sums.items():
            query = f"SELECT count(*), coalesce(sum({amount}), 0), coalesce(sum({refunded}), 0) FROM {table}"
            shown = accounts.execute(query).fetchone()
            expected = tuple(truth[kind][name] for name in ("count", "sum_amount", "sum_refunded"))
            if shown != expected:
                raise SystemExit(f"after {phase}, the fake shows of {kind} {expected}, the accounts {shown}")


def _task_runs() -> tuple[int, int]:
    """How many tasks the latest run of the flow had, and how many batches it settled."""
    from scene import ask

    api = os.environ["PREFECT_API_URL"]
    latest = ask(f"{api}/flow_runs/filter", {"limit": 1, "sort": "START_TIME_DESC"})[0]["id"]
    of_run = {"flow_runs": {"id": {"any_": [latest]}}}
    settled = {**of_run, "task_runs": {"name": {"like_": "settle"}}}
    return ask(f"{api}/task_runs/count", of_run), ask(f"{api}/task_runs/count", settled)


def _fixed() -> dict[str, float]:
    """CPU seconds that no run can do without: Python's and Prefect's start, and the import of Great Expectations."""
    code = "import time, flows.payment_to_account; from tasks.examiner import examiner; a = time.process_time(); "
    code += "examiner(); print(time.process_time() - a)"
    started = [json.loads(_output(str(HERE / "one_run.py"), "empty", "-", "-", "-", "0"))["cpu"] for _ in range(3)]
    imported = [float(_output("-c", code)) for _ in range(3)]
    return {"start": statistics.median(started), "great_expectations": statistics.median(imported)}


def _output(*command: str) -> str:
    ran = subprocess.run([sys.executable, *command], cwd=tempfile.gettempdir(), capture_output=True, check=True)
    return ran.stdout.decode().splitlines()[-1]


def _table(given: argparse.Namespace, shown: dict[str, Any]) -> str:
    """The medians, a row for each way and phase."""
    lines = [
        f"{given.charges} charges, {given.latency_ms:g} ms, {given.rps:g} requests/s, {given.kinds}, "
        f"{given.rounds} rounds, load {shown['load']:.1f}; Python's and Prefect's start {shown['start']:.2f} s of CPU, "
        f"Great Expectations' import {shown['great_expectations']:.2f} s",
        "",
        "| Run | Phase | " + " | ".join(Took._fields) + " |",
        "|" + " --- |" * (len(Took._fields) + 2),
    ]
    for way in given.ways.split(","):
        for phase in PHASES:
            rows = [Took(**found[way][phase]) for found in shown["rounds"]]
            medians = (statistics.median(column) for column in zip(*rows, strict=True))
            cells = (
                f"{value:.2f}" if name in ("wall", "cpu") else f"{value:.0f}"
                for name, value in zip(Took._fields, medians, strict=True)
            )
            lines.append(f"| {way} | {phase} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
