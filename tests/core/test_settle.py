"""Settling: each record reaches the target once, whoever reads it, in whatever order."""

import pytest

from accord import settle
from accord.errors import TryLater
from accord.ledger import counters, inbox, links, quarantine, streams
from accord.plan import Mode
from accord.records import Kind

CUSTOMER, PAYMENT, REFUND, LEG = Kind.CUSTOMER, Kind.PAYMENT, Kind.REFUND, Kind.LEG


@pytest.fixture
def shop(new_home):
    return new_home.shop


@pytest.fixture
def home(new_home):
    return new_home.begin()


def settle_one(home, record, **how):
    return home.settle_batch(home.read_all(record, kind=record.kind, **how))


def test_a_record_is_created_updated_skipped_and_deleted(home, shops):
    first, second = shops.payment("ch_1"), shops.payment("ch_1", refunded=250)
    assert settle_one(home, first).created == 1
    assert home.shown()["ch_1"]["refunded"] == 0
    assert settle_one(home, second).updated == 1
    assert home.shown()["ch_1"]["refunded"] == 250
    assert settle_one(home, second).unchanged == 1
    assert home.settle_batch(home.read_all(gone=["ch_1"], alone=True)).deleted == 1
    assert home.shown()["ch_1"]["deleted"] is True
    assert home.told("ch_1") == [("create", 1), ("update", 2), ("delete", 4)]
    assert [rev for _, _, rev in home.target.written] == [1, 2, 4]
    assert home.open_batches(PAYMENT) == []


def test_a_deleted_record_is_not_revived_by_a_list_that_lags_behind(home, shops):
    settle_one(home, shops.payment("ch_1"))
    home.settle_batch(home.read_all(gone=["ch_1"], alone=True))
    settled = settle_one(home, shops.payment("ch_1"))
    assert settled.again == 1
    assert home.hints() == 1
    assert home.shown()["ch_1"]["deleted"] is True


def test_a_deleted_record_that_its_source_shows_again_is_for_a_person_to_look_at(home, shops):
    settle_one(home, shops.payment("ch_1"))
    home.settle_batch(home.read_all(gone=["ch_1"], alone=True))
    assert settle_one(home, shops.payment("ch_1"), alone=True).quarantined == 1
    assert home.quarantined() == {"ch_1": ["the source shows a record again that it had deleted"]}
    assert home.shown()["ch_1"]["deleted"] is True


def test_a_leg_is_inserted_once_and_never_changed(home, shops):
    leg = shops.leg("txn_1")
    assert settle_one(home, leg).created == 1
    assert settle_one(home, leg).unchanged == 1
    assert settle_one(home, shops.leg("txn_1", gross=9, net=9, fee=0)).quarantined == 1
    assert home.shown(LEG)["txn_1"]["gross"] == 1250
    assert home.quarantined() == {"txn_1": ["a record that never changes has changed in the source"]}


def test_a_leg_is_in_the_account_of_who_paid(home, shops):
    home.shop.put(shops.customer("cus_1"), shops.payment("ch_1", customer="cus_1"), shops.refund("re_1", "ch_1"))
    home.read_all(shops.customer("cus_1"), kind=CUSTOMER)
    home.read_all(shops.payment("ch_1", customer="cus_1"), shops.payment("ch_2"))
    home.read_all(shops.refund("re_1", "ch_1"), kind=REFUND)
    home.read_all(
        shops.leg("txn_1", "ch_1"),
        shops.leg("txn_2", "ch_2"),
        shops.leg("txn_3", "re_1", type="refund", gross=-250, fee=0, net=-250),
        shops.leg("txn_4", type="payout", gross=-500, fee=0, net=-500),
        kind=LEG,
    )
    home.settle_all()
    assert {key: row["account"] for key, row in home.shown(LEG).items()} == {
        "txn_1": "cus_1",
        "txn_2": "house:guests",
        "txn_3": "cus_1",
        "txn_4": "house:payouts",
    }
    assert home.target.sums("stripe/main") == {"EUR": 1250 + 1250 - 250 - 500}


def test_a_child_is_held_and_settles_after_its_parent(home, shops):
    refund = shops.refund("re_1", "ch_1")
    home.shop.put(shops.payment("ch_1"), refund)
    assert settle_one(home, refund).held == 1
    assert home.shown(REFUND) == {}
    assert home.hints() == 2
    home.changed()
    assert home.settle_all()[:2] == (2, 0)
    assert set(home.shown(REFUND)) == {"re_1"}
    assert home.hints() == 0
    assert [change for change, _ in home.told("re_1")] == ["hold", "create"]


