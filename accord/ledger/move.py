"""Copying a ledger into another database, such as from SQLite to PostgreSQL."""

from sqlalchemy import Connection, Engine, func, insert, select

from accord.errors import Misconfigured
from accord.ledger.engine import reaching
from accord.ledger.schema import metadata
from accord.ledger.upgrade import upgrade
from accord.ledger.version import require_current

_CHUNK = 5000


def copy(source: Engine, into: Engine) -> int:
    """Make the tables and copy every row, as they stand at one moment; how many rows were copied.

    All of them or none. Raises Misconfigured where the other database holds a ledger with rows already.
    """
    require_current(source)
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


def _go_on_counting(writing: Connection) -> None:
    """Have automatic row numbers go on above those that were copied."""
    if writing.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        if "id" in table.c:
            highest = select(func.max(table.c.id)).scalar_subquery()
            sequence = func.pg_get_serial_sequence(table.name, "id")
            writing.execute(select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None))))
