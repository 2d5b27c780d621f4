"""Every target in an SQL database, in Accord's own tables: what it is shown comes back, and nothing older."""

import itertools
import random
import threading
from datetime import UTC, datetime

import msgspec
import pytest
from sqlalchemy import inspect, text

from accord.clock import SystemClock
from accord.errors import Misconfigured, TryLater
from accord.ledger.engine import open_database

MAIN, EU = "stripe/main", "stripe/eu"
NAMES = ["accounts", "portal"]


@pytest.fixture(params=NAMES)
def case(request, tried):
    return tried.TRIED[request.param]


@pytest.fixture
def engine(case, fresh, open_engine):
    return open_engine(getattr(fresh, case.layout.name)())


@pytest.fixture
def target(case, engine):
    return case.open(engine)


def test_every_target_is_tried(tried):
    assert [*tried.TRIED] == NAMES


def test_every_field_comes_back_as_it_was_written(tried, fresh, open_engine):
    for name, case in tried.TRIED.items():
        target = case.open(open_engine(getattr(fresh, name)()))
        for kind in case.layout.tables:
            records = [tried.made_up(kind, "full"), tried.empty(kind, "none")]
            assert target.write(MAIN, kind, [(1, record) for record in records]) == {}
            fields = target.fields(kind)
            assert sorted(fields) == sorted(records[0].fields())
            for (key, deleted, values), record in zip(sorted(target.read(MAIN, kind)), records, strict=True):
                assert (key, deleted) == (record.key, record.deleted)
                assert dict(zip(fields, values, strict=True)) == {field: getattr(record, field) for field in fields}


def test_a_later_rev_is_never_overwritten(case, target):
    case.write(target, case.row("k_1", "five", rev=5))
    case.write(target, case.row("k_1", "four", rev=4), case.row("k_2", "new", rev=4))
    assert case.texts(target) == {"k_1": "five", "k_2": "new"}
    case.write(target, case.row("k_1", "six", rev=6))
    assert case.texts(target) == {"k_1": "six", "k_2": "new"}


def test_whatever_the_order_the_latest_rev_stays(case, target):
    order = list(itertools.permutations(range(1, 5)))
    for number, revs in enumerate(order):
        for rev in revs:
            case.write(target, case.row(f"k_{number}", str(rev), rev=rev))
    assert {*case.texts(target).values()} == {"4"}


def test_writers_at_once_leave_the_latest_rev(case, target, at_once):
    chance = random.Random(7)
    lists = [[(rev, n) for rev in chance.sample(range(1, 40), 8) for n in range(6)] for _ in range(4)]
    for one in lists:
        chance.shuffle(one)
    todo, lock = iter(lists), threading.Lock()

    def batches(one):
        return ({f"k_{n}": rev for rev, n in one[start : start + 6]} for start in range(0, len(one), 6))

    def work():
        with lock:
            mine = next(todo)
        for batch in batches(mine):
            case.write(target, *(case.row(key, str(rev), rev=rev) for key, rev in batch.items()))

    target.check()
    at_once(work, 4)
    latest: dict[str, int] = {}
    for batch in itertools.chain.from_iterable(map(batches, lists)):
        latest |= {key: max(rev, latest.get(key, 0)) for key, rev in batch.items()}
    assert case.texts(target) == {key: str(rev) for key, rev in latest.items()}


def test_two_connections_in_one_database_do_not_mix(case, target):
    case.write(target, case.row("k_1", "main", rev=9))
    case.write(target, case.row("k_1", "eu", rev=8), connection=EU)
    assert case.texts(target) == {"k_1": "main"}
    assert case.texts(target, EU) == {"k_1": "eu"}


def test_a_row_that_is_refused_holds_up_none_of_many(case, target):
    case.write(target, *(case.row(f"k_{n}") for n in range(6_000)))
    assert len(case.texts(target)) == 6_000
    _, unfit = case.row("k_6001")
    refused = case.write(target, case.row("k_6000"), (1, msgspec.structs.replace(unfit, deleted=None)))
    assert refused.keys() == {"k_6001"}
    assert refused["k_6001"].startswith(f"the {case.layout.name} database refuses it: ")
    assert "k_6000" in case.texts(target)


def test_writing_nothing_is_no_error(target):
    for kind in target.kinds:
        assert target.write(MAIN, kind, []) == {}


def test_the_time_of_agreement_is_there_to_be_read_and_never_goes_back(target, engine):
    def when():
        with engine.connect() as connection:
            found = connection.execute(text("SELECT connection, last_agreed_at FROM accord_agreement")).all()
        parsed = [(c, at if isinstance(at, datetime) else datetime.fromisoformat(at)) for c, at in found]
        return {c: at if at.tzinfo else at.replace(tzinfo=UTC) for c, at in parsed}

    assert target.last_agreed(MAIN) is None
    for at in (1_800_000_000.7, 1_800_000_500.0, 1_800_000_100.0):
        target.agreed(MAIN, at)
    target.agreed(EU, 1_700_000_000.0)
    assert when() == {
        MAIN: datetime.fromtimestamp(1_800_000_500, UTC),
        EU: datetime.fromtimestamp(1_700_000_000, UTC),
    }
    assert target.last_agreed(MAIN) == 1_800_000_500


