"""SmartBill as a source of invoices: pages made of the numbers of its series, since it has no list of them."""

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

import msgspec

from accord.errors import Refused, TryLater
from accord.ledger.engine import Ledger
from accord.ports import Discovery, Event, Page, Parsed, Place
from accord.records import Kind, Record
from accord.systems.smartbill import envelope, polling, translate, walk
from accord.systems.smartbill.client import Series, SmartBill
from accord.systems.smartbill.envelope import Element
from accord.systems.smartbill.memory import Invoice, Known, Memory
from accord.systems.smartbill.polling import Turn
from accord.systems.smartbill.walk import Found, Gap, Gone

PAGE = 100  # invoices, at most
SECONDS = 10.0  # after which a page is given out as it is: less than a lease lasts
FRESH = 25  # invoices of a series of which nothing is known; what is older is left to the reading of history


class Counter(msgspec.Struct, frozen=True, array_like=True):
    """A series as it stood when the list was begun: what comes next, and the highest number that was known."""

    name: str
    next_number: int
    width: int | None
    top: int

    @property
    def series(self) -> Series:
        return Series(self.name, self.next_number, self.width)


class Cursor(msgspec.Struct, frozen=True):
    """How far the numbers were read. It is the place on the list, and holds all that going on from it takes."""

    counters: tuple[Counter, ...]
    phase: Literal["all", "new", "open"]
    name: str = ""  # of the series
    number: int = 0
    missing: int = 0  # so many numbers before this one, in a row
    again: bool = False  # whether all from the counter down to this one were given out again, or are new


class Step(NamedTuple):
    """A number that was looked at; without a cursor, nothing ends there."""

    cursor: Cursor | None
    elements: list[Element]


_cursor = msgspec.json.Decoder(Cursor).decode