def test_a_child_whose_parent_stays_away_is_held_once_in_its_story(home, shops, clock):
    refund = shops.refund("re_1", "ch_1")
    home.shop.put(refund)
    home.shop.before = lambda asked: _raise(shops.refused()) if asked[1] == "ch_1" else None
    settle_one(home, refund)
    for _ in range(5):
        home.changed()
        home.settle_all()
        clock.jump(7 * 3600)
    assert home.told("re_1") == [("hold", None)]
    assert home.quarantined().keys() == {"ch_1"}
    assert len(home.shop.fetched) == 10


def _raise(error):
    raise error


def test_a_second_run_writes_nothing(new_home, shops, clock):
    home = new_home
    home.shop.put(
        shops.customer("cus_1"),
        *(shops.payment(f"ch_{n}", customer="cus_1", created=shops.BEGAN + n) for n in range(8)),
        shops.refund("re_1", "ch_1"),
        *(shops.leg(f"txn_{n}", f"ch_{n}", created=shops.BEGAN + n) for n in range(8)),
    )
    tally = home.run()
    assert tally.created == tally.read == 18
    before = [home.shown(kind) for kind in home.kinds], [home.told(f"ch_{n}") for n in range(8)]
    home.target.written.clear()
    clock.jump(600)
    assert home.run() == (0,) * 8
    home.plan(Mode.RESCAN)
    tally = home.run()
    assert tally.unchanged == tally.read == 18
    assert home.target.written == []
    assert before == ([home.shown(kind) for kind in home.kinds], [home.told(f"ch_{n}") for n in range(8)])
    assert home.hints() == 0
    assert home.open_batches(PAYMENT) == home.windows(PAYMENT, "read") == []


# What the batch itself holds


def test_a_record_that_a_page_shows_twice_counts_once(home, shops):
    payment = shops.payment("ch_1")
    settled = home.settle_batch(home.read_all(payment, payment))
    assert settled[:2] == (1, 0)
    assert settled.read == 1


def test_a_record_that_a_batch_shows_twice_and_differently_is_fetched_alone(home, shops):
    home.shop.put(shops.payment("ch_1", refunded=2))
    number = home.read_all(shops.payment("ch_1"), shops.payment("ch_1", refunded=1), shops.payment("ch_2"))
    assert home.settle_batch(number)[:7] == (1, 0, 0, 0, 0, 0, 1)
    home.changed()
    home.settle_all()
    assert home.shown()["ch_1"]["refunded"] == 2


def test_a_record_that_is_sound_and_unsound_in_one_batch_is_fetched_alone(home, shops):
    number = home.read_all(shops.payment("ch_1"))
    home.shop.put(shops.payment("ch_1"))
    prepared = home.check(number)
    broken = b'{"id":"ch_1"}'
    home.shop.records, plain = lambda kind, body: [*plain(kind, body), *plain(kind, broken)], home.shop.records
    prepared = home.check(number)
    assert (prepared.again, prepared.unsound, prepared.records) == (["ch_1"], [], [])


def test_unsound_records_are_kept_and_their_neighbours_pass(home, shop, shops):
    shop.break_(PAYMENT, "ch_1", b'{"id": "ch_1", "secret": "CANARY"}')
    settled = home.settle_batch(home.read_all(*(shops.payment(f"ch_{n}") for n in range(3))))
    assert (settled.created, settled.quarantined) == (2, 1)
    assert set(home.shown()) == {"ch_0", "ch_2"}
    kept = home.ledger.read(quarantine.listed)[0]
    assert b"CANARY" in home.ledger.read(lambda c: quarantine.body(c, home.ledger.cipher, kept.id))
    assert "CANARY" not in str(kept)
    assert [change for change, _ in home.told("ch_1")] == ["quarantine"]


def test_what_was_found_unsound_again_is_told_once(home, shop, shops):
    shop.break_(PAYMENT, "ch_1", b'{"id": "ch_1"}')
    for _ in range(3):
        home.settle_batch(home.read_all(shops.payment("ch_1"), shops.payment("ch_2")))
    assert len(home.told("ch_1")) == 1


def test_a_sound_reading_clears_the_quarantine_unless_it_is_older(home, shop, shops):
    older = home.read_all(shops.payment("ch_1"))
    prepared = home.check(older)
    home.ledger.write(lambda c: counters.next_rev(c, home.sync.connection))
    shop.break_(PAYMENT, "ch_1", b'{"id": "ch_1"}')
    home.settle_batch(home.read_all(shops.payment("ch_1")))
    shop.mend()
    home.settle(prepared)
    assert home.quarantined().keys() == {"ch_1"}
    settle_one(home, shops.payment("ch_1", refunded=1))
    assert home.quarantined() == {}


