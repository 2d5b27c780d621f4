"""The customer portal behind its HTTP API as the target of documents."""

import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec

from accord.documents import Document
from accord.errors import Misconfigured
from accord.http import Transport
from accord.ports import FanOut, Threads
from accord.records import Kind, Record
from accord.systems.portal_api import shapes
from accord.systems.portal_api.errors import NotTaken, decoded

API = "portal/1"
REFUSED = 20  # documents: where all of more than these are refused, the portal does not fit, rather than the documents

_WIDTH = 16  # PUTs at once; the budget says how many a second
_PAGE = 200  # documents of a list at once, which stay far below what one answer may have
_ENDPOINT = "all"  # the portal's rate is one for everything

_encode = msgspec.json.Encoder(order="deterministic").encode


class PortalApi:
    """One portal. Methods that ask raise TryLater, Refused and Misconfigured.

    A document is written by a PUT with its rev, which the portal takes unless it shows a later one: so any PUT may be
    sent again, by anyone, at any time.
    """

    kinds = frozenset({Kind.DOCUMENT})
    mappings = {Kind.DOCUMENT: API}  # noqa: RUF012 - where documents go, as SQL targets tell it by table and columns

    def __init__(self, transport: Transport, fan_out: FanOut | None = None) -> None:
        self._transport = transport
        self._fan_out = fan_out or Threads()
        self._lock = threading.Lock()
        self._taken: set[tuple[str, str, int]] = set()  # in a write that was broken off

    def close(self) -> None:
        """Give the connections back."""
        self._transport.close()

    def check(self) -> None:
        """Look whether a portal with this API answers, and lets the token write."""
        found = self._portal()
        if found.api != API:
            raise Misconfigured(
                f"the portal has another API than {API}; ask whoever runs it for the base_url of that one"
            )
        if not found.writes:
            raise Misconfigured("the token may only read from the portal; have whoever runs it allow it to write, too")

    def identity(self) -> str:
        """The portal's own name, which it keeps whatever its address is."""
        return self._portal().id

    def write(self, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]) -> dict[str, str]:
        """Show these records, each with its rev, several at once; one that shows a later rev already stays as it is.

        What comes back is why the portal refuses single ones, by `source_key`. Where it raises, some may be shown:
        the same rows are to be written again, and what was taken before is then not sent anew. Raises Misconfigured
        where the portal refuses all of more than `REFUSED` records, or does not keep to its rule about revs.
        """
        left = iter([row for row in rows if (connection, row[1].key, row[0]) not in self._taken])
        refused: dict[str, str] = {}

        def put_next() -> bool:
            with self._lock:
                row = next(left, None)
            if row is None:
                return False
            try:
                self._put(connection, *row)
            except NotTaken as error:
                refused[row[1].source_key] = str(error)
            else:
                self._taken.add((connection, row[1].key, row[0]))
            return True

        self._fan_out.repeat(put_next, lambda: _WIDTH)
        self._taken.clear()
        if len(refused) > REFUSED and len(refused) == len(rows):
            raise Misconfigured(
                f"{next(iter(refused.values()))}; no document is taken, so look at what the portal expects"
            )
        return refused

    def agreed(self, connection: str, at: float) -> None:
        """Note for readers of the portal that it shows all that the connection showed at `at`."""
        body = _encode({"as_of": datetime.fromtimestamp(int(at), UTC)})
        self._transport.put("/agreement", _of(connection), body, _JSON, endpoint=_ENDPOINT)

    def last_agreed(self, connection: str) -> int | None:
        """Up to when, in Unix seconds, the portal is known to show all that the connection showed."""
        at = self._agreement(connection).as_of
        return None if at is None else int(at.timestamp())

    def highest_rev(self, connection: str) -> int:
        """The highest rev that any document of the connection shows; 0 where none does."""
        return self._agreement(connection).highest_rev

    def read(self, connection: str, kind: Kind) -> Iterator[tuple[str, bool, tuple[Any, ...]]]:
        """Every document of the connection as (key, deleted, values of `fields(kind)`), in the records' units."""
        after: list[tuple[str, str]] = []
        while True:
            asked = [*_of(connection), ("limit", str(_PAGE)), *after]
            body = self._transport.get("/documents", asked, endpoint=_ENDPOINT).body
            page: shapes.Page = decoded(body, shapes.Page, "GET /documents")
            for shown in page.documents:
                yield _row(shown.document, self.fields(kind))
            if page.next is None:
                return
            if after and page.next <= after[0][1]:
                raise Misconfigured("the portal's list of documents goes round; tell whoever runs it")
            after = [("after", page.next)]

    def fields(self, kind: Kind) -> list[str]:
        """The record fields that the portal shows, in the order of `read`."""
        return Document.fields()

    def states(self, connection: str) -> dict[str, int]:
        """Nothing: to count documents by where they stand is to read them all."""
        return {}

    def sums(self, connection: str) -> dict[str, int]:
        """Nothing: no money is moved here, so there is none that has to add up."""
        return {}

    def _put(self, connection: str, rev: int, record: Record) -> None:
        asked = [*_of(connection), ("key", record.key)]
        body = _encode({"rev": rev, "document": record.shown() if isinstance(record, Document) else record})
        # Made from the request, so that it is the same when another worker repeats it.
        key = blake2b(_encode(asked) + body, digest_size=16).hexdigest()
        answer = self._transport.put("/document", asked, body, _JSON | {"Idempotency-Key": key}, endpoint=_ENDPOINT)
        taken: shapes.Taken = decoded(answer.body, shapes.Taken, "PUT /document")
        if taken.rev < rev:
            raise Misconfigured(
                f"the portal was given rev {rev} of document {record.key} and shows rev {taken.rev}: it does not keep "
                "the highest one, as its API says; tell whoever runs it"
            )

    def _portal(self) -> shapes.Portal:
        body = self._transport.get("/portal", endpoint=_ENDPOINT).body
        found: shapes.Portal = decoded(body, shapes.Portal, "GET /portal")
        return found

    def _agreement(self, connection: str) -> shapes.Agreement:
        body = self._transport.get("/agreement", _of(connection), endpoint=_ENDPOINT).body
        found: shapes.Agreement = decoded(body, shapes.Agreement, "GET /agreement")
        return found


_JSON = {"Content-Type": "application/json"}


def _of(connection: str) -> list[tuple[str, str]]:
    return [("connection", connection)]


def _row(shown: dict[str, Any], fields: list[str]) -> tuple[str, bool, tuple[Any, ...]]:
    """A document as it is compared; one that can not be read has no values, and so differs."""
    key, deleted = str(shown.get("key")), shown.get("deleted") is True
    try:
        document = msgspec.convert(dict.fromkeys(Document.__struct_fields__) | shown, Document)
    except msgspec.ValidationError:
        return key, deleted, (None,) * len(fields)
    return key, deleted, tuple(getattr(document, field) for field in fields)
