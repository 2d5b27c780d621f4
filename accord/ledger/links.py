"""Records and links: what the source showed when it was last accepted, and what the target shows of it."""

from collections.abc import Collection, Iterable, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, func, or_, select, update

from accord.ledger.dialect import among, put
from accord.ledger.schema import links, records, streams
from accord.records import Facts, Kind


class Link(NamedTuple):
    """A record's twin in one target: its state, and what is known of the record itself."""

    key: str
    state: str
    rev: int
    hash: str | None
    wanted: str
    batch: int
    deleted: bool


class Intent(NamedTuple):
    """What is about to be written to the target for one record."""

    key: str
    rev: int
    hash: str
    deleted: bool
    position: int
    facts: Facts


def load(connection: Connection, target: str, source: str, kind: str, keys: Collection[str]) -> dict[str, Link]:
    """The links of these records, by key; a record never seen is missing."""
    found = _linked(connection, target, source, kind, keys) if keys else []
    deleted = _deleted(connection, source, kind, [row[0] for row in found]) if found else set()
    return {row[0]: Link(*(*row, row[0] in deleted)) for row in found}


def _linked(connection: Connection, target: str, source: str, kind: str, keys: Collection[str]) -> Sequence[Any]:
    there = links.c
    columns = select(there.key, there.state, there.rev, there.hash, there.wanted, there.batch)
    rows = columns.where(there.target == target, there.connection == source, there.kind == kind)
    return connection.execute(rows.where(among(connection, there.key, keys))).all()


def known(connection: Connection, target: str, source: str, kind: str, keys: Collection[str]) -> dict[str, Facts]:
    """The facts of those records that the target has been shown already, by key."""
    return facts(connection, source, kind, _shown(connection, target, source, kind, keys)) if keys else {}


def _shown(connection: Connection, target: str, source: str, kind: str, keys: Collection[str]) -> list[str]:
    there = links.c
    rows = select(there.key).where(there.target == target, there.connection == source, there.kind == kind)
    return list(connection.scalars(rows.where(there.hash.is_not(None), among(connection, there.key, keys))))


def legs_in(connection: Connection, source: str, account: str, payments: Collection[str]) -> list[str]:
    """The keys of the legs of these payments that were put into an account when they were first shown."""
    # Facts are no index: all legs of the account are looked through, which is done only when a payment changes hands.
    there = (records.c.connection == source) & (records.c.kind == Kind.LEG)
    in_account = records.c.facts.contains(f'"account":"{account}"', autoescape=True)
    found = connection.execute(select(records.c.key, records.c.facts).where(there, in_account))
    return [key for key, facts in found if msgspec.json.decode(facts)["payment"] in payments]


def facts(connection: Connection, source: str, kind: str, keys: Collection[str]) -> dict[str, Facts]:
    """What is known of these records since they were first intended to be shown, by key."""
    found = _facts(connection, source, kind, keys) if keys else []
    return {key: msgspec.json.decode(value) for key, value in found}


def accepted(connection: Connection, source: str, kind: str) -> list[tuple[str, bool, Facts]]:
    """Every record of a kind that was ever accepted: its key, whether it is deleted, its facts."""
    there = (records.c.connection == source) & (records.c.kind == kind)
    found = connection.execute(select(records.c.key, records.c.deleted, records.c.facts).where(there))
    return [(key, deleted, msgspec.json.decode(facts)) for key, deleted, facts in found]


# Records are not joined to links in one query: on tables that PostgreSQL has not analyzed yet, as in the first minutes
# of a backfill, it takes a plan for the join that looks at every record for every link.


def _facts(connection: Connection, source: str, kind: str, keys: Collection[str]) -> Sequence[Any]:
    rows = select(records.c.key, records.c.facts).where(records.c.connection == source, records.c.kind == kind)
    return connection.execute(rows.where(among(connection, records.c.key, keys))).all()


def _deleted(connection: Connection, source: str, kind: str, keys: Collection[str]) -> set[str]:
    rows = select(records.c.key).where(records.c.connection == source, records.c.kind == kind, records.c.deleted)
    return set(connection.scalars(rows.where(among(connection, records.c.key, keys))))


