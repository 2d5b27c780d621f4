"""`accord run`: a run through its deployment, followed to its end, and several connections side by side."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from datetime import UTC, datetime

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
from prefect.client.schemas.objects import StateType
from prefect.settings import get_current_settings
from prefect.states import Completed, Running
from pydantic import HttpUrl, SecretStr
from rich.console import Console
from sqlalchemy import Connection

from accord import settings
from accord.ledger import streams
from accord.ledger.schema import breakers, buckets
from deployments import follow
from deployments.cli import main
from deployments.follow import Lines, screen
from deployments.trigger import under_way

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

KEYS = {"main": "sk_test_sandbox_full", "eu": "sk_test_sandbox_second"}


@pytest.fixture
def connected(sandbox: object, accounts_database: None) -> Iterator[Callable[..., None]]:
    """Save a connection of the sandbox, by its name."""
    from blocks import StripeAccount
    from tasks.bench import close

    saved = []

    def connect(name: str, key: str | None = None) -> None:
        address = HttpUrl(f"{sandbox.url}/stripe")
        block = StripeAccount(api_key=SecretStr(key or KEYS[name]), base_url=address)
        block.save(name, overwrite=True)
        saved.append(name)

    yield connect
    with get_client(sync_client=True) as client:
        for one in client.read_deployments():
            client.delete_deployment(one.id)
    for name in {*saved}:
        close(f"payment-to-account/{name}")


_EXECUTE = """
import sys
from uuid import UUID
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from flows.payment_to_account import payment_to_account

with get_client(sync_client=True) as client:
    run = client.read_flow_run(UUID(sys.argv[1]))
