"""The ledger's statements built once: each is taken from the function that makes it, with room for its arguments.

Building a statement takes SQLAlchemy thirty times as long as SQLite takes to run it on a few rows in memory, and a
schedule asks a few questions over and over. What is run is the very SQL that the function makes; only what a function
makes of the rows stands here again. A test plays schedules with and without, and they must not differ.
"""

import contextlib
import functools
import sqlite3
from collections.abc import Callable, Collection, Iterator, KeysView, Sequence
from typing import Any
from unittest import mock

import msgspec
from sqlalchemy import Connection, bindparam

from accord.calendars import Seat
from accord.errors import Superseded
from accord.ledger import batches, calendars, counters, inbox, leases, links, pairs, quarantine, streams

Use = Callable[[sqlite3.Cursor], Any]


def _first(make: Callable[..., Any]) -> Use:
    def use(cursor: sqlite3.Cursor) -> Any:
        row = cursor.fetchone()
        return None if row is None else make(*row)

    return use


def _nothing(cursor: sqlite3.Cursor) -> None:
    return None


def _column(cursor: sqlite3.Cursor) -> list[Any]:
    return [value for (value,) in cursor]


def _released(cursor: sqlite3.Cursor) -> None:
    if cursor.rowcount != 1:
        raise Superseded("another worker took it over")


def _keys(cursor: sqlite3.Cursor) -> set[Any]:
    return set(_column(cursor))


def _number(cursor: sqlite3.Cursor) -> Any:
    row = cursor.fetchone()
    return (row and row[0]) or 0


def _value(cursor: sqlite3.Cursor) -> Any:
    return cursor.fetchone()[0]


def _one(cursor: sqlite3.Cursor) -> bool:
    return cursor.rowcount == 1


def _stopped(cursor: sqlite3.Cursor) -> dict[str, str]:
    names = [name for name, *_ in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor]
    return {row["stream"]: row["stopped"] for row in rows}


def _listened(cursor: sqlite3.Cursor) -> calendars.Listened:
    row = cursor.fetchone()
    return calendars.Listened() if row is None else calendars.Listened(*row)


def _paused(cursor: sqlite3.Cursor) -> dict[Seat, str]:
    return {Seat(account, calendar): why for account, calendar, why in cursor}


def _rows(cursor: sqlite3.Cursor) -> list[Any]:
    return cursor.fetchall()


# Functions of one statement, and what they make of its rows.
MADE: list[tuple[Any, str, Use]] = [
    (batches, "lock", _one),
    (batches, "oldest", _first(batches.Open)),
    (batches, "open_ids", _column),
    (batches, "remove", _one),
    (batches, "unsettled", _number),
    (calendars, "get", _listened),
    (calendars, "known", lambda cursor: [Seat(*row) for row in cursor]),
    (calendars, "paused", _paused),
    (counters, "lock", _nothing),
    (counters, "next_rev", _first(int)),
    (counters, "ticket", _number),
    (inbox, "_oldest_due", lambda cursor: [(row[0], inbox.Hint(*row[1:])) for row in cursor]),
    (inbox, "forget_old", _nothing),
    (inbox, "give_up", _nothing),
    (inbox, "held", _number),
    (inbox, "in_hand", _number),
    (inbox, "oldest", _first(inbox.Waiting)),
    (inbox, "open_keys", _keys),
    (inbox, "unmet", lambda cursor: sorted(_keys(cursor))),
    (inbox, "waiting", _number),
    (leases, "acquire", _first(int)),
    (leases, "release", _released),
    (links, "_deleted", _keys),
    (links, "_facts", lambda cursor: cursor.fetchall()),
    (links, "_linked", lambda cursor: cursor.fetchall()),
    (links, "_shown", _column),
    (links, "differ", _nothing),
    (links, "done", _nothing),
    (links, "live_records", _number),
    (links, "newest", _number),
    (links, "oldest", _value),
    (links, "pending", _keys),
    (pairs, "_by_events", _rows),
    (pairs, "_by_keys", _rows),
    (pairs, "_making", _rows),
    (pairs, "events_in", _keys),
    (pairs, "keys_of", _column),
    (pairs, "seats", _rows),
    (quarantine, "held", _number),
    (quarantine, "older", _column),
    (streams, "_still_open", _first(streams.Window)),
    (streams, "_unsettled", _keys),
    (streams, "advance", _nothing),
    (streams, "doubted", _number),
    (streams, "finish", _nothing),
    (streams, "get", _first(streams.Stream)),
    (streams, "leave_out", _nothing),
    (streams, "in_state", lambda cursor: [streams.Window(*row) for row in cursor]),
    (streams, "open_count", _number),
    (streams, "plan_recent", _nothing),
    (streams, "put", _nothing),
    (streams, "stopped", _stopped),
]


