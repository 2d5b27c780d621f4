"""How what was read of invoices is stored until it is settled, and how it is read again, by a mended parser too.

SmartBill gives no invoice in one answer. So an element holds all that its answers and the export told: the payment
status, the text of the PDF, the export's line. How far the PDF is understood is decided when the element is read.
"""

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from accord.documents import Document
from accord.ports import Parsed
from accord.systems.smartbill import pdf, translate
from accord.systems.smartbill.export import Row
from accord.systems.smartbill.shapes import Status
from accord.systems.smartbill.translate import Shown, Unsound


class Element(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One invoice as it was found, or `gone`."""

    series: str
    number: str  # as issued
    generation: int
    cif: str = ""
    status: Status | None = None
    text: str | None = None  # of the PDF
    lacking: str | None = None  # why there is none
    row: Row | None = None
    taken_back: bool = False
    gone: bool = False

    def __repr__(self) -> str:
        """Without what it holds, which is other people's data."""
        return f"<Element {self.key}>"

    @property
    def key(self) -> str:
        return translate.key(self.series, int(self.number), self.generation)

    @property
    def document(self) -> Document:
        """The invoice. Raises Unsound where what was read of it does not fit together."""
        if self.gone:
            return translate.tombstone(self.series, int(self.number), self.generation)
        paper = None if self.text is None else pdf.parse(self.text)
        shown = Shown(self.series, self.number, self.cif, self.status, paper, self.row, self.taken_back)
        return translate.document(shown, self.generation)


class _Page(msgspec.Struct):
    data: list[msgspec.Raw] | None = None


element = msgspec.json.Decoder(Element).decode
_page = msgspec.json.Decoder(_Page).decode
encode = msgspec.json.encode


def page(elements: Sequence[Element]) -> bytes:
    """Elements as they are stored together."""
    return encode({"data": elements})


def records(body: bytes) -> Iterator[Parsed]:
    """The elements of a page, or a single one, in order."""
    listed = _page(body).data
    for raw in [body] if listed is None else map(bytes, listed):
        yield _parsed(raw)


def _parsed(raw: bytes) -> Parsed:
    try:
        one = element(raw)
    except (msgspec.DecodeError, ValueError):
        return Parsed(f"sha256:{hashlib.sha256(raw).hexdigest()[:32]}", raw, None, "it was stored in another form")
    try:
        return Parsed(one.key, raw, one.document, None)
    except Unsound as error:
        return Parsed(one.key, raw, None, str(error))
