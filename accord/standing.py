"""How a sync stands by the ledger alone: what its target shows of what was read, and what waits."""

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import Connection

from accord.ledger import batches, calendars, inbox, links, pairs, quarantine, streams
from accord.ledger.engine import Ledger
from accord.ledger.quarantine import Kept
from accord.records import PARENTS_FIRST, Kind
from accord.sync import EVENT, Sync


class Oldest(NamedTuple):
    """What the two sides have disagreed on for longest, and since when (Unix seconds)."""

    since: float
    what: str


class Standing(NamedTuple):
    """Where a sync stands; counts are of records unless they say otherwise."""

    records: int  # live ones, those among them that never reached the target
    agreeing: int  # shown as they were last read
    quarantined: int
    held: int  # wait for another record
    waiting: int  # hints that a record may have changed, without those on held ones
    sending: int  # written without an outcome yet
    conflicts: int  # wait for a person to say which side counts
    unsettled: int  # read, and in batches that wait to be settled
    unread: int  # stretches of history that are not read and settled to their end, and kinds to be read again
    stopped: dict[str, str]  # stream or calendar -> why
    read_until: int | None  # everything created before this second has been read
    oldest: Oldest | None

    @property
    def share(self) -> float:
        """The share of records that the target shows as they were last read; 1 where there are none."""
        return self.agreeing / self.records if self.records else 1.0

    @property
    def agreed(self) -> bool:
        """Whether the target shows all that was read, and nothing waits."""
        waits = self.quarantined or self.held or self.waiting or self.sending or self.unsettled or self.unread
        waits = waits or self.conflicts
        return self.read_until is not None and not waits and not self.stopped


def stand(ledger: Ledger, sync: Sync) -> Standing:
    """Look how a sync stands, in one transaction that only reads."""
    return ledger.read(lambda c: _stand(c, sync))


def read_until(c: Connection, sync: str) -> int | None:
    """The second up to which all that is new was read; None where nothing was.

    That is what the streams say of which every run reads what is new: the events, and the legs, of which there are no
    events; or the lists of all kinds, where a source tells of no events.
    """
    follows = (EVENT, Kind.LEG) if streams.get(c, sync, EVENT) is not None else PARENTS_FIRST
    marks = [row.watermark for stream in follows if (row := streams.get(c, sync, stream)) is not None]
    return min((mark for mark in marks if mark >= 0), default=None)


def known(ledger: Ledger) -> list[str]:
    """The names of all syncs that were ever planned."""
    return ledger.read(streams.syncs)


def _stand(c: Connection, sync: Sync) -> Standing:
    kept = quarantine.listed(c, sync.name)
    held = inbox.held_refs(c, sync.name)
    sending = links.sending_refs(c, sync.target, sync.connection)
    conflicts = pairs.conflicting(c, sync.name)
    off = {(one.kind, one.key) for one in kept} | held | sending | {(str(Kind.BOOKING), key) for key, *_ in conflicts}
    never_shown = len(off) - links.live_among(c, sync.connection, off)
    records = links.live_records(c, sync.connection, sync.name) + never_shown
    return Standing(
        records=records,
        agreeing=records - len(off),
        quarantined=len(kept),
        held=len(held),
        waiting=inbox.waiting(c, sync.name) - len(held),
        sending=len(sending),
        conflicts=len(conflicts),
        unsettled=batches.unsettled(c, sync.name),
        unread=streams.doubted(c, sync.name)
        + sum(streams.unfinished_history(c, sync.name, kind) for kind in PARENTS_FIRST),
        stopped=streams.stopped(c, sync.name) | paused(c, sync.name),
        read_until=read_until(c, sync.name),
        oldest=min(_waiting(c, sync.name, kept), default=None),
    )


def paused(c: Connection, sync: str) -> dict[str, str]:
    """The calendars that nobody listens to, by name, each with the reason."""
    return {str(seat): why for seat, why in calendars.paused(c, sync).items()}


def _waiting(c: Connection, sync: str, kept: list[Kept]) -> Iterator[Oldest]:
    """The oldest of each sort of what waits."""
    if kept:
        first = min(kept, key=lambda one: one.created_at)
        yield Oldest(first.created_at, f"{first.kind} {first.key} is in quarantine: {'; '.join(first.reasons)}")
    for key, since, why in pairs.conflicting(c, sync):
        yield Oldest(since, f"booking {key} is in conflict: {why}")
    hint = inbox.oldest(c, sync)
    if hint is not None:
        why = f"waits for {hint.waits_for}" if hint.waits_for else "is to be looked at again"
        yield Oldest(hint.received_at, f"{hint.kind} {hint.key} {why}")
    batch = batches.oldest(c, sync)
    if batch is not None:
        yield Oldest(batch.created_at, f"{batch.size} {batch.stream} records are read and not settled")
