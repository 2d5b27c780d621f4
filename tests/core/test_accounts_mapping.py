"""Customer accounts in tables of the user's own."""

import itertools

import pytest
from sqlalchemy import inspect, text

from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.records import Kind
from accord.systems.accounts import REFUSED, Accounts
from accord.systems.accounts_tables import default_mapping, parse_mapping

MAIN = "stripe/main"
BIG = 2**53 + 1
FIELDS = {"key": "stripe_id", "name": "full name", "deleted": "is_gone", "created": "since"}
TABLE = (
    'CREATE TABLE clients (stripe_id VARCHAR(40) UNIQUE, "full name" TEXT, is_gone BOOLEAN NOT NULL, since TIMESTAMP)'
)


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


def clients(table="clients", **more):
    return {"customer": {"table": table, "columns": {**FIELDS, **more}}}


def rows(engine, sql):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


EXTRAS = {
    "plain": ({}, "", "UNIQUE (stripe_id)"),
    "rev": ({"rev": "version"}, "version BIGINT,", "UNIQUE (stripe_id)"),
    "connection": ({"connection": "shop"}, "shop TEXT NOT NULL,", "UNIQUE (shop, stripe_id)"),
    "both": (
        {"connection": "shop", "rev": "version"},
        "shop TEXT, version INTEGER,",
        "PRIMARY KEY (stripe_id, shop)",
    ),
}


@pytest.fixture(params=list(EXTRAS))
def own(request, opened):
    """A table of clients, with and without columns for connection and rev."""
    more, columns, constraint = EXTRAS[request.param]
    first = 'stripe_id TEXT, "full name" TEXT, is_gone BOOLEAN, since BIGINT, note TEXT'
    table = f"CREATE TABLE clients ({first}, {columns} {constraint})"
    return opened(clients(**more), table), request.param


def test_records_go_where_the_mapping_says(own, engine, shops):
    accounts, _ = own
    accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1", name="Ada", created=BIG))])
    assert rows(engine, 'SELECT stripe_id, "full name", is_gone, since, note FROM clients') == [
        ("cus_1", "Ada", False, BIG, None)
    ]
    assert accounts.fields(Kind.CUSTOMER) == ["key", "name", "deleted", "created"]
    assert list(accounts.read(MAIN, Kind.CUSTOMER)) == [("cus_1", False, ("cus_1", "Ada", False, BIG))]


def test_whatever_the_order_the_latest_rev_stays(own, shops):
    accounts, _ = own
    order = list(itertools.permutations(range(1, 4)))
    for number, revs in enumerate(order):
        for rev in revs:
            accounts.write(MAIN, Kind.CUSTOMER, [(rev, shops.customer(f"cus_{number}", name=str(rev)))])
    assert {values[1] for _, _, values in accounts.read(MAIN, Kind.CUSTOMER)} == {"3"}


def test_the_same_rev_again_changes_nothing(own, engine, shops):
    """An interrupted batch is written once more."""
    accounts, _ = own
    for _ in range(2):
        accounts.write(MAIN, Kind.CUSTOMER, [(3, shops.customer("cus_1", name="Ada"))])
    accounts.write(MAIN, Kind.CUSTOMER, [(2, shops.customer("cus_1", name="Eve"))])
    assert rows(engine, 'SELECT "full name" FROM clients') == [("Ada",)]


def test_connections_are_told_apart_where_the_table_can(own, shops):
    accounts, extra = own
    accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1", name="Ada"))])
    accounts.write("stripe/eu", Kind.CUSTOMER, [(1, shops.customer("cus_2", name="Bea"))])
    # Without a column for it, by the table accord_seen; with revs in the table, there is none to look at.
    expected = {"cus_1", "cus_2"} if extra == "rev" else {"cus_1"}
    assert {key for key, _, _ in accounts.read(MAIN, Kind.CUSTOMER)} == expected


def test_columns_that_are_not_mapped_are_left_as_they_are(own, engine, shops):
    accounts, _ = own
    accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1"))])
    with engine.begin() as connection:
        connection.execute(text("UPDATE clients SET note = 'pays late'"))
    accounts.write(MAIN, Kind.CUSTOMER, [(2, shops.customer("cus_1", name="Ada"))])
    assert rows(engine, 'SELECT "full name", note FROM clients') == [("Ada", "pays late")]


