"""Both workflows side by side: every command knows each connection by the full name of its deployment."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from pydantic import HttpUrl, SecretStr

from accord import settings
from accord.errors import Misconfigured
from accord.ledger import streams
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sync import connection_of
from deployments import server
from deployments.cli import main
from tasks.bench import close
from tasks.workflows import INVOICES, WORKFLOWS, route

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Capture = pytest.CaptureFixture[str]
PAYMENTS_MAIN, OBLIO_MAIN = "payment-to-account/main", "invoice-to-portal/oblio-main"


def company(url: str, secret: str = CLIENT_SECRET, **fields: str) -> object:
    """The block of a company in a sandbox."""
    from blocks import OblioAccount

    given = {"email": CLIENT_ID, "cif": CIF, "base_url": HttpUrl(f"{url}/oblio/api")} | fields
    return OblioAccount(secret=SecretStr(secret), **given)


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def both(sandbox: object, accounts_database: None, portal_database: None, client: SyncPrefectClient) -> Iterator[None]:
    """A Stripe account and a company at Oblio, with accounts and portal, all called main; deployed, with a worker."""
    from blocks import StripeAccount

    key = SecretStr("sk_test_sandbox_full")
    StripeAccount(api_key=key, base_url=HttpUrl(f"{sandbox.url}/stripe")).save("main", overwrite=True)
    company(sandbox.url).save("main", overwrite=True)
    assert main(["deploy"]) == 0
    client._client.post("/work_pools/accord/workers/heartbeat", json={"name": "w-both"}).raise_for_status()
    yield
    for sync in (PAYMENTS_MAIN, OBLIO_MAIN):
        close(sync)
    for one in client.read_deployments():
        client.delete_deployment(one.id)


def run(sync: str) -> object:
    """A run of a sync in this process, with the parameters of its deployment; its final state."""
    from flows.invoice_to_portal import invoice_to_portal
    from flows.payment_to_account import payment_to_account

    flow = {one.name: one for one in (payment_to_account, invoice_to_portal)}[sync.partition("/")[0]]
    with get_client(sync_client=True) as client:
        return flow(**client.read_deployment_by_name(sync).parameters, return_state=True)


def said(capsys: Capture, *command: str, code: int = 0) -> str:
    """What a command prints, errors included."""
    capsys.readouterr()
    assert main([*command]) == code
    printed = capsys.readouterr()
    return printed.out + printed.err


def test_each_has_its_deployment_and_every_command_its_full_name(
    both: None, client: SyncPrefectClient, capsys: Capture
) -> None:
    made = client.read_deployment_by_name(OBLIO_MAIN)
    assert made.parameters == {"system": "oblio", "connection": "main"}
    assert made.entrypoint == "flows.invoice_to_portal.invoice_to_portal"
    assert (made.global_concurrency_limit.limit, made.concurrency_options.collision_strategy) == (1, "CANCEL_NEW")
    assert made.tags == ["accord"], "by which automations know its runs"
    when = {one.slug: type(one.schedule) for one in made.schedules}
    assert when == {"changes": IntervalSchedule, "nightly": CronSchedule}
    assert f"{OBLIO_MAIN}: up to date" in said(capsys, "deploy")

    assert run(PAYMENTS_MAIN).is_completed()
    assert run(OBLIO_MAIN).is_completed()
    assert "nothing is wrong" in said(capsys, "doctor")
    shown = json.loads(said(capsys, "status", "--json"))["connections"]
    assert [one["sync"] for one in shown] == [OBLIO_MAIN, PAYMENTS_MAIN]
    assert all(one["agreed"] and one["agreed_at"] == one["read_until"] for one in shown)
    assert all(one["records"] > 0 for one in shown), "each counts its own records"
    for name in (OBLIO_MAIN, "oblio-main"):
        found = json.loads(said(capsys, "reconcile", name, "--json"))
        assert (found["sync"], found["complete"], found["gross"]) == (OBLIO_MAIN, True, {})
    table = said(capsys, "reconcile", OBLIO_MAIN)
    assert f"Both sides of {OBLIO_MAIN}" in table
    assert "portal" in table
    assert "gross" not in table
    which = f"say which: {OBLIO_MAIN}, {PAYMENTS_MAIN}"
    assert which in said(capsys, "run", code=2)
    assert which in said(capsys, "reconcile", code=2)
    assert "is not the name of one connection" in said(capsys, "reconcile", "eu", code=2)


def test_what_is_wrong_with_one_is_told_of_that_one(both: None, sandbox: object, capsys: Capture) -> None:
    assert run(PAYMENTS_MAIN).is_completed()
    company(sandbox.url, "not-the-secret").save("main", overwrite=True)
    company(sandbox.url, portal="none").save("eu", overwrite=True)
    ledger = settings.open_ledger()
    ledger.write(lambda c: streams.put(c, OBLIO_MAIN, "document", stopped="looked broken"))
    ledger.engine.dispose()
    try:
        found = {one["about"]: one["what"] for one in json.loads(said(capsys, "doctor", "--json", code=2))}
    finally:
        from blocks import OblioAccount

        OblioAccount.delete("eu")
    assert found.keys() == {
        f"{OBLIO_MAIN}:document",
        "connection oblio/main",
        "connection oblio/eu",
        "invoice-to-portal/oblio-eu",
    }
    assert f"accord resume {OBLIO_MAIN}:document" in found[f"{OBLIO_MAIN}:document"]
    assert "accord connect oblio --name main" in found["connection oblio/main"]
    assert "accord connect portal --name none" in found["connection oblio/eu"]
    assert "it has no deployment" in found["invoice-to-portal/oblio-eu"]
    assert f"{OBLIO_MAIN}: document is stopped" in said(capsys, "status", code=1)
    assert f"{OBLIO_MAIN}:document is released" in said(capsys, "resume", f"{OBLIO_MAIN}:document")


def test_a_deployment_whose_block_is_gone_is_named_with_what_to_do(
    both: None, sandbox: object, capsys: Capture
) -> None:
    from blocks import OblioAccount

    company(sandbox.url).save("eu", overwrite=True)
    assert main(["deploy"]) == 0
    OblioAccount.delete("eu")
    told = said(capsys, "deploy")
    assert "invoice-to-portal/oblio-eu has no block OblioAccount/eu" in told
    assert "accord connect oblio --name eu" in told
    assert "no system called fax" in server.gone("invoice-to-portal/fax-main")


def test_the_name_of_a_sync_tells_its_workflow_its_system_and_its_connection() -> None:
    of = INVOICES.route("oblio", "eu-2")
    assert (of.name, connection_of(of.name), route(of.name)) == ("invoice-to-portal/oblio-eu-2", "oblio/eu-2", of)


def test_a_connection_whose_block_names_no_target_takes_no_part_in_the_workflow(
    both: None, client: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    [oblio] = (one for one in INVOICES.reads if one.system == "oblio")
    elsewhere = replace(INVOICES, reads=(oblio._replace(target="archive"),))  # a field that is empty
    with pytest.raises(Misconfigured, match="accord connect oblio --name main --archive NAME"):
        elsewhere.route("oblio", "main").load()
    assert OBLIO_MAIN in {one.name for one in server.connections(client)}
    monkeypatch.setitem(WORKFLOWS, INVOICES.name, elsewhere)
    assert {one.name for one in server.connections(client)} == {PAYMENTS_MAIN}


def test_a_stripe_account_has_its_payments_in_accounts_and_its_invoices_in_a_portal(
    both: None, sandbox: object, piped: Callable[..., int], capsys: Capture
) -> None:
    capsys.readouterr()
    assert piped("sk_test_sandbox_full", "connect", "stripe", "--portal", "main") == 0
    told = capsys.readouterr().out
    assert "  credit notes          may be read" in told
    assert "next: accord run payment-to-account/main" in told
    assert "next: accord deploy" in told, "for the invoices"
    assert main(["deploy"]) == 0
    stripe = "invoice-to-portal/stripe-main"
    assert run(PAYMENTS_MAIN).is_completed()
    assert run(stripe).is_completed()
    assert "nothing is wrong" in said(capsys, "doctor")
    status = json.loads(said(capsys, "status", "--json", code=1))  # the company at Oblio has not been read yet
    shown = {one["sync"]: one for one in status["connections"]}
    invoices = sandbox.http.get("/v1/invoices", params={"limit": "100"}).json()["data"]
    assert shown[stripe]["records"] >= len(invoices) > 0
    assert shown[PAYMENTS_MAIN]["records"] > shown[stripe]["records"]
    assert shown[stripe]["agreed"]
    assert shown[PAYMENTS_MAIN]["agreed"]
    for sync in (PAYMENTS_MAIN, stripe):
        assert json.loads(said(capsys, "reconcile", sync, "--json"))["complete"]
    close(stripe)
