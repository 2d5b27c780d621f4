"""Streams and their windows: how far each list has been read, and whether it may be read at all."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from accord.ledger import leases
from accord.ledger.dialect import among, upsert
from accord.ledger.schema import batches, inbox, streams, windows

LEFT_OUT = -1
"""The watermark of a kind that the mapping does not name: once it does, all of it is read."""
MISSED = -2
"""The watermark of a kind of which changes may have been missed: the next plan has all of it read again."""


class Window(NamedTuple):
    """A closed stretch [lo, hi) of a stream, read newest first; `after` is its place."""

    id: int
    stream: str
    lo: int
    hi: int
    after: str | None
    after_created: int | None
    ticket: int
    purpose: str


_COLUMNS = (
    windows.c.id,
    windows.c.stream,
    windows.c.lo,
    windows.c.hi,
    windows.c.after_key,
    windows.c.after_created,
    windows.c.ticket,
    windows.c.purpose,
)


class Stream(NamedTuple):
    """What is known of one list: how far it was read, and why it may not be read any more."""

    watermark: int
    stopped: str | None
    unsound_run: int
    lenient: bool
    rescan_turn: int
    rescanned: int | None
    rescanned_at: int | None
    since: int | None
    mapping: str | None
    deletions: int
    deleting_since: float


def get(connection: Connection, sync: str, stream: str) -> Stream | None:
    """The stream, or None before it was first planned."""
    s = streams.c
    columns = select(*(s[name] for name in Stream._fields))
    row = connection.execute(columns.where(s.sync == sync, s.stream == stream)).one_or_none()
    return None if row is None else Stream(*row)


def syncs(connection: Connection) -> list[str]:
    """The names of all syncs that were ever planned."""
    return list(connection.scalars(select(streams.c.sync).distinct().order_by(streams.c.sync)))


def put(connection: Connection, sync: str, stream: str, **values: object) -> None:
    """Set columns of the stream's row, making it where there is none."""
    # The databases look at NOT NULL before they look for the row that is there already.
    row = upsert(connection, streams).values(**{"watermark": 0, **values}, sync=sync, stream=stream)
    connection.execute(row.on_conflict_do_update(index_elements=[streams.c.sync, streams.c.stream], set_=values))


def leave_out(connection: Connection, sync: str, kinds: Collection[str]) -> None:
    """Note that changes of these kinds are missed from now on, since the mapping does not name them."""
    known = (streams.c.sync == sync) & among(connection, streams.c.stream, kinds)
    connection.execute(update(streams).where(known).values(watermark=LEFT_OUT))


def doubt(connection: Connection, sync: str, kinds: Collection[str]) -> None:
    """Note that changes of these kinds may have been missed; those that are left out stay so."""
    known = (streams.c.sync == sync) & among(connection, streams.c.stream, kinds) & (streams.c.watermark >= 0)
    connection.execute(update(streams).where(known).values(watermark=MISSED))


def doubted(connection: Connection, sync: str) -> int:
    """Of how many kinds changes may have been missed, so that all of them is to be read again."""
    where = (streams.c.sync == sync) & (streams.c.watermark == MISSED)
    return connection.scalar(select(func.count()).select_from(streams).where(where)) or 0


def begun(connection: Connection, sync: str) -> int | None:
    """The second that a person bounded the sync's first run by; None where all of history is kept in agreement."""
    found = list(connection.scalars(select(streams.c.since).where(streams.c.sync == sync, streams.c.stream != "event")))
    return None if None in found else min(found, default=None)


def stopped(connection: Connection, sync: str) -> dict[str, str]:
    """The sync's stopped streams, each with the reason."""
    where = (streams.c.sync == sync) & streams.c.stopped.is_not(None)
    return {row.stream: row.stopped for row in connection.execute(select(streams).where(where))}


def release(connection: Connection, sync: str, stream: str, lenient: bool) -> bool:
    """Let a stopped stream be read and settled again; False where it was not stopped.

    With `lenient`, what is unsound or deleted in the batches that wait no longer stops it.
    """
    where = (streams.c.sync == sync) & (streams.c.stream == stream) & streams.c.stopped.is_not(None)
    freed = update(streams).where(where).values(stopped=None, unsound_run=0, lenient=lenient, deletions=0)
    if connection.execute(freed).rowcount != 1:
        return False
    if not lenient:
        # What a rescan missed may have been hidden by what was wrong then: it is judged by a new reading.
        missed = (windows.c.sync == sync) & (windows.c.stream == stream) & (windows.c.purpose == "rescan")
        again = update(windows).where(missed, windows.c.state == "read")
        connection.execute(again.values(state="open", after_key=None, after_created=None))
    return True


def read_again(connection: Connection, sync: str, stream: str) -> int:
    """Throw away the stream's open batches and have what they hold read again; how many there were."""
    mine = (batches.c.sync == sync) & (batches.c.stream == stream)
    found = connection.execute(select(batches.c.id, batches.c.window, batches.c.claim).where(mine)).all()
    again = windows.c.id.in_({row.window for row in found if row.window is not None})
    reopened = update(windows).where(again).values(state="open", after_key=None, after_created=None)
    connection.execute(reopened)
    # Without the batch that answers it, a claim counts no more.
    claims = {row.claim for row in found if row.claim is not None}
    connection.execute(update(inbox).where(inbox.c.claim.in_(claims)).values(claim=None, due_at=0))
    connection.execute(delete(batches).where(mine))
    return len(found)


