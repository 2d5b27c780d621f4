"""The API's answers as they are read: what Accord needs of them."""

from datetime import datetime
from typing import Any

import msgspec


class Portal(msgspec.Struct, frozen=True):
    """Which API this is, the portal's own name, and whether the token may write."""

    api: str
    id: str
    writes: bool


class Taken(msgspec.Struct, frozen=True):
    """The rev that is shown after a PUT."""

    rev: int


class Shown(msgspec.Struct, frozen=True):
    """A document as the portal shows it."""

    rev: int
    document: dict[str, Any]

    def __repr__(self) -> str:
        """Without the document, which is other people's data."""
        return f"<Shown {self.rev}>"


class Page(msgspec.Struct, frozen=True):
    """Some documents, and the key behind which the next page begins."""

    documents: list[Shown]
    next: str | None


class Agreement(msgspec.Struct, frozen=True):
    """How far the portal agrees with a connection."""

    as_of: datetime | None
    highest_rev: int
