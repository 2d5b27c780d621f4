"""Legs and times in tables of the user's own."""

import pytest
from sqlalchemy import text

from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.records import Kind
from accord.systems.accounts import Accounts, parse_mapping

MAIN = "stripe/main"
BIG = 2**53 + 1
CLIENTS = "CREATE TABLE clients (stripe_id TEXT UNIQUE, is_gone BOOLEAN NOT NULL, since TIMESTAMP)"
MAPPING = {
    "customer": {"table": "clients", "columns": {"key": "stripe_id", "deleted": "is_gone", "created": "since"}},
}


@pytest.fixture
def engine(fresh, open_engine):
    return open_engine(fresh.empty())


@pytest.fixture
def opened(engine):
    """Accounts in tables that these statements make, by this mapping."""

    def opened(mapping, *statements):
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        accounts = Accounts(engine, SystemClock(), parse_mapping(mapping))
        accounts.create_tables()
        return accounts

    return opened


LEGS = {
    "leg": {"table": "moves", "columns": {"key": "id", "currency": "cur", "gross": "amount", "available_on": "due"}},
    **{
        kind: {"table": name, "columns": {"key": "id", "deleted": "gone"}}
        for kind, name in (("payment", "pays"), ("refund", "backs"), ("dispute", "fights"))
    },
}
PARENTS = [f"CREATE TABLE {name} (id TEXT PRIMARY KEY, gone BOOLEAN)" for name in ("pays", "backs", "fights")]


@pytest.mark.parametrize(
    ("type_", "time"),
    [
        ("BIGINT", "BIGINT"),
        ("NUMERIC", "TIMESTAMP"),
        ("NUMERIC(30, 0)", "TIMESTAMP WITH TIME ZONE"),
        ("DECIMAL(30, 2)", "BIGINT"),
    ],
)
def test_amounts_and_times_are_exact_in_every_type_that_is_taken(opened, fresh, shops, type_, time):
    if fresh.system == "sqlite":
        time = time.replace("TIMESTAMP WITH TIME ZONE", "DATETIME")
    accounts = opened(
        LEGS, f"CREATE TABLE moves (id TEXT PRIMARY KEY, cur CHAR(3), amount {type_}, due {time})", *PARENTS
    )
    late = 253_402_300_799
    legs = [shops.leg("t1", gross=BIG, available_on=late), shops.leg("t2", gross=-3, available_on=0)]
    accounts.write(MAIN, Kind.LEG, [(1, leg) for leg in legs])
    accounts.write(MAIN, Kind.LEG, [(2, shops.leg("t1", gross=1))])
    assert sorted(accounts.read(MAIN, Kind.LEG)) == [
        ("t1", False, ("t1", "EUR", BIG, late)),
        ("t2", False, ("t2", "EUR", -3, 0)),
    ]
    assert accounts.sums(MAIN) == {"EUR": BIG - 3}


def test_times_are_utc_whatever_the_session_says(opened, engine, fresh, shops):
    zone = "TIMESTAMP WITH TIME ZONE" if fresh.system == "postgresql" else "TIMESTAMP"
    table = CLIENTS.replace("since TIMESTAMP", f"since {zone}")
    accounts = opened(MAPPING, table)
    accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1", created=1_790_000_000))])
    if fresh.system == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("SET TIME ZONE 'Europe/Bucharest'"))
            found = connection.execute(text("SELECT extract(epoch FROM since) FROM clients")).scalar()
        assert found == 1_790_000_000
    assert next(iter(accounts.read(MAIN, Kind.CUSTOMER)))[2][2] == 1_790_000_000


@pytest.mark.parametrize("type_", ["REAL", "DOUBLE PRECISION", "FLOAT"])
def test_money_is_not_put_into_floats(opened, type_):
    with pytest.raises(Misconfigured, match=r"amount of type .*where gross is a whole number"):
        opened(
            LEGS, f"CREATE TABLE moves (id TEXT PRIMARY KEY, cur TEXT, amount {type_}, due BIGINT)", *PARENTS
        ).check()


def test_a_time_is_not_put_into_a_text(opened):
    with pytest.raises(Misconfigured, match="column since of type TEXT, where created is a time"):
        opened(MAPPING, CLIENTS.replace("TIMESTAMP", "TEXT")).check()


@pytest.mark.parametrize(
    ("mapping", "says"),
    [
        ({"document": MAPPING["customer"]}, "the kind document; its kinds are customer, subscription, .*leg"),
        ({"leg": LEGS["leg"]}, "to map leg, map dispute too"),
        ({"leg": {"table": "moves", "columns": {"key": "id"}}}, "leg must say where currency goes"),
    ],
)
def test_a_mapping_that_lacks_what_legs_need_is_refused(mapping, says):
    with pytest.raises(Misconfigured, match=says):
        parse_mapping(mapping)
