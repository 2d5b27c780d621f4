"""A target in the user's own SQL database: a table for each kind of record."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, ClassVar, NamedTuple, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Engine, Inspector, Table, inspect, select, true
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from accord.clock import Clock
from accord.errors import Misconfigured
from accord.ledger.dialect import among, put, upsert
from accord.ledger.engine import reaching, transact
from accord.records import RECORDS, Kind, Record
from accord.systems import sql_tables as own
from accord.systems.sql_tables import Layout, Mapping, TableMapping

T = TypeVar("T")

REFUSED = 20  # records: where all of more than these are refused, the table does not fit, rather than the records
_CHUNK = 5000
_MAKE_ROOM = "make room for such rows in the table, or map other columns"
_ROW_REFUSED = (IntegrityError, DataError)  # of this row's values; anything else would meet every row


class _Column(NamedTuple):
    """Where a record's field goes, and how it is turned there and back."""

    field: str
    column: Column[Any]
    put: Callable[[Any], Any] | None
    get: Callable[[Any], Any] | None


class Shelf(NamedTuple):
    """The table of one kind."""

    table: Table
    columns: list[_Column]
    connection: Column[Any] | None
    rev: Column[Any] | None

    @property
    def named(self) -> dict[str, Column[Any]]:
        """The column of each field."""
        return {c.field: c.column for c in self.columns}

    @property
    def key(self) -> Column[Any]:
        return self.named["key"]

    @property
    def written(self) -> list[Column[Any]]:
        """Every column that Accord writes."""
        return [c.column for c in self.columns] + [x for x in (self.connection, self.rev) if x is not None]

    @property
    def identity(self) -> list[Column[Any]]:
        return [self.key] if self.connection is None else [self.connection, self.key]

    def mine(self, connection: str) -> ColumnElement[bool]:
        """Which rows are the connection's; all of them where the table does not tell connections apart."""
        return true() if self.connection is None else self.connection == connection

    def values(self, connection: str, rows: Sequence[tuple[int, Record]]) -> dict[str, Iterable[Any]]:
        """What is written of the records, each with its rev, by column."""
        values: dict[str, Iterable[Any]] = {}
        for field, column, turned, _ in self.columns:
            plain = [getattr(record, field) for _, record in rows]
            values[column.name] = plain if turned is None else [None if one is None else turned(one) for one in plain]
        if self.connection is not None:
            values[self.connection.name] = repeat(connection)
        if self.rev is not None:
            values[self.rev.name] = [rev for rev, _ in rows]
        return values


