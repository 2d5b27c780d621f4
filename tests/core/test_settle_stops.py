"""A source that looks broken: its stream stops before anything of the batch is in the target."""

import pytest

from accord import collect, deletions
from accord.ledger import streams
from accord.plan import Mode
from accord.records import Kind

PAYMENT, REFUND = Kind.PAYMENT, Kind.REFUND


@pytest.fixture
def home(new_home):
    return new_home.begin()


@pytest.fixture
def shop(new_home):
    return new_home.shop


def batch_of(home, shops, good, bad, start=0):
    """A batch of so many sound and unsound payments."""
    payments = [shops.payment(f"ch_{start + n:05}", created=shops.BEGAN + n) for n in range(good + bad)]
    for payment in payments[:bad]:
        home.shop.break_(PAYMENT, payment.key, b'{"id":"%s"}' % payment.key.encode())
    return home.read_all(*payments)


def resume(home, lenient=False, stream=PAYMENT):
    assert home.ledger.write(lambda c: streams.release(c, home.sync.name, stream, lenient))


@pytest.mark.parametrize(("good", "bad", "stops"), [(79, 21, True), (80, 20, False), (2079, 21, False)])
def test_more_than_one_percent_and_twenty_rows_stop_a_stream(home, shops, good, bad, stops):
    settled = home.settle_batch(batch_of(home, shops, good, bad))
    assert (settled.stopped is not None) == stops
    assert (settled.created, settled.quarantined) == ((0, 0) if stops else (good, bad))


def test_nothing_of_a_stopped_batch_is_in_the_target(home, shops):
    number = batch_of(home, shops, 79, 21)
    settled = home.settle_batch(number)
    assert settled.stopped.startswith("21 of 100 payment records are unsound; most often: ")
    assert home.stream(PAYMENT).stopped == settled.stopped
    assert home.shown() == {}
    assert home.quarantined() == {}
    assert home.open_batches(PAYMENT) == [number]
    assert home.settle_batch(number) is None
    home.open_window(0, 10, PAYMENT)
    assert home.collector.stream(PAYMENT) == 0


def test_a_stopped_stream_holds_up_no_other(home, shops):
    home.settle_batch(batch_of(home, shops, 79, 21))
    assert home.settle_batch(home.read_all(shops.refund("re_1", ""), kind=REFUND)).created == 1


def test_a_repaired_parser_reads_the_same_bytes_again(home, shop, shops):
    number = batch_of(home, shops, 79, 21)
    home.settle_batch(number)
    resume(home)
    parse = shop.records
    shop.records = lambda kind, body: [one._replace(record=shops.payment(one.key)) for one in parse(kind, body)]
    settled = home.settle_batch(number)
    assert (settled.created, settled.quarantined, settled.stopped) == (100, 0, None)


def test_resuming_as_it_was_stops_it_again(home, shops):
    number = batch_of(home, shops, 79, 21)
    home.settle_batch(number)
    resume(home)
    assert home.settle_batch(number).stopped is not None


def test_resuming_with_what_is_unsound_in_quarantine(home, shops):
    number = batch_of(home, shops, 79, 21)
    home.settle_batch(number)
    resume(home, lenient=True)
    settled = home.settle_batch(number)
    assert (settled.created, settled.quarantined) == (79, 21)
    assert len(home.quarantined()) == 21
    home.sweep()
    assert not home.stream(PAYMENT).lenient
    assert home.settle_batch(batch_of(home, shops, 79, 21, start=1000)).stopped is not None


def test_lenience_lasts_until_all_batches_that_waited_are_settled(home, shops):
    numbers = [batch_of(home, shops, 79, 21, start=1000 * n) for n in range(2)]
    home.settle_batch(numbers[0])
    resume(home, lenient=True)
    home.settle_batch(numbers[0])
    home.sweep()
    assert home.settle_batch(numbers[1]).stopped is None


