"""Workers that are killed in the middle, two at once: the next run goes on where the ledger stands."""

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from accord import settings
from accord.ledger.cipher import new_key
from accord.ledger.upgrade import upgrade
from accord.sandbox.app import create
from accord.sandbox.serve import served

SCRIPT = Path(__file__).with_name("one_run.py")


@pytest.fixture(scope="module")
def one_run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("one_run", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def sandbox_url() -> Iterator[str]:
    with served(create(payments=400)) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_run: ModuleType, sandbox_url: str) -> Path:
    monkeypatch.setenv(settings.LEDGER_URL, f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv(settings.LEDGER_KEY, new_key())
    with one_run.Straight(sandbox_url, tmp_path) as straight:
        upgrade(straight.ledger.engine)
        straight.accounts.create_tables()
    return tmp_path


def _start(url: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), url, str(folder)], env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def _finish(url: str, folder: Path) -> None:
    """Runs until one ends well: the first may find the leases of the dead still held."""
    for _ in range(10):
        process = _start(url, folder)
        _, said = process.communicate(timeout=60)
        if process.returncode == 0:
            return
        assert b"TryLater" in said, said.decode()[-2000:]
        time.sleep(1)  # the leases of the dead expire by the clock
    raise AssertionError("no run ended well")


def test_nothing_is_lost_or_doubled_however_often_a_worker_is_killed(
    one_run: ModuleType, sandbox_url: str, folder: Path
) -> None:
    chance = random.Random(20261123)
    for _ in range(6):
        process = _start(sandbox_url, folder)
        # Anywhere between its start and its end, which is what a kill is: no condition to wait for.
        time.sleep(chance.uniform(0.4, 2.0))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    _finish(sandbox_url, folder)
    with one_run.Straight(sandbox_url, folder) as straight:
        agreement = straight.reconcile()
    assert agreement.complete, agreement.disagreements[:5]
    assert agreement.records > 1000


def test_two_workers_at_once_do_each_thing_once(one_run: ModuleType, sandbox_url: str, folder: Path) -> None:
    both = [_start(sandbox_url, folder) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0 or b"TryLater" in said, said.decode()[-2000:]
    _finish(sandbox_url, folder)
    with one_run.Straight(sandbox_url, folder) as straight:
        assert straight.reconcile().complete
