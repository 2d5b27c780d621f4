"""The quarantine: records that failed a check, kept with the reasons until they are sound or dropped."""

from collections.abc import Collection
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select

from accord.ledger.cipher import Cipher
from accord.ledger.dialect import upsert
from accord.ledger.entries import Entry
from accord.ledger.schema import quarantine


class Unsound(NamedTuple):
    """A record that failed, as it came, with the reasons as sentences that hold no values of it."""

    key: str
    raw: bytes
    reasons: list[str]


class Kept(NamedTuple):
    """A row of the quarantine, without the record itself."""

    id: int
    sync: str
    kind: str
    key: str
    reasons: list[str]
    created_at: float


def put(
    connection: Connection,
    cipher: Cipher,
    sync: str,
    kind: str,
    unsound: Collection[Unsound],
    ticket: int,
    now: float,
) -> None:
    """Keep the records; a later reading of the same record replaces an earlier one, unless it has no bytes.

    `ticket` is the counter as it stood when they were found unsound: it is a rev, where they have none of their own.
    """
    rows = [
        {
            "sync": sync,
            "kind": kind,
            "key": u.key,
            "reasons": msgspec.json.encode(u.reasons).decode(),
            "body": cipher.seal(u.raw, about(sync, kind, u.key)),
            "ticket": ticket,
            "created_at": now,
        }
        for u in unsound
    ]
    if not rows:
        return
    insert = upsert(connection, quarantine)
    unique = [quarantine.c.sync, quarantine.c.kind, quarantine.c.key]
    newer = quarantine.c.ticket <= insert.excluded.ticket
    for columns, has_bytes in ((("reasons", "body", "ticket"), True), (("ticket",), False)):
        replaced = {column: insert.excluded[column] for column in columns}
        some = [row for row, one in zip(rows, unsound, strict=True) if bool(one.raw) is has_bytes]
        if some:
            connection.execute(insert.on_conflict_do_update(index_elements=unique, set_=replaced, where=newer), some)


def since(connection: Connection, sync: str, kind: str, keys: Collection[str], ticket: int) -> set[str]:
    """Those of the records that were found unsound after the ticket was noted: an older reading no longer counts."""
    if not keys or not held(connection, sync):
        return set()
    q = quarantine.c
    found = connection.scalars(select(q.key).where(q.sync == sync, q.kind == kind, q.ticket > ticket))
    return set(found) & set(keys)


def clear(connection: Connection, sync: str, kind: str, keys: Collection[str], ticket: int) -> None:
    """Let records go that were found sound by a reading that began after they were found unsound."""
    if not keys or not held(connection, sync):
        return
    same = (quarantine.c.sync == sync) & (quarantine.c.kind == kind) & (quarantine.c.key == bindparam("one"))
    gone = delete(quarantine).where(same, quarantine.c.ticket <= ticket)
    connection.execute(gone, [{"one": key} for key in keys])


def held(connection: Connection, sync: str) -> int:
    """How many records are in quarantine."""
    return connection.scalar(select(func.count()).select_from(quarantine).where(quarantine.c.sync == sync)) or 0


def listed(connection: Connection, sync: str | None = None) -> list[Kept]:
    """What is in quarantine, oldest first."""
    q = quarantine.c
    rows = select(q.id, q.sync, q.kind, q.key, q.reasons, q.created_at).order_by(q.id)
    if sync is not None:
        rows = rows.where(q.sync == sync)
    return [
        Kept(r.id, r.sync, r.kind, r.key, msgspec.json.decode(r.reasons), r.created_at)
        for r in connection.execute(rows)
    ]


def reasons(connection: Connection, sync: str, kind: str) -> dict[str, list[str]]:
    """Why each record of a kind is in quarantine, by key."""
    return {row.key: row.reasons for row in listed(connection, sync) if row.kind == kind}


def older(connection: Connection, sync: str, kind: str, ticket: int) -> list[str]:
    """The keys of a kind's records that were found unsound by no reading which began with the ticket or later."""
    q = quarantine.c
    where = (q.sync == sync) & (q.kind == kind) & (q.ticket < ticket)
    return list(connection.scalars(select(q.key).where(where).order_by(q.id)))


def news(connection: Connection, sync: str, kind: str, unsound: Collection[Unsound]) -> list[Entry]:
    """What the audit is to tell of these: nothing where they are in quarantine for the same reasons already."""
    known = reasons(connection, sync, kind) if unsound else {}
    new = [u for u in unsound if known.get(u.key) != u.reasons]
    return [Entry(kind, u.key, "quarantine", "; ".join(u.reasons), None) for u in new]


def body(connection: Connection, cipher: Cipher, row_id: int) -> bytes | None:
    """The raw record behind a row, decrypted; None when there is no such row."""
    row = connection.execute(select(quarantine).where(quarantine.c.id == row_id)).one_or_none()
    return None if row is None else cipher.open(row.body, about(row.sync, row.kind, row.key))


def about(sync: str, kind: str, key: str) -> str:
    """For what a record's bytes are encrypted."""
    return f"quarantine:{sync}:{kind}:{key}"


def drop(connection: Connection, row_id: int) -> tuple[str, str, str] | None:
    """Give a record up for good; its sync, kind and key, or None when there is no such row."""
    gone = delete(quarantine).where(quarantine.c.id == row_id)
    row = connection.execute(gone.returning(quarantine.c.sync, quarantine.c.kind, quarantine.c.key)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])
