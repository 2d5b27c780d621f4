"""Counters and leases: who comes first, and who may go on."""

import threading

import pytest

from accord.errors import Superseded
from accord.ledger import counters, leases
from accord.ledger.leases import TTL


def test_a_ticket_is_the_last_rev_taken(new_ledger):
    ledger = new_ledger()
    assert ledger.read(lambda c: counters.ticket(c, "stripe/main")) == 0
    assert [ledger.write(lambda c: counters.next_rev(c, "stripe/main")) for _ in range(3)] == [1, 2, 3]
    assert ledger.read(lambda c: counters.ticket(c, "stripe/main")) == 3
    assert ledger.read(lambda c: counters.ticket(c, "stripe/other")) == 0


def test_revs_follow_one_another_and_see_what_the_one_before_committed(new_ledger):
    """While one transaction has taken a rev, another one waits, and then reads what the first one wrote."""
    ledger = new_ledger()
    ledger.write(lambda c: counters.next_rev(c, "stripe/main"))
    taken, go_on = threading.Event(), threading.Event()
    saw = []

    def first(connection):
        counters.next_rev(connection, "stripe/main")
        taken.set()
        go_on.wait(10)
        leases.acquire(connection, "written", "first", 0.0)

    def second(connection):
        rev = counters.next_rev(connection, "stripe/main")
        saw.append((rev, leases.acquire(connection, "written", "second", 0.0)))

    threads = [threading.Thread(target=ledger.write, args=[first])]
    threads[0].start()
    assert taken.wait(10)
    threads.append(threading.Thread(target=ledger.write, args=[second]))
    threads[1].start()
    threads[1].join(0.2)
    assert saw == []
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert saw == [(3, None)]


def test_a_lease_is_held_by_one_until_it_expires(new_ledger):
    ledger = new_ledger()
    assert ledger.write(lambda c: leases.acquire(c, "w", "a", 100.0)) == 1
    assert ledger.write(lambda c: leases.acquire(c, "w", "b", 100.0 + TTL - 1)) is None
    assert ledger.write(lambda c: leases.acquire(c, "other", "b", 100.0)) == 1
    assert ledger.write(lambda c: leases.acquire(c, "w", "b", 100.0 + TTL)) == 2


def test_who_asks_again_gets_the_lease_again(new_ledger):
    """A commit whose outcome was unknown is run again."""
    ledger = new_ledger()
    assert [ledger.write(lambda c: leases.acquire(c, "w", "a", 100.0)) for _ in range(2)] == [1, 2]


def test_a_lease_given_back_is_free_at_once(new_ledger):
    ledger = new_ledger()
    token = ledger.write(lambda c: leases.acquire(c, "w", "a", 100.0))
    ledger.write(lambda c: leases.release(c, "w", token))
    assert ledger.write(lambda c: leases.acquire(c, "w", "b", 100.0)) > token


def test_a_lease_is_given_back_once(new_ledger):
    """What is written with it is then not written twice, where a commit had no answer and is run again."""
    ledger = new_ledger()
    token = ledger.write(lambda c: leases.acquire(c, "w", "a", 100.0))
    ledger.write(lambda c: leases.release(c, "w", token))
    with pytest.raises(Superseded):
        ledger.write(lambda c: leases.release(c, "w", token))


def test_who_was_superseded_can_write_nothing_more(new_ledger):
    ledger = new_ledger()
    mine = ledger.write(lambda c: leases.acquire(c, "w", "a", 100.0))
    ledger.write(lambda c: leases.acquire(c, "w", "b", 100.0 + TTL))

    def write(connection):
        counters.next_rev(connection, "x")
        leases.release(connection, "w", mine)

    with pytest.raises(Superseded):
        ledger.write(write)
    assert ledger.read(lambda c: counters.ticket(c, "x")) == 0


def test_a_lease_that_was_forgotten_supersedes_too(new_ledger):
    ledger = new_ledger()
    mine = ledger.write(lambda c: leases.acquire(c, "w", "a", 100.0))
    ledger.write(lambda c: leases.forget(c, ["w"]))
    with pytest.raises(Superseded):
        ledger.write(lambda c: leases.release(c, "w", mine))


def test_of_several_who_ask_at_once_one_gets_it(new_ledger, at_once):
    ledger = new_ledger()
    owners = iter(range(100))
    for name in ("w1", "w2", "w3"):
        got = at_once(lambda name=name: ledger.write(lambda c: leases.acquire(c, name, f"o{next(owners)}", 100.0)), 4)
        assert sorted(token for token in got if token is not None) == [1]