class SqlTarget:
    """One database, in Accord's own tables or in the user's by a mapping.

    Raises Misconfigured, naming table and column, where the tables do not fit.
    """

    layout: ClassVar[Layout]

    def __init__(self, engine: Engine, clock: Clock, mapping: Mapping | None = None) -> None:
        self._engine, self._clock = engine, clock
        self._own = mapping is None
        self._mapping = mapping or self.layout.default_mapping()
        self.kinds = frozenset(Kind(kind) for kind in self._mapping)
        self.mappings = {kind: own.digest(shelf) for kind, shelf in self._mapping.items()}
        """A digest of where the records of each kind go: which table, and which column each field."""
        self._shelves: dict[Kind, Shelf] | None = None

    @property
    def engine(self) -> Engine:
        """The database itself."""
        return self._engine

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def create_tables(self) -> None:
        """Make what is missing of Accord's own tables; tables of the user's are never made or changed.

        Raises Misconfigured, and makes nothing, where a table that is there already does not fit.
        """

        def make(c: Connection) -> None:
            inspector = inspect(c)
            own.refuse_foreign(inspector, self.layout, everything=self._own)
            for kind, mapping in sorted(self._mapping.items()):
                if not self._own or inspector.has_table(mapping.table):
                    self._open(inspector, kind, mapping)
            own.create(c, self.layout, everything=self._own)

        self._transact(make)
        self._shelves = None

    def check(self) -> None:
        """Look whether every table and column of the mapping is there and fits."""

        def look(c: Connection) -> dict[Kind, Shelf]:
            inspector = inspect(c)  # one, since it remembers what it has looked up
            shelves = {kind: self._open(inspector, kind, self._mapping[kind]) for kind in sorted(self.kinds)}
            missing = own.missing(inspector)
            if missing:
                raise Misconfigured(f"{self.layout.database} has no table {missing[0]}; {self.layout.how_to_make}")
            return shelves

        self._shelves = transact(self._engine, look, self._clock, self.layout.database, writes=False)

    def write(self, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]) -> dict[str, str]:
        """Show these records, each with its rev, in one transaction.

        A row that shows a later rev already stays as it is; of some kinds rows are only ever inserted. What comes back
        is why the database refuses single records, by `source_key`. Raises TryLater while the database is away, and
        Misconfigured where it refuses all of more than `REFUSED` records.
        """
        shelf = self._shelf(kind)
        if self._transact(lambda c: self._write_at_once(c, shelf, connection, kind, rows)):
            return {}
        refused = self._transact(lambda c: self._write_singly(c, shelf, connection, kind, rows))
        if len(refused) > REFUSED and len(refused) == len({record.source_key for _, record in rows}):
            raise Misconfigured(f"{next(iter(refused.values()))}; {_MAKE_ROOM}")
        return refused

    def _write_at_once(
        self, c: Connection, shelf: Shelf, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]
    ) -> bool:
        """All of them; False where the database refuses one, and then none is written."""
        try:
            with c.begin_nested():
                self._write(c, shelf, connection, kind, rows)
        except _ROW_REFUSED:
            return False
        return True

    def _write_singly(
        self, c: Connection, shelf: Shelf, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]
    ) -> dict[str, str]:
        """Record by record, those of one `source_key` together; why some were refused."""
        together: dict[str, list[tuple[int, Record]]] = {}
        for row in rows:
            together.setdefault(row[1].source_key, []).append(row)
        refused: dict[str, str] = {}
        for key, few in together.items():
            try:
                with c.begin_nested():
                    self._write(c, shelf, connection, kind, few)
            except _ROW_REFUSED as error:
                refused[key] = f"{self.layout.database} refuses it: {own.refusal(error)}"
        return refused

    def agreed(self, connection: str, at: float) -> None:
        """Note for readers of the database that it shows all that the connection showed at `at`."""
        values = {"connection": connection, "last_agreed_at": own.to_time(int(at))}

        def write(c: Connection) -> None:
            row, table = upsert(c, own.agreement).values(**values), own.agreement
            newer = table.c.last_agreed_at < row.excluded.last_agreed_at
            c.execute(row.on_conflict_do_update(index_elements=[table.c.connection], set_=values, where=newer))

        self._transact(write)

    def read(self, connection: str, kind: Kind) -> Iterator[tuple[str, bool, tuple[Any, ...]]]:
        """Every row of a kind that Accord wrote, as (key, deleted, values of `fields(kind)`), in the records' units.

        Of rows that are only inserted, in a table of the user's that does not tell connections apart, every row.
        """
        shelf = self._shelf(kind)
        names = [c.field for c in shelf.columns]
        key, deleted = names.index("key"), names.index("deleted") if "deleted" in names else None
        rows = select(*(c.column for c in shelf.columns)).where(shelf.mine(connection))
        if shelf.rev is not None:
            rows = rows.where(shelf.rev.is_not(None))
        elif kind not in self.layout.only_inserted:
            mine = own.seen.c.shelf == f"{connection}:{shelf.table.fullname}"
            rows = rows.where(shelf.key.in_(select(own.seen.c.key).where(mine)))
        with (
            reaching(self.layout.database),
            self._engine.connect() as c,
            c.execution_options(yield_per=_CHUNK).execute(rows) as found,
        ):
            for row in found:
                values = tuple(
                    value if column.get is None or value is None else column.get(value)
                    for column, value in zip(shelf.columns, row, strict=True)
                )
                yield values[key], deleted is not None and bool(values[deleted]), values

    def fields(self, kind: Kind) -> list[str]:
        """The record fields that the table shows, in the order of `read`."""
        return [column.field for column in self._shelf(kind).columns]

    def _transact(self, work: Callable[[Connection], T]) -> T:
        try:
            return transact(self._engine, work, self._clock, self.layout.database)
        except DBAPIError as error:
            why = own.refusal(error)
        # Outside the except: a database quotes the values that it refuses.
        raise Misconfigured(f"{self.layout.database} refuses what Accord wants to write: {why}; {_MAKE_ROOM}")

    def _write(
        self, c: Connection, shelf: Shelf, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]
    ) -> None:
        only_inserted = kind in self.layout.only_inserted
        if shelf.rev is None and not only_inserted:
            rows = self._not_overtaken(c, shelf, connection, rows)
        if not rows:
            return
        same = tuple(column.name for column in shelf.identity)
        newer = None if shelf.rev is None else shelf.rev.name
        put(c, shelf.table, shelf.values(connection, rows), same, newer, keep=only_inserted)

    def _not_overtaken(
        self, c: Connection, shelf: Shelf, connection: str, rows: Sequence[tuple[int, Record]]
    ) -> list[tuple[int, Record]]:
        """The rows that no later rev has overtaken, by the table `accord_seen`, which takes note of them."""
        seen, name = own.seen, f"{connection}:{shelf.table.fullname}"
        noted = {"shelf": repeat(name), "key": [r.key for _, r in rows], "rev": [rev for rev, _ in rows]}
        put(c, seen, noted, same=("shelf", "key"), newer="rev")
        keys = [record.key for _, record in rows]
        found = c.execute(select(seen.c.key, seen.c.rev).where(seen.c.shelf == name, among(c, seen.c.key, keys)))
        now = {row.key: row.rev for row in found}
        return [(rev, record) for rev, record in rows if now.get(record.key) == rev]

    @property
    def shelves(self) -> dict[Kind, Shelf]:
        """The table of each kind, once it was found to fit."""
        if self._shelves is None:
            self.check()
        return self._shelves or {}

    def _shelf(self, kind: Kind) -> Shelf:
        return self.shelves[kind]

    def _open(self, inspector: Inspector, kind: Kind, mapping: TableMapping) -> Shelf:
        table = own.reflect(inspector, self.layout, mapping)
        try:
            return self._fit(inspector, kind, mapping, table)
        except Misconfigured as error:
            if not self._own:
                raise
            name = self.layout.name
            raise Misconfigured(
                f"the {name} database has a table {mapping.table} already that is not Accord's {name} table; use "
                f"another database or schema, or give --mapping for your own tables: docs/mapping.md ({error})"
            ) from None

    def _fit(self, inspector: Inspector, kind: Kind, mapping: TableMapping, table: Table) -> Shelf:
        where = f"the {self.layout.name} table {mapping.table}"
        columns = []
        for field, name in mapping.columns.items():
            if name not in table.c:
                there = ", ".join(table.c.keys())
                raise Misconfigured(f"{where} has no column {name} for {kind}.{field}; its columns are {there}")
            if field not in ("connection", "rev"):
                put, get = own.conversion(RECORDS[kind], field, table.c[name], where)
                columns.append(_Column(field, table.c[name], put, get))
        named = {field: table.c[name] for field, name in mapping.columns.items()}
        shelf = Shelf(table, columns, named.get("connection"), named.get("rev"))
        own.check_fit(inspector, kind, table, named, shelf.identity, where)
        return shelf