def test_the_last_twenty_all_unsound_across_batches_stop_it(home, shops):
    stopped = [home.settle_batch(batch_of(home, shops, 0, 1, start=n)).stopped for n in range(20)]
    assert stopped[:19] == [None] * 19
    assert stopped[19].startswith("the last 20 payment records are all unsound")
    assert len(home.quarantined()) == 19


def test_a_sound_record_between_them_begins_the_count_anew(home, shops):
    for n in range(35):
        assert home.settle_batch(batch_of(home, shops, n == 15, n != 15, start=n)).stopped is None
    assert home.settle_batch(batch_of(home, shops, 0, 1, start=35)).stopped.startswith("the last 20 ")
    assert len(home.quarantined()) == 15 + 19


def test_one_bad_record_that_comes_again_and_again_stops_nothing(home, shops):
    for _ in range(25):
        assert home.settle_batch(batch_of(home, shops, 0, 1)).stopped is None
    assert len(home.quarantined()) == 1


# Deleting


def payments(home, shops, count):
    home.shop.put(*(shops.payment(f"ch_{n:03}", created=shops.BEGAN + n) for n in range(count)))
    home.read_all(*(shops.payment(f"ch_{n:03}", created=shops.BEGAN + n) for n in range(count)))
    home.settle_all()


def deleted(home):
    return sum(row["deleted"] for row in home.shown().values())


@pytest.mark.parametrize(("live", "gone", "stops"), [(10, 3, True), (10, 2, False), (60, 3, False), (59, 3, True)])
def test_deleting_much_at_once_stops_the_stream(home, shops, monkeypatch, live, gone, stops):
    assert (deletions.ROWS, deletions.SHARE) == (20, 0.05)
    monkeypatch.setattr(deletions, "ROWS", 2)
    payments(home, shops, live)
    settled = home.settle_batch(home.read_all(gone=[f"ch_{n:03}" for n in range(gone)], alone=True))
    assert (settled.stopped is not None) == stops
    assert deleted(home) == (0 if stops else gone)
    if stops:
        assert settled.stopped == f"{gone} of {live} payment records would be deleted within a day"


def test_deletions_in_several_batches_of_a_day_count_together(home, shops):
    payments(home, shops, 40)
    for n in range(20):
        assert home.settle_batch(home.read_all(gone=[f"ch_{n:03}"], alone=True)).deleted == 1
    assert home.settle_batch(home.read_all(gone=["ch_020"], alone=True)).stopped is not None
    resume(home, lenient=False)
    for n in range(20, 39):
        assert home.settle_batch(home.read_all(gone=[f"ch_{n:03}"], alone=True)).deleted == 1


def test_deletions_that_a_person_wanted_are_made(home, shops):
    payments(home, shops, 25)
    number = home.read_all(gone=[f"ch_{n:03}" for n in range(21)], alone=True)
    assert home.settle_batch(number).stopped is not None
    resume(home, lenient=True)
    assert home.settle_batch(number).deleted == 21
    assert deleted(home) == 21


# Sweeping: what a rescan did not meet again


@pytest.fixture
def known(new_home, shops):
    """A sync that has read forty payments."""
    new_home.shop.put(*(shops.payment(f"ch_{n:03}", created=shops.BEGAN + n * 10) for n in range(40)))
    new_home.run()
    return new_home


def rescan(home):
    home.plan(Mode.RESCAN)
    return home.run()


def test_what_was_deleted_without_an_event_is_found_by_a_rescan(known):
    for n in (3, 4, 39):
        known.shop.remove(PAYMENT, f"ch_{n:03}")
    assert rescan(known).deleted == 3
    assert sorted(key for key, row in known.shown().items() if row["deleted"]) == ["ch_003", "ch_004", "ch_039"]
    assert known.hints() == 0
    assert rescan(known)[:3] == (0, 0, 0)


