"""Collecting: what the source shows, stored as batches with the place it was read up to."""

import contextlib
from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from accord.errors import Refused, Superseded, TryLater
from accord.fetch import Fetcher
from accord.ledger import batches, counters, inbox, leases, links, quarantine, streams
from accord.ledger.engine import Ledger
from accord.ledger.streams import Window
from accord.ports import CursorGone, FanOut, Page, Source
from accord.reading import Reading, as_page, second_left, tell_read, tell_stored
from accord.records import NEEDED, Kind
from accord.sync import EVENT, Sync

BATCH = 5_000  # records; waiting to be stored they take about 2 MB, compressed
STOP_SHARE, STOP_ROWS = 0.01, 20  # of what can not be read: beyond both, the source is broken, not the record
CLOSE_AFTER = 15.0  # seconds after which a batch is stored though it is not full


class Collector(Fetcher):
    """Reads one connection for one sync on behalf of one run: its lists in windows, and single records."""

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
        super().__init__(sync, source, ledger, fan_out, run, kinds, news)
        self._lag = lag

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

        open_ = self.ledger.read(lambda c: streams.in_state(c, self.sync.name, stream, "open"))
        long = any(window.purpose != "recent" for window in open_)
        self._fan_out.repeat(step, lambda: self._readers(stream) if long else 1)
        left = self.ledger.read(lambda c: self._unread(c, stream))
        if left:
            raise TryLater(f"another worker is reading {left} windows of {self.sync.name}:{stream}", leases.TTL)
        return sum(stored)

    def _readers(self, stream: str) -> int:
        """How many may read a list at once, besides those who read what its records need.

        All lists share one rate: what others wait for comes first, and is settled while those are read.
        """
        parallel = self.source.discovery.parallel
        parents = self._kinds.intersection(NEEDED[Kind(stream)]) if stream != EVENT else ()
        if not parents:
            return parallel
        busy = self.ledger.read(lambda c: sum(streams.open_count(c, self.sync.name, kind) for kind in parents))
        return max(1, parallel - busy)

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
                reading.in_a_row = in_a_row
                return False
            if row is not None and row.lenient:
                # Any record may be one that these events spoke of.
                streams.doubt(connection, name, self._kinds - self.source.discovery.newest)
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
                if recent and not self.source.discovery.events:  # its order is not that of time: it has no second
                    reading.place = (None, None)
                    reading.failed = TryLater(f"the source's list of {window.stream} objects changed while it was read")
                else:
                    reading.place = (None, second_left(window, reading))
                return reading
            except TryLater as error:
                if reading.place is None:
                    raise
                reading.failed = error
                return reading
            if recent and reading.date is None:
                reading.date = page.date
                if after is None and hi is None and page.date is not None:
                    # By the source's clock: ours may be ahead of it, and what is not yet visible must be read again.
                    reading.hi = min(window.hi, page.date - self._lag)
                    if window.lo <= page.date:
                        reading.hi = max(reading.hi, window.lo)
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
            if window.purpose == "backfill":  # what others meet is mostly as it was
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

        def store(connection: Connection) -> int | None:
            now = self.ledger.now(connection)
            leases.release(connection, streams.lease_name(window.id), token)
            number = None
            if sealed is not None:
                number = batches.add(connection, name, window.stream, sealed, ticket, now, window=window.id)
            inbox.receive(connection, name, reading.hints, now)
            self._keep(connection, EVENT, reading.unreadable, now)
            if reading.in_a_row is not None:
                streams.put(connection, name, EVENT, unsound_run=reading.in_a_row)
            streams.advance(connection, window, reading.place, reading.hi, reading.finished)
            if reading.finished and window.purpose == "recent":
                self._mark(connection, window, reading)
                if window.stream == EVENT:
                    streams.put(connection, name, EVENT, lenient=False)
            second = reading.place[1] if reading.place else None
            readers = self.source.discovery.parallel
            idle = not reading.finished and streams.open_count(connection, name, window.stream) < readers
            if idle and second is not None and _is_long(window, reading, second):
                streams.split(connection, name, window, second)
            return number

        tell_stored(window.stream, self.ledger.write(store), reading.count)

    def _mark(self, connection: Connection, window: Window, reading: Reading) -> None:
        """Move the watermark, which says up to when a list was read."""
        name, row = self.sync.name, streams.get(connection, self.sync.name, window.stream)
        mark, found = row.watermark if row else 0, self.source.discovery
        if reading.date is not None and max(mark, window.lo) > reading.date:
            # In the source's future: a clock was fast. What came since the last reading is not known to be read.
            missed = self._kinds - found.newest if window.stream == EVENT else {Kind(window.stream)}
            streams.put(connection, name, window.stream, watermark=reading.hi)
            streams.doubt(connection, name, missed)
            return
        if window.stream == EVENT and reading.date is not None and max(mark, window.lo) < reading.date - found.events:
            # The host's clock is slow, or else the plan would have known: what the source has forgotten is missed.
            streams.doubt(connection, name, self._kinds - found.newest)
        if window.stream == EVENT and len(reading.unreadable) < reading.events:
            streams.put(connection, name, EVENT, unsound_run=0)
        # Never back: where events were forgotten meanwhile, a rescan has begun in place of this window.
        streams.put(connection, name, window.stream, watermark=max(reading.hi, mark))


def _is_long(window: Window, reading: Reading, second: int) -> bool:
    """Whether what is left of a window would fill a batch, if its objects stand as close as those just read."""
    if window.purpose == "recent":
        return False
    began = window.hi if window.after_created is None else window.after_created
    return reading.count * (second - window.lo) >= BATCH * (began - second)
