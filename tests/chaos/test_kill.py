"""Workers that are killed in the middle, two at once: the next run goes on where the ledger stands."""

import importlib.util
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import func, select

from accord import settings
from accord.ledger.cipher import new_key
from accord.ledger.schema import batches, counters, entries, windows
from accord.sandbox.app import create
from accord.sandbox.serve import served

SCRIPT = Path(__file__).with_name("one_run.py")
KILLS = 4


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
def straight(fresh: Any, monkeypatch: pytest.MonkeyPatch, one_run: ModuleType, sandbox_url: str) -> Iterator[Any]:
    """The sync as this process sees it, on each database system."""
    accounts = fresh.accounts()
    monkeypatch.setenv(settings.LEDGER_URL, fresh.ledger())
    monkeypatch.setenv(settings.LEDGER_KEY, new_key())
    with one_run.Straight(sandbox_url, accounts) as straight:
        yield straight


@pytest.fixture
def start(fresh: Any, straight: Any, sandbox_url: str) -> Callable[[], subprocess.Popen[bytes]]:
    """Start a run in a process of its own."""
    arguments = [sys.executable, str(SCRIPT), sandbox_url, straight.accounts_url]
    return partial(subprocess.Popen, arguments, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _finish(start: Callable[[], subprocess.Popen[bytes]]) -> None:
    """Runs until one ends well: the first may find the leases of the dead still held."""
    for _ in range(10):
        process = start()
        _, said = process.communicate(timeout=120)
        if process.returncode == 0:
            return
        assert b"TryLater" in said, said.decode()[-2000:]
        time.sleep(1)  # the leases of the dead expire by the clock
    raise AssertionError("no run ended well")


def _rows(straight: Any) -> tuple[int, ...]:
    """What grows while a run works: revs, entries, and what is read."""

    def look(connection: Any) -> tuple[int, ...]:
        places = func.sum(windows.c.after_created)
        asked = (func.max(counters.c.value), func.count(entries.c.id), func.count(batches.c.id), places)
        return tuple(connection.scalar(select(one)) or 0 for one in asked)

    found: tuple[int, ...] = straight.ledger.read(look)
    return found


def _killed_at_work(process: subprocess.Popen[bytes], straight: Any, moves: int) -> bool:
    """Kill the process once the ledger has moved so often; False where it ended before."""
    seen = _rows(straight)
    while moves and process.poll() is None:
        time.sleep(0.002)  # between two looks
        now = _rows(straight)
        moves, seen = moves - (now != seen), now
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def test_nothing_is_lost_or_doubled_however_often_a_worker_is_killed(
    straight: Any, start: Callable[[], subprocess.Popen[bytes]]
) -> None:
    chance, killed = random.Random(20261123), 0
    for _ in range(30):
        killed += _killed_at_work(start(), straight, chance.randint(1, 5))
        if killed == KILLS:
            break
        time.sleep(1)  # the leases of the dead expire by the clock
    assert killed == KILLS
    _finish(start)
    agreement = straight.reconcile()
    assert agreement.complete, agreement.disagreements[:5]
    assert agreement.records > 1000


def test_two_workers_at_once_do_each_thing_once(straight: Any, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    both = [start() for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=240)
        assert process.returncode == 0 or b"TryLater" in said, said.decode()[-2000:]
    settled = straight.ledger.read(lambda c: set(c.scalars(select(entries.c.run))))
    assert settled >= {f"run-{process.pid}" for process in both} or straight.reconcile().complete
    _finish(start)
    assert straight.reconcile().complete
