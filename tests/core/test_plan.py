"""Which windows a run opens."""

from dataclasses import replace

import pytest

from accord.errors import Misconfigured
from accord.identity import require_same_account
from accord.ledger import links, streams
from accord.ledger.links import Intent
from accord.plan import AHEAD, DAY, Mode
from accord.ports import Owner
from accord.records import Kind
from accord.sync import EVENT


@pytest.fixture
def home(new_ledger, shops, homes, clock):
    return homes.Home(new_ledger(clock), shops.Shop())


def spans(home, stream, purpose=None, state="open"):
    return sorted((w.lo, w.hi) for w in home.windows(stream, state) if purpose in (None, w.purpose))


def finish(home):
    """Everything that was planned is read, settled and forgotten."""
    now = int(home.ledger.clock.now())

    def done(connection):
        streams.put(connection, home.sync.name, EVENT, watermark=now)
        for stream in (*home.kinds, EVENT):
            for window in streams.in_state(connection, home.sync.name, stream, "open"):
                streams.finish(connection, window)
        streams.forget_done(connection, home.sync.name)

    home.ledger.write(done)


def settled(home, *positions):
    """These records are known."""
    intents = [Intent(f"ch_{p}", 1, "h", False, p, {}) for p in positions]
    home.ledger.write(lambda c: links.intend(c, "accounts/main", "stripe/main", "payment", 1, 0, intents))


def contiguous(parts, lo, hi):
    return [lo, *(b for _, b in parts)] == [a for a, _ in parts] + [hi]


def test_the_first_run_reads_all_of_history_in_windows(home, clock):
    home.plan()
    now = int(clock.now())
    for kind in home.kinds:
        parts = spans(home, kind, "backfill")
        assert len(parts) == home.shop.discovery.parallel // 2
        assert contiguous(parts, home.shop.began(), now)
        assert spans(home, kind, "rescan") == []
    assert spans(home, Kind.PAYMENT, "recent") == []


@pytest.mark.parametrize("ahead", [0, 600, -600])
def test_what_changes_during_the_first_run_is_read_after_it_whatever_the_clock_says(home, homes, clock, ahead):
    clock.jump(ahead)
    home.plan()
    true_now = clock.now() - ahead
    for stream in (EVENT, Kind.LEG):
        assert home.stream(stream).watermark <= true_now - homes.LAG
        assert [w.lo for w in home.windows(stream) if w.purpose == "recent"] == [home.stream(stream).watermark]


@pytest.mark.parametrize("since", [None, 1000])
def test_a_fast_clock_is_told_from_the_sources_own(home, homes, clock, since):
    true_now = int(clock.now())
    began = home.shop.began

    def tell() -> int:
        home.shop.date = true_now
        return began()

    home.shop.began = tell
    clock.jump(DAY)
    home.plan(since=since)
    assert {home.stream(stream).watermark <= home.shop.date - homes.LAG for stream in (EVENT, Kind.LEG)} == {True}
    finish(home)
    home.ledger.write(lambda c: streams.doubt(c, home.sync.name, [Kind.LEG]))
    home.plan()
    assert home.stream(Kind.LEG).watermark <= home.shop.date - homes.LAG


def test_since_bounds_the_first_backfill(home, clock):
    since = int(clock.now()) - 1000
    home.plan(since=since)
    assert contiguous(spans(home, Kind.PAYMENT), since, int(clock.now()))


@pytest.mark.parametrize("mode", [Mode.CHANGES, Mode.NIGHTLY])
def test_since_is_refused_where_the_first_run_is_over(home, homes, clock, mode):
    since = int(clock.now()) - 1000
    home.plan()
    with pytest.raises(Misconfigured, match="has behind it, or a rescan; set mode=rescan"):
        home.plan(mode, since=since)
    home.plan(Mode.RESCAN, since=since)
    assert contiguous(spans(home, Kind.PAYMENT, "rescan"), since, int(clock.now()))


