"""Records and links: what the source showed when it was last accepted, and what the target shows of it."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, func, select, update

from accord.ledger.dialect import upsert
from accord.ledger.schema import links, records
from accord.records import Facts

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
    joined = (records.c.connection == links.c.connection) & (records.c.kind == links.c.kind)
    rows = (
        select(
            links.c.key,
            links.c.state,
            links.c.rev,
            links.c.hash,
            links.c.wanted,
            links.c.batch,
            records.c.deleted,
        )
        .join(records, joined & (records.c.key == links.c.key))
        .where(links.c.target == target, links.c.connection == source, links.c.kind == kind)
    )
    found = (row for chunk in _chunks(keys) for row in connection.execute(rows.where(links.c.key.in_(chunk))))
    return {row[0]: Link(*row) for row in found}


def known(connection: Connection, target: str, source: str, kind: str, keys: Collection[str]) -> dict[str, Facts]:
    """The facts of those records that the target has been shown already, by key."""
    joined = (records.c.connection == links.c.connection) & (records.c.kind == links.c.kind)
    rows = (
        select(records.c.key, records.c.facts)
        .join(links, joined & (records.c.key == links.c.key))
        .where(links.c.target == target, records.c.connection == source, records.c.kind == kind)
        .where(links.c.hash.is_not(None))
    )
    found = (row for chunk in _chunks(keys) for row in connection.execute(rows.where(records.c.key.in_(chunk))))
    return {row.key: msgspec.json.decode(row.facts) for row in found}


def intend(connection: Connection, target: str, source: str, kind: str, batch: int, intents: Iterable[Intent]) -> None:
    """Write down what is about to be done, before it is done."""
    encode = msgspec.json.encode
    rows = [
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
    insert = upsert(connection, records).values({c: bindparam(c) for c in (*same, *_RECORD)})
    update_ = {column: insert.excluded[column] for column in _RECORD}
    connection.execute(insert.on_conflict_do_update(index_elements=same, set_=update_), rows)
    linked = ("target", *same)
    insert = upsert(connection, links).values({c: bindparam(c) for c in (*linked, *_LINK)})
    update_ = {column: insert.excluded[column] for column in _LINK}
    connection.execute(insert.on_conflict_do_update(index_elements=linked, set_=update_), rows)


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


def done(connection: Connection, target: str, batch: int) -> None:
    """The target shows what this batch intended, except where a later rev has taken the record over."""
    mine = (links.c.target == target) & (links.c.batch == batch) & (links.c.state == "sending")
    connection.execute(update(links).where(mine).values(state="done", hash=links.c.wanted))


def sending(connection: Connection, target: str, source: str) -> int:
    """How many intentions have no outcome yet."""
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.state == "sending")
    return connection.scalar(select(func.count()).select_from(links).where(where)) or 0


def live(connection: Connection, target: str, source: str, kind: str) -> int:
    """How many records of a kind the target shows that are not deleted."""
    joined = (records.c.connection == links.c.connection) & (records.c.kind == links.c.kind)
    counted = select(func.count()).select_from(links.join(records, joined & (records.c.key == links.c.key)))
    where = (links.c.target == target) & (links.c.connection == source) & (links.c.kind == kind)
    return connection.scalar(counted.where(where & records.c.deleted.is_(False))) or 0


def unseen(connection: Connection, target: str, source: str, kind: str, lo: int, hi: int, ticket: int) -> list[str]:
    """Live records that stand in [lo, hi) of their stream's order and were not seen since the ticket."""
    joined = (records.c.connection == links.c.connection) & (records.c.kind == links.c.kind)
    rows = (
        select(links.c.key)
        .join(records, joined & (records.c.key == links.c.key))
        .where(links.c.target == target, links.c.connection == source, links.c.kind == kind)
        .where(records.c.position >= lo, records.c.position < hi, records.c.deleted.is_(False))
        .where(links.c.rev <= ticket)
    )
    return list(connection.scalars(rows))


def oldest(connection: Connection, source: str) -> int | None:
    """Where the connection's oldest record stands in its stream's order."""
    first: int | None = connection.scalar(select(func.min(records.c.position)).where(records.c.connection == source))
    return first


def _chunks(keys: Collection[str]) -> Iterable[list[str]]:
    listed = list(keys)
    return (listed[start : start + _CHUNK] for start in range(0, len(listed), _CHUNK))