def test_tables_are_made_once(case, fresh, open_engine):
    engine = open_engine(fresh.empty())
    target, name = case.open(engine), case.layout.name
    with pytest.raises(Misconfigured, match=rf"the {name} database has no table .*accord {name} create"):
        target.check()
    target.create_tables()
    target.create_tables()
    target.check()
    assert {*case.layout.tables.values()} <= {*inspect(engine).get_table_names()}
    assert {*case.layout.views} == {*inspect(engine).get_view_names()}


def test_bookkeeping_that_is_missing_is_named(case, fresh, open_engine):
    engine = open_engine(fresh.empty())
    target = case.open(engine)
    target.create_tables()
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE accord_agreement"))
    with pytest.raises(Misconfigured, match=rf"no table accord_agreement.*accord {case.layout.name} create"):
        target.check()


def test_a_database_that_is_away_is_tried_later(case):
    class Impatient(SystemClock):
        def sleep(self, seconds):
            pass

    engine = open_database("postgresql://user:s3cret@127.0.0.1:1/db", "the test's database")
    target = case.target(engine, Impatient())
    for call in (target.check, lambda: target.agreed(MAIN, 0.0)):
        with pytest.raises(TryLater, match=f"the {case.layout.name} database stayed locked or away"):
            call()
    engine.dispose()


def test_a_database_that_may_be_written_passes(case, target):
    target.check_writable()
    assert target.rows()[case.kind] == (case.layout.tables[case.kind], 0)


def test_a_read_only_postgresql_is_refused_with_what_to_do(case, fresh_databases, open_engine):
    engine = open_engine(getattr(fresh_databases, case.layout.name)())
    with engine.begin() as c:
        name = c.scalar(text("SELECT current_database()"))
        c.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    engine.dispose()
    try:
        with pytest.raises(Misconfigured, match="a standby, or set to read-only; name its primary"):
            case.open(engine).check_writable()
    finally:
        with engine.connect() as c:
            c.execute(text("SET TRANSACTION READ WRITE"))
            c.execute(text(f"ALTER DATABASE {name} RESET default_transaction_read_only"))
            c.commit()
        engine.dispose()


def test_a_user_who_may_only_read_is_refused(case, fresh_databases, open_engine):
    url = getattr(fresh_databases, case.layout.name)()
    engine = open_engine(url)
    with engine.begin() as c:
        c.execute(text("CREATE ROLE reader LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
    reader = open_database(str(engine.url.set(username="reader")), "the URL of the target")
    try:
        with pytest.raises(Misconfigured, match="the URL of the target cannot be used: the user lacks a permission"):
            case.open(reader).check_writable()
    finally:
        reader.dispose()
        with engine.begin() as c:
            c.execute(text("DROP OWNED BY reader; DROP ROLE reader"))


def test_the_highest_rev_is_told_by_connection(case, target):
    case.write(target, case.row("k_1", rev=7), case.row("k_2", rev=5))
    case.write(target, case.row("k_3", rev=9), connection=EU)
    assert [target.highest_rev(name) for name in (MAIN, EU, "stripe/none")] == [7, 9, 0]
    assert target.without_connection() == []


def test_the_mapping_of_accords_own_tables_is_a_mapping_like_any_other(case):
    own = case.layout.default_mapping()
    plain = {str(kind): {"table": m.table, "columns": dict(m.columns)} for kind, m in own.items()}
    assert case.parse_mapping(plain) == own


def test_where_a_table_is_not_accords_none_of_its_own_is_made(case, fresh, open_engine):
    engine = open_engine(fresh.empty())
    taken = case.layout.tables[case.kind]
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {taken} (id INTEGER PRIMARY KEY, name TEXT)"))
    target = case.open(engine)
    for look in (target.create_tables, target.check):
        with pytest.raises(Misconfigured, match=f"has a table {taken} already that is not Accord's") as raised:
            look()
        assert "use another database or schema, or give --mapping" in str(raised.value)
    assert inspect(engine).get_table_names() == [taken]


@pytest.mark.parametrize("what", ["TABLE accord_seen (x INTEGER)", "VIEW {} AS SELECT 1 AS x"])
def test_where_a_name_of_accords_own_is_taken_none_of_its_tables_is_made(case, fresh, open_engine, what):
    engine = open_engine(fresh.empty())
    with engine.begin() as connection:
        connection.execute(text(f"CREATE {what.format(next(iter(case.layout.views)))}"))
    before = inspect(engine).get_table_names()
    with pytest.raises(Misconfigured, match="already, and it is not Accord's; use another database or schema"):
        case.open(engine).create_tables()
    assert inspect(engine).get_table_names() == before


def test_what_accord_made_itself_is_made_whole_again(case, fresh, open_engine):
    engine = open_engine(fresh.empty())
    target = case.open(engine)
    target.create_tables()
    with engine.begin() as connection:
        for view in case.layout.views:
            connection.execute(text(f"DROP VIEW {view}"))
        connection.execute(text(f"DROP TABLE {case.layout.tables[case.kind]}"))
    target.create_tables()
    target.check()
