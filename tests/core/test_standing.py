"""How a sync stands by the ledger alone."""

import pytest

from accord.ledger import batches, links, streams
from accord.records import Kind
from accord.standing import known, stand
from accord.sync import Sync

PAYMENT, REFUND = Kind.PAYMENT, Kind.REFUND


@pytest.fixture
def home(new_home):
    return new_home.begin()


@pytest.fixture
def shop(new_home):
    return new_home.shop


def standing(home):
    return stand(home.ledger, home.sync)


def test_a_sync_that_never_ran_is_not_in_agreement(new_home):
    assert known(new_home.ledger) == []
    now = standing(new_home)
    assert (now.records, now.share, now.read_until, now.agreed) == (0, 1.0, None, False)


def test_all_that_was_read_is_shown(home, shops):
    home.read_all(shops.payment("ch_1"), shops.payment("ch_2"))
    home.settle_all()
    now = standing(home)
    assert (now.records, now.agreeing, now.share, now.agreed, now.oldest) == (2, 2, 1.0, True, None)
    assert known(home.ledger) == ["payment-to-account/main"]


def test_a_record_that_is_gone_is_not_counted(home, shops):
    home.read_all(shops.payment("ch_1"), shops.payment("ch_2"))
    home.settle_all()
    home.read_all(gone=["ch_2"])
    home.settle_all()
    assert standing(home).records == 1


def test_what_is_kept_or_waits_disagrees_and_the_oldest_is_named(home, shop, shops, clock):
    shop.break_(PAYMENT, "ch_2", b'{"id":"ch_2"}')
    home.read_all(shops.payment("ch_1"), shops.payment("ch_2"))
    home.settle_all()
    first = clock.now()
    clock.sleep(60)
    home.read_all(shops.refund("re_1", "ch_9"), kind=REFUND)
    home.settle_all()
    now = standing(home)
    assert (now.records, now.agreeing, now.quarantined, now.held, now.agreed) == (3, 1, 1, 1, False)
    assert now.oldest.since == first
    assert now.oldest.what.startswith("payment ch_2 is in quarantine: ")


def test_a_record_that_was_shown_and_failed_a_check_later_counts_once(home, shop, shops):
    home.read_all(shops.payment("ch_1"))
    home.settle_all()
    shop.break_(PAYMENT, "ch_1", b'{"id":"ch_1"}')
    home.read_all(shops.payment("ch_1"))
    home.settle_all()
    now = standing(home)
    assert (now.records, now.agreeing, now.share) == (1, 0, 0.0)


def test_a_held_record_names_what_it_waits_for(home, shops):
    home.read_all(shops.refund("re_1", "ch_9"), kind=REFUND)
    home.settle_all()
    oldest = standing(home).oldest
    assert oldest.what == "refund re_1 waits for payment ch_9"


def test_what_was_read_and_not_settled_waits(home, shops):
    home.read_all(shops.payment("ch_1"), shops.payment("ch_2"))
    now = standing(home)
    assert (now.unsettled, now.agreed) == (2, False)
    assert now.oldest.what == "2 payment records are read and not settled"


def test_an_intention_without_an_outcome_disagrees(home, shops):
    number = home.read_all(shops.payment("ch_1"))
    intent = links.Intent("ch_1", 1, "h", False, 0, {})
    home.ledger.write(lambda c: links.intend(c, "accounts/main", "stripe/main", "payment", number, 0, [intent]))
    home.ledger.write(lambda c: batches.remove(c, number))
    now = standing(home)
    assert (now.records, now.agreeing, now.sending, now.agreed) == (1, 0, 1, False)


def test_history_that_is_not_read_and_streams_that_are_stopped_are_no_agreement(home):
    home.open_window(0, 10)
    assert (standing(home).unread, standing(home).agreed) == (1, False)
    home.ledger.write(lambda c: streams.put(c, home.sync.name, PAYMENT, stopped="why"))
    assert standing(home).stopped == {"payment": "why"}


def test_a_kind_that_is_to_be_read_again_is_no_agreement(home, shops):
    home.read_all(shops.payment("ch_1"))
    home.settle_all()
    home.ledger.write(lambda c: streams.put(c, home.sync.name, PAYMENT, watermark=5))
    before = standing(home)
    home.ledger.write(lambda c: streams.doubt(c, home.sync.name, [PAYMENT]))
    assert (standing(home).unread, standing(home).agreed) == (before.unread + 1, False)
    home.ledger.write(lambda c: streams.leave_out(c, home.sync.name, [PAYMENT]))
    home.ledger.write(lambda c: streams.doubt(c, home.sync.name, [PAYMENT]))
    assert standing(home).unread == before.unread


def test_a_hint_that_comes_again_waits_from_then_on(home, shops, clock):
    home.read_all(shops.refund("re_1", "ch_9"), kind=REFUND)
    home.settle_all()
    home.read_all(shops.payment("ch_9"))
    home.settle_all()
    home.changed()
    home.settle_all()
    assert standing(home).agreed
    clock.sleep(3600)
    later = clock.now()
    home.read_all(shops.refund("re_1", "ch_8"), kind=REFUND)
    home.settle_all()
    assert standing(home).oldest.since == later


def test_another_sync_of_the_same_connection_counts_its_own_records(home, shops):
    home.read_all(shops.payment("ch_1"), shops.payment("ch_2"))
    home.settle_all()
    other = Sync("invoice-to-portal/stripe-main", home.sync.connection, "portal/main")
    home.ledger.write(lambda c: streams.put(c, other.name, Kind.DOCUMENT, watermark=0))
    assert stand(home.ledger, other).records == 0
    assert standing(home).records == 2
