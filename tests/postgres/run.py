"""Everything on PostgreSQL and Redis, by deployments/compose.yaml: `python tests/postgres/run.py`.

PostgreSQL and Redis of the distribution; Prefect's server as two processes with its services beside them; the ledger
and the accounts on the same PostgreSQL; two Stripe accounts, two workers, a run of each at once. In the middle one
worker is killed with its run. The next run goes on; then both sides agree, and nothing is doubled. Commands and
settings of every process are those of compose.yaml, databases.sql and the Dockerfile.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from composed import FOLDER, Composed, variables_of
from programs import postgresql, redis

from accord.ledger.cipher import new_key
from accord.sandbox.stripe.keys import KEYS
from deployments.children import Children, answers, free_port, wait_for

CONNECTIONS = ("eu", "us")
LIMIT = 240.0  # seconds for each thing that is waited for


def main() -> int:
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {line}", flush=True)

    from cryptography.fernet import Fernet

    made = {name: secrets.token_hex(24) for name in variables_of((FOLDER / ".env.example").read_text())}
    made["PREFECT_LOGIN"] = f"accord:{secrets.token_hex(24)}"
    made |= {"PREFECT_ENCRYPTION_KEY": Fernet.generate_key().decode(), "ACCORD_LEDGER_KEY": new_key()}
    ports = {name: free_port(0) for name in ("postgres", "redis", "server", *CONNECTIONS)}
    with tempfile.TemporaryDirectory(prefix="accord-composed-") as folder:
        composed = Composed(
            made,
            {
                "@postgres:5432/": f"@127.0.0.1:{ports['postgres']}/",
                "@redis:6379/": f"@127.0.0.1:{ports['redis']}/",
                "http://server:4200/": f"http://127.0.0.1:{ports['server']}/",
                "0.0.0.0": "127.0.0.1",
                "4200": str(ports["server"]),
                "/var/lib/accord": folder,
            },
        )
        with (
            postgresql(ports["postgres"], made["POSTGRES_PASSWORD"], say) as psql,
            redis(composed.program("redis"), ports["redis"], made["REDIS_PASSWORD"], say) as redis_cli,
        ):
            psql("-f", str(FOLDER / "databases.sql"), **made)
            house = House(composed, Path(folder), ports, say)
            try:
                house.start()
                house.connect(made["ACCORD_DATABASE_PASSWORD"])
                two_workers_one_killed(house)
                nothing_is_doubled(house)
                assert int(redis_cli("dbsize")) > 0, "nothing went through Redis"
            finally:
                house.children.stop()
    say("two workers, one killed in the middle: both sides agree, nothing is doubled")
    return 0


class House:
    """All that compose.yaml starts."""

    def __init__(self, composed: Composed, folder: Path, ports: dict[str, int], say: Callable[[str], None]) -> None:
        self.composed, self.folder, self.ports, self.say = composed, folder, ports, say
        self.url = f"http://127.0.0.1:{ports['server']}"
        (folder / "logs").mkdir()
        self.children = Children(folder / "logs")
        os.environ.update(composed.environment("worker"))  # before Prefect reads it

    def start(self) -> None:
        """The tables, then everything that goes on."""
        self.say("making the tables of Prefect and of the ledger")
        for service in ("tables", "ledger"):
            self._once(self.composed.module(service), self.composed.environment(service))
        for service in ("server", "services"):
            self._begin(service, service)
        for number, connection in enumerate(CONNECTIONS, 1):
            port = str(self.ports[connection])
            self.children.start(connection, os.environ, "accord.sandbox", "--port", port, "--seed", str(number))
        alive, health = self.children.require_alive, f"{self.url}/api/health"
        wait_for("the Prefect server", lambda: answers(health), alive, self.say, LIMIT)

    def connect(self, password: str) -> None:
        """Save the connections and deploy them, as a person would."""
        url = f"postgresql://accord:{password}@127.0.0.1:{self.ports['postgres']}/accounts"
        self.accord("connect", "accounts", "--create", typed=url)
        for connection in CONNECTIONS:
            where = f"http://127.0.0.1:{self.ports[connection]}/stripe"
            self.accord("connect", "stripe", "--name", connection, "--base-url", where, typed=KEYS[0].text)
        self.accord("deploy")

    def worker(self, name: str) -> None:
        """One more worker, for one run at a time."""
        fast = {"PREFECT_WORKER_QUERY_SECONDS": "2"}
        self._begin(name, "worker", "--limit", "1", "--name", name, **fast)

    def accord(self, *words: str, typed: str = "") -> str:
        """Run a command of ours; what it printed. AssertionError unless it exits with 0."""
        return self._once(["deployments.cli", *words], self.composed.environment("worker"), typed)

    def _begin(self, name: str, service: str, *more: str, **settings: str) -> None:
        environment = os.environ | self.composed.environment(service) | settings
        self.children.start(name, environment, *self.composed.module(service), *more)

    def _once(self, module: list[str], environment: dict[str, str], typed: str = "") -> str:
        command = [sys.executable, "-m", *module]
        done = subprocess.run(command, env=os.environ | environment, input=typed, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(module)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout


def two_workers_one_killed(house: House) -> None:
    """A run of each connection at once, each on a worker of its own; one dies with its run, the other goes on."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import FlowRun, State
    from prefect.states import Crashed

    def state(run: UUID) -> State:
        found = client.read_flow_run(run).state
        assert found is not None
        return found

    def wait(what: str, condition: Callable[[], bool]) -> None:
        wait_for(what, condition, lambda: None, house.say, LIMIT)

    def begin(connection: str) -> FlowRun:
        deployed = client.read_deployment_by_name(f"payment-to-account/{connection}")
        for schedule in deployed.schedules:  # or a scheduled run would come between
            client.delete_deployment_schedule(deployed.id, schedule.id)
        return client.create_flow_run_from_deployment(deployed.id)

    with get_client(sync_client=True) as client:
        eu, us = (begin(connection).id for connection in CONNECTIONS)
        for name in ("one", "two"):
            house.worker(name)
        wait("both runs at once", lambda: state(eu).is_running() and state(us).is_running())
        wait("the first records", lambda: counted(house, "eu")["customers"] > 0)
        killed = kill_worker_of(str(client.read_flow_run(eu).infrastructure_pid))
        house.say(f"killed {killed} with its run")
        assert counted(house, "eu")["account_legs"] < expected(house, "eu"), "the run had ended already"
        # What the automation for dead runs does, after it has missed three heartbeats.
        client.set_flow_run_state(eu, Crashed(message="killed by the test"), force=True)
        wait("the other worker's run", lambda: state(us).is_final())
        assert state(us).is_completed(), state(us)
        again = begin("eu").id
        house.worker("three")
        wait("the next run", lambda: state(again).is_final())
        assert state(again).is_completed(), state(again)
        idle = [begin(connection).id for connection in CONNECTIONS]
        wait("a run of each with nothing new", lambda: all(state(run).is_final() for run in idle))
        assert all(state(run).is_completed() for run in idle)


