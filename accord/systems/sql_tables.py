"""The tables of a target in an SQL database: Accord's own, and how a mapping points at the user's."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Inspector,
    Integer,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    inspect,
    text,
)
from sqlalchemy.exc import DBAPIError, NoSuchTableError

from accord.errors import Misconfigured
from accord.ledger.schema import metadata as ledger
from accord.records import RECORDS, TIMES, Kind


class TableMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which table takes the records of a kind, and which column each field; fields left out are not written.

    `connection` and `rev` may be mapped too: the first where several connections share the table, the second to hold
    Accord's revision number (without it, a small table `accord_seen` beside yours does).
    """

    table: str
    columns: dict[str, str]


Mapping = dict[Kind, TableMapping]


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """What a target keeps, and how it is laid out where nobody maps it to tables of their own."""

    name: str  # as commands and messages call it
    tables: dict[Kind, str]  # the name of the table of each kind
    views: dict[str, str]  # what each view selects
    only_inserted: frozenset[Kind] = frozenset()  # kinds whose rows never change
    needed: dict[Kind, frozenset[str]] = dataclasses.field(default_factory=dict)  # fields that a mapping must name

    @property
    def database(self) -> str:
        """The database, as messages call it."""
        return f"the {self.name} database"

    @property
    def how_to_make(self) -> str:
        """What to do where tables are missing."""
        return f"Accord makes its own with: accord {self.name} create, or accord connect {self.name} --create"

    @cached_property
    def own_tables(self) -> MetaData:
        """Accord's own tables: a column for each field under its own name, the key as `id`."""
        metadata = MetaData()
        for kind, name in self.tables.items():
            record = RECORDS[kind]
            columns: list[Column[Any]] = [Column(key, Text, primary_key=True) for key in ("connection", "id")]
            for field in record.fields():
                if field != "key":
                    type_, nullable = record.field_type(field)
                    columns.append(Column(field, _SQL[type_] if field not in TIMES else _TIME, nullable=nullable))
            if kind not in self.only_inserted:
                columns.append(Column("rev", BigInteger, nullable=False))
            Table(name, metadata, *columns)
        return metadata

    def default_mapping(self) -> Mapping:
        """Where the records go in Accord's own tables."""
        return {
            kind: TableMapping(
                name,
                {"connection": "connection", "key": "id"}
                | {field: field for field in RECORDS[kind].fields() if field != "key"}
                | ({} if kind in self.only_inserted else {"rev": "rev"}),
            )
            for kind, name in self.tables.items()
        }

    def parse_mapping(self, raw: object) -> Mapping:
        """Read a mapping from plain data: kind -> {table, columns}. Raises Misconfigured with what is wrong."""
        what = f"the {self.name} mapping"
        unknown = sorted(str(kind) for kind in raw if kind not in self.tables) if isinstance(raw, dict) else []
        if unknown:
            raise Misconfigured(f"{what} names the kind {unknown[0]}; its kinds are {', '.join(self.tables)}")
        try:
            mapping = msgspec.convert(raw, dict[Kind, TableMapping])
        except msgspec.ValidationError as error:
            raise Misconfigured(f"{what} is malformed: {error}") from None
        for kind, shelf in mapping.items():
            self._require_sense(kind, shelf)
        tables = Counter(shelf.table for shelf in mapping.values())
        shared = sorted(table for table, times in tables.items() if times > 1)
        if shared:
            raise Misconfigured(f"{what} puts two kinds into the table {shared[0]}; give each its own")
        return mapping

    def _require_sense(self, kind: Kind, shelf: TableMapping) -> None:
        what = f"the {self.name} mapping of {kind}"
        known = {*RECORDS[kind].fields(), "connection", "rev"}
        unknown = sorted(shelf.columns.keys() - known)
        if unknown:
            raise Misconfigured(f"{what} names {unknown[0]}; its fields are {', '.join(sorted(known))}")
        twice = sorted(name for name, times in Counter(shelf.columns.values()).items() if times > 1)
        if twice:
            raise Misconfigured(f"{what} puts two fields into the column {twice[0]}")
        lacking = sorted(self.needed.get(kind, {"key", "deleted"}) - shelf.columns.keys())
        if lacking:
            raise Misconfigured(f"{what} must say where {lacking[0]} goes")


def digest(mapping: TableMapping) -> str:
    """The same for the same table and columns, in whatever order they are named."""
    plain = (mapping.table, sorted(mapping.columns.items()))
    return hashlib.blake2b(msgspec.json.encode(plain), digest_size=16).hexdigest()


_TIME = DateTime(timezone=True)
_SQL: dict[type, Any] = {str: Text, int: BigInteger, bool: Boolean}

