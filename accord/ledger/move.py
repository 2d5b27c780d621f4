"""Copying a ledger into another database, such as from SQLite to PostgreSQL."""

from sqlalchemy import Connection, Engine, func, insert, select, text

from accord.errors import Misconfigured
from accord.ledger.engine import reaching
from accord.ledger.schema import metadata
from accord.ledger.upgrade import upgrade
from accord.ledger.version import require_current

_CHUNK = 5000


def copy(source: Engine, into: Engine) -> int:
    """Make the tables and copy every row, as they stand at one moment; how many rows were copied.

    All of them or none. Raises Misconfigured where the other database holds a ledger with rows already, or takes no
    writes.
    """
    require_current(source)
    _require_writable(into)
    upgrade(into)
    with reaching("the ledger"), source.connect() as reading, into.execution_options(writes=True).begin() as writing:
        for table in metadata.sorted_tables:
            if writing.scalar(select(func.count()).select_from(table)):
                raise Misconfigured(f"the other database has rows in {table.name} already; give an empty one")
        copied = 0
        for table in metadata.sorted_tables:
            rows = reading.execution_options(yield_per=_CHUNK).execute(select(table)).mappings()
            for part in rows.partitions():
                writing.execute(insert(table), [dict(row) for row in part])
                copied += len(part)
        _go_on_counting(writing)
    return copied


def _require_writable(into: Engine) -> None:
    """SQLite says so by itself; of a server it may pass, which nobody waits for here."""
    if into.dialect.name == "postgresql":
        with reaching("the other database"), into.connect() as connection:
            if connection.scalar(text("SHOW transaction_read_only")) == "on":
                raise Misconfigured(
                    "the other database takes no writes: it is a standby, or set to read-only; give one that may be "
                    "written to"
                )


def _go_on_counting(writing: Connection) -> None:
    """Have automatic row numbers go on above those that were copied."""
    if writing.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "id" in table.c:
            highest = select(func.max(table.c.id)).scalar_subquery()
            sequence = func.pg_get_serial_sequence(table.name, "id")
            writing.execute(select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None))))
