"""Two workers in two open transactions of PostgreSQL, which the simulation does not know: one effect each."""

import threading
import time

import pytest
from sqlalchemy import text

from accord.clock import SystemClock
from accord.ledger import sums
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger
from accord.records import Kind
from accord.systems.accounts import LAYOUT, Accounts

WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
INTENTION, OUTCOME = 1, 2  # the writes of a batch that has something to be shown


class Held(Ledger):
    """A ledger of which one transaction is held open, before its commit, until another worker has met it."""

    def __init__(self, *given, hold, meanwhile):
        super().__init__(*given)
        self._left, self._meanwhile = hold, meanwhile

    def write(self, work):
        self._left -= 1
        if self._left:
            return super().write(work)

        def held(connection):
            result = work(connection)
            self._meanwhile()
            return result

        return super().write(held)


@pytest.fixture
def home(fresh_databases, open_engine, homes, shops):
    own = LAYOUT.default_mapping()
    accounts = Accounts(
        open_engine(fresh_databases.accounts()), SystemClock(), {kind: own[kind] for kind in homes.KINDS}
    )
    ledger = Ledger(open_engine(fresh_databases.ledger()), Cipher(new_key()), SystemClock())
    return homes.Home(ledger, shops.Shop(), homes.Noted(accounts)).begin()


def settled_beside(home, homes, batch, hold, read, reject=()):
    """Settle a batch, while another worker reads and settles what `read` stores, all it can, in its own transactions.

    The other begins when this one's transaction `hold` is ready to be committed; that is, once the other has ended or
    waits for it.
    """
    other = threading.Thread(target=lambda: home.beside().settle_batch(read()))

    def meanwhile():
        other.start()
        until = time.monotonic() + 60
        while other.is_alive() and not home.ledger.read(lambda c: c.scalar(WAITING)):
            assert time.monotonic() < until, "the other worker neither ends nor waits"

    held = Held(home.ledger.engine, home.ledger.cipher, home.ledger.clock, hold=hold, meanwhile=meanwhile)
    mine = homes.Home(held, home.shop, home.target, home.kinds, "held")
    prepared = mine.check(batch)
    prepared.reject({position: ["it is refused"] for position in reject})
    mine.settle(prepared)
    other.join(60)
    assert not other.is_alive()


@pytest.mark.parametrize("hold", [INTENTION, OUTCOME])
def test_a_leg_in_two_batches_is_counted_once(home, homes, shops, hold):
    leg = shops.leg("txn_1", gross=700, net=700)
    first, second = home.read_all(leg, kind=Kind.LEG), home.read_all(leg, kind=Kind.LEG)
    settled_beside(home, homes, first, hold, lambda: second)
    counted = home.ledger.read(lambda c: sums.get(c, home.sync.target, home.sync.connection))
    assert counted == home.target.sums(home.sync.connection) == {leg.currency: 700}
    assert [change for change, rev in home.told("txn_1") if rev is not None][:1] == ["create"]
    assert home.link("txn_1", Kind.LEG).state == "done"


def test_quarantine_does_not_keep_what_the_other_settled_soundly(home, homes, shops):
    good, bad = shops.payment("ch_1"), shops.payment("ch_2", status="pending")
    first = home.read_all(good, bad)
    settled_beside(home, homes, first, OUTCOME, lambda: home.read_all(shops.payment("ch_2")), reject=[1])
    assert home.quarantined() == {}
    assert home.shown()["ch_2"]["status"] == "succeeded"
    assert home.hints() == 0


@pytest.mark.parametrize("hold", [INTENTION, OUTCOME])
def test_the_later_of_two_readings_is_shown(home, homes, shops, hold):
    first = home.read_all(shops.payment("ch_1", status="pending"))
    settled_beside(home, homes, first, hold, lambda: home.read_all(shops.payment("ch_1")))
    home.shop.put(shops.payment("ch_1"))
    home.changed()
    home.settle_all()
    assert home.shown()["ch_1"]["status"] == "succeeded"
    assert home.link("ch_1").state == "done"
    assert home.hints() == 0
