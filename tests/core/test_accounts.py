"""Customer accounts in Accord's own tables."""

import itertools
import random
import threading
from datetime import UTC, datetime

import pytest
from sqlalchemy import inspect, text

from accord.clock import SystemClock
from accord.errors import Misconfigured, TryLater
from accord.ledger.engine import open_database
from accord.records import RECORDS, TIMES, Kind
from accord.systems.accounts import Accounts
from accord.systems.accounts_look import check_writable, highest_rev, last_agreed, rows, without_connection

MAIN = "stripe/main"
BIG = 2**53 + 1  # the first whole number that a float can not hold


@pytest.fixture
def engine(fresh, open_engine):
    return open_engine(fresh.accounts())


@pytest.fixture
def accounts(engine):
    return Accounts(engine, SystemClock())


def made_up(kind, key, **fixed):
    """A record with a value of its own in every field, as far out as it may be."""
    values = {}
    for field in RECORDS[kind].fields():
        type_, _ = RECORDS[kind].field_type(field)
        if field in TIMES:
            values[field] = 253_402_300_799
        else:
            values[field] = {str: "ț 'quoted' 日本 %s :x", int: -BIG, bool: True}[type_]
    return RECORDS[kind](**{**values, "key": key, **fixed})


def empty(kind, key):
    """A record with nothing in every field that may be without a value."""
    values = {}
    for field in RECORDS[kind].fields():
        type_, nullable = RECORDS[kind].field_type(field)
        values[field] = None if nullable else type_()
    return RECORDS[kind](**{**values, "key": key})


def shown(accounts, kind, connection=MAIN):
    fields = accounts.fields(kind)
    return {
        key: RECORDS[kind](**dict(zip(fields, values, strict=True)))
        for key, _, values in accounts.read(connection, kind)
    }


@pytest.mark.parametrize("kind", list(Kind))
def test_every_field_comes_back_as_it_was_written(accounts, kind):
    records = [made_up(kind, "full"), empty(kind, "empty")]
    accounts.write(MAIN, kind, [(1, record) for record in records])
    assert shown(accounts, kind) == {record.key: record for record in records}


def test_a_later_rev_is_never_overwritten(accounts, shops):
    accounts.write(MAIN, Kind.PAYMENT, [(5, shops.payment("ch_1", refunded=5))])
    accounts.write(MAIN, Kind.PAYMENT, [(4, shops.payment("ch_1", refunded=4)), (4, shops.payment("ch_2"))])
    assert shown(accounts, Kind.PAYMENT)["ch_1"].refunded == 5
    assert "ch_2" in shown(accounts, Kind.PAYMENT)
    accounts.write(MAIN, Kind.PAYMENT, [(6, shops.payment("ch_1", refunded=6))])
    assert shown(accounts, Kind.PAYMENT)["ch_1"].refunded == 6


def test_whatever_the_order_the_latest_rev_stays(accounts, shops):
    order = list(itertools.permutations(range(1, 5)))
    for number, revs in enumerate(order):
        for rev in revs:
            accounts.write(MAIN, Kind.PAYMENT, [(rev, shops.payment(f"ch_{number}", refunded=rev))])
    assert {record.refunded for record in shown(accounts, Kind.PAYMENT).values()} == {4}


def test_writers_at_once_leave_the_latest_rev(accounts, shops, at_once):
    chance = random.Random(7)
    lists = [[(rev, n) for rev in chance.sample(range(1, 40), 8) for n in range(6)] for _ in range(4)]
    for one in lists:
        chance.shuffle(one)
    todo, lock = iter(lists), threading.Lock()

    def work():
        with lock:
            mine = next(todo)
        for start in range(0, len(mine), 6):
            rows = {f"ch_{n}": (rev, shops.payment(f"ch_{n}", refunded=rev)) for rev, n in mine[start : start + 6]}
            accounts.write(MAIN, Kind.PAYMENT, list(rows.values()))

    accounts.check()
    at_once(work, 4)
    written = {}
    for one in lists:
        for start in range(0, len(one), 6):
            for n, rev in {n: rev for rev, n in one[start : start + 6]}.items():
                written[f"ch_{n}"] = max(written.get(f"ch_{n}", 0), rev)
    assert {key: record.refunded for key, record in shown(accounts, Kind.PAYMENT).items()} == written


def test_legs_are_inserted_and_never_changed(accounts, shops):
    leg = shops.leg("txn_1", account="cus_1")
    accounts.write(MAIN, Kind.LEG, [(1, leg)])
    accounts.write(MAIN, Kind.LEG, [(9, shops.leg("txn_1", account="cus_2", gross=7)), (9, shops.leg("txn_2"))])
    assert shown(accounts, Kind.LEG)["txn_1"] == leg
    assert len(shown(accounts, Kind.LEG)) == 2


def test_two_connections_in_one_database_do_not_mix(accounts, shops):
    for number, connection in enumerate((MAIN, "stripe/eu")):
        accounts.write(connection, Kind.PAYMENT, [(9 - number, shops.payment("ch_1", refunded=number))])
        accounts.write(connection, Kind.LEG, [(1, shops.leg("txn_1", gross=100 + number, account="cus_1"))])
    assert shown(accounts, Kind.PAYMENT)["ch_1"].refunded == 0
    assert shown(accounts, Kind.PAYMENT, "stripe/eu")["ch_1"].refunded == 1
    assert accounts.sums(MAIN) == {"EUR": 100}
    assert accounts.sums("stripe/eu") == {"EUR": 101}
    assert accounts.sums("stripe/none") == {}


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


