"""Collecting: what the source shows, stored as batches with the place it was read up to."""

import contextlib
import functools
import itertools
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from accord.errors import Refused, Superseded, TryLater
from accord.ledger import batches, counters, entries, inbox, leases, links, quarantine, streams
from accord.ledger.engine import Ledger
from accord.ledger.streams import Window
from accord.ports import CursorGone, FanOut, Page, Source
from accord.reading import Reading, as_page, second_left
from accord.records import PARENTS_FIRST, Kind

BATCH = 2_500  # records; at 2-3 KB each, a few MB of raw pages in memory per reader
STOP_SHARE, STOP_ROWS = 0.01, 20  # of what can not be read: beyond both, the source is broken, not the record
CLOSE_AFTER = 15.0  # seconds after which a batch is stored though it is not full
PARALLEL = 4  # windows of a stream read at once
FETCHES = 8  # single records fetched at once
CHUNK = 1_000  # single records to a batch
EVENT = "event"

_log = logging.getLogger("accord.collect")


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
    ) -> None:
        """`run` names this reader and no other; `lag` is the number of seconds that an object may take to appear in
        a list after it was created."""
        self.sync, self.source, self.ledger = sync, source, ledger
        self._fan_out, self._run, self._lag = fan_out, run, lag
        self._kinds = frozenset(kinds)
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
        name = streams.lease_name(window.id)
        try:
            reading = self._read(window)
        except Exception:
            with contextlib.suppress(Superseded):
                self.ledger.write(lambda c: leases.release(c, name, token))
            raise
        try:
            if reading.unreadable > STOP_ROWS and reading.unreadable > STOP_SHARE * reading.events:
                self.ledger.write(lambda c: self._stop(c, window, token, reading))
            else:
                self._store(window, token, ticket, reading)
        except Superseded:
            return 0  # this worker was away too long; what another one reads since then counts
        if reading.failed is not None:
            raise reading.failed
        return reading.count

    def _stop(self, connection: Connection, window: Window, token: int, reading: Reading) -> None:
        """What speaks of changes can not be read any more: do not pass over it."""
        leases.release(connection, streams.lease_name(window.id), token)
        why = f"{reading.unreadable} of {reading.events} events could not be read; did the API change?"
        streams.put(connection, self.sync.name, window.stream, stopped=why)

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
                reading.hi = max(min(window.hi, page.date - self._lag), window.lo)
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
        if page.last is not None:
            reading.place = (page.last.key, page.last.created)
        if window.stream == EVENT:
            events = self.source.events(page.body)
            reading.events += len(events)
            reading.unreadable += sum(event.unreadable for event in events)
            for event in events:
                new = [inbox.Hint(event.id, kind, key) for kind, key in event.hints if kind in self._kinds]
                reading.hints += new
            reading.count = len(reading.hints)
        elif window.stream == Kind.LEG and window.purpose == "recent":
            fresh = self._unknown_legs(page)
            if fresh:
                reading.pages.append(as_page(fresh))
                reading.count += len(fresh)
        elif page.count:
            reading.pages.append(page.body)
            reading.count += page.count

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
        if reading.pages:
            sealed = batches.seal(self.ledger.cipher, name, window.stream, reading.pages, [], reading.count)
            reading.pages.clear()

        def store(connection: Connection) -> int | None:
            now = self.ledger.now(connection)
            leases.release(connection, streams.lease_name(window.id), token)
            number = None
            if sealed is not None:
                number = batches.add(connection, name, window.stream, sealed, ticket, now, window=window.id)
            inbox.receive(connection, name, reading.hints, now)
            streams.advance(connection, window, reading.place, reading.hi, reading.finished)
            if reading.finished and window.purpose == "recent":
                # Never back: where events were forgotten meanwhile, a rescan has begun in place of this window.
                row = streams.get(connection, name, window.stream)
                streams.put(connection, name, window.stream, watermark=max(reading.hi, row.watermark if row else 0))
            idle = not reading.finished and streams.open_count(connection, name, window.stream) < PARALLEL
            second = reading.place[1] if reading.place else None
            if idle and second is not None and window.purpose != "recent":
                streams.split(connection, name, window, second)
            return number

        _tell(window.stream, self.ledger.write(store), reading.count)

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
        refs = {(hint.kind, hint.key) for hint in hints}
        fetched = 0
        failed: dict[tuple[str, str], TryLater] = {}
        try:
            for kind in PARENTS_FIRST:
                keys = sorted(key for of, key in refs if of == kind)
                if not keys:
                    continue
                answers = dict(zip(keys, self._fan_out.map(self._one(kind), keys, FETCHES), strict=True))
                self._store_fetched(claim, kind, answers, ticket)
                failed |= {(kind, key): answer for key, answer in answers.items() if isinstance(answer, TryLater)}
                refs -= {(kind, key) for key in keys if (kind, key) not in failed}
                fetched += len(keys)
            if failed and len(failed) == len({(hint.kind, hint.key) for hint in hints}):
                raise next(iter(failed.values()))  # the source itself is away
        except Exception:
            self.ledger.write(lambda c: inbox.release(c, claim, refs, self.ledger.now(c)))
            raise
        if failed:
            why = "the source could not give it"
            self.ledger.write(lambda c: inbox.postpone(c, claim, failed, why, self.ledger.now(c)))
        return fetched - len(failed)

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

        def store(connection: Connection) -> int | None:
            now = self.ledger.now(connection)
            unsound = [quarantine.Unsound(key, b"", [why]) for key, why in refused.items()]
            if unsound:
                found_at = counters.next_rev(connection, self.sync.connection)
                entries.append(connection, name, self._run, now, quarantine.news(connection, name, kind, unsound))
                quarantine.put(connection, self.ledger.cipher, name, kind, unsound, found_at, now)
            inbox.close(connection, claim, kind, refused)
            if not sealed.count:
                return None
            return batches.add(connection, name, kind, sealed, ticket, now, claim=claim)

        _tell(kind, self.ledger.write(store), sealed.count)


def _tell(stream: str, batch: int | None, count: int) -> None:
    if batch is not None:
        _log.info("%s batch %d: %d read", stream, batch, count)