def test_since_is_taken_again_where_the_first_run_began_there(home, homes, clock):
    since = int(clock.now()) - 1000
    home.plan(since=since)
    home.plan(since=since)
    home.kinds = {*home.kinds, Kind.DISPUTE}
    home.plan(since=since - 1)
    assert contiguous(spans(home, Kind.PAYMENT), since, int(clock.now()))
    assert contiguous(spans(home, Kind.DISPUTE), since - 1, int(clock.now()))
    with pytest.raises(Misconfigured):
        home.plan(since=since - 2)


def test_windows_left_open_stay_and_none_is_planned_twice(home, clock):
    home.plan()
    before = {stream: home.windows(stream) for stream in (*home.kinds, EVENT)}
    clock.jump(600)
    for mode in (Mode.CHANGES, Mode.CHANGES):
        home.plan(mode)
    assert {stream: home.windows(stream) for stream in (*home.kinds, EVENT)} == before


def test_the_next_run_reads_what_came_since_the_watermark(home, homes, clock):
    home.plan()
    finish(home)
    clock.jump(3600)
    home.plan()
    now = int(clock.now())
    assert spans(home, EVENT) == [(now - 3600, now - homes.LAG)]
    assert spans(home, Kind.LEG) == [(now - 3600 - homes.LAG - AHEAD, now - homes.LAG)]
    assert spans(home, Kind.PAYMENT) == []


def test_a_kind_that_is_mapped_later_gets_a_backfill_of_its_own(home, homes, clock):
    homes.Home(home.ledger, home.shop, kinds={Kind.CUSTOMER}).plan()
    assert spans(home, Kind.PAYMENT) == []
    home.plan()
    assert len(spans(home, Kind.PAYMENT, "backfill")) == len(spans(home, Kind.CUSTOMER, "backfill"))


def test_thirty_nights_read_all_of_history_once(new_ledger, shops, homes, clock):
    home = homes.Home(new_ledger(clock), shops.Shop(), kinds=[Kind.PAYMENT])
    home.plan()
    finish(home)
    oldest = int(clock.now()) - 400 * DAY
    settled(home, oldest)
    for _ in range(2):
        parts = []
        for _ in range(home.shop.discovery.turns):
            settled(home, int(clock.now()) - 5)
            home.plan(Mode.NIGHTLY)
            parts += spans(home, Kind.PAYMENT, "rescan")
            finish(home)
            clock.jump(DAY)
        assert len(parts) == home.shop.discovery.turns
        assert contiguous(parts, oldest, int(clock.now()) - DAY)
        lengths = [hi - lo for lo, hi in parts]
        assert max(lengths) - min(lengths) <= 5 * DAY


def test_a_night_that_is_not_finished_costs_no_turn(home, clock):
    home.plan()
    finish(home)
    oldest = int(clock.now()) - 400 * DAY
    settled(home, oldest, int(clock.now()) - 5)
    home.plan(Mode.NIGHTLY)
    first = spans(home, Kind.PAYMENT, "rescan")
    clock.jump(DAY)
    home.plan(Mode.NIGHTLY)
    assert spans(home, Kind.PAYMENT, "rescan") == first
    finish(home)
    home.plan(Mode.NIGHTLY)
    assert spans(home, Kind.PAYMENT, "rescan")[0][0] == first[0][1]


def test_a_nightly_run_before_anything_is_known_rescans_nothing(home):
    home.plan()
    finish(home)
    home.plan(Mode.NIGHTLY)
    assert spans(home, Kind.PAYMENT, "rescan") == []
    assert home.stream(Kind.PAYMENT).rescan_turn == 0


@pytest.mark.parametrize(("since", "until"), [(None, None), (1_750_000_000, None), (1_750_000_000, 1_760_000_000)])
def test_a_rescan_reads_what_it_is_told(home, clock, since, until):
    home.plan()
    finish(home)
    home.plan(Mode.RESCAN, since, until)
    for kind in home.kinds:
        parts = spans(home, kind, "rescan")
        assert len(parts) == home.shop.discovery.parallel // 2
        assert contiguous(parts, since or home.shop.began(), until or int(clock.now()))


