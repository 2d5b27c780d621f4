"""Planted bugs: each must be caught under the faults that show it, and the right code must stay clean under the same.

Where another layer of defence would hide a bug, the profile or the bug itself switches that layer off, and says so.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import msgspec
import schedule
import workers
from databases import SOURCE, SYNC
from greenlet import getcurrent
from planted import Mutant, register
from profiles import (
    ADOPTED,
    BROKEN,
    BUSY,
    CHARGED,
    DELETES,
    DOUBTS,
    FLIPS,
    GAP,
    GARBLED,
    HIDDEN,
    KILLS,
    LATE,
    LONG,
    POISON,
    REMAPPED,
    REPELS,
    RESCANS,
    SOME_GARBLED,
    STOPS,
    STUCK,
    TAKEN,
    TIES,
)
from schedule import Patch
from sqlalchemy import update

from accord import adoption, batch, collect, fetch, holds, plan, settle
from accord.ledger import batches, counters, inbox, leases, links, quarantine, streams, sums
from accord.ledger.dialect import upsert
from accord.ledger.schema import inbox as inbox_table
from accord.ledger.schema import leases as leases_table
from accord.records import Kind
from accord.systems.accounts import Accounts

MUTANTS: dict[str, Mutant] = {}
_planted = partial(register, MUTANTS)


@_planted(KILLS, "F1", "S4")
def cursor_first() -> list[Patch]:
    """The place is stored before what was read up to it."""
    real = collect.Collector._store

    def store(self: Any, window: Any, token: int, ticket: int, reading: Any) -> None:
        def place(c: Any) -> None:
            streams.advance(c, window, reading.place, reading.hi, reading.finished)
            if reading.finished and window.purpose == "recent":
                streams.put(c, SYNC, window.stream, watermark=reading.hi)

        me: Any = getcurrent()
        fence, me.fence = me.fence, None  # found by what is lost, not by the lease
        self.ledger.write(place)
        me.fence = fence
        real(self, window, token, ticket, reading)

    return [(collect.Collector, "_store", store)]


def _finished_when(early: Callable[[Any, Any], bool]) -> list[Patch]:
    real = collect.Collector._store

    def store(self: Any, window: Any, token: int, ticket: int, reading: Any) -> None:
        reading.finished = reading.finished or early(window, reading)
        real(self, window, token, ticket, reading)

    return [(collect.Collector, "_store", store)]


@_planted(BUSY, "F1", "S4")
def newest_first_cursor() -> list[Patch]:
    """The watermark goes to the newest second once the first batch is stored, though older ones are still to come."""
    return _finished_when(lambda window, reading: window.purpose == "recent")


@_planted(BROKEN, "F1", "S4")
def watermark_on_partial() -> list[Patch]:
    """A reading that was broken off counts as finished."""
    return _finished_when(lambda window, reading: reading.failed is not None)


@_planted(KILLS, "liveness")
def orphan_batch() -> list[Patch]:
    """A run settles the batches that it stored itself, not those that a dead one left."""
    real = workers.SimSteps.open_batches

    def own(self: Any, stream: str) -> list[int]:
        last = self.__dict__.setdefault("before", {})
        found = real(self, stream)
        return [number for number in found if number > last.setdefault(stream, max(found, default=0))]

    begin = workers.SimSteps.plan

    def planned(self: Any) -> None:
        for stream in Kind:
            own(self, stream)
        begin(self)

    return [(workers.SimSteps, "open_batches", own), (workers.SimSteps, "plan", planned)]


def _deciding(change: Callable[[Any, Any], tuple[Any, Any]]) -> list[Patch]:
    real = settle.decide
    return [(settle, "decide", lambda read, link, waits: real(*change(read, link), waits))]


@_planted(RESCANS, "F1")
def stale_page() -> list[Patch]:
    """What a list shows counts, whatever was settled since it was asked for."""
    return _deciding(lambda read, link: (read if read.alone else read._replace(ticket=10**9), link))


@_planted(FLIPS, "F1")
def skip_without_rev() -> list[Patch]:
    """A reading that finds nothing new takes no rev, so an older one still counts after it (A, B, A)."""
    return [(links, "confirm", lambda *_: None)]


def _no_rev_guard() -> list[Patch]:
    return _deciding(lambda read, link: (read._replace(ticket=10**9), link))


def _no_target_guard() -> list[Patch]:
    real, revs = Accounts.write, itertools.count(10**6)

    def write(self: Any, connection: str, kind: Kind, rows: Any) -> Any:
        return real(self, connection, kind, [(next(revs), record) for _, record in rows])

    return [(Accounts, "write", write)]


@_planted(FLIPS, "F1")
def drop_rev_guard() -> list[Patch]:
    """Whatever was read counts, however long ago."""
    return _no_rev_guard()


@_planted(FLIPS, "F1")
def no_target_guard() -> list[Patch]:
    """The target takes what it is given, also from a worker that slept."""
    return _no_target_guard()


@_planted(FLIPS, "F1")
def blind_upsert() -> list[Patch]:
    """Neither the ledger nor the target looks whether something newer is there."""
    return _no_rev_guard() + _no_target_guard()


@_planted(TAKEN, "S5")
def no_fence() -> list[Patch]:
    """A worker stores what it read although another has taken over its lease."""

    def release(connection: Any, name: str, token: int) -> None:
        connection.execute(update(leases_table).where(leases_table.c.name == name).values(expires_at=0))

    return [(leases, "release", release)]


@_planted(LATE, "F1", "S4", "liveness")
def leg_by_event() -> list[Patch]:
    """Legs are keyed by what brought them, not by the balance transaction."""
    real = batch.prepare

    def prepare(*given: Any) -> Any:
        prepared = real(*given)
        if prepared is not None and prepared.kind is Kind.LEG:
            legs = [msgspec.structs.replace(leg, key=f"{leg.key}-{prepared.ticket}") for leg in prepared.records]
            prepared.records, prepared.hashes = legs, [leg.fingerprint() for leg in legs]
        return prepared

    return [(batch, "prepare", prepare)]


@_planted(DOUBTS, "F1")
def double_leg() -> list[Patch]:
    """The target books a leg each time that it is written."""
    real = Accounts.write

    def write(self: Any, connection: str, kind: Kind, rows: Any) -> Any:
        if kind is Kind.LEG:
            there = {key for key, _, _ in self.read(connection, kind)}
            rows = [
                (rev, msgspec.structs.replace(leg, key=f"{leg.key}-again") if leg.key in there else leg)
                for rev, leg in rows
            ]
        return real(self, connection, kind, rows)

    return [(Accounts, "write", write)]


@_planted(LATE, "F1", "S4")
def no_overlap() -> list[Patch]:
    """The watermark goes up to now, and passes what is not visible yet."""
    return [(schedule.Schedule, "lag", lambda self: 0), (plan, "AHEAD", 0)]


@_planted(DELETES, "S2")
def no_tombstone() -> list[Patch]:
    """A list that still shows what was deleted brings it back."""
    return _deciding(lambda read, link: (read, link and link._replace(deleted=False)))


@_planted(STOPS, "F1")
def stop_forgets_batch() -> list[Patch]:
    """A batch that stops its stream is thrown away."""
    real = settle.settle

    def settled(sync: Any, prepared: Any, ledger: Any, *given: Any) -> Any:
        outcome = real(sync, prepared, ledger, *given)
        if outcome.stopped is not None:
            ledger.write(lambda c: batches.remove(c, prepared.id))
        return outcome

    return [(settle, "settle", settled)]


@_planted(FLIPS, "F1")
def close_late_hints() -> list[Patch]:
    """Settling a record closes every hint on it, also one that came after the record was fetched."""
    table = inbox_table.c

    def close(connection: Any, claim: str, kind: str, keys: Any) -> None:
        for key in keys:
            where = (table.kind == kind) & (table.key == key)
            connection.execute(update(inbox_table).where(where).values(state="done", attempts=0))

    return [(inbox, "close", close)]


@_planted(POISON, "F1", "F7")
def quarantine_by_ticket() -> list[Patch]:
    """What is unsound is kept under the ticket of its reading: a sound reading of the same ticket, though it is
    older, clears it."""
    put = settle._keep_unsound

    def keep(connection: Any, sync: Any, prepared: Any, plan: Any, *given: Any) -> Any:
        return put(connection, sync, prepared, replace(plan, rev=prepared.ticket), *given)

    return [(settle, "_keep_unsound", keep), (quarantine, "since", lambda *_: set())]


@_planted(LATE, "S4", "F1")
def hold_forgotten() -> list[Patch]:
    """A record that waits for another is not looked at again."""
    return [(holds, "hold", lambda *_: [])]


@_planted(HIDDEN, "F7")
def sweep_unconfirmed() -> list[Patch]:
    """What a rescan does not meet counts as deleted, without asking for it."""
    real = inbox.look_again

    def look_again(connection: Any, sync: str, refs: Any, event: str, *given: Any) -> None:
        refs = list(refs)
        if event != "unseen":
            return real(connection, sync, refs, event, *given)
        for kind, key in refs:
            if kind == Kind.CUSTOMER:
                sealed = batches.seal(schedule.databases().cipher, sync, kind, [], [key], 1)
                batches.add(connection, sync, kind, sealed, counters.ticket(connection, SOURCE), 0.0)
        return None

    return [(inbox, "look_again", look_again)]


@_planted(LATE, "S3")
def inbox_dedupe_missing() -> list[Patch]:
    """An event that is read again is dealt with again."""

    def receive(connection: Any, sync: str, hints: Any, now: float) -> int:
        rows = [
            {"sync": sync, "event": h.event, "kind": h.kind, "key": h.key, "due_at": now, "received_at": now}
            for h in hints
        ]
        new = upsert(connection, inbox_table).values(state="new")
        same = [inbox_table.c.sync, inbox_table.c.event, inbox_table.c.kind, inbox_table.c.key]
        if rows:
            connection.execute(new.on_conflict_do_update(index_elements=same, set_={"state": "new"}), rows)
        return len(rows)

    return [(inbox, "receive", receive)]


@_planted(FLIPS, "F1")
def ticket_after() -> list[Patch]:
    """The ticket is noted when what was read is stored, not before it was asked for."""
    real = collect.Collector._store_fetched

    def store(self: Any, claim: str, kind: Kind, answers: Any, ticket: int) -> None:
        now = self.ledger.read(lambda c: counters.ticket(c, self.sync.connection))
        real(self, claim, kind, answers, now)

    return [(collect.Collector, "_store_fetched", store)]


@_planted(TIES, "F1")
def reopen_gap() -> list[Patch]:
    """Where the object that marks the place is gone, the others of its second are passed over."""
    real = collect.second_left
    return [(collect, "second_left", lambda window, reading: (real(window, reading) or 1) - 1)]


@_planted(LONG, "F1")
def split_gap() -> list[Patch]:
    """A window that is shared keeps its newer half, and nobody gets the older one."""

    def split(connection: Any, sync: str, window: Any, place_created: int) -> None:
        with mock.patch.object(streams, "plan"):
            _split(connection, sync, window, place_created)

    _split = streams.split
    return [(streams, "split", split)]


@_planted(LONG, "F1")
def early_forgotten() -> list[Patch]:
    """What is older than where the list of the last kind begins is read of no kind."""
    real = streams.plan

    def plan_(connection: Any, sync: str, stream: str, purpose: str, spans: Any, ticket: int) -> None:
        whole = purpose == "backfill" and len(spans) > 1  # not a window that is shared
        real(connection, sync, stream, purpose, spans[1:] if whole else spans, ticket)

    return [(streams, "plan", plan_)]


@_planted(replace(DELETES, modes=("changes",)), "F1")
def gone_ignored() -> list[Patch]:
    """An object that the source does not know any more is not told of."""
    real = collect.Collector._store_fetched

    def store(self: Any, claim: str, kind: Kind, answers: Any, ticket: int) -> None:
        gone = [key for key, answer in answers.items() if answer is None]
        self.ledger.write(lambda c: inbox.close(c, claim, kind, gone))
        real(self, claim, kind, {key: one for key, one in answers.items() if one is not None}, ticket)

    return [(collect.Collector, "_store_fetched", store)]


@_planted(GAP, "F1")
def gap_ignored() -> list[Patch]:
    """After an outage longer than events live, only the events that are left are read; nor does a turn of the rescan
    make up for it."""
    return [
        (workers.SimSource, "discovery", replace(workers.SimSource.discovery, events=10**9)),
        (plan, "OVERDUE", 10**9),
    ]


@_planted(KILLS, "F1")
def outcome_before_act() -> list[Patch]:
    """The ledger says that it is done before the target was written."""
    real = settle.settle

    def settled(sync: Any, prepared: Any, ledger: Any, target: Any, *given: Any) -> Any:
        late = mock.Mock()
        late.write.return_value = {}
        outcome = real(sync, prepared, ledger, late, *given)
        for call in late.write.call_args_list:
            target.write(*call.args)
        return outcome

    return [(settle, "settle", settled)]


@_planted(GARBLED, "F1")
def garbled_forgotten() -> list[Patch]:
    """Events that can not be read are passed over, and nobody reads again what they may have spoken of."""
    return [(streams, "doubt", lambda *given: None)]


@_planted(ADOPTED, "F1")
def adopted_ignored() -> list[Patch]:
    """A guest's payment gets a customer, and its money stays where it was."""
    return [(adoption, "move_legs", lambda *given: None)]


