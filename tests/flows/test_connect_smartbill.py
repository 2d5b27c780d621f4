"""`accord connect smartbill` and `accord import smartbill`: tested before anything is saved, refused by name."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from accord import settings
from accord.ledger import batches, streams
from accord.records import Kind
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, TOKEN
from blocks import SmartBillAccount
from deployments.cli import main
from tasks.workflows import find_block

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Connect = Callable[..., int]
Said = pytest.CaptureFixture[str]
NAMED = ("--email", EMAIL, "--cif", CIF)
SYNC = "invoice-to-portal/smartbill-main"


@pytest.fixture
def http(sandbox: Any) -> Iterator[httpx.Client]:
    """The sandbox's own switches."""
    with httpx.Client(base_url=f"{sandbox.url}/smartbill/_admin", trust_env=False) as http:
        yield http


@pytest.fixture
def connect(sandbox: Any, piped: Connect) -> Connect:
    """`accord connect smartbill` against the sandbox, the token piped in."""
    command = ("connect", "smartbill", "--base-url", f"{sandbox.url}/smartbill/SBORO/api")
    return lambda *options, token=TOKEN: piped(token, *command, *options)


@pytest.fixture
def connected(connect: Connect, piped: Connect, tmp_path: Path, capsys: Said) -> None:
    """A connection with its portal."""
    assert piped(f"sqlite:///{tmp_path / 'portal.db'}", "connect", "portal", "--create") == 0
    assert connect(*NAMED) == 0
    capsys.readouterr()


@pytest.fixture
def exported(http: httpx.Client, tmp_path: Path) -> Path:
    """What the web application exports now."""
    file = tmp_path / "facturi.xlsx"
    file.write_bytes(http.get("/export.xlsx").content)
    return file


def test_a_token_is_tested_and_what_was_found_is_shown(connect: Connect, http: httpx.Client, capsys: Said) -> None:
    http.get("/stats?reset=1")
    assert connect(*NAMED, "--name", "eu") == 0
    assert http.get("/stats").json()["requests"] <= 5, (
        "series; one invoice by up to three spellings of its number; its PDF"
    )
    said = capsys.readouterr().out
    assert f"company {CIF}" in said
    for row in http.get("/truth").json()["series"]:
        assert (f"  {row['name']:<22}next {row['next']}\n" in said) == (row["type"] == "f")
    assert "SmartBill's limit lets the first run read them in" in said
    assert "tells client, currency, issued_on, net, lines" in said
    assert "saved as SmartBillAccount/eu" in said
    assert "accord connect portal --name main; then: accord deploy" in said, "the next step"
    assert TOKEN not in said
    saved = find_block(SmartBillAccount, "eu")
    assert saved is not None
    assert saved.token.get_secret_value() == TOKEN


def test_as_json(connected: None, connect: Connect, capsys: Said) -> None:
    assert connect("--series", "WEB", "EXP", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["cif"], shown["portal"]) == (CIF, "main")
    assert [one["name"] for one in shown["series"]] == ["EXP", "WEB"]
    assert shown["last"].startswith("WEB/")
    assert (shown["saved"], shown["rotated"], shown["notes"]) == (True, True, ["next: accord deploy"])
    assert shown["unknown"] == []


