"""A bookings table as a source: all of it in the order of its keys, and what was written since a second."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Select, Text, and_, cast, or_, select

from accord.errors import Refused
from accord.kinds import Kind
from accord.ports import Discovery, Event, Owner, Page, Parsed, Place
from accord.records import Record
from accord.systems.bookings import parse
from accord.systems.bookings.columns import Moments
from accord.systems.bookings.database import BookingTables, Fitted, Outbox
from accord.systems.bookings.parse import Row

PAGE = 1_000  # rows


class After(msgspec.Struct, frozen=True, omit_defaults=True):
    """Behind which row a list is read on."""

    key: str = ""
    mark: int | None = None  # when it was written, as its column tells
    id: int | None = None  # of a row of the outbox


class Bookings:
    """The bookings of one system. Methods that ask raise TryLater and Misconfigured.

    What was written since is told by the outbox where there is one, else by when each booking was changed; whoever
    reads goes back by a lag each time, for what was committed late. All are read again every night, which finds what
    is gone where no outbox tells it.
    """

    def __init__(self, database: BookingTables, admit: Callable[[Owner], None] = lambda _: None) -> None:
        """`admit` is told whose bookings these are before any is read, and raises where they are the wrong one's."""
        self.database = database
        self._admit = admit
        self._admitted = False
        self._date: int | None = None

    @property
    def date(self) -> int | None:
        """The database's own clock, when it was last asked."""
        return self._date

    @property
    def discovery(self) -> Discovery:
        """All of it is read every night: a table is read faster than it is told what to leave out."""
        by_time = "created" in self.database.mapping.booking.columns
        return Discovery(events=0, newest=frozenset({Kind.BOOKING}), turns=1, parallel=1, by_time=by_time)

    def page(self, stream: str, lo: int | None, hi: int | None, after: str | None) -> Page:
        """A page of bookings made in [lo, hi), by key; without `hi` of those written since `lo`, oldest first.

        Where no column says when a booking was made, all are made at 0.
        """
        if stream != Kind.BOOKING:
            raise Refused(f"a booking system has no {stream} records")
        tables = self._opened()
        behind = None if after is None else msgspec.json.decode(after, type=After)

        def read(c: Connection) -> tuple[int, Sequence[Row], Sequence[str], After | None]:
            now = self.database.now(c)  # before the rows are: what is committed meanwhile is later than it
            if hi is not None:
                return now, *_made(c, tables, lo or 0, hi, behind)
            if tables.outbox is not None:
                return now, *_told(c, tables, tables.outbox, lo or 0, behind)
            return now, *_changed(c, tables, lo or 0, behind)

        now, rows, gone, last = self.database.read(read)
        self._date = now
        place = None if last is None else Place(msgspec.json.encode(last).decode(), lo or 0)
        return Page(parse.keep(rows, gone), len(rows) + len(gone), last is not None, place, now)

    def fetch(self, kind: str, key: str) -> bytes | None:
        """One booking as it is now; None where there is none. Raises Refused where several have the key."""
        rows = self._rows(key)
        if len(rows) > 1:
            raise Refused("several rows of the bookings table have this key, and nothing tells which of them counts")
        return parse.keep(rows) if rows else None

    def records(self, kind: str, body: bytes) -> Iterator[Parsed]:
        """The bookings of a page in their order, those that are gone as deleted; what cannot be read says why."""
        yield from parse.records(body, self.database.mapping.booking)

    def events(self, body: bytes) -> list[Event]:
        """None: a table lists no events."""
        return []

    def tombstone(self, kind: str, key: str) -> Record:
        """The booking that is not there any more."""
        return parse.tombstone(key)

    def began(self) -> int:
        """No booking was made before."""
        return 0

    def owner(self) -> Owner:
        """Nobody by name: a database has none that it keeps wherever it goes."""
        return Owner(None)

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()

    def _opened(self) -> Fitted:
        """The tables, once it is known that they may be read."""
        if not self._admitted:
            self._admit(self.owner())
            self._admitted = True
        return self.database.fitted

    def _rows(self, key: str) -> Sequence[Row]:
        tables = self._opened()
        sought = _key(tables, key)
        if sought is None:
            return []
        return self.database.read(lambda c: _read(c, tables, select(*_shown(tables)).where(tables.by["key"] == sought)))


