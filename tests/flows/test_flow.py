"""The flow on a Prefect server, against the sandbox: what a data engineer triggers, retries and cancels."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import HttpUrl, SecretStr
from sqlalchemy import create_engine, text

from accord import settings
from accord.batch import Prepared
from accord.compare import Agreement
from accord.ledger.schema import entries, links, records

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")


class Shop:
    """A Stripe account and an accounts database, saved as the blocks "main"."""

    def __init__(self, sandbox: object, home: Path) -> None:
        self.sandbox, self.home = sandbox, home
        self.save_account("sk_test_sandbox_full")

    def save_account(self, key: str) -> None:
        from blocks import StripeAccount

        account = StripeAccount(api_key=SecretStr(key), base_url=HttpUrl(f"{self.sandbox.url}/stripe"))
        account.rate_per_endpoint = account.rate_in_all = None
        account.save("main", overwrite=True)

    def run(self, **options: object) -> object:
        """Run the flow here; its final state."""
        from flows.payment_to_account import payment_to_account

        flow = payment_to_account.with_options(**options) if options else payment_to_account
        return flow("main", return_state=True)

    def reconcile(self) -> Agreement:
        from deployments.reconcile import reconcile

        return reconcile("payment-to-account/main")

    def sql(self, statement: str) -> None:
        """Do something to the accounts database behind Accord's back."""
        engine = create_engine(f"sqlite:///{self.home / 'accounts.db'}")
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def rows(self) -> dict[str, list[object]]:
        """Every row of the accounts' own tables, and the ledger's memory of records."""
        shown: dict[str, list[object]] = {}
        engine = create_engine(f"sqlite:///{self.home / 'accounts.db'}")
        with engine.connect() as connection:
            for table in ("customers", "subscriptions", "invoices", "payments", "refunds", "disputes", "account_legs"):
                shown[table] = [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY id"))]
        engine.dispose()
        ledger = settings.open_ledger()
        for table in (records, links, entries):
            shown[table.name] = ledger.read(lambda c, table=table: [tuple(row) for row in c.execute(table.select())])
        ledger.engine.dispose()
        return shown


@pytest.fixture
def shop(sandbox: object, tmp_path: Path, accounts_database: None) -> Iterator[Shop]:
    from tasks.bench import close

    yield Shop(sandbox, tmp_path)
    close("payment-to-account/main")


def test_both_sides_agree_after_one_run_and_a_second_run_writes_nothing(shop: Shop) -> None:
    state = shop.run()
    assert state.is_completed(), state
    assert shop.reconcile().complete
    before = shop.rows()
    assert before["payments"]
    assert before["account_legs"]
    shop.sandbox.requests()

    state = shop.run()
    assert state.is_completed(), state
    assert shop.rows() == before
    assert shop.sandbox.requests() <= 3


def test_changes_of_old_records_are_there_after_the_next_run(shop: Shop) -> None:
    shop.run()
    charges = shop.sandbox.http.get("/v1/charges", params={"limit": "100"}).json()["data"]
    old = next(
        c for c in reversed(charges) if c["paid"] and c["captured"] and not c["amount_refunded"] and not c["disputed"]
    )
    shop.sandbox.post("refunds", charge=old["id"])
    disputed = next(
        c
        for c in charges
        if c["paid"] and c["captured"] and not c["amount_refunded"] and not c["disputed"] and c != old
    )
    shop.sandbox.http.post("/_admin/dispute", params={"charge": disputed["id"]}).raise_for_status()
    subscription = shop.sandbox.http.get("/v1/subscriptions", params={"status": "active"}).json()["data"][0]
    shop.sandbox.http.delete(f"/v1/subscriptions/{subscription['id']}").raise_for_status()

    assert not shop.reconcile().complete
    assert shop.run().is_completed()
    assert shop.reconcile().complete
    payments = {row[1]: row for row in shop.rows()["payments"]}
    assert old["amount"] in payments[old["id"]]


def test_a_retried_flow_does_not_read_stripe_again_but_the_next_run_does(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows import agree as module

    asked: list[int] = []

    def break_once(real: Callable[..., object]) -> Callable[..., object]:
        def settle(connection: str, prepared: Prepared) -> object:
            if prepared.kind == "leg" and not asked:
                asked.append(shop.sandbox.requests())
                raise RuntimeError("the disk was pulled out")
            return real(connection, prepared)

        return settle

    monkeypatch.setattr(module, "settle", break_once(module.settle))
    shop.sandbox.requests()
    state = shop.run(retries=1, retry_delay_seconds=0)
    assert state.is_completed(), state
    assert asked[0] > 20
    assert shop.sandbox.requests() == 0, "everything had been read before the failure"
    assert shop.reconcile().complete
    shop.sandbox.requests()
    assert shop.run().is_completed()
    assert 0 < shop.sandbox.requests() <= 3


def test_a_person_retries_a_failed_run_in_a_new_process(shop: Shop) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import StateType
    from prefect.states import AwaitingRetry

    from accord.ledger.batches import open_ids

    shop.sandbox.requests()
    shop.sql("CREATE TRIGGER full BEFORE INSERT ON account_legs BEGIN SELECT RAISE(ABORT, 'full'); END")
    flow_run_id = UUID(_run_in_a_new_process())
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(flow_run_id).state.type == StateType.FAILED
        shop.sql("DROP TRIGGER full")
        client.set_flow_run_state(flow_run_id, AwaitingRetry(), force=True)
    asked_before = shop.sandbox.requests()
    _run_in_a_new_process(str(flow_run_id))
    with get_client(sync_client=True) as client:
        state = client.read_flow_run(flow_run_id).state
    assert state.is_completed(), state
    assert asked_before > 20
    assert shop.sandbox.requests() <= 3, "the lists were read before the failure"
    assert shop.reconcile().complete
    ledger = settings.open_ledger()
    assert not ledger.read(lambda c: open_ids(c, "payment-to-account/main", "payment"))


_RUN = """
import sys
from uuid import UUID
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from flows.payment_to_account import payment_to_account

with get_client(sync_client=True) as client:
    if sys.argv[1:]:
        run = client.read_flow_run(UUID(sys.argv[1]))
    else:
        run = client.create_flow_run(payment_to_account, parameters={"connection": "main"})
run_flow(payment_to_account, flow_run=run, parameters={"connection": "main"}, return_type="state")
print(run.id)
"""


def _run_in_a_new_process(*arguments: str) -> str:
    """The id of the flow run."""
    from prefect.settings import get_current_settings

    environment = os.environ | get_current_settings().to_environment_variables(exclude_unset=True)
    command = [sys.executable, "-c", _RUN, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-3000:]
    print(done.stderr)
    return done.stdout.split()[-1]


def test_a_wrong_key_fails_at_once_and_says_what_to_do(shop: Shop) -> None:
    shop.save_account("sk_test_wrong")
    shop.sandbox.requests()
    state = shop.run()
    assert state.is_failed()
    assert state.name == "Misconfigured"
    assert "StripeAccount" in state.message
    assert "sk_test_wrong" not in state.message
    assert shop.sandbox.requests() <= 20


def test_a_run_that_could_not_read_does_not_say_that_both_sides_agree(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    assert shop.run().is_completed()
    assert "In agreement: " in caplog.text
    caplog.clear()
    shop.save_account("sk_test_wrong")
    assert shop.run().name == "Misconfigured"
    assert "In agreement: " not in caplog.text
    assert "Not read to the end: " in caplog.text


def test_one_bad_record_is_kept_with_its_reason_and_the_others_go_on(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    from deployments.cli import main

    dispute = shop.sandbox.http.get("/v1/disputes").json()["data"][0]["id"]
    shop.sandbox.fault(kind="unknown_enum", object=dispute, rate=1)
    assert shop.run().is_completed()
    assert [(d.kind, d.key, d.how) for d in shop.reconcile().disagreements if d.kind == "dispute"] == [
        ("dispute", dispute, "unreadable")
    ]
    assert main(["quarantine", "list"]) == 1
    assert dispute in capsys.readouterr().out

    shop.sandbox.http.delete("/_admin/faults").raise_for_status()
    assert main(["quarantine", "retry"]) == 0
    assert shop.run().is_completed()
    assert main(["quarantine", "list"]) == 0
    assert shop.reconcile().complete
    assert main(["explain", dispute]) == 0
    story = capsys.readouterr().out
    assert "quarantine" in story
    assert "create" in story


def test_a_broken_api_stops_the_stream_until_a_person_resumes_it(
    shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    from deployments.cli import main

    spoiled = {one["id"] for one in shop.sandbox.http.get("/v1/charges", params={"limit": "30"}).json()["data"]}
    for charge in spoiled:
        shop.sandbox.fault(kind="missing_field", field="currency", object=charge, rate=1)
    state = shop.run()
    assert state.is_failed()
    assert "accord resume payment-to-account/main:payment" in state.message
    shown = shop.rows()
    assert not spoiled & {row[1] for row in shown["payments"]}, "others may have been settled before"
    assert not shown["account_legs"], "what needs a stopped stream waits for it"
    assert shown["customers"]
    assert main(["resume"]) == 1

    shop.sandbox.http.delete("/_admin/faults").raise_for_status()
    assert main(["resume", "payment-to-account/main:payment", "--quarantine"]) == 0
    assert main(["resume"]) == 0
    assert main(["quarantine", "retry"]) == 0
    assert shop.run().is_completed()
    assert main(["quarantine", "list"]) == 1, "what was read before the repair is kept"
    assert main(["quarantine", "retry"]) == 0
    assert shop.run().is_completed()
    assert main(["quarantine", "list"]) == 0
    assert shop.reconcile().complete
    capsys.readouterr()
