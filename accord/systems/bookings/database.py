"""A booking system's database: whether its tables fit, who its people are, and Accord's own tables in it."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    extract,
    false,
    func,
    inspect,
    null,
    select,
    text,
)
from sqlalchemy.exc import DBAPIError

from accord.calendars import Seat
from accord.clock import Clock
from accord.errors import Misconfigured
from accord.ledger.engine import reaching, transact
from accord.systems.bookings import columns
from accord.systems.bookings.columns import Moments, Walls
from accord.systems.bookings.mapping import LAYOUT, OWN, BookingTable, Mapping
from accord.systems.sql_tables import TableMapping, reflect, refusal

T = TypeVar("T")

_TIMES: tuple[str, ...] = ("updated", "created")
_WALLS: tuple[str, ...] = ("start", "end")
_NUMBERS = ("version", "deleted")
_WRITTEN = (*_WALLS, "zone", "place", "status", "version", "updated")
_AVAILABILITY = ("availability", "availability_as_of")


class Outbox(NamedTuple):
    """The table that tells which bookings were written."""

    table: Table
    id: Column[Any]
    key: Column[Any]
    at: Moments


class Fitted(NamedTuple):
    """What a booking system keeps where, once it was found to fit."""

    bookings: Table
    by: dict[str, Column[Any]]  # the columns of the bookings, by field
    shown: dict[str, ColumnElement[Any]]  # the same as texts and whole numbers
    times: dict[str, Moments]  # when a booking was made, and changed
    walls: dict[str, Walls]  # when it begins, and ends
    key: Callable[[str], Any]
    people: Table
    seats: Select[Any]
    outbox: Outbox | None


class BookingTables:
    """One booking system's tables. Raises Misconfigured, naming table and column, where they do not fit.

    Reading locks nothing, and asks for no right but that to read.
    """

    def __init__(self, engine: Engine, clock: Clock, mapping: Mapping | None = None) -> None:
        self.engine, self.clock = engine, clock
        self._own = mapping is None
        self.mapping = mapping or OWN
        self._fitted: Fitted | None = None

    @property
    def fitted(self) -> Fitted:
        """The tables, looked at once."""
        if self._fitted is None:
            self._fitted = self.read(self._fit)
        return self._fitted

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def check(self) -> None:
        """Look whether every table and column of the mapping is there and fits."""
        self._fitted = self.read(self._fit)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that only reads. Raises TryLater while the database is away."""
        return self._transact(work, writes=False)

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction that may write."""
        return self._transact(work, writes=True)

    def now(self, connection: Connection) -> int:
        """The second by the database's clock; SQLite has none but its host's."""
        if connection.dialect.name == "sqlite":
            return int(self.clock.now())
        return int(connection.scalar(select(extract("epoch", func.clock_timestamp()))) or 0)

    def people(self) -> dict[str, Seat]:
        """Whose calendar is where. Who stands there twice, differently, or without one is not in it."""
        found: dict[str, set[Seat]] = {}
        seats = self.fitted.seats
        for person, account, calendar in self.read(lambda c: c.execute(seats).all()):
            if person:
                found.setdefault(person, set()).add(Seat(account or "", calendar or ""))
        sure = {person: one.pop() for person, one in found.items() if len(one) == 1}
        return {person: seat for person, seat in sure.items() if seat.account and seat.calendar}

    def create_tables(self) -> None:
        """Make what is missing of Accord's own tables; with a mapping, only those of the availability.

        Raises Misconfigured, and makes nothing, where a table that is there already does not fit.
        """

        def make(c: Connection) -> None:
            inspector = inspect(c)
            for mapping in (OWN.booking, OWN.person, OWN.outbox) if self._own else ():
                if mapping is not None and inspector.has_table(mapping.table):
                    _mapped(inspector, mapping)
            require_availability(c, missing=False)
            names = [c.dialect.name] if self._own else []
            for name in [*names, "availability"]:
                # A statement ends where a blank line is.
                for statement in files(__package__).joinpath(f"{name}.sql").read_text("utf-8").split("\n\n"):
                    c.execute(text(statement))

        self.write(make)
        self._fitted = None

    def check_writable(self) -> None:
        """Raise Misconfigured unless bookings can be changed."""
        tables = self.fitted
        written = [tables.by[field] for field in _WRITTEN if field in tables.by]
        nothing = tables.bookings.update().where(false()).values({column: null() for column in written})
        self.write(lambda c: c.execute(nothing))

    def lacks_availability(self) -> str | None:
        """Why it can not be shown here when people are taken; None where it can."""
        try:
            self.read(require_availability)
        except Misconfigured as error:
            return str(error)
        return None

    def rows(self) -> dict[str, tuple[str, int]]:
        """The table of the bookings and that of the people, each with how many rows it has."""
        named = {"booking": self.fitted.bookings, "person": self.fitted.people}
        if self.fitted.outbox is not None:
            named["outbox"] = self.fitted.outbox.table
        with reaching(LAYOUT.database), self.engine.connect() as c:
            return {
                name: (table.fullname, c.scalar(select(func.count()).select_from(table)) or 0)
                for name, table in named.items()
            }

    def _transact(self, work: Callable[[Connection], T], writes: bool) -> T:
        try:
            return transact(self.engine, work, self.clock, LAYOUT.database, writes)
        except DBAPIError as error:
            why = refusal(error)
        # Outside the except: a database quotes the values that it refuses.
        raise Misconfigured(f"{LAYOUT.database} refuses what is asked of it: {why}; are its tables as they were?")

    def _fit(self, c: Connection) -> Fitted:
        inspector, mapping, dialect = inspect(c), self.mapping, c.dialect.name
        table, by, where = _mapped(inspector, mapping.booking)
        times = {field: columns.moments(by[field], dialect, where) for field in _TIMES if field in by}
        walls = {field: columns.walls(by[field], dialect, where) for field in _WALLS}
        shown = {
            field: columns.number(column, where) if field in _NUMBERS else columns.text(column, where)
            for field, column in by.items()
            if field not in times and field not in walls
        }
        shown |= {field: one.seconds for field, one in times.items()}
        shown |= {field: one.shown for field, one in walls.items()}
        people, whose, of_people = _mapped(inspector, mapping.person)
        seats = select(*(columns.text(whose[field], of_people) for field in ("person", "account", "calendar")))
        outbox = None
        if mapping.outbox is not None:
            kept, named, at = _mapped(inspector, mapping.outbox)
            columns.number(named["id"], at)
            outbox = Outbox(kept, named["id"], named["key"], columns.moments(named["at"], dialect, at))
        return Fitted(table, by, shown, times, walls, columns.key(by["key"]), people, seats, outbox)


def require_availability(c: Connection, missing: bool = True) -> None:
    """Raise Misconfigured where a table of the availability is another's, or with `missing` is not there."""
    inspector = inspect(c)
    for name, needed in zip(_AVAILABILITY, ({"person", "starts_at"}, {"person", "as_of"}), strict=True):
        if not inspector.has_table(name):
            if missing:
                raise Misconfigured(f"{LAYOUT.database} has no table {name}; {LAYOUT.how_to_make}")
        elif not needed <= {str(column["name"]) for column in inspector.get_columns(name)}:
            raise Misconfigured(
                f"{LAYOUT.database} has a table {name} already, and it is not Accord's; use another schema"
            )


def _mapped(inspector: Any, mapping: TableMapping | BookingTable) -> tuple[Table, dict[str, Column[Any]], str]:
    """A table with its columns by field, and how messages call it."""
    table = reflect(inspector, LAYOUT, mapping)
    where = f"the bookings table {mapping.table}"
    for field, name in mapping.columns.items():
        if name not in table.c:
            there = ", ".join(table.c.keys())
            raise Misconfigured(f"{where} has no column {name} for {field}; its columns are {there}")
    return table, {field: table.c[name] for field, name in mapping.columns.items()}, where