def test_a_row_that_was_there_before_is_taken_over(own, engine, shops):
    """It has no rev, which is no later one."""
    accounts, extra = own
    shop = ("shop, ", "'stripe/main', ") if extra in ("connection", "both") else ("", "")
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO clients ({shop[0]}stripe_id, note) VALUES ({shop[1]}'cus_1', 'old')"))
    accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1", name="Ada"))])
    assert rows(engine, 'SELECT "full name", note FROM clients') == [("Ada", "old")]


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
    table = TABLE.replace("since TIMESTAMP", f"since {zone}")
    accounts = opened(clients(), table)
    accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1", created=1_790_000_000))])
    if fresh.system == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("SET TIME ZONE 'Europe/Bucharest'"))
            found = connection.execute(text("SELECT extract(epoch FROM since) FROM clients")).scalar()
        assert found == 1_790_000_000
    assert next(iter(accounts.read(MAIN, Kind.CUSTOMER)))[2][3] == 1_790_000_000


def test_a_table_in_another_schema(fresh_databases, open_engine, shops):
    engine = open_engine(fresh_databases.empty())
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA shop"))
        connection.execute(text(TABLE.replace("clients", "shop.clients")))
        connection.execute(text("CREATE TABLE clients (stripe_id INTEGER)"))
    accounts = Accounts(engine, SystemClock(), parse_mapping(clients("shop.clients")))
    accounts.create_tables()
    accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1", name="Ada"))])
    assert rows(engine, 'SELECT "full name" FROM shop.clients') == [("Ada",)]


WRONG = {
    "no such table": (TABLE.replace("clients", "others"), r"no table clients; name one in the mapping that is there"),
    "no such column": (
        TABLE.replace("since TIMESTAMP", "born TIMESTAMP"),
        r"clients has no column since for customer\.created; its columns are .*born",
    ),
    "a time in a text": (
        TABLE.replace("since TIMESTAMP", "since TEXT"),
        "column since of type TEXT, where created is a time",
    ),
    "a text in a number": (TABLE.replace('"full name" TEXT', '"full name" BIGINT'), "full name .*where name is text"),
    "a yes in a text": (TABLE.replace("is_gone BOOLEAN", "is_gone TEXT"), "is_gone .*where deleted is yes or no"),
    "nothing unique": (TABLE.replace("UNIQUE", ""), r"clients needs a unique constraint on \(stripe_id\)"),
    "unique with more": (
        TABLE.replace(" UNIQUE", "").replace("TIMESTAMP)", "TIMESTAMP, UNIQUE (stripe_id, since))"),
        "needs a unique constraint",
    ),
    "a column that must be filled": (
        TABLE.replace("TIMESTAMP)", "TIMESTAMP, tax TEXT NOT NULL)"),
        "requires the column tax",
    ),
    "a column that refuses nothing": (
        TABLE.replace('name" TEXT', 'name" TEXT NOT NULL'),
        "refuses NULL in the column full name",
    ),
}


@pytest.mark.parametrize("case", list(WRONG))
def test_a_table_that_does_not_fit_is_refused_by_name(opened, case):
    statement, says = WRONG[case]
    with pytest.raises(Misconfigured, match=says):
        opened(clients(), statement).check()


def test_a_unique_index_for_some_rows_is_not_enough(opened):
    index = "CREATE UNIQUE INDEX live ON clients (stripe_id) WHERE NOT is_gone"
    with pytest.raises(Misconfigured, match="needs a unique constraint"):
        opened(clients(), TABLE.replace(" UNIQUE", ""), index).check()


def test_a_unique_index_for_all_rows_is(opened, engine, shops):
    accounts = opened(clients(), TABLE.replace(" UNIQUE", ""), "CREATE UNIQUE INDEX one ON clients (stripe_id)")
    for rev, name in enumerate(("Eve", "Ada"), 1):
        accounts.write(MAIN, Kind.CUSTOMER, [(rev, shops.customer("cus_1", name=name))])
    assert rows(engine, 'SELECT stripe_id, "full name" FROM clients') == [("cus_1", "Ada")]


@pytest.mark.parametrize(
    ("column", "filled"), [("tax TEXT NOT NULL DEFAULT ''", ""), ("id INTEGER PRIMARY KEY", 1), ("tax TEXT", None)]
)
def test_columns_that_fill_themselves_need_no_mapping(opened, engine, fresh, shops, column, filled):
    if fresh.system == "postgresql":
        column = column.replace("INTEGER", "SERIAL")
    accounts = opened(clients(), TABLE.replace("TIMESTAMP)", f"TIMESTAMP, {column})"))
    accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1"))])
    assert rows(engine, f"SELECT stripe_id, {column.partition(' ')[0]} FROM clients") == [("cus_1", filled)]


