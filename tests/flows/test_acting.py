"""Invoices for Stripe's payments at Oblio, switched on by a command, as a flow on a Prefect server issues them."""

import json
import textwrap
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import HttpUrl, SecretStr
from sqlalchemy import update

from accord import settings
from accord.errors import Misconfigured
from accord.ledger import actions, schema
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sync import Sync
from deployments.cli import main

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Said = pytest.CaptureFixture[str]
TERMS = ("--system", "oblio", "--since", "2020-01-01", "--product", "Comandă", "--series", "WEB")


class Shop:
    """A Stripe account and a company at Oblio, saved as the blocks "main"."""

    def __init__(self, sandbox: Any) -> None:
        from blocks import OblioAccount, StripeAccount

        self.sandbox, self.url = sandbox, sandbox.url
        account = StripeAccount(
            api_key=SecretStr(sandbox.key), base_url=HttpUrl(f"{self.url}/stripe"),
            rate_per_endpoint=None, rate_in_all=None,
        )  # fmt: skip
        account.save("main", overwrite=True)
        OblioAccount(
            email=CLIENT_ID, secret=SecretStr(CLIENT_SECRET), cif=CIF, base_url=HttpUrl(f"{self.url}/oblio/api"),
            rate_of_reads=None, rate_of_documents=None,
        ).save("main", overwrite=True)  # fmt: skip

    def oblio(self, method: str, path: str, **given: Any) -> Any:
        with httpx.Client(base_url=f"{self.url}/oblio", timeout=30, trust_env=False) as http:
            return http.request(method, path, **given).raise_for_status().json()

    def invoices(self) -> list[str]:
        """What is printed on Oblio's invoices that were issued for payments."""
        rows = []
        for offset in range(0, 1000, 100):
            page = self.oblio("GET", "/_admin/lists/invoice", params={"offset": offset})
            rows += page
            if len(page) < 100:
                break
        return sorted(row["mentions"] for row in rows if row["mentions"].startswith("Ref. accord-"))

    def run(self) -> Any:
        """Run the flow here; its final state."""
        from flows.payment_to_account import payment_to_account

        return payment_to_account("main", return_state=True)


@pytest.fixture
def shop(sandbox: Any, accounts_database: None) -> Shop:
    return Shop(sandbox)


def rows(*states: str) -> list[actions.Row]:
    ledger = settings.open_ledger()
    try:
        return ledger.read(lambda c: actions.listed(c, states))
    finally:
        ledger.engine.dispose()


