"""A worker that dies at any step of settling: the next one goes on, and everything is done once."""

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from accord import deletions, settle
from accord.ledger import links
from accord.records import Kind

CUSTOMER, PAYMENT, REFUND, LEG = Kind.CUSTOMER, Kind.PAYMENT, Kind.REFUND, Kind.LEG


class Killed(BaseException):
    """The worker ends here, without any clearing up."""


class Mortal:
    """The ledger and the target of a worker that dies before or after its n-th transaction."""

    def __init__(self, home, at):
        self._ledger, self._target = home.ledger, home.target
        self.cipher, self.clock, self.now, self.kinds = (
            home.ledger.cipher,
            home.ledger.clock,
            home.ledger.now,
            home.kinds,
        )
        self._left = at

    def _step(self, work):
        self._left -= 1
        if self._left == -1:
            raise Killed
        done = work()
        self._left -= 1
        if self._left == -1:
            raise Killed
        return done

    def read(self, work):
        return self._ledger.read(work)

    def write(self, *args):
        if len(args) == 1:
            return self._step(lambda: self._ledger.write(*args))
        return self._step(lambda: self._target.write(*args))


@pytest.fixture
def home(new_home):
    return new_home.begin()


def settle_mortally(home, number, at):
    mortal = Mortal(home, at)
    with pytest.raises(Killed):
        settle.settle(home.sync, home.check(number), mortal, mortal, "dead", home.mapped)


@pytest.mark.parametrize("at", range(6))
def test_a_batch_is_settled_once_wherever_its_worker_dies(home, shops, at):
    """Step 0 is before the intention is committed, step 5 after the outcome is."""
    for record in (shops.payment("same"), shops.payment("changed"), shops.payment("gone")):
        home.settle_batch(home.read_all(record))
    home.shop.put(shops.payment("held", customer="cus_1"))
    home.shop.break_(PAYMENT, "bad", b'{"id": "bad"}')
    number = home.read_all(
        shops.payment("new"),
        shops.payment("changed", refunded=1),
        shops.payment("same"),
        shops.payment("held", customer="cus_1"),
        shops.payment("bad"),
        gone=["gone"],
        alone=True,
    )
    settle_mortally(home, number, at)
    home.beside().settle_all()
    assert home.open_batches(PAYMENT) == []
    rows = home.shown()
    assert {key: (row["refunded"], row["deleted"]) for key, row in rows.items()} == {
        "new": (0, False),
        "changed": (1, False),
        "same": (0, False),
        "gone": (0, True),
    }
    rev = home.told("new")[0][1]
    assert home.told("new") == [("create", rev)]
    assert home.told("changed") == [("create", 2), ("update", rev)]
    assert home.told("gone") == [("create", 3), ("delete", rev)]
    assert home.told("same") == [("create", 1)]
    assert home.told("held") == [("hold", None)]
    assert home.told("bad") == [("quarantine", None)]
    assert {written for _, key, written in home.target.written if key == "new"} == {rev}
    assert {home.link(key).state for key in rows} == {"done"}
    assert all(home.link(key).hash == home.link(key).wanted for key in rows)
    assert home.quarantined().keys() == {"bad"}


@pytest.mark.parametrize("at", range(6))
def test_a_leg_is_never_lost_between_intention_and_outcome(home, shops, at):
    number = home.read_all(*(shops.leg(f"txn_{n}") for n in range(3)), kind=LEG)
    settle_mortally(home, number, at)
    home.beside().settle_all()
    assert home.target.sums("stripe/main") == {"EUR": 3 * 1250}
    assert [home.told(f"txn_{n}") for n in range(3)] == [[("create", 1)]] * 3


