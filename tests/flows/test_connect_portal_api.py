"""`accord connect portal-api`: a portal is tested before anything is saved, and refused by name."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.portal.service import READER, TOKEN
from accord.sandbox.serve import served
from blocks import PortalApiAccount, PortalDatabase
from tasks.workflows import find_block

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment", "no_blocks")

Connect = Callable[..., int]
Said = pytest.CaptureFixture[str]


@pytest.fixture
def sandbox() -> Sandbox:
    return build(payments=0)


@pytest.fixture
def url(sandbox: Sandbox) -> Iterator[str]:
    with served(application(sandbox)) as base:
        yield f"{base}/portal/v1"


@pytest.fixture
def connect(piped: Connect) -> Connect:
    """The command, the token piped in."""
    return lambda *options, token=TOKEN: piped(token, "connect", "portal-api", *options)


def test_a_token_is_tested_and_saved(connect: Connect, url: str, capsys: Said) -> None:
    assert connect("--base-url", url, "--name", "shop") == 0
    said = capsys.readouterr().out
    assert "saved as PortalApiAccount/shop" in said
    assert TOKEN not in said
    saved = find_block(PortalApiAccount, "shop")
    assert saved is not None
    assert (saved.token.get_secret_value(), saved.rate) == (TOKEN, 50)


def test_a_new_token_keeps_the_rest(connect: Connect, url: str, capsys: Said) -> None:
    assert connect("--base-url", url, "--rate", "5") == 0
    assert connect() == 0
    assert "the new token of main is saved" in capsys.readouterr().out
    assert connect("--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == {"portal": "main", "base_url": url, "rate": 5, "saved": True, "rotated": True}


@pytest.mark.parametrize(
    ("token", "said"),
    [(READER, "may only read from the portal"), ("wrong", "accepts the token of the Portal API account block not")],
)
def test_a_token_that_does_not_do_is_not_saved(connect: Connect, url: str, capsys: Said, token: str, said: str) -> None:
    assert connect("--base-url", url, token=token) == 2
    told = capsys.readouterr().err
    assert "nothing was saved: " in told
    assert said in told
    assert find_block(PortalApiAccount, "main") is None


def test_what_is_no_portal_is_told_of(connect: Connect, url: str, capsys: Said) -> None:
    assert connect() == 2
    assert "a new portal needs --base-url" in capsys.readouterr().err
    assert connect("--base-url", "http://portal.example/v1") == 2
    assert "--base-url must be the address that the portal's API is below" in capsys.readouterr().err
    assert connect("--base-url", url.replace("/v1", "/v2")) == 2
    assert "there is no portal API at the base_url" in capsys.readouterr().err
    assert find_block(PortalApiAccount, "main") is None


def test_a_name_stands_for_one_portal(connect: Connect, url: str, capsys: Said, tmp_path: Path) -> None:
    assert connect("--base-url", url) == 0
    with served(application(build(payments=0))) as other:
        assert connect("--base-url", f"{other}/portal/v1") == 2
    assert "portal/main is another database than the one that was settled into" in capsys.readouterr().err
    PortalDatabase(url=SecretStr(f"sqlite:///{tmp_path / 'p.db'}")).save("sql")
    assert connect("--base-url", url, "--name", "sql") == 2
    assert "sql is the name of a portal database already" in capsys.readouterr().err


def test_a_portal_that_is_away_is_exit_code_three(connect: Connect, url: str, sandbox: Sandbox, capsys: Said) -> None:
    sandbox.portal.faults.add({"kind": "rate_limit", "rate": 1, "retry_after": "600"})
    assert connect("--base-url", url, "--rate", "1000") == 3
    assert "nothing was saved: " in capsys.readouterr().err
