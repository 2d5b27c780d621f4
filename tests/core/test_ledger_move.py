"""A ledger goes on in another database where it stood in the first."""

import pytest

from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.ledger.engine import Ledger, open_database
from accord.ledger.move import copy
from accord.ledger.schema import metadata
from accord.records import Kind


def rows(ledger):
    return {
        table.name: sorted(map(tuple, ledger.read(lambda c, table=table: c.execute(table.select()).all())), key=repr)
        for table in metadata.sorted_tables
    }


def test_a_ledger_goes_on_in_postgresql_where_it_stood(new_home, homes, shops, fresh_databases, open_engine):
    home = new_home.begin()
    home.read_all(shops.payment("ch_1"), shops.payment("ch_2"))
    home.settle_all()
    home.read_all(shops.refund("re_1", "ch_9"), kind=Kind.REFUND)
    home.settle_all()
    waiting = home.read_all(shops.payment("ch_3"))
    there = Ledger(open_engine(fresh_databases.empty()), home.ledger.cipher, SystemClock())

    assert copy(home.ledger.engine, there.engine) > 10
    assert rows(there) == rows(home.ledger)

    moved = homes.Home(there, home.shop, home.target)
    later = moved.read_all(shops.payment("ch_4"))
    assert later > waiting, "row numbers go on above those that were copied"
    moved.settle_all()
    assert set(moved.shown()) == {"ch_1", "ch_2", "ch_3", "ch_4"}


def test_a_database_that_takes_no_writes_is_refused(new_home, fresh_databases):
    url = fresh_databases.empty() + "&options=-cdefault_transaction_read_only%3Don"
    there = open_database(url, "the URL of the new ledger")
    with pytest.raises(Misconfigured, match="the other database takes no writes"):
        copy(new_home.ledger.engine, there)
    there.dispose()


def test_a_database_that_holds_a_ledger_already_is_refused(new_home, new_ledger, shops):
    home = new_home.begin()
    other = new_ledger()
    copy(home.ledger.engine, other.engine)
    with pytest.raises(Misconfigured, match="has rows in streams already; give an empty one"):
        copy(home.ledger.engine, other.engine)