def test_an_intention_is_no_proof_that_the_target_shows_it(home, shops):
    """A child waits until its parent is there, though the parent is on its way."""
    settle_mortally(home, home.read_all(shops.payment("ch_1")), 1)
    assert home.link("ch_1").hash is None
    home.shop.put(shops.payment("ch_1"), shops.refund("re_1", "ch_1"))
    assert home.settle_batch(home.read_all(shops.refund("re_1", "ch_1"), kind=REFUND)).held == 1
    assert home.shown(REFUND) == {}


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_newer_reading_overtakes_an_interrupted_one(home, shops, at):
    interrupted = home.read_all(shops.payment("ch_1", status="pending"), shops.payment("ch_2"))
    settle_mortally(home, interrupted, at)
    home.settle_batch(home.read_all(shops.payment("ch_1")))
    home.settle_batch(interrupted)
    assert home.shown()["ch_1"]["status"] == "succeeded"
    assert home.link("ch_1")[1:4] == ("done", 2, shops.payment("ch_1").fingerprint())
    assert "ch_2" in home.shown()
    home.shop.put(shops.payment("ch_1"))
    home.changed()
    home.settle_all()
    assert home.shown()["ch_1"]["status"] == "succeeded"


def test_what_goes_back_while_its_change_was_interrupted_is_written(home, shops):
    """The ledger can not know whether the target shows the old or the new: it is written either way."""
    home.settle_batch(home.read_all(shops.payment("ch_1")))
    settle_mortally(home, home.read_all(shops.payment("ch_1", status="pending")), 3)
    assert home.shown()["ch_1"]["status"] == "pending"
    assert home.settle_batch(home.read_all(shops.payment("ch_1"))).updated == 1
    assert home.shown()["ch_1"]["status"] == "succeeded"


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_parser_mended_between_crash_and_recovery_reaches_the_target(home, shops, at):
    number = home.read_all(shops.payment("ch_1"))
    settle_mortally(home, number, at)
    parse = home.shop.records

    def mended(kind, body):
        for one in parse(kind, body):
            yield one._replace(record=shops.payment("ch_1", failure_code="read now"))

    home.shop.records = mended
    home.settle_batch(number)
    assert home.shown()["ch_1"]["failure_code"] == "read now"
    assert home.link("ch_1").hash == shops.payment("ch_1", failure_code="read now").fingerprint()
    assert [change for change, _ in home.told("ch_1")] == ["create"]


@pytest.mark.parametrize("at", [1, 2, 3, 4])
def test_a_record_rejected_after_the_crash_is_not_taken_for_written(home, shops, at):
    number = home.read_all(shops.payment("ch_1"), shops.payment("ch_2"))
    settle_mortally(home, number, at)
    prepared = home.check(number)
    prepared.reject({[record.key for record in prepared.records].index("ch_1"): ["a check was added"]})
    home.settle(prepared)
    assert home.link("ch_2").state == "done"
    assert home.quarantined().keys() == {"ch_1"}
    home.settle_batch(home.read_all(shops.payment("ch_1")))
    assert set(home.shown()) == {"ch_1", "ch_2"}
    assert home.link("ch_1").state == "done"


def test_a_commit_whose_outcome_is_unknown_does_nothing_twice(home, shops):
    """Each commit in turn is made and not acknowledged; the transaction is run again as a whole."""
    error = OperationalError("", None, Exception("connection lost"))
    for lost in range(2):
        key = f"ch_{lost}"
        commits = []
        prepared = home.check(home.read_all(shops.payment(key)))

        @event.listens_for(home.ledger.engine, "commit")
        def commit(connection, commits=commits, lost=lost):
            commits.append(connection)
            if len(commits) == lost + 1:
                connection.connection.driver_connection.commit()
                raise error

        home.settle(prepared)
        assert len(commits) == 3
        event.remove(home.ledger.engine, "commit", commit)
        assert [change for change, _ in home.told(key)] == ["create"]
        assert key in home.shown()
        assert home.link(key).state == "done"
    assert home.open_batches(PAYMENT) == []


def test_an_interrupted_batch_is_not_stopped_by_a_check_that_it_passed(home, shops, monkeypatch):
    """Its own deletions are in the ledger by then, so that it would look as if it deleted a larger share."""
    monkeypatch.setattr(deletions, "ROWS", 1)
    monkeypatch.setattr(deletions, "SHARE", 0.5)
    for n in range(4):
        home.settle_batch(home.read_all(shops.payment(f"ch_{n}")))
    number = home.read_all(gone=["ch_0", "ch_1"], alone=True)
    settle_mortally(home, number, 1)
    assert home.ledger.read(lambda c: links.live(c, home.sync.target, home.sync.connection, PAYMENT)) == 2
    assert home.settle_batch(number).deleted == 2
    assert [row["deleted"] for _, row in sorted(home.shown().items())] == [True, True, False, False]
