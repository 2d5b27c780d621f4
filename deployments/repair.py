"""What a person does about records and streams that need one: resume, quarantine, explain."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from rich.table import Table
from sqlalchemy import Connection

from accord import settings
from accord.errors import Misconfigured
from accord.ledger import calendars, entries, inbox, links, quarantine, streams
from accord.ledger.engine import Ledger
from accord.records import Kind
from accord.sync import EVENT, connection_of
from deployments import show

T = TypeVar("T")


def resume(name: str | None, lenient: bool, reread: bool, as_json: bool) -> int:
    """Release a stopped stream or a paused calendar, or list those that are; 1 while any is.

    With `reread`, what waits of the stream, stopped or not, is thrown away and read again.
    """
    ledger = settings.current_ledger()
    if name is None:
        stopped = ledger.read(streams.all_stopped) + ledger.read(calendars.all_paused)
        if as_json:
            print(json.dumps([{"stream": f"{sync}:{stream}", "why": why} for sync, stream, why in stopped], indent=2))
        else:
            lines = [f"{sync}:{stream}  {why}" for sync, stream, why in stopped]
            print("\n".join(lines) or "no stream is stopped")
        return 1 if stopped else 0
    sync, _, stream = name.partition(":")
    released = ledger.write(lambda c: _release(c, sync, stream, lenient, ledger.now(c)))
    thrown = ledger.write(lambda c: streams.read_again(c, sync, stream)) if reread else 0
    if not released and not thrown:
        raise Misconfigured(f"no stream named {name} is stopped; accord resume lists those that are")
    if as_json:
        print(json.dumps({"stream": name, "released": released, "batches_thrown_away": thrown}, indent=2))
        return 0
    waits = f"reads again what {thrown} batches held" if reread else "settles what waits"
    print(f"{name} is released; its next run {waits}")
    return 0


def _release(connection: Connection, sync: str, stream: str, lenient: bool, now: float) -> bool:
    if "/" not in stream:
        return streams.release(connection, sync, stream, lenient)
    inbox.wake(connection, sync, "calendar", [stream], now)  # the bookings that wait for it
    return calendars.release(connection, sync, stream, lenient)


def quarantined(action: str, ids: Sequence[int], as_json: bool) -> int:
    """List, show, retry, accept or drop records in quarantine; listing gives 1 while there are any."""
    if (action == "list" and ids) or (action in ("show", "accept", "drop") and not ids):
        raise Misconfigured(f"accord quarantine {action} takes {'no numbers' if ids else 'the numbers of records'}")
    ledger = settings.current_ledger()
    if action == "list":
        return _list(ledger, as_json)
    if action == "show":
        for row_id in ids:
            body = ledger.read(partial(quarantine.body, cipher=ledger.cipher, row_id=row_id))
            print(_existing(row_id, body).decode(errors="replace"))
        return 0
    if action == "retry":
        ledger.write(partial(_retry, now=ledger.clock.now(), ids=ids))
        print("to be fetched again by the next run")
        return 0
    act, done = {"drop": (_drop, "dropped"), "accept": (_accept, "to be shown again by the next run:")}[action]
    for row_id in ids:
        ledger.write(partial(act, now=ledger.clock.now(), row_id=row_id))
    print(f"{done} {len(ids)}")
    return 0


def _existing(row_id: int, found: T | None) -> T:
    if found is None:
        raise Misconfigured(f"there is no number {row_id} in quarantine; accord quarantine list shows what is there")
    return found


def _list(ledger: Ledger, as_json: bool) -> int:
    rows = ledger.read(quarantine.listed)
    if as_json:
        print(json.dumps([row._asdict() for row in rows], indent=2))
        return 1 if rows else 0
    if not rows:
        print("the quarantine is empty")
        return 0
    table = Table(caption="accord quarantine show|retry|accept|drop NUMBER", caption_justify="left")
    for name in ("number", "kind", "record", "since", "why"):
        table.add_column(name, no_wrap=name != "why", min_width=30 if name == "why" else None, overflow="fold")
    for row in rows:
        since = datetime.fromtimestamp(row.created_at, UTC).strftime("%Y-%m-%d %H:%M")
        table.add_row(str(row.id), row.kind, show.plain(row.key), since, show.plain("; ".join(row.reasons)))
    show.console().print(table)
    return 1


def _retry(connection: Connection, now: float, ids: Sequence[int]) -> None:
    rows = {row.id: row for row in quarantine.listed(connection)}
    for row_id in ids or rows:
        row = _existing(row_id, rows.get(row_id))
        if row.kind == EVENT:
            # Any record may be the one that it speaks of: the next run reads them all again.
            quarantine.drop(connection, row_id)
            streams.doubt(connection, row.sync, [kind for kind in Kind if kind is not Kind.LEG])
        else:
            inbox.look_again(connection, row.sync, [(row.kind, row.key)], "retry", "a person asked for it", now)


def _accept(connection: Connection, now: float, row_id: int) -> None:
    """A record is there again that the source had deleted: a person says that this is so."""
    row = _existing(row_id, {row.id: row for row in quarantine.listed(connection)}.get(row_id))
    if row.kind == Kind.LEG or not links.revive(connection, connection_of(row.sync), row.kind, row.key):
        raise Misconfigured(f"number {row_id} is no record that was deleted; accord quarantine retry has it read again")
    accepted = entries.Entry(row.kind, row.key, "accept", "a person says that it is there again", None)
    entries.append(connection, row.sync, "accord quarantine accept", now, [accepted])
    inbox.look_again(connection, row.sync, [(row.kind, row.key)], "retry", "a person asked for it", now)


def _drop(connection: Connection, now: float, row_id: int) -> None:
    sync, kind, key = _existing(row_id, quarantine.drop(connection, row_id))
    dropped = entries.Entry(kind, key, "drop", "a person gave it up", None)
    entries.append(connection, sync, "accord quarantine drop", now, [dropped])


def explain(key: str, as_json: bool) -> int:
    """Print all that was done to a record, oldest first."""
    ledger = settings.current_ledger()
    story = ledger.read(partial(entries.story, key=key))
    waiting = [row for row in ledger.read(quarantine.listed) if row.key == key]
    if not story and not waiting:
        raise Misconfigured(f"the ledger has never met a record {key}")
    if as_json:
        print(json.dumps([entry._asdict() for entry in story], indent=2))
        return 0
    table = Table(title=show.plain(f"The story of {key}"), title_justify="left")
    for name in ("when (UTC)", "kind", "change", "because", "rev", "run"):
        table.add_column(name)
    for entry in story:
        when = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        because, run = show.plain(entry.because), show.plain(entry.run)
        table.add_row(when, entry.kind, entry.change, because, str(entry.rev or ""), run)
    console = show.console()
    console.print(table)
    for row in waiting:
        console.print(show.plain(f"in quarantine as number {row.id}: {'; '.join(row.reasons)}"))
    return 0
