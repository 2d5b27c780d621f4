"""Fetching: single records as the source shows them now, because something may have changed."""

import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping

from sqlalchemy import Connection

from accord.errors import LeftAlone, Refused, TryLater
from accord.ledger import batches, counters, entries, inbox, leases, quarantine, streams
from accord.ledger.engine import Ledger
from accord.ports import CursorGone, FanOut, Source
from accord.reading import tell_fetched, tell_stored
from accord.records import PARENTS_FIRST, Kind
from accord.sync import Sync

FETCHES = 8  # single records fetched at once
CHUNK = 1_000  # single records to a batch
MANY = 50  # records of a kind that are looked for on its list before they are fetched one by one
ENOUGH = 10  # of those on a page, for the next page to be worth a request


class Fetcher:
    """Fetches records of one connection for one sync on behalf of one run."""

    def __init__(
        self,
        sync: Sync,
        source: Source,
        ledger: Ledger,
        fan_out: FanOut,
        run: str,
        kinds: Iterable[Kind],
        news: Callable[[], None] = lambda: None,
    ) -> None:
        """`run` names this reader and no other; `news` is told whenever something was met that is to be checked."""
        self.sync, self.source, self.ledger = sync, source, ledger
        self._fan_out, self._run = fan_out, run
        self._kinds, self._news = frozenset(kinds), news
        self._calls = itertools.count()
        self._place: dict[Kind, str | None] = {}  # behind which object a list is read on

    def changed(self) -> int:
        """Fetch the records that the inbox speaks of, as they are now; how many were stored.

        Raises TryLater where the source fails, or while another worker fetches some of them; what was fetched until
        then is stored. A record that alone can not be fetched waits longer each time, and holds up no other.
        """
        total = 0
        self._place.clear()
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
        kinds = [kind for kind in PARENTS_FIRST if kind in self._kinds and kind not in stopped]
        now = self.ledger.now(connection)
        hints = inbox.claim_due(connection, self.sync.name, claim, now, CHUNK, kinds)
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
                answers: dict[str, bytes | Exception | None] = {**self._listed(kind, keys)}
                alone = [key for key in keys if key not in answers]
                answers |= zip(alone, self._fan_out.map(self._one(kind), alone, FETCHES), strict=True)
                self._store_fetched(claim, kind, answers, ticket)
                tell_fetched(kind, len(keys), len(alone), self.ledger.clock.monotonic() - began)
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

    def _listed(self, kind: Kind, keys: Collection[str]) -> dict[str, bytes]:
        """Those of many records that stand together on their kind's list; what was created of late mostly does.

        A page is asked for under the same ticket as a single record is. Nothing follows from what it does not show.
        """
        found: dict[str, bytes] = {}
        # Of many chunks one goes on where the one before it ended; what is not met there may stand at the top.
        for after in dict.fromkeys((self._place.get(kind), None)):
            if kind in self.source.discovery.listed and len(keys) - len(found) >= MANY:
                found |= self._walk(kind, after, {*keys} - found.keys())
        return found

    def _walk(self, kind: Kind, after: str | None, keys: Collection[str]) -> dict[str, bytes]:
        """Those of the records that stand on a list behind an object, as long as each page shows enough of them."""
        found: dict[str, bytes] = {}
        while len(keys) - len(found) >= ENOUGH:
            try:
                page = self.source.page(kind, None, None, after)
            except (TryLater, Refused, CursorGone):
                break
            parsed = self.source.records(kind, page.body)
            met = {one.key: one.raw for one in parsed if one.record is not None and one.key in keys}
            new = len(met.keys() - found.keys())
            found |= met
            if new < ENOUGH or page.last is None:
                break
            # What else is on the page may be for the next chunk.
            self._place[kind] = after if page.count - new >= ENOUGH else page.last.key
            if not page.has_more:
                break
            after = page.last.key
        return found

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
            self._keep(connection, kind, [quarantine.Unsound(key, b"", [why]) for key, why in refused.items()], now)
            inbox.close(connection, claim, kind, refused)
            if not sealed.count:
                return None
            return batches.add(connection, name, kind, sealed, ticket, now, claim=claim)

        tell_stored(kind, self.ledger.write(store), sealed.count)

    def _keep(self, connection: Connection, kind: str, unsound: list[quarantine.Unsound], now: float) -> None:
        """Put what could not be read, or not be had, into quarantine."""
        if not unsound:
            return
        found_at, name = counters.next_rev(connection, self.sync.connection), self.sync.name
        entries.append(connection, name, self._run, now, quarantine.news(connection, name, kind, unsound))
        quarantine.put(connection, self.ledger.cipher, name, kind, unsound, found_at, now)
