"""A model of Stripe: objects that change, lists and events that lag behind them, all in memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar

import msgspec

from accord.errors import Refused, TryLater
from accord.ports import CursorGone, Discovery, Event, Page, Parsed, Place
from accord.records import RECORDS, Customer, Dispute, Kind, Leg, Payment, Record, Refund

EVENTS_KEPT = 30 * 86_400
DAY = 86_400
EVENT = "event"
UNFIT = "unfit"  # the name of a customer that the target's database refuses

_decoders = {kind: msgspec.json.Decoder(record).decode for kind, record in RECORDS.items()}
_encode = msgspec.json.Encoder().encode


class _Listed(msgspec.Struct):
    data: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


class _Named(msgspec.Struct):
    key: str
    gone: bool = False


_listed = msgspec.json.Decoder(_Listed).decode
_named = msgspec.json.Decoder(_Named).decode


def _elements(body: bytes) -> list[msgspec.Raw]:
    data = _listed(body).data
    return [msgspec.Raw(body)] if data is msgspec.UNSET else data


@dataclass(slots=True)
class Thing:
    """One object: what it is now, and from when a list shows it."""

    record: Record
    serial: int
    visible_at: float
    gone_at: float | None = None  # a list may go on showing what was deleted, for a while
    listed_until: float = 0.0
    answers_404: bool = False
    poison: bool = False
    hidden_until: float = 0.0  # lists leave it out until then, wrongly
    rejected: bool = False  # it can be read, but the check refuses it
    stuck: bool = False  # it can not be fetched, until peace
    body: bytes = b""

    @property
    def unfit(self) -> bool:
        """Whether the target's database refuses it."""
        return isinstance(self.record, Customer) and self.record.name == UNFIT

    @property
    def unsound(self) -> bool:
        """Whether it belongs into quarantine."""
        return self.poison or self.rejected or self.unfit

    def encoded(self) -> bytes:
        """The object as JSON; a poisoned one has a field of the wrong type."""
        if not self.body:
            self.body = _encode(self.record)
            if self.poison:
                self.body = self.body.replace(b'"created":', b'"created":"?","was":', 1)
        return self.body


class Told(msgspec.Struct):
    """An event in the log."""

    id: str
    created: int
    visible_at: float
    hints: tuple[tuple[str, str], ...]
    garbled: bool = False  # it can not be read


@dataclass(slots=True)
class Habits:
    """How badly the model behaves; rates between 0 and 1, times in seconds."""

    page: int = 3
    lag: float = 300.0
    late: float = 0.0  # share of new rows and events that appear late
    lingers: float = 0.0  # share of deleted objects that lists go on showing
    never: float = 0.0  # share of changes without an event
    garbled: float = 0.0  # share of events that can not be read
    twice: float = 0.0  # share of events that are sent again under another id
    ties: float = 0.0  # share of new objects created in the same second as the one before
    dates: bool = True  # whether answers carry the time


