"""The statements that SQLite and PostgreSQL spell through their own dialects, and those that take many values."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, Dialect, Table, Text, any_, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite


def upsert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows `on_conflict_do_update` and `on_conflict_do_nothing` on this connection's database."""
    return _insert(connection.dialect, table)


def _insert(dialect: Dialect, table: Table) -> Any:
    return (postgresql.insert if dialect.name == "postgresql" else sqlite.insert)(table)


def among(connection: Connection, column: Column[Any], keys: Collection[str]) -> ColumnElement[bool]:
    """The condition that a column is one of these texts, which go to the database as one value, however many."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal([*map(str, keys)], postgresql.ARRAY(Text)))  # psycopg has its own way with enums
    listed = func.json_each(msgspec.json.encode(list(keys)).decode()).table_valued("value")
    return column.in_(select(listed.c.value))


def put(
    connection: Connection,
    table: Table,
    values: Mapping[str, Iterable[Any]],
    same: tuple[str, ...] = (),
    newer: str | None = None,
    keep: bool = False,
) -> None:
    """Insert rows, given as the values of each column; those that are alike in all rows by `itertools.repeat`.

    A row that is there already, by the columns `same`, is updated: with `newer` only where that column is lower there
    or empty; with `keep` not at all. The statement is made once and run on plain tuples: to look at each value of each
    row takes SQLAlchemy three times as long as the database takes for all the rest.
    """
    statement = _statement(connection.dialect, table, tuple(values), same, newer, keep)
    ordered = (values[name] if turn is None else map(turn, values[name]) for name, turn in statement.columns)
    rows = list(zip(*ordered, strict=False))  # not strict: what is repeated has no end
    if rows:
        connection.exec_driver_sql(statement.text, rows)


class _Statement(NamedTuple):
    text: str
    columns: list[tuple[str, Callable[[Any], Any] | None]]  # in the order of its marks: how the driver wants the values


@lru_cache(maxsize=256)
def _statement(
    dialect: Dialect, table: Table, columns: tuple[str, ...], same: tuple[str, ...], newer: str | None, keep: bool
) -> _Statement:
    insert = _insert(dialect, table)
    if keep:
        insert = insert.on_conflict_do_nothing(index_elements=same)
    elif same:
        there = None if newer is None else table.c[newer]
        insert = insert.on_conflict_do_update(
            index_elements=same,
            set_={name: insert.excluded[name] for name in columns if name not in same},
            where=None if there is None else or_(there.is_(None), there < insert.excluded[newer]),
        )
    kind: Any = type(dialect)
    positional = kind(paramstyle="qmark" if dialect.name == "sqlite" else "format")
    compiled = insert.compile(dialect=positional, column_keys=columns)
    order = [str(name) for name in compiled.positiontup]
    return _Statement(
        str(compiled), [(name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order]
    )
