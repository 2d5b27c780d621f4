"""Batches: raw records that were collected and are not yet settled."""

from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import zstandard
from sqlalchemy import Connection, delete, func, insert, select, update

from accord.ledger.cipher import Cipher
from accord.ledger.schema import batches


@dataclass(frozen=True, slots=True)
class Sealed:
    """A batch's body, compressed and encrypted, ready to be stored."""

    body: bytes
    count: int


class Batch(NamedTuple):
    """A stored batch: raw list pages as they came, and the keys that the source no longer knows."""

    id: int
    stream: str
    claim: str | None
    ticket: int
    pages: list[bytes]
    gone: list[str]


def seal(cipher: Cipher, sync: str, stream: str, pages: list[bytes], gone: list[str], count: int) -> Sealed:
    """Compress and encrypt, outside any transaction."""
    packed = zstandard.ZstdCompressor(level=1).compress(msgspec.msgpack.encode((pages, gone)))
    return Sealed(cipher.seal(packed, f"batches:{sync}:{stream}"), count)


def add(
    connection: Connection,
    sync: str,
    stream: str,
    sealed: Sealed,
    ticket: int,
    now: float,
    window: int | None = None,
    claim: str | None = None,
) -> int:
    """Store a batch; its id. It belongs to a window, or answers a claim on the inbox."""
    row = insert(batches).values(
        sync=sync,
        stream=stream,
        window=window,
        claim=claim,
        ticket=ticket,
        count=sealed.count,
        body=sealed.body,
        created_at=now,
    )
    key = connection.execute(row).inserted_primary_key
    return int(key[0]) if key else 0


def open_ids(connection: Connection, sync: str, stream: str) -> list[int]:
    """The stream's open batches, oldest first."""
    where = (batches.c.sync == sync) & (batches.c.stream == stream)
    return list(connection.scalars(select(batches.c.id).where(where).order_by(batches.c.id)))


def oldest(connection: Connection, sync: str) -> float | None:
    """When the oldest open batch of a sync was stored; None where there is none."""
    found: float | None = connection.scalar(select(func.min(batches.c.created_at)).where(batches.c.sync == sync))
    return found


def load(connection: Connection, cipher: Cipher, sync: str, batch_id: int) -> Batch | None:
    """The batch as it was collected, or None when it is settled already."""
    row = connection.execute(select(batches).where(batches.c.id == batch_id)).one_or_none()
    if row is None:
        return None
    packed = zstandard.ZstdDecompressor().decompress(cipher.open(row.body, f"batches:{sync}:{row.stream}"))
    pages, gone = msgspec.msgpack.decode(packed, type=tuple[list[bytes], list[str]])
    return Batch(row.id, row.stream, row.claim, row.ticket, pages, gone)


def lock(connection: Connection, batch_id: int) -> bool:
    """Hold the batch until the transaction ends; False when it is settled already."""
    # An update that changes nothing locks the row on both databases.
    same = update(batches).where(batches.c.id == batch_id).values(count=batches.c.count)
    return connection.execute(same).rowcount == 1


def remove(connection: Connection, batch_id: int) -> bool:
    """Delete a settled batch; False when another worker did so first."""
    return connection.execute(delete(batches).where(batches.c.id == batch_id)).rowcount == 1
