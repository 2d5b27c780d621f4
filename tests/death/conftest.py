"""Connections with all that is their own, whose processes can be killed, and the figures that were measured."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import func, select

FIGURES = list[str]()
PAYMENTS = 400
_numbers = count(1)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The figures of docs/operations.md."""
    for line in FIGURES:
        terminalreporter.write_line(line)


class Stage:
    """A Stripe, a ledger, accounts, a deployment and workers of one connection."""

    def __init__(self, name: str, prefect: Any, client: Any, stripe: str, databases: tuple[str, str], until: Any):
        from accord import settings
        from accord.ledger.cipher import new_key

        self.name, self.client, self.until = name, client, until
        self._prefect, self._stripe = prefect, stripe
        self.variables = {settings.LEDGER_URL: databases[0], settings.LEDGER_KEY: new_key()}
        self._processes: set[int] = set()
        self._workers = 0
        self._prepare(databases[1])

    def _prepare(self, accounts_url: str) -> None:
        """Tables, blocks, a work pool and a deployment, as `accord deploy` makes them; but no schedule."""
        from prefect.client.schemas.actions import WorkPoolCreate
        from prefect.workers.process import ProcessWorker
        from pydantic import HttpUrl, SecretStr

        from accord.clock import SystemClock
        from accord.ledger.upgrade import upgrade
        from accord.sandbox.stripe.keys import KEYS
        from blocks import AccountsDatabase, StripeAccount
        from deployments.schedules import deployment
        from tasks.workflows import PAYMENTS

        with self.ledger() as ledger:
            upgrade(ledger.engine)
        block = AccountsDatabase(url=SecretStr(accounts_url))
        accounts = block.connect(SystemClock())
        accounts.create_tables()
        accounts.close()
        block.save(self.name)
        key, address = SecretStr(KEYS[0].text), HttpUrl(f"{self._stripe}/stripe")
        StripeAccount(api_key=key, base_url=address, accounts=self.name).save(self.name)
        template = ProcessWorker.get_default_base_job_template()
        pool = WorkPoolCreate(name=self.name, type=ProcessWorker.type, base_job_template=template)
        self.client.create_work_pool(pool)
        made = deployment(PAYMENTS.route("stripe", self.name), self.name)
        made.schedules = []
        self.deployment = made.apply()

    @contextmanager
    def ledger(self) -> Iterator[Any]:
        """The ledger of this connection; also what this process takes for its own."""
        from accord import settings

        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.variables.items():
                patch.setenv(name, value)
            ledger = settings.open_ledger()
            try:
                yield ledger
            finally:
                ledger.engine.dispose()

    def slow(self, seconds: float) -> None:
        """Let Stripe take so long for each answer, so that a run lasts."""
        self.soon()
        fault = {"kind": "latency", "path": "/v1", "rate": 1.0, "seconds": seconds}
        httpx.post(f"{self._stripe}/stripe/_admin/faults", json=fault, trust_env=False).raise_for_status()

    def soon(self) -> None:
        """Let Stripe answer at once again."""
        httpx.delete(f"{self._stripe}/stripe/_admin/faults", trust_env=False).raise_for_status()

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        """`accord work`, once it takes runs."""
        self._workers += 1
        name = f"{self.name}-{self._workers}"
        words = ("deployments.cli", "work", "--pool", self.name, "--name", name, *options)
        process: subprocess.Popen[bytes] = self._prefect.start(name, *words, **self.variables)
        self.until(f"the worker {name}", lambda: self.said("takes runs"))
        return process

    def said(self, words: str) -> bool:
        """Whether the worker that was started last has said so."""
        path = Path(self._prefect.environment["PREFECT_HOME"]) / f"{self.name}-{self._workers}.log"
        return words in path.read_text()

    def begin(self) -> UUID:
        """One more run."""
        run: UUID = self.client.create_flow_run_from_deployment(self.deployment).id
        return run

    def states(self, run: UUID) -> list[Any]:
        """Its states until now, oldest first."""
        return sorted(self.client.read_flow_run_states(run), key=lambda state: state.timestamp)

    def names(self, run: UUID) -> list[str]:
        """The names of its states."""
        return [state.name for state in self.states(run)]

    def when(self, run: UUID, *names: str, after: datetime | None = None, limit: float = 60) -> datetime:
        """Wait until the run takes one of these states; when that was, by the server's clock."""
        after = after or datetime.min.replace(tzinfo=UTC)

        def look() -> list[datetime]:
            return [state.timestamp for state in self.states(run) if state.name in names and state.timestamp > after]

        try:
            return self.until(f"{names} of {self.name}", look, limit)[0]
        except AssertionError as error:
            states = [(state.name, state.message) for state in self.states(run)]
            raise AssertionError(f"{error}; it took {states}") from None

    def process(self, run: UUID) -> int:
        """The process of a run, once the worker has started it."""
        where = self.until("its process", lambda: self.client.read_flow_run(run).infrastructure_pid)
        self._processes.add(int(where.rpartition(":")[2]))
        return int(where.rpartition(":")[2])

    def progress(self) -> int:
        """How many records were settled."""
        from accord.ledger.schema import entries

        with self.ledger() as ledger:
            return int(ledger.read(lambda c: c.scalar(select(func.count(entries.c.id)))))

    def at_work(self, run: UUID) -> int:
        """Wait until the run has settled something and not all; its process."""
        self.when(run, "Running")
        self.until("the first records", self.progress)
        return self.process(run)

    def beats(self, run: UUID) -> int:
        """How many heartbeats of a run have arrived."""
        since = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        wanted = {
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run}"]},
            "occurred": {"since": since},
        }
        return int(self.client.request("POST", "/events/filter", json={"filter": wanted}).json()["total"])

    def waits(self, run: UUID) -> bool:
        """Whether a task of the run waits to be tried again."""
        from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

        tasks = self.client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[run])))
        return any(task.state_name == "AwaitingRetry" for task in tasks)

    def agrees(self) -> None:
        """Both sides agree by a fresh read of each, and no record was created twice."""
        from accord.ledger.schema import entries
        from deployments.reconcile import reconcile

        self.soon()
        with self.ledger() as ledger:
            agreement = reconcile(f"payment-to-account/{self.name}")
            created = select(entries.c.kind, entries.c.key).where(entries.c.change == "created")
            again = created.group_by(entries.c.kind, entries.c.key).having(func.count() > 1)
            twice = ledger.read(lambda c: c.execute(again).all())
        assert agreement.complete, (agreement.records, agreement.disagreements[:5])
        assert agreement.records > PAYMENTS
        assert twice == []

    def close(self) -> None:
        """End what is left of its runs."""
        for process in self._processes:
            with suppress(ProcessLookupError, FileNotFoundError):
                if b"prefect" in Path(f"/proc/{process}/cmdline").read_bytes():
                    os.kill(process, signal.SIGKILL)


