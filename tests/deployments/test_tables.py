"""`accord db`: what it says of a ledger, to people and to programs, and that looking changes nothing."""

import io
import json
import os
from pathlib import Path

import pytest
from sqlalchemy import text

from accord import settings
from accord.ledger import quarantine
from accord.ledger.cipher import new_key
from deployments.cli import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment names a ledger that is not there yet; its file."""
    monkeypatch.setenv(settings.LEDGER_URL, f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv(settings.LEDGER_KEY, new_key())
    return tmp_path / "ledger.db"


@pytest.mark.parametrize("command", ["db check", "db rekey", "db copy", "resume", "quarantine list"])
def test_a_mistyped_path_is_refused_and_no_file_is_made(
    environment: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("sqlite:////nowhere/other.db\n"))
    assert main(command.split()) == 2
    assert f"there is no ledger in {environment}; correct ACCORD_LEDGER_URL" in capsys.readouterr().err
    assert not environment.exists()


def test_each_command_prints_data_when_asked_to(
    environment: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*command: str) -> object:
        assert main([*command, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert said("db", "upgrade") == {"current": True}
    assert said("db", "check") == {"current": True, "older_key": {}}
    assert said("db", "rekey") == {"rekeyed": {}}
    assert said("resume") == []
    monkeypatch.setattr("sys.stdin", io.StringIO(f"sqlite:///{environment.with_name('other.db')}\n"))
    assert said("db", "copy") == {"copied": 0}


def test_tables_that_somebody_changed_are_not_said_to_need_an_upgrade(environment: Path, capsys: Capture) -> None:
    assert main(["db", "upgrade"]) == 0
    ledger = settings.open_ledger()
    with ledger.engine.begin() as connection:
        connection.execute(text("ALTER TABLE streams DROP COLUMN lenient"))
    ledger.engine.dispose()
    assert main(["db", "check"]) == 2
    said = capsys.readouterr().err
    assert "somebody has changed them; restore the ledger from a backup" in said
    assert "upgrade" not in said


def test_a_check_tries_the_key(environment: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["db", "upgrade"]) == 0
    ledger = settings.current_ledger()
    kept = [quarantine.Unsound("ch_1", b"{}", ["it is no payment"])]
    ledger.write(lambda c: quarantine.put(c, ledger.cipher, "sync", "payment", kept, 1, 0.0))
    ledger.engine.dispose()
    assert main(["db", "check"]) == 0
    monkeypatch.setenv(settings.LEDGER_KEY, new_key())
    assert main(["db", "check"]) == 2
    said = capsys.readouterr().err
    assert "1 row of quarantine in the ledger cannot be decrypted with ACCORD_LEDGER_KEY" in said


def test_a_key_is_rotated(environment: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["db", "upgrade"]) == 0
    ledger = settings.current_ledger()
    kept = [quarantine.Unsound("ch_1", b"{}", ["it is no payment"])]
    ledger.write(lambda c: quarantine.put(c, ledger.cipher, "sync", "payment", kept, 1, 0.0))
    ledger.engine.dispose()
    old, new = os.environ[settings.LEDGER_KEY], new_key()
    monkeypatch.setenv(settings.LEDGER_KEY, new)
    assert main(["db", "rekey"]) == 2
    assert "put the key that was in use when they were written behind the new one" in capsys.readouterr().err
    monkeypatch.setenv(settings.LEDGER_KEY, f"{new},{old}")
    assert main(["db", "check", "--json"]) == 1
    assert json.loads(capsys.readouterr().out) == {"current": True, "older_key": {"quarantine": 1}}
    assert main(["db", "check"]) == 1
    assert "write them anew: accord db rekey" in capsys.readouterr().out
    assert main(["db", "rekey", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"rekeyed": {"quarantine": 1}}
    monkeypatch.setenv(settings.LEDGER_KEY, new)
    assert main(["db", "check"]) == 0
    assert main(["quarantine", "show", "1"]) == 0
