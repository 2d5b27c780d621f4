"""Stripe's invoices and credit notes as a source of documents: two lists as one, newest first."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from accord.clock import Clock
from accord.errors import Refused
from accord.ports import Discovery, Event, Page, Parsed, Place
from accord.records import Kind, Record
from accord.systems.answers import UNREADABLE, Shape
from accord.systems.stripe import documents, events, frames, parse
from accord.systems.stripe import invoice_shapes as shapes
from accord.systems.stripe.client import EVENT, Stripe
from accord.systems.stripe.completion import Completion
from accord.systems.stripe.errors import NotFound
from accord.systems.stripe.papers import Papers

SECONDS = 10.0  # after which a page is given out as it is: less than a lease lasts

_ENDED = "."  # no id is that


class _List(NamedTuple):
    """One of the two lists: its path, what an id of it begins with, and what is to be expanded in each object."""

    path: str
    prefix: str
    expand: tuple[str, ...]

    def expanded(self, within: str = "") -> list[tuple[str, str]]:
        return [("expand[]", within + field) for field in self.expand]


_LISTS = (
    _List("/v1/invoices", "in_", ("account_tax_ids",)),
    # A credit note says of its parties by its invoice only.
    _List("/v1/credit_notes", "cn_", ("invoice", "invoice.account_tax_ids")),
)

_FORMS = {
    "invoice": parse.form(Kind.DOCUMENT, "invoice", shapes.Invoice, documents.invoice, documents.tombstone),
    "credit_note": parse.form(Kind.DOCUMENT, "credit_note", shapes.CreditNote, documents.credit_note, None),
}


class _Named(Shape, gc=False):
    object: str


_head = msgspec.json.Decoder(frames.Head).decode
_named = msgspec.json.Decoder(_Named).decode


class _Spot(NamedTuple):
    """How far one list was read: to its beginning, to its end, or behind an object, which was made at a second."""

    key: str = ""
    created: int = 0

    def __str__(self) -> str:
        return f"{self.key}@{self.created}"


class Invoices:
    """One Stripe account's invoices and credit notes. Methods that ask raise TryLater, Refused and Misconfigured."""

    # Events as for payments. Each run need not look at what is new: they tell of it.
    discovery = Discovery(events=Stripe.discovery.events, newest=frozenset())

    def __init__(self, stripe: Stripe, clock: Clock, papers: Papers | None = None) -> None:
        """`papers` fetches PDFs; without it there are none."""
        self._stripe, self._clock, self._papers = stripe, clock, papers
        self._completion = Completion(stripe)

    @property
    def date(self) -> int | None:
        """Stripe's own clock, Unix seconds, as its latest answer told."""
        return self._stripe.date

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        """A page of both lists, up to a hundred objects of each, fewer where they take long; or of the stream "event".

        `after` says of both lists how far they were read. The page's place stands at the later one of them: all that
        was made after it was read, so that a window can be split below it, or read again from there.
        """
        if stream == EVENT:
            return self._stripe.page(stream, lo, hi, after)
        bodies: list[bytes] = []
        spots, pages, cut = _spots(after), [], False
        ends = self._clock.monotonic() + SECONDS
        for number, (of, spot) in enumerate(zip(_LISTS, spots, strict=True)):
            if spot.key == _ENDED or (spot.key and spot.created < (lo or 0)):
                continue  # behind the end of this window, which was split above it
            page = self._stripe.listed(of.path, "document", lo, hi, spot.key or None, of.expanded("data."))
            taken, broken_off = self._taken(of.path, page, ends)
            bodies, cut = bodies + taken, cut or broken_off is not None
            spots[number] = broken_off or (_Spot(*page.last) if page.has_more and page.last else _Spot(_ENDED))
            pages.append(page)
        place = Place("+".join(map(str, spots)), max(spot.created for spot in spots))
        more = cut or any(page.has_more for page in pages)
        date, request = (pages[0].date, pages[0].request) if pages else (None, None)
        body = msgspec.json.encode({"object": "list", "data": [msgspec.Raw(one) for one in bodies], "has_more": more})
        return Page(body, len(bodies), more, place if more else None, date, request)

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One invoice or credit note as it is now; None where Stripe does not know it."""
        found = self._one(kind, key)
        return None if found is None else self._completion.completed(*found)

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """The elements of a page, or a single object, in order; those that cannot be read say why.

        Raises Misconfigured, before it gives out anything, where one of them is of the other mode.
        """
        return iter([parse.one(_form(raw), raw, self._stripe.live) for raw in parse.elements(body)])

    def events(self, body: bytes) -> list[Event]:
        """The events on a page of the stream "event", with the documents to look at again."""
        return events.read(body, self._stripe.live, events.of_documents)

    def tombstone(self, kind: str, key: str) -> Record:
        """The document of an object that Stripe no longer knows, such as a draft that was deleted."""
        return documents.tombstone(key)

    def began(self) -> int:
        """No object of the account is older than this second."""
        return self._stripe.began()

    def pdf(self, one: Parsed) -> bytes:
        """The PDF of an invoice or a credit note that was just fetched. Raises Refused where there is none."""
        if self._papers is None:
            raise Refused("nothing fetches Stripe's PDFs here")
        return self._papers.pdf(one)

    def close(self) -> None:
        """Give the connections back."""
        self._stripe.close()
        if self._papers is not None:
            self._papers.close()

    def _taken(self, path: str, page: Page, ends: float) -> tuple[list[bytes], _Spot | None]:
        """A page's objects, completed; once time is up not all of them, but at least one, and how far they go."""
        elements = parse.elements(page.body)
        bodies: list[bytes] = []
        for raw in elements:
            bodies.append(self._completion.completed(path, raw))
            late = self._clock.monotonic() > ends and len(bodies) < len(elements)
            if late and (spot := _spot(raw)) is not None:
                return bodies, spot
        return bodies, None

    def _one(self, kind: str, key: str) -> tuple[str, bytes] | None:
        """An object behind the path of its list."""
        of = next((one for one in _LISTS if key.startswith(one.prefix)), None)
        if of is None:
            raise Refused(f"the key of this {kind} record is neither that of an invoice nor that of a credit note")
        try:
            return of.path, self._stripe.one(of.path, kind, key, of.expanded())
        except NotFound as error:
            if error.status != 404:
                raise
            return None


def _spots(after: str | None) -> list[_Spot]:
    if after is None:
        return [_Spot() for _ in _LISTS]
    parts = [part.partition("@") for part in after.split("+")]
    return [_Spot(key, int(created)) for key, _, created in parts]


def _spot(raw: bytes) -> _Spot | None:
    """Where an object stands on its list; one without an id is no place."""
    try:
        head = _head(raw)
    except UNREADABLE:
        return None
    return _Spot(head.id, head.created)


def _form(raw: bytes) -> parse.Form:
    try:
        return _FORMS.get(_named(raw).object, _FORMS["invoice"])
    except UNREADABLE:
        return _FORMS["invoice"]
