"""Comparing: each record that differs is named once, and how; what agrees is not."""

from hypothesis import given
from hypothesis import strategies as st

from accord.compare import Agreement, Disagreement, compare, digest
from accord.records import Kind

keys = st.sampled_from([f"cus_{number}" for number in range(6)])
hashes = st.sampled_from([b"one", b"two", b"three"])
sources = st.dictionaries(keys, hashes)
targets = st.dictionaries(keys, st.tuples(st.booleans(), hashes))


def found(source, target):
    rows = ((key, deleted, hash_) for key, (deleted, hash_) in target.items())
    return list(compare(Kind.CUSTOMER, source, rows))


def differing(how, *keys):
    return [Disagreement(Kind.CUSTOMER, key, how) for key in keys]


def test_equal_sides_agree():
    assert found({"cus_1": b"one"}, {"cus_1": (False, b"one")}) == []


def test_what_only_the_source_has_is_missing():
    assert found({"cus_1": b"one"}, {}) == differing("missing", "cus_1")


def test_what_only_the_target_has_is_extra():
    assert found({}, {"cus_1": (False, b"one")}) == differing("extra", "cus_1")


def test_a_row_marked_as_deleted_agrees_with_a_source_that_has_no_such_record():
    assert found({}, {"cus_1": (True, b"one")}) == []


def test_a_record_that_both_show_otherwise_differs():
    assert found({"cus_1": b"one"}, {"cus_1": (False, b"two")}) == differing("differs", "cus_1")


@given(sources, targets)
def test_each_record_is_named_at_most_once_and_in_one_way(source, target):
    named = found(source, target)
    assert len({one.key for one in named}) == len(named)
    for one in named:
        in_source, in_target = one.key in source, one.key in target
        assert {"missing": (True, False), "extra": (False, True), "differs": (True, True)}[one.how] == (
            in_source,
            in_target,
        )


@given(sources, targets)
def test_what_is_not_named_agrees(source, target):
    named = {one.key for one in found(source, target)}
    for key in (source.keys() | target.keys()) - named:
        deleted, shown = target[key]
        assert shown == source[key] if key in source else deleted


@given(sources)
def test_a_source_agrees_with_what_shows_it(source):
    assert found(source, {key: (False, hash_) for key, hash_ in source.items()}) == []


@given(sources, targets, st.randoms())
def test_the_order_of_the_rows_does_not_matter(source, target, random):
    rows = list(target.items())
    random.shuffle(rows)
    assert sorted(found(source, dict(rows))) == sorted(found(source, target))


values = st.lists(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8), max_size=5)


@given(values, values)
def test_two_records_have_one_hash_only_where_they_are_equal(one, other):
    same = [(type(value), value) for value in one] == [(type(value), value) for value in other]
    assert (digest(one) == digest(other)) == same


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_the_share_counts_what_either_side_shows(agreeing, wrong, extra):
    named = differing("differs", *(f"a{n}" for n in range(wrong))) + differing(
        "extra", *(f"b{n}" for n in range(extra))
    )
    result = Agreement(agreeing + wrong, agreeing, named, {}, {})
    total = agreeing + wrong + extra
    assert result.share == (agreeing / total if total else 1.0)
    assert result.complete == (not named)


def test_unequal_sums_are_never_complete():
    assert not Agreement(1, 1, [], {"EUR": 100}, {"EUR": 99}).complete
