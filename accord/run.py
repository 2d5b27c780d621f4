"""The sentence that every sync is: read what the source shows, check it, settle it, and look once more."""

import contextlib
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple, Protocol

from accord.batch import Prepared
from accord.errors import AccordError, TryLater, urgency
from accord.records import NEEDED, PARENTS_FIRST, Kind
from accord.settle import Settled
from accord.sync import EVENT

ROUNDS = 10  # of fetching what settling asked to have fetched again


class Steps(Protocol):
    """The verbs, as one workflow binds them: plain functions, or tasks of an orchestrator."""

    def plan(self) -> None:
        """Open the windows that this run reads."""

    def listen(self) -> None:
        """Hear what others changed in the target, where it can tell; before anything is read."""

    def collect(self, stream: str) -> Callable[[], bool]:
        """Begin to read a stream; the answer waits a while, and says whether there is still more to be read."""

    def changed(self, turn: int) -> int:
        """Fetch what the inbox speaks of; how many records were stored."""

    def open_batches(self, stream: str) -> list[int]:
        """The stream's open batches, oldest first."""

    def unread(self, stream: str) -> bool:
        """Whether history of the stream is still to be read."""

    def check(self, batch: int) -> Prepared | None:
        """Prepare and check a batch; None where there is nothing to settle."""

    def settle(self, prepared: Prepared) -> Settled:
        """Bring a checked batch into the target."""

    def sweep(self) -> int:
        """Finish what was read to its end; how many records were not met again."""


class Tally(NamedTuple):
    """What a run did, in records; `held` and `quarantined` count decisions, not rows that wait.

    `read` is what the batches held, counted apart from what became of it.
    """

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    held: int = 0
    quarantined: int = 0
    again: int = 0
    read: int = 0

    def plus(self, settled: Settled) -> "Tally":
        """With one more batch."""
        return Tally(*(mine + getattr(settled, name) for name, mine in self._asdict().items()))


def run(steps: Steps, kinds: Collection[Kind]) -> Tally:
    """As `attempt`, with the first error raised."""
    tally, error = attempt(steps, kinds)
    if error is not None:
        raise error
    return tally


def attempt(steps: Steps, kinds: Collection[Kind]) -> tuple[Tally, AccordError | None]:
    """Bring source and target into agreement once; what each kind needs comes before it.

    What others changed in the target is heard first. Lists are read at the same time; they are settled parents first,
    then what the events spoke of, then the legs of money, whose payments are known by then. Documents that an earlier
    run left are settled before: by what is known of them a source without a list judges what it reads. A stream that
    can not be read, or is stopped, holds up only the kinds that need it, whose batches stay open; its error comes back
    with what was done.
    """
    steps.plan()
    order = [kind for kind in PARENTS_FIRST if kind in kinds]
    tally, errors = Tally(), list[AccordError]()
    try:
        steps.listen()
    except AccordError as error:
        errors.append(error)
    if Kind.DOCUMENT in order:
        with contextlib.suppress(TryLater):  # it is tried once more, when all was read
            tally = _settle(steps, Kind.DOCUMENT, tally, order, errors)
    reading = {stream: steps.collect(stream) for stream in [*order, EVENT]}
    try:
        tally = _settle_all(steps, order, reading, tally, errors)
    finally:
        # Never leave readers behind: whoever tries again would find the windows taken.
        for more in reading.values():
            with contextlib.suppress(Exception):
                while more():
                    pass
    return tally, min(errors, key=urgency, default=None)


def _settle_all(
    steps: Steps,
    order: Collection[Kind],
    reading: Mapping[str, Callable[[], bool]],
    tally: Tally,
    errors: list[AccordError],
) -> Tally:
    for kind in order:
        if kind is not Kind.LEG:
            tally = _settle_as_read(steps, kind, reading[kind], tally, order, errors)
    while _still(reading[EVENT], errors):
        pass
    tally = _changed(steps, 0, [kind for kind in order if kind is not Kind.LEG], tally, errors)
    if Kind.LEG in order:
        tally = _settle_as_read(steps, Kind.LEG, reading[Kind.LEG], tally, order, errors)
    steps.sweep()
    for turn in range(1, ROUNDS):
        before = tally
        tally = _changed(steps, turn, order, tally, errors)
        if tally == before:
            break
    return tally


def _settle_as_read(
    steps: Steps,
    kind: Kind,
    reading: Callable[[], bool],
    tally: Tally,
    kinds: Collection[Kind],
    errors: list[AccordError],
) -> Tally:
    """Settle a stream's batches while it is still being read, and what is left of them after that."""
    tried: set[int] = set()
    more = True
    while more:
        more = _still(reading, errors)
        tally = _settle(steps, kind, tally, kinds, errors, tried)
    return tally


def _still(reading: Callable[[], bool], errors: list[AccordError]) -> bool:
    try:
        return reading()
    except AccordError as error:
        errors.append(error)
        return False


def _settle(
    steps: Steps,
    stream: Kind,
    tally: Tally,
    kinds: Collection[Kind],
    errors: list[AccordError],
    tried: set[int] | None = None,
) -> Tally:
    """Every open batch of a stream that was not `tried`, oldest first: also those that an earlier run left.

    None while a kind that this one needs is not settled: each record would be held, and its parent fetched alone.
    """
    if any(steps.unread(parent) or steps.open_batches(parent) for parent in NEEDED[stream] if parent in kinds):
        return tally
    tried = set() if tried is None else tried
    for batch in steps.open_batches(stream):
        if batch in tried:
            continue
        tried.add(batch)
        prepared = steps.check(batch)
        if prepared is None:
            continue
        settled = steps.settle(prepared)
        if settled.stopped is not None:
            break
        if settled.failed is not None:
            errors.append(settled.failed)
        tally = tally.plus(settled)
    return tally


def _changed(steps: Steps, turn: int, order: Collection[Kind], tally: Tally, errors: list[AccordError]) -> Tally:
    try:
        steps.changed(turn)
    except AccordError as error:
        errors.append(error)
    for kind in order:
        tally = _settle(steps, kind, tally, order, errors)
    return tally
