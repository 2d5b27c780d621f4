"""What dies, with real processes: a run is marked, gives back its place, and goes on where the ledger stands.

    .venv/bin/pytest tests/death/on_a_server.py

A Prefect server, `accord work`, and a Stripe that takes its time; the automations are those that are deployed. What
took how long is printed at the end, and is in docs/operations.md.
"""

import os
import resource
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

MARKED_WITHIN = 120.0  # seconds
# Prefect loses a word to end that comes while it begins a task, or turns it into an error of its own.
OVERHEARD = ("Completed", "Failed")


def _kill(what: signal.Signals, *processes: int) -> datetime:
    """End processes; when."""
    now = datetime.now(UTC)
    for process in processes:
        os.kill(process, what)
    return now


def _completes(one: Any, run: UUID, after: datetime | None = None) -> datetime:
    """Wait for the run's end, and hold that it is Completed and both sides agree; when it ended."""
    one.soon()
    end: datetime = one.when(run, "Completed", after=after, limit=240)  # what the dead held is free after a minute
    assert one.names(run)[-1] == "Completed"
    one.agrees()
    return end


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
@pytest.mark.parametrize("begun", [True, False], ids=["running", "pending"])
def test_the_process_of_a_run_ends(
    stage: Callable[..., Any], figure: Callable[..., None], sign: signal.Signals, begun: bool
) -> None:
    one = stage("process")
    one.slow(1)
    one.worker()
    run = one.begin()
    process = one.at_work(run) if begun else one.process(run)
    dead = _kill(sign, process)
    what = f"{sign.name} of the run's process, {'at work' if begun else 'Pending'}"
    marked = one.when(run, "Crashed", *(OVERHEARD if sign is signal.SIGTERM else []))
    if one.names(run)[-1] == "Completed":
        one.agrees()
        return
    assert ("Running" in one.names(run)) == begun
    figure(what, "marked", dead, marked)
    if not begun or one.names(run)[-1] == "Failed":
        run = one.begin()  # it is not resumed
    figure(what, "the next at work", dead, one.when(run, "Running", after=marked))
    figure(what, "the next complete", dead, _completes(one, run, after=marked))


def test_worker_and_process_die_at_once_and_nobody_can_tell(
    stage: Callable[..., Any], figure: Callable[..., None]
) -> None:
    dead: dict[str, tuple[Any, UUID, datetime]] = {}

    def kill(what: str, at: Callable[[Any, UUID], int]) -> None:
        one = stage("both")
        one.slow(1)
        worker = one.worker()
        run = one.begin()
        process = at(one, run)
        dead[what] = one, run, _kill(signal.SIGKILL, worker.pid, process)
        worker.wait()

    def at_work(one: Any, run: UUID) -> int:
        process: int = one.at_work(run)
        one.until("a heartbeat", lambda: one.beats(run))
        return process

    def before_a_heartbeat(one: Any, run: UUID) -> int:
        process: int = one.process(run)
        one.when(run, "Running")
        return process

    kill("at work", at_work)
    kill("before a heartbeat", before_a_heartbeat)
    kill("Pending", lambda one, run: int(one.process(run)))
    one, run, _ = dead["before a heartbeat"]
    assert (one.beats(run), one.names(run)[-1]) == (0, "Running")
    one, run, _ = dead["Pending"]
    assert one.names(run)[-1] in ("Pending", "Submitting", "InfrastructurePending")
    one.worker()
    another = one.begin()  # there is no place for it yet
    one.when(another, "Cancelled")
    for what, (one, run, killed) in dead.items():
        what = f"SIGKILL of both, {what}"
        marked = one.when(run, "Crashed")
        figure(what, "marked", killed, marked)
        assert (marked - killed).total_seconds() < MARKED_WITHIN
        if "Pending" in what:
            run = one.begin()  # it is not resumed: it had not begun
        else:
            one.worker()
        figure(what, "the next at work", killed, one.when(run, "Running", after=marked))
        figure(what, "the next complete", killed, _completes(one, run, after=marked))


def test_a_killed_worker_takes_its_run_with_it(stage: Callable[..., Any], figure: Callable[..., None]) -> None:
    one = stage("orphan")
    one.slow(1)
    worker = one.worker()
    run = one.begin()
    process = one.at_work(run)
    dead = _kill(signal.SIGKILL, worker.pid)
    worker.wait()
    marked = one.when(run, "Crashed")
    one.until("the end of its process", lambda: not os.path.exists(f"/proc/{process}"))
    figure("SIGKILL of the worker", "marked", dead, marked)
    one.worker()
    figure("SIGKILL of the worker", "the next at work", dead, one.when(run, "Running", after=marked))
    figure("SIGKILL of the worker", "the next complete", dead, _completes(one, run, after=marked))


def test_both_are_terminated_at_once(stage: Callable[..., Any], figure: Callable[..., None]) -> None:
    one = stage("both")
    one.slow(1)
    worker = one.worker()
    run = one.begin()
    dead = _kill(signal.SIGTERM, worker.pid, one.at_work(run))
    marked = one.when(run, "Crashed", *OVERHEARD)
    assert worker.wait(60) == 0
    if one.names(run)[-1] == "Completed":
        one.agrees()  # the worker has waited for it
        return
    figure("SIGTERM of both", "marked", dead, marked)
    if one.names(run)[-1] == "Failed":
        run = one.begin()
    one.worker()
    figure("SIGTERM of both", "the next at work", dead, one.when(run, "Running", after=marked))
    figure("SIGTERM of both", "the next complete", dead, _completes(one, run, after=marked))


