"""Filing: the PDF of each document into the archive, once, and its name there into the document."""

import logging
from collections.abc import Iterator
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

import msgspec
from sqlalchemy import Connection

from accord.documents import Document, Origin, State
from accord.errors import Refused, TryLater
from accord.ledger import files, inbox
from accord.ledger.engine import Ledger
from accord.ledger.files import File
from accord.ports import Discovery, Event, Page, Parsed, Source
from accord.records import Kind, Record
from accord.sync import Sync

if TYPE_CHECKING:  # settling asks for files, and what reaches the stores is of no use there
    from accord.archive import Archive

APART = 4.0  # seconds between the PDFs that are asked for, so that many old ones do not hold up what is new

_NOT_PRINTED = ("position", "state", "paid", "einvoice", "origins", "pdf", "deleted")
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_log = logging.getLogger(__name__)


class Printer(Source, Protocol):
    """A source of documents that gives their PDFs."""

    def pdf(self, one: Parsed) -> bytes:
        """The PDF of a document as it was just fetched. Raises Refused where there is none."""

    def close(self) -> None:
        """Give the connections back."""


class Filing:
    """A source of documents whose PDFs are archived.

    A document that is fetched alone is filed with it. One that is not filed yet says of its `pdf` that it is awaited,
    and settling has it fetched again for that; meanwhile it is shown without, and agrees. A PDF that can not be
    had holds up nothing: it is asked for again, after waits that grow.
    """

    def __init__(self, source: Printer, archive: "Archive", ledger: Ledger, connection: str) -> None:
        self._source, self._archive = source, archive
        self._ledger, self._connection = ledger, connection

    @property
    def date(self) -> int | None:
        return self._source.date

    @property
    def discovery(self) -> Discovery:
        return self._source.discovery

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        return self._source.page(stream, lo, hi, after)

    def fetch(self, kind: str, key: str) -> bytes | None:
        """The document as it is now, with its PDF archived by then, if it can be had."""
        body = self._source.fetch(kind, key)
        if body is not None:
            for one in self._source.records(kind, body):
                if isinstance(one.record, Document) and one.key == key and _has_pdf(one.record):
                    self._file(one, one.record)
        return body

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """As the source's, each document with the name of its PDF."""
        parsed = list(self._source.records(kind, body))
        keys = [one.key for one in parsed]
        known = self._ledger.read(lambda c: files.of(c, self._connection, keys))
        for one in parsed:
            document = one.record
            if isinstance(document, Document):
                yield one._replace(record=_with_file(document, known.get(one.key)))
            else:
                yield one

    def events(self, body: bytes) -> list[Event]:
        return self._source.events(body)

    def tombstone(self, kind: str, key: str) -> Record:
        return self._source.tombstone(kind, key)

    def began(self) -> int:
        return self._source.began()

    def close(self) -> None:
        self._source.close()

    def _file(self, one: Parsed, document: Document) -> None:
        print_ = _printed(document)
        kept = self._ledger.read(lambda c: files.of(c, self._connection, [one.key])).get(one.key)
        if kept is not None and kept.print == print_:
            return
        about = {"series": document.series, "number": document.number, "issued_on": document.issued_on}
        try:
            name = self._archive.keep(self._source.pdf(one), self._connection, one.key, about)
        except (TryLater, Refused) as error:
            _log.warning("the PDF of document %s is not archived yet: %s", one.key, error)
            return
        file = File(print_, name)
        self._ledger.write(lambda c: files.put(c, self._connection, one.key, file, self._ledger.now(c)))


def ask_for_files(connection: Connection, sync: Sync, documents: list[Record], now: float) -> None:
    """Have those fetched again whose PDFs are awaited. Call it before the hints that they answer are closed."""
    refs = [
        (str(Kind.DOCUMENT), one.key)
        for one in documents
        if isinstance(one, Document) and one.origins.get("pdf") is Origin.AWAITED
    ]
    inbox.look_again(connection, sync.name, refs, inbox.UNFILED, "its PDF is to be archived", now, apart=APART)


def _has_pdf(document: Document) -> bool:
    return not document.deleted and document.number is not None and document.state is not State.DRAFT


def _printed(document: Document) -> str:
    """A digest of what its PDF shows; payments do not make it another one."""
    fields = [getattr(document, name) for name in document.__struct_fields__ if name not in _NOT_PRINTED]
    return blake2b(_encode([fields, document.state is State.CANCELLED]), digest_size=16).hexdigest()


def _with_file(document: Document, file: File | None) -> Document:
    if not _has_pdf(document):
        return document
    if file is None or file.print != _printed(document):
        return msgspec.structs.replace(document, origins={**document.origins, "pdf": Origin.AWAITED})
    return msgspec.structs.replace(document, pdf=file.name, origins={**document.origins, "pdf": Origin.ARCHIVE})