def test_a_sound_reading_that_waits_for_its_parent_clears_the_quarantine_too(home, shop, shops):
    refund = shops.refund("re_1", "ch_1")
    shop.put(shops.payment("ch_1"), refund)
    shop.break_(REFUND, "re_1", b'{"id": "re_1"}')
    settle_one(home, refund)
    assert home.quarantined().keys() == {"re_1"}
    shop.mend()
    assert settle_one(home, refund).held == 1
    assert home.quarantined() == {}


def test_what_came_for_a_hint_and_can_not_be_told_to_be_it_is_asked_for_again(home, shop, shops, clock):
    """A body without an id goes by a hash: the record that was asked for is not dealt with."""
    shop.put(shops.payment("ch_1"))
    shop.break_(PAYMENT, "ch_1", b'{"id": "sha256:1234"}')
    hint = inbox.Hint("evt_1", PAYMENT, "ch_1")
    home.ledger.write(lambda c: inbox.receive(c, home.sync.name, [hint], clock.now()))
    for _ in range(3):
        home.changed()
        home.settle_all()
    assert home.quarantined().keys() == {"sha256:1234"}
    assert len(shop.fetched) == 2
    shop.mend()
    clock.jump(60)
    home.changed()
    home.settle_all()
    assert set(home.shown()) == {"ch_1"}
    assert home.hints() == 0


def test_an_empty_batch_is_settled(home):
    assert home.settle_batch(home.read_all()) == settle.Settled()
    assert home.open_batches(PAYMENT) == []


def test_a_target_that_is_away_leaves_the_batch_for_later(home, shops):
    number = home.read_all(shops.payment("ch_1"))
    home.target.before = lambda: _raise(TryLater("away"))
    with pytest.raises(TryLater):
        home.settle_batch(number)
    assert home.open_batches(PAYMENT) == [number]
    assert home.told("ch_1") == []
    assert home.settle_batch(number).created == 1
    assert home.told("ch_1") == [("create", 1)]


def test_a_batch_of_a_stream_that_was_stopped_meanwhile_is_left(home, shops):
    prepared = home.check(home.read_all(shops.payment("ch_1")))
    home.ledger.write(lambda c: streams.put(c, home.sync.name, PAYMENT, stopped="why"))
    assert home.settle(prepared).stopped == "why"
    assert home.shown() == {}
    assert home.check(prepared.id) is None


@pytest.fixture
def one_address(home):
    """No two customers may have the same e-mail address, says the target."""
    with home.target.engine.begin() as connection:
        connection.exec_driver_sql("SELECT 1 FROM customers")  # SQLite sees only now what others did to the schema
        connection.exec_driver_sql("CREATE UNIQUE INDEX one_address ON customers (email)")
    yield
    with home.target.engine.begin() as connection:
        connection.exec_driver_sql("DROP INDEX one_address")


@pytest.mark.usefixtures("one_address")
def test_a_record_that_the_target_refuses_holds_up_no_other(home, shops):
    first, second = shops.customer("cus_1", email="a@example.com"), shops.customer("cus_2", email="a@example.com")
    third = shops.customer("cus_3", email="c@example.com")
    settled = home.settle_batch(home.read_all(first, second, third, kind=CUSTOMER))
    assert (settled.created, settled.quarantined) == (2, 1)
    assert set(home.shown(CUSTOMER)) == {"cus_1", "cus_3"}
    assert "the accounts database refuses it" in home.quarantined()["cus_2"][0]
    assert "a@example.com" not in home.quarantined()["cus_2"][0]
    assert [change for change, _ in home.told("cus_2")] == ["quarantine"]
    assert home.ledger.read(lambda c: links.sending(c, home.sync.target, home.sync.connection)) == 0
    mended = shops.customer("cus_2", email="b@example.com")
    assert settle_one(home, mended).created == 1
    assert home.quarantined() == {}
    assert set(home.shown(CUSTOMER)) == {"cus_1", "cus_2", "cus_3"}


@pytest.mark.usefixtures("one_address")
def test_a_change_that_the_target_refuses_leaves_what_it_showed(home, shops):
    settle_one(home, shops.customer("cus_1", email="a@example.com"))
    settle_one(home, shops.customer("cus_2", email="b@example.com"))
    refused = shops.customer("cus_2", email="a@example.com")
    assert settle_one(home, refused).quarantined == 1
    assert home.shown(CUSTOMER)["cus_2"]["email"] == "b@example.com"
    settle_one(home, shops.customer("cus_1", email="c@example.com"))
    assert settle_one(home, refused).updated == 1
    assert home.shown(CUSTOMER)["cus_2"]["email"] == "a@example.com"
    assert home.quarantined() == {}
