"""Pairs: a booking and its event in one calendar, with what both sides agreed on and what was seen since."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, and_, select, update

from accord.bookings import Booking
from accord.calendars import Event, Seat
from accord.ledger.cipher import Cipher
from accord.ledger.dialect import among, put
from accord.ledger.schema import pairs


class Seen(NamedTuple):
    """An event as a calendar last told of it; None where it is gone."""

    event: Event | None


class Sent(NamedTuple):
    """A writing of an event of which no outcome is known: under which rev, and digests of what it gave the event."""

    rev: int
    booked: str
    texts: str


class Pair(NamedTuple):
    """A booking and its event in one calendar."""

    sync: str
    key: str
    account: str
    calendar: str
    person: str
    state: str = "gone"
    rev: int = 0
    event: str | None = None
    generation: int = -1  # of the first event it is 0
    etag: str | None = None
    booked: str | None = None
    texts: str | None = None
    shown: str | None = None
    version: int = 0
    sent: tuple[Sent, ...] = ()
    seen: Seen | None = None
    since: float | None = None
    booking: Booking | None = None
    because: str | None = None
    choice: str | None = None

    def __repr__(self) -> str:
        """Without what was seen, which is people's."""
        return f"<Pair {self.key} in {self.account} {self.calendar}: {self.state}, rev {self.rev}>"

    @property
    def seat(self) -> Seat:
        """Where the calendar is."""
        return Seat(self.account, self.calendar)


_COLUMNS = [pairs.c[name] for name in Pair._fields]
_SAME = ("sync", "key", "account", "calendar")
_event = msgspec.json.Decoder(Event | None)
_booking = msgspec.json.Decoder(Booking)
_sent = msgspec.json.Decoder(tuple[Sent, ...])
_encode = msgspec.json.Encoder().encode


def of(connection: Connection, cipher: Cipher, sync: str, keys: Collection[str]) -> dict[str, list[Pair]]:
    """The pairs of these bookings, those that ended among them, by the bookings' keys."""
    found: dict[str, list[Pair]] = {}
    for pair in _opened(cipher, _by_keys(connection, sync, keys) if keys else ()):
        found.setdefault(pair.key, []).append(pair)
    return found


def by_events(
    connection: Connection, cipher: Cipher, sync: str, seat: Seat, events: Collection[str]
) -> dict[str, Pair]:
    """The pairs of one calendar whose events have these ids, by the ids."""
    rows = _by_events(connection, sync, seat, events) if events else ()
    return {str(pair.event): pair for pair in _opened(cipher, rows)}


def events_in(connection: Connection, sync: str, seat: Seat) -> set[str]:
    """The ids of the events that should be in a calendar."""
    where = (pairs.c.state != "gone") & pairs.c.event.is_not(None)
    return set(connection.scalars(select(pairs.c.event).where(pairs.c.sync == sync, _in(seat), where)))


def seats(connection: Connection, sync: str) -> list[tuple[str, str, str]]:
    """Which calendars the sync has events in, as (person, account, calendar)."""
    rows = select(pairs.c.person, pairs.c.account, pairs.c.calendar).where(pairs.c.sync == sync)
    return [(*row,) for row in connection.execute(rows.where(pairs.c.state != "gone").distinct())]


def keys_of(connection: Connection, sync: str, person: str, seat: Seat) -> list[str]:
    """The keys of the bookings that a person has in a calendar."""
    rows = select(pairs.c.key).where(pairs.c.sync == sync, pairs.c.person == person, _in(seat))
    return list(connection.scalars(rows.where(pairs.c.state != "gone")))


def making(connection: Connection, cipher: Cipher, sync: str, seat: Seat) -> list[Pair]:
    """The pairs of one calendar whose events are being made: nobody may know their ids yet."""
    return list(_opened(cipher, _making(connection, sync, seat)))


