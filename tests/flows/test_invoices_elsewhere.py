"""The same workflow from Stripe, and into a portal that is reached by its API."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import HttpUrl, SecretStr

from accord.clock import SystemClock
from accord.compare import Agreement
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.portal.service import TOKEN
from blocks import OblioAccount, PortalApiAccount, PortalDatabase, StripeAccount
from deployments.cli import main
from flows.invoice_to_portal import System, invoice_to_portal

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")


def stripe(sandbox: Any) -> None:
    StripeAccount(
        api_key=SecretStr(sandbox.key), base_url=HttpUrl(f"{sandbox.url}/stripe"), portal="main",
        rate_per_endpoint=None, rate_in_all=None,
    ).save("main", overwrite=True)  # fmt: skip


def oblio(sandbox: Any) -> None:
    OblioAccount(
        email=CLIENT_ID, secret=SecretStr(CLIENT_SECRET), cif=CIF, base_url=HttpUrl(f"{sandbox.url}/oblio/api"),
        rate_of_reads=None, rate_of_documents=None,
    ).save("main", overwrite=True)  # fmt: skip


def by_api(sandbox: Any, _: Path) -> None:
    portal = PortalApiAccount(base_url=HttpUrl(f"{sandbox.url}/portal/v1"), token=SecretStr(TOKEN), rate=None)
    portal.save("main", overwrite=True)


def database(_: Any, home: Path) -> None:
    portal = PortalDatabase(url=SecretStr(f"sqlite:///{home / 'portal.db'}"))
    portal.save("main", overwrite=True)
    portal.connect(SystemClock()).create_tables()


def reconcile(system: System) -> Agreement:
    from deployments.reconcile import reconcile

    return reconcile(f"invoice-to-portal/{system}-main")


@pytest.mark.parametrize("portal", [by_api, database])
@pytest.mark.parametrize(("system", "account"), [(System.STRIPE, stripe), (System.OBLIO, oblio)])
def test_both_sides_agree_after_one_run_and_a_second_run_writes_nothing(
    sandbox: Any, tmp_path: Path, system: System, account: Any, portal: Any
) -> None:
    account(sandbox)
    portal(sandbox, tmp_path)
    first = invoice_to_portal(system, "main")
    assert first["created"] > 20
    found = reconcile(system)
    assert (found.complete, found.records) == (True, first["created"])
    second = invoice_to_portal(system, "main")
    assert (second["created"], second["updated"], second["deleted"]) == (0, 0, 0)


def test_a_paid_invoice_and_a_credit_note_at_stripe_are_there_after_the_next_run(sandbox: Any, tmp_path: Path) -> None:
    stripe(sandbox)
    database(sandbox, tmp_path)
    invoice_to_portal(System.STRIPE, "main")
    customer = sandbox.http.get("/v1/customers", params={"limit": 1}).json()["data"][0]["id"]
    draft = sandbox.post("invoices", customer=customer, collection_method="send_invoice", days_until_due=30)
    sandbox.post("invoiceitems", customer=customer, invoice=draft["id"], amount=5_000, currency=draft["currency"])
    sandbox.post(f"invoices/{draft['id']}/finalize")
    invoice_to_portal(System.STRIPE, "main")
    sandbox.post(f"invoices/{draft['id']}/pay", paid_out_of_band="true")
    sandbox.post("credit_notes", invoice=draft["id"], amount=1_000, out_of_band_amount=1_000)
    assert invoice_to_portal(System.STRIPE, "main")["created"] == 1
    assert reconcile(System.STRIPE).complete


def test_two_blocks_of_one_name_are_told(sandbox: Any, tmp_path: Path) -> None:
    oblio(sandbox)
    database(sandbox, tmp_path)
    by_api(sandbox, tmp_path)
    state: Any = invoice_to_portal(System.OBLIO, "main", return_state=True)
    assert state.name == "Misconfigured"
    assert "main is the name of a Portal database and Portal API account block; delete the one" in state.message


def test_what_is_connected_is_looked_after(
    sandbox: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stripe(sandbox)
    by_api(sandbox, tmp_path)
    invoice_to_portal(System.STRIPE, "main")
    main(["status", "--json"])
    assert "invoice-to-portal/stripe-main" in capsys.readouterr().out
    main(["doctor"])
    said = capsys.readouterr().out
    assert "invoice-to-portal/stripe-main: it has no deployment" in said
    assert "can not be read" not in said
    assert "may not read" not in said


def test_one_may_not_connect_a_database_under_the_name_of_an_api(
    sandbox: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_api(sandbox, tmp_path)
    assert main(["connect", "portal", "--create"]) == 2
    assert "main is the name of a portal's API already" in capsys.readouterr().err
