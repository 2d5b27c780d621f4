"""Reading what came last: events and legs, behind a watermark that never moves too far."""

from contextlib import nullcontext

import pytest

from accord import collect
from accord.errors import TryLater
from accord.ledger import leases, links, streams
from accord.ledger.links import Intent
from accord.ports import CursorGone
from accord.records import Kind
from accord.sync import EVENT


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


def test_events_become_hints_once_and_the_watermark_moves_with_them(home, shop, shops, clock):
    for n in range(10):
        shop.tell(f"evt_{n}", 1000 + n, ("payment", f"ch_{n % 3}"), ("refund", "re_1"))
    home.open_recent(1000, int(clock.now()) - 300)
    assert home.collector.stream(EVENT) == 20
    assert home.hints() == 20
    assert home.stream(EVENT).watermark == int(clock.now()) - 300
    home.open_recent(1000, int(clock.now()) - 300)
    home.collector.stream(EVENT)
    assert home.hints() == 20


def test_events_of_kinds_that_nobody_keeps_are_passed_by(home, shop, clock):
    shop.tell("evt_1", 1000, ("dispute", "dp_1"))
    home.open_recent(0, int(clock.now()))
    assert home.collector.stream(EVENT) == 0
    assert home.hints() == 0
    assert home.windows(EVENT) == []


@pytest.mark.parametrize("at", range(5))
def test_the_watermark_never_moves_before_all_events_are_stored(home, shop, shops, clock, at):
    for n in range(12):
        shop.tell(f"evt_{n:02}", 1000 + n, ("payment", f"ch_{n}"))
    home.open_recent(1000, int(clock.now()) - 300)
    shop.before = shops.failing(*[None] * at, Killed())
    with pytest.raises(Killed) if at < 4 else nullcontext():
        home.collector.stream(EVENT)
    watermark = home.stream(EVENT).watermark
    assert (watermark == 0) == (at < 4)
    clock.jump(leases.TTL)
    home.beside().collector.stream(EVENT)
    assert home.hints() == 12


@pytest.mark.parametrize("behind", [0, 100, 1000, -1000])
def test_the_watermark_never_passes_what_the_source_may_show_late(home, shop, homes, clock, behind):
    """Also where the source's clock is behind ours, by more than the time that an object may take to appear."""
    shop.clock = lambda: clock.now() - behind
    began = int(clock.now()) - 5000
    home.open_recent(began, int(clock.now()) - homes.LAG)
    home.collector.stream(EVENT)
    watermark = home.stream(EVENT).watermark
    assert watermark == min(clock.now(), shop.clock()) - homes.LAG
    assert watermark >= began


def test_a_watermark_in_the_sources_future_is_put_right_and_all_is_read_again(home, shop, homes, clock):
    """A clock was fast when it was set: what came since the last reading is not known to be read."""
    began = int(clock.now())
    shop.clock = lambda: clock.now() - 1000
    home.open_recent(began, began)
    home.collector.stream(EVENT)
    assert home.stream(EVENT).watermark == began - 1000 - homes.LAG
    followed = {kind for kind in home.kinds if home.stream(kind).watermark >= 0}
    assert followed == {Kind.LEG}


def test_events_that_can_not_be_read_count_once_though_a_worker_dies_before_they_are_stored(home, shop, clock):
    for number in range(10):
        shop.garble(f"evt_{number}", 1000 + number)
    home.open_recent(0, int(clock.now()))
    store = home.collector._store

    def die(*_):
        raise KeyboardInterrupt

    home.collector._store = die
    with pytest.raises(KeyboardInterrupt):
        home.collector.stream(EVENT)
    home.collector._store = store
    clock.jump(leases.TTL + 1)
    home.collector.stream(EVENT)
    assert (home.stream(EVENT).stopped, home.stream(EVENT).unsound_run) == (None, 10)


@pytest.mark.parametrize("events", [0, 20], ids=["at once", "in several batches"])
def test_what_the_source_has_forgotten_is_read_again_though_the_hosts_clock_is_slow(home, shop, clock, events):
    """By its own clock the host was away for less than events live."""
    home.begin()
    began = int(clock.now())
    for n in range(events):
        shop.tell(f"evt_{n:02}", began + n, ("payment", f"ch_{n}"))
    shop.clock = lambda: clock.now() + shop.discovery.events + 10
    home.open_recent(began, began)
    home.collector.stream(EVENT)
    assert {kind for kind in home.kinds if home.stream(kind).watermark >= 0} == {Kind.LEG}


def test_a_watermark_of_the_last_minutes_stays_where_it_is(home, shop, clock):
    began = int(clock.now())
    shop.clock = clock.now
    home.open_recent(began - 10, began)
    home.collector.stream(EVENT)
    assert home.stream(EVENT).watermark == began - 10


def unreadable(home, shop, number, created):
    shop.garble(f"evt_{number}", created)
    home.open_recent(created, created + 1)
    home.collector.stream(EVENT)


def test_an_event_that_can_not_be_read_is_kept_and_told(home, shop, clock):
    unreadable(home, shop, 1, int(clock.now()))
    assert list(home.quarantined()) == ["evt_1"]
    assert home.stream(EVENT).stopped is None


def test_events_that_can_not_be_read_one_after_the_other_stop_their_stream(home, shop, clock):
    for number in range(20):
        assert home.stream(EVENT).stopped is None
        unreadable(home, shop, number, int(clock.now()) + number)
    assert "could not be read" in home.stream(EVENT).stopped