@_planted(ADOPTED, "F1")
def adopted_meanwhile() -> list[Patch]:
    """A leg is put into the account that was right when its batch was prepared."""
    return [(adoption, "adopted_meanwhile", lambda *given: set())]


@_planted(REPELS, "F7")
def refusal_holds_up() -> list[Patch]:
    """A row that the target refuses takes with it those that are written at the same time."""
    real = Accounts._write_singly

    def singly(self: Any, c: Any, shelf: Any, connection: str, kind: Kind, rows: Any) -> Any:
        refused = real(self, c, shelf, connection, kind, rows)
        return dict.fromkeys((record.source_key for _, record in rows), next(iter(refused.values())))

    return [(Accounts, "_write_singly", singly)]


@_planted(STUCK, "F1")
def postpone_forgets() -> list[Patch]:
    """A record that could not be fetched is given up."""

    def postpone(connection: Any, claim: str, refs: Any, *given: Any) -> None:
        for kind, key in refs:
            inbox.close(connection, claim, kind, [key])

    return [(inbox, "postpone", postpone)]


@_planted(CHARGED, "F1")
def listed_before() -> list[Patch]:
    """Of single records, what a list showed before they were asked for counts as well."""
    real, shown = fetch.Fetcher._listed, dict[tuple[str, str], bytes]()

    def listed(self: Any, kind: Kind, keys: Any) -> dict[str, bytes]:
        known = {key: shown[kind, key] for key in keys if (kind, key) in shown}
        found = real(self, kind, [key for key in keys if key not in known])
        shown.update(((kind, key), body) for key, body in found.items())
        return known | found

    return [(fetch.Fetcher, "_listed", listed)]


