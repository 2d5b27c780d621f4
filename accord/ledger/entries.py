"""Entries: the audit of what was done to each record and why, only ever appended."""

from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

from sqlalchemy import Connection, select

from accord.ledger.dialect import put
from accord.ledger.schema import entries


class Entry(NamedTuple):
    """One thing that was done to a record."""

    kind: str
    key: str
    change: str
    because: str
    rev: int | None


def append(connection: Connection, sync: str, run: str, at: float, what: Iterable[Entry]) -> None:
    """Add entries, in the transaction that makes them true."""
    told = list(what)
    values: dict[str, Iterable[object]] = {"at": repeat(at), "sync": repeat(sync), "run": repeat(run)}
    values |= {name: [getattr(entry, name) for entry in told] for name in Entry._fields}
    # Plain texts: a driver may take an enumeration for something else.
    values |= {name: map(str, values[name]) for name in ("kind", "change")}
    put(connection, entries, values)


class Told(NamedTuple):
    """An entry as it stands in the audit."""

    at: float
    sync: str
    kind: str
    key: str
    change: str
    because: str
    rev: int | None
    run: str


def story(connection: Connection, key: str) -> list[Told]:
    """Everything that was done to the records with this key, and to the legs that move its money, oldest first."""
    columns = [entries.c[name] for name in Told._fields]
    mine = entries.c.key.in_([key, f"{key}/out", f"{key}/in"])
    rows = connection.execute(select(*columns).where(mine).order_by(entries.c.id))
    return [Told(*row) for row in rows]
