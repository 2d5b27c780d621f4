"""The policy, cell by cell: what one reading of a record, set against its link, comes to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.decide import Change, Reading, decide
from accord.ledger.links import Link

HASHES, BATCHES = ("one", "two"), (1, 2)


def reading(hash="one", deleted=False, ticket=5, batch=2, alone=False, final=False):
    return Reading(hash, deleted, ticket, batch, alone, final)


def link(state="done", rev=5, hash="one", wanted="one", batch=1, deleted=False):
    return Link("cus_1", state, rev, hash, wanted, batch, deleted)


# The cells of the table: a reading, the link, the parent it lacks, and the change with its reason.
CELLS = {
    "the first time that a record is seen": (reading(), None, None, Change.CREATE, "the target does not"),
    "first seen, already deleted": (reading(deleted=True), None, None, Change.CREATE, "had deleted it before"),
    "first seen, but its parent is not": (reading(), None, "customer cus_9", Change.HOLD, "waits for customer cus_9"),
    "intended by another batch that died before its outcome": (
        reading(),
        link(state="sending", hash=None),
        None,
        Change.CREATE,
        "the target does not",
    ),
    "seen as it is shown": (reading(), link(), None, Change.SKIP, "unchanged"),
    "seen deleted as it is shown": (reading(deleted=True), link(deleted=True), None, Change.SKIP, "unchanged"),
    "seen otherwise": (reading("two"), link(), None, Change.UPDATE, "differently"),
    "seen as it was before an intention whose outcome is unknown": (
        reading(),
        link(state="sending", wanted="two"),
        None,
        Change.UPDATE,
        "differently",
    ),
    "gone from the source": (reading("two", deleted=True), link(), None, Change.DELETE, "no longer has it"),
    "settled since it was asked for": (reading("two"), link(rev=6), None, Change.AGAIN, "since this one began"),
    "settled since, though nothing seems new": (reading(), link(rev=6), None, Change.AGAIN, "since this one began"),
    "settled since, and its parent is lacking": (
        reading("two"),
        link(rev=6),
        "payment ch_1",
        Change.AGAIN,
        "since this one began",
    ),
    "settled since by this very batch, which was interrupted": (
        reading("two", batch=1),
        link(state="sending", rev=6),
        None,
        Change.UPDATE,
        "differently",
    ),
    "intended by this very batch when its parent was not needed": (
        reading("two", batch=1),
        link(state="sending", rev=6, wanted="two"),
        "customer cus_9",
        Change.UPDATE,
        "differently",
    ),
    "intended by this very batch, but read otherwise now, and its parent is lacking": (
        reading("two", batch=1),
        link(state="sending", rev=6),
        "customer cus_9",
        Change.HOLD,
        "waits for customer cus_9",
    ),
    "a list shows what was deleted": (reading("two"), link(deleted=True), None, Change.AGAIN, "had deleted"),
    "fetched alone, it is there again": (
        reading("two", alone=True),
        link(deleted=True),
        None,
        Change.CONFLICT,
        "had deleted",
    ),
    "a leg, seen again": (reading(final=True), link(rev=9), None, Change.SKIP, "unchanged"),
    "a leg that has changed": (reading("two", final=True), link(rev=5), None, Change.CONFLICT, "never changes"),
    "a leg that another reading saw differently since": (
        reading("two", final=True),
        link(rev=6),
        None,
        Change.AGAIN,
        "since this one began",
    ),
    "a leg whose outcome is unknown": (
        reading(final=True),
        link(state="sending", hash=None),
        None,
        Change.CREATE,
        "the target does not",
    ),
    "a leg whose payment is not known": (reading(final=True), None, "payment ch_1", Change.HOLD, "payment ch_1"),
}


@pytest.mark.parametrize("cell", CELLS)
def test_each_cell_says_what_is_done_and_why(cell):
    read, known, lacks, change, why = CELLS[cell]
    decision = decide(read, known, lacks)
    assert decision.change is change
    assert why in decision.because


readings = st.builds(
    Reading,
    hash=st.sampled_from(HASHES),
    deleted=st.booleans(),
    ticket=st.integers(0, 4),
    batch=st.sampled_from(BATCHES),
    alone=st.booleans(),
    final=st.booleans(),
)
known = st.builds(
    Link,
    key=st.just("cus_1"),
    state=st.sampled_from(("sending", "done")),
    rev=st.integers(1, 4),
    hash=st.sampled_from((None, *HASHES)),
    wanted=st.sampled_from(HASHES),
    batch=st.sampled_from(BATCHES),
    deleted=st.booleans(),
)
parents = st.sampled_from((None, "customer cus_9"))
WRITES = {Change.CREATE, Change.UPDATE, Change.DELETE}


@given(readings, st.none() | known, parents)
def test_every_reading_gets_a_change_and_a_reason(read, link, lacks):
    decision = decide(read, link, lacks)
    assert isinstance(decision.change, Change)
    assert decision.because


@given(readings, known, parents)
def test_nothing_is_written_that_was_read_before_another_batch_settled_it(read, link, lacks):
    if link.rev > read.ticket and link.batch != read.batch:
        assert decide(read, link, lacks).change not in WRITES


@given(readings, st.none() | known)
def test_nothing_is_written_before_its_parent_is(read, link):
    if link is None or link.batch != read.batch or link.state == "done" or link.wanted != read.hash:
        assert decide(read, link, "customer cus_9").change not in WRITES


@given(readings, known, parents)
def test_what_another_batch_has_deleted_is_never_shown_again(read, link, lacks):
    if link.deleted and link.hash is not None and link.batch != read.batch and not read.deleted:
        assert decide(read, link, lacks).change not in WRITES


@given(readings, known, parents)
def test_a_skip_is_only_said_of_what_the_target_shows(read, link, lacks):
    if decide(read, link, lacks).change is Change.SKIP:
        assert link.hash == read.hash
        assert link.state == "done" or read.final


@given(readings, known, parents)
def test_what_never_changes_is_written_once(read, link, lacks):
    if read.final and link.hash is not None:
        assert decide(read, link, lacks).change in {Change.SKIP, Change.AGAIN, Change.CONFLICT}


@given(readings, known, parents)
def test_a_batch_that_was_interrupted_goes_on_where_it_stopped(read, link, lacks):
    ours = link._replace(state="sending", batch=read.batch, wanted=read.hash, deleted=read.deleted)
    if not (read.final and ours.hash is not None):
        assert decide(read, ours, lacks).change in WRITES
