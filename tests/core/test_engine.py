"""Opening a database, and transactions that are run again where the database asks for that."""

import os
import sqlite3
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from accord.clock import SystemClock
from accord.errors import Misconfigured, TryLater
from accord.ledger import counters
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


def _failing(times, error):
    """Work that takes a number, and fails behind that as often as it is told."""
    left = [times]

    def work(connection):
        taken = counters.next_rev(connection, "stripe/main")
        if left[0]:
            left[0] -= 1
            raise error
        return taken

    return work


TRANSIENT = [
    DBAPIError.instance("", None, psycopg.errors.SerializationFailure(), psycopg.Error),
    DBAPIError.instance("", None, psycopg.errors.DeadlockDetected(), psycopg.Error),
    DBAPIError.instance("", None, psycopg.errors.AdminShutdown(), psycopg.Error),
    DBAPIError.instance("", None, psycopg.errors.TooManyConnections(), psycopg.Error),
    DBAPIError.instance("", None, sqlite3.OperationalError("database is locked"), sqlite3.Error),
    DBAPIError.instance("", None, sqlite3.OperationalError("database or disk is full"), sqlite3.Error),
]


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda e: type(e.orig).__name__)
def test_the_whole_transaction_is_run_again(new_ledger, error):
    ledger = new_ledger()
    clock = Impatient()
    assert transact(ledger.engine, _failing(3, error), clock, "the ledger") == 1
    assert ledger.read(lambda c: counters.ticket(c, "stripe/main")) == 1
    assert len(clock.slept) == 3


def test_it_is_not_run_again_for_ever(new_ledger):
    ledger = new_ledger()
    clock = Impatient()
    with pytest.raises(TryLater):
        transact(ledger.engine, _failing(99, TRANSIENT[0]), clock, "the ledger")
    assert ledger.read(lambda c: counters.ticket(c, "stripe/main")) == 0
    assert len(clock.slept) == 4


def test_an_error_of_the_work_itself_rolls_back_and_is_not_retried(new_ledger):
    ledger = new_ledger()
    with pytest.raises(LookupError):
        ledger.write(_failing(1, LookupError()))
    assert ledger.read(lambda c: counters.ticket(c, "stripe/main")) == 0


def test_a_deadlock_between_two_workers_is_resolved_by_running_one_again(fresh_databases, open_engine):
    engine = open_engine(fresh_databases.ledger())
    meet = threading.Barrier(2)
    runs = []

    def work(first, second):
        waited = []

        def locked(connection):
            runs.append(first)
            counters.next_rev(connection, first)
            if not waited:
                waited.append(True)
                meet.wait(10)
            counters.next_rev(connection, second)

        return lambda: transact(engine, locked, SystemClock(), "the ledger")

    threads = [threading.Thread(target=work(*pair)) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with engine.connect() as connection:
        assert [counters.ticket(connection, of) for of in ("a", "b")] == [2, 2]
    assert len(runs) == 3


def test_a_lost_connection_is_made_anew(fresh_databases, open_engine, postgresql_url):
    engine = open_engine(fresh_databases.ledger())
    cut = []

    def work(connection):
        taken = counters.next_rev(connection, "x")
        if not cut:
            cut.append(connection.connection.driver_connection.info.backend_pid)
            with psycopg.connect(postgresql_url, autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", cut)
        return taken

    assert transact(engine, work, Impatient(), "the ledger") == 1


def test_a_commit_whose_outcome_is_unknown_is_run_again(new_ledger):
    """The work must be such that this does no harm; here it shows that it is indeed run again."""
    ledger = new_ledger()
    unknown = [True]

    @event.listens_for(ledger.engine, "commit")
    def commit(connection):
        if unknown:
            unknown.clear()
            connection.connection.driver_connection.commit()
            raise TRANSIENT[0]

    assert ledger.write(lambda c: counters.next_rev(c, "x")) == 2
    event.remove(ledger.engine, "commit", commit)


def test_a_reader_sees_what_was_committed_while_another_writes(new_ledger):
    ledger = new_ledger()
    ledger.write(lambda c: counters.next_rev(c, "x"))

    def write(connection):
        counters.next_rev(connection, "x")
        return ledger.read(lambda c: counters.ticket(c, "x"))

    assert ledger.write(write) == 1


def test_writers_in_threads_lose_no_update(new_ledger, at_once):
    ledger = new_ledger()

    def work():
        return [ledger.write(lambda c: counters.next_rev(c, "stripe/main")) for _ in range(25)]

    taken = at_once(work, threads=4)
    assert sorted(rev for revs in taken for rev in revs) == list(range(1, 101))
    assert all(revs == sorted(revs) for revs in taken)


TAKE = """
import sys
from accord.clock import SystemClock
from accord.ledger import counters
from accord.ledger.engine import open_database, transact
engine = open_database(sys.argv[1], "X")
for _ in range(50):
    print(transact(engine, lambda c: counters.next_rev(c, "stripe/main"), SystemClock(), "the ledger"))
"""


def test_writers_in_processes_lose_no_update(fresh):
    url = fresh.ledger()
    processes = [
        subprocess.Popen([sys.executable, "-c", TAKE, url], stdout=subprocess.PIPE, env=os.environ) for _ in range(2)
    ]
    taken = [int(line) for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert sorted(taken) == list(range(1, 101))


def test_the_time_is_the_databases_own_on_postgresql(fresh_databases, open_engine):
    class Wrong(SystemClock):
        def now(self):
            return 0.0

    ledger = Ledger(open_engine(fresh_databases.ledger()), None, Wrong())
    assert abs(ledger.read(ledger.now) - time.time()) < 60


def test_the_time_is_the_hosts_on_sqlite(fresh_files, open_engine, clock):
    ledger = Ledger(open_engine(fresh_files.ledger()), None, clock)
    assert ledger.read(ledger.now) == clock.now()