@dataclass(slots=True)
class ModelStripe:
    """The source as the core sees it; `now` is the true time."""

    discovery: ClassVar[Discovery] = Discovery(
        events=29 * 86_400,
        newest=frozenset({Kind.LEG}),
        turns=3,
        parallel=4,
        listed=frozenset({Kind.PAYMENT, Kind.REFUND, Kind.DISPUTE, Kind.LEG}),
    )

    rng: Random
    now: Callable[[], float]
    habits: Habits
    kinds: tuple[Kind, ...]
    began_at: int
    things: dict[Kind, dict[str, Thing]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    log: list[Told] = field(default_factory=list)
    serial: int = 0
    last_created: int = 0
    misread: Kind | None = None  # the parser can not read this kind, until it is mended
    lossy: bool = True  # whether lists leave out what is hidden, and what is stuck can not be fetched
    changed_at: float = 0.0  # when anything changed last
    untold: int = 0  # changes that no event spoke of
    heeded: bool = False  # whether each event that can not be read stops the stream, and all is read again then
    note: Callable[[str], None] = lambda what: None

    # -- what the core calls

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        """A page of a stream, newest first; CursorGone where `after` is not listed any more."""
        now, rows = self.now(), self._rows(stream)
        start = None
        if after is not None:
            start = next((row[:2] for row in rows if row[2] == after), None)
            if start is None:
                self.note("cursor gone")
                raise CursorGone
        fits = [row for row in rows if (lo is None or -row[0] >= lo) and (hi is None or -row[0] < hi)]
        if start is not None:
            fits = [row for row in fits if row[:2] > start]
        shown = fits[: self.habits.page]
        body = b'{"data":[' + b",".join(row[3]() for row in shown) + b"]}"
        last = Place(shown[-1][2], -shown[-1][0]) if shown else None
        date = int(now) if self.habits.dates else None
        return Page(body, len(shown), len(fits) > len(shown), last, date)

    def _rows(self, stream: str) -> list[tuple[int, int, str, Callable[[], bytes]]]:
        now = self.now()
        if stream == EVENT:
            return sorted(
                (-told.created, -number, told.id, lambda told=told: _encode(told))
                for number, told in enumerate(self.log)
                if told.visible_at <= now and told.created > now - EVENTS_KEPT
            )
        return sorted(
            (-thing.record.created, -thing.serial, key, thing.encoded)
            for key, thing in self.things[Kind(stream)].items()
            if thing.visible_at <= now
            and (thing.gone_at is None or thing.listed_until > now)
            and (thing.hidden_until <= now or not self.lossy)
        )

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One object as it is now."""
        thing = self.things[Kind(kind)].get(key)
        if thing is not None and thing.stuck and self.lossy:
            raise TryLater("the source could not give it")
        if thing is None or (thing.gone_at is not None and thing.answers_404):
            return None
        if thing.gone_at is not None:
            return _encode({"key": key, "gone": True})
        return thing.encoded()

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """The elements of a page, or the one object that the body is."""
        decode = _decoders[Kind(kind)]
        for raw in _elements(body):
            if kind == self.misread:
                yield Parsed(_named(raw).key, bytes(raw), None, "no field is where it was")
                continue
            try:
                yield Parsed((record := decode(raw)).key, bytes(raw), record, None)
            except msgspec.ValidationError:
                named = _named(raw)
                if named.gone:
                    yield Parsed(named.key, bytes(raw), self.tombstone(kind, named.key), None)
                else:
                    yield Parsed(named.key, bytes(raw), None, "created is not a number")

    def events(self, body: bytes) -> list[Event]:
        """The events on a page."""
        told = [msgspec.json.decode(raw, type=Told) for raw in _elements(body)]
        return [Event(one.id, one.created, () if one.garbled else one.hints, b"{" * one.garbled) for one in told]

    def tombstone(self, kind: str, key: str) -> Record:
        """The record of an object that is gone."""
        if kind == Kind.CUSTOMER:
            return Customer(key=key, name=None, email=None, currency=None, delinquent=False, created=0, deleted=True)
        raise Refused(f"a {kind} cannot be deleted")

    def began(self) -> int:
        """Nothing is older."""
        return self.began_at

    # -- what the world does to it

    def live(self, kind: Kind) -> list[Thing]:
        """The objects of a kind that are not deleted, oldest first."""
        return [thing for thing in self.things[kind].values() if thing.gone_at is None]

    def pick(self, kind: Kind) -> Thing | None:
        """Any live object, the newest most often."""
        live = self.live(kind)
        return live[int(len(live) * (1 - self.rng.random() ** 2))] if live else None

    def add(self, make: Callable[[str, int], Record], prefix: str, tell: bool = True) -> Thing:
        """A new object, made by `make` of its key and the second of its creation."""
        created = int(self.now())
        if created - self.last_created < 60 and self.rng.random() < self.habits.ties:
            created, _ = self.last_created, self.note("tie")
        self.last_created, self.serial = created, self.serial + 1
        record = make(f"{prefix}_{self.serial}", created)
        thing = Thing(record, self.serial, self._appears(created))
        self.things[record.kind][record.key] = thing
        if tell:
            self.tell(thing)
        return thing

    def change(self, thing: Thing, **fields: Any) -> None:
        """Change an object, and mostly say so."""
        thing.record, thing.body = msgspec.structs.replace(thing.record, **fields), b""
        self.tell(thing)

    def delete(self, thing: Thing) -> None:
        """Delete a customer; lists may show it for a while yet."""
        now = self.now()
        thing.gone_at, thing.poison, thing.rejected = now, False, False
        thing.answers_404 = self.rng.random() < 0.5
        lingers = self.rng.random() < self.habits.lingers
        thing.listed_until = now + (0.3 + 0.7 * self.rng.random()) * self.habits.lag * lingers
        self.note("customer deleted")
        self.tell(thing)

    def tell(self, thing: Thing) -> None:
        """Log an event about an object: perhaps late, twice, or never."""
        record, self.changed_at = thing.record, self.now()
        if record.kind is Kind.LEG:
            return
        if self.rng.random() < self.habits.never:
            self.untold += 1
            self.note("event never")
            return
        created = int(self.now())
        again = self.rng.random() < self.habits.twice
        for _ in range(1 + again):
            number = len(self.log)
            garbled = self.rng.random() < self.habits.garbled
            self.untold += garbled and not self.heeded
            appears = self._appears(created)
            self.log.append(Told(f"evt_{number}", created, appears, ((record.kind, record.key),), garbled))
            if garbled:
                self.note("event that can not be read")
        if again:
            self.note("event twice")

    def _appears(self, created: int) -> float:
        if self.rng.random() >= self.habits.late:
            return self.now()
        self.note("appears late")
        return max(self.now(), created + self.rng.random() * self.habits.lag)


def new_customer(model: ModelStripe) -> Thing:
    """Someone new."""
    return model.add(
        lambda key, at: Customer(key=key, name="A", email=None, currency="EUR", delinquent=False, created=at), "cus"
    )


def _leg(model: ModelStripe, type_: str, source: str | None, gross: int, fee: int = 0) -> str:
    def make(key: str, at: int) -> Leg:
        return Leg(
            key=key,
            type=type_,
            source=source,
            account="",
            payment=None,
            charged_amount=None,
            charged_currency=None,
            gross=gross,
            fee=fee,
            net=gross - fee,
            currency="EUR",
            created=at,
            available_on=at + 2 * DAY,
        )

    return model.add(make, "txn", tell=False).record.key


def new_payment(model: ModelStripe, customer: str | None) -> Thing:
    """A payment that succeeds in EUR or USD, with the leg that it comes to; or one that fails."""
    fails, amount = model.rng.random() < 0.15, model.rng.randrange(100, 10_000)
    currency = model.rng.choice(["EUR", "USD"])
    name = f"ch_{model.serial + 2}"
    leg = None if fails else _leg(model, "charge", name, amount, 30)
    model.serial = int(name[3:]) - 1

    def make(key: str, at: int) -> Payment:
        return Payment(
            key=key,
            customer=customer,
            intent=None,
            amount=amount,
            captured=0 if fails else amount,
            refunded=0,
            currency=currency,
            status="failed" if fails else "succeeded",
            disputed=False,
            failure_code="card_declined" if fails else None,
            leg=leg,
            created=at,
        )

    if customer is None:
        model.note("guest")
    return model.add(make, "ch")


def refund(model: ModelStripe, payment: Thing) -> None:
    """Give a part of a payment back."""
    paid = payment.record
    assert isinstance(paid, Payment)
    left = paid.captured - paid.refunded
    if left <= 0:
        return
    amount = left if model.rng.random() < 0.3 else model.rng.randrange(1, left + 1)
    name = f"re_{model.serial + 2}"
    leg = _leg(model, "refund", name, -amount)
    model.serial = int(name[3:]) - 1

    def make(key: str, at: int) -> Refund:
        return Refund(
            key=key,
            payment=paid.key,
            amount=amount,
            currency=paid.currency,
            status="succeeded",
            reason=None,
            failure_reason=None,
            leg=leg,
            created=at,
        )

    model.add(make, "re")
    model.note("refund")
    model.change(payment, refunded=paid.refunded + amount)


def dispute(model: ModelStripe, payment: Thing) -> None:
    """Have the payer's bank demand a payment back."""
    paid = payment.record
    assert isinstance(paid, Payment)
    if paid.disputed or not paid.captured:
        return

    def make(key: str, at: int) -> Dispute:
        return Dispute(
            key=key,
            payment=paid.key,
            amount=paid.amount,
            currency=paid.currency,
            status="needs_response",
            reason="fraudulent",
            created=at,
        )

    thing = model.add(make, "dp")
    _leg(model, "adjustment", thing.record.key, -paid.amount, 15)
    model.note("dispute")
    model.change(payment, disputed=True)