def intend(
    connection: Connection, target: str, source: str, kind: str, batch: int, ticket: int, intents: Iterable[Intent]
) -> None:
    """Write down what is about to be done, before it is done; `ticket` is that of the reading which says so."""
    listed = list(intents)
    encode = msgspec.json.encode
    # A plain text: a driver may take an enumeration for something else.
    same: dict[str, Iterable[object]] = {"connection": repeat(source), "kind": repeat(str(kind))}
    same["key"] = [intent.key for intent in listed]
    hashes = [intent.hash for intent in listed]
    record: dict[str, Iterable[object]] = {
        "hash": hashes,
        "deleted": [intent.deleted for intent in listed],
        "position": [intent.position for intent in listed],
        "facts": [encode(intent.facts).decode() for intent in listed],
    }
    put(connection, records, same | record, same=tuple(same))
    same = {"target": repeat(target)} | same
    link: dict[str, Iterable[object]] = {
        "state": repeat("sending"),
        "rev": [intent.rev for intent in listed],
        # Not the links' hash: that is what the target shows, and it does not show this yet.
        "wanted": hashes,
        "batch": repeat(batch),
        "ticket": repeat(ticket),
    }
    put(connection, links, same | link, same=tuple(same))


def confirm(
    connection: Connection,
    target: str,
    source: str,
    kind: str,
    batch: int,
    ticket: int,
    rev: int,
    keys: Collection[str],
) -> None:
    """Note that these records were seen again as they are, so that no older reading of them counts any more."""
    same = (
        (links.c.target == target)
        & (links.c.connection == source)
        & (links.c.kind == kind)
        & (links.c.key == bindparam("one"))
        & (links.c.rev < rev)
    )
    if keys:
        seen = update(links).where(same).values(rev=rev, batch=batch, ticket=ticket)
        connection.execute(seen, [{"one": key} for key in keys])


def forget_shown(connection: Connection, target: str, source: str, kind: str) -> None:
    """Take nothing of a kind to be shown: the target keeps these records elsewhere now.

    What was intended for the old place is nobody's any more: neither taken up again under its rev nor concluded.
    """
    mine = (links.c.target == target) & (links.c.connection == source) & (links.c.kind == kind)
    connection.execute(update(links).where(mine).values(hash=None, batch=0))


def differ(connection: Connection, target: str, source: str, kind: str, keys: Collection[str]) -> None:
    """The target may show something else of these records by itself: they are not taken for unchanged any more."""
    mine = (links.c.target == target) & (links.c.connection == source) & (links.c.kind == kind)
    if keys:
        connection.execute(update(links).where(mine, among(connection, links.c.key, keys)).values(state="differs"))


def revive(connection: Connection, source: str, kind: str, key: str) -> bool:
    """Take a record that was deleted for one that may be there; False where it was not deleted."""
    dead = (records.c.connection == source) & (records.c.kind == kind) & (records.c.key == key) & records.c.deleted
    return connection.execute(update(records).where(dead).values(deleted=False)).rowcount == 1


def pending(connection: Connection, target: str, batch: int) -> set[str]:
    """The keys of the records that this batch intended to write and has no outcome for yet."""
    mine = (links.c.target == target) & (links.c.batch == batch) & (links.c.state == "sending")
    return {*connection.scalars(select(links.c.key).where(mine)).all()}


def refused(connection: Connection, target: str, batch: int, keys: Collection[str]) -> None:
    """The target refused these of what this batch intended: it shows them as before, or not at all."""
    mine = (links.c.target == target) & (links.c.batch == batch) & (links.c.state == "sending")
    if keys:
        connection.execute(update(links).where(mine, among(connection, links.c.key, keys)).values(state="refused"))


def done(connection: Connection, target: str, batch: int, unwritten: Collection[str] = ()) -> None:
    """The target shows what this batch intended, except where a later rev has taken a record over.

    Those `unwritten`, because they were rejected when the batch was taken up again, stay without an outcome: the
    next sound reading of them is then written, not taken for unchanged.
    """
    mine = (links.c.target == target) & (links.c.batch == batch) & (links.c.state == "sending")
    if unwritten:
        mine &= ~among(connection, links.c.key, unwritten)
    connection.execute(update(links).where(mine).values(state="done", hash=links.c.wanted))


