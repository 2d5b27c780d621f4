"""`accord connect microsoft`: tested before anything is saved, refused by name; refresh tokens rotate."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from accord import settings
from accord.sandbox.microsoft import tokens
from accord.sandbox.microsoft.seed import CARMEN, DAN
from blocks import MicrosoftCalendarAccount
from tasks.workflows import find_block

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Connect = Callable[..., int]
Said = pytest.CaptureFixture[str]
NAMED = ("--tenant", tokens.TENANT, "--client-id", tokens.CLIENT_ID)


@pytest.fixture
def connect(sandbox: Any, piped: Connect) -> Connect:
    """`accord connect microsoft` against the sandbox, the secrets piped in."""

    def connect(*options: str, secret: str = tokens.CLIENT_SECRET) -> int:
        where = ("--base-url", f"{sandbox.url}/microsoft/v1.0", "--login-url", f"{sandbox.url}/microsoft/login")
        return piped(secret, "connect", "microsoft", *where, *options)

    return connect


@pytest.fixture
def admin(sandbox: Any) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{sandbox.url}/microsoft/_admin", trust_env=False) as client:
        yield client


def account(name: str = "main") -> MicrosoftCalendarAccount:
    saved = find_block(MicrosoftCalendarAccount, name)
    assert saved is not None
    return saved


def test_a_secret_is_tested_on_a_calendar_and_saved(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--name", "eu", "--calendar", CARMEN) == 0
    said = capsys.readouterr().out
    assert f"tenant {tokens.TENANT}, by the app's own rights" in said
    assert f"  {CARMEN:<22}read and written, and known when it is taken" in said
    assert "saved as MicrosoftCalendarAccount/eu" in said
    assert "note" not in said
    assert tokens.CLIENT_SECRET not in said
    assert account("eu").secret.get_secret_value() == tokens.CLIENT_SECRET


def test_as_json_and_without_a_calendar(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["tenant"], shown["signed_in"], shown["calendar"]) == (tokens.TENANT, False, None)
    assert (shown["saved"], shown["rotated"]) == (True, False)
    assert "no calendar was tried" in shown["notes"][0]


def test_a_new_secret_keeps_the_rest(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED) == 0
    assert connect() == 0
    assert "the new secret of main is saved; runs take it up at once" in capsys.readouterr().out
    assert (account().tenant, account().client_id) == (tokens.TENANT, tokens.CLIENT_ID)


@pytest.mark.parametrize(
    ("options", "secret", "said"),
    [
        (
            NAMED,
            "a-wrong-secret",
            "nothing was saved: Microsoft gives no token (401, AADSTS7000215): the client secret is",
        ),
        (NAMED, tokens.EXPIRED_SECRET, "AADSTS7000222): the client secret has expired; make a new one in Entra"),
        (("--tenant", "other.test", "--client-id", tokens.CLIENT_ID), tokens.CLIENT_SECRET, "the tenant is not known"),
        (("--tenant", tokens.TENANT, "--client-id", "0"), tokens.CLIENT_SECRET, "the tenant has no such app"),
        (
            (*NAMED, "--calendar", "nobody@accord.test"),
            tokens.CLIENT_SECRET,
            "there is no such calendar; is the address right?",
        ),
        (("--tenant", "a b", "--client-id", "0"), tokens.CLIENT_SECRET, "--tenant is the Directory (tenant) ID"),
        ((), tokens.CLIENT_SECRET, "a new connection needs --tenant and --client-id"),
        (NAMED, "", "no Microsoft client secret was given"),
        ((*NAMED, "--name", "Not A Name"), tokens.CLIENT_SECRET, "small letters, digits and dashes"),
        ((*NAMED, "--login-url", "http://login.example"), tokens.CLIENT_SECRET, "--login-url must be the address"),
        ((*NAMED, "--delegated"), tokens.CLIENT_SECRET, "no refresh token of the account that signed in was given"),
        ((*NAMED, "--delegated"), f"{tokens.CLIENT_SECRET}\nold", "AADSTS70008): the refresh token was not used"),
    ],
)
def test_what_can_not_be_a_connection_is_refused(
    connect: Connect, capsys: Said, options: tuple[str, ...], secret: str, said: str
) -> None:
    assert connect(*options, secret=secret) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert not secret or secret not in shown.err + shown.out
    assert find_block(MicrosoftCalendarAccount, "main") is None


def test_a_mailbox_that_a_policy_leaves_out_is_named(connect: Connect, admin: httpx.Client, capsys: Said) -> None:
    admin.post("/access", json={"mailbox": DAN, "access": "denied"}).raise_for_status()
    assert connect(*NAMED, "--calendar", DAN) == 2
    assert "Does an application access policy leave it out" in capsys.readouterr().err
    admin.post("/access", json={"mailbox": DAN, "access": "silent"}).raise_for_status()
    assert connect(*NAMED, "--calendar", DAN) == 2
    assert "when this calendar is taken is not told" in capsys.readouterr().err


def test_a_login_that_does_not_answer_is_told_from_a_wrong_secret(connect: Connect, capsys: Said) -> None:
    assert connect(*NAMED, "--login-url", "http://127.0.0.1:9") == 3
    assert "nothing was saved: 127.0.0.1" in capsys.readouterr().err


def test_a_refresh_token_is_replaced_with_each_use(connect: Connect, capsys: Said, admin: httpx.Client) -> None:
    secrets = f"{tokens.CLIENT_SECRET}\n{tokens.REFRESH_TOKEN}"
    assert connect(*NAMED, "--delegated", secret=secrets) == 0
    said = capsys.readouterr().out
    assert "as the account that signed in" in said
    assert "sandbox-refresh" not in said
    newest = _refresh_token()
    assert newest != tokens.REFRESH_TOKEN, "what the test was given is what is saved"
    calendars = account().connect("microsoft/main", settings.current_ledger())
    assert calendars.changes(CARMEN, None).events
    assert _refresh_token() != newest
    newest = _refresh_token()
    admin.post("/revoke").raise_for_status()
    assert calendars.changes(CARMEN, None).events
    assert _refresh_token() != newest
    calendars.close()


def test_an_account_that_signed_in_gives_way_to_the_apps_own_rights_where_that_is_said(
    connect: Connect, capsys: Said
) -> None:
    secrets = f"{tokens.CLIENT_SECRET}\n{tokens.REFRESH_TOKEN}"
    assert connect(*NAMED, "--delegated", secret=secrets) == 0
    assert connect() == 0
    assert account().refresh_token is not None, "a new secret changes nothing else"
    capsys.readouterr()
    assert connect("--no-delegated", "--calendar", DAN) == 0
    assert "by the app's own rights" in capsys.readouterr().out
    assert account().refresh_token is None


def test_workers_renew_one_after_the_other(connect: Connect) -> None:
    """The sandbox takes the newest refresh token, and the one before until the newest was used."""
    secrets = f"{tokens.CLIENT_SECRET}\n{tokens.REFRESH_TOKEN}"
    assert connect(*NAMED, "--delegated", secret=secrets) == 0
    ledger = settings.current_ledger()
    workers = [account().connect("microsoft/main", ledger) for _ in range(5)]
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            workers[number].changes(CARMEN, None)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for worker in workers:
        worker.close()
    assert errors == []


def _refresh_token() -> str:
    kept = account().refresh_token
    assert kept is not None
    return kept.get_secret_value()