def test_a_row_that_is_refused_holds_up_none_of_many(accounts, shops):
    rows = [(1, shops.payment(f"ch_{n}")) for n in range(6_000)]
    accounts.write(MAIN, Kind.PAYMENT, rows)
    assert sum(1 for _ in accounts.read(MAIN, Kind.PAYMENT)) == 6_000
    refused = accounts.write(
        MAIN, Kind.REFUND, [(1, shops.refund("re_1", "ch_1")), (1, shops.refund("re_2", "", amount=None))]
    )
    assert refused.keys() == {"re_2"}
    assert shown(accounts, Kind.REFUND).keys() == {"re_1"}


def test_writing_nothing_is_no_error(accounts):
    accounts.write(MAIN, Kind.PAYMENT, [])
    accounts.write(MAIN, Kind.LEG, [])


def test_the_time_of_agreement_is_there_to_be_read_and_never_goes_back(accounts, engine):
    def when():
        with engine.connect() as connection:
            found = connection.execute(text("SELECT connection, last_agreed_at FROM accord_agreement")).all()
        parsed = [(c, at if isinstance(at, datetime) else datetime.fromisoformat(at)) for c, at in found]
        return {c: at if at.tzinfo else at.replace(tzinfo=UTC) for c, at in parsed}

    for at in (1_800_000_000.7, 1_800_000_500.0, 1_800_000_100.0):
        accounts.agreed(MAIN, at)
    accounts.agreed("stripe/eu", 1_700_000_000.0)
    assert when() == {
        MAIN: datetime.fromtimestamp(1_800_000_500, UTC),
        "stripe/eu": datetime.fromtimestamp(1_700_000_000, UTC),
    }


def test_tables_are_made_once(fresh, open_engine):
    engine = open_engine(fresh.empty())
    accounts = Accounts(engine, SystemClock())
    with pytest.raises(Misconfigured, match=r"no table customers.*accord accounts create"):
        accounts.check()
    accounts.create_tables()
    accounts.create_tables()
    accounts.check()
    assert {"customers", "payments", "account_legs", "subscriptions"} <= set(inspect(engine).get_table_names())


def test_bookkeeping_that_is_missing_is_named(fresh, open_engine):
    engine = open_engine(fresh.empty())
    accounts = Accounts(engine, SystemClock())
    accounts.create_tables()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE accord_agreement"))
    with pytest.raises(Misconfigured, match=r"has no table accord_agreement.*accord accounts create"):
        accounts.check()


def test_a_database_that_is_away_is_tried_later():
    class Impatient(SystemClock):
        def sleep(self, seconds):
            pass

    engine = open_database("postgresql://user:s3cret@127.0.0.1:1/db", "the accounts database main")
    accounts = Accounts(engine, Impatient())
    for call in (accounts.check, lambda: accounts.agreed(MAIN, 0.0), lambda: accounts.sums(MAIN)):
        with pytest.raises(TryLater, match="the accounts database stayed locked or away"):
            call()
    engine.dispose()


def test_a_database_that_may_be_written_passes(accounts):
    check_writable(accounts)
    assert rows(accounts)[Kind.PAYMENT] == ("payments", 0)


def test_a_read_only_postgresql_is_refused_with_what_to_do(fresh_databases, open_engine):
    engine = open_engine(fresh_databases.accounts())
    with engine.begin() as c:
        name = c.scalar(text("SELECT current_database()"))
        c.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()
    try:
        with pytest.raises(Misconfigured, match="a standby, or set to read-only; name its primary"):
            check_writable(Accounts(engine, SystemClock()))
    finally:
        with engine.connect() as c:
            c.execute(text("SET TRANSACTION READ WRITE"))
            c.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
            c.commit()
        engine.dispose()


def test_a_user_who_may_only_read_is_refused(fresh_databases, open_engine):
    url = fresh_databases.accounts()
    engine = open_engine(url)
    with engine.begin() as c:
        c.execute(text("CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
    reader = open_database(str(engine.url.set(username="reader")), "the URL of the accounts")
    try:
        with pytest.raises(Misconfigured, match="the URL of the accounts cannot be used: the user lacks a permission"):
            check_writable(Accounts(reader, SystemClock()))
    finally:
        reader.dispose()
        with engine.begin() as c:
            c.execute(text("DROP OWNED BY reader; DROP ROLE reader"))


def test_the_highest_rev_is_told_by_connection(accounts):
    accounts.write(MAIN, Kind.CUSTOMER, [(3, empty(Kind.CUSTOMER, "cus_1"))])
    accounts.write(MAIN, Kind.PAYMENT, [(7, empty(Kind.PAYMENT, "ch_1")), (5, empty(Kind.PAYMENT, "ch_2"))])
    accounts.write("stripe/eu", Kind.PAYMENT, [(9, empty(Kind.PAYMENT, "ch_3"))])
    assert [highest_rev(accounts, name) for name in (MAIN, "stripe/eu", "stripe/none")] == [7, 9, 0]
    assert without_connection(accounts) == []


def test_until_when_the_accounts_agree_can_be_read_back(accounts):
    assert last_agreed(accounts, MAIN) is None
    accounts.agreed(MAIN, 1_700_000_000.0)
    assert last_agreed(accounts, MAIN) == 1_700_000_000
