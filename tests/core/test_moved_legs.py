"""A guest's payment that is given a customer later: its money moves to the customer's account, in legs of their own."""

import pytest

from accord.attribution import attribute, postings
from accord.compare import reconcile
from accord.records import Kind, Ref

CUSTOMER, PAYMENT, REFUND, LEG = Kind.CUSTOMER, Kind.PAYMENT, Kind.REFUND, Kind.LEG
GUESTS = "house:guests"


@pytest.fixture
def home(new_home, shops):
    """A customer, and a guest's payment with its refund, all settled."""
    home = new_home.begin()
    records = (
        shops.customer("cus_1"),
        shops.payment("ch_1", leg="txn_1"),
        shops.refund("re_1", "ch_1", leg="txn_2"),
        shops.leg("txn_1", "ch_1"),
        shops.leg("txn_2", "re_1", type="refund", gross=-250, fee=0, net=-250),
        shops.leg("txn_3", type="payout", gross=-500, fee=0, net=-500),
    )
    home.shop.put(*records)
    for record in records:
        home.settle_batch(home.read_all(record, kind=record.kind))
    return home


def adopt(home, shops, **how):
    paid = shops.payment("ch_1", customer="cus_1", leg="txn_1")
    home.shop.put(paid)
    return home.settle_batch(home.read_all(paid, kind=PAYMENT, **how))


def balances(home):
    sums: dict[str, int] = {}
    for row in home.shown(LEG).values():
        sums[row["account"]] = sums.get(row["account"], 0) + row["gross"]
    return {account: gross for account, gross in sums.items() if gross}


def agree(home):
    return reconcile(home.shop, home.target, home.sync.connection)


def test_the_money_is_in_the_customers_account_and_no_leg_was_changed(home, shops):
    before = home.shown(LEG)
    assert balances(home) == {GUESTS: 1000, "house:payouts": -500}
    adopt(home, shops)
    home.changed()
    home.settle_all()
    after = home.shown(LEG)
    assert {key: after[key] for key in before} == before
    assert balances(home) == {"cus_1": 1000, "house:payouts": -500}
    assert {key: (row["account"], row["net"]) for key, row in after.items() if key not in before} == {
        "txn_1/out": (GUESTS, -1200),
        "txn_1/in": ("cus_1", 1200),
        "txn_2/out": (GUESTS, 250),
        "txn_2/in": ("cus_1", -250),
    }
    assert agree(home).complete
    assert home.hints() == 0
    assert home.quarantined() == {}


def test_it_is_moved_once(home, shops):
    adopt(home, shops)
    home.changed()
    home.settle_all()
    before = home.shown(LEG)
    adopt(home, shops)
    home.read_all(shops.leg("txn_1", "ch_1"), kind=LEG)
    home.changed()
    assert home.settle_all().created == 0
    assert home.shown(LEG) == before
    assert [change for change, _ in home.told("txn_1/in")] == ["create"]


def test_money_that_was_not_moved_yet_is_missing(home, shops):
    adopt(home, shops)
    found = agree(home)
    assert {(one.key, one.how) for one in found.disagreements} == {
        ("txn_1/out", "missing"),
        ("txn_1/in", "missing"),
        ("txn_2/out", "missing"),
        ("txn_2/in", "missing"),
    }
    assert found.source_sums == found.target_sums


def test_a_leg_looked_up_before_its_payment_was_given_a_customer_is_fetched_again(new_home, shops):
    home = new_home.begin()
    first = (shops.customer("cus_1"), shops.payment("ch_1"))
    home.shop.put(*first, shops.leg("txn_1", "ch_1"))
    for record in first:
        home.settle_batch(home.read_all(record, kind=record.kind))
    prepared = home.check(home.read_all(shops.leg("txn_1", "ch_1"), kind=LEG))
    adopt(home.beside(), shops)
    assert home.settle(prepared).again == 1
    home.changed()
    home.settle_all()
    assert balances(home) == {"cus_1": 1250}
    assert set(home.shown(LEG)) == {"txn_1"}
    assert agree(home).complete


def test_what_is_unsound_of_a_move_holds_up_both_legs(home, shops):
    adopt(home, shops)
    home.changed()
    (number,) = home.open_batches(LEG)
    prepared = home.check(number)
    keys = [record.key for record in prepared.records]
    prepared.reject({keys.index("txn_1/in"): ["no"], keys.index("txn_1/out"): ["nor that"]})
    home.settle(prepared)
    assert set(home.shown(LEG)) == {"txn_1", "txn_2", "txn_3", "txn_2/out", "txn_2/in"}
    assert sorted(home.quarantined()["txn_1"]) == ["no", "nor that"]


def test_an_account_other_than_the_guests_is_for_a_person_to_look_at(shops):
    paid = {Ref(PAYMENT, "ch_1"): {"customer": "cus_2", "amount": 1250, "captured": 1250, "currency": "EUR"}}
    leg = attribute(shops.leg("txn_1", "ch_1"), paid.get)
    assert postings(leg, {"account": "cus_1", "payment": "ch_1", "charged_amount": 1250}) == [leg]


def test_a_later_capture_does_not_change_what_was_charged_before(shops):
    paid = {Ref(PAYMENT, "ch_1"): {"customer": "cus_1", "amount": 9000, "captured": 9000, "currency": "JPY"}}
    leg = attribute(shops.leg("txn_1", "ch_1"), paid.get)
    (shown,) = postings(leg, {"account": "cus_1", "payment": "ch_1", "charged_amount": 4000})
    assert (leg.charged_amount, shown.charged_amount) == (9000, 4000)
