"""Walking along a list that shifts while it is read."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.errors import Refused
from accord.systems.oblio import Walk, parse, walk
from accord.systems.oblio.parse import Item, Page

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
        rows = tuple(self.rows[::-1][offset : offset + walk.PAGE])
        return Page(b"[]", rows, len(rows))

    def fetch(self, key: str) -> Item | None:
        self.fetched.append(key)
        return next((row for row in self.rows if row.key == key), None)


@pytest.fixture(autouse=True)
def _small_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "PAGE", SMALL)
        yield


def keys(walked: Walk) -> list[str]:
    return [one.key for page in walked for one in page.items]


def test_everything_once_newest_first() -> None:
    listing = Listing(13)
    walked = Walk(listing)
    assert keys(walked) == [str(n) for n in range(13, 0, -1)]
    assert (walked.complete, walked.met) == (True, listing.start)
    assert listing.asked == [0, 5, 10, 15, 0]


@pytest.mark.parametrize("count", [0, 5, 10])
def test_full_pages_to_the_end(count: int) -> None:
    walked = Walk(Listing(count))
    assert len(keys(walked)) == count
    assert walked.complete


def test_what_is_new_since_an_id() -> None:
    listing = Listing(23)
    walked = Walk(listing, since=17)
    assert keys(walked) == [str(n) for n in range(23, 13, -1)]
    assert walked.complete
    assert listing.asked == [0, 5, 0]
    listing.asked.clear()
    assert keys(Walk(listing, since=21)) == ["23", "22", "21", "20", "19"]
    assert listing.asked == [0]


def test_new_ones_push_others_onto_the_next_page_where_they_are_passed_over() -> None:
    listing = Listing(13)
    listing.before[1] = lambda: [listing.add("S0") for _ in range(3)]
    walked = Walk(listing)
    found = keys(walked)
    assert len(found) == len(set(found))
    assert set(found) == listing.start | {"14", "15", "16"}
    assert walked.complete


def test_one_that_changed_before_it_came_again_comes_again() -> None:
    listing = Listing(13)

    def pay() -> None:
        listing.add("S0")
        listing.rows[8] = item(9, "S0", 5, "paid")

    listing.before[1] = pay
    assert keys(Walk(listing)).count("9") == 2


@pytest.mark.parametrize("reuse", [False, True])
def test_after_a_deletion_the_walk_knows_that_it_may_have_missed_one(reuse: bool) -> None:
    listing = Listing(13)

    def delete() -> None:
        listing.delete("S0")
        if reuse:
            listing.add("S0")  # with the same number, and a new id

    listing.before[2] = delete
    walked = Walk(listing)
    found = set(keys(walked))
    assert not walked.complete
    assert listing.start - found == (set() if reuse else {"3"})
    assert walked.met == found


def test_a_deletion_in_a_series_that_was_long_without_a_new_one_is_noticed() -> None:
    listing = Listing(4)
    for _ in range(20):
        listing.add("S0")
    listing.start |= {row.key for row in listing.rows}
    listing.before[5] = lambda: listing.delete("S1")
    walked = Walk(listing)
    list(walked)
    assert (walked.complete, listing.fetched) == (False, ["4"])


def test_one_that_was_made_and_deleted_meanwhile_is_noticed() -> None:
    listing = Listing(13)
    listing.before[1] = lambda: listing.add("S0")
    listing.before[2] = lambda: listing.rows.pop()
    walked = Walk(listing)
    assert "4" not in keys(walked)
    assert not walked.complete


CHANGES = st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.sampled_from(["S0", "S1", "S2"])), max_size=12)


@given(st.integers(0, 33), CHANGES)
def test_a_complete_walk_met_all_that_was_there_all_the_time(count: int, changes: list[tuple[int, bool, str]]) -> None:
    listing = Listing(count, series=3)

    def happen(moment: int) -> None:
        for when, adds, series in changes:
            if when == moment:
                (listing.add if adds else listing.delete)(series)

    listing.before = {moment: lambda moment=moment: happen(moment) for moment in range(1, 9)}  # type: ignore[misc]
    walked = Walk(listing)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "PAGE", SMALL)
        found = keys(walked)
    stayed = listing.start & {row.key for row in listing.rows}
    assert stayed <= set(found) or not walked.complete
    if len(changes) <= SMALL and all(adds for _, adds, _ in changes):
        assert walked.complete
        assert len(found) == len(set(found))


def test_a_list_that_repeats_a_page_is_refused() -> None:
    listing = Listing(13)
    real = listing.page
    listing.page = lambda _: real(0)  # type: ignore[method-assign]
    with pytest.raises(Refused, match="never end"):
        keys(Walk(listing))


def test_smaller_pages_than_asked_for_are_refused() -> None:
    listing = Listing(13)
    real = listing.page

    def few(offset: int) -> Page:
        page = real(offset)
        return Page(page.body, page.items[:3], min(page.count, 3))

    listing.page = few  # type: ignore[method-assign]
    with pytest.raises(Refused, match="fewer"):
        keys(Walk(listing))


def test_a_walk_can_be_taken_again() -> None:
    listing = Listing(8)
    walked = Walk(listing)
    assert keys(walked) == keys(walked)
    assert walked.complete
