"""What the core asks of the world around it: a source, a target, and several things done at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar, runtime_checkable

from accord.errors import AccordError
from accord.records import Kind, Record

T = TypeVar("T")
R = TypeVar("R")


class Place(NamedTuple):
    """Where a list stands: the last object read, and where that stands in the list's order."""

    key: str
    created: int


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list as it was received, newest object first."""

    body: bytes
    count: int
    has_more: bool
    last: Place | None
    date: int | None = None  # the source's own clock, Unix seconds, where it tells
    request: str | None = None  # what the source calls the request, where it tells; its support asks for it

    def __repr__(self) -> str:
        """Without the body, which is other people's data; a repr ends up in tracebacks."""
        return f"<Page of {self.count}>"


class Parsed(NamedTuple):
    """One element of a page: a record, or the reason why it could not be read as one."""

    key: str
    raw: bytes
    record: Record | None
    unsound: str | None

    def __repr__(self) -> str:
        """Without the raw record, which is other people's data."""
        return f"<Parsed {self.key}>"


class Event(NamedTuple):
    """What the source says happened, and the records it speaks of as (kind, key)."""

    id: str
    created: int
    hints: tuple[tuple[str, str], ...]
    raw: bytes = b""  # of one that could not be read; it has no hints

    def __repr__(self) -> str:
        """Without the bytes, which are other people's data."""
        return f"<Event {self.id}>"


class Owner(NamedTuple):
    """Whose records a key gives: the account, where the key may ask for it, and the mode, where there are several."""

    account: str | None
    mode: str | None = None

    def __str__(self) -> str:
        who = "an account" if self.account is None else f"account {self.account}"
        return who if self.mode is None else f"{who} in {self.mode} mode"


@dataclass(frozen=True, slots=True)
class Discovery:
    """How changes are found at a source, besides by reading all of it again."""

    events: int  # seconds for which the source lists the events that tell what to look at again; 0: it has none
    newest: frozenset[Kind]  # lists that show what is new: each run reads that
    turns: int = 30  # nights in which the nightly rescan comes round
    parallel: int = 6  # stretches of one list that may be read at once
    by_time: bool = True  # whether lists stand in the order of time, so that days can bound what is read of them
    listed: frozenset[Kind] = frozenset()
    """Kinds whose list shows an object as a fetch of it would; not where objects can be deleted, since lists may go on
    showing those."""


class Source(Protocol):
    """A system that records are read from. Every method raises TryLater, Refused or Misconfigured only."""

    @property
    def date(self) -> int | None:
        """The source's own clock (Unix seconds), as its latest answer told; None where none did."""

    @property
    def discovery(self) -> Discovery:
        """How changes are found."""

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        """A page of a stream: objects that stand in [lo, hi) of its order, newest first, behind the object `after`.

        The order is that of the records' `created`: seconds, or other whole numbers below the present second. Without
        `hi`: what is new, of a list that shows it (`discovery`); `lo` is then the second up to which it was read, None
        where the newest are looked at for another reason.
        """

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One object as it is now; None where the source does not know it."""

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """The elements of a page, or of a single object, in their order."""

    def events(self, body: bytes) -> list[Event]:
        """The events on a page of the stream "event"."""

    def tombstone(self, kind: str, key: str) -> Record:
        """The record of an object that the source no longer knows."""

    def began(self) -> int:
        """No object of the connection is older than this second."""


class NotYet(NamedTuple):
    """Why a target does not show a record yet, and what it waits for; it is fetched again then, or else at once.

    With an error, that is how the run ends. `after` is how many seconds it is to be left alone at least.
    """

    because: str
    waits_for: str | None = None
    error: AccordError | None = None
    after: float = 0.0


class Because(NamedTuple):
    """Why a target came to show a record as it does, where it says more than that it was written."""

    text: str
    conflict: bool = False  # it shows what it did, since a person has to say which of two sides counts


class Target(Protocol):
    """A system that records are written to."""

    kinds: frozenset[Kind]

    def write(
        self, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]
    ) -> Mapping[str, "str | NotYet | Because"]:
        """Show these records, each with its rev, in a transaction if there are any; a row with a later rev stays as is.

        What comes back is why single records were refused, or are not shown yet, by `source_key`; all the others are
        shown then. Where it raises, some may be shown: the same rows are written again.
        """

    def agreed(self, connection: str, at: float) -> None:
        """Note that everything read from the connection up to `at` is shown."""


@runtime_checkable
class Listens(Protocol):
    """A target that can tell what others changed in it."""

    def listen(self) -> None:
        """Have the records looked at again whose twins others changed. Raises what kept it from hearing some of them,
        once all others are heard."""


class CursorGone(Exception):
    """The object that a list was to be continued behind does not exist any more."""


class FanOut(Protocol):
    """Several calls at once."""

    def repeat(self, step: Callable[[], bool], width: Callable[[], int]) -> None:
        """Run `step` up to `width()` times at once, again and again, until no call finds anything to do."""

    def map(self, call: Callable[[T], R], items: Iterable[T], width: int) -> list[R]:
        """`call` on each item, up to `width` at once; results in the items' order."""


_MOST = 32  # threads of one fan-out that repeats a step; those that nobody needs are never started


class Threads:
    """Fan-out over threads of this process, each in the caller's context, by which logs find their run.

    The first error is raised once the calls under way have ended.
    """

    def repeat(self, step: Callable[[], bool], width: Callable[[], int]) -> None:
        with ThreadPoolExecutor(_MOST) as pool:
            pending: set[Future[bool]] = {pool.submit(copy_context().run, step) for _ in range(width())}
            while pending:
                ended, pending = wait(pending, return_when=FIRST_COMPLETED)
                found = [future.result() for future in ended]
                if any(found):
                    # Work was found, so there may be more of it than before: windows split while they are read.
                    pending |= {pool.submit(copy_context().run, step) for _ in range(width() - len(pending))}

    def map(self, call: Callable[[T], R], items: Iterable[T], width: int) -> list[R]:
        with ThreadPoolExecutor(width) as pool:
            futures = [pool.submit(copy_context().run, call, item) for item in items]
            return [future.result() for future in futures]