class Invoices:
    """The invoices of one company. Methods that ask raise TryLater, Refused and Misconfigured.

    Positions are numbers: those of all series stand together in one order.
    """

    # 5,000 invoices are 10,000 calls, which take 100 minutes within the limit; by this some three minutes a night.
    discovery = Discovery(events=0, newest=frozenset({Kind.DOCUMENT}), turns=30, parallel=1, by_time=False)

    def __init__(self, api: SmartBill, connection: str, ledger: Ledger, cif: str, series: Collection[str] = ()) -> None:
        """`ledger` is where what is known already is found; `series` are those to be read, all where none is named."""
        self.api, self._memory, self._cif, self._clock = api, Memory(ledger, connection), cif, ledger.clock
        self._only = frozenset(series)

    @property
    def date(self) -> int | None:
        """SmartBill's own clock, Unix seconds, where its latest answer told."""
        return self.api.date

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        """What stands under the next numbers.

        Of [lo, hi) all of it, series by series, each from its highest number down. Without `hi` what is new: each
        series from its last known number up, then what has changed of the invoices that are open.
        """
        if stream != Kind.DOCUMENT:
            return Page(envelope.page([]), 0, False, None)
        known = self._memory.known()
        at = self._begin(known, "new" if hi is None else "all") if after is None else _cursor(after)
        if at.phase == "all":
            return self._page(self._all(at, known, lo or 0, hi))
        return self._page(self._recent(at, known, lo))

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One invoice as it is now; None where its number is gone, or was given out again since."""
        series, number, generation = translate.named(key)
        known = self._memory.known()
        latest = known.latest(series, number)
        if latest is not None and (generation, True) <= (latest.generation, latest.deleted):
            return None
        found = walk.look(self.api, series, number, known.width(series))
        if found is None:
            return None
        if latest is not None and latest.generation == generation and self._is_another(latest, found, known):
            return None
        return envelope.encode(self._element(series, found, generation, known))

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """The invoices on a page, or a single one, in order; those that do not fit together say why."""
        return envelope.records(body)

    def events(self, body: bytes) -> list[Event]:
        """None: SmartBill tells of nothing that happens."""
        return []

    def tombstone(self, kind: str, key: str) -> Record:
        """The record of an invoice that was deleted."""
        return translate.tombstone(*translate.named(key))

    def began(self) -> int:
        """Where the lowest number stands."""
        return 0

    def pdf(self, one: Parsed) -> bytes:
        """The PDF of an invoice as it was just fetched. Raises Refused where there is none."""
        element = envelope.element(one.raw)
        body = self.api.pdf(element.series, element.number)
        if body is None:
            raise Refused(f"SmartBill has no invoice {one.key} any more")
        return body

    def series(self) -> list[Series]:
        """The series that are read, with their counters."""
        return sorted(one for one in self.api.series() if not self._only or one.name in self._only)

    def last(self, series: Series) -> Parsed | None:
        """The last invoice of a series, as it is now; None where its last number has none."""
        found = walk.look(self.api, series.name, series.next_number - 1, series.width)
        if found is None:
            return None
        return next(envelope.records(envelope.encode(self._element(series.name, found, 1, self._memory.known()))))

    def close(self) -> None:
        """Give the connections back."""
        self.api.close()

    def _begin(self, known: Known, phase: Literal["all", "new"]) -> Cursor:
        shown = self.series()
        if phase == "all":  # also of those that are not read any more, or are no longer shown: their invoices are
            names = sorted(known.names() - {one.name for one in shown})
            shown += [Series(name, known.top(name) + 1, known.width(name)) for name in names]
        return Cursor(tuple(Counter(*one, known.top(one.name)) for one in sorted(shown)), phase)

    def _page(self, steps: Iterator[Step]) -> Page:
        """As much as is read in a while. What was had before an error is given out; who goes on will meet it again."""
        began, cursor, more = self._clock.monotonic(), None, False
        elements: list[Element] = []
        waiting: list[Element] = []
        try:
            for step in steps:
                waiting += step.elements
                if step.cursor is None:
                    continue
                cursor, elements, waiting = step.cursor, elements + waiting, []
                if more := len(elements) >= PAGE or self._clock.monotonic() - began > SECONDS:
                    break
        except TryLater:
            if cursor is None:
                raise
            more, waiting = True, []
        elements += waiting
        last = None if cursor is None else Place(envelope.encode(cursor).decode(), translate.place(cursor.number))
        return Page(envelope.page(elements), len(elements), more, last, self.api.date)

    def _all(self, at: Cursor, known: Known, lo: int, hi: int | None) -> Iterator[Step]:
        for counter in at.counters:
            if counter.name < at.name:
                continue
            resumed = counter.name == at.name
            numbers = known.numbers(counter.name)
            end = counter.next_number if hi is None or hi > translate.FURTHEST else min(counter.next_number, hi)
            if end <= min(numbers, default=0) or lo > translate.FURTHEST:
                continue  # all of it is below what the series began with
            below, missing = (at.number, at.missing) if resumed else (end, 0)
            # Only from the counter down may numbers have been given out again; since this began, from a later one.
            whole = not resumed and end == counter.next_number
            again = at.again if resumed else whole
            for step in walk.history(self.api, counter.series, below, known.width(counter.name), [*numbers], missing):
                if translate.place(step.number) < lo:
                    break
                missing = missing + 1 if isinstance(step, Gap) else 0
                before = numbers.get(step.number)
                elements = []
                if isinstance(step, Found):
                    another = (
                        before is not None and (again or not whole) and self._is_another(before, step, known, again)
                    )
                    again = again and (another or before is None)
                    elements = self._elements(counter.name, step._replace(another=another), known)
                place = Cursor(at.counters, at.phase, counter.name, step.number, missing, again)
                yield Step(place, elements)

    def _recent(self, at: Cursor, known: Known, lo: int | None) -> Iterator[Step]:
        if at.phase == "new":
            for counter in at.counters:
                if counter.name >= at.name and counter.top:
                    yield from self._new(at, counter, known)
                elif counter.name >= at.name and known.names():  # or else all of it is still to be read
                    yield from self._fresh(at, counter, known)
        tops = {counter.name: counter.top for counter in at.counters}
        reached = (at.name, at.number) if at.phase == "open" else ("", 0)
        now = self.api.date or int(self._clock.now())
        for one in known:
            # Those above were read a moment ago.
            if (one.series, one.number) <= reached or one.number >= tops.get(one.series, one.number + 1):
                continue
            place = msgspec.structs.replace(at, phase="open", name=one.series, number=one.number, missing=0)
            yield Step(place, self._polled(one, known, lo, now))

    def _new(self, at: Cursor, counter: Counter, known: Known) -> Iterator[Step]:
        """What became of the last known number of a series, and those above it."""
        resumed, top = counter.name == at.name, min(counter.top, counter.next_number - 1)
        looks = {} if resumed else {n: one.fingerprint for n, one in known.numbers(counter.name).items()}
        width = known.width(counter.name)
        so_far = walk.Known(at.number if resumed else counter.top, width, looks)
        missing = at.missing if resumed else 0
        for step in walk.walk(self.api, counter.series, so_far, missing):
            missing = missing + 1 if isinstance(step, Gap) else 0
            elements = []
            if isinstance(step, Found):
                elements = self._elements(counter.name, step, known)
            elif isinstance(step, Gone) and (before := known.latest(counter.name, step.number)) is not None:
                elements = [_gone(before)]
            number = max(step.number, top)
            place = msgspec.structs.replace(at, name=counter.name, number=number, missing=missing)
            looking_back = isinstance(step, Gone) or (isinstance(step, Found) and step.another)
            yield Step(None if looking_back else place, elements)

    def _fresh(self, at: Cursor, counter: Counter, known: Known) -> Iterator[Step]:
        """The newest of a series of which nothing is known, down to the first number that is missing."""
        below = at.number if counter.name == at.name else counter.next_number
        for step in walk.history(self.api, counter.series, below, None):
            if isinstance(step, Gap) or step.number < counter.next_number - FRESH:
                return
            place = msgspec.structs.replace(at, name=counter.name, number=step.number, missing=0)
            yield Step(place, self._elements(counter.name, step, known))

    def _polled(self, one: Invoice, known: Known, lo: int | None, now: int) -> list[Element]:
        """An invoice that was known before, if something of it is to be told."""
        turn = polling.turn(one, known, lo, now)
        if turn is Turn.NONE:
            return []
        status = self.api.status(one.series, one.written)
        if status is None:
            return [_gone(one)]
        if turn is Turn.STATUS and not polling.has_moved(one, status):
            return []
        found = walk.read(self.api, one.series, one.number, one.written, status)
        if found is None:
            return [_gone(one)]
        # Its number may have been given out again behind the walk over the last ones.
        return self._elements(one.series, found._replace(another=self._is_another(one, found, known)), known)

    def _elements(self, series: str, found: Found, known: Known) -> list[Element]:
        """What stands under a number now, behind what is gone from there."""
        known.meet(found)
        before = known.latest(series, found.number)
        if before is None:
            return [self._element(series, found, 1, known)]
        gone = [_gone(before)] if found.another and not before.deleted else []
        generation = before.generation + (1 if gone or before.deleted else 0)
        return [*gone, self._element(series, found, generation, known)]

    def _element(self, series: str, found: Found, generation: int, known: Known) -> Element:
        return Element(
            series=series,
            number=found.written,
            generation=generation,
            cif=self._cif,
            status=found.status,
            text=found.text,
            lacking=found.lacking,
            row=self._memory.row(series, found.number),
            taken_back=known.taken_back(series, found.written, found.status.invoice_total_amount),
        )

    def _is_another(self, before: Invoice, found: Found, known: Known, last: bool = False) -> bool:
        """Whether the number was given out again; `last` where all that is known above it was, too.

        For that all above it were deleted first: where the next one stands as it did, this one was edited.
        """
        if before.deleted or not walk.differs(before.fingerprint, found.fingerprint):
            return False
        numbers = known.numbers(before.series)
        above = min((number for number in numbers if number > before.number), default=None)
        if last or above is None:
            return True
        stands = walk.look(self.api, before.series, above, known.width(before.series))
        return stands is None or walk.differs(numbers[above].fingerprint, stands.fingerprint)


def _gone(one: Invoice) -> Element:
    return Element(series=one.series, number=str(one.number), generation=one.generation, gone=True)