def _made(
    c: Connection, tables: Fitted, lo: int, hi: int, behind: After | None
) -> tuple[Sequence[Row], Sequence[str], After | None]:
    key, made = tables.by["key"], tables.times.get("created")
    rows = select(*_shown(tables)).where(key.is_not(None)).order_by(key).limit(PAGE)
    if behind is not None:
        rows = rows.where(key > tables.key(behind.key))
    if made is not None:
        before = made.order < made.second(hi)
        # Of what does not say when it was made, or says before 1970, that is 0.
        rows = rows.where(or_(before, made.mark.is_(None)) if lo <= 0 else before & (made.order >= made.second(lo)))
    elif not lo <= 0 < hi:
        return [], [], None
    found = _read(c, tables, rows)
    return found, [], After(found[-1].key) if len(found) == PAGE else None


def _changed(
    c: Connection, tables: Fitted, lo: int, behind: After | None
) -> tuple[Sequence[Row], Sequence[str], After | None]:
    key, changed = tables.by["key"], tables.times["updated"]
    rows = _since(select(*_shown(tables)).where(key.is_not(None)), changed, key, lo)
    if behind is not None and behind.mark is not None:
        rows = rows.where(_beyond(changed, behind.mark, key, tables.key(behind.key)))
    found = c.execute(rows).all()
    shown = [_row(tables, row) for row in found]
    return shown, [], After(shown[-1].key, found[-1].mark) if len(found) == PAGE else None


def _told(
    c: Connection, tables: Fitted, outbox: Outbox, lo: int, behind: After | None
) -> tuple[Sequence[Row], Sequence[str], After | None]:
    """What the outbox speaks of, as it is now; what is not there any more is gone.

    It is looked for after: whoever made it wrote both at once, and whoever deletes it meanwhile tells so again.
    """
    told = _since(select(outbox.id.label("id"), cast(outbox.key, Text).label("told")), outbox.at, outbox.id, lo)
    if behind is not None and behind.mark is not None:
        told = told.where(_beyond(outbox.at, behind.mark, outbox.id, behind.id))
    page = c.execute(told).all()
    # As the bookings have them: the outbox may write a UUID in capitals.
    sought = {str(value): value for row in page if (value := _key(tables, row.told)) is not None}
    found = _read(c, tables, select(*_shown(tables)).where(tables.by["key"].in_(list(sought.values()))))
    gone = [key for key in sought if key not in {row.key for row in found}]
    return found, gone, After(id=page[-1].id, mark=page[-1].mark) if len(page) == PAGE else None


def _since(rows: Select[Any], written: Moments, tie: Column[Any], lo: int) -> Select[Any]:
    """A page of the rows that were written since a second, oldest first, each with when, as its column tells."""
    rows = rows.add_columns(written.mark.label("mark")).order_by(written.order, tie).limit(PAGE)
    return rows.where(written.mark.is_not(None), written.order >= written.second(lo))


def _beyond(written: Moments, mark: int, tie: Column[Any], last: Any) -> ColumnElement[bool]:
    """Whether a row stands behind the one that was written then, and has this key or id."""
    at = written.bound(mark)
    return and_(written.order >= at, or_(written.order > at, tie > last))


def _key(tables: Fitted, key: str) -> Any:
    """A key as its column is compared with it; None where it can be none there."""
    try:
        return tables.key(key)
    except ValueError:
        return None


def _shown(tables: Fitted) -> list[Any]:
    return [expression.label(field) for field, expression in tables.shown.items()]


def _read(c: Connection, tables: Fitted, rows: Any) -> list[Row]:
    return [_row(tables, row) for row in c.execute(rows)]


def _row(tables: Fitted, row: Any) -> Row:
    return Row(**{field: row._mapping[field] for field in tables.shown})
