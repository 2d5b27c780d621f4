"""Reading a stream's windows: nothing is lost between pages, whatever fails there."""

import itertools
import logging
import threading

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from accord import collect
from accord.errors import Misconfigured, Refused, TryLater
from accord.ledger import counters, leases, streams
from accord.ports import CursorGone
from accord.records import Kind

PAYMENT = Kind.PAYMENT


class Killed(BaseException):
    """The worker ends here, without any clearing up."""


@pytest.fixture
def shop(shops):
    return shops.Shop(page=3)


@pytest.fixture
def home(new_ledger, homes, clock, shop):
    return homes.Home(new_ledger(clock), shop).begin()


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(collect, "BATCH", 6)


def fill(shop, shops, count, kind="payment"):
    shop.put(*(getattr(shops, kind)(f"ch_{n:03}", created=1000 + n * 10) for n in range(count)))
    return [f"ch_{n:03}" for n in reversed(range(count))]


def test_a_stream_is_read_to_its_end_in_batches(home, shop, shops):
    keys = fill(shop, shops, 20)
    home.open_window(0, 10_000)
    assert home.collector.stream(PAYMENT) == 20
    assert sorted(home.stored(PAYMENT), reverse=True) == keys
    assert len(home.open_batches(PAYMENT)) >= 4
    assert home.windows(PAYMENT) == []
    assert home.collector.stream(PAYMENT) == 0


def test_each_batch_is_told_of_in_one_line_with_the_last_request(home, shop, shops, caplog):
    caplog.set_level(logging.INFO, "accord")
    fill(shop, shops, 20)
    home.open_window(0, 10_000)
    home.collector.stream(PAYMENT)
    told = [message for message in caplog.messages if message.startswith("payment: ")]
    assert len(told) == len(home.open_batches(PAYMENT))
    assert sum(int(line.split()[1]) for line in told) == 20
    requests = {line.split("last request ")[1].rstrip(")") for line in told}
    assert len(requests) == len(told)
    assert requests <= {f"req_{n + 1}" for n in range(len(shop.asked))}


def test_a_list_without_anything_new_is_not_told_of(home, caplog):
    caplog.set_level(logging.INFO, "accord")
    home.open_window(0, 10_000)
    home.collector.stream(PAYMENT)
    assert caplog.messages == []


def test_only_what_lies_in_the_window_is_read(home, shop, shops):
    fill(shop, shops, 20)
    home.open_window(1050, 1100)
    home.collector.stream(PAYMENT)
    assert sorted(home.stored(PAYMENT)) == [f"ch_{n:03}" for n in range(5, 10)]


def test_an_empty_window_is_read_too(home):
    home.open_window(0, 10_000)
    assert home.collector.stream(PAYMENT) == 0
    assert home.windows(PAYMENT) == []
    assert len(home.windows(PAYMENT, "read")) == 1


@pytest.mark.parametrize("at", range(9))
def test_a_worker_that_dies_at_any_page_loses_and_doubles_nothing(home, shop, shops, clock, at):
    keys = fill(shop, shops, 20)
    home.open_window(0, 10_000)
    shop.before = shops.failing(*[None] * at, Killed())
    with pytest.raises(Killed):
        home.collector.stream(PAYMENT)
    shop.before = lambda _: None
    other = home.beside()
    with pytest.raises(TryLater, match="another worker is reading"):
        other.collector.stream(PAYMENT)
    clock.jump(leases.TTL)
    other.collector.stream(PAYMENT)
    assert sorted(home.stored(PAYMENT), reverse=True) == keys


def test_a_worker_that_dies_while_it_stores_leaves_neither_place_nor_batch(home, shop, shops, clock, monkeypatch):
    keys = fill(shop, shops, 9)
    home.open_window(0, 10_000)
    advance = streams.advance

    def die(*args):
        advance(*args)
        raise Killed

    monkeypatch.setattr(streams, "advance", die)
    with pytest.raises(Killed):
        home.collector.stream(PAYMENT)
    monkeypatch.undo()
    assert home.open_batches(PAYMENT) == []
    assert home.windows(PAYMENT)[0].after is None
    clock.jump(leases.TTL)
    home.beside().collector.stream(PAYMENT)
    assert sorted(home.stored(PAYMENT), reverse=True) == keys


