"""Several readers and several workers on the same records: what is newest in the source wins."""

import threading

import pytest

from accord.clock import SystemClock
from accord.records import Kind

PAYMENT = Kind.PAYMENT


@pytest.fixture
def home(new_home):
    return new_home.begin()


def settle_one(home, record, **how):
    return home.settle_batch(home.read_all(record, kind=record.kind, **how))


def test_what_was_read_before_another_reading_was_settled_does_not_count(home, shops):
    stale = home.read_all(shops.payment("ch_1", status="pending"))
    settle_one(home, shops.payment("ch_1"))
    assert home.settle_batch(stale).again == 1
    assert home.shown()["ch_1"]["status"] == "succeeded"
    home.shop.put(shops.payment("ch_1"))
    home.changed()
    assert home.settle_all().unchanged == 1
    assert home.hints() == 0


def test_a_skip_counts_as_a_reading_too(home, shops):
    """The source goes A, B, A: who saw B before another one confirmed A must not end the story with B."""
    a, b = shops.payment("ch_1"), shops.payment("ch_1", status="pending")
    settle_one(home, a)
    saw_b = home.read_all(b)
    assert settle_one(home, a).unchanged == 1
    assert home.settle_batch(saw_b).again == 1
    assert home.shown()["ch_1"]["status"] == "succeeded"


def test_a_skip_counts_before_the_rest_of_its_batch_is_written(home, shops):
    """The same, while the batch that confirmed A is still writing other records to the target."""
    a, b, other = shops.payment("ch_1"), shops.payment("ch_1", status="pending"), shops.payment("ch_2")
    settle_one(home, a)
    saw_b = home.read_all(b)
    sees_a = home.read_all(a, other)
    home.target.before = lambda: home.settle_batch(saw_b)
    home.settle_batch(sees_a)
    assert home.shown()["ch_1"]["status"] == "succeeded"
    assert home.hints() == 1


def test_a_worker_that_slept_overwrites_nothing_newer(home, shops):
    old = home.read_all(shops.payment("ch_1", status="pending"))

    def meanwhile():
        assert home.settle_batch(home.read_all(shops.payment("ch_1"))).created == 1

    home.target.before = meanwhile
    home.settle_batch(old)
    assert home.shown()["ch_1"]["status"] == "succeeded"
    assert home.link("ch_1")[1:4] == ("done", 2, shops.payment("ch_1").fingerprint())


def test_two_workers_on_one_batch_write_it_once(home, shops):
    number = home.read_all(*(shops.payment(f"ch_{n}") for n in range(3)))
    home.target.before = lambda: home.beside().settle_batch(number)
    home.settle_batch(number)
    assert {key: row["status"] for key, row in home.shown().items()} == dict.fromkeys(
        ("ch_0", "ch_1", "ch_2"), "succeeded"
    )
    assert [home.told(f"ch_{n}") for n in range(3)] == [[("create", 1)]] * 3
    assert {rev for _, _, rev in home.target.written} == {1}


def test_three_workers_on_all_batches_at_once(home, shops, at_once):
    home.ledger.clock = SystemClock()
    for n in range(6):
        home.read_all(*(shops.payment(f"ch_{m}", refunded=n) for m in range(5)))
    workers = iter([home.beside("a"), home.beside("b"), home.beside("c")])
    lock = threading.Lock()

    def work():
        with lock:
            mine = next(workers)
        return mine.settle_all()

    at_once(work, 3)
    assert home.open_batches(PAYMENT) == []
    for n in range(5):
        link, row = home.link(f"ch_{n}"), home.shown()[f"ch_{n}"]
        assert link.state == "done"
        assert shops.payment(f"ch_{n}", refunded=row["refunded"]).fingerprint() == link.hash
        revs = [rev for change, rev in home.told(f"ch_{n}") if rev is not None]
        assert len(revs) == len(set(revs)) >= 1
    assert home.hints() in range(6)
