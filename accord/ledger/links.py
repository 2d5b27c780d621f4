"""Records and links: what the source showed when it was last accepted, and what the target shows of it."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, Connection, Table, bindparam, func, select, update

from accord.ledger.dialect import upsert
from accord.ledger.schema import links, records
from accord.records import Facts, Kind

_CHUNK = 5000


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
    there = links.c
    columns = select(there.key, there.state, there.rev, there.hash, there.wanted, there.batch)
    rows = columns.where(there.target == target, there.connection == source, there.kind == kind)
    found = [row for chunk in _chunks(keys) for row in connection.execute(rows.where(there.key.in_(chunk)))]
    deleted = dict(_of_records(connection, records.c.deleted, source, kind, [row.key for row in found]))
    return {row.key: Link(*row, deleted[row.key]) for row in found}


def known(connection: Connection, target: str, source: str, kind: str, keys: Collection[str]) -> dict[str, Facts]:
    """The facts of those records that the target has been shown already, by key."""
    there = links.c
    rows = select(there.key).where(there.target == target, there.connection == source, there.kind == kind)
    rows = rows.where(there.hash.is_not(None))
    shown = {key for chunk in _chunks(keys) for key in connection.scalars(rows.where(there.key.in_(chunk)))}
    facts = _of_records(connection, records.c.facts, source, kind, shown)
    return {key: msgspec.json.decode(value) for key, value in facts}


def legs_in(connection: Connection, source: str, account: str, payments: Collection[str]) -> list[str]:
    """The keys of the legs of these payments that were put into an account when they were first shown."""
    # Facts are no index: all legs of the account are looked through, which is done only when a payment changes hands.
    there = (records.c.connection == source) & (records.c.kind == Kind.LEG)
    in_account = records.c.facts.contains(f'"account":"{account}"', autoescape=True)
    found = connection.execute(select(records.c.key, records.c.facts).where(there, in_account))
    return [key for key, facts in found if msgspec.json.decode(facts)["payment"] in payments]


def _of_records(
    connection: Connection, column: Column[Any], source: str, kind: str, keys: Collection[str]
) -> Iterator[tuple[str, Any]]:
    """One column of these records.

    Not joined to the links in one query: on tables that PostgreSQL has not analyzed yet, as in the first minutes of a
    backfill, it takes a plan for the join that looks at every record for every link.
    """
    rows = select(records.c.key, column).where(records.c.connection == source, records.c.kind == kind)
    for chunk in _chunks(keys):
        yield from ((key, value) for key, value in connection.execute(rows.where(records.c.key.in_(chunk))))


def intend(connection: Connection, target: str, source: str, kind: str, batch: int, intents: Iterable[Intent]) -> None:
    """Write down what is about to be done, before it is done."""
    encode = msgspec.json.encode
    rows: list[dict[str, object]] = [
        {
            "target": target,
            "connection": source,
            "kind": kind,
            "key": i.key,
            "state": "sending",
            "rev": i.rev,
            "wanted": i.hash,
            "hash": i.hash,
            "batch": batch,
            "deleted": i.deleted,
            "position": i.position,
            "facts": encode(i.facts).decode(),
        }
        for i in intents
    ]
    if not rows:
        return
    same = ("connection", "kind", "key")
    _put(connection, records, same, _RECORD, rows)
    # Not the links' hash: that is what the target shows, and it does not show this yet.
    _put(connection, links, ("target", *same), _LINK, rows)


def _put(
    connection: Connection, table: Table, same: Sequence[str], set_: Sequence[str], rows: list[dict[str, object]]
) -> None:
    insert = upsert(connection, table)
    update_ = {column: insert.excluded[column] for column in set_}
    # SQLAlchemy inserts every column that it is given a value for, so each table is given its own only.
    own = [{column: row[column] for column in (*same, *set_)} for row in rows]
    connection.execute(insert.on_conflict_do_update(index_elements=same, set_=update_), own)


_RECORD = ("hash", "deleted", "position", "facts")
_LINK = ("state", "rev", "wanted", "batch")


def confirm(
    connection: Connection, target: str, source: str, kind: str, batch: int, rev: int, keys: Collection[str]
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
        seen = update(links).where(same).values(rev=rev, batch=batch)
        connection.execute(seen, [{"one": key} for key in keys])


def pending(connection: Connection, target: str, batch: int) -> set[str]:
    """The keys of the records that this batch intended to write and has no outcome for yet."""
    mine = (links.c.target == target) & (links.c.batch == batch) & (links.c.state == "sending")
    return set(connection.scalars(select(links.c.key).where(mine)))


def refused(connection: Connection, target: str, batch: int, keys: Collection[str]) -> None:
    """The target refused these of what this batch intended: it shows them as before, or not at all."""
    mine = (links.c.target == target) & (links.c.batch == batch) & (links.c.state == "sending")
    for chunk in _chunks(keys):
        connection.execute(update(links).where(mine, links.c.key.in_(chunk)).values(state="refused"))


def done(connection: Connection, target: str, batch: int, unwritten: Collection[str] = ()) -> None:
    """The target shows what this batch intended, except where a later rev has taken a record over.

    Those `unwritten`, because they were rejected when the batch was taken up again, stay without an outcome: the
    next sound reading of them is then written, not taken for unchanged.
    """
    mine = (links.c.target == target) & (links.c.batch == batch) & (links.c.state == "sending")
    if unwritten:
        mine &= links.c.key.not_in(list(unwritten))
    connection.execute(update(links).where(mine).values(state="done", hash=links.c.wanted))


def sending(connection: Connection, target: str, source: str) -> int:
    """How many intentions have no outcome yet."""
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.state == "sending")
    return connection.scalar(select(func.count()).select_from(links).where(where)) or 0


def sending_refs(connection: Connection, target: str, source: str) -> set[tuple[str, str]]:
    """The records whose intentions have no outcome yet, as (kind, key)."""
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.state == "sending")
    return {(row.kind, row.key) for row in connection.execute(select(links.c.kind, links.c.key).where(where))}


def live_records(connection: Connection, source: str) -> int:
    """How many records of the connection were accepted and are not deleted."""
    where = (records.c.connection == source) & records.c.deleted.is_(False)
    return connection.scalar(select(func.count()).select_from(records).where(where)) or 0


def live_among(connection: Connection, source: str, refs: Collection[tuple[str, str]]) -> int:
    """How many of these records, given as (kind, key), are among the live ones."""
    there = (records.c.connection == source) & records.c.deleted.is_(False)
    counted = select(func.count()).select_from(records)
    total = 0
    for kind in {kind for kind, _ in refs}:
        for chunk in _chunks([key for of, key in refs if of == kind]):
            same = there & (records.c.kind == kind) & records.c.key.in_(chunk)
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
    """Of the live records that stand in [lo, hi) of their stream's order: those not seen since the ticket, and how
    many there are."""
    there = records.c
    stretch = select(there.key).where(there.connection == source, there.kind == kind, there.deleted.is_(False))
    keys = list(connection.scalars(stretch.where(there.position >= lo, there.position < hi)))
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.kind == kind)
    rows = select(links.c.key).where(where, links.c.rev <= ticket)
    return [key for chunk in _chunks(keys) for key in connection.scalars(rows.where(links.c.key.in_(chunk)))], len(keys)


def oldest(connection: Connection, source: str) -> int | None:
    """Where the connection's oldest record stands in its stream's order; what is deleted stands nowhere."""
    there = (records.c.connection == source) & records.c.deleted.is_(False)
    first: int | None = connection.scalar(select(func.min(records.c.position)).where(there))
    return first


def _chunks(keys: Collection[str]) -> Iterable[list[str]]:
    listed = list(keys)
    return (listed[start : start + _CHUNK] for start in range(0, len(listed), _CHUNK))
