"""The table between two ways: every cell is decided, with a sentence, and as the documents say."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.pairing import Act, Booked, Facts, Newer, Policy, Shown, decide

CELLS = [Facts(*cell) for cell in itertools.product(Booked, Shown, (False, True), Newer, (False, True), (True, False))]
BACK = {Act.MOVE, Act.CANCEL}


@pytest.mark.parametrize("policy", Policy)
def test_no_cell_is_undecided(policy):
    for facts in CELLS:
        decision = decide(facts, policy)
        assert isinstance(decision.act, Act)
        assert len(decision.because) > 10


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize(
    ("booked", "shown", "act"),
    [
        (Booked.SAME, Shown.SAME, Act.NOTHING),
        (Booked.TEXTS, Shown.SAME, Act.WRITE),
        (Booked.CHANGED, Shown.SAME, Act.WRITE),
        (Booked.GONE, Shown.SAME, Act.DELETE),
        (Booked.GONE, Shown.CHANGED, Act.DELETE),
        (Booked.GONE, Shown.GONE, Act.AGREE),
        (Booked.GONE, Shown.NONE, Act.NOTHING),
        (Booked.SAME, Shown.NONE, Act.MAKE),
        (Booked.TEXTS, Shown.NONE, Act.MAKE),
        (Booked.CHANGED, Shown.NONE, Act.MAKE),
    ],
)
def test_where_the_calendar_did_not_change_no_policy_is_asked(booked, shown, act, policy):
    for newer, series in itertools.product(Newer, (False, True)):
        if not series or shown is not Shown.CHANGED:
            assert decide(Facts(booked, shown, False, newer, series), policy).act is act


BOTH = "both"
BY_POLICY = {
    # (what the booking did, what the event did): by policy booking, calendar, newest, ask
    (Booked.SAME, Shown.CHANGED): (Act.WRITE, Act.MOVE, Act.MOVE, Act.CONFLICT),
    (Booked.TEXTS, Shown.CHANGED): (Act.WRITE, Act.MOVE, Act.MOVE, Act.CONFLICT),
    (Booked.CHANGED, Shown.CHANGED): (Act.WRITE, Act.MOVE, BOTH, Act.CONFLICT),
    (Booked.SAME, Shown.GONE): (Act.MAKE, Act.CANCEL, Act.CANCEL, Act.CONFLICT),
    (Booked.TEXTS, Shown.GONE): (Act.MAKE, Act.CANCEL, Act.CANCEL, Act.CONFLICT),
    (Booked.CHANGED, Shown.GONE): (Act.MAKE, Act.CANCEL, BOTH, Act.CONFLICT),
}


@pytest.mark.parametrize(("cell", "acts"), BY_POLICY.items())
def test_where_the_calendar_changed_the_policy_decides(cell, acts):
    booked, shown = cell
    for policy, act in zip((Policy.BOOKING, Policy.CALENDAR, Policy.NEWEST, Policy.ASK), acts, strict=True):
        for newer in Newer:
            expected = act
            if act is BOTH:
                anew, taken = (Act.MAKE, Act.CANCEL) if shown is Shown.GONE else (Act.WRITE, Act.MOVE)
                expected = {Newer.BOOKING: anew, Newer.CALENDAR: taken, Newer.UNKNOWN: Act.CONFLICT}[newer]
            assert decide(Facts(booked, shown, False, newer), policy).act is expected


@pytest.mark.parametrize("policy", Policy)
def test_what_came_to_the_same_is_agreed_on_whatever_the_policy(policy):
    for booked, act in {Booked.SAME: Act.AGREE, Booked.CHANGED: Act.AGREE, Booked.TEXTS: Act.WRITE}.items():
        assert decide(Facts(booked, Shown.CHANGED, equal=True), policy).act is act


def test_an_event_of_which_nothing_was_agreed_moves_no_booking():
    for booked, newer in itertools.product((Booked.SAME, Booked.TEXTS, Booked.CHANGED), Newer):
        found = Facts(booked, Shown.CHANGED, newer=newer, known=False)
        acts = [decide(found, policy).act for policy in Policy]
        assert acts == [Act.WRITE, Act.CONFLICT, Act.CONFLICT, Act.CONFLICT]
        assert decide(found, Policy.CALENDAR, chosen=True).act is Act.MOVE
        gone = Facts(booked, Shown.GONE, newer=newer, known=False)
        acts = [decide(gone, policy).act for policy in Policy]
        assert acts == [Act.MAKE, Act.CONFLICT, Act.CONFLICT, Act.CONFLICT]


@pytest.mark.parametrize("side", ["booking", "calendar"])
def test_what_a_person_chose_is_done(side):
    wanted = {"booking": {Act.WRITE, Act.MAKE}, "calendar": BACK}[side]
    for booked, shown in BY_POLICY:
        decision = decide(Facts(booked, shown, False, Newer.UNKNOWN), Policy(side), chosen=True)
        assert decision.act in wanted
        assert "a person keeps" in decision.because


cells = st.sampled_from(CELLS)
policies = st.sampled_from([*Policy])


@given(cells, policies)
def test_a_booking_that_is_gone_is_never_written_nor_shown(facts, policy):
    if facts.booked is Booked.GONE:
        assert decide(facts, policy).act in (Act.NOTHING, Act.AGREE, Act.DELETE, Act.CONFLICT)
    else:
        assert decide(facts, policy).act is not Act.DELETE


@given(cells, policies)
def test_a_booking_follows_only_an_event_that_changed(facts, policy):
    if decide(facts, policy).act in BACK:
        assert facts.shown in (Shown.CHANGED, Shown.GONE)
        assert not facts.equal or facts.shown is Shown.GONE
        assert policy in (Policy.CALENDAR, Policy.NEWEST)


@given(cells)
def test_nobody_writes_where_a_person_is_asked(facts):
    decision = decide(facts, Policy.ASK)
    if facts.shown in (Shown.CHANGED, Shown.GONE) and facts.booked is not Booked.GONE and not facts.equal:
        assert decision.act is Act.CONFLICT
    assert decision.act not in BACK


@given(cells, policies)
def test_a_series_that_a_person_made_is_never_edited(facts, policy):
    if facts.series and facts.shown is Shown.CHANGED:
        assert decide(facts, policy).act is Act.CONFLICT


@pytest.mark.parametrize("booked", Booked)
def test_of_a_series_a_person_may_keep_what_edits_nothing_of_it(booked):
    series, gone = Facts(booked, Shown.CHANGED, series=True), booked is Booked.GONE
    kept = {policy: decide(series, policy, chosen=True).act for policy in (Policy.BOOKING, Policy.CALENDAR)}
    assert kept == {
        Policy.BOOKING: Act.DELETE if gone else Act.MAKE,
        Policy.CALENDAR: Act.NOTHING if gone else Act.CONFLICT,
    }
