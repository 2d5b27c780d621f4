"""`accord status` and `accord doctor`: how things stand, also while Prefect is away."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State, StateType
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import HttpUrl, SecretStr

from accord import settings
from accord.ledger import streams
from accord.ledger.version import revisions
from deployments import channels, doctor, runs, status
from deployments.cli import main

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def deployed(sandbox: object, ledger_environment: Path, accounts_database: None) -> Iterator[Callable[[], object]]:
    """The connection main, deployed; the flow as a function that runs it here."""
    from blocks import StripeAccount
    from flows.payment_to_account import payment_to_account
    from tasks.bench import close

    key = SecretStr("sk_test_sandbox_full")
    StripeAccount(api_key=key, base_url=HttpUrl(f"{sandbox.url}/stripe")).save("main", overwrite=True)
    assert main(["deploy"]) == 0
    yield lambda: payment_to_account("main", return_state=True)
    close("payment-to-account/main")
    with get_client(sync_client=True) as client:
        for one in client.read_deployments():
            client.delete_deployment(one.id)


def played(*states: tuple[StateType, str, str], run: UUID | None = None) -> UUID:
    """A run of main, or one that is there already, goes through states: type, name, message."""
    with get_client(sync_client=True) as client:
        there = client.read_deployment_by_name("payment-to-account/main")
        run = run or client.create_flow_run_from_deployment(there.id).id
        for type_, name, message in states:
            client.set_flow_run_state(run, State(type=type_, name=name, message=message), force=True)
    return run


BEGUN = ((StateType.PENDING, "Pending", ""), (StateType.RUNNING, "Running", ""))
ENDS = [
    (StateType.FAILED, "Misconfigured", "the key is not valid; enter another one", "the key is not valid", 2),
    (
        StateType.FAILED,
        "Failed",
        "Flow run encountered an exception: ValueError: Ada Canary",
        "not know, ValueError",
        1,
    ),
    (StateType.CRASHED, "Crashed", "the process ended", "it is resumed by itself", 1),
]


@pytest.mark.parametrize(("type_", "name", "message", "said", "code"), ENDS)
@pytest.mark.usefixtures("worker")
def test_a_last_run_that_did_not_complete_is_told_with_its_message_and_what_to_do(
    deployed: Callable[[], object], capsys: Capture, type_: StateType, name: str, message: str, said: str, code: int
) -> None:
    assert deployed().is_completed(), "both sides agree"
    # One that dies at work is resumed by an automation.
    played(*(BEGUN[:1] if type_ is StateType.CRASHED else BEGUN), (type_, name, message))
    played((StateType.CANCELLED, "Cancelled", "Deployment concurrency limit reached."))
    capsys.readouterr()
    assert main(["status"]) == 1
    shown_ = capsys.readouterr().out
    assert f"main: the last run ended as {name}: " in shown_
    assert said in shown_
    assert "Canary" not in shown_
    assert "accord run payment-to-account/main" in shown_
    assert said in findings(capsys, code)["payment-to-account/main"]

    played(BEGUN[0])
    played(*BEGUN)
    assert main(["status"]) == 1, "another one that is under way has not ended yet"
    played(*BEGUN, (StateType.COMPLETED, "Completed", ""))
    assert main(["status"]) == 0
    findings(capsys, 0)


def test_a_run_that_takes_hours_hides_nothing_behind_those_that_it_turned_away(
    deployed: Callable[[], object], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed().is_completed()
    monkeypatch.setattr(runs, "_PAGE", 2)
    failed = (StateType.FAILED, "Misconfigured", "the key is not valid")
    played(*BEGUN, failed)
    played(*BEGUN)
    for _ in range(3):
        played((StateType.CANCELLED, "Cancelled", "Deployment concurrency limit reached."))
    capsys.readouterr()
    assert main(["status"]) == 1
    shown_ = capsys.readouterr().out
    assert "the last run ended as Misconfigured: the key is not valid" in shown_
    assert "Running" in shown_


def test_an_old_run_that_was_tried_again_and_failed_is_the_one_that_ended_last(
    deployed: Callable[[], object], capsys: Capture
) -> None:
    assert deployed().is_completed()
    failed = (StateType.FAILED, "Misconfigured", "the key is not valid")
    old = played(*BEGUN, failed)
    played(*BEGUN, (StateType.COMPLETED, "Completed", ""))
    assert main(["status"]) == 0
    again = (StateType.SCHEDULED, "AwaitingRetry", "")
    played(again, *BEGUN, failed, run=old)
    capsys.readouterr()
    assert main(["status"]) == 1
    assert "the last run ended as Misconfigured" in capsys.readouterr().out


@pytest.mark.usefixtures("worker")
def test_a_run_that_was_given_to_a_worker_and_does_not_begin_is_told(
    deployed: Callable[[], object], capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed().is_completed()
    played((StateType.PENDING, "Submitting", ""))
    assert main(["status"]) == 0, "not yet"
    monkeypatch.setattr(runs, "STUCK", timedelta(0))
    capsys.readouterr()
    assert main(["status"]) == 1
    assert "main: a run has been Submitting since " in capsys.readouterr().out
    assert "cancel the run in Prefect's UI" in findings(capsys, 1)["payment-to-account/main"]


def shown(capsys: Capture) -> dict[str, object]:
    [connection] = json.loads(capsys.readouterr().out)["connections"]
    return connection


def test_status_tells_agreement_and_what_disagrees(
    deployed: Callable[[], object], sandbox: object, capsys: Capture
) -> None:
    capsys.readouterr()
    assert main(["status"]) == 1
    said = capsys.readouterr().out
    assert "never run" in said
    assert "│ payment-to-account/main │" in said, "the name as commands take it, not cut"

    dispute = sandbox.http.get("/v1/disputes").json()["data"][0]["id"]
    sandbox.fault(kind="unknown_enum", object=dispute, rate=1)
    assert deployed().is_completed()
    capsys.readouterr()
    assert main(["status"]) == 1
    said = capsys.readouterr().out
    assert "1 in quarantine" in said
    assert f"dispute {dispute} is in quarantine" in said
    assert main(["status", "--json"]) == 1
    one = shown(capsys)
    assert one["records"] - one["agreeing"] == one["quarantined"] + one["held"] > 0
    assert one["runs"]["next_at"] is None or one["runs"]["next_at"] > 0

    sandbox.http.delete("/_admin/faults").raise_for_status()
    assert main(["quarantine", "retry"]) == 0
    assert deployed().is_completed()
    capsys.readouterr()
    assert main(["status", "--json"]) == 0
    one = shown(capsys)
    assert (one["agreement"], one["agreed"], one["oldest"]) == (1.0, True, None)
    assert one["agreed_at"] == one["read_until"]

    ledger = settings.open_ledger()
    ledger.write(lambda c: streams.put(c, "payment-to-account/main", "payment", stopped="looked broken"))
    ledger.engine.dispose()
    assert main(["status"]) == 1
    assert "accord resume payment-to-account/main:payment" in capsys.readouterr().out


def test_status_works_by_the_ledger_while_prefect_is_away(deployed: Callable[[], object], capsys: Capture) -> None:
    assert deployed().is_completed()
    capsys.readouterr()
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main(["status"]) == 3
        said = capsys.readouterr().out
        assert "100% of" in said
        assert "does not answer at http://127.0.0.1:9/api" in said


def test_status_does_not_say_that_there_is_no_connection_where_it_could_not_ask(capsys: Capture) -> None:
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert main(["status"]) == 3
    said = capsys.readouterr().out
    assert "no connection yet; make one" not in said
    assert "the ledger knows no connection yet" in said
    assert "does not answer at http://127.0.0.1:9/api" in said


def test_the_commands_never_load_the_server_of_prefect() -> None:
    modules = "deployments.status, deployments.doctor, deployments.deploy, deployments.connect_stripe"
    loaded = f"import sys, {modules}; print([m for m in sys.modules if m.startswith('prefect.server')])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def findings(capsys: Capture, code: int) -> dict[str, str]:
    capsys.readouterr()
    assert main(["doctor", "--json"]) == code
    return {one["about"]: one["what"] for one in json.loads(capsys.readouterr().out)}


@pytest.fixture
def worker(deployed: Callable[[], object]) -> None:
    """A worker is online in the pool."""
    from uuid import uuid4

    with get_client(sync_client=True) as client:
        client._client.post("/work_pools/accord/workers/heartbeat", json={"name": f"w-{uuid4()}"}).raise_for_status()


@pytest.mark.usefixtures("worker")
def test_an_alert_that_was_not_sent_is_told_with_its_reason_where_it_has_one(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    at = datetime(2026, 11, 26, tzinfo=UTC)
    alerts = [
        channels.Unsent(at, what, "payment-to-account/eu", said, "odd-otter", "Notification failed", False)
        for what, said in (("works again", ""), ("fails", "the key is not valid"))
    ]
    monkeypatch.setattr(status, "look", lambda ledger: ([], alerts, []))
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    assert "payment-to-account/eu works again (Notification failed)" in said
    assert "payment-to-account/eu fails: the key is not valid (Notification failed)" in said


def test_doctor_names_once_what_several_connections_share(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    shared = doctor.Finding("accounts main", "it may not be written to")
    monkeypatch.setattr(doctor, "examine", lambda: iter([shared, shared]))
    assert main(["doctor"]) == 2
    assert capsys.readouterr().out.splitlines() == ["accounts main: it may not be written to"]


def test_doctor_finds_nothing_wrong_where_nothing_is(deployed: Callable[[], object], capsys: Capture) -> None:
    assert deployed().is_completed()
    capsys.readouterr()
    assert main(["doctor"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


@pytest.mark.usefixtures("worker")
def test_doctor_names_everything_that_is_wrong(
    deployed: Callable[[], object], sandbox: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from blocks import AccountsDatabase, StripeAccount

    dispute = sandbox.http.get("/v1/disputes").json()["data"][0]["id"]
    sandbox.fault(kind="unknown_enum", object=dispute, rate=1)
    assert deployed().is_completed()
    ledger = settings.open_ledger()
    ledger.write(lambda c: streams.put(c, "payment-to-account/main", "payment", stopped="looked broken"))
    ledger.engine.dispose()
    address = HttpUrl(f"{sandbox.url}/stripe")
    StripeAccount(api_key=SecretStr("rk_test_sandbox_no_balance"), base_url=address).save("main", overwrite=True)
    StripeAccount(api_key=SecretStr("sk_test_sandbox_expired"), base_url=address).save("eu", overwrite=True)
    StripeAccount(api_key=SecretStr("sk_test_sandbox_full"), accounts="none").save("us", overwrite=True)
    shop = SecretStr(f"sqlite:///{tmp_path / 'accounts.db'}")
    mapping = {"customer": {"table": "customers", "columns": {"key": "id", "name": "rev", "deleted": "deleted"}}}
    AccountsDatabase(url=shop, mapping=mapping).save("main", overwrite=True)
    with get_client(sync_client=True) as client:
        client.pause_deployment(client.read_deployment_by_name("payment-to-account/main").id)
        client.update_work_pool("accord", _paused(True))
        try:
            found = findings(capsys, 2)
        finally:
            client.update_work_pool("accord", _paused(False))
            for name in ("eu", "us"):
                StripeAccount.delete(name)
    assert "accord resume payment-to-account/main:payment" in found["payment-to-account/main:payment"]
    assert "1 record failed a check" in found["quarantine"]
    assert "is paused" in found["payment-to-account/main"]
    assert "prefect work-pool resume accord" in found["work pool accord"]
    assert "has a column rev" in found["accounts main"]
    assert "the API key is not valid" in found["connection stripe/eu"]
    assert "accord connect accounts --name none" in found["connection stripe/us"]


@pytest.mark.usefixtures("worker")
def test_doctor_names_automations_that_a_person_switched_off_or_deleted(
    deployed: Callable[[], object], capsys: Capture
) -> None:
    assert deployed().is_completed()
    with get_client(sync_client=True) as client:
        off = client.find_automation("Accord: resume a crashed run")
        client.pause_automation(off.id)
        client.delete_automation(client.find_automation("Accord: mark a silent run as crashed").id)
        try:
            capsys.readouterr()
            assert main(["doctor"]) == 1
        finally:
            client.resume_automation(off.id)
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2
    assert '"Accord: resume a crashed run" is switched off in Prefect' in said[0]
    assert "switch it on there" in said[0]
    assert '"Accord: mark a silent run as crashed"; make them: accord deploy' in said[1]


def _paused(paused: bool) -> object:
    from prefect.client.schemas.actions import WorkPoolUpdate

    return WorkPoolUpdate(is_paused=paused)


def test_doctor_finds_a_missing_worker_permission_deployment_and_another_account(
    deployed: Callable[[], object], sandbox: object, capsys: Capture
) -> None:
    from blocks import StripeAccount

    assert deployed().is_completed()
    address = HttpUrl(f"{sandbox.url}/stripe")
    StripeAccount(api_key=SecretStr("sk_test_sandbox_second"), base_url=address).save("main", overwrite=True)
    StripeAccount(api_key=SecretStr("rk_test_sandbox_no_balance"), base_url=address).save("eu", overwrite=True)
    try:
        with get_client(sync_client=True) as client:
            client.delete_work_pool("accord")
        capsys.readouterr()
        assert main(["doctor"]) == 2
    finally:
        StripeAccount.delete("eu")
    said = capsys.readouterr().out
    assert "so far account acct_" in said
    assert "the key may not read balance transactions" in said
    assert "it has no deployment; make it: accord deploy" in said


def test_doctor_looks_on_where_the_ledger_or_prefect_can_not_be_used(
    ledger_environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv(settings.LEDGER_URL, "sqlite:///ledger.db")
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        found = findings(capsys, 3)
    assert "relative path" in found["ledger"]
    assert "does not answer" in found["Prefect"]
    monkeypatch.setenv(settings.LEDGER_URL, f"sqlite:///{ledger_environment / 'other.db'}")
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        found = findings(capsys, 2)
    assert "accord db upgrade" in found["ledger"]
    assert "PREFECT_API_URL is not set" in found["Prefect"]


@pytest.mark.usefixtures("worker")
def test_doctor_looks_on_and_makes_nothing_where_the_ledger_is_missing_or_of_an_older_version(
    deployed: Callable[[], object], ledger_environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    missing, older = ledger_environment / "missing.db", ledger_environment / "older.db"
    monkeypatch.setenv(settings.LEDGER_URL, f"sqlite:///{missing}")
    found = findings(capsys, 2)
    assert "accord db upgrade" in found["ledger"]
    assert found.keys() - {"packages"} == {"ledger"}, "the host's packages may be others"
    assert not missing.exists()

    with sqlite3.connect(older) as made:
        made.execute("CREATE TABLE alembic_version (version_num)")
        made.execute("INSERT INTO alembic_version VALUES (?)", (revisions()[0],))
    monkeypatch.setenv(settings.LEDGER_URL, f"sqlite:///{older}")
    found = findings(capsys, 2)
    assert "older than this version" in found["ledger"]
    assert found.keys() - {"packages"} == {"ledger"}


def test_doctor_tries_the_key_on_what_is_kept(
    deployed: Callable[[], object], sandbox: object, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    from accord.ledger.cipher import new_key

    dispute = sandbox.http.get("/v1/disputes").json()["data"][0]["id"]
    sandbox.fault(kind="unknown_enum", object=dispute, rate=1)
    assert deployed().is_completed()
    old, new = os.environ[settings.LEDGER_KEY], new_key()
    for keys, told in (
        (new, "1 row of quarantine in the ledger cannot be decrypted with ACCORD_LEDGER_KEY"),
        (f"{new},{old}", "the ledger still needs an older key, for 1 row of quarantine"),
    ):
        monkeypatch.setenv(settings.LEDGER_KEY, keys)
        with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
            found = findings(capsys, 3)
        assert told in found["ledger"]
        assert "1 record failed a check" in found["quarantine"], "it looks on"
