"""Batches: raw records that were collected and are not yet settled."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
import zstandard
from sqlalchemy import Connection, delete, func, insert, select, update

from accord.ledger.cipher import Cipher
from accord.ledger.schema import batches


class Pages:
    """Raw pages on their way into a batch, compressed as they come: waiting, they take a tenth of the memory."""

    def __init__(self, pages: Iterable[bytes] = ()) -> None:
        self._stream = zstandard.ZstdCompressor(level=1).compressobj()
        self._parts: list[bytes] = []
        for page in pages:
            self.append(page)

    def append(self, page: bytes) -> None:
        """One more page."""
        self._parts.append(self._stream.compress(len(page).to_bytes(_LENGTH) + page))

    def packed(self) -> bytes:
        """All of them; no page can follow."""
        return b"".join((*self._parts, self._stream.flush()))


_LENGTH = 4  # bytes before each page that say how long it is


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
    packed: bytes
    gone: list[str]

    @property
    def pages(self) -> Iterator[bytes]:
        """The pages one after the other, each decompressed when it is asked for."""
        with zstandard.ZstdDecompressor().stream_reader(self.packed) as stream:
            while length := stream.read(_LENGTH):
                yield stream.read(int.from_bytes(length))


def seal(cipher: Cipher, sync: str, stream: str, pages: Pages | Iterable[bytes], gone: list[str], count: int) -> Sealed:
    """Compress and encrypt, outside any transaction."""
    packed = (pages if isinstance(pages, Pages) else Pages(pages)).packed()
    return Sealed(cipher.seal(msgspec.msgpack.encode((packed, gone)), about(sync, stream)), count)


def about(sync: str, stream: str) -> str:
    """For what a batch is encrypted."""
    return f"batches:{sync}:{stream}"


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


def unsettled(connection: Connection, sync: str) -> int:
    """How many records wait in the sync's open batches."""
    counted = select(func.coalesce(func.sum(batches.c.count), 0)).where(batches.c.sync == sync)
    return int(connection.scalar(counted) or 0)


class Open(NamedTuple):
    """A batch that is not settled yet."""

    stream: str
    size: int
    created_at: float


def oldest(connection: Connection, sync: str) -> Open | None:
    """The batch that has waited longest."""
    b = batches.c
    rows = select(b.stream, b.count, b.created_at).where(b.sync == sync).order_by(b.created_at).limit(1)
    row = connection.execute(rows).one_or_none()
    return None if row is None else Open(*row)


def load(connection: Connection, cipher: Cipher, sync: str, batch_id: int) -> Batch | None:
    """The batch as it was collected, or None when it is settled already."""
    row = connection.execute(select(batches).where(batches.c.id == batch_id)).one_or_none()
    if row is None:
        return None
    plain = cipher.open(row.body, about(sync, row.stream))
    if plain.startswith(zstandard.FRAME_HEADER):  # stored by 0.1.0, which compressed all pages at once
        old = zstandard.ZstdDecompressor().decompress(plain)
        pages, gone = msgspec.msgpack.decode(old, type=tuple[list[bytes], list[str]])
        return Batch(row.id, row.stream, row.claim, row.ticket, Pages(pages).packed(), gone)
    packed, gone = msgspec.msgpack.decode(plain, type=tuple[bytes, list[str]])
    return Batch(row.id, row.stream, row.claim, row.ticket, packed, gone)


def lock(connection: Connection, batch_id: int) -> bool:
    """Hold the batch until the transaction ends; False when it is settled already."""
    # An update that changes nothing locks the row on both databases.
    same = update(batches).where(batches.c.id == batch_id).values(count=batches.c.count)
    return connection.execute(same).rowcount == 1


def remove(connection: Connection, batch_id: int) -> bool:
    """Delete a settled batch; False when another worker did so first."""
    return connection.execute(delete(batches).where(batches.c.id == batch_id)).rowcount == 1
