"""Statements that take many values, on both databases."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import repeat

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Connection, DateTime, MetaData, Table, Text, select

from accord.ledger.dialect import among, put

SHELF = Table(
    "put_here",
    MetaData(),
    Column("owner", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("rev", BigInteger),
    Column("gone", Boolean),
    Column("odd %name", Text),
    Column("at", DateTime(timezone=True)),
)
SAME = ("owner", "key")
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def connection(true_ledger) -> Iterator[Connection]:
    with true_ledger.engine.execution_options(writes=True).connect() as connection:
        SHELF.create(connection)
        yield connection
        connection.rollback()


def write(connection: Connection, keys: list[str], revs: list[int | None], **how: object) -> None:
    # Not in the table's order, which nobody who calls it has to know.
    values = {
        "rev": revs,
        "gone": repeat(True),
        "odd %name": keys,
        "at": repeat(THEN),
        "key": keys,
        "owner": repeat("me"),
    }
    put(connection, SHELF, values, **how)


def revs(connection: Connection) -> dict[str, int]:
    return {row.key: row.rev for row in connection.execute(select(SHELF))}


def test_rows_arrive_as_they_were_given_whatever_their_types(connection):
    write(connection, ["a", "b"], [1, None])
    rows = connection.execute(select(SHELF).order_by(SHELF.c.key)).all()
    assert [row[:5] for row in rows] == [("me", "a", 1, True, "a"), ("me", "b", None, True, "b")]
    assert {row.at.replace(tzinfo=UTC) for row in rows} == {THEN}


def test_nothing_is_written_of_no_rows(connection):
    write(connection, [], [])
    assert revs(connection) == {}


def test_a_row_that_is_there_takes_the_other_columns(connection):
    write(connection, ["a", "b"], [5, 5], same=SAME)
    write(connection, ["b", "c"], [3, 3], same=SAME)
    assert revs(connection) == {"a": 5, "b": 3, "c": 3}


def test_only_what_is_newer_replaces_a_row_or_what_comes_where_nothing_was(connection):
    write(connection, ["a", "b", "c"], [5, 5, None], same=SAME)
    write(connection, ["a", "b", "c"], [4, 6, 1], same=SAME, newer="rev")
    assert revs(connection) == {"a": 5, "b": 6, "c": 1}


def test_a_row_that_is_there_is_kept(connection):
    write(connection, ["a"], [5], same=SAME)
    write(connection, ["a", "b"], [9, 9], same=SAME, keep=True)
    assert revs(connection) == {"a": 5, "b": 9}


def test_many_keys_go_as_one_value_with_whatever_is_in_them(connection):
    keys = [f"key '{number}\" é\\" for number in range(40_000)]  # more than SQLite takes as single values
    write(connection, keys[::2], [*range(20_000)])
    found = connection.scalars(select(SHELF.c.key).where(among(connection, SHELF.c.key, keys[:1000]))).all()
    assert sorted(found) == sorted(keys[:1000:2])
    assert len(connection.scalars(select(SHELF.c.key).where(among(connection, SHELF.c.key, keys))).all()) == 20_000
