"""Planning a run: which windows of which streams are to be read."""

import itertools
from collections.abc import Collection, Mapping
from enum import StrEnum

from sqlalchemy import Connection

from accord.errors import Misconfigured
from accord.ledger import counters, inbox, links, streams, sums
from accord.ledger.engine import Ledger
from accord.ports import Source
from accord.records import PARENTS_FIRST, Kind
from accord.sync import EVENT, Sync

DAY = 86_400
OVERDUE = 36 * 3600  # seconds after which a turn is taken by whichever run comes next
SHORTEST = DAY  # of a history that is worth cutting; in seconds
AHEAD = 900  # seconds that this host's clock may be ahead of the source's


class Mode(StrEnum):
    """How much a run reads."""

    CHANGES = "changes"  # what changed since the last run; everything on the first
    NIGHTLY = "nightly"  # changes, and the next stretch of history again: all of it in `Discovery.turns` nights
    RESCAN = "rescan"  # changes, and all of history again, or what lies between `since` and `until`


def plan(
    sync: Sync,
    source: Source,
    ledger: Ledger,
    kinds: Mapping[Kind, str],
    lag: int,
    mode: Mode = Mode.CHANGES,
    since: int | None = None,
    until: int | None = None,
) -> None:
    """Open the windows that this run is to read, in one transaction; those left open by earlier runs stay.

    `kinds` are those that the target shows, each with a digest of where it keeps them. `since` and `until` (Unix
    seconds) bound a rescan; `since` also the backfill of the first run. The watermark of the events and of the balance
    transactions starts `lag` and `AHEAD` seconds before now, so that what changes during the backfill is read after it.
    All of a kind is read again where the sync was down for longer than events live, and where changes may have been
    missed; also where the target keeps the kind elsewhere than before, and is then shown it anew.
    """
    found = source.discovery
    _require_sense(sync, found.by_time, mode, since, until, now := int(ledger.clock.now()))
    if since is not None and mode is not Mode.RESCAN:
        ledger.read(lambda c: _require_first(c, sync, kinds, since))
    anew = ledger.read(lambda c: _reads_anew(c, sync, kinds, now - found.events))
    began = source.began() if anew or mode is Mode.RESCAN else None
    begun = began if since is None else since
    parts, dense = max(1, found.parallel // 2), begun or 0  # they are halved while they are read
    if parts > 1 and ledger.read(lambda c: any(streams.get(c, sync.name, kind) is None for kind in kinds)):
        dense = _begins(source, max(kinds, key=PARENTS_FIRST.index), dense, now)
    # The host's clock may be fast, and what the source tells later no longer shows that it was; or slow.
    told = source.date or now

    def write(connection: Connection) -> None:
        counters.lock(connection, sync.connection)  # of two plans at once, one sees what the other has opened
        ticket = counters.ticket(connection, sync.connection)
        events = streams.get(connection, sync.name, EVENT) if found.events else None
        forgotten = events is not None and events.watermark < now - found.events
        _leave_out(connection, sync, [kind for kind in Kind if kind not in kinds])
        oldest, marked = links.oldest(connection, sync.connection), min(now, told) - lag - AHEAD
        # A host's clock that is slow must not leave out what is there already, or what events were read for.
        end = max(now, told, events.watermark if events else 0, links.newest(connection, sync.connection) + 1)
        rescans: dict[Kind, list[tuple[int, int]]] = {}
        whole: set[Kind] = set()  # kinds of which this run reads what is new anyway
        for kind, mapping in kinds.items():
            row = streams.get(connection, sync.name, kind)
            if row is None:
                spans = [(begun or 0, dense), *_cut(dense, end, parts)]
                streams.plan(connection, sync.name, kind, "backfill", spans, ticket)
                fresh: dict[str, object] = {"watermark": marked, "mapping": mapping, "since": since}
                streams.put(connection, sync.name, kind, **fresh, rescanned_at=now)
                whole.add(kind)
                continue
            if _show_again(connection, sync, kind, row, mapping) or forgotten or row.watermark < 0:
                # All of it, whatever else is under way: windows opened before the gap do not count as read after it,
                # and what they have read, but nobody has settled, may be older than all that is known.
                spans = [(row.since or 0, oldest or 0), *_cut(oldest or 0, end, parts)]
                streams.put(connection, sync.name, kind, watermark=marked)
            elif mode is Mode.RESCAN:
                spans = _uncovered(_cut(begun or 0, until or end, parts), _untouched(connection, sync, kind))
            elif oldest is not None and _is_due(row, mode, now) and not _rescans(connection, sync, kind):
                spans = [_next_turn(connection, sync, kind, row, (oldest, end), now, found.turns)]
            else:
                continue
            rescans[kind] = spans
        # A number of their own, by which what is read for them is told from what was read before and settled after.
        begins = counters.next_rev(connection, sync.connection) if rescans else ticket
        for kind, spans in rescans.items():
            streams.plan(connection, sync.name, kind, "rescan", spans, begins)
            whole |= {kind} if spans and spans[-1][1] == end else set()
        if found.events and (forgotten or events is None):
            streams.put(connection, sync.name, EVENT, watermark=marked)
        # Without events, a list of what is new would repeat what is read of all: each record would be fetched again.
        follows = {EVENT, *found.newest & kinds.keys()} if found.events else found.newest & kinds.keys() - whole
        for stream in sorted(follows):
            _recent(connection, sync, stream, now - lag, ticket)

    ledger.write(write)


def _require_sense(sync: Sync, by_time: bool, mode: Mode, since: int | None, until: int | None, now: int) -> None:
    if until is not None and mode is not Mode.RESCAN:
        raise Misconfigured('until bounds a rescan only; set mode to "rescan", or leave until empty')
    if since is not None and until is not None and since >= until:
        raise Misconfigured("since must be a day before until")
    if since is not None and since > now:
        raise Misconfigured("since is a day in the future; nothing would be read")
    if not by_time and (since, until) != (None, None):
        raise Misconfigured(
            f"{sync.connection} can not be read by days, since its list is not in the order of time; leave since and "
            "until empty"
        )


def _require_first(connection: Connection, sync: Sync, kinds: Collection[Kind], since: int) -> None:
    """Some kind is yet to be read for the first time, or this is the day from which its first reading began."""
    rows = [streams.get(connection, sync.name, kind) for kind in kinds]
    if all(row is not None and row.since != since for row in rows):
        raise Misconfigured(
            f"since bounds the first run, which {sync.name} has behind it, or a rescan; set mode=rescan to read again "
            "from that day on, or leave since empty"
        )


def _reads_anew(connection: Connection, sync: Sync, kinds: Mapping[Kind, str], forgotten: int) -> bool:
    """Whether some kind is read for the first time, or all of it is read again: also where events were last read
    before the second `forgotten`."""
    events = streams.get(connection, sync.name, EVENT)
    rows = [streams.get(connection, sync.name, kind) for kind in kinds]
    if any(row is None or row.watermark < 0 for row in rows) or (events is not None and events.watermark < forgotten):
        return True
    return any(row is not None and row.mapping != kinds[kind] for kind, row in zip(kinds, rows, strict=True))


def _begins(source: Source, kind: Kind, lo: int, hi: int) -> int:
    """Where a list begins, so far as a few looks at it tell: what is cut evenly from there on gives each reader work.

    An account may be years older than what it holds. Nothing depends on it: what is older is read as well.
    """
    first = lo
    while hi - first > SHORTEST:
        middle = (first + hi) // 2
        if source.page(kind, lo, middle, None).count:
            return first
        first = middle
    return lo


def _leave_out(connection: Connection, sync: Sync, kinds: Collection[Kind]) -> None:
    """What changes of kinds that the mapping does not name is not followed; once it does, all of them is read."""
    streams.leave_out(connection, sync.name, kinds)
    inbox.give_up(connection, sync.name, kinds)


def _show_again(connection: Connection, sync: Sync, kind: Kind, row: streams.Stream, mapping: str) -> bool:
    """Whether the target keeps the kind elsewhere than before; then it is taken to show nothing of it."""
    if row.mapping == mapping:
        return False
    streams.put(connection, sync.name, kind, mapping=mapping)
    if row.mapping is None:  # noted by no version so far
        return False
    links.forget_shown(connection, sync.target, sync.connection, kind)
    if kind is Kind.LEG:
        sums.reset(connection, sync.target, sync.connection)
    return True


def _is_due(row: streams.Stream, mode: Mode, now: int) -> bool:
    """Whether it is time for a turn of the rescan: nightly, or when a night was missed."""
    return mode is Mode.NIGHTLY or (row.rescanned_at or 0) < now - OVERDUE


def _rescans(connection: Connection, sync: Sync, kind: Kind) -> list[streams.Window]:
    """The windows of rescans that are still under way."""
    busy = streams.in_state(connection, sync.name, kind, "open") + streams.in_state(connection, sync.name, kind, "read")
    return [window for window in busy if window.purpose == "rescan"]


def _untouched(connection: Connection, sync: Sync, kind: Kind) -> list[streams.Window]:
    """The windows of rescans of which nothing was read yet: they will show what is true from now on."""
    open_ = streams.in_state(connection, sync.name, kind, "open")
    return [w for w in open_ if w.purpose == "rescan" and w.after is None and w.after_created is None]


def _uncovered(spans: list[tuple[int, int]], windows: list[streams.Window]) -> list[tuple[int, int]]:
    """The spans without what these windows will read anyway."""
    left = []
    for lo, hi in spans:
        for window in sorted(windows, key=lambda w: w.lo):
            if window.lo <= lo:
                lo = max(lo, window.hi)
        left.append((lo, hi))
    return left


def _next_turn(
    connection: Connection,
    sync: Sync,
    kind: Kind,
    row: streams.Stream,
    history: tuple[int, int],
    now: int,
    turns: int,
) -> tuple[int, int]:
    """The next stretch of history, each beginning where the one before it ended; the last reaches its end.

    What is divided ends with the newest record that is known: positions need not be times, and may end far before now.
    """
    oldest, end = history
    turn = row.rescan_turn % turns
    lo = row.rescanned if turn and row.rescanned is not None else oldest
    known = max(links.newest(connection, sync.connection) + 1, lo)
    hi = end if turn == turns - 1 else lo + -(-(known - lo) // (turns - turn))
    streams.put(connection, sync.name, kind, rescan_turn=(turn + 1) % turns, rescanned=hi, rescanned_at=now)
    return lo, hi


def _recent(connection: Connection, sync: Sync, stream: str, hi: int, ticket: int) -> None:
    row = streams.get(connection, sync.name, stream)
    if row is None:
        return
    if any(w.purpose == "recent" for w in streams.in_state(connection, sync.name, stream, "open")):
        return
    lo = row.watermark
    streams.plan_recent(connection, sync.name, stream, lo, max(hi, lo), ticket)


def _cut(lo: int, hi: int, parts: int) -> list[tuple[int, int]]:
    """[lo, hi) in `parts` spans of about the same length."""
    edges = [lo + (hi - lo) * part // parts for part in range(parts + 1)]
    return [(a, b) for a, b in itertools.pairwise(edges)]
