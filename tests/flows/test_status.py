"""`accord status` and `accord doctor`: how things stand, also while Prefect is away."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import HttpUrl, SecretStr

from accord import settings
from accord.clock import SystemClock
from accord.ledger import streams
from deployments.cli import main

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def deployed(sandbox: object, tmp_path: Path) -> Iterator[Callable[[], object]]:
    """The connection main, deployed; the flow as a function that runs it here."""
    from blocks import AccountsDatabase, StripeAccount
    from flows.payment_to_account import payment_to_account
    from tasks.bench import close

    accounts = AccountsDatabase(url=SecretStr(f"sqlite:///{tmp_path / 'accounts.db'}"))
    accounts.save("main", overwrite=True)
    made = accounts.connect(SystemClock())
    made.create_tables()
    made.close()
    key = SecretStr("sk_test_sandbox_full")
    StripeAccount(api_key=key, base_url=HttpUrl(f"{sandbox.url}/stripe")).save("main", overwrite=True)
    assert main(["deploy"]) == 0
    yield lambda: payment_to_account("main", return_state=True)
    close("main")
    with get_client(sync_client=True) as client:
        for one in client.read_deployments():
            client.delete_deployment(one.id)
    StripeAccount.delete("main")
    AccountsDatabase.delete("main")


def shown(capsys: Capture) -> dict[str, object]:
    [connection] = json.loads(capsys.readouterr().out)["connections"]
    return connection


def test_status_tells_agreement_and_what_disagrees(
    deployed: Callable[[], object], sandbox: object, capsys: Capture
) -> None:
    capsys.readouterr()
    assert main(["status"]) == 1
    assert "never run" in capsys.readouterr().out

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
    assert one["records"] - one["agreeing"] == 1
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


def test_the_commands_never_load_the_server_of_prefect() -> None:
    modules = "deployments.status, deployments.doctor, deployments.deploy, deployments.connect_stripe"
    loaded = f"import sys, {modules}; print([m for m in sys.modules if m.startswith('prefect.server')])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