run_flow(payment_to_account, flow_run=run, parameters=run.parameters, return_type="state")
"""


@contextmanager
def worked() -> Iterator[None]:
    """Whatever is scheduled meanwhile is executed, as by a worker: in a process of its own."""
    stopped = threading.Event()
    environment = os.environ | get_current_settings().to_environment_variables(exclude_unset=True)
    environment |= {"PREFECT_LOGGING_LEVEL": "INFO", "PREFECT_LOGGING_EXTRA_LOGGERS": "accord"}
    due = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])))

    def work() -> None:
        with get_client(sync_client=True) as client:
            while not stopped.wait(0.2):
                for run in client.read_flow_runs(flow_run_filter=due):
                    if run.auto_scheduled or run.expected_start_time > datetime.now(UTC):
                        continue
                    command = [sys.executable, "-c", _EXECUTE, str(run.id)]
                    subprocess.run(command, env=environment, capture_output=True, check=False, timeout=120)

    # In the context of the test, by which Prefect's client finds its server.
    thread = threading.Thread(target=copy_context().run, args=(work,))
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def test_a_run_is_followed_to_its_last_line_and_its_exit_code_tells_whether_both_sides_agree(
    connected: Callable[..., None], sandbox: object, capsys: pytest.CaptureFixture[str]
) -> None:
    connected("main")
    assert main(["deploy"]) == 0
    dispute = sandbox.http.get("/v1/disputes").json()["data"][0]["id"]
    sandbox.fault(kind="unknown_enum", object=dispute, rate=1)
    capsys.readouterr()
    with worked():
        assert main(["run"]) == 1
        said = capsys.readouterr()
        assert "leg: " in said.out
        assert " read on " in said.out
        assert "leg batch " in said.out
        assert "Not yet in agreement: 1 in quarantine" in said.out, "the run's last line"
        assert "1 quarantined" in said.err

        sandbox.http.delete("/_admin/faults").raise_for_status()
        assert main(["quarantine", "retry"]) == 0
        capsys.readouterr()
        assert main(["run", "payment-to-account", "--json"]) == 0
        said = capsys.readouterr()
        shown = json.loads(said.out)
        assert (shown["state"], shown["agreed"], shown["counts"]["quarantined"]) == ("Completed", True, 0)
        assert "In agreement" in said.err

        ledger = settings.open_ledger()
        ledger.write(lambda c: leave_alone(c, "stripe/main", ledger.clock.now() + 590))
        ledger.engine.dispose()
        assert main(["run"]) == 3
        assert "Waiting: stripe/main gave no sound answer" in capsys.readouterr().err


def test_a_run_that_is_under_way_already_is_followed_to_its_end(
    connected: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "LAST_LINES", 0.0)  # nobody writes any
    connected("main")
    assert main(["deploy"]) == 0
    said: list[str] = []
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name("payment-to-account/main")
        run = client.create_flow_run_from_deployment(found.id)

        def say(line: str) -> None:
            if not said:
                client.set_flow_run_state(run.id, Completed(), force=True)
            said.append(line)

        assert under_way("payment-to-account/main", Lines(say)) is None
        client.set_flow_run_state(run.id, Running(), force=True)
        ended = under_way("payment-to-account/main", Lines(say))
        assert ended is not None
        assert (ended.id, ended.completed) == (run.id, True)
        assert (said[0], said[-1]) == (f"run {run.name}: Running", f"run {run.name}: Completed")
        assert under_way("payment-to-account/main", Lines(say)) is None


def test_which_of_several_has_to_be_said(connected: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 2
    assert "accord deploy" in capsys.readouterr().err
    connected("main")
    connected("eu")
    assert main(["deploy"]) == 0
    assert main(["run"]) == 2
    assert "say which: payment-to-account/eu, payment-to-account/main" in capsys.readouterr().err
    assert main(["run", "invoices"]) == 2
    assert "there is no flow invoices" in capsys.readouterr().err
    assert main(["run", "payment-to-account/us"]) == 2
    assert "there is no deployment payment-to-account/us" in capsys.readouterr().err


def leave_alone(connection: Connection, name: str, until: float) -> None:
    """Open the breaker of a connection."""
    closed = {"failures": 5, "opened_times": 9, "probe_until": 0}
    connection.execute(breakers.delete())
    connection.execute(breakers.insert().values(name=name, open_until=until, **closed))


def run(name: str) -> object:
    """A run of a connection in this process; its final state."""
    from flows.payment_to_account import payment_to_account

    return payment_to_account(name, return_state=True)


def agrees(name: str) -> bool:
    from deployments.reconcile import reconcile

    return reconcile(f"payment-to-account/{name}").complete


def test_a_connection_that_fails_or_is_stopped_holds_up_no_other(connected: Callable[..., None]) -> None:
    connected("main")
    connected("eu")
    ledger = settings.open_ledger()
    ledger.write(lambda c: leave_alone(c, "stripe/main", ledger.clock.now() + 590))
    assert run("main").name == "Unreachable"
    assert run("eu").is_completed()
    assert agrees("eu"), "into the same database, with the breaker of the other open"

    connected("main", key="sk_test_sandbox_expired")
    ledger.write(lambda c: c.execute(breakers.delete()))
    assert run("main").name == "Misconfigured"
    connected("main")
    assert run("main").is_completed()
    ledger.write(lambda c: streams.put(c, "payment-to-account/main", "payment", stopped="looked broken"))
    assert run("main").is_failed()
    assert run("eu").is_completed()

    assert ledger.write(lambda c: streams.release(c, "payment-to-account/main", "payment", False))
    assert run("main").is_completed()
    assert agrees("main")
    assert agrees("eu"), "both in one database, each with its own records"
    named = ledger.read(lambda c: {row.name.split(" ")[0] for row in c.execute(buckets.select())})
    assert named == {"stripe/main", "stripe/eu"}, "each has budgets of its own"
    ledger.engine.dispose()


def test_two_connections_run_at_the_same_time(connected: Callable[..., None]) -> None:
    states: dict[str, object] = {}
    for name in KEYS:
        connected(name)
    threads = [
        threading.Thread(target=copy_context().run, args=(lambda n=name: states.update({n: run(n)}),)) for name in KEYS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(state.is_completed() for state in states.values()), states
    assert all(agrees(name) for name in KEYS)


def test_a_terminal_shows_a_bar_of_the_batches() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with screen(console, lambda line: None) as shown:
        shown.say("payment: 2500 read on 25 pages (3.12 s, last request req_1)")
        shown.say("payment batch 7: 2500 created, 2500 read (0.41 s)")
        shown.say("In agreement: the accounts show everything.")
        shown.move(4, 1, 10_000)
    said = console.file.getvalue()
    assert "1 of 4 batches settled, 10,000 records read" in said
    assert "In agreement" in said
    assert "batch 7" not in said
    assert "25 pages" not in said