class Direct:
    """A connection that also runs statements made before, without SQLAlchemy. It begins transactions by itself."""

    def __init__(self, connection: Connection, db: sqlite3.Connection) -> None:
        self._connection, self._db = connection, db
        self.dialect = connection.dialect

    def __getattr__(self, name: str) -> Any:
        self._begin()
        return getattr(self._connection, name)

    def run(self, template: "Template", given: dict[str, Any]) -> sqlite3.Cursor:
        """Run a statement that was made before."""
        self._begin()
        return self._db.execute(template.text, template.values(given))

    def _begin(self) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


class _Found(Exception):
    pass


class _Finder:
    """Stands in for a connection, to see the statement that is executed."""

    def __init__(self, dialect: Any) -> None:
        self.dialect = dialect

    def execute(self, statement: Any) -> Any:
        raise _Found(statement)

    scalar = scalars = execute


class Template:
    """A statement as text, with the order of its parameters."""

    def __init__(self, statement: Any, dialect: Any, given: Collection[str]) -> None:
        compiled = statement.compile(dialect=dialect)
        listed = {_json([name]): name for name in given}
        self.text, self._fixed = str(compiled), dict(compiled.params)
        self._order = [listed.get(self._fixed[name], name) for name in compiled.positiontup]

    def values(self, given: dict[str, Any]) -> Sequence[Any]:
        """The parameters in their order."""
        all_ = {**self._fixed, **given}
        return [all_[name] for name in self._order]


_FIXED = (type(None), bool)  # these decide how the statement looks
_KEYS = (list, set, frozenset, dict, KeysView)  # these go to the database as one value (`accord.ledger.dialect.among`)


def _json(keys: Collection[Any]) -> str:
    return msgspec.json.encode(list(keys)).decode()


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, tuple):
        for number, one in enumerate(value):
            yield from _flat(f"{name}_{number}", one)
    else:
        yield name, _json(value) if isinstance(value, _KEYS) else value


def _place(name: str, value: Any) -> Any:
    """The argument with room in place of each value."""
    if isinstance(value, tuple):
        parts = [_place(f"{name}_{number}", one) for number, one in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, _KEYS):
        return [name]
    return value if isinstance(value, _FIXED) else bindparam(name, value)


_templates: dict[Any, Template] = {}


def _templated(real: Callable[..., Any], use: Use) -> Callable[..., Any]:
    """`real`, with its statement built only once for each shape of arguments."""

    @functools.wraps(real)
    def made(connection: Any, *values: Any, **named: Any) -> Any:
        if type(connection) is not Direct:
            return real(connection, *values, **named)
        named_ = {f"p{number}": value for number, value in enumerate(values)}
        given = dict(pair for name, value in {**named_, **named}.items() for pair in _flat(name, value))
        key = (real, *((name, value if isinstance(value, _FIXED) else type(value)) for name, value in given.items()))
        if key not in _templates:
            places = [_place(name, value) for name, value in named_.items()]
            try:
                real(_Finder(connection.dialect), *places, **{name: _place(name, one) for name, one in named.items()})
            except _Found as found:
                _templates[key] = Template(found.args[0], connection.dialect, given)
        return use(connection.run(_templates[key], given))

    return made


@contextlib.contextmanager
def made_once() -> Iterator[None]:
    """Within, these functions build their statements once, on direct connections; not those with a bug planted."""
    with contextlib.ExitStack() as stack:
        for module, name, use in MADE:
            real = getattr(module, name)
            if real.__module__ == module.__name__:
                stack.enter_context(mock.patch.object(module, name, _templated(real, use)))
        yield
