"""Preparing a batch: raw bytes to records, once each, set against what is known of them."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec
from sqlalchemy import Connection

from accord.attribution import attribute, postings
from accord.collect import STOP_ROWS, STOP_SHARE
from accord.ledger import batches, counters, links, streams
from accord.ledger.engine import Ledger
from accord.ledger.quarantine import Unsound
from accord.ports import Parsed, Source
from accord.records import Facts, Kind, Leg, Record, Ref
from accord.sync import Sync


def _no_bytes(_: Collection[str]) -> Mapping[str, bytes]:
    return {}


class Prepared(msgspec.Struct, eq=False):
    """A batch ready to be checked and settled.

    It is passed between tasks as one opaque object: Prefect looks into dataclasses and lists for futures, which costs
    a tenth of a second for each batch.
    """

    id: int
    kind: Kind
    ticket: int
    claim: str | None
    records: list[Record] = msgspec.field(default_factory=list)  # changed or new: these are to be checked
    hashes: list[str] = msgspec.field(default_factory=list)  # of `records`, by position
    unchanged: list[Record] = msgspec.field(default_factory=list)
    unsound: list[Unsound] = msgspec.field(default_factory=list)
    again: list[str] = msgspec.field(default_factory=list)  # keys that one batch read twice, differently
    facts: dict[Ref, Facts] = msgspec.field(default_factory=dict)
    looked_up: int = 0  # the counter as it stood before the facts were
    lenient: bool = False
    raw_of: Callable[[Collection[str]], Mapping[str, bytes]] = _no_bytes
    """The bytes of records by their keys, taken once more from the pages: few are ever asked for."""

    def __repr__(self) -> str:
        """Without the records, which are other people's data."""
        return f"<Prepared batch {self.id} of {self.kind}>"

    @property
    def count(self) -> int:
        """How many records the batch holds."""
        return len(self.records) + len(self.unchanged) + len(self.unsound) + len(self.again)

    def reject(self, reasons: Mapping[int, list[str]]) -> None:
        """Move the records at these positions to the unsound, each with its reasons; legs of one movement together."""
        rejected: dict[str, list[str]] = {}
        for position, why in sorted(reasons.items()):
            rejected.setdefault(self.records[position].source_key, []).extend(why)
        raws = self.raw_of(rejected)
        self.unsound += [Unsound(key, raws.get(key, b""), why) for key, why in rejected.items()]
        kept = [position for position, record in enumerate(self.records) if record.source_key not in rejected]
        self.records = [self.records[position] for position in kept]
        self.hashes = [self.hashes[position] for position in kept]


def prepare(sync: Sync, batch_id: int, source: Source, ledger: Ledger, kinds: Collection[Kind]) -> Prepared | None:
    """Load a batch and set its records against the ledger; None where it is settled, or its stream stopped."""

    def load(connection: Connection) -> tuple[batches.Batch, bool] | None:
        batch = batches.load(connection, ledger.cipher, sync.name, batch_id)
        row = None if batch is None else streams.get(connection, sync.name, batch.stream)
        if batch is None or (row is not None and row.stopped is not None):
            return None
        return batch, row is not None and row.lenient

    loaded = ledger.read(load)
    if loaded is None:
        return None
    batch, lenient = loaded
    kind = Kind(batch.stream)
    prepared = Prepared(batch.id, kind, batch.ticket, batch.claim, lenient=lenient, raw_of=_finder(batch, kind, source))
    once = _once(prepared, _parsed(batch, kind, source))
    ledger.read(lambda c: _look_up(c, sync, prepared, once.values(), kinds))
    if kind is Kind.LEG:
        once = _posted(sync, ledger, prepared, once)
    shown = ledger.read(lambda c: links.load(c, sync.target, sync.connection, kind, once))
    for key, record in once.items():
        hash_, link = record.fingerprint(), shown.get(key)
        if link is not None and link.state == "done" and link.hash == hash_:
            prepared.unchanged.append(record)
        else:
            prepared.records.append(record)
            prepared.hashes.append(hash_)
    return prepared


