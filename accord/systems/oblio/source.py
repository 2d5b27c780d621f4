"""Oblio as a source of documents: all of them in walks, and what may have changed where it may be."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import msgspec

from accord.clock import Clock
from accord.documents import Document, Party
from accord.errors import Refused
from accord.ports import Discovery, Event, Owner, Page, Parsed, Place
from accord.records import Kind
from accord.systems.oblio import parse, recent, walk
from accord.systems.oblio.client import Oblio, digits
from accord.systems.oblio.parse import Item
from accord.systems.oblio.translate import tombstone

T = TypeVar("T", recent.Step, walk.Place)


class Invoices:
    """The invoices of one company. Methods that ask raise TryLater, Refused and Misconfigured.

    They stand in the order of their ids, which Oblio gives out in growing order. It lists neither what happened nor
    what changed; what the ledger knows of them says where to look, and every night all of them are read again.
    """

    discovery = Discovery(events=0, newest=frozenset({Kind.DOCUMENT}), turns=1, parallel=1, by_time=False)

    def __init__(
        self, oblio: Oblio, known: recent.Known, clock: Clock, admit: Callable[[Owner], None] = lambda _: None
    ) -> None:
        """`admit` is told whose invoices these are before any is read, and raises where they are the wrong one's."""
        self.oblio = oblio
        self._known = known
        self._clock = clock
        self._admit = admit
        self._admitted = False
        self._gate = threading.Lock()

    @property
    def date(self) -> int | None:
        """Oblio's own clock, as its latest answer told."""
        return self.oblio.date

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        """A page of invoices with ids in [lo, hi), newest first; `after` is where the page before ended.

        Without `hi`: of what is new by id, and of what may have changed. The second up to which it was read says
        nothing about ids, so `lo` is not looked at then: what is known does.
        """
        if stream != Kind.DOCUMENT:
            raise Refused(f"Oblio has no {stream} records")
        issuer = self._company()
        if hi is None:
            found = recent.Recent(self.oblio, self._known, self.date or self._clock.now()).take(
                _place(recent.Step, after)
            )
            return self._page(found.items, found.gone, found.next, issuer)
        met, behind = walk.Walk(self.oblio, lo or 0).step(_place(walk.Place, after))
        items = [one for one in met if one.position is None or (lo or 0) <= one.position < hi]
        return self._page(items, (), behind, issuer)

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One invoice as it is now; None where Oblio does not know it."""
        issuer = self._company()
        item = self.oblio.fetch(key)
        return None if item is None else parse.keep([item], issuer)

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """The invoices of a page in their order, those that are gone as deleted; what cannot be read says why."""
        kept = parse.kept(body)
        issuer = kept.issuer or self._company()
        for raw in kept.data:
            one = parse.item(bytes(raw), issuer)
            yield Parsed(one.key, one.raw, one.document, one.unsound)
        for key in kept.gone:
            yield Parsed(key, b"", tombstone(key), None)

    def events(self, body: bytes) -> list[Event]:
        """None: Oblio lists no events."""
        return []

    def tombstone(self, kind: str, key: str) -> Document:
        """The document that Oblio does not know any more."""
        return tombstone(key)

    def began(self) -> int:
        """No id is lower."""
        return 0

    def pdf(self, one: Parsed) -> bytes:
        """The PDF of an invoice that was just read. Raises Refused where there is none."""
        return self.oblio.pdf(one)

    def owner(self) -> Owner:
        """Whose invoices these are: the company, whichever of its accounts reads them."""
        return owner(self.oblio.company().vat_id or "")

    def close(self) -> None:
        """Give the connections back."""
        self.oblio.close()

    def _company(self) -> Party:
        if not self._admitted:
            with self._gate:
                if not self._admitted:
                    self._admit(self.owner())
                    self._admitted = True
        return self.oblio.company()

    def _page(
        self, items: Iterable[Item], gone: Iterable[str], behind: recent.Step | walk.Place | None, issuer: Party
    ) -> Page:
        rows, missed = [*items], [*gone]
        last = None
        if behind is not None:
            lowest = min((one.position for one in rows if one.position is not None), default=0)
            last = Place(msgspec.json.encode(behind).decode(), lowest)
        body = parse.keep(rows, issuer, missed)
        return Page(body, len(rows) + len(missed), behind is not None, last, self.date)


def owner(cif: str) -> Owner:
    """Whose the invoices of a company are, by its CIF as anybody writes it."""
    return Owner(f"{digits(cif)} at Oblio")


def _place(of: type[T], after: str | None) -> T:
    """The place as it was given out."""
    return of() if after is None else msgspec.json.decode(after, type=of)
