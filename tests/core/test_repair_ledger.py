"""What a person has the ledger do: read a stream again, take a deleted record back, move a kind to another table."""

import pytest

from accord.clock import SystemClock
from accord.compare import reconcile
from accord.errors import Misconfigured, Refused
from accord.identity import require_same_database
from accord.ledger import inbox, links, streams, sums
from accord.records import Kind
from accord.systems.accounts import LAYOUT, Accounts
from accord.systems.sql_tables import TableMapping

CUSTOMER, PAYMENT, LEG = Kind.CUSTOMER, Kind.PAYMENT, Kind.LEG


@pytest.fixture
def home(new_home, shops):
    """Two customers, a payment of one of them and its leg, read and settled."""
    new_home.shop.put(
        shops.customer("cus_1"),
        shops.customer("cus_2"),
        shops.payment("ch_1", customer="cus_1", leg="txn_1"),
        shops.leg("txn_1", "ch_1"),
    )
    new_home.run()
    return new_home


def complete(home):
    return reconcile(home.shop, home.target, home.sync.connection).complete


def test_what_waits_of_a_stream_is_read_again(home, shops):
    home.shop.put(shops.customer("cus_1", name="Ada"), shops.customer("cus_2", name="Bob"))
    home.open_window(0, 2 * shops.BEGAN, CUSTOMER, "rescan")
    home.collector.stream(CUSTOMER)
    hint = inbox.Hint("evt_1", "customer", "cus_1")
    home.ledger.write(lambda c: inbox.receive(c, home.sync.name, [hint], home.ledger.now(c)))
    home.changed()
    assert len(home.open_batches(CUSTOMER)) == 2
    home.shop.put(shops.customer("cus_1", name="Ada II"))
    assert home.ledger.write(lambda c: streams.read_again(c, home.sync.name, CUSTOMER)) == 2
    assert home.open_batches(CUSTOMER) == []
    home.run()
    assert {key: row["name"] for key, row in home.shown(CUSTOMER).items()} == {"cus_1": "Ada II", "cus_2": "Bob"}
    assert home.hints() == 0
    assert complete(home)


def test_a_deleted_record_is_shown_again_once_a_person_says_that_it_is_there(home, shops):
    home.settle_batch(home.read_all(kind=CUSTOMER, gone=["cus_2"], alone=True))
    assert home.settle_batch(home.read_all(shops.customer("cus_2"), kind=CUSTOMER, alone=True)).quarantined == 1
    source = home.sync.connection
    assert home.ledger.write(lambda c: links.revive(c, source, "customer", "cus_2"))
    assert not home.ledger.write(lambda c: links.revive(c, source, "customer", "cus_1"))
    assert home.settle_batch(home.read_all(shops.customer("cus_2"), kind=CUSTOMER, alone=True)).updated == 1
    assert home.shown(CUSTOMER)["cus_2"]["deleted"] is False
    assert home.quarantined() == {}
    assert complete(home)


@pytest.mark.parametrize("kind", [CUSTOMER, LEG])
def test_a_kind_whose_table_is_another_one_now_is_shown_anew(home, kind):
    before = home.ledger.read(lambda c: sums.get(c, home.sync.target, home.sync.connection))
    with home.target.engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {'customers' if kind is CUSTOMER else 'account_legs'}")
    assert not complete(home)
    home.mappings = {kind: "another table"}
    home.run()
    assert complete(home)
    assert home.ledger.read(lambda c: sums.get(c, home.sync.target, home.sync.connection)) == before
    home.target.written.clear()
    home.run()
    assert home.target.written == []


def test_a_column_that_is_mapped_between_an_intention_and_its_outcome_is_filled(new_home, homes, shops):
    """A worker wrote the row without it, and died: the row must be written under a later rev."""
    home, clock = new_home, SystemClock()
    whole = {kind: shelf for kind, shelf in LAYOUT.default_mapping().items() if kind in home.kinds}
    columns = {field: name for field, name in whole[CUSTOMER].columns.items() if field != "email"}
    without = Accounts(home.target.engine, clock, whole | {CUSTOMER: TableMapping(whole[CUSTOMER].table, columns)})
    home.shop.put(shops.customer("cus_1", email="a@b.c"))
    home.target, home.mappings = homes.Noted(without), without.mappings
    home.plan()
    home.collect(CUSTOMER)
    (number,) = home.open_batches(CUSTOMER)
    write = home.target.write

    def die(*given):
        write(*given)
        raise KeyboardInterrupt

    home.target.write = die
    with pytest.raises(KeyboardInterrupt):
        home.settle_batch(number)
    now = Accounts(home.target.engine, clock, whole)
    home.target, home.mappings = homes.Noted(now), now.mappings
    home.run()
    assert home.shown(CUSTOMER)["cus_1"]["email"] == "a@b.c"


@pytest.mark.parametrize("when", ["before its intention", "before its outcome"])
def test_a_run_that_knows_an_older_mapping_concludes_nothing(new_home, shops, when):
    home = new_home
    home.shop.put(shops.customer("cus_1"))
    home.run()
    home.shop.put(shops.customer("cus_1", name="B"))
    number = home.read_all(shops.customer("cus_1", name="B"), kind=CUSTOMER, alone=True)
    other = home.beside()
    other.mappings = {CUSTOMER: "another table"}

    def change() -> None:
        with home.target.engine.begin() as connection:  # what stands in the old table is not in the new one
            connection.exec_driver_sql("DELETE FROM customers")
        other.plan()

    prepared, write = home.check(number), home.target.write
    if when == "before its intention":
        change()
        with pytest.raises(Refused, match="was changed during this run"):
            home.settle(prepared)
    else:

        def write_then_change(*given):
            refused = write(*given)
            change()
            return refused

        home.target.write = write_then_change
        home.settle(prepared)
        home.target.write = write
    other.run()
    other.run()
    assert complete(home)


def test_a_first_run_from_a_day_on_is_held_against_that_alone(new_home, shops):
    new_home.shop.put(
        shops.customer("cus_1", created=shops.BEGAN),
        shops.customer("cus_2", created=shops.BEGAN + 5000),
        shops.leg("txn_1", created=shops.BEGAN),
        shops.leg("txn_2", created=shops.BEGAN + 5000, gross=7, fee=0, net=7),
    )
    since = shops.BEGAN + 1000
    new_home.since = since
    new_home.run()
    assert set(new_home.shown(CUSTOMER)) == {"cus_2"}
    assert new_home.ledger.read(lambda c: streams.begun(c, new_home.sync.name)) == since
    assert not complete(new_home)
    found = reconcile(new_home.shop, new_home.target, new_home.sync.connection, since=since)
    assert found.complete
    assert (found.records, found.source_sums) == (2, {"EUR": 7})


def test_a_day_in_the_future_is_refused(new_home, clock):
    with pytest.raises(Misconfigured, match="in the future"):
        new_home.plan(since=int(new_home.ledger.clock.now()) + 86_400)


def test_a_target_that_is_another_database_is_refused(home, fresh, open_engine):
    accounts = Accounts(open_engine(fresh.accounts()), SystemClock())
    mine = home.target.accounts.identity()
    assert home.target.accounts.identity() == mine
    require_same_database(home.sync.target, home.ledger, mine)
    require_same_database(home.sync.target, home.ledger, mine)
    for database in (accounts.identity(), None):
        with pytest.raises(Misconfigured, match="is another database"):
            require_same_database(home.sync.target, home.ledger, database)
    require_same_database("accounts/new", home.ledger, None)
    require_same_database("accounts/new", home.ledger, mine)
