"""Fetching the records that the inbox speaks of, as they are now."""

import pytest

from accord import fetch
from accord.errors import LeftAlone, Misconfigured, TryLater
from accord.ledger import batches, counters, inbox, leases, streams
from accord.ledger.inbox import Hint
from accord.records import Kind


@pytest.fixture
def shop(shops):
    shop = shops.Shop()
    shop.put(shops.customer("cus_1"), *(shops.payment(f"ch_{n}") for n in range(4)), shops.refund("re_1", "ch_1"))
    return shop


@pytest.fixture
def home(new_ledger, homes, clock, shop):
    return homes.Home(new_ledger(clock), shop).begin()


def hint(home, *refs, event="evt"):
    hints = [Hint(f"{event}_{kind}_{key}", kind, key) for kind, key in refs]
    home.ledger.write(lambda c: inbox.receive(c, home.sync.name, hints, home.ledger.now(c)))


def settle_nothing(home):
    """The batches are dealt with, as far as the inbox is concerned."""

    def work(connection):
        for kind in Kind:
            for number in batches.open_ids(connection, home.sync.name, kind):
                batch = batches.load(connection, home.ledger.cipher, home.sync.name, number)
                inbox.close(connection, batch.claim, kind, inbox.unmet(connection, batch.claim, kind))
                batches.remove(connection, number)

    home.ledger.write(work)


def test_each_record_is_fetched_once_parents_first(home, shop):
    hint(home, ("refund", "re_1"), ("payment", "ch_1"), ("customer", "cus_1"))
    hint(home, ("payment", "ch_1"), event="other")
    assert home.changed() == 3
    assert shop.fetched == [("customer", "cus_1"), ("payment", "ch_1"), ("refund", "re_1")]
    assert home.stored(Kind.PAYMENT) == ["ch_1"]
    assert home.changed() == 0
    settle_nothing(home)
    assert home.hints() == 0


def test_many_hints_come_in_several_batches(home, shop, shops, monkeypatch):
    monkeypatch.setattr(fetch, "CHUNK", 3)
    shop.put(*(shops.payment(f"ch_{n}") for n in range(8)))
    hint(home, *(("payment", f"ch_{n}") for n in range(8)))
    assert home.changed() == 8
    assert sorted(home.stored(Kind.PAYMENT)) == [f"ch_{n}" for n in range(8)]
    assert len(home.open_batches(Kind.PAYMENT)) == 3


def test_a_record_that_the_source_does_not_know_is_a_tombstone(home):
    hint(home, ("payment", "ch_9"), ("payment", "ch_1"))
    assert home.changed() == 2
    batch = home.batch(home.open_batches(Kind.PAYMENT)[0])
    assert batch.gone == ["ch_9"]
    prepared = home.check(batch.id)
    assert {record.key: record.deleted for record in prepared.records} == {"ch_1": False, "ch_9": True}


def test_a_refused_record_goes_to_quarantine_and_the_others_pass(home, shop, shops):
    hint(home, ("payment", "ch_0"), ("payment", "ch_1"), ("payment", "ch_2"))
    shop.before = lambda asked: _raise(shops.refused()) if asked[1] == "ch_1" else None
    home.changed()
    assert home.quarantined() == {"ch_1": ["the shop does not sell this"]}
    assert [change for change, _ in home.told("ch_1")] == ["quarantine"]
    assert home.stored(Kind.PAYMENT) == ["ch_0", "ch_2"]
    settle_nothing(home)
    assert home.hints() == 0


def _raise(error):
    raise error


def test_when_all_are_refused_there_is_no_batch(home, shop, shops):
    hint(home, ("payment", "ch_0"))
    shop.before = lambda _: _raise(shops.refused())
    home.changed()
    assert home.open_batches(Kind.PAYMENT) == []
    assert home.hints() == 0


def test_a_record_that_can_not_be_fetched_waits_and_holds_up_no_other(home, shop, shops, clock):
    hint(home, ("customer", "cus_1"), *(("payment", f"ch_{n}") for n in range(4)), ("refund", "re_1"))
    shop.before = lambda asked: _raise(shops.later()) if asked[1] in ("ch_1", "ch_2") else None
    assert home.changed() == 4
    assert home.stored(Kind.CUSTOMER) == ["cus_1"]
    assert home.stored(Kind.PAYMENT) == ["ch_0", "ch_3"]
    assert home.stored(Kind.REFUND) == ["re_1"]
    settle_nothing(home)
    assert home.hints() == 2
    shop.before = lambda _: None
    shop.fetched.clear()
    assert home.changed() == 0
    clock.jump(60)
    assert home.changed() == 2
    assert shop.fetched == [("payment", "ch_1"), ("payment", "ch_2")]
    settle_nothing(home)
    assert home.hints() == 0


