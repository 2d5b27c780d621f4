"""Walking along a list that shifts while it is read."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.errors import Refused
from accord.systems.oblio import parse, walk
from accord.systems.oblio.parse import Item, Page
from accord.systems.oblio.walk import Place, Walk

ROW = json.loads((Path(__file__).parent.parent / "fixtures" / "oblio" / "list.json").read_bytes())["data"][0]
(MODEL,) = parse.read(json.dumps({"data": [ROW]}).encode(), None).items
SMALL = 5  # rows on a page


def item(position: int, series: str, number: int, text: str = "") -> Item:
    assert MODEL.document is not None
    key = str(position)
    document = msgspec.structs.replace(
        MODEL.document, key=key, position=position, series=series, number=f"{number:04}", mentions=text or None
    )
    return Item(key, position, f"{key} {text}".encode(), document, None)


class Listing:
    """A list in memory, oldest first, in which something may happen before a page is given."""

    def __init__(self, count: int, series: int = 2) -> None:
        self.names = [f"S{n}" for n in range(series)]
        self.next = dict.fromkeys(self.names, 1)
        self.rows: list[Item] = []
        self.last = 0
        for n in range(count):
            self.add(self.names[n % series])
        self.start = {row.key for row in self.rows}
        self.before: dict[int, Callable[[], object]] = {}  # the n-th page, from 0
        self.asked: list[int] = []
        self.fetched: list[str] = []

    def add(self, series: str) -> None:
        self.last += 1
        self.rows.append(item(self.last, series, self.next[series]))
        self.next[series] += 1

    def delete(self, series: str) -> None:
        """The last number of a series, of those that were there from the start; the number is free again."""
        mine = [row for row in self.rows if row.document is not None and row.document.series == series]
        if mine and mine[-1].key in self.start:
            self.rows.remove(mine[-1])
            self.next[series] -= 1

    def page(self, offset: int) -> Page:
        self.before.pop(len(self.asked), lambda: None)()
        self.asked.append(offset)
        return Page(tuple(self.rows[::-1][offset : offset + walk.PAGE]))

    def fetch(self, key: str) -> Item | None:
        self.fetched.append(key)
        return next((row for row in self.rows if row.key == key), None)


@pytest.fixture(autouse=True)
def _small_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "PAGE", SMALL)
        yield


def met(listing: Listing, lo: int = 0) -> list[str]:
    """What a walk meets, in which each step is taken by another worker, who has nothing but the place."""
    found: list[str] = []
    place: Place | None = Place()
    while place is not None:
        kept = msgspec.json.encode(place)
        rows, place = Walk(listing, lo).step(msgspec.json.decode(kept, type=Place))
        found += [one.key for one in rows]
    assert len(found) == len(set(found)), "each once"
    return found


def test_everything_newest_first_and_a_look_back() -> None:
    listing = Listing(13)
    assert met(listing) == [str(n) for n in range(13, 0, -1)]
    assert listing.asked == [0, 5, 10, 15, 0]


@pytest.mark.parametrize(("count", "asked"), [(0, [0]), (3, [0, 5, 0]), (5, [0, 5, 0]), (10, [0, 5, 10, 0])])
def test_to_the_end(count: int, asked: list[int]) -> None:
    listing = Listing(count)
    assert set(met(listing)) == listing.start
    assert listing.asked == asked


def test_down_to_an_id() -> None:
    listing = Listing(23)
    assert met(listing, lo=17)[:10] == [str(n) for n in range(23, 13, -1)]
    assert listing.asked == [0, 5, 0]
    listing.asked.clear()
    assert met(listing, lo=19) == ["23", "22", "21", "20", "19"]
    assert listing.asked == [0], "a page is as the list was at one moment"


def test_new_ones_push_others_onto_the_next_page_and_that_is_all() -> None:
    listing = Listing(13)
    listing.before[1] = lambda: [listing.add("S0") for _ in range(3)]
    assert set(met(listing)) == listing.start | {"14", "15", "16"}
    assert listing.asked == [0, 5, 10, 15, 20, 0]


def test_where_all_on_the_first_page_is_new_there_may_be_more() -> None:
    listing = Listing(13)
    listing.before[4] = lambda: [listing.add("S0") for _ in range(8)]
    assert set(met(listing)) == {str(n) for n in range(1, 22)}


@pytest.mark.parametrize("reuse", [False, True])
def test_what_a_deletion_hid_is_met_when_it_is_walked_once_more(reuse: bool) -> None:
    listing = Listing(13)

    def delete() -> None:
        listing.delete("S0")
        if reuse:
            listing.add("S0")  # with the same number, and a new id

    listing.before[2] = delete
    assert listing.start <= set(met(listing))
    assert listing.asked == [0, 5, 10, 15, 0, 5, 10, 15]


def test_a_deletion_in_a_series_that_was_long_without_a_new_one_is_noticed() -> None:
    listing = Listing(4)
    for _ in range(20):
        listing.add("S0")
    listing.start |= {row.key for row in listing.rows}
    listing.before[5] = lambda: listing.delete("S1")
    met(listing)
    assert listing.fetched == ["4"]
    assert listing.asked.count(5) == 2


def test_one_that_was_made_and_deleted_meanwhile_is_noticed() -> None:
    listing = Listing(13)
    listing.before[1] = lambda: listing.add("S0")
    listing.before[2] = lambda: listing.rows.pop()
    assert listing.start <= set(met(listing))
    assert listing.asked.count(5) == 2


CHANGES = st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.sampled_from(["S0", "S1", "S2"])), max_size=12)


@given(st.integers(0, 33), CHANGES)
def test_what_was_there_all_the_time_is_met(count: int, changes: list[tuple[int, bool, str]]) -> None:
    listing = Listing(count, series=3)
    pages = -(-count // SMALL) + 2

    def happen(moment: int) -> None:
        for when, adds, series in changes:
            if when == moment and listing.asked.count(0) < 2:
                (listing.add if adds else listing.delete)(series)

    # While it is walked for the first time: the second is not looked back on.
    listing.before = {moment: lambda moment=moment: happen(moment) for moment in range(1, min(9, pages))}  # type: ignore[misc]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "PAGE", SMALL)
        found = met(listing)
    stayed = listing.start & {row.key for row in listing.rows}
    assert stayed <= set(found)
    if len(changes) < SMALL and all(adds for _, adds, _ in changes):
        assert listing.asked.count(SMALL) <= 1


def test_rows_without_ids_are_no_list() -> None:
    listing = Listing(5)
    listing.rows = [Item(row.key, None, row.raw, None, "no id") for row in listing.rows]
    with pytest.raises(Refused, match="has an id"):
        met(listing)


def test_a_walk_goes_on_where_very_many_were_made_since_its_last_page() -> None:
    listing = Listing(13)

    def many() -> None:
        for _ in range(6 * SMALL):
            listing.add("S0")

    listing.before[1] = many
    assert listing.start <= {*met(listing)}


def test_a_list_that_repeats_a_page_is_refused() -> None:
    listing = Listing(13)
    real = listing.page
    listing.page = lambda _: real(0)  # type: ignore[method-assign]
    with pytest.raises(Refused, match="never end"):
        met(listing)


def test_smaller_pages_than_asked_for_are_refused() -> None:
    listing = Listing(13)
    real = listing.page

    def few(offset: int) -> Page:
        return Page(real(offset).items[:3])

    listing.page = few  # type: ignore[method-assign]
    with pytest.raises(Refused, match="fewer"):
        met(listing)
