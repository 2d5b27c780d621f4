"""Reads of the ledger remembered for as long as the rows that they look at stay the same: equal answers in
less time."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection
from templates import IDLE, KEYED, MADE, Template, idle, keyed, templated

from accord.ledger import batches, counters, inbox, links, quarantine, streams

_WINDOWS = "SELECT * FROM windows WHERE stream = ?"
_BATCHES = "SELECT id, window, claim FROM batches WHERE stream = ?"
_LINKS = "SELECT kind, key, rev, hash FROM links WHERE kind = ?"
_ALL_LINKS = "SELECT * FROM links WHERE kind = ?"
_ALL_RECORDS = "SELECT * FROM records WHERE kind = ?"
_RECORDS = "SELECT key, deleted, position FROM records WHERE kind = ?"

# What an answer depends on besides its arguments, and which argument the "?" stands for.
_READS: list[tuple[Any, str, int | None, dict[str, str]]] = [
    (streams, "get", 1, {"streams": "SELECT * FROM streams WHERE stream = ?"}),
    (streams, "stopped", None, {"streams": "SELECT stream, stopped FROM streams"}),
    (streams, "in_state", 1, {"windows": _WINDOWS}),
    (streams, "open_count", 1, {"windows": _WINDOWS}),
    (streams, "settled_windows", 1, {"windows": _WINDOWS, "batches": _BATCHES}),
    (batches, "open_ids", 1, {"batches": _BATCHES}),
    (counters, "ticket", None, {"counters": "SELECT value FROM counters"}),
    (inbox, "held", None, {"inbox": "SELECT id FROM inbox WHERE state = 'new' AND event = 'held'"}),
    (inbox, "open_keys", None, {"inbox": "SELECT event, kind, key FROM inbox WHERE state = 'new'"}),
    (links, "live", 2, {"links": _LINKS, "records": _RECORDS}),
    (links, "unseen", 2, {"links": _LINKS, "records": _RECORDS}),
    (links, "oldest", None, {"records": "SELECT * FROM records"}),
    (links, "load", 2, {"links": _ALL_LINKS, "records": _ALL_RECORDS}),
    (links, "known", 2, {"links": _ALL_LINKS, "records": _ALL_RECORDS}),
    (quarantine, "held", None, {"quarantine": "SELECT id FROM quarantine"}),
    (quarantine, "listed", None, {"quarantine": "SELECT id, kind, key, reasons, created_at FROM quarantine"}),
]


class Noting:
    """A connection that notes which tables are written, and remembers answers. It begins transactions by itself."""

    def __init__(self, connection: Connection, db: sqlite3.Connection) -> None:
        self._connection, self._db = connection, db
        self.dialect = connection.dialect
        self._versions: dict[str, int] = {}
        self._touched: set[str] = set()
        self._rows: dict[tuple[str, str | None], tuple[int, Any]] = {}
        self._answers: dict[Any, Any] = {}

    def execute(self, statement: Any, *values: Any) -> Any:
        self._note(None if statement.is_select else statement.table.name)
        return self._connection.execute(statement, *values)

    def exec_driver_sql(self, text: str, rows: Any) -> Any:
        self._note(text.removeprefix("INSERT INTO ").partition(" ")[0])
        return self._connection.exec_driver_sql(text, rows)

    def scalar(self, statement: Any) -> Any:
        self._note(None if statement.is_select else statement.table.name)
        return self._connection.scalar(statement)

    def scalars(self, statement: Any) -> Any:
        self._note(None if statement.is_select else statement.table.name)
        return self._connection.scalars(statement)

    def run(self, template: Template, given: dict[str, Any]) -> sqlite3.Cursor:
        """Run a statement that was made before."""
        self._note(template.table)
        return self._db.execute(template.text, template.values(given))

    def any(self, query: str) -> bool:
        """Whether the query finds a row."""
        return self._db.execute(query).fetchone() is not None

    def _note(self, table: str | None) -> None:
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
        if table is not None:
            self._versions[table] = self._versions.get(table, 0) + 1
            self._touched.add(table)

    def forget(self) -> None:
        """Remember nothing."""
        self._rows.clear()
        self._answers.clear()

    def commit(self) -> None:
        self._touched.clear()
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        for table in self._touched:
            self._versions[table] += 1
        self._touched.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()

    def _now(self, table: str, query: str, about: str | None) -> Any:
        version = self._versions.get(table, 0)
        known = self._rows.get((query, about))
        if known is not None and known[0] == version:
            return known[1]
        rows = tuple(self._db.execute(query, () if about is None else (about,)))
        self._rows[query, about] = (version, rows)
        return rows

    def answer(self, read: Callable[..., Any], values: Any, about: str | None, on: dict[str, str]) -> Any:
        """What `read` says, asked anew only where the rows are not as they were."""
        key = (read, values, *(self._now(table, query, about) for table, query in on.items()))
        if key not in self._answers:
            self._answers[key] = read(self, *values)
        return self._answers[key]


def _remembering(read: Callable[..., Any], about: int | None, on: dict[str, str]) -> Callable[..., Any]:
    def remembered(connection: Any, *values: Any) -> Any:
        if type(connection) is not Noting:
            return read(connection, *values)
        values = tuple(tuple(one) if isinstance(one, list | set | dict) else one for one in values)
        return connection.answer(read, values, None if about is None else str(values[about]), on)

    return remembered


@contextlib.contextmanager
def reads() -> Iterator[None]:
    """Within, the ledger's reads are remembered on connections that note what is written."""
    real = {(one[0], one[1]): getattr(one[0], one[1]) for one in (*_READS, *MADE, *IDLE, *KEYED)}

    def sound(module: Any, name: str) -> bool:  # no bug is planted there
        return bool(real[module, name].__module__ == module.__name__)

    for module, name, use in MADE:
        if sound(module, name):
            setattr(module, name, templated(real[module, name], use, Noting))
    for module, name, query, nothing in IDLE:
        if sound(module, name):
            setattr(module, name, idle(real[module, name], query, nothing, Noting))
    for module, name, keys in KEYED:
        if sound(module, name):
            setattr(module, name, keyed(real[module, name], keys, Noting))
    for module, name, about, on in _READS:
        setattr(module, name, _remembering(getattr(module, name), about, on))
    try:
        yield
    finally:
        for (module, name), function in real.items():
            setattr(module, name, function)
