"""Opening a database: which ones are taken, and what is said of the others."""

import subprocess
import sys
import time

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from accord.clock import SystemClock
from accord.errors import Misconfigured, TryLater
from accord.ledger.engine import Ledger, _refuse_old_postgresql, open_database, transact


class Impatient:
    """A clock on which waiting takes no time."""

    def __init__(self):
        self.slept = []

    def now(self):
        return time.time()

    def monotonic(self):
        return time.monotonic()

    def sleep(self, seconds):
        self.slept.append(seconds)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://host/db", "mysql"),
        ("mssql+pyodbc://host/db", "mssql"),
        ("sqlite:///relative.db", "relative path relative.db"),
        ("sqlite:///./x/relative.db", "absolute"),
        ("not a url", "not a database URL"),
        ("", "not a database URL"),
    ],
)
def test_other_databases_and_relative_paths_are_refused_by_name(url, says):
    with pytest.raises(Misconfigured, match=says) as raised:
        open_database(url, "ACCORD_LEDGER_URL")
    assert "ACCORD_LEDGER_URL" in str(raised.value)


def test_sqlite_keeps_what_it_acknowledged(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/l.db", "X")
    with engine.connect() as connection:
        pragma = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    engine.dispose()
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_postgresql_url_without_a_driver_is_opened_with_psycopg(postgresql_url):
    for prefix in ("postgresql", "postgresql+psycopg", "postgresql+psycopg2"):
        engine = open_database(postgresql_url.replace("postgresql", prefix, 1), "X")
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        engine.dispose()


def test_an_old_postgresql_is_refused():
    class Old:
        class info:
            server_version = 140012

    with pytest.raises(Misconfigured, match="PostgreSQL 14 is too old"):
        _refuse_old_postgresql(Old, None)


def test_a_folder_that_is_not_there_is_named_as_such(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path}/missing/l.db", "ACCORD_LEDGER_URL")
    with pytest.raises(Misconfigured, match=r"ACCORD_LEDGER_URL.*folder is missing"):
        transact(engine, lambda c: None, SystemClock(), "the ledger")
    engine.dispose()


def test_a_file_that_is_no_database_is_named_as_such(tmp_path):
    (tmp_path / "l.db").write_bytes(b"this is a letter, not a database\n" * 100)
    engine = open_database(f"sqlite:///{tmp_path}/l.db", "ACCORD_LEDGER_URL")
    with pytest.raises(Misconfigured, match="no SQLite database"):
        transact(engine, lambda c: None, SystemClock(), "the ledger")
    engine.dispose()


def test_an_unknown_postgresql_database_or_user_is_named_as_such(postgresql_url):
    for url in (
        postgresql_url.replace("/postgres?", "/nobody_made_it?"),
        postgresql_url.replace("//postgres", "//eve"),
    ):
        engine = open_database(url, "ACCORD_LEDGER_URL")
        with pytest.raises(Misconfigured, match="no such database or user"):
            transact(engine, lambda c: None, Impatient(), "the ledger")
        engine.dispose()


def test_a_server_that_is_away_is_tried_again_and_then_later():
    clock = Impatient()
    engine = open_database("postgresql://user:s3cret@127.0.0.1:1/db", "ACCORD_LEDGER_URL")
    with pytest.raises(TryLater, match="the ledger stayed locked or away") as raised:
        transact(engine, lambda c: None, clock, "the ledger")
    engine.dispose()
    assert len(clock.slept) == 4
    assert raised.value.after is not None
    assert "s3cret" not in str(raised.value)


def test_errors_show_no_values(new_ledger):
    ledger = new_ledger()

    def work(connection):
        connection.execute(text("INSERT INTO counters (connection, value) VALUES (:c, NULL)"), {"c": "CANARY"})

    with pytest.raises(IntegrityError) as raised:
        ledger.write(work)
    assert "CANARY" not in str(raised.value).replace(str(raised.value.orig), "")


def test_the_time_is_the_databases_own_on_postgresql(fresh_databases, open_engine):
    class Wrong(SystemClock):
        def now(self):
            return 0.0

    ledger = Ledger(open_engine(fresh_databases.ledger()), None, Wrong())
    assert abs(ledger.read(ledger.now) - time.time()) < 60


def test_the_time_is_the_hosts_on_sqlite(fresh_files, open_engine, clock):
    ledger = Ledger(open_engine(fresh_files.ledger()), None, clock)
    assert ledger.read(ledger.now) == clock.now()


def test_sqlalchemy_is_imported_whole_before_there_are_threads():
    # Seen: the first batch was checked, whose thread imported SQLAlchemy's other half, and every reader failed.
    code = "import sys, accord.ledger.engine; sys.exit('sqlalchemy.orm' not in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