def test_a_commit_without_an_answer_stores_nothing_twice(home, shop, shops):
    keys = fill(shop, shops, 20)
    home.open_window(0, 10_000)
    lost = [False]

    @event.listens_for(home.ledger.engine, "commit")
    def commit(connection):
        lost[0] = not lost[0]
        if lost[0] and connection.get_execution_options()["writes"]:
            connection.connection.driver_connection.commit()
            raise OperationalError("", None, Exception("connection lost"))

    home.collector.stream(PAYMENT)
    event.remove(home.ledger.engine, "commit", commit)
    assert sorted(home.stored(PAYMENT), reverse=True) == keys


def test_a_worker_that_slept_past_its_lease_stores_nothing(home, shop, shops, clock):
    keys = fill(shop, shops, 20)
    home.open_window(0, 10_000)
    other = home.beside()

    def sleep_long(_):
        shop.before = lambda _: None
        clock.jump(leases.TTL)
        other.collector.stream(PAYMENT)

    shop.before = sleep_long
    home.collector.stream(PAYMENT)
    assert sorted(home.stored(PAYMENT), reverse=True) == keys


@pytest.mark.parametrize("at", range(1, 7))
def test_a_page_that_fails_midway_stores_what_came_before_it(home, shop, shops, at):
    keys = fill(shop, shops, 20)
    home.open_window(0, 10_000)
    shop.before = shops.failing(*[None] * at, shops.later())
    with pytest.raises(TryLater, match="closed"):
        home.collector.stream(PAYMENT)
    assert sorted(home.stored(PAYMENT), reverse=True) == keys[: 3 * at]
    first = shop.asked[0]
    home.collector.stream(PAYMENT)
    assert sorted(home.stored(PAYMENT), reverse=True) == keys
    assert shop.asked.count(first) == 1


@pytest.mark.parametrize("error", [TryLater("closed"), Refused("no"), Misconfigured("key"), CursorGone(), OSError()])
def test_a_first_page_that_fails_gives_the_window_back_at_once(home, shop, shops, error):
    fill(shop, shops, 2)
    home.open_window(0, 10_000)
    shop.before = shops.failing(error)
    with pytest.raises(TryLater if isinstance(error, CursorGone) else type(error)):
        home.collector.stream(PAYMENT)
    assert home.beside().collector.stream(PAYMENT) == 2


def test_an_error_is_not_hidden_by_a_lease_that_was_lost_meanwhile(home, shop, shops, clock):
    fill(shop, shops, 2)
    home.open_window(0, 10_000)
    other = home.beside()

    def fail_late(_):
        shop.before = lambda _: None
        clock.jump(leases.TTL)
        other.collector.stream(PAYMENT)
        raise TryLater("closed")

    shop.before = fail_late
    with pytest.raises(TryLater, match="closed"):
        home.collector.stream(PAYMENT)


def test_another_workers_window_is_left_to_it(home, shop, shops):
    fill(shop, shops, 2)
    home.open_window(0, 10_000)
    home.ledger.write(lambda c: streams.claim(c, home.sync.name, PAYMENT, "other", home.ledger.now(c)))
    with pytest.raises(TryLater, match="another worker is reading 1 windows") as raised:
        home.collector.stream(PAYMENT)
    assert raised.value.after == leases.TTL
    assert shop.asked == []


@pytest.mark.parametrize("purpose", ["backfill", "rescan"])
@pytest.mark.parametrize("deleted", [1, 4, 6])
def test_a_place_that_was_deleted_is_passed_by(home, shop, shops, purpose, deleted):
    """What lies behind it is read, and the window keeps its bounds: a rescan still notices what is missing."""
    keys = fill(shop, shops, 20)
    home.open_window(0, 10_000, purpose=purpose)
    calls = itertools.count()

    def delete_the_place(asked):
        if next(calls) == deleted:
            shop.remove(PAYMENT, asked[3])

    shop.before = delete_the_place
    home.collector.stream(PAYMENT)
    assert sorted(set(home.stored(PAYMENT)), reverse=True) == keys
    assert len(home.stored(PAYMENT)) <= 23
    read = sorted((w.lo, w.hi) for w in home.windows(PAYMENT, "read"))
    assert read[0][0] == 0
    assert read[-1][1] == 10_000
    assert all(a[1] == b[0] for a, b in itertools.pairwise(read))