def sending(connection: Connection, target: str, source: str) -> int:
    """How many intentions have no outcome yet."""
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.state == "sending")
    return connection.scalar(select(func.count()).select_from(links).where(where)) or 0


def sending_refs(connection: Connection, target: str, source: str) -> set[tuple[str, str]]:
    """The records whose intentions have no outcome yet, as (kind, key)."""
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.state == "sending")
    return {(row.kind, row.key) for row in connection.execute(select(links.c.kind, links.c.key).where(where))}


def live_records(connection: Connection, source: str, sync: str) -> int:
    """How many records of the connection, of the kinds that the sync reads, were accepted and are not deleted."""
    kinds = select(streams.c.stream).where(streams.c.sync == sync)
    where = (records.c.connection == source) & records.c.kind.in_(kinds) & records.c.deleted.is_(False)
    return connection.scalar(select(func.count()).select_from(records).where(where)) or 0


def live_among(connection: Connection, source: str, refs: Collection[tuple[str, str]]) -> int:
    """How many of these records, given as (kind, key), are among the live ones."""
    there = (records.c.connection == source) & records.c.deleted.is_(False)
    counted = select(func.count()).select_from(records)
    total = 0
    for kind in {kind for kind, _ in refs}:
        keys = [key for of, key in refs if of == kind]
        same = there & (records.c.kind == kind) & among(connection, records.c.key, keys)
        total += connection.scalar(counted.where(same)) or 0
    return total


def live(connection: Connection, target: str, source: str, kind: str) -> int:
    """How many records of a kind the target shows that are not deleted."""
    gone = select(records.c.key).where(records.c.connection == source, records.c.kind == kind, records.c.deleted)
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.kind == kind)
    return connection.scalar(select(func.count()).select_from(links).where(where, links.c.key.not_in(gone))) or 0


def unseen(
    connection: Connection, target: str, source: str, kind: str, lo: int, hi: int, ticket: int
) -> tuple[list[str], int]:
    """Of the live records that stand in [lo, hi) of their stream's order: those that no reading has shown which began
    with the ticket or later, and how many there are.

    Not by their revs: what was read before may have been settled after.
    """
    there = records.c
    stretch = select(there.key).where(there.connection == source, there.kind == kind, there.deleted.is_(False))
    keys = list(connection.scalars(stretch.where(there.position >= lo, there.position < hi)))
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.kind == kind)
    rows = select(links.c.key).where(where, links.c.ticket < ticket, among(connection, links.c.key, keys))
    return list(connection.scalars(rows)) if keys else [], len(keys)


def standing(
    connection: Connection, source: str, kind: str, lo: int, hi: int, field: str = "", values: Iterable[str] = ()
) -> dict[str, Facts]:
    """The live records that stand in [lo, hi) of their stream's order, with their facts: all of them, or those whose
    fact `field` has one of these values."""
    there = records.c
    rows = select(there.key, there.facts).where(there.connection == source, there.kind == kind)
    rows = rows.where(there.deleted.is_(False), there.position >= lo, there.position < hi)
    if field:
        texts = [msgspec.json.encode({field: value}).decode()[1:-1] for value in values]
        rows = rows.where(or_(*(there.facts.contains(text, autoescape=True) for text in texts)))
    return {key: msgspec.json.decode(facts) for key, facts in connection.execute(rows)}


def newest(connection: Connection, source: str) -> int:
    """Where the connection's newest record stands in its stream's order; 0 where there is none."""
    return connection.scalar(select(func.max(records.c.position)).where(records.c.connection == source)) or 0


def oldest(connection: Connection, source: str) -> int | None:
    """Where the connection's oldest record stands in its stream's order; what is deleted stands nowhere."""
    there = (records.c.connection == source) & records.c.deleted.is_(False)
    first: int | None = connection.scalar(select(func.min(records.c.position)).where(there))
    return first
