"""Invoices from a company at SmartBill into the portal, as a flow on a Prefect server, against the sandbox."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import HttpUrl, SecretStr
from sqlalchemy import create_engine, text

from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, TOKEN
from deployments.cli import main

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

SYNC = "invoice-to-portal/smartbill-main"
PARTNER = {"name": "Moara de Probă SRL", "vatCode": "RO90000025", "country": "Romania"}
LINE = {"name": "Mentenanță", "price": 100, "quantity": 1, "taxName": "Normala", "taxPercentage": 21}


class Firm:
    """A company, saved as the block "main", that is read by one series, which has no invoices yet."""

    def __init__(self, url: str, home: Path) -> None:
        from blocks import SmartBillAccount

        self.url, self.home = f"{url}/smartbill", home
        self.http = httpx.Client(base_url=self.url, auth=(EMAIL, TOKEN), timeout=30, trust_env=False)
        SmartBillAccount(
            email=EMAIL, token=SecretStr(TOKEN), cif=CIF, series=["API"], base_url=HttpUrl(f"{self.url}/SBORO/api")
        ).save("main", overwrite=True)

    def issue(self) -> str:
        """The number of a new invoice over 121 lei."""
        body = {"companyVatCode": CIF, "seriesName": "API", "client": PARTNER, "products": [LINE]}
        return str(self.http.post("/SBORO/api/invoice/v2", json=body).raise_for_status().json()["number"])

    def pay(self, number: str) -> None:
        named = [{"seriesName": "API", "number": number}]
        body = {"companyVatCode": CIF, "type": "Card", "useInvoiceDetails": True, "invoicesList": named}
        self.http.post("/SBORO/api/payment", json=body).raise_for_status()

    def run(self) -> dict[str, int]:
        """Run the flow here; the counts that it gives back."""
        from flows.invoice_to_portal import System, invoice_to_portal

        state: Any = invoice_to_portal(System.SMARTBILL, "main", return_state=True)
        assert state.is_completed(), state
        return {what: count for what, count in state.result().items() if count}

    def export(self) -> str:
        file = self.home / "facturi.xlsx"
        file.write_bytes(self.http.get("/_admin/export.xlsx").content)
        return str(file)

    def shown(self) -> dict[str, tuple[Any, ...]]:
        """State, client and total of each invoice in the portal."""
        engine = create_engine(f"sqlite:///{self.home / 'portal.db'}")
        with engine.connect() as connection:
            rows = connection.execute(text("SELECT number, state, client_name, total FROM invoices ORDER BY id"))
            found = {row[0]: tuple(row[1:]) for row in rows}
        engine.dispose()
        return found


@pytest.fixture
def firm(tmp_path: Path, portal_database: None) -> Iterator[Firm]:
    from accord.sandbox.app import create
    from accord.sandbox.serve import served
    from tasks.bench import close

    with served(create(payments=1)) as url:
        made = Firm(url, tmp_path)
        yield made
        made.http.close()
    close(SYNC)


def test_invoices_reach_the_portal_by_api_pdf_and_export(firm: Firm, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = firm.issue(), firm.issue()
    firm.http.post("/_admin/faults", json={"kind": "pdf_html", "rate": 1})
    firm.pay(second)
    assert firm.run() == {"created": 2}
    # Nobody told whom they are made out to, in which currency, and whether the first one is cancelled.
    assert firm.shown() == {first: ("unknown", None, None), second: ("paid", None, None)}

    assert main(["import", "smartbill", firm.export()]) == 0
    assert "2 new, 0 changed, 0 the same, 0 refused" in capsys.readouterr().out
    assert firm.run()["updated"] == 2
    assert firm.shown() == {
        first: ("issued", "Moara de Probă SRL", 12_100),
        second: ("paid", "Moara de Probă SRL", 12_100),
    }

    firm.pay(first)
    third = firm.issue()
    counts = firm.run()
    assert (counts["created"], counts["updated"]) == (1, 1)
    assert firm.shown()[first][0] == "paid"
    assert firm.shown()[third] == ("unknown", None, None)
    assert main(["status", "--json"]) in (0, 1)
    assert SYNC in capsys.readouterr().out