# Beside whichever tables hold the records: what Accord itself needs in the target.
_beside = MetaData()
agreement = Table(
    "accord_agreement",
    _beside,
    Column("connection", Text, primary_key=True),
    Column("last_agreed_at", _TIME, nullable=False),
)
seen = Table(
    "accord_seen",
    _beside,
    Column("shelf", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("rev", BigInteger, nullable=False),
)
BESIDE = (agreement, seen)


def create(connection: Connection, layout: Layout, everything: bool) -> None:
    """Make the tables that are missing: Accord's bookkeeping, and with `everything` also those of the records."""
    _beside.create_all(connection)
    if everything:
        layout.own_tables.create_all(connection)
        there = inspect(connection).get_view_names()
        for name, selects in layout.views.items():
            if name not in there:
                connection.execute(text(f"CREATE VIEW {name} AS {selects}"))


def refuse_foreign(inspector: Inspector, layout: Layout, everything: bool) -> None:
    """Raise Misconfigured where a table or a view beside those of the records has a name of ours, and is another's.

    So too where the ledger is in this database: with other tables beside its own it would count as changed by somebody.
    """
    there = inspector.get_table_names()
    if ledger.tables.keys() <= set(there):
        raise Misconfigured(
            f"{layout.database} is the one that holds the ledger, which is to be alone there; use another database "
            "or schema"
        )
    names = [t.name for t in BESIDE if t.name in there and not {*t.c.keys()} <= _columns(inspector, t.name)]
    if everything and not [t.name for t in BESIDE if t.name in there]:  # no Accord has made anything here
        names += [view for view in layout.views if view in inspector.get_view_names()]
    if names:
        raise Misconfigured(
            f"{layout.database} has {names[0]} already, and it is not Accord's; use another database or schema"
        )


def _columns(inspector: Inspector, table: str) -> set[str]:
    return {str(column["name"]) for column in inspector.get_columns(table)}


def missing(inspector: Inspector) -> list[str]:
    """The bookkeeping tables that are not there."""
    there = inspector.get_table_names()
    return [name for name in _beside.tables if name not in there]


def reflect(inspector: Inspector, layout: Layout, mapping: TableMapping) -> Table:
    """The table as the database has it."""
    schema, _, name = mapping.table.rpartition(".")
    table = Table(name, MetaData(), schema=schema or None)
    try:
        inspector.reflect_table(table, None, resolve_fks=False)
    except NoSuchTableError:
        raise Misconfigured(
            f"{layout.database} has no table {mapping.table}; name one in the mapping that is there, or leave the "
            f"mapping out: {layout.how_to_make}"
        ) from None
    for column in table.c:
        if inspector.dialect.name == "sqlite" and isinstance(column.type, Numeric):
            # It holds whole numbers exactly, but SQLAlchemy would pass them through floats.
            column.type = column.type if isinstance(column.type, Float) else BigInteger()
    return table


def check_fit(
    inspector: Inspector,
    kind: Kind,
    table: Table,
    named: dict[str, Column[Any]],
    identity: Sequence[Column[Any]],
    where: str,
) -> None:
    """Raise Misconfigured where rows could not be told apart, or could not be inserted at all."""
    names = {column.name for column in identity}
    unique = [set(inspector.get_pk_constraint(table.name, table.schema)["constrained_columns"])]
    # The indexes tell of every constraint; SQLite's own, which it makes for them, have to be asked for.
    hidden = {"include_auto_indexes": True} if inspector.dialect.name == "sqlite" else {}
    unique += [
        {str(name) for name in i["column_names"]}
        for i in inspector.get_indexes(table.name, table.schema, **hidden)
        # One that holds for some rows only can not tell whether a row is there.
        if i["unique"] and not any(str(option).endswith("_where") for option in i.get("dialect_options", {}))
    ]
    if names not in unique:
        raise Misconfigured(f"{where} needs a unique constraint on ({', '.join(sorted(names))}) for {kind} records")
    mapped = {column.name for column in named.values()}
    for field, column in named.items():
        if field not in ("connection", "rev") and not column.nullable and RECORDS[kind].field_type(field)[1]:
            raise Misconfigured(f"{where} refuses NULL in the column {column.name}, but a record may have no {field}")
    for column in table.c:
        automatic = column.server_default is not None or column.autoincrement is True or column.identity is not None
        rowid = column.primary_key and isinstance(column.type, Integer)
        if column.name not in mapped and not column.nullable and not automatic and not rowid:
            raise Misconfigured(f"{where} requires the column {column.name}; map a field to it or give it a default")


def refusal(error: DBAPIError) -> str:
    """What a database objects to, by its own names for it and without the values that it quotes."""
    diagnosis = getattr(error.orig, "diag", None)
    if getattr(error.orig, "sqlite_errorname", None) == "SQLITE_CONSTRAINT_TRIGGER":
        return "a trigger of the table"  # its text is the user's own, and may hold anything
    if diagnosis is None:
        return str(error.orig)  # SQLite's own messages hold names only
    names = (diagnosis.sqlstate, diagnosis.table_name, diagnosis.column_name, diagnosis.constraint_name)
    return " ".join([type(error.orig).__name__, *(name for name in names if name)])


def to_time(seconds: int) -> datetime:
    """Unix seconds as an aware UTC time."""
    return datetime.fromtimestamp(seconds, UTC)


def from_time(value: datetime) -> int:
    """A time as the database gives it, in Unix seconds."""
    # SQLite keeps no zone: what comes back naive was written as UTC.
    return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())


def conversion(
    record: Any, field: str, column: Column[Any], where: str
) -> tuple[Callable[[Any], Any] | None, Callable[[Any], Any] | None]:
    """How a field's values go into a column and back; None where they go as they are."""
    type_, _ = record.field_type(field)
    if field in TIMES:
        if isinstance(column.type, DateTime):
            zoned = bool(getattr(column.type, "timezone", False))
            return (to_time if zoned else lambda s: to_time(s).replace(tzinfo=None)), from_time
        if isinstance(column.type, Integer):
            return None, None
    elif type_ is str and isinstance(column.type, String):
        # A plain text: a driver may take an enumeration for something else.
        return (str if record.is_enumerated(field) else None), None
    elif type_ is int and isinstance(column.type, Numeric | Integer) and not isinstance(column.type, Float):
        return None, int
    elif type_ is bool and isinstance(column.type, Boolean | Integer):
        return (None if isinstance(column.type, Boolean) else int), bool
    kind = "a time" if field in TIMES else {str: "text", int: "a whole number", bool: "yes or no"}[type_]
    raise Misconfigured(f"{where} has a column {column.name} of type {column.type}, where {field} is {kind}")
