"""The ledger's statements built once: each is taken from the function that makes it, with room for its arguments.

Building a statement takes SQLAlchemy thirty times as long as SQLite takes to run it on a few rows in memory. What is
run is the very SQL that the function makes; the functions themselves are run as they are by the ledger's own tests.
"""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import bindparam

from accord.errors import Superseded
from accord.ledger import batches, counters, inbox, leases, links, streams


def _released(cursor: sqlite3.Cursor, name: str, token: int) -> None:
    if cursor.rowcount != 1:
        raise Superseded(f"another worker took over {name}")


def _first(make: Callable[..., Any]) -> Callable[..., Any]:
    def use(cursor: sqlite3.Cursor, *_: Any) -> Any:
        row = cursor.fetchone()
        return None if row is None else make(*row)

    return use


def _one(cursor: sqlite3.Cursor, *_: Any) -> bool:
    return cursor.rowcount == 1


def _nothing(cursor: sqlite3.Cursor, *_: Any) -> None:
    return None


def _column(cursor: sqlite3.Cursor, *_: Any) -> list[Any]:
    return [value for (value,) in cursor]


# Functions of one statement, and what they make of its rows.
MADE: list[tuple[Any, str, Callable[..., Any]]] = [
    (streams, "in_state", lambda cursor, *_: [streams.Window(*row) for row in cursor]),
    (streams, "get", _first(streams.Stream)),
    (streams, "put", _nothing),
    (streams, "plan_recent", _nothing),
    (streams, "advance", _nothing),
    (streams, "finish", _nothing),
    (streams, "open_count", _first(int)),
    (leases, "acquire", _first(int)),
    (leases, "release", _released),
    (batches, "add", lambda cursor, *_: cursor.lastrowid),
    (batches, "open_ids", _column),
    (batches, "lock", _one),
    (batches, "remove", _one),
    (counters, "ticket", lambda cursor, *_: (cursor.fetchone() or (0,))[0]),
    (counters, "next_rev", _first(int)),
    (inbox, "in_hand", _first(int)),
    (inbox, "unmet", lambda cursor, *_: sorted(set(_column(cursor)))),
    (inbox, "forget_old", _nothing),
    (streams, "_still_open", _first(streams.Window)),
    (streams, "_unsettled", lambda cursor, *_: set(_column(cursor))),
    (links, "pending", lambda cursor, *_: set(_column(cursor))),
    (links, "done", _nothing),
    (links, "live", _first(int)),
    (links, "oldest", _first(lambda position: position)),
]

# Functions that find nothing to do where a query finds nothing, and what they give then.
IDLE: list[tuple[Any, str, str, Any]] = [
    (inbox, "claim_due", "SELECT 1 FROM inbox WHERE state = 'new' LIMIT 1", []),
    (inbox, "wake", "SELECT 1 FROM inbox WHERE state = 'new' LIMIT 1", None),
    (streams, "forget_done", "SELECT 1 FROM windows WHERE state = 'done' LIMIT 1", None),
]

# Functions that do nothing where they are given no keys, and which argument the keys are.
KEYED: list[tuple[Any, str, int]] = [(links, "confirm", 5), (inbox, "close", 2)]

_MANY = (set, frozenset, list, dict)


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

    def __init__(self, statement: Any, dialect: Any) -> None:
        compiled = statement.compile(dialect=dialect)
        self.text, self._fixed = str(compiled), dict(compiled.params)
        self._order = list(compiled.positiontup)
        self.table = None if statement.is_select else statement.table.name

    def values(self, given: dict[str, Any]) -> Sequence[Any]:
        """The parameters in their order."""
        all_ = {**self._fixed, **given}
        return [all_[name] for name in self._order]


def _shape(value: Any) -> Any:
    """What of an argument decides how the statement looks."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, tuple):
        return (type(value), *(_shape(one) for one in value))
    return type(value)


def _place(value: Any, name: str) -> Any:
    """The argument with room in place of each value."""
    if value is None or value is True or value is False or isinstance(value, _MANY):
        return value
    if isinstance(value, tuple):
        parts = [_place(one, f"{name}_{number}") for number, one in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, batches.Sealed):
        return batches.Sealed(_place(value.body, f"{name}_body"), _place(value.count, f"{name}_count"))
    return bindparam(name, value)


def _fill(value: Any, name: str, out: dict[str, Any]) -> None:
    if isinstance(value, tuple):
        for number, one in enumerate(value):
            _fill(one, f"{name}_{number}", out)
    elif isinstance(value, batches.Sealed):
        out[f"{name}_body"], out[f"{name}_count"] = value.body, value.count
    elif value is not None and value is not True and value is not False and not isinstance(value, _MANY):
        out[name] = value


_templates: dict[Any, Template] = {}


def templated(real: Callable[..., Any], use: Callable[..., Any], noting: type) -> Callable[..., Any]:
    """`real`, with its statement built only once for each shape of arguments."""

    def made(connection: Any, *values: Any, **named: Any) -> Any:
        if type(connection) is not noting or any(isinstance(one, _MANY) and one for one in values):
            return real(connection, *values, **named)
        key = (real, tuple(map(_shape, values)), tuple((name, _shape(one)) for name, one in named.items()))
        template = _templates.get(key)
        if template is None:
            places = [_place(one, f"p{number}") for number, one in enumerate(values)]
            try:
                real(_Finder(connection.dialect), *places, **{n: _place(v, f"q_{n}") for n, v in named.items()})
            except _Found as found:
                template = _templates[key] = Template(found.args[0], connection.dialect)
        assert template is not None
        given: dict[str, Any] = {}
        for number, one in enumerate(values):
            _fill(one, f"p{number}", given)
        for name, one in named.items():
            _fill(one, f"q_{name}", given)
        return use(connection.run(template, given), *values)

    return made


def idle(real: Callable[..., Any], query: str, nothing: Any, noting: type) -> Callable[..., Any]:
    """`real`, not called where there is nothing to do."""

    def perhaps(connection: Any, *values: Any) -> Any:
        if type(connection) is noting and not connection.any(query):
            return nothing
        return real(connection, *values)

    return perhaps


def keyed(real: Callable[..., Any], keys: int, noting: type) -> Callable[..., Any]:
    """`real`, not called without keys."""

    def perhaps(connection: Any, *values: Any) -> Any:
        return None if type(connection) is noting and not values[keys] else real(connection, *values)

    return perhaps