@pytest.fixture(scope="session")
def prefect(prefect_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Prefect server with the automations as they are deployed."""
    from prefect.client.orchestration import get_client

    from blocks import AccountsDatabase, StripeAccount
    from deployments.channels import ensure_automations

    with prefect_server(tmp_path_factory.mktemp("prefect")) as server, get_client(sync_client=True) as client:
        for block in (StripeAccount, AccountsDatabase):
            block.register_type_and_schema()
        ensure_automations(client)
        server.client = client
        yield server


@pytest.fixture
def stage(prefect: Any, until: Any, tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Makes a connection; its databases are SQLite files unless others are given."""
    from accord.sandbox.app import create
    from accord.sandbox.serve import served

    with ExitStack() as stack:

        def make(name: str, ledger: str = "", accounts: str = "") -> Stage:
            stripe = stack.enter_context(served(create(payments=PAYMENTS)))
            name = f"{name}-{next(_numbers)}"
            urls = ledger or f"sqlite:///{tmp_path / name}-ledger.db", accounts or f"sqlite:///{tmp_path / name}.db"
            made = Stage(name, prefect, prefect.client, stripe, urls, until)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that is soon full."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"only root may make a disk: {mounted.stderr.decode()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.fixture
def figure() -> Callable[[str, str, datetime, datetime], None]:
    """Notes how long something took, for the summary."""

    def note(dead: str, what: str, begun: datetime, ended: datetime) -> None:
        FIGURES.append(f"{dead}: {what} after {(ended - begun).total_seconds():.1f} s")

    return note