def nothing_is_doubled(house: House) -> None:
    """Both sides agree by a fresh read, and the accounts hold each leg once."""
    for connection in CONNECTIONS:
        agreement: dict[str, Any] = json.loads(house.accord("reconcile", connection, "--json"))
        assert agreement["complete"], agreement
        assert agreement["records"] > 5_000, agreement
        assert counted(house, connection)["account_legs"] == expected(house, connection)
        house.say(f"{connection}: {agreement['agreeing']:,} of {agreement['records']:,} records agree")


def expected(house: House, connection: str) -> int:
    """How many balance transactions the sandbox has."""
    import httpx

    url = f"http://127.0.0.1:{house.ports[connection]}/stripe/_admin/truth"
    return int(httpx.get(url, trust_env=False).json()["counts"]["balance_transactions"])


def counted(house: House, connection: str) -> dict[str, int]:
    """How many rows the accounts have of a connection; legs without those that move money."""
    import psycopg

    url = house.composed.environment("worker")["ACCORD_LEDGER_URL"].replace("/ledger", "/accounts")
    with psycopg.connect(url) as database:
        return {
            table: int(database.execute(query, [f"stripe/{connection}"]).fetchone()[0])  # type: ignore[index]
            for table, query in (
                ("customers", "SELECT count(*) FROM customers WHERE connection = %s"),
                ("account_legs", "SELECT count(*) FROM account_legs WHERE connection = %s AND type <> 'move'"),
            )
        }


def kill_worker_of(infrastructure: str) -> str:
    """Kill a run's process and the worker that started it, at once and without a word."""
    run = int(infrastructure.rpartition(":")[2])
    worker = int(Path(f"/proc/{run}/stat").read_text().rpartition(")")[2].split()[1])
    words = Path(f"/proc/{worker}/cmdline").read_bytes().decode().split("\0")
    assert "work" in words, words
    for process in (worker, run):
        os.kill(process, signal.SIGKILL)
    return f"worker {words[words.index('--name') + 1]}"


if __name__ == "__main__":
    sys.exit(main())