def test_a_source_that_is_away_gives_all_hints_back(home, shop, shops, clock):
    hint(home, ("payment", "ch_0"), ("refund", "re_1"))
    shop.before = lambda _: _raise(shops.later())
    with pytest.raises(TryLater, match="closed"):
        home.changed()
    shop.before = lambda _: None
    assert home.changed() == 0
    clock.sleep(61)
    assert home.changed() == 2
    settle_nothing(home)
    assert home.hints() == 0


def test_a_misconfigured_source_gives_all_hints_back(home, shop):
    hint(home, ("payment", "ch_0"), ("refund", "re_1"))
    shop.before = lambda _: _raise(Misconfigured("key"))
    with pytest.raises(Misconfigured):
        home.changed()
    shop.before = lambda _: None
    assert home.changed() == 2


def test_a_stopped_kind_is_not_fetched_and_holds_up_no_other(home, shop):
    hint(home, ("payment", "ch_0"), ("refund", "re_1"))
    home.ledger.write(lambda c: streams.put(c, home.sync.name, "payment", stopped="why"))
    home.changed()
    assert shop.fetched == [("refund", "re_1")]
    home.ledger.write(lambda c: streams.release(c, home.sync.name, "payment", lenient=False))
    home.changed()
    assert shop.fetched[1:] == [("payment", "ch_0")]


def test_a_kind_that_is_not_kept_any_more_is_left_alone(home, shop):
    hint(home, ("dispute", "dp_1"), ("payment", "ch_0"))
    assert home.changed() == 1
    assert shop.fetched == [("payment", "ch_0")]


def test_what_a_dead_worker_was_fetching_is_fetched_by_the_next_one(home, shop, clock):
    hint(home, ("payment", "ch_0"))
    shop.before = lambda _: _raise(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        home.changed()
    shop.before = lambda _: None
    with pytest.raises(TryLater, match="another worker is fetching 1 records") as raised:
        home.beside().changed()
    assert raised.value.after == leases.TTL
    clock.jump(leases.TTL)
    assert home.beside().changed() == 1


def test_two_workers_do_not_fetch_the_same_over_and_over(home, shop):
    """Each would take the other's hints as long as it has not stored its own."""
    hint(home, *(("payment", f"ch_{n}") for n in range(4)))

    def meanwhile(_):
        shop.before = lambda _: None
        with pytest.raises(TryLater, match="another worker is fetching 4 records"):
            home.beside().changed()

    shop.before = meanwhile
    assert home.changed() == 4
    assert len(shop.fetched) == 4
    assert home.beside().changed() == 0


def test_a_ticket_is_noted_before_the_first_record_is_asked_for(home, shop):
    hint(home, ("payment", "ch_0"))
    shop.before = lambda _: home.ledger.write(lambda c: counters.next_rev(c, home.sync.connection))
    home.changed()
    assert home.batch(home.open_batches(Kind.PAYMENT)[0]).ticket == 0


def test_one_body_that_is_cut_off_spoils_no_other(home, shop, shops):
    hint(home, *(("payment", f"ch_{n}") for n in range(4)))
    shop.break_(Kind.PAYMENT, "ch_2", b'{"id":"ch_2","key":"ch_2"}')
    home.changed()
    prepared = home.check(home.open_batches(Kind.PAYMENT)[0])
    assert sorted(record.key for record in prepared.records) == ["ch_0", "ch_1", "ch_3"]
    assert [bad.key for bad in prepared.unsound] == ["ch_2"]


def test_a_record_that_alone_can_not_be_fetched_waits_longer_each_time(home, shop, shops, clock):
    hint(home, ("payment", "ch_1"))
    shop.before = lambda _: _raise(shops.later())
    for wait in (60, 120, 180):
        with pytest.raises(TryLater, match="closed"):
            home.changed()
        clock.sleep(wait - 2)
        assert home.changed() == 0
        clock.sleep(3)


def test_records_that_were_not_even_asked_for_keep_their_turn(home, shop, clock):
    """One record's failures had the source left alone: that is no failure of the others."""
    hint(home, ("payment", "ch_1"), ("refund", "re_1"))
    shop.before = lambda asked: _raise(TryLater("closed") if asked[1] == "ch_1" else LeftAlone("rests", 30))
    with pytest.raises(TryLater):
        home.changed()
    shop.before = lambda _: None
    clock.sleep(31)
    assert home.changed() == 1
    assert shop.fetched[-1] == ("refund", "re_1")
