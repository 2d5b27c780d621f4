"""Entries: the audit of what was done to each record and why, only ever appended."""

from collections.abc import Iterable
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
    put(
        connection,
        entries,
        _COLUMNS,
        [(at, sync, str(e.kind), e.key, str(e.change), e.because, e.rev, run) for e in what],
    )


_COLUMNS = ("at", "sync", *Entry._fields, "run")


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