def test_a_rescan_that_is_retried_is_not_planned_twice(home, clock):
    home.plan()
    finish(home)
    home.plan(Mode.RESCAN)
    before = spans(home, Kind.PAYMENT, "rescan")
    clock.jump(60)
    home.plan(Mode.RESCAN)
    assert spans(home, Kind.PAYMENT, "rescan") == [*before, (before[-1][1], int(clock.now()))]


def test_a_rescan_is_planned_though_a_nightly_one_is_under_way(home, clock):
    home.plan()
    finish(home)
    settled(home, int(clock.now()) - 400 * DAY)
    home.plan(Mode.NIGHTLY)
    home.plan(Mode.RESCAN)
    covered = home.shop.began()
    for lo, hi in spans(home, Kind.PAYMENT, "rescan"):
        assert lo <= covered
        covered = max(covered, hi)
    assert covered == int(clock.now())


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("busy", [False, True])
def test_after_longer_than_events_live_everything_is_read_again(home, homes, clock, mode, busy):
    home.plan()
    finish(home)
    oldest = int(clock.now()) - 400 * DAY
    settled(home, oldest)
    if busy:
        home.plan(Mode.NIGHTLY)
    clock.jump(home.shop.discovery.events + DAY)
    now = int(clock.now())
    before = set(spans(home, Kind.PAYMENT, "rescan"))
    home.plan(mode, *((now - 10, now - 5) if mode is Mode.RESCAN else ()))
    parts = sorted(set(spans(home, Kind.PAYMENT, "rescan")) - before)
    assert contiguous(parts, 0, now)
    assert home.stream(EVENT).watermark == now - homes.LAG - AHEAD
    home.plan()
    assert set(spans(home, Kind.PAYMENT, "rescan")) == before | set(parts)


def test_a_kind_that_was_left_out_of_the_mapping_is_read_anew_once_it_is_back(home):
    everything = home.kinds
    home.plan()
    finish(home)
    settled(home, 50)
    home.kinds = everything - {Kind.PAYMENT}
    home.plan()
    finish(home)
    assert spans(home, Kind.PAYMENT) == []
    home.kinds = everything
    home.plan()
    now = int(home.ledger.clock.now())
    assert contiguous(spans(home, Kind.PAYMENT, "rescan"), 0, now)
    assert spans(home, Kind.CUSTOMER) == []
    finish(home)
    home.plan()
    assert spans(home, Kind.PAYMENT, "rescan") == []


def test_an_account_that_no_key_could_name_is_the_one_that_a_later_key_names(home):
    def require(account, mode="test"):
        require_same_account(home.sync, home.ledger, Owner(account, mode))

    require(None)
    require(None)
    with pytest.raises(Misconfigured, match="an account in test mode was read"):
        require("acct_1", "live")
    require("acct_1")
    require("acct_1")
    for other in ("acct_2", None):
        with pytest.raises(Misconfigured, match="account acct_1 in test mode was read"):
            require(other)


def test_the_first_run_cuts_history_where_it_begins(home, shops, clock):
    """An account that is years older than what it holds: windows without anything in them give nobody work."""
    now, began = int(clock.now()), home.shop.began()
    first = now - (now - began) // 10
    home.shop.put(shops.leg("txn_1", created=first), shops.leg("txn_2", created=now - 1000))
    home.plan()
    for kind in home.kinds:
        parts = spans(home, kind, "backfill")
        assert contiguous(parts, began, now)
        assert parts[0][1] <= first < parts[1][1]
        assert len(parts) == home.shop.discovery.parallel // 2 + 1
    assert len(home.shop.asked) < 10


def test_where_nothing_can_be_seen_all_of_history_is_cut(home, clock):
    home.plan()
    assert len(spans(home, Kind.PAYMENT)) == home.shop.discovery.parallel // 2


def test_a_source_that_is_read_by_one_is_not_looked_through(home):
    home.shop.discovery = replace(home.shop.discovery, parallel=1)
    home.plan()
    assert home.shop.asked == []
    assert len(spans(home, Kind.PAYMENT)) == 1
