"""Imports: what a person gave of a connection's records that its system's API does not tell."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, select

from accord.ledger.cipher import Cipher
from accord.ledger.dialect import among, upsert
from accord.ledger.schema import imports


def put(connection: Connection, cipher: Cipher, of: str, bodies: Mapping[str, bytes]) -> None:
    """Keep what was given of each name of the connection `of`; the later replaces the earlier."""
    rows = [
        {"connection": of, "name": name, "body": cipher.seal(body, about(of, name))} for name, body in bodies.items()
    ]
    if rows:
        insert = upsert(connection, imports)
        same = [imports.c.connection, imports.c.name]
        connection.execute(insert.on_conflict_do_update(index_elements=same, set_={"body": insert.excluded.body}), rows)


def load(connection: Connection, cipher: Cipher, of: str, names: Collection[str]) -> dict[str, bytes]:
    """What was given of these names; those of which nothing was are missing."""
    rows = select(imports.c.name, imports.c.body).where(
        imports.c.connection == of, among(connection, imports.c.name, names)
    )
    return {row.name: cipher.open(row.body, about(of, row.name)) for row in connection.execute(rows)}


def about(of: str, name: str) -> str:
    """For what something given is encrypted."""
    return f"imports:{of}:{name}"
