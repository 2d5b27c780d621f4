"""Settling: write the intention, act, write the outcome."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection

from accord import actions, adoption, deletions, filing, holds
from accord.actions import Action
from accord.batch import Prepared, why_stop
from accord.decide import Change, Reading, decide
from accord.errors import AccordError, Refused, urgency
from accord.ledger import batches, counters, entries, inbox, links, pairs, quarantine, streams, sums
from accord.ledger.engine import Ledger
from accord.ledger.entries import Entry
from accord.ledger.links import Intent, Link
from accord.ledger.quarantine import Unsound
from accord.ports import Because, NotYet, Target
from accord.records import Kind, Leg, Record
from accord.sync import Sync

Acts = Collection[Action]

_WRITTEN = {Change.CREATE, Change.UPDATE, Change.DELETE}


class Settled(NamedTuple):
    """How many records went which way; `stopped` says why the batch was left open instead."""

    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    held: int = 0
    quarantined: int = 0
    again: int = 0
    read: int = 0
    stopped: str | None = None
    failed: AccordError | None = None  # why what is held could not be shown, where a person or time must mend it


@dataclass(slots=True)
class _Plan:
    """What one batch comes to."""

    rev: int
    resumed: bool = False  # its intentions were committed before: the checks that may stop it were passed then
    writes: list[tuple[int, Record]] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)  # unchanged, and of a kind that never changes
    holds: list[tuple[Record, str]] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    unsound: list[Unsound] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    counts: dict[Change, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)  # intended, and then not shown by the target
    waits: dict[str, NotYet] = field(default_factory=dict)  # those among them that it may show later

    def settled(self, read: int) -> Settled:
        """What became of the records of a batch that held so many."""
        changes = (Change.CREATE, Change.UPDATE, Change.DELETE, Change.SKIP)
        created, updated, deleted, unchanged = (self.counts.get(change, 0) for change in changes)
        held = len(self.holds) + sum(bool(why.waits_for) for why in self.waits.values())
        again = len(self.again) + sum(not why.waits_for for why in self.waits.values())
        counts = (created, updated, deleted, unchanged, held, len(self.unsound), again, read)
        errors = [why.error for why in self.waits.values() if why.error is not None]
        return Settled(*counts, failed=min(errors, key=urgency, default=None))

    def tell(self, why: Mapping[str, Because]) -> None:
        """Take over what the target says of how records came to be shown."""
        for number, entry in enumerate(self.entries):
            if told := why.get(entry.key):
                change = Change.CONFLICT if told.conflict else entry.change
                self.entries[number] = entry._replace(because=told.text, change=change)

    def refuse(self, why: Mapping[str, str | NotYet], raws: Mapping[str, bytes]) -> None:
        """Take back what the target did not show: what it refused is unsound, and the rest waits."""
        self.refused = {record.key for _, record in self.writes if record.source_key in why}
        self.writes = [write for write in self.writes if write[1].key not in self.refused]
        for entry in self.entries:
            self.counts[Change(entry.change)] -= entry.key in self.refused
        self.entries = [entry for entry in self.entries if entry.key not in self.refused]
        self.waits = {key: one for key, one in why.items() if isinstance(one, NotYet)}
        self.unsound += [Unsound(key, raws.get(key, b""), [one]) for key, one in why.items() if isinstance(one, str)]


def settle(
    sync: Sync,
    prepared: Prepared,
    ledger: Ledger,
    target: Target,
    run: str,
    kinds: Mapping[Kind, str],
    acts: Acts = (),
) -> Settled:
    """Bring a prepared and checked batch into the target, and delete it.

    `kinds` are those that the target shows, each with a digest of where it keeps them, as they were planned with;
    `acts` are the actions that settled records may ask for.

    Three steps, each of which may be the last before a crash: the ledger commits what is wanted, under a rev; the
    target takes it unless it shows a later rev; the ledger commits the outcome. Run again, it goes on from there.
    Where the batch looks like a broken source, its stream is stopped and nothing of it is written to the target.
    A row that the target refuses holds up no other: it goes to quarantine.
    """

    def intend(connection: Connection) -> _Plan | str | None:
        if not batches.lock(connection, prepared.id):
            return None
        # Taken first: from here on, no other worker decides about this connection's records.
        rev = counters.next_rev(connection, sync.connection)
        stream = streams.get(connection, sync.name, prepared.kind)
        if stream is not None and stream.stopped is not None:
            return stream.stopped
        if stream is not None and stream.mapping not in (None, kinds[prepared.kind]):
            raise Refused(f"where {prepared.kind} records go was changed during this run; the next one goes on")
        plan = _decide(connection, sync, prepared, rev, kinds)
        if not plan.resumed:
            first_met = _first_met(connection, sync, prepared, plan)
            stop = why_stop(prepared, first_met, stream.unsound_run if stream else 0)
            if stop is None and not prepared.lenient:
                deletes = plan.counts.get(Change.DELETE, 0)
                stop = deletions.why_not(connection, sync, prepared.kind, deletes, ledger)
            if stop is not None:
                streams.put(connection, sync.name, prepared.kind, stopped=stop)
                return stop
        # Here and not with the outcome: until then an older reading could still count.
        reading = (sync.target, sync.connection, prepared.kind, prepared.id, prepared.ticket)
        links.confirm(connection, *reading, rev, plan.confirmed)
        adoption.move_legs(connection, sync, (record for _, record in plan.writes), ledger)
        if plan.writes:
            links.intend(connection, *reading, plan.intents)
        else:
            _conclude(connection, sync, prepared, plan, ledger, run, acts)
        return plan

    plan = ledger.write(intend)
    if plan is None or isinstance(plan, str):
        return Settled(stopped=plan)
    if plan.writes:
        came = target.write(sync.connection, prepared.kind, plan.writes)
        refused = {key: one for key, one in came.items() if not isinstance(one, Because)}
        plan.refuse(refused, prepared.raw_of(refused))
        plan.tell({key: one for key, one in came.items() if isinstance(one, Because)})
        ledger.write(lambda c: _conclude(c, sync, prepared, plan, ledger, run, acts))
    return plan.settled(prepared.count)


def _decide(connection: Connection, sync: Sync, prepared: Prepared, rev: int, kinds: Collection[Kind]) -> _Plan:
    plan = _Plan(rev, again=list(prepared.again), unsound=list(prepared.unsound))
    hashes = [*prepared.hashes, *(record.fingerprint() for record in prepared.unchanged)]
    both = [*prepared.records, *prepared.unchanged]
    keys = [record.key for record in both]
    shown = links.load(connection, sync.target, sync.connection, prepared.kind, keys)
    plan.resumed = any(link.batch == prepared.id for link in shown.values())
    _recheck_unsound(connection, sync, prepared, plan)
    final = prepared.kind is Kind.LEG
    conflicts: dict[str, str] = {}
    late = quarantine.since(connection, sync.name, prepared.kind, keys, prepared.ticket)
    if prepared.looked_up != rev - 1:
        late |= adoption.adopted_meanwhile(connection, sync, prepared.records)
    plan.again += sorted(late)
    for record, hash_ in zip(both, hashes, strict=True):
        if late and record.source_key in late:
            continue
        link = shown.get(record.key)
        read = Reading(hash_, record.deleted, prepared.ticket, prepared.id, prepared.claim is not None, final)
        needs = record.needs
        lacks = needs is not None and needs.kind in kinds and needs not in prepared.facts
        change, because = decide(read, link, f"{needs.kind} {needs.key}" if needs and lacks else None)
        plan.counts[change] = plan.counts.get(change, 0) + 1
        if change in _WRITTEN:
            _write(plan, prepared, record, hash_, link, change, because)
        elif change is Change.SKIP:
            (plan.seen if final else plan.confirmed).append(record.key)
        elif change is Change.HOLD:
            plan.holds.append((record, because))
        elif change is Change.AGAIN:
            plan.again.append(record.source_key)
        elif change is Change.CONFLICT:
            conflicts[record.source_key] = because
    raws = prepared.raw_of(conflicts)
    plan.unsound += [Unsound(key, raws.get(key, b""), [because]) for key, because in conflicts.items()]
    return plan


def _recheck_unsound(connection: Connection, sync: Sync, prepared: Prepared, plan: _Plan) -> None:
    """What was read as unsound counts no more than a sound reading, where something was settled since."""
    late = _settled_since(connection, sync, prepared, plan, prepared.ticket)
    plan.unsound = [unsound for unsound in plan.unsound if unsound.key not in late]
    plan.again += sorted(late)


def _settled_since(connection: Connection, sync: Sync, prepared: Prepared, plan: _Plan, number: int) -> set[str]:
    """The unsound records that another batch has settled since the ticket or rev `number`."""
    bad = [unsound.key for unsound in plan.unsound]
    shown = links.load(connection, sync.target, sync.connection, prepared.kind, bad) if bad else {}
    return {key for key, link in shown.items() if link.batch != prepared.id and link.rev > number}


def _write(
    plan: _Plan, prepared: Prepared, record: Record, hash_: str, link: Link | None, change: Change, because: str
) -> None:
    # An interrupted intention of this batch keeps its rev, which the target may have taken already; unless the record
    # is read otherwise now, by a parser mended since: the target must then take it once more.
    same = link is not None and link.batch == prepared.id and link.wanted == hash_
    rev = link.rev if link is not None and same else plan.rev
    plan.writes.append((rev, record))
    plan.intents.append(Intent(record.key, rev, hash_, record.deleted, record.created, record.facts()))
    plan.entries.append(Entry(prepared.kind, record.key, change, because, rev))


def _conclude(
    connection: Connection, sync: Sync, prepared: Prepared, plan: _Plan, ledger: Ledger, run: str, acts: Acts
) -> None:
    """Write the outcome and delete the batch, unless another worker has done so already."""
    if not batches.remove(connection, prepared.id):
        return
    # Or another worker could take a record over between the look at what is ours and the note of its outcome.
    counters.lock(connection, sync.connection)
    kind, now = prepared.kind, ledger.now(connection)
    written = [record.key for _, record in plan.writes]
    # What a later reading has taken over meanwhile is that one's to tell and to count.
    ours = links.pending(connection, sync.target, prepared.id)
    links.refused(connection, sync.target, prepared.id, plan.refused)
    links.done(connection, sync.target, prepared.id, ours - {*written})
    told = [entry for entry in plan.entries if entry.key in ours]
    gross = _gross(record for _, record in plan.writes if record.key in ours)
    sums.add(connection, sync.target, sync.connection, gross)
    sound = written + plan.confirmed + plan.seen + [record.source_key for record, _ in plan.holds]
    quarantine.clear(connection, sync.name, kind, sound, prepared.ticket)
    newly = _keep_unsound(connection, sync, prepared, plan, ledger, now)
    refs = [(str(kind), key) for key in plan.again]
    inbox.look_again(connection, sync.name, refs, "again", "it was read while it was settled", now)
    newly += holds.hold(connection, sync, kind, plan.holds, now)
    newly += holds.wait(connection, sync, kind, plan.waits, now)
    read = (*prepared.records, *prepared.unchanged)
    if kind is Kind.DOCUMENT:
        settled = {*written, *plan.confirmed}
        filing.ask_for_files(connection, sync, [one for one in read if one.key in settled], now)
    if kind is Kind.BOOKING:
        # Seen while another worker wrote this batch once more: its writing took the sign of that away.
        unheeded = pairs.unheeded(connection, sync.name, written)
        links.differ(connection, sync.target, sync.connection, kind, unheeded)
        inbox.shown(connection, sync.name, kind, sorted({*written} & ours - unheeded))
    if acts:
        # Also what is as it was: it may have been settled before the action was declared.
        shown = ({*written} & ours) | {*plan.confirmed, *plan.seen}
        actions.want(connection, sync, acts, [one for one in read if one.key in shown], now)
    if prepared.claim is not None:
        looked_at = [record.source_key for record in read]
        looked_at += plan.again + [u.key for u in plan.unsound]
        inbox.close(connection, prepared.claim, kind, looked_at)
        unmet = inbox.unmet(connection, prepared.claim, kind)
        refs = [(str(kind), key) for key in unmet]
        inbox.look_again(connection, sync.name, refs, "unmet", "what came for it could not be told to be it", now)
        inbox.close(connection, prepared.claim, kind, unmet)
    inbox.wake(connection, sync.name, kind, written, now)
    entries.append(connection, sync.name, run, now, [*told, *newly])


def _gross(records: Iterable[Record]) -> dict[str, int]:
    """The sum of the legs among the records, by settlement currency."""
    gross: dict[str, int] = {}
    for record in records:
        if isinstance(record, Leg):
            gross[record.currency] = gross.get(record.currency, 0) + record.gross
    return gross


def _keep_unsound(
    connection: Connection, sync: Sync, prepared: Prepared, plan: _Plan, ledger: Ledger, now: float
) -> list[Entry]:
    stream = streams.get(connection, sync.name, prepared.kind)
    before = stream.unsound_run if stream else 0
    first_met = _first_met(connection, sync, prepared, plan)
    unsound_run = before + len(first_met) if len(plan.unsound) == prepared.count else 0
    if unsound_run != before:
        streams.put(connection, sync.name, prepared.kind, unsound_run=unsound_run)
    if not plan.unsound:
        return []
    # Sound by a later reading that was settled while the target was written: that one counts.
    mended = _settled_since(connection, sync, prepared, plan, plan.rev)
    unsound = [u for u in plan.unsound if u.key not in mended]
    news = quarantine.news(connection, sync.name, prepared.kind, unsound)
    quarantine.put(connection, ledger.cipher, sync.name, prepared.kind, unsound, plan.rev, now)
    return news


def _first_met(connection: Connection, sync: Sync, prepared: Prepared, plan: _Plan) -> list[Unsound]:
    """The unsound records that are not in quarantine yet."""
    known = quarantine.reasons(connection, sync.name, prepared.kind) if plan.unsound else {}
    return [unsound for unsound in plan.unsound if unsound.key not in known]
