"""`accord connect google`: tried out on a calendar before anything is saved, and refused by name."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.google.seed import ANA
from accord.sandbox.google.tokens import CLIENT_ID, CLIENT_SECRET, OFFICE, REFRESH_TOKEN
from accord.sandbox.serve import served
from blocks import GoogleCalendarAccount
from tasks.workflows import find_block

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Connect = Callable[..., int]
Said = pytest.CaptureFixture[str]
OAUTH = ("--client-id", CLIENT_ID)


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[Sandbox, str]]:
    sandbox = build(payments=0)
    with served(application(sandbox)) as url:
        yield sandbox, f"{url}/google"


@pytest.fixture
def sandbox(running: tuple[Sandbox, str]) -> Iterator[Sandbox]:
    sandbox, _ = running
    yield sandbox
    sandbox.google.settings.consent = sandbox.google.settings.delegated = True
    for calendar in sandbox.google.store.calendars.values():
        calendar.roles, calendar.silent = {OFFICE: "writer"}, ""


@pytest.fixture
def connect(running: tuple[Sandbox, str], piped: Connect) -> Connect:
    """The command, the two secrets piped in."""
    named = ("connect", "google", "--base-url", running[1], "--token-url", f"{running[1]}/token")

    def connect(*options: str, secrets: tuple[str, ...] = (CLIENT_SECRET, REFRESH_TOKEN)) -> int:
        return piped("\n".join(secrets), *named, *options)

    return connect


@pytest.fixture
def key_file(running: tuple[Sandbox, str], tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(httpx.get(f"{running[1]}/_admin/service-account", trust_env=False).text)
    return path


def saved(name: str = "main") -> Any:
    return find_block(GoogleCalendarAccount, name)


def test_a_consent_is_tried_out_and_saved(connect: Connect, sandbox: Sandbox, capsys: Said) -> None:
    sandbox.google.stats.reset()
    assert connect(*OAUTH, "--name", "office", "--calendar", ANA) == 0
    said = capsys.readouterr().out
    assert f"{ANA}: read and written as writer" in said
    assert "saved as GoogleCalendarAccount/office" in said
    assert CLIENT_SECRET not in said
    assert REFRESH_TOKEN not in said
    block = saved("office")
    assert block.refresh_token.get_secret_value() == REFRESH_TOKEN
    assert (block.client_id, block.per_minute, block.service_account) == (CLIENT_ID, 600, None)
    assert sum(sandbox.google.stats.by_endpoint.values()) == 3, "token, events, free/busy"


def test_a_new_consent_keeps_the_rest(connect: Connect, sandbox: Sandbox, capsys: Said) -> None:
    assert connect(*OAUTH, "--per-minute", "300") == 0
    assert connect("--json") == 0
    out = capsys.readouterr().out
    assert json.loads(out[out.index("{") :]) == {
        "connection": "main",
        "kind": "refresh token",
        "calendar": "primary",
        "role": "owner",
        "saved": True,
        "rotated": True,
    }
    assert (saved().per_minute, saved().client_id) == (300, CLIENT_ID)


def test_a_service_account_is_tried_out_on_somebodys_calendar(
    connect: Connect, sandbox: Sandbox, key_file: Path, capsys: Said
) -> None:
    assert connect("--key-file", str(key_file), secrets=()) == 2
    assert "name one, by --calendar" in capsys.readouterr().err
    assert connect("--key-file", str(key_file), "--calendar", ANA, secrets=()) == 0
    assert f"{ANA}: read and written as owner" in capsys.readouterr().out
    assert json.loads(saved().service_account.get_secret_value()) == json.loads(key_file.read_text())
    assert connect("--calendar", ANA, "--per-minute", "60", secrets=()) == 0
    assert "what google/main is reached with is saved anew" in capsys.readouterr().out
    assert saved().per_minute == 60
    assert connect(*OAUTH) == 0, "one kind takes the other's place"
    assert saved().service_account is None


@pytest.mark.parametrize(
    ("options", "secrets", "said"),
    [
        ((), (CLIENT_SECRET, REFRESH_TOKEN), "a new account needs --client-id, or --key-file"),
        (OAUTH, (CLIENT_SECRET, "a-wrong-token"), "nothing was saved: Google answered 400 (invalid_grant)"),
        (OAUTH, ("a-wrong-secret", REFRESH_TOKEN), "nothing was saved: Google answered 401 (invalid_client)"),
        (OAUTH, (CLIENT_SECRET, ""), "no refresh token was given"),
        (OAUTH, ("",), "no secret of the OAuth client was given"),
        ((*OAUTH, "--calendar", "eve@accord.test"), (CLIENT_SECRET, REFRESH_TOKEN), "there is no such calendar"),
        ((*OAUTH, "--per-minute", "1"), (CLIENT_SECRET, REFRESH_TOKEN), "--per-minute is how many calls"),
        ((*OAUTH, "--base-url", "http://google.example"), (CLIENT_SECRET, REFRESH_TOKEN), "--base-url must be"),
        ((*OAUTH, "--token-url", "http://google.example"), (CLIENT_SECRET, REFRESH_TOKEN), "--token-url must be"),
        ((*OAUTH, "--name", "Not A Name"), (CLIENT_SECRET, REFRESH_TOKEN), "small letters, digits and dashes"),
        ((*OAUTH, "--key-file", "key.json"), (), "take one"),
        (("--key-file", "/nowhere/key.json"), (), "the key file /nowhere/key.json can not be read"),
    ],
)
def test_what_can_not_be_a_connection_is_refused(
    connect: Connect, sandbox: Sandbox, capsys: Said, options: tuple[str, ...], secrets: tuple[str, ...], said: str
) -> None:
    assert connect(*options, secrets=secrets) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert not any(secret and secret in shown.err + shown.out for secret in secrets)
    assert saved() is None


def test_rights_that_are_lacking_are_told(connect: Connect, sandbox: Sandbox, key_file: Path, capsys: Said) -> None:
    calendar = sandbox.google.store.calendars[ANA]
    calendar.roles = {OFFICE: "reader"}
    assert connect(*OAUTH, "--calendar", ANA) == 2
    assert "may be read, not written" in capsys.readouterr().err
    calendar.roles, calendar.silent = {OFFICE: "writer"}, "internalError"
    assert connect(*OAUTH, "--calendar", ANA) == 2
    assert "is taken is not told: Google does not tell: internalError" in capsys.readouterr().err
    sandbox.google.settings.delegated = False
    assert connect("--key-file", str(key_file), "--calendar", ANA, secrets=()) == 2
    assert "Domain-wide delegation" in capsys.readouterr().err
    key_file.write_text("{}")
    assert connect("--key-file", str(key_file), "--calendar", ANA, secrets=()) == 2
    assert "no key of a service account" in capsys.readouterr().err
    assert saved() is None


def test_a_google_that_does_not_answer_is_told_from_a_wrong_secret(
    connect: Connect, sandbox: Sandbox, capsys: Said
) -> None:
    assert connect(*OAUTH, "--token-url", "http://127.0.0.1:9/token") == 3
    assert "nothing was saved: 127.0.0.1" in capsys.readouterr().err
