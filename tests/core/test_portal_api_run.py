"""Documents all the way into a portal behind an HTTP API: intentions first, outcomes after, whatever fails between."""

import httpx
import pytest

from accord.compare import reconcile
from accord.documents import State
from accord.errors import TryLater
from accord.ledger import links
from accord.plan import DAY
from accord.records import Kind
from accord.run import Tally
from accord.standing import stand

KIND = Kind.DOCUMENT
CONNECTION = "stripe/main"  # that of every sync in these tests


@pytest.fixture
def home(new_ledger, homes, clock, shops, connect_portal):
    shop = shops.Documents(newest=4)
    shop.clock = clock.now
    return homes.Home(new_ledger(clock), shop, connect_portal(fan_out=homes.Straight()), kinds={KIND})


@pytest.fixture
def ten(home, shops, clock, way):
    """Ten documents, d_1 to d_10, that the portal shows."""
    home.shop.put(*(shops.document(f"d_{n}", n) for n in range(1, 11)))
    assert home.run().created == 10
    clock.jump(600)
    way.sent.clear()
    return home


def shown(home, field="total"):
    return {key: row[field] for key, row in home.shown(KIND).items()}


def sending(home):
    return home.ledger.read(lambda c: links.sending(c, home.sync.target, home.sync.connection))


def test_all_of_history_is_shown_and_both_sides_agree(ten):
    assert shown(ten) == {f"d_{n}": 12_100 for n in range(1, 11)}
    assert stand(ten.ledger, ten.sync).agreed
    found = reconcile(ten.shop, ten.target, CONNECTION)
    assert (found.records, found.complete) == (10, True)


def test_an_unchanged_run_puts_nothing(ten, way):
    assert ten.run() == Tally(unchanged=4, read=4)
    assert way.puts == []


def test_a_change_and_a_deletion_follow(ten, shops, way, clock):
    ten.shop.put(shops.document("d_9", 9, state=State.PAID, paid=12_100))
    ten.shop.remove(KIND, "d_3")
    clock.jump(30 * DAY)
    ten.run()
    assert sorted(key for key, _ in way.puts) == ["d_3", "d_9"]
    assert shown(ten, "state")["d_9"] == State.PAID
    assert [key for key, gone in shown(ten, "deleted").items() if gone] == ["d_3"]
    assert reconcile(ten.shop, ten.target, CONNECTION).complete


def test_a_document_that_the_portal_refuses_is_in_quarantine_until_it_is_mended(home, shops):
    number = home.begin().read_all(*(shops.document(f"d_{n}", n) for n in (1, 2)), kind=KIND)
    home.settle_batch(number)
    bad = home.read_all(shops.document("d_3", 3, currency="lei"), shops.document("d_4", 4), kind=KIND)
    assert home.settle_batch(bad).quarantined == 1
    assert home.quarantined() == {"d_3": ["the portal refuses it (422): /problems/unfit at /document/currency"]}
    assert shown(home).keys() == {"d_1", "d_2", "d_4"}
    home.settle_batch(home.read_all(shops.document("d_3", 3), kind=KIND))
    assert home.quarantined() == {}
    assert "d_3" in shown(home)


class Failing:
    """A way to the portal that ends after some PUTs, in the manner that is given."""

    def __init__(self, way, after, ends):
        self._real, self._left, self._ends = way.handle_request, after, ends

    def __call__(self, request):
        if request.method == "PUT":
            self._left -= 1
            if self._left < 0:
                return self._ends()
        return self._real(request)


class Killed(BaseException):
    """The worker ends here, without any clearing up."""


def _die():
    raise Killed


ENDS = {
    "dies": (_die, Killed),
    "meets an outage": (lambda: httpx.Response(503), TryLater),
    "is throttled for long": (lambda: httpx.Response(429, headers={"retry-after": "600"}), TryLater),
}


@pytest.mark.parametrize(("ends", "error"), ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("after", range(4))
@pytest.mark.parametrize("who", ["the same worker", "another one"])
def test_a_run_that_ends_half_way_is_followed_by_one_with_the_same_intentions(
    home, shops, way, monkeypatch, connect_portal, ends, error, after, who
):
    documents = [shops.document(f"d_{n}", n) for n in range(1, 4)]
    number = home.begin().read_all(*documents, kind=KIND)
    with monkeypatch.context() as broken:
        broken.setattr(way, "handle_request", Failing(way, after, ends))
        if after < 3:
            with pytest.raises(error):
                home.settle_batch(number)
            assert sending(home) == 3
        else:
            home.settle_batch(number)
    first = list(way.puts)
    if who == "another one":
        home = home.beside()
        home.target = connect_portal()
    home.settle_all()
    assert sending(home) == 0
    assert home.open_batches(KIND) == []
    assert len({*way.puts}) == 3, "one request for each document, by its key, however often it is sent"
    assert {*first} <= {*way.puts}
    assert shown(home) == {f"d_{n}": 12_100 for n in range(1, 4)}
    assert [home.told(f"d_{n}") for n in range(1, 4)] == [[("create", 1)]] * 3


def test_a_newer_reading_overtakes_one_that_was_interrupted(home, shops, way, monkeypatch):
    interrupted = home.begin().read_all(shops.document("d_1"), shops.document("d_2"), kind=KIND)
    with monkeypatch.context() as broken:
        broken.setattr(way, "handle_request", Failing(way, 1, _die))
        with pytest.raises(Killed):
            home.settle_batch(interrupted)
    home.settle_batch(home.read_all(shops.document("d_1", total=9), kind=KIND))
    home.settle_batch(interrupted)
    assert shown(home) == {"d_1": 9, "d_2": 12_100}


def test_a_worker_that_sleeps_with_its_puts_unsent_changes_nothing_after_another_went_on(home, shops, connect_portal):
    old = [(1, shops.document("d_1", total=1))]
    home.begin().settle_batch(home.read_all(shops.document("d_1", total=1), kind=KIND))
    home.settle_batch(home.read_all(shops.document("d_1", total=2), kind=KIND))
    assert connect_portal().write(CONNECTION, KIND, old) == {}
    assert shown(home) == {"d_1": 2}


def test_a_ledger_that_is_new_goes_on_above_what_the_portal_shows(ten):
    assert ten.target.highest_rev(CONNECTION) == max(ten.told(f"d_{n}")[0][1] for n in range(1, 11))
