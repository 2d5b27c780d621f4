"""The migrations, and what the database itself refuses."""

import pytest
from alembic import command
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Text, inspect, text
from sqlalchemy.exc import DBAPIError

from accord.errors import Misconfigured
from accord.ledger import entries
from accord.ledger.engine import open_database
from accord.ledger.entries import Entry
from accord.ledger.migrations.append_only import protect_entries, release_entries
from accord.ledger.schema import metadata
from accord.ledger.upgrade import _config, _run, differs, upgrade
from accord.ledger.version import require_current, revisions


def test_the_migrations_make_the_tables_of_the_schema(fresh, open_engine):
    engine = open_engine(fresh.empty())
    upgrade(engine)
    assert set(inspect(engine).get_table_names()) == {*metadata.tables, "alembic_version"}
    assert not differs(engine)
    require_current(engine)


def test_the_files_tell_the_revisions_as_alembic_does():
    script = ScriptDirectory.from_config(_config())
    assert revisions() == [revision.revision for revision in script.walk_revisions()][::-1]


def test_a_column_that_no_migration_makes_is_noticed(fresh, open_engine):
    engine = open_engine(fresh.empty())
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE streams DROP COLUMN lenient"))
    assert differs(engine)


def test_a_second_upgrade_changes_nothing(new_ledger):
    ledger = new_ledger()
    ledger.write(lambda c: entries.append(c, "s", "r", 0.0, [Entry("payment", "ch_1", "create", "why", 1)]))
    upgrade(ledger.engine)
    assert len(ledger.read(lambda c: entries.story(c, "ch_1"))) == 1


def test_missing_tables_are_said_to_be_missing(fresh, open_engine):
    with pytest.raises(Misconfigured, match=r"there is no ledger in .*accord db upgrade"):
        require_current(open_engine(fresh.empty()))


def test_no_ledger_is_made_among_tables_of_another(fresh, open_engine):
    engine = open_engine(fresh.empty())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE payments (id TEXT)"))
    with pytest.raises(Misconfigured, match=r"has tables already \(payments\) and holds no ledger"):
        upgrade(engine)
    assert inspect(engine).get_table_names() == ["payments"]


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'typo.db'}", "ACCORD_LEDGER_URL")
    for look in (require_current, differs):
        with pytest.raises(Misconfigured, match=r"there is no ledger in .*typo\.db; correct ACCORD_LEDGER_URL"):
            look(engine)
    engine.dispose()
    assert list(tmp_path.iterdir()) == []


def test_a_newer_ledger_is_refused(fresh, open_engine):
    engine = open_engine(fresh.empty())
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match=r"9999.*upgrade Accord"):
        require_current(engine)


def test_an_older_ledger_is_refused(fresh, open_engine):
    engine = open_engine(fresh.empty())
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{revisions()[0]}'"))
    with pytest.raises(Misconfigured, match=r"older than this version of Accord; run: accord db upgrade"):
        require_current(engine)


@pytest.mark.parametrize("change", ["UPDATE entries SET because = 'other'", "DELETE FROM entries", "TRUNCATE entries"])
def test_entries_are_only_ever_appended(new_ledger, fresh, change):
    if fresh.system == "sqlite":
        change = change.replace("TRUNCATE", "DELETE FROM")  # which is how SQLite spells it
    ledger = new_ledger()
    ledger.write(lambda c: entries.append(c, "s", "r", 0.0, [Entry("payment", "ch_1", "create", "why", 1)]))
    with pytest.raises(DBAPIError, match="entries are only ever appended"):
        ledger.write(lambda c: c.execute(text(change)))
    assert [row.because for row in ledger.read(lambda c: entries.story(c, "ch_1"))] == ["why"]


def test_a_later_migration_can_still_rebuild_the_table(new_ledger, fresh, open_engine):
    url = fresh.empty()
    upgrade(open_engine(url))
    ledger = new_ledger(url=url)
    ledger.write(lambda c: entries.append(c, "s", "r", 0.0, [Entry("payment", "ch_1", "create", "why", 1)]))

    def migrate(connection):
        release_entries(connection)
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table(
            "entries", recreate="always" if fresh.system == "sqlite" else "never"
        ) as table:
            table.add_column(Column("note", Text))
        protect_entries(connection)

    ledger.write(migrate)
    ledger.write(lambda c: entries.append(c, "s", "r", 0.0, [Entry("payment", "ch_1", "update", "why", 2)]))
    assert [row.change for row in ledger.read(lambda c: entries.story(c, "ch_1"))] == ["create", "update"]
    with pytest.raises(DBAPIError, match="only ever appended"):
        ledger.write(lambda c: c.execute(text("DELETE FROM entries")))


def test_the_first_migration_can_be_undone_and_done_again(fresh, open_engine):
    engine = open_engine(fresh.empty())
    upgrade(engine)
    _run(engine, lambda config: command.downgrade(config, "base"))
    assert set(inspect(engine).get_table_names()) == {"alembic_version"}
    upgrade(engine)
    assert not differs(engine)


def test_a_new_file_is_for_its_owner_alone(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'ledger.db'}", "ACCORD_LEDGER_URL")
    upgrade(engine)
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text("DELETE FROM streams"))
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}
    engine.dispose()
    assert set(modes) == {"ledger.db", "ledger.db-shm", "ledger.db-wal"}
    assert set(modes.values()) == {"0o600"}