def test_a_person_can_let_events_pass_that_can_not_be_read(home, shop, clock):
    for number in range(20):
        unreadable(home, shop, number, int(clock.now()) + number)
    home.ledger.write(lambda c: streams.release(c, home.sync.name, EVENT, lenient=True))
    home.collector.stream(EVENT)
    stream = home.stream(EVENT)
    assert (stream.stopped, stream.lenient) == (None, False)
    assert len(home.quarantined()) == 20


def test_what_very_many_such_events_may_have_spoken_of_is_read_again(home, shop, clock, monkeypatch):
    monkeypatch.setattr(collect, "STOP_ROWS", 2)
    for number in range(4):
        shop.garble(f"evt_{number}", int(clock.now()))
    home.open_recent(int(clock.now()), int(clock.now()) + 1)
    home.collector.stream(EVENT)
    assert home.stream(EVENT).stopped == "4 of 4 events could not be read; did the API change?"
    home.ledger.write(lambda c: streams.release(c, home.sync.name, EVENT, lenient=True))
    home.collector.stream(EVENT)
    assert home.stream(Kind.PAYMENT).watermark == streams.MISSED
    assert home.stream(Kind.LEG).watermark >= 0


def test_what_appears_late_is_read_by_the_next_run(home, shop, homes, clock):
    """A list shows some objects only seconds after they were created, with a time before others already read."""
    shop.clock = clock.now
    now = int(clock.now())
    shop.tell("evt_2", now - 10, ("payment", "ch_2"))
    home.open_recent(now - 1000, now - homes.LAG)
    home.collector.stream(EVENT)
    shop.tell("evt_1", now - 20, ("payment", "ch_1"))
    home.open_recent(home.stream(EVENT).watermark, now - homes.LAG + 60)
    home.collector.stream(EVENT)
    assert home.hints() == 2


def test_reading_on_later_takes_the_watermark_of_when_it_began(home, shop, shops, homes, clock):
    """The newest page was read then; what came since lies above it."""
    shop.clock = clock.now
    for n in range(12):
        shop.tell(f"evt_{n:02}", 1000 + n, ("payment", f"ch_{n}"))
    began = int(clock.now())
    home.open_recent(1000, began - homes.LAG)
    shop.before = shops.failing(None, None, shops.later())
    with pytest.raises(TryLater):
        home.collector.stream(EVENT)
    clock.jump(7200)
    home.collector.stream(EVENT)
    assert home.stream(EVENT).watermark == began - homes.LAG
    assert home.hints() == 12


def test_events_whose_place_has_expired_are_read_on_from_that_second(home, shop, shops, homes, clock):
    for n in range(12):
        shop.tell(f"evt_{n:02}", 1000 + n, ("payment", f"ch_{n}"))
    hi = int(clock.now()) - homes.LAG
    home.open_recent(1000, hi)
    gone = iter([None, None, CursorGone()])
    shop.before = shops.failing(*gone)
    home.collector.stream(EVENT)
    assert home.hints() == 12
    assert home.stream(EVENT).watermark == hi


def test_a_window_from_before_a_gap_does_not_take_the_watermark_back(home, shop, clock):
    shop.tell("evt_1", 1000, ("payment", "ch_1"))
    home.open_recent(500, 2000)
    home.ledger.write(lambda c: streams.put(c, home.sync.name, EVENT, watermark=9_000))
    home.collector.stream(EVENT)
    assert home.stream(EVENT).watermark == 9_000


def test_legs_that_are_shown_already_are_not_stored_again(home, shop, shops, clock):
    shop.put(*(shops.leg(f"txn_{n}", created=1000 + n) for n in range(6)))
    known = [Intent(f"txn_{n}", 1, "h", False, 1000 + n, {}) for n in (0, 2, 4)]
    home.ledger.write(lambda c: links.intend(c, home.sync.target, home.sync.connection, Kind.LEG, 1, 0, known))
    home.ledger.write(lambda c: links.done(c, home.sync.target, 1))
    sent = [Intent("txn_1", 1, "h", False, 1001, {})]  # intended, and the target may not show it yet
    home.ledger.write(lambda c: links.intend(c, home.sync.target, home.sync.connection, Kind.LEG, 2, 0, sent))
    home.open_recent(0, int(clock.now()), Kind.LEG)
    assert home.collector.stream(Kind.LEG) == 3
    assert sorted(home.stored(Kind.LEG)) == ["txn_1", "txn_3", "txn_5"]


def test_pages_of_known_legs_move_the_place_too(home, shop, shops, clock):
    """Or else a source that fails again and again behind them would never be read to its end."""
    shop.put(*(shops.leg(f"txn_{n}", created=1000 + n) for n in range(9)))
    known = [Intent(f"txn_{n}", 1, "h", False, 1000 + n, {}) for n in range(9)]
    home.ledger.write(lambda c: links.intend(c, home.sync.target, home.sync.connection, Kind.LEG, 1, 0, known))
    home.ledger.write(lambda c: links.done(c, home.sync.target, 1))
    home.open_recent(0, int(clock.now()), Kind.LEG)
    shop.before = shops.failing(None, shops.later())
    with pytest.raises(TryLater):
        home.collector.stream(Kind.LEG)
    assert home.windows(Kind.LEG)[0].after == "txn_6"
