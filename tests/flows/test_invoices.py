"""Invoices from an Oblio company into the portal, as a flow on a Prefect server, against the sandbox."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import HttpUrl, SecretStr
from sqlalchemy import create_engine, text

from accord.compare import Agreement
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from deployments.cli import main

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

SYNC = "invoice-to-portal/oblio-main"
LIST = "/api/docs/invoice/list"


class Firm:
    """A company at Oblio, saved as the block "main", and the portal beside it; what people do at Oblio."""

    def __init__(self, url: str, home: Path) -> None:
        self.url, self.home = f"{url}/oblio", home
        self.http = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self._login()
        self.save_account(CLIENT_SECRET)

    def _login(self) -> None:
        given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        token = self.http.post("/api/authorize/token", data=given).raise_for_status().json()["access_token"]
        self.http.headers["authorization"] = f"Bearer {token}"

    def save_account(self, secret: str) -> None:
        from blocks import OblioAccount

        account = OblioAccount(
            email=CLIENT_ID, secret=SecretStr(secret), cif=CIF, base_url=HttpUrl(f"{self.url}/api"),
            rate_of_reads=None, rate_of_documents=None,
        )  # fmt: skip
        account.save("main", overwrite=True)

    def save_archive(self) -> None:
        """Have the PDFs kept in a folder."""
        from blocks import DocumentArchive, OblioAccount

        DocumentArchive(url=f"file://{self.home / 'archive'}").save("main", overwrite=True)
        account = OblioAccount.load("main")
        account.archive = "main"
        account.save("main", overwrite=True)

    def ask(self, method: str, path: str, **body: object) -> dict[str, object]:
        """Do something at Oblio."""
        answer = self.http.request(method, f"/api/docs/{path}", json={"cif": CIF} | body)
        found: dict[str, object] = answer.raise_for_status().json()["data"]
        return found

    def issue(self, **changes: object) -> dict[str, object]:
        """A new invoice, by its series and number."""
        line = {"name": "Mentenanță lunară", "price": 100, "vatName": "Normala", "vatIncluded": 1, "quantity": 1}
        usual = {
            "client": {"cif": "RO90000025", "name": "Moara de Probă SRL", "state": "Bucuresti", "city": "Sector 3"}
        }
        return self.made(**usual | {"seriesName": "WEB", "products": [line]} | changes)

    def made(self, **call: object) -> dict[str, object]:
        """What a call makes, by its series and number."""
        found = self.ask("POST", "invoice", **call)
        return {"seriesName": found["seriesName"], "number": found["number"]}

    def fault(self, **fault: object) -> None:
        """Switch a fault on."""
        self.http.post("/_admin/faults", json={"path": LIST} | fault).raise_for_status()

    def run(self) -> object:
        """Run the flow here; its final state."""
        from flows.invoice_to_portal import System, invoice_to_portal

        return invoice_to_portal(System.OBLIO, "main", return_state=True)

    def report(self) -> str:
        """The page that the last run left."""
        from prefect.client.orchestration import get_client
        from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
        from prefect.client.schemas.sorting import ArtifactSort

        wanted = ArtifactFilter(key=ArtifactFilterKey(any_=["invoice-to-portal-oblio-main-checks"]))
        with get_client(sync_client=True) as client:
            return str(client.read_artifacts(artifact_filter=wanted, sort=ArtifactSort.CREATED_DESC)[0].data)

    def reconcile(self) -> Agreement:
        from deployments.reconcile import reconcile

        return reconcile(SYNC)

    def rows(self) -> list[dict[str, object]]:
        """Every row of the portal."""
        engine = create_engine(f"sqlite:///{self.home / 'portal.db'}")
        with engine.connect() as connection:
            rows = [dict(row._mapping) for row in connection.execute(text("SELECT * FROM invoices ORDER BY id"))]
        engine.dispose()
        return rows

    def row(self, named: dict[str, object]) -> dict[str, object]:
        """What the portal shows of the invoice that bears this number now."""
        number = (named["seriesName"], named["number"])
        [found] = [row for row in self.rows() if (row["series"], row["number"], row["deleted"]) == (*number, 0)]
        return found


@pytest.fixture
def firm(tmp_path: Path, portal_database: None) -> Iterator[Firm]:
    from accord.sandbox.app import create
    from accord.sandbox.serve import served
    from tasks.bench import close

    with served(create(payments=120)) as url:
        made = Firm(url, tmp_path)
        yield made
        made.http.close()
    close(SYNC)


def counted(state: object) -> dict[str, int]:
    """The counts that a run gave back."""
    assert state.is_completed(), state
    return {what: count for what, count in state.result().items() if count}


def test_both_sides_agree_after_one_run_and_a_second_run_writes_nothing(firm: Firm) -> None:
    counts = counted(firm.run())
    assert counts == {"created": len(firm.rows())}
    assert len(firm.rows()) > 120
    agreement = firm.reconcile()
    assert agreement.complete
    assert agreement.records == len(firm.rows())
    before = firm.rows()
    assert counted(firm.run()).keys() == {"unchanged"}
    assert firm.rows() == before


def test_what_people_do_at_oblio_is_there_after_the_next_run(firm: Firm) -> None:
    made = [firm.issue() for _ in range(6)]
    paid, in_part, edited, cancelled, taken_back, deleted = made
    firm.run()
    assert {firm.row(one)["state"] for one in made} == {"issued"}

    firm.ask("PUT", "invoice/collect", **paid, collect={"type": "Card"})
    firm.ask("PUT", "invoice/collect", **in_part, collect={"type": "Card", "value": "40"})
    client = {"cif": "RO90000025", "name": "Moara Nouă SRL", "state": "Bucuresti", "city": "Sector 3"}
    line = {"name": "Transport", "price": 77, "vatName": "Normala", "vatIncluded": 1, "quantity": 1}
    firm.ask("PUT", "invoice", **edited, client=client, products=[line])
    firm.ask("PUT", "invoice/cancel", **cancelled)
    [key] = [row["id"] for row in firm.rows() if row["number"] == deleted["number"] and row["series"] == "WEB"]
    storno = firm.made(seriesName="MDP", referenceDocument={"type": "Factura"} | taken_back)
    firm.ask("DELETE", "invoice", **deleted)
    assert not firm.reconcile().complete
    counts = counted(firm.run())
    assert (counts["created"], counts["updated"], counts["deleted"]) == (1, 5, 1)
    assert (firm.row(paid)["state"], firm.row(paid)["paid"]) == ("paid", 10_000)
    assert (firm.row(in_part)["state"], firm.row(in_part)["paid"]) == ("partly paid", 4_000)
    assert (firm.row(edited)["client_name"], firm.row(edited)["total"]) == ("Moara Nouă SRL", 7_700)
    assert firm.row(cancelled)["state"] == "cancelled"
    assert (firm.row(storno)["state"], firm.row(taken_back)["state"]) == ("storno", "reversed")
    assert [row["id"] for row in firm.rows() if row["deleted"]] == [key]
    assert firm.reconcile().complete


def test_a_spoiled_invoice_is_kept_with_its_reason_and_the_others_go_on(
    firm: Firm, capsys: pytest.CaptureFixture[str]
) -> None:
    firm.run()
    spoiled, sound = firm.issue(), firm.issue()
    key = str(firm.ask("GET", "invoice/list")[1]["id"])  # type: ignore[index]
    firm.fault(kind="null_field", field="currency", object=key, rate=1)
    counts = counted(firm.run())
    assert (counts["created"], counts["quarantined"]) == (1, 1)
    assert firm.row(sound)["state"] == "issued"
    assert main(["quarantine", "list"]) == 1
    assert key in capsys.readouterr().out

    firm.http.delete("/_admin/faults").raise_for_status()
    assert main(["quarantine", "retry"]) == 0
    assert counted(firm.run())["created"] == 1
    assert firm.row(spoiled)["state"] == "issued"
    assert main(["quarantine", "list"]) == 0
    assert firm.reconcile().complete
    assert main(["explain", key]) == 0


def test_the_report_tells_where_documents_stand_and_which_numbers_are_lacking_or_given_twice(firm: Firm) -> None:
    for _ in range(2):
        firm.issue(disableAutoSeries="1", number="000990")
    firm.run()
    text = firm.report()
    assert text.splitlines()[2].startswith("**In agreement:** the portal shows everything up to ")
    states = [row["state"] for row in firm.rows()]
    assert f"| cancelled | {states.count('cancelled')} |" in text
    assert "| WEB 000990 | 2 documents have it |" in text
    assert " to 989 | no issued document has it |" in text
    assert "Gross" not in text
    assert "balance transactions" not in text


def test_a_wrong_secret_fails_at_once_and_says_what_to_do(firm: Firm) -> None:
    firm.save_account("not-the-secret")
    state = firm.run()
    assert (state.is_failed(), state.name) == (True, "Misconfigured")
    assert "accord connect oblio --name main" in state.message
    assert "not-the-secret" not in state.message


def test_days_do_not_bound_a_list_in_the_order_of_numbers(firm: Firm) -> None:
    from datetime import date

    from flows.invoice_to_portal import invoice_to_portal

    state = invoice_to_portal(since=date(2026, 1, 1), return_state=True)
    assert state.name == "Misconfigured"
    assert "leave since and until empty" in state.message
    assert firm.rows() == []


def test_the_pdf_of_a_new_invoice_is_archived_and_both_sides_agree(firm: Firm) -> None:
    assert firm.run().is_completed()  # type: ignore[attr-defined]
    firm.save_archive()
    new = firm.issue()
    assert firm.run().is_completed()  # type: ignore[attr-defined]
    name = str(firm.row(new)["pdf"])
    assert (firm.home / "archive" / name).read_bytes().startswith(b"%PDF-")
    assert "PDFs that are still to be archived" in firm.report()
    assert firm.reconcile().complete


def test_an_archive_that_is_not_saved_is_named_with_what_to_do(firm: Firm) -> None:
    firm.save_archive()
    from blocks import DocumentArchive

    DocumentArchive.delete("main")
    state = firm.run()
    assert (state.name, state.message) == (  # type: ignore[attr-defined]
        "Misconfigured",
        "there is no Document archive block named main; make it: accord connect archive --name main",
    )
