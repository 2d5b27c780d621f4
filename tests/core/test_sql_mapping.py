"""Every target in an SQL database, in tables of the user's own by a mapping."""

import itertools

import pytest
from sqlalchemy import inspect, text

from accord.errors import Misconfigured
from accord.systems.sql import REFUSED

MAIN, EU = "stripe/main", "stripe/eu"
BIG = 2**53 + 1
TABLE = 'CREATE TABLE clients (their_id VARCHAR(40) UNIQUE, "full name" TEXT, is_gone BOOLEAN NOT NULL, since BIGINT)'


@pytest.fixture(params=["accounts", "portal"])
def case(request, tried):
    return tried.TRIED[request.param]


@pytest.fixture
def engine(fresh, open_engine):
    return open_engine(fresh.empty())


@pytest.fixture
def clients(case):
    """A mapping of the tried kind's two fields, as a user writes it."""

    def clients(table="clients", **more):
        columns = {"key": "their_id", case.text: "full name", "deleted": "is_gone", case.number: "since", **more}
        return {str(case.kind): {"table": table, "columns": columns}}

    return clients


@pytest.fixture
def opened(case, engine):
    """The target in tables that these statements make, by this mapping."""

    def opened(mapping, *statements):
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))
        target = case.open(engine, mapping)
        target.create_tables()
        return target

    return opened


def rows(engine, sql):
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


EXTRAS = {
    "plain": ({}, "", "UNIQUE (their_id)"),
    "rev": ({"rev": "version"}, "version BIGINT,", "UNIQUE (their_id)"),
    "connection": ({"connection": "shop"}, "shop TEXT NOT NULL,", "UNIQUE (shop, their_id)"),
    "both": (
        {"connection": "shop", "rev": "version"},
        "shop TEXT, version INTEGER,",
        "PRIMARY KEY (their_id, shop)",
    ),
}


@pytest.fixture(params=list(EXTRAS))
def own(request, opened, clients):
    """A table of clients, with and without columns for connection and rev."""
    more, columns, constraint = EXTRAS[request.param]
    first = 'their_id TEXT, "full name" TEXT, is_gone BOOLEAN, since BIGINT, note TEXT'
    table = f"CREATE TABLE clients ({first}, {columns} {constraint})"
    return opened(clients(**more), table), request.param


def test_records_go_where_the_mapping_says(case, own, engine):
    target, _ = own
    case.write(target, case.row("k_1", "Ada", BIG))
    assert rows(engine, 'SELECT their_id, "full name", is_gone, since, note FROM clients') == [
        ("k_1", "Ada", False, BIG, None)
    ]
    assert target.fields(case.kind) == ["key", case.text, "deleted", case.number]
    assert list(target.read(MAIN, case.kind)) == [("k_1", False, ("k_1", "Ada", False, BIG))]


def test_whatever_the_order_the_latest_rev_stays(case, own):
    target, _ = own
    order = list(itertools.permutations(range(1, 4)))
    for number, revs in enumerate(order):
        for rev in revs:
            case.write(target, case.row(f"k_{number}", str(rev), rev=rev))
    assert {*case.texts(target).values()} == {"3"}


def test_the_same_rev_again_changes_nothing(case, own, engine):
    """An interrupted batch is written once more."""
    target, _ = own
    for _ in range(2):
        case.write(target, case.row("k_1", "Ada", rev=3))
    case.write(target, case.row("k_1", "Eve", rev=2))
    assert rows(engine, 'SELECT "full name" FROM clients') == [("Ada",)]


def test_connections_are_told_apart_where_the_table_can(case, own):
    target, extra = own
    case.write(target, case.row("k_1", "Ada", rev=1))
    case.write(target, case.row("k_2", "Bea"), connection=EU)
    # Without a column for it, by the table accord_seen; with revs in the table, there is none to look at.
    expected = {"k_1", "k_2"} if extra == "rev" else {"k_1"}
    assert case.texts(target).keys() == expected


def test_columns_that_are_not_mapped_are_left_as_they_are(case, own, engine):
    target, _ = own
    case.write(target, case.row("k_1", "Eve", rev=1))
    with engine.begin() as connection:
        connection.execute(text("UPDATE clients SET note = 'pays late'"))
    case.write(target, case.row("k_1", "Ada", rev=2))
    assert rows(engine, 'SELECT "full name", note FROM clients') == [("Ada", "pays late")]


def test_a_row_that_was_there_before_is_taken_over(case, own, engine):
    """It has no rev, which is no later one."""
    target, extra = own
    shop = ("shop, ", "'stripe/main', ") if extra in ("connection", "both") else ("", "")
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO clients ({shop[0]}their_id, note) VALUES ({shop[1]}'k_1', 'old')"))
    case.write(target, case.row("k_1", "Ada", rev=1))
    assert rows(engine, 'SELECT "full name", note FROM clients') == [("Ada", "old")]


def test_a_table_in_another_schema(case, fresh_databases, open_engine, clients):
    engine = open_engine(fresh_databases.empty())
    with engine.begin() as connection:
        connection.execute(text("CREATE SCHEMA shop"))
        connection.execute(text(TABLE.replace("clients", "shop.clients")))
        connection.execute(text("CREATE TABLE clients (their_id INTEGER)"))
    target = case.open(engine, clients("shop.clients"))
    target.create_tables()
    case.write(target, case.row("k_1", "Ada", rev=1))
    assert rows(engine, 'SELECT "full name" FROM shop.clients') == [("Ada",)]