@_planted(replace(DELETES, modes=("changes",), mutate=0.3), "F1", "F7")
def listed_deleted() -> list[Patch]:
    """Single records are taken from a list also of a kind of which it goes on showing what was deleted."""
    found = workers.SimSource.discovery
    return [(workers.SimSource, "discovery", replace(found, listed=found.listed | {Kind.CUSTOMER}))]


@_planted(SOME_GARBLED, "F1", "S4")
def garbled_takes_page() -> list[Patch]:
    """An event that can not be read takes with it those on the same page."""
    real = collect.Collector._take

    def take(self: Any, window: Any, reading: Any, page: Any) -> None:
        before, bad = list(reading.hints), len(reading.unreadable)
        real(self, window, reading, page)
        if len(reading.unreadable) > bad:
            reading.hints[:] = before

    return [(collect.Collector, "_take", take)]


@_planted(REMAPPED, "F1")
def unmapped_forgotten() -> list[Patch]:
    """What changed of a kind while the mapping left it out is not read again."""
    return [(streams, "leave_out", lambda *given: None)]


@_planted(KILLS, "F3")
def counted_early() -> list[Patch]:
    """Legs are counted with each intention to show them, not once with the outcome."""
    decide, add = settle._decide, sums.add

    def decided(connection: Any, sync: Any, *given: Any) -> Any:
        plan_ = decide(connection, sync, *given)
        add(connection, sync.target, sync.connection, settle._gross(record for _, record in plan_.writes))
        return plan_

    return [(settle, "_decide", decided), (sums, "add", lambda *given: None)]
