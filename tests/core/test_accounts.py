"""What the accounts have beyond other targets: the legs that money comes to, their sums and balances."""

import pytest
from sqlalchemy import text

from accord.clock import SystemClock
from accord.errors import TryLater
from accord.ledger.engine import open_database
from accord.records import Kind
from accord.systems.accounts import Accounts

MAIN, EU = "stripe/main", "stripe/eu"
BIG = 2**53 + 1  # the first whole number that a float can not hold


@pytest.fixture
def engine(fresh, open_engine):
    return open_engine(fresh.accounts())


@pytest.fixture
def accounts(engine):
    return Accounts(engine, SystemClock())


def test_legs_are_inserted_and_never_changed(accounts, shops):
    accounts.write(MAIN, Kind.LEG, [(1, shops.leg("txn_1", account="cus_1"))])
    before = list(accounts.read(MAIN, Kind.LEG))
    accounts.write(MAIN, Kind.LEG, [(9, shops.leg("txn_1", account="cus_2", gross=7)), (9, shops.leg("txn_2"))])
    after = sorted(accounts.read(MAIN, Kind.LEG))
    assert (after[:1], len(after)) == (before, 2)


def test_the_money_of_two_connections_in_one_database_does_not_mix(accounts, shops):
    for number, connection in enumerate((MAIN, EU)):
        accounts.write(connection, Kind.LEG, [(1, shops.leg("txn_1", gross=100 + number, account="cus_1"))])
    assert accounts.tells_connections_apart
    assert [accounts.sums(name) for name in (MAIN, EU, "stripe/none")] == [{"EUR": 100}, {"EUR": 101}, {}]


def test_sums_and_balances_are_exact(accounts, engine, shops):
    amounts = [("cus_1", "EUR", BIG, 3), ("cus_1", "EUR", BIG, 0), ("cus_1", "USD", -5, 0), ("house:fees", "EUR", 0, 7)]
    legs = [
        shops.leg(f"txn_{n}", account=account, currency=currency, gross=gross, fee=fee, net=gross - fee)
        for n, (account, currency, gross, fee) in enumerate(amounts)
    ]
    accounts.write(MAIN, Kind.LEG, [(1, leg) for leg in legs])
    assert accounts.sums(MAIN) == {"EUR": 2 * BIG, "USD": -5}
    with engine.connect() as connection:
        rows = connection.execute(
            text("SELECT account, currency, gross, fee, balance, legs FROM account_balances ORDER BY account, currency")
        )
        assert [tuple(int(v) if not isinstance(v, str) else v for v in row) for row in rows] == [
            ("cus_1", "EUR", 2 * BIG, 3, 2 * BIG - 3, 2),
            ("cus_1", "USD", -5, 0, -5, 1),
            ("house:fees", "EUR", 0, 7, -7, 1),
        ]


def test_the_sums_of_a_database_that_is_away_are_asked_for_later():
    class Impatient(SystemClock):
        def sleep(self, seconds):
            pass

    engine = open_database("postgresql://user:s3cret@127.0.0.1:1/db", "the accounts database main")
    with pytest.raises(TryLater, match="the accounts database stayed locked or away"):
        Accounts(engine, Impatient()).sums(MAIN)
    engine.dispose()


def test_the_highest_rev_is_that_of_any_kind(accounts, shops):
    accounts.write(MAIN, Kind.CUSTOMER, [(3, shops.customer("cus_1"))])
    accounts.write(MAIN, Kind.PAYMENT, [(7, shops.payment("ch_1")), (5, shops.payment("ch_2"))])
    assert accounts.highest_rev(MAIN) == 7