WRONG = {
    "no such table": (TABLE.replace("clients", "others"), r"no table clients; name one in the mapping that is there"),
    "no such column": (
        TABLE.replace("since BIGINT", "born BIGINT"),
        r"clients has no column since for \w+\.\w+; its columns are .*born",
    ),
    "a number in a text": (TABLE.replace("BIGINT", "TEXT"), "column since of type TEXT, where "),
    "a text in a number": (TABLE.replace('"full name" TEXT', '"full name" BIGINT'), r"full name .*where \w+ is text"),
    "a yes in a text": (TABLE.replace("is_gone BOOLEAN", "is_gone TEXT"), "is_gone .*where deleted is yes or no"),
    "nothing unique": (TABLE.replace("UNIQUE", ""), r"clients needs a unique constraint on \(their_id\)"),
    "unique with more": (
        TABLE.replace(" UNIQUE", "").replace("BIGINT)", "BIGINT, UNIQUE (their_id, since))"),
        "needs a unique constraint",
    ),
    "a column that must be filled": (
        TABLE.replace("BIGINT)", "BIGINT, tax TEXT NOT NULL)"),
        "requires the column tax",
    ),
    "a column that refuses nothing": (
        TABLE.replace('name" TEXT', 'name" TEXT NOT NULL'),
        "refuses NULL in the column full name",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_table_that_does_not_fit_is_refused_by_name(opened, clients, wrong):
    statement, says = WRONG[wrong]
    with pytest.raises(Misconfigured, match=says):
        opened(clients(), statement).check()


def test_a_unique_index_for_some_rows_is_not_enough(opened, clients):
    index = "CREATE UNIQUE INDEX live ON clients (their_id) WHERE NOT is_gone"
    with pytest.raises(Misconfigured, match="needs a unique constraint"):
        opened(clients(), TABLE.replace(" UNIQUE", ""), index).check()


def test_a_unique_index_for_all_rows_is(case, opened, clients):
    target = opened(clients(), TABLE.replace(" UNIQUE", ""), "CREATE UNIQUE INDEX one ON clients (their_id)")
    case.write(target, case.row("k_1", "Eve", rev=1))


@pytest.mark.parametrize("column", ["tax TEXT NOT NULL DEFAULT ''", "id INTEGER PRIMARY KEY", "tax TEXT"])
def test_columns_that_fill_themselves_need_no_mapping(case, opened, fresh, column, clients):
    if fresh.system == "postgresql":
        column = column.replace("INTEGER", "SERIAL")
    target = opened(clients(), TABLE.replace("BIGINT)", f"BIGINT, {column})"))
    case.write(target, case.row("k_1", "Eve", rev=1))


def test_a_malformed_mapping_is_refused(case, clients):
    kind, plain = str(case.kind), {"table": "clients", "columns": {"key": "id"}}
    for mapping, says in (
        ([], "malformed"),
        ({"order": plain}, f"the {case.layout.name} mapping names the kind order; its kinds are .*{kind}"),
        ({kind: {**plain, "tables": "x"}}, "malformed"),
        (clients(colour="x"), f"{kind} names colour; its fields are .*{case.text}"),
        (clients(currency="full name"), "puts two fields into the column full name"),
        ({kind: plain}, f"the {case.layout.name} mapping of {kind} must say where deleted goes"),
    ):
        with pytest.raises(Misconfigured, match=says):
            case.parse_mapping(mapping)


def test_a_row_that_the_database_refuses_is_told_without_its_values(case, opened, engine, clients):
    check = TABLE.replace("BIGINT)", 'BIGINT, CONSTRAINT short CHECK (length("full name") < 9))')
    target = opened(clients(), check)
    refused = case.write(target, case.row("k_1", "CANARY CANARY"), case.row("k_2", "A"))
    assert set(refused) == {"k_1"}
    assert "short" in refused["k_1"]
    assert "CANARY" not in refused["k_1"]
    assert len(rows(engine, "SELECT * FROM clients")) == 1


def test_what_a_trigger_of_the_user_says_is_not_told(case, fresh_files, open_engine, clients):
    # PostgreSQL's are told from what it refuses itself by their class, whose text is never quoted.
    engine = open_engine(fresh_files.empty())
    with engine.begin() as connection:
        connection.execute(text(TABLE))
        raises = "SELECT RAISE(ABORT, 'no room for CANARY')"
        connection.execute(text(f"CREATE TRIGGER full BEFORE INSERT ON clients BEGIN {raises}; END"))
    target = case.open(engine, clients())
    target.create_tables()
    refused = case.write(target, case.row("k_1", "CANARY", rev=1))
    assert refused == {"k_1": f"the {case.layout.name} database refuses it: a trigger of the table"}


def test_a_table_that_refuses_every_row_does_not_fit(case, opened, engine, clients):
    target = opened(clients(), TABLE.replace("BIGINT)", "BIGINT, CONSTRAINT never CHECK (1 = 0))"))
    with pytest.raises(Misconfigured, match=r"never.*make room") as raised:
        case.write(target, *(case.row(f"k_{n}", "CANARY") for n in range(REFUSED + 1)))
    told = [str(raised.value), repr(raised.value.__context__), repr(raised.value.__cause__)]
    assert not any("CANARY" in one for one in told)
    assert rows(engine, "SELECT * FROM clients") == []


def test_tables_of_the_user_are_never_made_or_changed(case, fresh, open_engine, clients):
    engine = open_engine(fresh.empty())
    target = case.open(engine, clients())
    with pytest.raises(Misconfigured, match="no table clients"):
        target.create_tables()
    assert inspect(engine).get_table_names() == [], "of what Accord needs beside them nothing is made either"
