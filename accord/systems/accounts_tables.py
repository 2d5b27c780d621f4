"""The accounts' tables: Accord's own, and how a mapping points at the user's."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
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
from accord.records import RECORDS, TIMES, Kind

HOW_TO_MAKE = "Accord makes its own with: accord accounts create, or accord connect accounts --create"
NAMES = {
    Kind.CUSTOMER: "customers",
    Kind.SUBSCRIPTION: "subscriptions",
    Kind.INVOICE: "invoices",
    Kind.INTENT: "payment_intents",
    Kind.PAYMENT: "payments",
    Kind.REFUND: "refunds",
    Kind.DISPUTE: "disputes",
    Kind.LEG: "account_legs",
}


class TableMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which table takes the records of a kind, and which column each field; fields left out are not written.

    `connection` and `rev` may be mapped too: the first where several connections share the table, the second to hold
    Accord's revision number (without it, a small table `accord_seen` beside yours does).
    """

    table: str
    columns: dict[str, str]


Mapping = dict[Kind, TableMapping]


def default_mapping() -> Mapping:
    """Accord's own tables: a column for each field under its own name, the key as `id`."""
    return {
        kind: TableMapping(
            NAMES[kind],
            {"connection": "connection", "key": "id"}
            | {field: field for field in RECORDS[kind].fields() if field != "key"}
            | ({} if kind is Kind.LEG else {"rev": "rev"}),
        )
        for kind in NAMES
    }


def parse_mapping(raw: object) -> Mapping:
    """Read a mapping from plain data: kind -> {table, columns}. Raises Misconfigured with what is wrong."""
    unknown = sorted(str(kind) for kind in raw if kind not in [*Kind]) if isinstance(raw, dict) else []
    if unknown:
        raise Misconfigured(f"the accounts mapping names the kind {unknown[0]}; its kinds are {', '.join(Kind)}")
    try:
        mapping = msgspec.convert(raw, dict[Kind, TableMapping])
    except msgspec.ValidationError as error:
        raise Misconfigured(f"the accounts mapping is malformed: {error}") from None
    for kind, shelf in mapping.items():
        known = {*RECORDS[kind].fields(), "connection", "rev"}
        unknown = sorted(shelf.columns.keys() - known)
        if unknown:
            raise Misconfigured(
                f"the accounts mapping of {kind} names {unknown[0]}; its fields are {', '.join(sorted(known))}"
            )
        twice = sorted(name for name, times in Counter(shelf.columns.values()).items() if times > 1)
        if twice:
            raise Misconfigured(f"the accounts mapping of {kind} puts two fields into the column {twice[0]}")
        needed = {"key", "currency", "gross"} if kind is Kind.LEG else {"key", "deleted"}
        lacking = sorted(needed - shelf.columns.keys())
        if lacking:
            raise Misconfigured(f"the accounts mapping of {kind} must say where {lacking[0]} goes")
    tables = Counter(shelf.table for shelf in mapping.values())
    shared = sorted(table for table, times in tables.items() if times > 1)
    if shared:
        raise Misconfigured(f"the accounts mapping puts two kinds into the table {shared[0]}; give each its own")
    before_legs = {Kind.PAYMENT, Kind.REFUND, Kind.DISPUTE} - mapping.keys()
    if Kind.LEG in mapping and before_legs:
        raise Misconfigured(f"to map {Kind.LEG}, map {sorted(before_legs)[0]} too: it says whose account a leg is in")
    return mapping


def digest(mapping: TableMapping) -> str:
    """The same for the same table and columns, in whatever order they are named."""
    plain = (mapping.table, sorted(mapping.columns.items()))
    return hashlib.blake2b(msgspec.json.encode(plain), digest_size=16).hexdigest()


_metadata = MetaData()


def _own_table(kind: Kind) -> Table:
    record = RECORDS[kind]
    columns: list[Column[Any]] = [
        Column("connection", Text, primary_key=True),
        Column("id", Text, primary_key=True),
    ]
    for field in record.fields():
        if field != "key":
            type_, nullable = record.field_type(field)
            columns.append(Column(field, _SQL[type_] if field not in TIMES else _TIME, nullable=nullable))
    if kind is not Kind.LEG:
        columns.append(Column("rev", BigInteger, nullable=False))
    return Table(NAMES[kind], _metadata, *columns)


_TIME = DateTime(timezone=True)
_SQL: dict[type, Any] = {str: Text, int: BigInteger, bool: Boolean}

for _kind in NAMES:
    _own_table(_kind)

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
_BALANCES = """CREATE VIEW account_balances AS
SELECT connection, account, currency, SUM(gross) AS gross, SUM(fee) AS fee, SUM(net) AS balance, COUNT(*) AS legs
FROM account_legs GROUP BY connection, account, currency"""


def create(connection: Connection, everything: bool) -> None:
    """Make the tables that are missing: Accord's bookkeeping, and with `everything` also those of the records."""
    _beside.create_all(connection)
    if everything:
        _metadata.create_all(connection)
        if "account_balances" not in inspect(connection).get_view_names():
            connection.execute(text(_BALANCES))


def missing(inspector: Inspector) -> list[str]:
    """The bookkeeping tables that are not there."""
    there = inspector.get_table_names()
    return [name for name in _beside.tables if name not in there]


def reflect(inspector: Inspector, mapping: TableMapping) -> Table:
    """The table as the database has it."""
    schema, _, name = mapping.table.rpartition(".")
    table = Table(name, MetaData(), schema=schema or None)
    try:
        inspector.reflect_table(table, None, resolve_fks=False)
    except NoSuchTableError:
        raise Misconfigured(
            f"the accounts database has no table {mapping.table}; name one in the mapping that is there, or leave the "
            f"mapping out: {HOW_TO_MAKE}"
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
        return None, None
    elif type_ is int and isinstance(column.type, Numeric | Integer) and not isinstance(column.type, Float):
        return None, int
    elif type_ is bool and isinstance(column.type, Boolean | Integer):
        return (None if isinstance(column.type, Boolean) else int), bool
    kind = "a time" if field in TIMES else {str: "text", int: "a whole number", bool: "yes or no"}[type_]
    raise Misconfigured(f"{where} has a column {column.name} of type {column.type}, where {field} is {kind}")