def all_stopped(connection: Connection) -> list[tuple[str, str, str]]:
    """Every stopped stream as (sync, stream, why)."""
    rows = connection.execute(select(streams).where(streams.c.stopped.is_not(None)).order_by(streams.c.sync))
    return [(row.sync, row.stream, row.stopped) for row in rows]


def plan(
    connection: Connection,
    sync: str,
    stream: str,
    purpose: str,
    spans: Iterable[tuple[int, int]],
    ticket: int,
) -> None:
    """Open one window for each span [lo, hi)."""
    rows = [
        {
            "sync": sync,
            "stream": stream,
            "lo": lo,
            "hi": hi,
            "ticket": ticket,
            "purpose": purpose,
            "state": "open",
        }
        for lo, hi in spans
        if lo < hi
    ]
    if rows:
        connection.execute(insert(windows), rows)


def plan_recent(connection: Connection, sync: str, stream: str, lo: int, hi: int, ticket: int) -> None:
    """Open the window of all that came since `lo`; its `hi` becomes the watermark once it is read."""
    row = insert(windows).values(sync=sync, stream=stream, lo=lo, hi=hi, ticket=ticket, purpose="recent", state="open")
    connection.execute(row)


def in_state(connection: Connection, sync: str, stream: str, state: str) -> list[Window]:
    """The stream's windows in a state, newest first."""
    where = (windows.c.sync == sync) & (windows.c.stream == stream) & (windows.c.state == state)
    rows = connection.execute(select(*_COLUMNS).where(where).order_by(windows.c.hi.desc(), windows.c.id))
    return [Window(*row) for row in rows]


def claim(connection: Connection, sync: str, stream: str, owner: str, now: float) -> tuple[Window, int] | None:
    """The newest open window that nobody reads, with the token of the lease taken on it."""
    for seen in in_state(connection, sync, stream, "open"):
        name = lease_name(seen.id)
        token = leases.acquire(connection, name, owner, now)
        if token is None:
            continue
        # Looked at again: whoever held the lease may have moved the place, or finished, since the first look.
        window = _still_open(connection, seen.id)
        if window is not None:
            return window, token
        leases.release(connection, name, token)
    return None


def _still_open(connection: Connection, window_id: int) -> Window | None:
    where = (windows.c.id == window_id) & (windows.c.state == "open")
    row = connection.execute(select(*_COLUMNS).where(where)).one_or_none()
    return None if row is None else Window(*row)


def lease_name(window_id: int) -> str:
    return f"window:{window_id}"


def advance(
    connection: Connection, window: Window, place: tuple[str | None, int | None] | None, hi: int, finished: bool
) -> None:
    """Move the window's place, in the transaction that stores what was read up to it.

    A place without a key is a second to read on from, where the object that marked the place is gone.
    """
    values: dict[str, object] = {"hi": hi, "state": "read" if finished else "open"}
    if place is not None:
        values |= {"after_key": place[0], "after_created": place[1]}
    connection.execute(update(windows).where(windows.c.id == window.id).values(**values))


def split(connection: Connection, sync: str, window: Window, place_created: int) -> None:
    """Hand the older half of what is left of the window to another reader."""
    middle = (window.lo + place_created) // 2
    if middle <= window.lo or middle >= place_created:
        return
    connection.execute(update(windows).where(windows.c.id == window.id).values(lo=middle))
    plan(connection, sync, window.stream, window.purpose, [(window.lo, middle)], window.ticket)


def finish(connection: Connection, window: Window) -> None:
    """Mark a window as done with, once its batches are settled and its absences are dealt with."""
    connection.execute(update(windows).where(windows.c.id == window.id).values(state="done"))


def settled_windows(connection: Connection, sync: str, stream: str) -> list[Window]:
    """Windows that are read to their end and have no open batch left."""
    # In this order: a window that shows as read had all its batches stored by then.
    read = in_state(connection, sync, stream, "read")
    waiting = _unsettled(connection, sync)
    return [window for window in read if window.id not in waiting]


def _unsettled(connection: Connection, sync: str) -> set[int | None]:
    return set(connection.scalars(select(batches.c.window).where(batches.c.sync == sync).distinct()))


def unread_history(connection: Connection, sync: str, stream: str) -> bool:
    """Whether the stream's backfill is not read to its end; a rescan holds up nobody."""
    return any(window.purpose == "backfill" for window in in_state(connection, sync, stream, "open"))


def unfinished_history(connection: Connection, sync: str, stream: str) -> int:
    """How many windows of a backfill or a rescan are not read, or not settled, to their end."""
    found = in_state(connection, sync, stream, "open") + in_state(connection, sync, stream, "read")
    return sum(window.purpose != "recent" for window in found)


def open_count(connection: Connection, sync: str, stream: str) -> int:
    """How many of the stream's windows are still being read."""
    where = (windows.c.sync == sync) & (windows.c.stream == stream) & (windows.c.state == "open")
    return connection.scalar(select(func.count()).select_from(windows).where(where)) or 0


def forget_done(connection: Connection, sync: str) -> None:
    """Delete windows that are done with; the watermark says all that is left to know of them."""
    gone = (windows.c.sync == sync) & (windows.c.state == "done")
    names = [lease_name(key) for key in connection.scalars(select(windows.c.id).where(gone))]
    for start in range(0, len(names), 500):
        leases.forget(connection, names[start : start + 500])
    connection.execute(delete(windows).where(gone))
