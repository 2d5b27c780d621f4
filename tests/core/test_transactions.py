"""Transactions are functions, run again as a whole where the database asks for that."""

import os
import sqlite3
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from accord.clock import SystemClock
from accord.errors import TryLater
from accord.ledger import counters
from accord.ledger.engine import transact


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
    DBAPIError.instance("", None, sqlite3.OperationalError("disk I/O error"), sqlite3.Error),
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


def test_on_sqlite_nobody_writes_between_a_look_and_the_write_that_follows_it(fresh_files, open_engine, at_once):
    """A transaction that only turned into a writer later would fail, or write over what another one wrote."""
    engine, waits = open_engine(fresh_files.ledger()), []

    class Counting(SystemClock):
        def sleep(self, seconds):
            waits.append(seconds)

    def look_then_write(connection):
        value = counters.ticket(connection, "x")
        connection.execute(
            text("INSERT OR REPLACE INTO counters (connection, value) VALUES ('x', :v)"), {"v": value + 1}
        )

    at_once(lambda: [transact(engine, look_then_write, Counting(), "the ledger") for _ in range(25)], threads=4)
    with engine.connect() as connection:
        assert counters.ticket(connection, "x") == 100
    assert waits == []