def conflicts(connection: Connection, cipher: Cipher, sync: str | None = None) -> list[Pair]:
    """What waits for a person, of one sync or of all; what has waited longest comes first."""
    rows = select(*_COLUMNS).where(pairs.c.state == "conflict").order_by(pairs.c.since, pairs.c.key)
    rows = rows if sync is None else rows.where(pairs.c.sync == sync)
    return list(_opened(cipher, connection.execute(rows)))


def conflicting(connection: Connection, sync: str | None = None) -> list[tuple[str, float, str]]:
    """The bookings that wait for a person, each with since when and why, without what is people's."""
    rows = select(pairs.c.key, pairs.c.since, pairs.c.because)
    rows = rows if sync is None else rows.where(pairs.c.sync == sync)
    return [(*row,) for row in connection.execute(rows.where(pairs.c.state == "conflict").order_by(pairs.c.since))]


def save(connection: Connection, cipher: Cipher, made: Collection[Pair]) -> None:
    """Write pairs as they are given, in the transaction that has looked at them under the counter's lock."""
    values = {name: [_stored(cipher, pair, name) for pair in made] for name in Pair._fields}
    put(connection, pairs, values, _SAME)


def save_if(connection: Connection, cipher: Cipher, pair: Pair, revs: Collection[int]) -> bool:
    """Write a pair, if the last rev taken for it is still one of these."""
    same = and_(*(pairs.c[name] == getattr(pair, name) for name in _SAME), pairs.c.rev.in_(revs))
    values = {name: _stored(cipher, pair, name) for name in Pair._fields if name not in _SAME}
    return connection.execute(update(pairs).where(same).values(values)).rowcount == 1


def unheeded(connection: Connection, sync: str, keys: Collection[str]) -> set[str]:
    """Those of the bookings of whose event something was seen that is not dealt with, nor waits for a person."""
    mine = (pairs.c.sync == sync) & pairs.c.seen.is_not(None) & (pairs.c.state != "conflict")
    rows = select(pairs.c.key).where(mine, among(connection, pairs.c.key, keys))
    return {*connection.scalars(rows)} if keys else set()


def _by_keys(connection: Connection, sync: str, keys: Collection[str]) -> Sequence[Any]:
    rows = _of(sync).where(among(connection, pairs.c.key, keys))
    return connection.execute(rows.order_by(*(pairs.c[name] for name in _SAME))).all()


def _by_events(connection: Connection, sync: str, seat: Seat, events: Collection[str]) -> Sequence[Any]:
    return connection.execute(_of(sync).where(_in(seat), among(connection, pairs.c.event, events))).all()


def _making(connection: Connection, sync: str, seat: Seat) -> Sequence[Any]:
    return connection.execute(_of(sync).where(_in(seat), pairs.c.state == "making")).all()


def _of(sync: str) -> Select[Any]:
    return select(*_COLUMNS).where(pairs.c.sync == sync)


def _in(seat: Seat) -> ColumnElement[bool]:
    return (pairs.c.account == seat.account) & (pairs.c.calendar == seat.calendar)


def _opened(cipher: Cipher, rows: Iterable[Any]) -> Iterator[Pair]:
    for row in rows:
        values = dict(zip(Pair._fields, row, strict=True))
        values["sent"] = _sent.decode(values["sent"])
        if values["seen"] is not None:
            values["seen"] = Seen(_event.decode(cipher.open(values["seen"], about("seen", *row[:4]))))
        if values["booking"] is not None:
            values["booking"] = _booking.decode(cipher.open(values["booking"], about("booking", *row[:4])))
        yield Pair(**values)


def _stored(cipher: Cipher, pair: Pair, name: str) -> Any:
    value = getattr(pair, name)
    if name == "sent":
        return _encode(value).decode()
    if value is None or name not in ("seen", "booking"):
        return value
    return cipher.seal(_encode(value.event if isinstance(value, Seen) else value), about(name, *pair[:4]))


def about(column: str, sync: str, key: str, account: str, calendar: str) -> str:
    """For what a column of a pair is encrypted."""
    return f"pairs:{column}:{sync}:{key}:{account}:{calendar}"