def test_what_a_list_only_seemed_to_lack_is_confirmed_by_asking_for_it(known):
    page = known.shop.page

    def lacking(stream, lo, hi, after):
        hidden = known.shop._objects[PAYMENT].pop("ch_007")
        try:
            return page(stream, lo, hi, after)
        finally:
            known.shop._objects[PAYMENT]["ch_007"] = hidden

    known.shop.page = lacking
    assert rescan(known).deleted == 0
    assert ("payment", "ch_007") in known.shop.fetched
    assert deleted(known) == 0


def test_what_could_not_be_read_and_is_gone_by_the_next_rescan_leaves_the_quarantine(known, shops):
    known.shop.put(shops.payment("ch_new", created=shops.BEGAN + 3))
    known.shop.break_(PAYMENT, "ch_new", b'{"key":"ch_new"}')
    rescan(known)
    assert list(known.quarantined()) == ["ch_new"]
    known.shop.remove(PAYMENT, "ch_new")
    rescan(known)
    assert known.quarantined() == {}
    assert ("payment", "ch_new") in known.shop.fetched


def test_what_lies_above_a_place_that_is_deleted_is_still_noticed(known, monkeypatch):
    monkeypatch.setattr(collect, "BATCH", 6)
    known.shop.remove(PAYMENT, "ch_038")
    places = []

    def delete_the_place(asked):
        if asked[0] == PAYMENT and len(asked) == 4 and asked[3] is not None and not places:
            places.append(asked[3])
            known.shop.remove(PAYMENT, asked[3])

    known.shop.before = delete_the_place
    assert rescan(known).deleted == 1
    assert [key for key, row in known.shown().items() if row["deleted"]] == ["ch_038"]
    assert rescan(known).deleted == len(places) == 1


def test_what_was_read_before_and_settled_after_it_began_is_not_met_by_a_rescan(known, shops):
    known.open_window(shops.BEGAN, shops.BEGAN + 400, PAYMENT, "backfill")
    known.collector.stream(PAYMENT)  # a worker reads this, and dies
    known.shop.remove(PAYMENT, "ch_003")
    assert rescan(known).deleted == 1
    assert known.shown()["ch_003"]["deleted"]


def test_a_stretch_that_comes_back_empty_stops_the_stream_however_much_there_is_besides(known, shops):
    known.shop.put(*(shops.payment(f"ch_more_{n:03}", created=shops.BEGAN + 1000 + n) for n in range(600)))
    rescan(known)
    for n in range(21):
        known.shop.remove(PAYMENT, f"ch_{n:03}")
    known.plan(Mode.RESCAN, since=shops.BEGAN, until=shops.BEGAN + 1600)
    known.run()
    assert "of its stretch" in known.stream(PAYMENT).stopped
    assert deleted(known) == 0


def test_a_list_that_comes_back_empty_stops_the_stream(known):
    known.shop._objects[PAYMENT].clear()
    rescan(known)
    assert "40 of 40 payment records of its stretch" in known.stream(PAYMENT).stopped
    assert deleted(known) == 0
    assert known.shop.fetched == []


def test_a_source_that_is_empty_indeed_is_followed_once_a_person_says_so(known):
    known.shop._objects[PAYMENT].clear()
    rescan(known)
    resume(known, lenient=True)
    assert known.run().deleted == 40
    assert deleted(known) == 40
    assert known.stream(PAYMENT).stopped is None
    known.run()
    assert not known.stream(PAYMENT).lenient


def test_records_that_were_settled_since_the_rescan_was_planned_count_as_seen(known, shops):
    known.plan(Mode.RESCAN)
    known.shop.remove(PAYMENT, "ch_005")
    known.read_all(shops.payment("ch_005", created=shops.BEGAN + 50))
    known.settle_all()
    known.run()
    assert ("payment", "ch_005") not in known.shop.fetched


def test_windows_are_forgotten_only_once_their_batches_are_settled(known):
    known.plan(Mode.RESCAN)
    for stream in known.kinds:
        known.collector.stream(stream)
    known.sweep()
    assert known.windows(PAYMENT, "read") != []
    assert known.shop.fetched == []
    known.settle_all()
    known.sweep()
    assert known.windows(PAYMENT, "read") == []