def test_a_list_that_loses_every_place_ends_with_a_reason(home, shop, shops):
    fill(shop, shops, 20)
    home.open_window(0, 10_000)

    def never_there(asked):
        if asked[3] is not None:
            raise CursorGone

    shop.before = never_there
    shop.put(*(shops.payment(f"same_{n}", created=1100) for n in range(10)))
    with pytest.raises(TryLater, match="changes faster than it can be read"):
        home.collector.stream(PAYMENT)


def test_a_list_that_goes_in_a_circle_is_refused(home, shop, shops, monkeypatch):
    fill(shop, shops, 6)
    home.open_window(0, 10_000)
    pages = [shop.page(PAYMENT, None, None, after) for after in (None, "ch_003")]
    circle = itertools.cycle(collect.Page(p.body, p.count, True, p.last) for p in pages)
    monkeypatch.setattr(collect, "BATCH", 1000)
    monkeypatch.setattr(shop, "page", lambda *_: next(circle))
    with pytest.raises(Refused, match="circle"):
        home.collector.stream(PAYMENT)


def test_a_batch_is_stored_after_a_while_though_it_is_not_full(home, shop, shops, clock, monkeypatch):
    monkeypatch.setattr(collect, "BATCH", 1000)
    fill(shop, shops, 12)
    home.open_window(0, 10_000)
    shop.before = lambda _: clock.sleep(10)
    home.collector.stream(PAYMENT)
    assert [len(list(home.batch(n).pages)) for n in home.open_batches(PAYMENT)] == [2, 2]


def test_a_long_window_is_split_among_readers(home, shop, shops):
    keys = fill(shop, shops, 60)
    home.open_window(0, 10_000, purpose="rescan")
    home.collector.stream(PAYMENT)
    read = sorted((w.lo, w.hi) for w in home.windows(PAYMENT, "read"))
    assert len(read) > 2
    assert (read[0][0], read[-1][1]) == (0, 10_000)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(read))
    assert sorted(home.stored(PAYMENT), reverse=True) == keys


def test_several_threads_read_each_record_once(new_ledger, shops, homes, shop):
    home = homes.Home(new_ledger(), shop, threads=True).begin()
    keys = fill(shop, shops, 100)
    home.open_window(0, 10_000)
    assert home.collector.stream(PAYMENT) == 100
    assert sorted(home.stored(PAYMENT), reverse=True) == keys


def test_two_workers_at_once_read_each_record_once(new_ledger, shops, homes, shop, at_once):
    ledger = new_ledger()
    workers = iter([homes.Home(ledger, shop, worker=f"w{n}") for n in range(2)])
    home = homes.Home(ledger, shop).begin()
    keys = fill(shop, shops, 60)
    home.open_window(0, 10_000)
    lock = threading.Lock()

    def work():
        with lock:
            mine = next(workers)
        while True:
            try:
                return mine.collector.stream(PAYMENT)
            except TryLater:
                continue

    at_once(work, 2)
    assert sorted(home.stored(PAYMENT), reverse=True) == keys


def test_a_stopped_stream_is_not_read(home, shop, shops):
    fill(shop, shops, 3)
    home.open_window(0, 10_000)
    home.ledger.write(lambda c: streams.put(c, home.sync.name, PAYMENT, stopped="why"))
    assert home.collector.stream(PAYMENT) == 0
    assert shop.asked == []


def test_the_ticket_is_noted_before_the_first_page_is_asked_for(home, shop, shops):
    fill(shop, shops, 1)
    home.open_window(0, 10_000)
    shop.before = lambda _: home.ledger.write(lambda c: counters.next_rev(c, home.sync.connection))
    home.collector.stream(PAYMENT)
    assert home.batch(home.open_batches(PAYMENT)[0]).ticket == 0
