"""The portal's memory: documents by connection and key, each under its highest rev, and the answers it has given."""

import secrets
from collections.abc import Iterator
from typing import Any

import msgspec

KEPT_FOR = 24 * 3600.0  # seconds that an answer is repeated to its Idempotency-Key


class Kept(msgspec.Struct):
    """A document with the rev that put it there."""

    rev: int
    document: dict[str, Any]


class Shelf(msgspec.Struct):
    """What the portal holds of one connection."""

    documents: dict[str, Kept] = {}
    as_of: float | None = None

    @property
    def highest_rev(self) -> int:
        return max((kept.rev for kept in self.documents.values()), default=0)


class Given(msgspec.Struct):
    """An answer, and a digest of the request that it was given to."""

    request: str
    status: int
    headers: dict[str, str]
    body: bytes
    at: float


class Store:
    """All that is kept across restarts."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.shelves: dict[str, Shelf] = {}
        self.given: dict[str, Given] = {}  # oldest first
        self.version = 0

    def find(self, connection: str, key: str) -> Kept | None:
        """A document, also a deleted one."""
        return self.shelf(connection).documents.get(key)

    def shelf(self, connection: str) -> Shelf:
        """What is held of a connection, of which nothing may be known."""
        return self.shelves.get(connection) or Shelf()

    def put(self, connection: str, key: str, rev: int, document: dict[str, Any]) -> bool:
        """Show the document, unless its rev is not above the one that is shown; whether anything changed."""
        documents = self.shelves.setdefault(connection, Shelf()).documents
        if key in documents and rev <= documents[key].rev:
            return False
        documents[key] = Kept(rev, document)
        self.version += 1
        return True

    def agree(self, connection: str, at: float) -> None:
        """Note up to when all is shown; an earlier time changes nothing."""
        shelf = self.shelves.setdefault(connection, Shelf())
        shelf.as_of = max(at, shelf.as_of or at)
        self.version += 1

    def page(self, connection: str, after: str, limit: int) -> tuple[list[Kept], str | None]:
        """Documents behind the key `after`, and the key behind which the next page begins."""
        documents = self.shelf(connection).documents
        keys = sorted(key for key in documents if key > after)
        return [documents[key] for key in keys[:limit]], keys[limit - 1] if len(keys) > limit else None

    def remember(self, key: str, given: Given) -> None:
        """Keep an answer for its time, and forget those whose time is over."""
        while self.given and (oldest := next(iter(self.given.items())))[1].at <= given.at - KEPT_FOR:
            del self.given[oldest[0]]
        self.given[key] = given
        self.version += 1

    def shown(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every document that is not deleted, with its connection."""
        for connection, shelf in self.shelves.items():
            for kept in shelf.documents.values():
                if not kept.document["deleted"]:
                    yield connection, kept.document

    def dump(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {
            "id": self.id,
            "shelves": msgspec.to_builtins(self.shelves),
            "given": msgspec.to_builtins(self.given),
            "version": self.version,
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.id, self.version = dumped["id"], dumped["version"]
        self.shelves = msgspec.convert(dumped["shelves"], dict[str, Shelf])
        self.given = msgspec.convert(dumped["given"], dict[str, Given])
