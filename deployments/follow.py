"""Following a run to its end: its state, its log lines, and how many batches it has read and settled."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, LogFilterTimestamp
from prefect.client.schemas.objects import FlowRun, Log
from prefect.exceptions import PrefectHTTPStatusError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from accord.errors import TryLater
from deployments.server import START_WORKER

STEP = 0.5
SILENCE = 4.0  # seconds without a line, after which one is said
UNWORKED = 20.0  # seconds that a run may wait for a worker before that is said
LAST_LINES = 15.0  # seconds that the lines of a run that has ended may take to arrive
AWAY = 120.0  # seconds that the server may be away
OVERLAP = timedelta(seconds=30)  # lines of several processes do not arrive in the order of their times
PAGE = 200
# What Prefect logs of every run, which tells a person who follows one nothing.
_COMMONPLACE = ("Downloading flow code", "Beginning flow run", "Engine execution", "Worker ", "Process ", "Opening pro")
_FINISHED = "Finished in state"
_READ = re.compile(r"\w+: (\d+) (?:read on|asked for)")
_SETTLED = re.compile(r"\w+ batch \d+: .*\(\d+\.\d\d s\)$")


class Screen(Protocol):
    """Where a run is shown while it is followed."""

    def say(self, line: str) -> None:
        """Show a line."""

    def wait(self, line: str) -> None:
        """Show that the run goes on."""

    def move(self, read: int, settled: int, records: int) -> None:
        """Show how many batches were read and settled, and how many records they hold."""


class Lines:
    """A screen of plain lines."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def say(self, line: str) -> None:
        """Write a line."""
        self._write(line)

    def wait(self, line: str) -> None:
        """Write that the run goes on."""
        self._write(line)

    def move(self, read: int, settled: int, records: int) -> None:
        """Nothing: each batch has lines of its own."""


class Bar:
    """A screen with a bar below the lines; those of single batches only move it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("nothing read yet", total=None)

    def say(self, line: str) -> None:
        """Show a line above the bar."""
        if not _SETTLED.match(line) and not _READ.match(line):
            self._progress.console.print(line, highlight=False, markup=False)

    def wait(self, line: str) -> None:
        """Nothing: the bar shows it."""

    def move(self, read: int, settled: int, records: int) -> None:
        """Fill the bar: of the batches that were read, those that are settled."""
        if not read:
            return
        text = f"{settled:,} of {read:,} batches settled, {records:,} records read"
        self._progress.update(self._task, description=text, total=read, completed=settled)


@contextmanager
def screen(console: Console, write: Callable[[str], None]) -> Iterator[Screen]:
    """A bar on a terminal, and plain lines anywhere else."""
    if not console.is_terminal:
        yield Lines(write)
        return
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console) as progress:
        yield Bar(progress)


class _Log:
    """The log lines of a run, each once, in the order in which they come in."""

    def __init__(self, client: SyncPrefectClient, run: UUID) -> None:
        self._client, self._run = client, run
        self._met: set[UUID] = set()
        self._newest: datetime | None = None
        self.finished = False
        self.read = self.settled = self.records = 0

    def fresh(self) -> list[str]:
        """Lines that have come in since the last call, without the commonplace ones."""
        lines: list[str] = []
        for one in self._page():
            line = one.message.splitlines()[0] if one.message else ""
            self.finished = self.finished or (one.task_run_id is None and line.startswith(_FINISHED))
            if found := _READ.match(line):
                self.read += 1
                self.records += int(found[1])
            self.settled += bool(_SETTLED.match(line))
            if line and not line.startswith((*_COMMONPLACE, _FINISHED)):
                lines.append(line)
        return lines

    def _page(self) -> Iterator[Log]:
        after = None if self._newest is None else LogFilterTimestamp(after_=self._newest - OVERLAP)
        wanted = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[self._run]), timestamp=after)
        offset = 0
        while True:
            page = self._client.read_logs(wanted, offset=offset, limit=PAGE)
            for one in page:
                if one.id not in self._met:
                    self._met.add(one.id)
                    self._newest = max(one.timestamp, self._newest or one.timestamp)
                    yield one
            offset += len(page)
            if len(page) < PAGE:
                return


def follow(client: SyncPrefectClient, run: FlowRun, screen: Screen) -> FlowRun:
    """Show a run until it has ended and its last lines have arrived, with a line at least every five seconds.

    Raises TryLater where the server stays away for minutes; the run itself goes on then.
    """
    log, ended, answered = _Log(client, run.id), None, time.monotonic()
    telling = _Telling(run.name, screen, answered)
    while True:
        now, fresh = time.monotonic(), list[str]()
        try:
            run, fresh, answered = client.read_flow_run(run.id), log.fresh(), now
        except (httpx.TransportError, PrefectHTTPStatusError) as error:
            if isinstance(error, PrefectHTTPStatusError) and error.response.status_code < 500:
                raise
            if now - answered > AWAY:
                raise TryLater(f"the Prefect server stays away; the run {run.name} goes on without it") from None
        telling.tell(now, run, log, fresh, away=answered != now)
        # One that was resumed after its process died has not ended.
        ended = (ended or now) if run.state is not None and run.state.is_final() else None
        # A run that never began has no lines; one whose process was killed leaves without a last one.
        if ended is not None and (log.finished or run.run_count == 0 or now - ended > LAST_LINES):
            telling.end(run)
            return run
        time.sleep(STEP)


class _Telling:
    """What is said of a run besides its own lines."""

    def __init__(self, run: str, screen: Screen, now: float) -> None:
        self._run, self._screen = run, screen
        self._state, self._warned = "Scheduled", False
        self._began = self._said = self._since = now

    def tell(self, now: float, run: FlowRun, log: _Log, fresh: list[str], away: bool) -> None:
        """Its new lines, its state where that changed, and a word now and then while there is nothing else.

        Its last state is said by `end`, once its last lines are said.
        """
        state, final = _name(run), run.state is not None and run.state.is_final()
        for line in fresh:
            self._screen.say(line)
        self._screen.move(log.read, log.settled, log.records)
        if state != self._state:
            if not final:
                self._screen.say(f"run {self._run}: {state}")
            self._since = now
        elif not fresh and now - self._said > SILENCE:
            what = "has ended; its last lines are on their way" if final else f"{state} for {now - self._since:.0f} s"
            so_far = f", {log.settled} of {log.read} batches settled" if log.read and not final else ""
            lost = "the Prefect server does not answer; trying again"
            self._screen.wait(f"run {self._run}: {lost if away else what + so_far}")
        elif not fresh:
            return
        if not self._warned and state in ("Scheduled", "Late", "Pending") and now - self._began > UNWORKED:
            self._warned = True
            self._screen.say(f"no worker has taken the run yet; start one: {START_WORKER.format(run.work_pool_name)}")
        self._said, self._state = now, state

    def end(self, run: FlowRun) -> None:
        """Its last state."""
        self._screen.say(f"run {self._run}: {_name(run)}")


def _name(run: FlowRun) -> str:
    return (run.state.name if run.state else None) or ""