def test_nothing_is_issued_until_somebody_says_so_and_then_each_payment_has_one_invoice(
    shop: Shop, capsys: Said
) -> None:
    assert shop.run().is_completed()
    assert (shop.invoices(), rows()) == ([], [])
    assert main(["connect", "invoices", *TERMS]) == 0
    assert "which belong to no invoice are given one at oblio/main" in capsys.readouterr().out
    shop.sandbox.post("payment_intents", amount=4200, currency="ron", customer=_customer(shop), confirm="true",
                      payment_method="pm_card_visa")  # fmt: skip
    state = shop.run()
    assert state.is_completed(), state.message
    (row,) = rows("done")
    assert shop.invoices() == [f"Ref. {row.mark}"]
    assert shop.run().is_completed()
    assert len(shop.invoices()) == 1
    capsys.readouterr()
    assert main(["actions", "list"]) == 0
    assert capsys.readouterr().out == "1 done\n"
    assert main(["explain", row.key, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["because"] for one in told if one["change"] == "action done"] == [f"issue-invoice: WEB {row.number}"]


def test_nothing_is_done_with_the_key_of_another_account(shop: Shop) -> None:
    from blocks import StripeAccount

    assert shop.run().is_completed()
    assert main(["connect", "invoices", *TERMS]) == 0
    shop.sandbox.post("payment_intents", amount=4200, currency="ron", customer=_customer(shop), confirm="true",
                      payment_method="pm_card_visa")  # fmt: skip
    fault = {"kind": "drop_before", "path": "/api/docs/invoice", "method": "POST", "times": 1000}
    shop.oblio("POST", "/_admin/faults", json=fault)
    shop.run()
    account = StripeAccount.load("main")
    account.api_key = SecretStr("sk_test_sandbox_second")
    account.save("main", overwrite=True)
    ledger = settings.open_ledger()
    ledger.write(lambda c: c.execute(update(schema.actions).values(due_at=0)))
    ledger.engine.dispose()
    state = shop.run()
    assert state.name == "Misconfigured"
    (still,) = rows("wanted", "sending")
    assert still.due_at == 0, "it was not even tried"


def _customer(shop: Shop) -> str:
    found = shop.sandbox.http.get("/v1/customers", params={"limit": 1}).raise_for_status().json()
    return str(found["data"][0]["id"])


def test_terms_that_the_account_does_not_have_are_not_saved(shop: Shop, capsys: Said) -> None:
    from blocks import InvoiceIssuing
    from tasks.workflows import find_block

    for change, said in (
        (("--series", "NIX"), "Oblio has no series of invoices called NIX; it has"),
        (("--vat-rate", "33"), "Oblio has no VAT rate Normala of 33 %; it has Normala 21"),
        (("--since", "soon"), "--since is a day, such as 2026-12-01"),
        (("--account", "other"), "there is no Oblio account block named other"),
    ):
        assert main(["connect", "invoices", "--name", "main", *TERMS, *change]) == 2
        assert said in capsys.readouterr().err
    assert main(["connect", "invoices", "--off"]) == 2
    assert "no invoices are issued for the payments of main" in capsys.readouterr().err
    assert find_block(InvoiceIssuing, "fresh") is None


def test_each_system_is_asked_for_what_the_terms_name(shop: Shop, capsys: Said) -> None:
    from accord.sandbox.smartbill.company import CIF as FIRM
    from accord.sandbox.smartbill.service import EMAIL, TOKEN
    from blocks import SmartBillAccount

    url = HttpUrl(f"{shop.url}/smartbill/SBORO/api")
    SmartBillAccount(email=EMAIL, token=SecretStr(TOKEN), cif=FIRM, base_url=url).save("main", overwrite=True)
    usual = ("--account", "main", "--since", "2026-01-01", "--product", "Comandă")
    for system, options, code, said in (
        ("smartbill", ("--series", "WEB", "--proformas", "PRO"), 0, "given one at smartbill/main"),
        ("smartbill", ("--series", "WEB", "--proformas", "NIX"), 2, "no series of proformas called NIX"),
        ("smartbill", ("--series", "NIX", "--proformas", "PRO"), 2, "no series of invoices called NIX"),
        ("stripe", ("--account", "main"), 0, "given one at stripe/main"),
        ("stripe", ("--account", "eu"), 2, "set account to main"),
    ):
        assert main(["connect", "invoices", "--system", system, *usual, *options]) == code
        shown = capsys.readouterr()
        assert said in " ".join((shown.out + shown.err).split())


def test_an_unknown_outcome_is_shown_with_what_to_look_at(shop: Shop, capsys: Said) -> None:
    ledger = settings.open_ledger()
    sync = Sync("payment-to-account/main", "stripe/main", "accounts/main")

    def unknown(connection: Any) -> None:
        actions.want(connection, "issue-invoice", sync.connection, "payment", "smartbill/main", ["ch_1"], 1.0)
        (row,) = actions.listed(connection)
        actions.change(connection, row, state="unknown", why="look at PRO 7")

    ledger.write(unknown)
    for command in (["status"], ["doctor"], ["actions", "list"]):
        assert main(command) != 0
        said = " ".join(capsys.readouterr().out.split())
        assert "PRO 7" in said
        assert "ch_1" in said
    assert main(["actions", "list", "--json"]) == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["counts"], shown["open"][0]["why"]) == ({"unknown": 1}, "look at PRO 7")
    assert main(["actions", "retry", "ch_1"]) == 0
    assert main(["actions", "retry", "ch_1"]) == 2
    assert "goes on by itself" in capsys.readouterr().err
    assert main(["actions", "drop", "ch_1"]) == 0
    assert main(["actions", "drop", "ch_9"]) == 2
    assert main(["actions", "list", "ch_1"]) == 2
    assert main(["explain", "ch_1"]) == 0
    said = capsys.readouterr().out
    assert "action retry" in said
    assert "action drop" in said
    ledger.engine.dispose()


OWN = """
    from accord.actions import Look, Twin, Waits
    from accord.records import Kind, Refund

    class Note:
        name, kind, since, account = "note-refund", Kind.REFUND, 0, "notes/main"
        steps, heeds, waits = ("note",), 86_400.0, Waits()
        made = {}

        def wants(self, record): return isinstance(record, Refund) and record.status == "succeeded"
        def compose(self, key, mark): return f"refund {key}".encode()
        def before(self, sent): return None, {}
        def send(self, sent, until): return Twin(self.made.setdefault(sent.mark, sent.payload.decode()))
        def find(self, sent): return Look()
        def close(self): pass

    def declare(sync, ledger):
        return [Note()] if sync.connection == "stripe/main" else []
"""


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, module: str, source: str) -> None:
    (folder / f"{module}.py").write_text(textwrap.dedent(source))
    info = folder / f"{module}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[accord.actions]\nnotes = {module}:declare\n")
    monkeypatch.syspath_prepend(str(folder))


def test_an_action_of_ones_own_takes_one_file(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _install(tmp_path, monkeypatch, "own_action", OWN)
    assert shop.run().is_completed()
    found = rows()
    assert found
    assert {(row.name, row.state) for row in found} == {("note-refund", "done")}
    assert all(row.twin == f"refund {row.key}" for row in found)


def test_an_action_that_can_not_be_made_says_whose_it_is(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.actions import declared

    _install(tmp_path, monkeypatch, "broken_action", "def declare(sync, ledger): raise KeyError('x')")
    sync = Sync("payment-to-account/main", "stripe/main", "accounts/main")
    with pytest.raises(Misconfigured, match=r"notes of accord.actions \(broken_action:declare\) fails: KeyError"):
        declared(sync, object(), settings.open_ledger())