def _finder(batch: batches.Batch, kind: Kind, source: Source) -> Callable[[Collection[str]], Mapping[str, bytes]]:
    def find(keys: Collection[str]) -> Mapping[str, bytes]:
        parsed = (one for page in batch.pages for one in source.records(kind, page)) if keys else ()
        return {one.key: one.raw for one in parsed if one.key in keys}

    return find


def _parsed(batch: batches.Batch, kind: Kind, source: Source) -> Iterable[Parsed]:
    for page in batch.pages:
        yield from source.records(kind, page)
    for key in batch.gone:
        yield Parsed(key, b"", source.tombstone(kind, key), None)


def _once(prepared: Prepared, parsed: Iterable[Parsed]) -> dict[str, Record]:
    """Each record once; one that the batch holds twice with different content is to be fetched alone."""
    once: dict[str, Record] = {}
    differing: set[str] = set()
    for one in parsed:
        if one.record is None:
            prepared.unsound.append(Unsound(one.key, one.raw, [one.unsound or "it could not be read"]))
        elif one.key in once and once[one.key] != one.record:
            differing.add(one.key)
        else:
            once[one.key] = one.record
    unsound = {bad.key: bad for bad in prepared.unsound}
    differing |= once.keys() & unsound.keys()
    for key in differing:
        once.pop(key, None)
    prepared.unsound = [bad for bad in unsound.values() if bad.key not in differing]
    prepared.again = sorted(differing)
    return once


def _posted(sync: Sync, ledger: Ledger, prepared: Prepared, once: Mapping[str, Record]) -> dict[str, Record]:
    """Each leg with the account that it is in; and the two that move it, where that is another one by now."""
    # Also of those with an intention only: the target may have taken it.
    before = ledger.read(lambda c: links.facts(c, sync.connection, Kind.LEG, once))
    posted: dict[str, Record] = {}
    for key, record in once.items():
        if isinstance(record, Leg):
            legs = postings(attribute(record, prepared.facts.get), before.get(key))
            posted.update((leg.key, leg) for leg in legs)
    return posted


def _look_up(
    connection: Connection, sync: Sync, prepared: Prepared, records: Iterable[Record], kinds: Collection[Kind]
) -> None:
    """Fill in the facts of the parents that the target shows already."""
    prepared.looked_up = counters.ticket(connection, sync.connection)
    wanted: dict[Kind, set[str]] = {}
    for record in records:
        needs = record.needs
        if needs is not None and needs.kind in kinds:
            wanted.setdefault(needs.kind, set()).add(needs.key)
    for kind, keys in wanted.items():
        found = links.known(connection, sync.target, sync.connection, kind, keys)
        prepared.facts.update({Ref(kind, key): facts for key, facts in found.items()})
    # A leg's source may be a refund or a dispute: who paid is then known by the payment behind it.
    behind = {str(facts["payment"]) for facts in prepared.facts.values() if facts.get("payment")}
    found = links.known(connection, sync.target, sync.connection, Kind.PAYMENT, behind) if behind else {}
    prepared.facts.update({Ref(Kind.PAYMENT, key): facts for key, facts in found.items()})


def why_stop(prepared: Prepared, unsound: Collection[Unsound], run_before: int) -> str | None:
    """Why this batch looks like a broken source rather than like bad records; None where it does not.

    `unsound` are those met for the first time: one bad record that is met again and again is no sign of a broken
    source. `run_before` is the number of unsound records at the end of the stream's earlier batches.
    """
    bad, total = len(unsound), prepared.count
    if prepared.lenient or not bad:
        return None
    common = Counter(why for one in unsound for why in one.reasons).most_common(1)[0][0]
    if bad > STOP_ROWS and bad > STOP_SHARE * total:
        return f"{bad} of {total} {prepared.kind} records are unsound; most often: {common}"
    if len(prepared.unsound) == total and run_before + bad >= STOP_ROWS:
        return f"the last {run_before + bad} {prepared.kind} records are all unsound; most often: {common}"
    return None