@pytest.mark.parametrize("type_", ["REAL", "DOUBLE PRECISION", "FLOAT"])
def test_money_is_not_put_into_floats(opened, type_):
    with pytest.raises(Misconfigured, match=r"amount of type .*where gross is a whole number"):
        opened(
            LEGS, f"CREATE TABLE moves (id TEXT PRIMARY KEY, cur TEXT, amount {type_}, due BIGINT)", *PARENTS
        ).check()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: [], "malformed"),
        (lambda m: {"order": m["customer"]}, "the kind order; its kinds are customer, subscription, .*leg"),
        (lambda m: {"customer": {**m["customer"], "tables": "x"}}, "malformed"),
        (lambda m: clients(mail="mail"), r"customer names mail; its fields are .*email"),
        (lambda m: clients(email="full name"), "puts two fields into the column full name"),
        (lambda m: {"customer": {"table": "clients", "columns": {"key": "id"}}}, "must say where deleted goes"),
        (lambda m: {"leg": LEGS["leg"]}, "to map leg, map dispute too"),
        (lambda m: {"leg": {"table": "moves", "columns": {"key": "id"}}}, "leg must say where currency goes"),
    ],
)
def test_a_malformed_mapping_is_refused(change, says):
    with pytest.raises(Misconfigured, match=says):
        parse_mapping(change(clients()))


def test_the_mapping_of_accords_own_tables_is_a_mapping_like_any_other():
    plain = {str(kind): {"table": m.table, "columns": dict(m.columns)} for kind, m in default_mapping().items()}
    assert parse_mapping(plain) == default_mapping()


def test_a_row_that_the_database_refuses_is_told_without_its_values(opened, engine, shops):
    check = TABLE.replace("TIMESTAMP)", 'TIMESTAMP, CONSTRAINT short CHECK (length("full name") < 9))')
    accounts = opened(clients(), check)
    refused = accounts.write(
        MAIN,
        Kind.CUSTOMER,
        [(1, shops.customer("cus_1", name="CANARY CANARY")), (1, shops.customer("cus_2", name="A"))],
    )
    assert set(refused) == {"cus_1"}
    assert "short" in refused["cus_1"]
    assert "CANARY" not in refused["cus_1"]
    assert len(rows(engine, "SELECT * FROM clients")) == 1


def test_what_a_trigger_of_the_user_says_is_not_told(fresh_files, open_engine, shops):
    # PostgreSQL's are told from what it refuses itself by their class, whose text is never quoted.
    engine = open_engine(fresh_files.empty())
    with engine.begin() as connection:
        connection.execute(text(TABLE))
        raises = "SELECT RAISE(ABORT, 'no room for CANARY')"
        connection.execute(text(f"CREATE TRIGGER full BEFORE INSERT ON clients BEGIN {raises}; END"))
    accounts = Accounts(engine, SystemClock(), parse_mapping(clients()))
    accounts.create_tables()
    refused = accounts.write(MAIN, Kind.CUSTOMER, [(1, shops.customer("cus_1", name="CANARY"))])
    assert refused == {"cus_1": "the accounts database refuses it: a trigger of the table"}


def test_a_table_that_refuses_every_row_does_not_fit(opened, engine, shops):
    accounts = opened(clients(), TABLE.replace("TIMESTAMP)", "TIMESTAMP, CONSTRAINT never CHECK (1 = 0))"))
    with pytest.raises(Misconfigured, match=r"never.*make room") as raised:
        accounts.write(
            MAIN, Kind.CUSTOMER, [(1, shops.customer(f"cus_{n}", name="CANARY")) for n in range(REFUSED + 1)]
        )
    told = [str(raised.value), repr(raised.value.__context__), repr(raised.value.__cause__)]
    assert not any("CANARY" in one for one in told)
    assert rows(engine, "SELECT * FROM clients") == []


def test_tables_of_the_user_are_never_made_or_changed(fresh, open_engine):
    engine = open_engine(fresh.empty())
    accounts = Accounts(engine, SystemClock(), parse_mapping(clients()))
    with pytest.raises(Misconfigured, match="no table clients"):
        accounts.create_tables()
    assert inspect(engine).get_table_names() == [], "of what Accord needs beside them nothing is made either"


def test_where_a_table_is_not_accords_none_of_its_own_is_made(fresh, open_engine):
    engine = open_engine(fresh.empty())
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)"))
    accounts = Accounts(engine, SystemClock())
    for look in (accounts.create_tables, accounts.check):
        with pytest.raises(Misconfigured, match="has a table customers already that is not Accord's") as raised:
            look()
        assert "use another database or schema, or give --mapping" in str(raised.value)
    assert inspect(engine).get_table_names() == ["customers"]


def test_what_accord_made_itself_is_made_whole_again(fresh, open_engine):
    engine = open_engine(fresh.empty())
    accounts = Accounts(engine, SystemClock())
    accounts.create_tables()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE refunds"))
    accounts.create_tables()
    accounts.check()
