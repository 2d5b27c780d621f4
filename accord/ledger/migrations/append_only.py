"""What keeps the audit as it was written: triggers that refuse to change or delete an entry.

A migration that rebuilds the table, as Alembic's batch mode does on SQLite, drops them and has to call
`protect_entries` again.
"""

from sqlalchemy import Connection, text

_WHY = "entries are only ever appended"

_PROTECT = {
    "sqlite": [
        f"CREATE TRIGGER entries_not_updated BEFORE UPDATE ON entries BEGIN SELECT RAISE(ABORT, '{_WHY}'); END",
        f"CREATE TRIGGER entries_not_deleted BEFORE DELETE ON entries BEGIN SELECT RAISE(ABORT, '{_WHY}'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION refuse_to_change_entries() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_WHY}'; END $$",
        "CREATE TRIGGER entries_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_entries()",
    ],
}

_RELEASE = {
    "sqlite": ["DROP TRIGGER entries_not_updated", "DROP TRIGGER entries_not_deleted"],
    "postgresql": ["DROP TRIGGER entries_only_grow ON entries", "DROP FUNCTION refuse_to_change_entries"],
}


def protect_entries(connection: Connection) -> None:
    """Have the database refuse every UPDATE and DELETE of entries."""
    for statement in _PROTECT[connection.dialect.name]:
        connection.execute(text(statement))


def release_entries(connection: Connection) -> None:
    """Take the triggers away, to change the table itself."""
    for statement in _RELEASE[connection.dialect.name]:
        connection.execute(text(statement))
