"""Numbers that were given twice, and gaps, in series of documents."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.documents import State
from accord.numbering import Gap, Numbered, Twice, gaps, twice


def of(*numbers: str | None, series: str | None = "WEB", state: State = State.ISSUED) -> list[Numbered]:
    return [Numbered(series, number, state, False) for number in numbers]


def test_a_series_without_gaps_has_nothing_to_tell() -> None:
    documents = of("0008", "0009", "0010", "0011")
    assert (twice(documents), gaps(documents)) == ([], [])
    assert (twice([]), gaps([])) == ([], [])


def test_a_number_given_twice_is_told_with_how_many_have_it() -> None:
    assert twice(of("9", "10", "010", "9", "009")) == [Twice("WEB", "009", 3), Twice("WEB", "010", 2)]
    assert twice(of("A-1", "A-1", "A-01")) == [Twice("WEB", "A-1", 2)]
    assert twice([*of("1"), *of("1", series="OBL"), *of("1", series=None)]) == []
    assert twice([*of("1", series=None), *of("1", series="")]) == [Twice("", "1", 2)]


def test_a_gap_is_told_from_its_first_to_its_last_number() -> None:
    found = gaps([*of("0042", "0044", "0050"), *of("7", "9", series=None)])
    assert found == [Gap("", 8, 8), Gap("WEB", 43, 43), Gap("WEB", 45, 49)]
    assert [str(gap) for gap in found] == ["8", "WEB 43", "WEB 45 to 49"]


@pytest.mark.parametrize("state", [state for state in State if state is not State.DRAFT])
def test_whatever_became_of_a_document_it_has_its_number(state: State) -> None:
    documents = [*of("1", "3"), *of("2", state=state)]
    assert gaps(documents) == []
    assert twice([*documents, *of("2")]) == [Twice("WEB", "2", 2)]


def test_drafts_and_deleted_documents_have_none() -> None:
    gone = [Numbered("WEB", "2", State.ISSUED, True)] * 2
    for absent in (gone, of("2", "2", state=State.DRAFT), of(None, ""), of("2-a", "2²", "٢")):
        assert gaps([*of("1", "3"), *absent]) == [Gap("WEB", 2, 2)]
        assert twice([*of("1", "3"), *absent]) == []
    assert twice([*of("1", "2", "3"), *gone]) == []


def test_a_number_too_long_for_one_is_a_text() -> None:
    assert gaps(of("1", "9" * 5000)) == []
    assert twice(of("9" * 5000, "9" * 5000)) == [Twice("WEB", "9" * 5000, 2)]


_numbers = st.one_of(
    st.none(), st.integers(0, 12).flatmap(lambda n: st.sampled_from([str(n), f"{n:04}"])), st.sampled_from(["", "A-1"])
)
_documents = st.lists(
    st.builds(Numbered, st.sampled_from([None, "A", "B"]), _numbers, st.sampled_from(State), st.booleans()), max_size=40
)


def _kept(documents: Sequence[Numbered], series: str) -> list[str]:
    own = [one for one in documents if (one.series or "") == series]
    return [one.number for one in own if one.number and not one.deleted and one.state is not State.DRAFT]


@given(_documents)
def test_each_lacking_number_is_in_one_gap_and_no_other_is(documents: list[Numbered]) -> None:
    found = gaps(documents)
    assert found == sorted(found)
    for series in ("", "A", "B"):
        there = {int(number) for number in _kept(documents, series) if number.isdigit()}
        lacking = [n for n in range(min(there), max(there)) if n not in there] if there else []
        own = [gap for gap in found if gap.series == series]
        assert [n for gap in own for n in range(gap.first, gap.last + 1)] == lacking
        assert all({gap.first - 1, gap.last + 1} <= there for gap in own)


@given(_documents)
def test_every_number_that_several_have_is_told_once_with_their_count(documents: list[Numbered]) -> None:
    found = twice(documents)
    for series in ("", "A", "B"):
        plain = [number.lstrip("0") or "0" for number in _kept(documents, series)]
        told = {one.number.lstrip("0") or "0": one.documents for one in found if one.series == series}
        assert told == {number: plain.count(number) for number in plain if plain.count(number) > 1}
        assert len(told) == len([one for one in found if one.series == series])


@given(_documents, st.randoms())
def test_the_order_of_the_documents_does_not_matter(documents: list[Numbered], chance: object) -> None:
    shuffled = list(documents)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert (twice(shuffled), gaps(shuffled)) == (twice(documents), gaps(documents))


@given(_documents)
def test_filling_the_gaps_leaves_none_and_gives_no_number_twice(documents: list[Numbered]) -> None:
    filled = [
        Numbered(gap.series, str(number), State.ISSUED, False)
        for gap in gaps(documents)
        for number in range(gap.first, gap.last + 1)
    ]
    assert gaps([*documents, *filled]) == []
    assert twice([*documents, *filled]) == twice(documents)