def test_a_worker_drains_before_it_stops(stage: Callable[..., Any], figure: Callable[..., None]) -> None:
    one = stage("drain")
    one.slow(1)
    worker = one.worker("--drain", "300")
    run = one.begin()
    one.at_work(run)
    dead = _kill(signal.SIGTERM, worker.pid)
    one.until("its word", lambda: one.said("for 1 runs under way"))
    another = one.begin()
    end = _completes(one, run)
    assert worker.wait(60) == 0
    figure("SIGTERM of the worker", "its run complete", dead, end)
    assert one.names(another)[-1] in ("Scheduled", "Late")  # nobody takes it
    one.worker()
    _completes(one, another)


@pytest.mark.parametrize("again", [True, False], ids=["a second signal", "its time is over"])
def test_a_drain_that_is_cut_off_marks_its_run(
    stage: Callable[..., Any], figure: Callable[..., None], again: bool
) -> None:
    one = stage("cut")
    one.slow(2)
    worker = one.worker("--drain", "300" if again else "2")
    run = one.begin()
    process = one.at_work(run)
    dead = _kill(signal.SIGTERM, worker.pid)
    if again:
        one.until("its word", lambda: one.said("for 1 runs under way"))
        _kill(signal.SIGTERM, worker.pid)
    assert worker.wait(60) == 1
    what = f"SIGTERM of the worker, {'twice' if again else '--drain 2'}"
    marked = one.when(run, "Crashed")
    figure(what, "marked", dead, marked)
    one.until("the end of its process", lambda: not os.path.exists(f"/proc/{process}"))
    one.worker()
    figure(what, "the next at work", dead, one.when(run, "Running", after=marked))
    figure(what, "the next complete", dead, _completes(one, run, after=marked))


def test_the_server_is_killed_and_comes_back_after_a_minute(
    stage: Callable[..., Any], figure: Callable[..., None], prefect: Any, until: Callable[..., Any]
) -> None:
    outlasts, ends = stage("outlasts"), stage("ends")
    runs = {}
    for one, seconds in ((outlasts, 15), (ends, 1)):
        one.slow(1)
        one.worker()
        runs[one] = one.begin()
        one.at_work(runs[one])
        one.slow(seconds)
    gone = time.monotonic()
    dead = datetime.now(UTC)
    prefect.kill()
    ends.soon()
    until("a minute to pass", lambda: time.monotonic() - gone > 60)
    prefect.up()
    for one, run in runs.items():
        what = f"the Prefect server away for a minute, a run that {one.name.partition('-')[0]}"
        figure(what, "its run complete", dead, _completes(one, run))
        figure(what, "the next complete", dead, _completes(one, one.begin()))


def _meets(one: Any, run: UUID) -> bool:
    """Whether a run has met a database that is away: a task waits, or the run has ended for now."""
    return one.waits(run) or one.names(run)[-1] == "Unreachable"


def _goes_on(one: Any, run: UUID, what: str, dead: datetime, figure: Callable[..., None]) -> None:
    """The run completes by itself, or the next one does."""
    one.soon()
    if one.when(run, "Completed", "Unreachable", limit=150) and one.names(run)[-1] == "Unreachable":
        figure(what, "the next complete", dead, _completes(one, one.begin()))
    else:
        figure(what, "its run complete", dead, _completes(one, run))


@pytest.mark.parametrize("which", ["ledger", "accounts"])
def test_a_database_restarts(
    stage: Callable[..., Any], figure: Callable[..., None], postgresql_server: Any, fresh_databases: Any, which: str
) -> None:
    one = stage("database", **{which: fresh_databases.empty()})
    one.slow(1)
    one.worker()
    run = one.begin()
    one.at_work(run)
    dead = datetime.now(UTC)
    postgresql_server.stop()
    one.soon()
    one.until("a task that meets it", lambda: _meets(one, run))
    postgresql_server.ensure_postgres_running()
    what = f"the database of the {which} restarted"
    _goes_on(one, run, what, dead, figure)
    assert "Crashed" not in one.names(run)


def test_the_disk_is_full(stage: Callable[..., Any], figure: Callable[..., None], small_disk: Path) -> None:
    one = stage("disk", *(f"sqlite:///{small_disk / name}.db" for name in ("ledger", "accounts")))
    one.slow(1)
    one.worker()
    run = one.begin()
    one.at_work(run)
    dead = datetime.now(UTC)
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    one.soon()
    one.until("a task that meets it", lambda: _meets(one, run))
    filler.unlink()
    _goes_on(one, run, "the disk full", dead, figure)


def test_the_files_of_a_run_may_not_grow(stage: Callable[..., Any], figure: Callable[..., None]) -> None:
    one = stage("limit")
    one.slow(1)
    one.worker()
    run = one.begin()
    process = one.at_work(run)
    dead = datetime.now(UTC)
    limits = resource.prlimit(process, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    one.soon()
    one.until("a task that meets it", lambda: _meets(one, run))
    resource.prlimit(process, resource.RLIMIT_FSIZE, limits)
    _goes_on(one, run, "files that may not grow", dead, figure)
