"""`accord connect`: what is entered is tested before it is saved, and what does not fit is refused by name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from accord import settings
from accord.ledger import counters, streams
from deployments.cli import main

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

FULL, SECOND = "sk_test_sandbox_full", "sk_test_sandbox_second"
Connect = Callable[..., int]


@pytest.fixture
def connect(sandbox: object, piped: Connect) -> Connect:
    """`accord connect stripe` against the sandbox, the key piped in."""
    command = ("connect", "stripe", "--base-url", f"{sandbox.url}/stripe")
    return lambda key, *options: piped(key, *command, *options)


@pytest.fixture
def connect_accounts(piped: Connect) -> Connect:
    """`accord connect accounts`, the URL piped in."""
    return lambda url, *options: piped(url, "connect", "accounts", *options)


def saved(name: str) -> object:
    from blocks import StripeAccount
    from tasks.workflows import find_block

    return find_block(StripeAccount, name)


def test_a_key_is_tested_shown_and_saved(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    assert connect(FULL, "--name", "eu") == 0
    said = capsys.readouterr().out
    assert "acct_" in said
    assert "test mode" in said
    for one in ("customers", "charges", "balance transactions", "events"):
        assert f"  {one:<22}may be read" in said
    assert "accord connect accounts --name main" in said, "the next step"
    assert FULL not in said
    assert saved("eu").api_key.get_secret_value() == FULL


def test_a_new_key_of_the_same_account_keeps_the_rest(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    assert connect(FULL, "--name", "eu", "--accounts", "shop") == 0
    assert connect("rk_test_sandbox_read", "--name", "eu", "--json") == 0
    shown = json.loads(capsys.readouterr().out.split("accord deploy\n")[-1])
    assert (shown["rotated"], shown["saved"], shown["accounts"]) == (True, True, "shop")
    assert saved("eu").api_key.get_secret_value() == "rk_test_sandbox_read"
    assert saved("eu").accounts == "shop"


def test_an_account_can_be_followed_for_its_invoices_alone(
    connect: Connect, capsys: pytest.CaptureFixture[str]
) -> None:
    from prefect.client.orchestration import get_client

    from deployments import server

    assert connect(FULL, "--no-accounts") == 2
    assert "nothing of the account would be followed" in capsys.readouterr().err
    assert connect(FULL, "--no-accounts", "--portal", "main", "--archive", "main") == 2
    assert "nothing was saved: there is no Document archive block named main; make it" in capsys.readouterr().err
    assert connect(FULL, "--no-accounts", "--portal", "main") == 0
    said = capsys.readouterr().out
    assert "balance transactions" not in said
    assert "credit notes" in said
    with get_client(sync_client=True) as client:
        assert [one.name for one in server.connections(client)] == ["invoice-to-portal/stripe-main"]
    terms = ("--system", "stripe", "--since", "2026-01-01", "--product", "Work")
    assert main(["connect", "invoices", *terms]) == 2
    assert "the payments of main are not followed" in capsys.readouterr().err
    assert connect(FULL, "--accounts", "main") == 0
    with get_client(sync_client=True) as client:
        assert len(server.connections(client)) == 2


def test_a_missing_permission_is_named_and_nothing_is_saved(
    connect: Connect, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connect("rk_test_sandbox_no_balance", "--name", "eu") == 2
    said = capsys.readouterr()
    assert "balance transactions  may NOT be read" in said.out
    assert "rak_balance_transaction_read" in said.out
    assert "dashboard" in said.out
    assert "nothing was saved" in said.err
    assert saved("eu") is None


@pytest.mark.parametrize(
    ("key", "options", "said"),
    [
        ("sk_live_sandbox_full", [], "this is a key of live mode, and the connection is in test mode; say --mode live"),
        (
            "sk_test_sandbox_expired",
            [],
            "in Stripe's dashboard, under API keys, and run: accord connect stripe --name m",
        ),
        (FULL, ["--accounts", "My Shop"], "--accounts is of small letters, digits and dashes"),
        ("pk_test_sandbox_public", [], "publishable"),
        ("", [], "no Stripe API key was given"),
        (FULL, ["--name", "Not A Name"], "small letters, digits and dashes"),
        (
            FULL,
            ["--base-url", "http://stripe.example"],
            "--base-url must be the address of Stripe's API, and begin with https",
        ),
    ],
)
def test_what_can_not_be_a_connection_is_refused(
    connect: Connect, capsys: pytest.CaptureFixture[str], key: str, options: list[str], said: str
) -> None:
    assert connect(key, *options) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert not key or key not in shown.err + shown.out
    assert saved("main") is None


def test_two_connections_with_one_account_are_refused(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    assert connect(FULL, "--name", "eu") == 0
    assert connect("rk_test_sandbox_read", "--name", "europe") == 2
    assert "is read by stripe/eu already" in capsys.readouterr().err
    assert saved("europe") is None
    assert connect(SECOND, "--name", "us") == 0


def test_a_connection_that_was_read_stays_with_its_account(
    connect: Connect, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connect(FULL, "--name", "eu") == 0
    assert connect(SECOND, "--name", "eu") == 0, "nothing was read yet"
    ledger = settings.open_ledger()
    ledger.write(lambda c: streams.put(c, "payment-to-account/eu", "payment", watermark=1))
    assert connect(FULL, "--name", "eu") == 2
    assert "so far account acct_" in capsys.readouterr().err
    assert connect(SECOND, "--name", "eu", "--accounts", "other") == 2
    assert "settled into accounts/main so far" in capsys.readouterr().err
    assert saved("eu").api_key.get_secret_value() == SECOND
    assert ledger.read(lambda c: counters.ticket(c, "stripe/eu")) == 0
    ledger.engine.dispose()


def test_accounts_are_made_on_request_only(
    connect_accounts: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    assert connect_accounts(url) == 2
    assert "there is no file" in capsys.readouterr().err
    assert not (tmp_path / "shop.db").exists()
    assert connect_accounts(url, "--create") == 0
    assert "payments" in capsys.readouterr().out
    assert connect_accounts(url, "--json") == 0
    assert json.loads(capsys.readouterr().out)["tables"]["payment"] == {"table": "payments", "rows": 0}
    for action in ("check", "create"):
        assert main(["accounts", action, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == {"accounts": "main", "fit": True}


MAPPING = {"customer": {"table": "people", "columns": {"key": "id", "name": "name", "deleted": "gone"}}}
PEOPLE = "CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT, gone BOOLEAN NOT NULL)"


@pytest.mark.parametrize(
    ("mapping", "table", "said"),
    [
        (MAPPING, "CREATE TABLE others (id TEXT)", "has no table people"),
        (
            MAPPING,
            PEOPLE.replace("name TEXT", "called TEXT"),
            "people has no column name for customer.name; its columns are id, called, gone",
        ),
        (MAPPING, PEOPLE.replace("name TEXT", "name INTEGER"), "has a column name of type INTEGER, where name is text"),
        (MAPPING, PEOPLE.replace("PRIMARY KEY", ""), "people needs a unique constraint on (id)"),
        ({"people": {}}, PEOPLE, "names the kind people; its kinds are customer, subscription, invoice"),
        ({"customer": {"table": "people"}}, PEOPLE, "the accounts mapping is malformed"),
        ("[", PEOPLE, "is no JSON"),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused_by_table_and_column(
    connect_accounts: Connect,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    mapping: object,
    table: str,
    said: str,
) -> None:
    engine = create_engine(url := f"sqlite:///{tmp_path / 'shop.db'}")
    with engine.begin() as c:
        c.execute(text(table))
    engine.dispose()
    (tmp_path / "map.json").write_text(mapping if isinstance(mapping, str) else json.dumps(mapping))
    assert connect_accounts(url, "--mapping", str(tmp_path / "map.json"), "--create") == 2
    assert said in capsys.readouterr().err
    assert len(tables(url)) == 1, "nothing was made"


def tables(url: str) -> list[str]:
    engine = create_engine(url)
    found = inspect(engine).get_table_names()
    engine.dispose()
    return found


def test_a_table_that_is_not_accords_is_named_and_nothing_is_made_beside_it(
    connect_accounts: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = create_engine(url := f"sqlite:///{tmp_path / 'shop.db'}")
    with engine.begin() as c:
        c.execute(text("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)"))
    engine.dispose()
    assert connect_accounts(url, "--create") == 2
    said = capsys.readouterr().err
    assert "has a table customers already that is not Accord's" in said
    assert "use another database or schema, or give --mapping" in said
    assert tables(url) == ["customers"]


def test_a_database_in_place_of_another_is_refused_before_anything_is_made(
    connect_accounts: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert connect_accounts(f"sqlite:///{tmp_path / 'shop.db'}", "--create") == 0
    create_engine(f"sqlite:///{tmp_path / 'empty.db'}").connect().close()
    for name in ("empty.db", "none.db"):
        assert connect_accounts(f"sqlite:///{tmp_path / name}", "--create") == 2
        assert "is another database than the one that was settled into" in capsys.readouterr().err
    assert tables(f"sqlite:///{tmp_path / 'empty.db'}") == []
    assert not (tmp_path / "none.db").exists()


def test_the_database_of_the_ledger_takes_no_accounts(
    connect_accounts: Connect, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = settings.open_ledger()
    url = ledger.engine.url.render_as_string(hide_password=False)
    ledger.engine.dispose()
    before = tables(url)
    assert connect_accounts(url, "--create") == 2
    assert "the accounts database is the one that holds the ledger" in capsys.readouterr().err
    assert tables(url) == before
    assert main(["db", "check"]) == 0


def test_without_a_ledger_nothing_is_made(
    connect_accounts: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(settings.LEDGER_URL, f"sqlite:///{tmp_path / 'typo.db'}")
    assert connect_accounts(f"sqlite:///{tmp_path / 'shop.db'}", "--create") == 2
    assert "there is no ledger in" in capsys.readouterr().err
    assert not (tmp_path / "shop.db").exists()
    assert not (tmp_path / "typo.db").exists()


def test_a_target_with_rows_of_its_own_is_taken_as_it_is_and_told_what_becomes_of_them(
    connect_accounts: Connect, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = create_engine(url := f"sqlite:///{tmp_path / 'shop.db'}")
    with engine.begin() as c:
        c.execute(text(PEOPLE))
        c.execute(text("INSERT INTO people VALUES ('theirs', 'Ana', false)"))
    (tmp_path / "map.json").write_text(json.dumps(MAPPING))
    assert connect_accounts(url, "--mapping", str(tmp_path / "map.json"), "--create") == 0
    said = capsys.readouterr().out
    assert "people                  fits, 1 rows" in said
    assert "All others stay as they are" in said
    with engine.begin() as c:
        assert c.execute(text("SELECT * FROM people")).all() == [("theirs", "Ana", 0)]
    engine.dispose()
    assert connect_accounts(url) == 0, "again without the mapping keeps it"
    assert "people" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://localhost/shop", "mysql; Accord works with sqlite and postgresql"),
        ("sqlite:///shop.db", "relative path"),
        ("shop", "not a database URL"),
    ],
)
def test_another_database_is_refused(
    connect_accounts: Connect, capsys: pytest.CaptureFixture[str], url: str, said: str
) -> None:
    assert connect_accounts(url) == 2
    assert said in capsys.readouterr().err


def test_without_a_prefect_server_nothing_is_asked(connect: Connect, capsys: pytest.CaptureFixture[str]) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert connect(FULL) == 3
    assert "does not answer at http://127.0.0.1:9/api" in capsys.readouterr().err
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        assert connect(FULL) == 2
    assert "PREFECT_API_URL is not set" in capsys.readouterr().err
