"""Planning a run: which windows of which streams are to be read."""

import itertools
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import Connection

from accord.collect import EVENT, PARALLEL, Sync
from accord.ledger import counters, links, streams
from accord.ledger.engine import Ledger
from accord.ports import Source
from accord.records import Kind

DAY = 86_400
EVENTS_LIVE = 29 * DAY  # Stripe lists events for 30 days (docs.stripe.com/api/events); one day to spare
TURNS = 30  # nights in which the nightly rescan comes round


class Mode(StrEnum):
    """How much a run reads."""

    CHANGES = "changes"  # what changed since the last run; everything on the first
    NIGHTLY = "nightly"  # changes, and the next thirtieth of history again
    RESCAN = "rescan"  # changes, and all of history again, or what lies between `since` and `until`


def plan(
    sync: Sync,
    source: Source,
    ledger: Ledger,
    kinds: Iterable[Kind],
    lag: int,
    mode: Mode = Mode.CHANGES,
    since: int | None = None,
    until: int | None = None,
) -> None:
    """Open the windows that this run is to read, in one transaction; those left open by earlier runs stay.

    `since` and `until` (Unix seconds) bound a rescan; `since` also the backfill of the first run. The watermark of
    the events and of the balance transactions starts `lag` seconds before now, so that what changes during the
    backfill is read after it.
    """
    now = int(ledger.clock.now())
    new = ledger.read(lambda c: [k for k in kinds if streams.get(c, sync.name, k) is None])
    begun = since if since is not None else (source.began() if new or mode is Mode.RESCAN else None)

    def write(connection: Connection) -> None:
        ticket = counters.ticket(connection, sync.connection)
        events = streams.get(connection, sync.name, EVENT)
        forgotten = events is not None and events.watermark < now - EVENTS_LIVE
        for kind in kinds:
            row = streams.get(connection, sync.name, kind)
            if row is None:
                spans = _cut(begun or 0, now, PARALLEL)
                streams.plan(connection, sync.name, kind, "backfill", spans, ticket)
                streams.put(connection, sync.name, kind, watermark=now - lag)
            elif mode is Mode.RESCAN or forgotten:
                lo = begun if begun is not None else links.oldest(connection, sync.connection) or 0
                _rescan(connection, sync, kind, _cut(lo, until or now, PARALLEL), ticket)
            elif mode is Mode.NIGHTLY:
                turn = row.rescan_turn
                lo = links.oldest(connection, sync.connection) or now
                _rescan(connection, sync, kind, [_cut(lo, now, TURNS)[turn % TURNS]], ticket)
                streams.put(connection, sync.name, kind, rescan_turn=(turn + 1) % TURNS)
        if forgotten or events is None:
            streams.put(connection, sync.name, EVENT, watermark=now - lag)
        for stream in (EVENT, Kind.LEG):
            _recent(connection, sync, stream, now - lag, ticket)

    ledger.write(write)


def _rescan(connection: Connection, sync: Sync, kind: Kind, spans: list[tuple[int, int]], ticket: int) -> None:
    busy = streams.in_state(connection, sync.name, kind, "open") + streams.in_state(connection, sync.name, kind, "read")
    if not any(window.purpose == "rescan" for window in busy):
        streams.plan(connection, sync.name, kind, "rescan", spans, ticket)


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
