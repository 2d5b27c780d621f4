"""Many single records of a kind are looked for on its list first: the newest stand together there."""

from dataclasses import replace

import pytest

from accord import fetch
from accord.errors import Misconfigured, Refused, TryLater
from accord.ledger import counters, inbox
from accord.ledger.inbox import Hint
from accord.ports import CursorGone
from accord.records import Kind


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(fetch, "MANY", 4)
    monkeypatch.setattr(fetch, "ENOUGH", 2)


@pytest.fixture
def shop(shops):
    """Twelve payments, the newest with the highest number, on pages of three."""
    shop = shops.Shop()
    shop.discovery = replace(shop.discovery, listed=frozenset({Kind.PAYMENT}))
    shop.put(shops.customer("cus_1"), *(shops.payment(f"ch_{n:02}", shops.BEGAN + n) for n in range(12)))
    return shop


@pytest.fixture
def home(new_ledger, homes, clock, shop):
    home = homes.Home(new_ledger(clock), shop).begin()
    shop.asked.clear()
    return home


def hint(home, *keys, kind="payment"):
    hints = [Hint(f"evt_{key}", kind, key) for key in keys]
    home.ledger.write(lambda c: inbox.receive(c, home.sync.name, hints, home.ledger.now(c)))


def behind(shop):
    return [after for _, _, _, after in shop.asked]


def test_new_records_are_taken_from_the_list_and_only_the_rest_is_fetched(home, shop):
    hint(home, *(f"ch_{n:02}" for n in (11, 10, 9, 8, 7, 6, 0)))
    assert home.changed() == 7
    assert behind(shop) == [None, "ch_09"]
    assert shop.fetched == [("payment", "ch_00")]
    assert sorted(home.stored(Kind.PAYMENT)) == [f"ch_{n:02}" for n in (0, 6, 7, 8, 9, 10, 11)]


def test_what_a_list_shows_beside_them_is_not_taken(home):
    hint(home, *(f"ch_{n:02}" for n in (11, 9, 8, 7)))
    assert home.changed() == 4
    assert sorted(home.stored(Kind.PAYMENT)) == ["ch_07", "ch_08", "ch_09", "ch_11"]


def test_old_records_cost_one_page(home, shop):
    hint(home, *(f"ch_{n:02}" for n in (11, 5, 4, 2, 0)))
    home.changed()
    assert behind(shop) == [None]
    assert len(shop.fetched) == 4


def test_few_records_cost_no_page(home, shop):
    hint(home, "ch_11", "ch_10", "ch_09")
    home.changed()
    assert shop.asked == []
    assert len(shop.fetched) == 3


def test_a_kind_whose_objects_can_be_deleted_is_fetched_one_by_one(home, shop, shops):
    shop.put(*(shops.customer(f"cus_{n}") for n in range(6)))
    hint(home, *(f"cus_{n}" for n in range(6)), kind="customer")
    assert home.changed() == 6
    assert shop.asked == []


@pytest.mark.parametrize("error", [TryLater("closed"), Refused("no list"), CursorGone()])
@pytest.mark.parametrize("page", [None, "ch_09"])
def test_a_page_that_fails_leaves_its_records_to_be_fetched(home, shop, error, page):
    def fail(asked):
        if len(asked) == 4 and asked[3] == page:
            raise error

    shop.before = fail
    hint(home, *(f"ch_{n:02}" for n in range(12)))
    assert home.changed() == 12
    assert len(shop.fetched) == (12 if page is None else 9)
    assert len(home.stored(Kind.PAYMENT)) == 12


def test_a_list_that_nobody_may_read_gives_all_hints_back(home, shop):
    def refuse(asked):
        raise Misconfigured("key")

    shop.before = refuse
    hint(home, *(f"ch_{n:02}" for n in range(12)))
    with pytest.raises(Misconfigured):
        home.changed()
    shop.before = lambda _: None
    assert home.changed() == 12


def test_a_list_in_a_circle_ends(home, shop, shops, monkeypatch):
    page = shop.page
    monkeypatch.setattr(shop, "page", lambda stream, lo, hi, after: replace(page(stream, lo, hi, None), has_more=True))
    hint(home, *(f"ch_{n:02}" for n in range(12)))
    assert home.changed() == 12
    assert len(shop.fetched) == 9


def test_what_can_not_be_read_on_a_page_is_fetched_by_itself(home, shop):
    shop.break_(Kind.PAYMENT, "ch_10", b'{"id":"ch_10","key":"ch_10"}')
    hint(home, *(f"ch_{n:02}" for n in range(6, 12)))
    home.changed()
    assert shop.fetched == [("payment", "ch_10")]
    prepared = home.check(home.open_batches(Kind.PAYMENT)[0])
    assert [bad.key for bad in prepared.unsound] == ["ch_10"]
    assert len(prepared.records) == 5


@pytest.mark.parametrize(
    ("page", "pages"),
    [(3, [None, "ch_09", "ch_06", "ch_03"]), (4, [None, "ch_08", "ch_08", "ch_04"])],
    ids=["behind a page", "within a page"],
)
def test_the_next_chunk_goes_on_where_the_one_before_ended(home, shop, monkeypatch, page, pages):
    monkeypatch.setattr(fetch, "CHUNK", 6)
    shop.page_size = page
    hint(home, *(f"ch_{n:02}" for n in reversed(range(12))))
    assert home.changed() == 12
    assert behind(shop) == pages
    assert shop.fetched == []


def test_what_is_not_met_there_is_looked_for_at_the_top(home, shop, monkeypatch):
    monkeypatch.setattr(fetch, "CHUNK", 6)
    shop.page_size = 4
    hint(home, *(f"ch_{n:02}" for n in (11, 10, 7, 6, 3, 2)))
    hint(home, *(f"ch_{n:02}" for n in (9, 8, 5, 4, 1, 0)))
    assert home.changed() == 12
    assert behind(shop) == [None, "ch_08", "ch_04", "ch_04", None, "ch_08"]
    assert shop.fetched == []


def test_a_ticket_is_noted_before_the_first_page_is_asked_for(home, shop):
    hint(home, *(f"ch_{n:02}" for n in range(12)))
    shop.before = lambda _: home.ledger.write(lambda c: counters.next_rev(c, home.sync.connection))
    home.changed()
    assert home.batch(home.open_batches(Kind.PAYMENT)[0]).ticket == 0