def test_a_new_token_keeps_the_rest(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--portal", "shop", "--series", "WEB") == 0
    assert connect() == 0
    assert "the new token of main is saved; runs take it up at once" in capsys.readouterr().out
    saved = find_block(SmartBillAccount, "main")
    assert saved is not None
    assert (saved.portal, saved.cif, saved.email, saved.series) == ("shop", CIF, EMAIL, ["WEB"])


def test_pdfs_that_can_not_be_read_are_told_of(connect: Connect, http: httpx.Client, capsys: Said) -> None:
    http.post("/faults", json={"kind": "pdf_html", "rate": 1})
    assert connect(*NAMED) == 0
    said = capsys.readouterr().out
    assert "nobody tells client, currency, issued_on, net, lines" in said
    assert "accord import smartbill" in said


@pytest.mark.parametrize(
    ("options", "token", "said"),
    [
        (NAMED, "a-wrong-token", "nothing was saved: SmartBill answered 401: e-mail and token are not valid"),
        (("--email", EMAIL, "--cif", "RO12345"), TOKEN, "the account has no company with this VAT id"),
        (("--email", EMAIL, "--cif", "our firm"), TOKEN, "--cif is the company's VAT id"),
        (("--email", "nobody", "--cif", CIF), TOKEN, "SmartBill needs the e-mail of the account"),
        ((), TOKEN, "a new connection needs --email and --cif"),
        (NAMED, "", "no SmartBill token was given"),
        ((*NAMED, "--series", "WEB", "OLD"), TOKEN, "the company has no series of invoices called OLD"),
        ((*NAMED, "--name", "Not A Name"), TOKEN, "small letters, digits and dashes"),
        ((*NAMED, "--portal", "My Portal"), TOKEN, "--portal is of small letters, digits and dashes"),
        ((*NAMED, "--base-url", "http://ws.example"), TOKEN, "--base-url must be the address of SmartBill's API"),
    ],
)
def test_what_can_not_be_a_connection_is_refused(
    connect: Connect, capsys: Said, options: tuple[str, ...], token: str, said: str
) -> None:
    assert connect(*options, token=token) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert not token or token not in shown.err + shown.out
    assert find_block(SmartBillAccount, "main") is None


def test_a_smartbill_that_does_not_answer_or_is_blocked_is_told_from_a_wrong_token(
    connect: Connect, http: httpx.Client, capsys: Said
) -> None:
    assert connect(*NAMED, "--base-url", "http://127.0.0.1:9/api") == 3
    assert "nothing was saved: 127.0.0.1" in capsys.readouterr().err
    http.post("/behaviour", json={"block_status": 403})
    http.post("/faults", json={"kind": "rate_limit"})
    assert connect(*NAMED, "--name", "eu") == 3
    assert "token" not in capsys.readouterr().err


def test_a_company_is_read_by_one_connection(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--name", "eu") == 0
    assert connect(*NAMED, "--name", "europe") == 2
    assert "is read by smartbill/eu already" in capsys.readouterr().err


def test_an_export_is_taken_in_and_waits_for_the_next_run(
    connected: None, exported: Path, http: httpx.Client, capsys: Said
) -> None:
    invoices = http.get("/truth").json()["invoices"]
    assert main(["import", "smartbill", str(exported)]) == 0
    said = capsys.readouterr().out
    assert said == f"{invoices} new, 0 changed, 0 the same, 0 refused\nnext: accord run {SYNC}\n"
    ledger = settings.open_ledger()
    assert ledger.read(lambda c: batches.unsettled(c, SYNC)) == invoices
    assert ledger.read(lambda c: streams.get(c, SYNC, Kind.DOCUMENT)) is None
    ledger.engine.dispose()
    assert main(["import", "smartbill", str(exported), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"connection": "main", "new": 0, "changed": 0, "same": invoices, "left_out": 0, "refused": []}


def test_lines_of_other_series_are_left_out(
    connected: None, connect: Connect, exported: Path, http: httpx.Client, capsys: Said
) -> None:
    assert connect("--series", "EXP") == 0
    capsys.readouterr()
    assert main(["import", "smartbill", str(exported), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    rows = http.get("/documents").json()["documents"]
    assert shown["new"] == sum(row["series"] == "EXP" for row in rows)
    assert shown["left_out"] == len(rows) - shown["new"] > 0


def test_lines_that_are_refused_are_named_without_what_they_hold(connected: None, exported: Path, capsys: Said) -> None:
    import openpyxl

    book = openpyxl.load_workbook(exported)
    sheet = book.worksheets[0]
    column = next(cell.column for cell in sheet[4] if cell.value == "Valoare Totala")
    for line in range(5, 35):
        sheet.cell(line, column, "a lot")
    book.save(exported)
    assert main(["import", "smartbill", str(exported)]) == 1
    said = capsys.readouterr().out
    assert "30 refused\n  line 5: Valoare Totala is no amount\n" in said
    assert "  and 10 more; --json names them all" in said
    assert "a lot" not in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can not be read: No such file or directory"),
        (b"Client;Factura\n", "nothing was imported: the export is no Excel file (.xlsx)"),
    ],
)
def test_what_is_no_export_is_refused(
    connected: None, tmp_path: Path, capsys: Said, content: bytes | None, said: str
) -> None:
    file = tmp_path / "report.xlsx"
    if content is not None:
        file.write_bytes(content)
    assert main(["import", "smartbill", str(file)]) == 2
    assert said in capsys.readouterr().err


def test_an_import_needs_a_connection(exported: Path, capsys: Said) -> None:
    assert main(["import", "smartbill", str(exported), "--name", "eu"]) == 2
    assert "make it: accord connect smartbill --name eu" in capsys.readouterr().err
