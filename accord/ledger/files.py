"""Files: which document's PDF the archive holds, and what the document was when it was printed."""

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from accord.ledger.dialect import among, upsert
from accord.ledger.schema import files


class File(NamedTuple):
    """The newest PDF of a document: a digest of what was printed, and its name in the archive."""

    print: str
    name: str


def of(connection: Connection, source: str, keys: Collection[str]) -> dict[str, File]:
    """The files of these documents, by key."""
    rows = select(files.c.key, files.c.print, files.c.name).where(files.c.connection == source)
    found = connection.execute(rows.where(among(connection, files.c.key, keys))).all() if keys else []
    return {row.key: File(row.print, row.name) for row in found}


def put(connection: Connection, source: str, key: str, file: File, now: float) -> None:
    """Note the newest file of a document."""
    values = {"print": file.print, "name": file.name, "kept_at": now}
    row = upsert(connection, files).values(connection=source, key=key, **values)
    connection.execute(row.on_conflict_do_update(index_elements=[files.c.connection, files.c.key], set_=values))


def count(connection: Connection, source: str) -> int:
    """How many documents have a file."""
    return connection.scalar(select(func.count()).select_from(files).where(files.c.connection == source)) or 0
