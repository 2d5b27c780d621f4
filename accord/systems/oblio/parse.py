"""From Oblio's bytes to documents, one by one, so that a row that cannot be read spoils no other."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from accord.documents import Document, Party
from accord.errors import Refused
from accord.systems.answers import UNREADABLE, must_be_json
from accord.systems.oblio import shapes, translate
from accord.systems.oblio.amounts import Unsound

PAGE = 100  # rows, the most that a list gives at once

_NUL = rb"\u0000"  # how JSON writes the one character that PostgreSQL's texts cannot hold

_kept = msgspec.json.Decoder(shapes.Kept).decode
_rows = msgspec.json.Decoder(shapes.Rows).decode
_invoice = msgspec.json.Decoder(shapes.Invoice).decode
_name = msgspec.json.Decoder(shapes.Name).decode


@dataclass(frozen=True, slots=True)
class Item:
    """One row of a list: a document, or the reason why it could not be read as one."""

    key: str  # the hash of its bytes where it has no id
    position: int | None  # its id as a number; Oblio gives them out in growing order
    raw: bytes
    document: Document | None
    unsound: str | None

    def __repr__(self) -> str:
        """Without the bytes, which are other people's data and hold a link that opens the PDF to anyone."""
        return f"<Item {self.key}>"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its rows, in their order."""

    items: tuple[Item, ...]

    @property
    def count(self) -> int:
        """How many rows it has."""
        return len(self.items)

    @property
    def ids(self) -> list[int]:
        """The ids of those that have one, as numbers."""
        return [item.position for item in self.items if item.position is not None]

    def __repr__(self) -> str:
        return f"<Page of {self.count}>"


def read(body: bytes, issuer: Party | None) -> Page:
    """The rows of a list page in their order. Raises TryLater for what is no JSON, Refused for what is no list."""
    try:
        raws = [bytes(raw) for raw in _rows(body).data]
    except UNREADABLE:
        must_be_json(body, "Oblio's answer for a list of invoices")
        raise Refused("Oblio's answer to GET /docs/invoice/list is not a list; did its API change?") from None
    return Page(tuple(item(raw, issuer) for raw in raws))


def keep(items: Iterable[Item], issuer: Party, gone: Sequence[str] = ()) -> bytes:
    """Rows in the form in which they are kept."""
    return msgspec.json.encode(shapes.Kept([msgspec.Raw(item.raw) for item in items], issuer, [*gone]))


def kept(body: bytes) -> shapes.Kept:
    """What was kept; also a list as Oblio gives it, which names no issuer. Raises Refused where it is neither."""
    try:
        return _kept(body)
    except UNREADABLE:
        raise Refused("what is kept of Oblio's invoices is not what was stored") from None


def item(raw: bytes, issuer: Party | None) -> Item:
    """One row, read as a document where it is one."""
    try:
        document = translate.document(_invoice(raw), issuer)
        if _NUL in raw:
            raise Unsound("Text with a NUL character, which databases refuse")
    except (Unsound, *UNREADABLE) as error:
        key, position = _named(raw)
        return Item(key, position, raw, None, _why(error))
    return Item(document.key, document.position, raw, document, None)


def _named(raw: bytes) -> tuple[str, int | None]:
    try:
        key = _name(raw).id
    except UNREADABLE:
        return f"sha256:{hashlib.sha256(raw).hexdigest()}", None
    return key, int(key)


def _why(error: Exception) -> str:
    """What was expected of which field, without the value, which msgspec quotes for enums."""
    if isinstance(error, UnicodeDecodeError):
        return "a text is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return re.sub(r"""(Invalid enum value) (?:'.*'|".*"|-?[0-9]+)""", r"\1", str(error), flags=re.DOTALL)
