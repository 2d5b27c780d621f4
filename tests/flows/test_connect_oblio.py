"""`accord connect oblio` and `accord connect portal`: tested before anything is saved, refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import create_engine, inspect, text

from accord import settings
from accord.ledger import counters, streams
from accord.sandbox.oblio import shop
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from blocks import DocumentArchive, OblioAccount, PortalDatabase
from deployments.cli import main
from tasks.workflows import find_block

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Connect = Callable[..., int]
CHECKED = "pdf/d3/d34338cd4825af16e7be1f0e0eb9732bc87a426a413e44cf90b733336b8a82d0.pdf"
NAMED = ("--email", CLIENT_ID, "--cif", shop.CIF)


@pytest.fixture
def connect(sandbox: Any, piped: Connect) -> Connect:
    """`accord connect oblio` against the sandbox, the secret piped in."""
    command = ("connect", "oblio", "--base-url", f"{sandbox.url}/oblio/api")
    return lambda *options, secret=CLIENT_SECRET: piped(secret, *command, *options)


@pytest.fixture
def portal(piped: Connect) -> Connect:
    """`accord connect portal`, the URL piped in."""
    return lambda url, *options: piped(url, "connect", "portal", *options)


Said = pytest.CaptureFixture[str]


def test_a_secret_is_tested_and_what_was_found_is_shown(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--name", "eu") == 0
    said = capsys.readouterr().out
    assert f"Prăvălia Exemplu SRL, {shop.CIF}" in said
    for series in ("MDP", "WEB", "EXP", "B-24"):
        assert f"  {series:<22}" in said
    assert "numbers given out, next 0" in said
    assert "saved as OblioAccount/eu" in said
    assert "accord connect portal --name main; then: accord deploy" in said, "the next step"
    assert CLIENT_SECRET not in said
    saved = find_block(OblioAccount, "eu")
    assert saved is not None
    assert saved.secret.get_secret_value() == CLIENT_SECRET


def test_as_json(connect: Connect, portal: Connect, tmp_path: Path, capsys: Said) -> None:
    assert portal(f"sqlite:///{tmp_path / 'portal.db'}", "--create") == 0
    capsys.readouterr()
    assert connect(*NAMED, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["company"], shown["cif"], shown["portal"]) == ("Prăvălia Exemplu SRL", shop.CIF, "main")
    assert shown["invoices"] == sum(one["given"] for one in shown["series"]) >= 60
    assert (shown["saved"], shown["rotated"], shown["notes"]) == (True, False, ["next: accord deploy"])


def test_a_new_secret_keeps_the_rest(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--portal", "shop") == 0
    assert connect() == 0
    assert "the new secret of main is saved; runs take it up at once" in capsys.readouterr().out
    saved = find_block(OblioAccount, "main")
    assert saved is not None
    assert (saved.portal, saved.cif, saved.email) == ("shop", shop.CIF, CLIENT_ID)


@pytest.mark.parametrize(
    ("options", "secret", "said"),
    [
        (
            NAMED,
            "a-wrong-secret",
            "nothing was saved: Oblio answered 401: it does not accept the e-mail and the secret",
        ),
        (
            ("--email", CLIENT_ID, "--cif", "RO12345"),
            CLIENT_SECRET,
            f"its companies are Prăvălia Exemplu SRL ({shop.CIF})",
        ),
        (("--email", CLIENT_ID, "--cif", "our firm"), CLIENT_SECRET, "--cif is the company's CIF, with or without RO"),
        ((), CLIENT_SECRET, "a new connection needs --email and --cif"),
        (NAMED, "", "no Oblio API secret was given"),
        ((*NAMED, "--name", "Not A Name"), CLIENT_SECRET, "small letters, digits and dashes"),
        ((*NAMED, "--portal", "My Portal"), CLIENT_SECRET, "--portal is of small letters, digits and dashes"),
        (
            (*NAMED, "--base-url", "http://oblio.example"),
            CLIENT_SECRET,
            "--base-url must be the address of Oblio's API",
        ),
    ],
)
def test_what_can_not_be_a_connection_is_refused(
    connect: Connect, capsys: Said, options: tuple[str, ...], secret: str, said: str
) -> None:
    assert connect(*options, secret=secret) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert not secret or secret not in shown.err + shown.out
    assert find_block(OblioAccount, "main") is None


def test_an_oblio_that_does_not_answer_is_told_from_a_wrong_secret(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--base-url", "http://127.0.0.1:9/api") == 3
    assert "nothing was saved: 127.0.0.1" in capsys.readouterr().err


def test_a_company_is_read_by_one_connection_and_a_connection_reads_one(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--name", "eu") == 0
    assert connect(*NAMED, "--name", "europe") == 2
    assert "is read by oblio/eu already" in capsys.readouterr().err
    other = ("--email", CLIENT_ID, "--cif", shop.SECOND_CIF)
    assert connect(*other, "--name", "eu") == 0, "nothing was read yet"
    ledger = settings.open_ledger()
    ledger.write(lambda c: streams.put(c, "invoice-to-portal/oblio-eu", "document", watermark=1))
    assert connect(*NAMED, "--name", "eu") == 2
    assert f"so far account {shop.SECOND_CIF} at Oblio was read" in capsys.readouterr().err
    assert connect("--name", "eu", "--portal", "other") == 2
    assert "settled into portal/main so far" in capsys.readouterr().err
    assert ledger.read(lambda c: counters.ticket(c, "oblio/eu")) == 0
    ledger.engine.dispose()


def test_its_calls_are_few(connect: Connect, sandbox: Any) -> None:
    stats = f"{sandbox.url}/oblio/_admin/stats?reset=1"
    with httpx.Client(trust_env=False) as http:
        http.get(stats)
        assert connect(*NAMED) == 0
        assert http.get(stats).json()["requests"] == 4, "token, companies, series, a page"


def test_a_portal_is_made_on_request_only(portal: Connect, tmp_path: Path, capsys: Said) -> None:
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    assert portal(url) == 2
    assert "there is no file" in capsys.readouterr().err
    assert not (tmp_path / "portal.db").exists()
    assert portal(url, "--create") == 0
    said = capsys.readouterr().out
    assert "invoices" in said
    assert "saved as PortalDatabase/main\nnext: accord connect oblio, smartbill or stripe; then: accord deploy" in said
    assert portal(url, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"portal": "main", "mapped": False, "tables": {"document": {"table": "invoices", "rows": 0}}}
    for action in ("check", "create"):
        assert main(["portal", action, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"portal": "main", "fit": True}


def test_the_portals_tables_are_made_by_their_own_command(portal: Connect, tmp_path: Path, capsys: Said) -> None:
    assert main(["portal", "create", "shop"]) == 2
    assert "make it: accord connect portal --name shop" in capsys.readouterr().err
    url = f"sqlite:///{tmp_path / 'portal.db'}"
    assert portal(url, "--create", "--name", "shop") == 0
    engine = create_engine(url)
    with engine.begin() as c:
        c.execute(text("DROP VIEW invoices_due"))
        c.execute(text("DROP TABLE invoices"))
    assert main(["portal", "check", "shop"]) == 2
    assert "accord portal create, or accord connect portal --create" in capsys.readouterr().err
    assert main(["portal", "create", "shop"]) == 0
    assert "the tables of the portal database fit" in capsys.readouterr().out
    assert "invoices" in inspect(engine).get_table_names()
    engine.dispose()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"key": "id", "total": "amount", "deleted": "gone"}, "has no column amount for document.total"),
        ({"key": "id", "colour": "hue", "deleted": "gone"}, "names colour; its fields are"),
    ],
)
def test_a_portal_table_that_does_not_fit_is_refused(
    portal: Connect, tmp_path: Path, capsys: Said, columns: dict[str, str], said: str
) -> None:
    engine = create_engine(url := f"sqlite:///{tmp_path / 'portal.db'}")
    with engine.begin() as c:
        c.execute(text("CREATE TABLE bills (id TEXT PRIMARY KEY, sum INTEGER, gone BOOLEAN NOT NULL)"))
    (tmp_path / "map.json").write_text(json.dumps({"document": {"table": "bills", "columns": columns}}))
    assert portal(url, "--mapping", str(tmp_path / "map.json"), "--create") == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "nothing was saved" in shown or "mapping" in shown
    assert inspect(engine).get_table_names() == ["bills"]
    engine.dispose()
    assert find_block(PortalDatabase, "main") is None


def test_a_portal_of_ones_own_is_taken_as_it_is(portal: Connect, tmp_path: Path, capsys: Said) -> None:
    engine = create_engine(url := f"sqlite:///{tmp_path / 'portal.db'}")
    with engine.begin() as c:
        c.execute(text("CREATE TABLE bills (id TEXT PRIMARY KEY, amount INTEGER, gone BOOLEAN NOT NULL)"))
        c.execute(text("INSERT INTO bills VALUES ('theirs', 5, false)"))
    engine.dispose()
    columns = {"key": "id", "total": "amount", "deleted": "gone"}
    (tmp_path / "map.json").write_text(json.dumps({"document": {"table": "bills", "columns": columns}}))
    assert portal(url, "--mapping", str(tmp_path / "map.json"), "--create") == 0
    said = capsys.readouterr().out
    assert "bills                   fits, 1 rows" in said
    assert "Rows whose key the service of a connection knows are brought into agreement" in said


def test_an_archive_is_written_to_and_read_before_it_is_saved(
    connect: Connect, piped: Connect, tmp_path: Path, capsys: Said
) -> None:
    assert connect(*NAMED, "--archive", "main") == 2
    assert "nothing was saved: there is no Document archive block named main; make it" in capsys.readouterr().err
    assert find_block(OblioAccount, "main") is None
    assert main(["connect", "archive", "--url", f"file://{tmp_path}/archive"]) == 0
    assert "next: accord connect oblio --archive main" in capsys.readouterr().out
    assert connect(*NAMED, "--archive", "main") == 0
    assert find_block(OblioAccount, "main").archive == "main"  # type: ignore[union-attr]
    assert find_block(DocumentArchive, "main").connect().read(CHECKED) == b"%PDF-\n"  # type: ignore[union-attr]
    assert piped("region=eu", "connect", "archive", "--url", "s3://papers") == 2
    assert "the options are no JSON object" in capsys.readouterr().err
    assert main(["connect", "archive", "--url", "file://archive"]) == 2
    assert "nothing was saved: the URL of the document archive block must name an absolute" in capsys.readouterr().err
