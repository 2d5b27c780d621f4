"""Collecting: what the source shows, stored as batches with the place it was read up to."""

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from accord.errors import LeftAlone, Refused, Superseded, TryLater
from accord.ledger import batches, counters, entries, inbox, leases, links, quarantine, streams
from accord.ledger.engine import Ledger
from accord.ledger.streams import Window
from accord.ports import CursorGone, FanOut, Page, Source
from accord.reading import Reading, as_page, second_left, tell_fetched, tell_read
from accord.records import PARENTS_FIRST, Kind

BATCH = 5_000  # records; waiting to be stored they take about 2 MB, compressed
STOP_SHARE, STOP_ROWS = 0.01, 20  # of what can not be read: beyond both, the source is broken, not the record
CLOSE_AFTER = 15.0  # seconds after which a batch is stored though it is not full
PARALLEL = 4  # windows of a stream read at once
FETCHES = 8  # single records fetched at once
CHUNK = 1_000  # single records to a batch
EVENT = "event"


@dataclass(frozen=True, slots=True)
class Sync:
    """What is kept in agreement: records of one connection, shown in one target."""

    name: str
    connection: str
    target: str


class Collector:
    """Reads one connection for one sync on behalf of one run."""

    def __init__(
        self,
        sync: Sync,
        source: Source,
        ledger: Ledger,
        fan_out: FanOut,
        run: str,
        kinds: Iterable[Kind],
        lag: int,
        news: Callable[[], None] = lambda: None,
    ) -> None:
        """`run` names this reader and no other; `lag` is the number of seconds that an object may take to appear in
        a list after it was created. `news` is told whenever something was met that is going to be checked."""
        self.sync, self.source, self.ledger = sync, source, ledger
        self._fan_out, self._run, self._lag = fan_out, run, lag
        self._kinds, self._news = frozenset(kinds), news
        self._calls = itertools.count()

    def stream(self, stream: str) -> int:
        """Read every open window of a stream to its end; how many records or events were stored.

        Raises TryLater where the source fails, or while another worker holds one of the windows; what was read
        until then is stored.
        """
        stored: list[int] = []

        def step() -> bool:
            count = self._read_once(stream)
            stored.append(count or 0)
            return count is not None

        self._fan_out.repeat(step, PARALLEL)
        left = self.ledger.read(lambda c: self._unread(c, stream))
        if left:
            raise TryLater(f"another worker is reading {left} windows of {self.sync.name}:{stream}", leases.TTL)
        return sum(stored)

    def _unread(self, connection: Connection, stream: str) -> int:
        if stream in streams.stopped(connection, self.sync.name):
            return 0
        return streams.open_count(connection, self.sync.name, stream)

    def _read_once(self, stream: str) -> int | None:
        """Read one batch of one window; how much was stored, or None where there is nothing to read."""
        owner = f"{self._run}:{next(self._calls)}"
        claimed = self.ledger.write(lambda c: self._claim(c, stream, owner))
        if claimed is None:
            return None
        window, token, ticket = claimed
        name, began = streams.lease_name(window.id), self.ledger.clock.monotonic()
        try:
            reading = self._read(window)
        except Exception:
            with contextlib.suppress(Superseded):
                self.ledger.write(lambda c: leases.release(c, name, token))
            raise
        try:
            if not self._stop(window, token, reading):
                self._store(window, token, ticket, reading)
        except Superseded:
            return 0  # this worker was away too long; what another one reads since then counts
        tell_read(stream, reading, self.ledger.clock.monotonic() - began)
        if reading.failed is not None:
            raise reading.failed
        return reading.count

    def _stop(self, window: Window, token: int, reading: Reading) -> bool:
        """Whether what speaks of changes can not be read any more: it is not passed over, unless a person said so."""
        if not reading.unreadable:
            return False
        name = self.sync.name

        def stop(connection: Connection) -> bool:
            row = streams.get(connection, name, EVENT)
            known = quarantine.reasons(connection, name, EVENT)
            new = len({event.key for event in reading.unreadable} - known.keys())
            in_a_row = new + (row.unsound_run if row else 0) if len(reading.unreadable) == reading.events else 0
            if new <= max(STOP_ROWS, STOP_SHARE * reading.events) and in_a_row < STOP_ROWS:
                streams.put(connection, name, EVENT, unsound_run=in_a_row)
                return False
            if row is not None and row.lenient:
                # Any record may be one that these events spoke of.
                streams.unfollow(connection, name, self._kinds - {Kind.LEG})
                return False
            leases.release(connection, streams.lease_name(window.id), token)
            why = f"{new} of {reading.events} events could not be read; did the API change?"
            streams.put(connection, name, EVENT, stopped=why)
            return True

        return self.ledger.write(stop)

    def _claim(self, connection: Connection, stream: str, owner: str) -> tuple[Window, int, int] | None:
        if stream in streams.stopped(connection, self.sync.name):
            return None
        claimed = streams.claim(connection, self.sync.name, stream, owner, self.ledger.now(connection))
        if claimed is None:
            return None
        # Noted before the first page is asked for: whatever is settled from now on is newer than this reading.
        return (*claimed, counters.ticket(connection, self.sync.connection))

    def _read(self, window: Window) -> Reading:
        clock = self.ledger.clock
        reading = Reading(hi=window.hi)
        after, began = window.after, clock.monotonic()
        recent = window.purpose == "recent"
        hi = None if recent else window.hi
        if after is None and window.after_created is not None:
            hi = window.after_created + 1
        met = {after}
        while True:
            try:
                page = self.source.page(window.stream, window.lo, hi, after)
            except CursorGone:
                reading.place = (None, second_left(window, reading))
                return reading
            except TryLater as error:
                if reading.place is None:
                    raise
                reading.failed = error
                return reading
            if recent and after is None and hi is None and page.date is not None:
                # By the source's clock: ours may be ahead of it, and what is not yet visible must be read again.
                reading.ahead = window.lo > page.date
                reading.hi = min(window.hi, page.date - self._lag)
                reading.hi = reading.hi if reading.ahead else max(reading.hi, window.lo)
            self._take(window, reading, page)
            if not page.has_more:
                reading.finished = True
                return reading
            after = page.last.key if page.last else after
            if after in met:
                raise Refused(f"the source's list of {window.stream} objects goes in a circle; it would never end")
            met.add(after)
            if reading.count >= BATCH or clock.monotonic() - began > CLOSE_AFTER:
                return reading

    def _take(self, window: Window, reading: Reading, page: Page) -> None:
        reading.note(page)
        if window.stream == EVENT:
            events = self.source.events(page.body)
            reading.events += len(events)
            why = "it could not be read as an event, so the record that it speaks of is not known"
            reading.unreadable += [quarantine.Unsound(e.id, e.raw, [why]) for e in events if e.raw]
            for event in events:
                new = [inbox.Hint(event.id, kind, key) for kind, key in event.hints if kind in self._kinds]
                reading.hints += new
            reading.count = len(reading.hints)
        elif window.stream == Kind.LEG and window.purpose == "recent":
            fresh = self._unknown_legs(page)
            if fresh:
                self._news()
                reading.keep(as_page(fresh), len(fresh))
        elif page.count:
            if window.purpose == "backfill":  # what a rescan meets is mostly as it was
                self._news()
            reading.keep(page.body, page.count)

    def _unknown_legs(self, page: Page) -> list[bytes]:
        """The page's legs that the target does not show yet; the others were read before and can not change."""
        parsed = list(self.source.records(Kind.LEG, page.body))
        sync = self.sync
        keys = [one.key for one in parsed]
        known = self.ledger.read(lambda c: links.known(c, sync.target, sync.connection, Kind.LEG, keys))
        return [one.raw for one in parsed if one.key not in known]

    def _store(self, window: Window, token: int, ticket: int, reading: Reading) -> None:
        name = self.sync.name
        sealed = None
        if reading.pages is not None:
            sealed = batches.seal(self.ledger.cipher, name, window.stream, reading.pages, [], reading.count)
            reading.pages = None

        def store(connection: Connection) -> None:
            now = self.ledger.now(connection)
            leases.release(connection, streams.lease_name(window.id), token)
            if sealed is not None:
                batches.add(connection, name, window.stream, sealed, ticket, now, window=window.id)
            inbox.receive(connection, name, reading.hints, now)
            self._keep(connection, EVENT, reading.unreadable, now)
            streams.advance(connection, window, reading.place, reading.hi, reading.finished)
            if reading.finished and window.purpose == "recent":
                self._mark(connection, window, reading)
                if window.stream == EVENT:
                    streams.put(connection, name, EVENT, lenient=False)
            idle = not reading.finished and streams.open_count(connection, name, window.stream) < PARALLEL
            second = reading.place[1] if reading.place else None
            if idle and second is not None and window.purpose != "recent":
                streams.split(connection, name, window, second)

        self.ledger.write(store)

    def _keep(self, connection: Connection, kind: str, unsound: list[quarantine.Unsound], now: float) -> None:
        """Put what could not be read, or not be had, into quarantine."""
        if not unsound:
            return
        found_at, name = counters.next_rev(connection, self.sync.connection), self.sync.name
        entries.append(connection, name, self._run, now, quarantine.news(connection, name, kind, unsound))
        quarantine.put(connection, self.ledger.cipher, name, kind, unsound, found_at, now)

    def _mark(self, connection: Connection, window: Window, reading: Reading) -> None:
        """Move the watermark, which says up to when a list was read."""
        name, row = self.sync.name, streams.get(connection, self.sync.name, window.stream)
        if reading.ahead:
            # It was set by a clock that was fast. What came since the last reading is not known to be read.
            missed = {Kind.LEG} if window.stream == Kind.LEG else self._kinds - {Kind.LEG}
            streams.put(connection, name, window.stream, watermark=reading.hi)
            streams.unfollow(connection, name, missed)
            return
        if window.stream == EVENT and len(reading.unreadable) < reading.events:
            streams.put(connection, name, EVENT, unsound_run=0)
        # Never back: where events were forgotten meanwhile, a rescan has begun in place of this window.
        mark = max(reading.hi, row.watermark if row else 0)
        streams.put(connection, name, window.stream, watermark=mark)

    def changed(self) -> int:
        """Fetch the records that the inbox speaks of, as they are now; how many were stored.

        Raises TryLater where the source fails, or while another worker fetches some of them; what was fetched until
        then is stored. A record that alone can not be fetched waits longer each time, and holds up no other.
        """
        total = 0
        while True:
            claim = f"{self._run}:{next(self._calls)}"
            hints, ticket = self.ledger.write(functools.partial(self._claim_hints, claim))
            if not hints:
                break
            self._news()
            total += self._fetch(claim, hints, ticket)
        elsewhere = self.ledger.read(lambda c: inbox.in_hand(c, self.sync.name, self.ledger.now(c)))
        if elsewhere:
            raise TryLater(f"another worker is fetching {elsewhere} records of {self.sync.name}", leases.TTL)
        return total

    def _claim_hints(self, claim: str, connection: Connection) -> tuple[list[inbox.Hint], int]:
        stopped = streams.stopped(connection, self.sync.name)
        left_out = {*stopped, *PARENTS_FIRST} - (self._kinds - stopped.keys())
        now = self.ledger.now(connection)
        hints = inbox.claim_due(connection, self.sync.name, claim, now, CHUNK, sorted(left_out))
        return hints, counters.ticket(connection, self.sync.connection)

    def _fetch(self, claim: str, hints: list[inbox.Hint], ticket: int) -> int:
        left = {(hint.kind, hint.key) for hint in hints}
        asked = len(left)
        failed: dict[tuple[str, str], TryLater] = {}
        try:
            for kind in PARENTS_FIRST:
                keys = sorted(key for of, key in left if of == kind)
                if not keys:
                    continue
                began = self.ledger.clock.monotonic()
                answers = dict(zip(keys, self._fan_out.map(self._one(kind), keys, FETCHES), strict=True))
                self._store_fetched(claim, kind, answers, ticket)
                tell_fetched(kind, len(keys), self.ledger.clock.monotonic() - began)
                failed |= {(kind, key): answer for key, answer in answers.items() if isinstance(answer, TryLater)}
                left -= {(kind, key) for key in keys}
        except Exception:
            self.ledger.write(lambda c: inbox.release(c, claim, left, self.ledger.now(c)))
            raise
        self.ledger.write(lambda c: self._put_back(c, claim, failed))
        if failed and len(failed) == asked:
            raise next(iter(failed.values()))  # perhaps the source itself is away
        return asked - len(failed)

    def _put_back(self, connection: Connection, claim: str, failed: Mapping[tuple[str, str], TryLater]) -> None:
        """Records that could not be fetched wait longer each time; those that were not even asked for do not."""
        resting = {ref: error for ref, error in failed.items() if isinstance(error, LeftAlone)}
        now = self.ledger.now(connection)
        inbox.postpone(connection, claim, failed.keys() - resting.keys(), "the source could not give it", now)
        rest = max((error.after or 0.0 for error in resting.values()), default=0.0)
        inbox.release(connection, claim, resting, now + rest)

    def _one(self, kind: str) -> Callable[[str], bytes | Exception | None]:
        def fetch(key: str) -> bytes | Exception | None:
            try:
                return self.source.fetch(kind, key)
            except (TryLater, Refused) as error:
                return error

        return fetch

    def _store_fetched(self, claim: str, kind: Kind, answers: dict[str, bytes | Exception | None], ticket: int) -> None:
        name = self.sync.name
        bodies = [answer for answer in answers.values() if isinstance(answer, bytes)]
        gone = [key for key, answer in answers.items() if answer is None]
        refused = {key: str(answer) for key, answer in answers.items() if isinstance(answer, Refused)}
        # Each body stays a page of its own, so that one that is cut off spoils no other.
        sealed = batches.seal(self.ledger.cipher, name, kind, bodies, gone, len(bodies) + len(gone))

        def store(connection: Connection) -> None:
            now = self.ledger.now(connection)
            self._keep(connection, kind, [quarantine.Unsound(key, b"", [why]) for key, why in refused.items()], now)
            inbox.close(connection, claim, kind, refused)
            if sealed.count:
                batches.add(connection, name, kind, sealed, ticket, now, claim=claim)

        self.ledger.write(store)
