"""A small honest source: a shop whose objects are created, changed and deleted, with lists, events and a clock."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from accord.documents import Document, Line, Origin, Party, State
from accord.errors import Refused, TryLater
from accord.ports import CursorGone, Discovery, Event, Page, Parsed, Place
from accord.records import RECORDS, Customer, Kind, Leg, Payment, Record, Refund
from accord.sync import EVENT

BEGAN = 1_700_000_000


def customer(key: str, created: int = BEGAN, **changed: Any) -> Customer:
    return msgspec.structs.replace(
        Customer(key=key, name=f"Name of {key}", email=None, currency="EUR", delinquent=False, created=created),
        **changed,
    )


def payment(key: str, created: int = BEGAN, **changed: Any) -> Payment:
    plain = Payment(
        key=key,
        customer=None,
        intent=None,
        amount=1250,
        captured=1250,
        refunded=0,
        currency="EUR",
        status="succeeded",
        disputed=False,
        failure_code=None,
        leg=None,
        created=created,
    )
    return msgspec.structs.replace(plain, **changed)


def refund(key: str, of: str, created: int = BEGAN, **changed: Any) -> Refund:
    plain = Refund(
        key=key,
        payment=of,
        amount=250,
        currency="EUR",
        status="succeeded",
        reason=None,
        failure_reason=None,
        leg=None,
        created=created,
    )
    return msgspec.structs.replace(plain, **changed)


def leg(key: str, source: str | None = None, created: int = BEGAN, **changed: Any) -> Leg:
    plain = Leg(
        key=key,
        type="charge" if source else "payout",
        source=source,
        account="",
        payment=None,
        charged_amount=None,
        charged_currency=None,
        gross=1250,
        fee=50,
        net=1200,
        currency="EUR",
        created=created,
        available_on=created + 86_400,
    )
    return msgspec.structs.replace(plain, **changed)


def document(key: str, position: int = 1, **changed: Any) -> Document:
    plain = Document(
        key=key,
        position=position,
        state=State.ISSUED,
        series="ACC",
        number=f"{position:04}",
        issued_on="2026-11-02",
        due_on="2026-12-02",
        issuer=Party(name="Atelier SRL", vat_id="RO123"),
        client=Party(name=f"Client of {key}", city="Iași"),
        currency="RON",
        exchange_rate=None,
        net=10_000,
        vat=2_100,
        total=12_100,
        paid=0,
        lines=(Line(name="Work", quantity="1.00", vat_rate="21", total=12_100),),
        reverses=None,
        mentions=None,
        einvoice=None,
        origins={"total": Origin.API, "exchange_rate": Origin.UNKNOWN},
    )
    return msgspec.structs.replace(plain, **changed)


class Asked(tuple[str, int | None, int | None, str | None]):
    """A request for a page: stream, lo, hi, after."""


class Shop:
    """A source. `before` is called before each answer with what is asked; what it raises is the answer."""

    discovery = Discovery(events=29 * 86_400, newest=frozenset({Kind.LEG}))

    def __init__(self, page: int = 3) -> None:
        self.page_size = page
        self.clock: Callable[[], float] | None = None
        self.date: int | None = None
        self.before: Callable[[Asked | tuple[str, str]], None] = lambda _: None
        self.asked: list[Asked] = []
        self.fetched: list[tuple[str, str]] = []
        self._objects: dict[str, dict[str, Record]] = {kind: {} for kind in Kind}
        self._broken: dict[tuple[str, str], bytes] = {}
        self._events: list[Event] = []

    def put(self, *records: Record) -> None:
        """Create or change objects."""
        for record in records:
            self._objects[record.kind][record.key] = record

    def remove(self, kind: Kind, key: str) -> None:
        """Delete an object for good."""
        del self._objects[kind][key]

    def break_(self, kind: Kind, key: str, raw: bytes = b'{"key": 1}') -> None:
        """Show an object as bytes that can not be read."""
        self._broken[kind, key] = raw

    def mend(self) -> None:
        """Show every object as it is again."""
        self._broken.clear()

    def tell(self, key: str, created: int, *hints: tuple[str, str]) -> None:
        """Something happened."""
        self._events.append(Event(key, created, hints))

    def garble(self, key: str, created: int) -> None:
        """Something happened, and nobody can read what."""
        self._events.append(Event(key, created, (), b"{"))

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        asked = Asked((stream, lo, hi, after))
        self.asked.append(asked)
        self.before(asked)
        listed: list[tuple[int, str]]
        if stream == EVENT:
            listed = [(event.created, event.id) for event in self._events]
        else:
            listed = [(record.created, record.key) for record in self._objects[stream].values()]
        listed = sorted(listed, reverse=True)
        if after is not None:
            places = [n for n, (_, key) in enumerate(listed) if key == after]
            if not places:
                raise CursorGone
            listed = listed[places[0] + 1 :]
        found = [(at, key) for at, key in listed if (lo is None or at >= lo) and (hi is None or at < hi)]
        shown = found[: self.page_size]
        body = b'{"object":"list","data":[' + b",".join(self._raw(stream, key) for _, key in shown) + b"]}"
        last = Place(shown[-1][1], shown[-1][0]) if shown else None
        date = int(self.clock()) if self.clock else None
        return Page(body, len(shown), len(found) > len(shown), last, date, f"req_{len(self.asked)}")

    def fetch(self, kind: str, key: str) -> bytes | None:
        self.fetched.append((kind, key))
        self.before((kind, key))
        return self._raw(kind, key) if key in self._objects[kind] else None

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        elements = json.loads(body)
        decode = msgspec.json.Decoder(RECORDS[Kind(kind)]).decode
        for element in elements["data"] if elements.get("object") == "list" else [elements]:
            raw = json.dumps(element).encode()
            try:
                record = decode(raw)
            except msgspec.ValidationError as error:
                yield Parsed(str(element.get("id") or element["key"]), raw, None, str(error))
            else:
                yield Parsed(record.key, raw, record, None)

    def events(self, body: bytes) -> list[Event]:
        named = {event.id: event for event in self._events}
        return [named[element] for element in json.loads(body)["data"]]

    def tombstone(self, kind: str, key: str) -> Record:
        record = RECORDS[Kind(kind)]
        neutral: dict[str, Any] = {}
        for field in record.fields():
            type_, nullable = record.field_type(field)
            neutral[field] = None if nullable else type_()
        return record(**{**neutral, "key": key, "deleted": True})

    def began(self) -> int:
        return BEGAN - 86_400

    def encoded(self, record: Record) -> bytes:
        return self._broken.get((record.kind, record.key)) or msgspec.json.encode(record)

    def _raw(self, kind: str, key: str) -> bytes:
        return json.dumps(key).encode() if kind == EVENT else self.encoded(self._objects[kind][key])


def failing(*answers: Exception | None) -> Callable[[Any], None]:
    """Raise these one after the other, and nothing once they are used up."""
    left = list(answers)

    def before(_: Any) -> None:
        error = left.pop(0) if left else None
        if error is not None:
            raise error

    return before


def later() -> TryLater:
    return TryLater("the shop is closed")


def refused() -> Refused:
    return Refused("the shop does not sell this")


class Documents(Shop):
    """A service that lists documents by id, of which the last `newest` are new, and tells of nothing that happens."""

    discovery = Discovery(events=0, newest=frozenset({Kind.DOCUMENT}), turns=1, parallel=1, by_time=False)

    def __init__(self, newest: int) -> None:
        super().__init__()
        self._newest = newest

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        if hi is None:  # no id is a second: where to begin is not told by the last reading
            lo = min(sorted(record.created for record in self._objects[stream].values())[-self._newest :], default=0)
        return super().page(stream, lo, hi, after)

    def tombstone(self, kind: str, key: str) -> Record:
        known = {"key": key, "position": 0, "state": State.UNKNOWN, "origins": {}, "deleted": True}
        return Document(**dict.fromkeys(Document.__struct_fields__) | known)

    def began(self) -> int:
        return 0
