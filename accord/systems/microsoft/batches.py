"""Many jobs at many mailboxes: in batches, several at once, each part repeated alone where it was not done."""

import random
import threading
from collections import defaultdict, deque
from collections.abc import Sequence
from math import ceil
from typing import Protocol

from accord.calendars import TokenGone
from accord.errors import AccordError, NotSent, Refused, TryLater
from accord.http import Response, Throttled, retry_after
from accord.ports import FanOut
from accord.systems.microsoft.errors import NotFound, classify
from accord.systems.microsoft.graph import MOST, Ask, Graph

_WIDTH = 8  # batches at once; at one mailbox as many as it takes requests, since a batch's parts come one by one
_LEAST = 5  # parts that are not worth another batch
_TURN = 5.0  # seconds, and the batch that is under way, after which others may have the turn
_TRIES = 3  # of a part that met an outage
_FAILURES = 5  # of batches in a row
_THROTTLES = 5  # of a part
_LONGEST_WAIT = 30.0  # seconds

_NOT_DONE = 424  # since a part that it was to wait for failed
_THROTTLED = 429


class Job(Protocol):
    """What one operation asks, request by request, until it is settled. It may be asked again at any time."""

    calendar: str

    def ask(self) -> Ask:
        """The request that is next."""

    def hear(self, answer: Response, fault: Exception | None) -> bool:
        """Take an answer, with what is wrong with it; whether that settles the job."""

    def doubt(self) -> None:
        """Have a look first, before it is written again: it may be done, or it was to wait for one that failed."""

    def fail(self, error: AccordError) -> None:
        """Settle the job: nothing is known to be done."""


class _Work:
    """A job with what it met so far."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.tries = 0
        self.throttles = 0


class _Queue:
    """What is left to do at each mailbox, how many threads are at it, and how many batches in a row failed there."""

    def __init__(self, jobs: Sequence[Job], parallel: int) -> None:
        self._parallel = parallel
        self._lock = threading.Lock()
        self._left: dict[str, deque[_Work]] = defaultdict(deque)
        self._at: dict[str, int] = defaultdict(int)
        self._failures: dict[str, int] = defaultdict(int)
        for job in jobs:
            self._left[job.calendar.lower()].append(_Work(job))

    def enter(self) -> str | None:
        """The mailbox that has most need of another thread, which is at it from now on; None where none has."""
        with self._lock:
            free = [one for one, works in self._left.items() if works and self._at[one] < self._parallel]
            if not free:
                return None
            mailbox = min(free, key=self._at.__getitem__)
            self._at[mailbox] += 1
            return mailbox

    def leave(self, mailbox: str) -> None:
        with self._lock:
            self._at[mailbox] -= 1

    def take(self, mailbox: str) -> list[_Work]:
        """What is next for one batch: a fair share, as long as others may join in."""
        with self._lock:
            left = self._left[mailbox]
            share = ceil(len(left) / (self._parallel - self._at[mailbox] + 1))
            return [left.popleft() for _ in range(min(MOST, max(_LEAST, share), len(left)))]

    def answered(self, mailbox: str) -> None:
        with self._lock:
            self._failures[mailbox] = 0

    def failed(self, mailbox: str) -> int:
        """How many batches have failed there in a row, with this one."""
        with self._lock:
            self._failures[mailbox] += 1
            return self._failures[mailbox]

    def put_back(self, mailbox: str, works: Sequence[_Work]) -> None:
        with self._lock:
            self._left[mailbox].extend(works)


class Batches:
    """Works off jobs."""

    def __init__(self, graph: Graph, fan_out: FanOut, connection: str) -> None:
        self._graph = graph
        self._fan_out = fan_out
        self._connection = connection

    def run(self, jobs: Sequence[Job]) -> None:
        """Settle all jobs. Raises Misconfigured; some are settled then."""
        queue = _Queue(jobs, self._graph.parallel)

        def step() -> bool:
            mailbox = queue.enter()
            if mailbox is None:
                return False
            try:
                self._graph.clock.sleep(self._work_off(queue, mailbox))
            finally:
                queue.leave(mailbox)
            return True

        self._fan_out.repeat(step, lambda: _WIDTH)

    def _work_off(self, queue: _Queue, mailbox: str) -> float:
        """Send batches for a while, or until one of them is not answered: the seconds after which to try again."""
        works: list[_Work] = []
        try:
            with self._graph.turn(mailbox):
                ends = self._graph.clock.monotonic() + _TURN
                while self._graph.clock.monotonic() < ends and (works := queue.take(mailbox)):
                    queue.put_back(mailbox, self._send(works))
                    queue.answered(mailbox)
                    works = []
        except TryLater as error:
            failures = queue.failed(mailbox)
            works = works or queue.take(mailbox)
            if failures >= _FAILURES or (error.after or 0.0) > _LONGEST_WAIT:
                for work in works:
                    work.job.fail(error)
                return 0.0
            if not isinstance(error, NotSent | Throttled):
                for work in works:
                    work.job.doubt()
            queue.put_back(mailbox, works)
            return max(error.after or 0.0, _backoff(failures))
        except Refused as error:
            for work in works:
                work.job.fail(error)
        return 0.0

    def _send(self, works: Sequence[_Work]) -> list[_Work]:
        """Those that are to be sent again."""
        calendar = works[0].job.calendar
        answers = self._graph.batch(calendar, [work.job.ask() for work in works])
        again: list[_Work] = []
        before = 0  # how the part was answered for which those after it were not done
        for work, answer in zip(works, answers, strict=True):
            if answer is not None and answer.status == _NOT_DONE:
                if 400 <= before < 500 and before != _THROTTLED:
                    # It may be so for this one, too. A look seldom fails, and so holds up no other.
                    work.job.doubt()
                again.append(work)
                continue
            before = 0 if answer is None else answer.status
            if not self._heard(work, answer):
                again.append(work)
        return again

    def _heard(self, work: _Work, answer: Response | None) -> bool:
        """Whether a job is settled by an answer."""
        fault = TryLater("Microsoft left it out of an answer") if answer is None else self._fault(answer)
        if isinstance(fault, Throttled):
            work.throttles += 1
            seconds = max(fault.after or 0.0, _backoff(work.throttles))
            self._graph.pause(work.job.calendar, seconds)
            fault.after = seconds
            return work.throttles >= _THROTTLES and self._given_up(work, fault)
        if answer is None or isinstance(fault, TryLater):
            return self._tried(work, fault if isinstance(fault, TryLater) else TryLater("no answer"))
        try:
            return work.job.hear(answer, fault)
        except TryLater as error:
            return self._tried(work, error)

    def _fault(self, answer: Response) -> Exception | None:
        fault = classify(answer, self._connection)
        if isinstance(fault, TokenGone):  # no part has a token: the event itself is gone
            return NotFound(str(fault))
        if isinstance(fault, TryLater):
            fault.after = retry_after(answer.headers.get("retry-after", ""), self._graph.clock.now())
        return fault

    def _tried(self, work: _Work, error: TryLater) -> bool:
        work.tries += 1
        work.job.doubt()
        return work.tries >= _TRIES and self._given_up(work, error)

    def _given_up(self, work: _Work, error: AccordError) -> bool:
        work.job.fail(error)
        return True


def _backoff(tries: int) -> float:
    return min(0.5 * 2.0 ** (tries - 1), 8.0) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
