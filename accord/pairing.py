"""The decision between the two ways, as one pure table: what is to be done about a booking and its event.

The calendar's side has changed only where time, place or existence differs from what the calendar itself showed after
our last writing. Titles, notes and links are the booking's.
"""

from enum import StrEnum
from typing import NamedTuple


class Policy(StrEnum):
    """Who wins where a calendar shows something else than the booking says."""

    BOOKING = "booking"
    CALENDAR = "calendar"
    NEWEST = "newest"  # whichever was changed last, by the time that its own system tells
    ASK = "ask"  # nobody, until a person has said which


class Booked(StrEnum):
    """The booking's side of a pair, against what was agreed."""

    SAME = "same"
    TEXTS = "texts"  # only what people can not change in the calendar is another, or was perhaps not written
    CHANGED = "changed"
    GONE = "gone"  # cancelled, deleted, or another person's now


class Shown(StrEnum):
    """The event's side of a pair, against what the calendar showed after our last writing."""

    NONE = "none"  # none was made, or it was agreed that there is none
    SAME = "same"
    CHANGED = "changed"
    GONE = "gone"


class Newer(StrEnum):
    """Which side was changed last, where both tell."""

    BOOKING = "booking"
    CALENDAR = "calendar"
    UNKNOWN = "unknown"  # a calendar does not tell when an event was deleted


class Act(StrEnum):
    """What is to be done."""

    NOTHING = "nothing"
    AGREE = "agree"  # both show the same: that is what is agreed now
    MAKE = "make"
    WRITE = "write"
    DELETE = "delete"
    MOVE = "move"  # the booking
    CANCEL = "cancel"  # the booking
    CONFLICT = "conflict"


class Facts(NamedTuple):
    """What is known of both sides."""

    booked: Booked
    shown: Shown
    equal: bool = False  # of an event that has changed: whether it shows what the booking says
    newer: Newer = Newer.UNKNOWN
    series: bool = False  # whether a person made a series of the event, which counts as changed
    known: bool = True  # whether it is known what the calendar showed when both agreed


class Decision(NamedTuple):
    """What is to be done, and why."""

    act: Act
    because: str


def decide(facts: Facts, policy: Policy, chosen: bool = False) -> Decision:
    """Say what to do; `chosen` is a policy that a person chose for this very conflict."""
    if facts.series and facts.shown is Shown.CHANGED:
        return _series(facts, policy, chosen)
    match facts.booked, facts.shown:
        case Booked.GONE, Shown.NONE:
            return Decision(Act.NOTHING, "there is no booking for this calendar, and no event")
        case Booked.GONE, Shown.GONE:
            return Decision(Act.AGREE, "both sides are gone")
        case Booked.GONE, Shown.SAME:
            return Decision(Act.DELETE, "the booking is gone")
        case Booked.GONE, Shown.CHANGED:
            return Decision(Act.DELETE, "the booking is gone, whatever became of the event")
        case _, Shown.NONE:
            return Decision(Act.MAKE, "the calendar does not show the booking yet")
        case Booked.SAME, Shown.SAME:
            return Decision(Act.NOTHING, "both sides are as agreed")
        case Booked.TEXTS, Shown.SAME:
            return Decision(Act.WRITE, "the booking says something else besides time and place, or may not be shown")
        case Booked.CHANGED, Shown.SAME:
            return Decision(Act.WRITE, "the booking has another time or place")
        case Booked.TEXTS, Shown.CHANGED if facts.equal:
            return Decision(Act.WRITE, "the calendar shows the same time and place; the rest is the booking's")
        case _, Shown.CHANGED if facts.equal:
            return Decision(Act.AGREE, "both sides came to the same time and place")
    return _differ(facts, policy, chosen)


def _series(facts: Facts, policy: Policy, chosen: bool) -> Decision:
    """A person made a series of the event: that is theirs, and is neither written nor followed."""
    gone = facts.booked is Booked.GONE
    match policy:
        case Policy.BOOKING if chosen and gone:
            return Decision(Act.DELETE, "the booking is gone; a person has said that the series goes with it")
        case Policy.BOOKING if chosen:
            return Decision(Act.MAKE, "a person keeps the booking's side: it is shown beside the series")
        case Policy.CALENDAR if chosen and gone:
            return Decision(Act.NOTHING, "the booking is gone; a person has said that the series stays")
    what = "a person made a series of the event, which is never edited"
    return Decision(Act.CONFLICT, f"{what}, and the booking is gone" if gone else what)


def _differ(facts: Facts, policy: Policy, chosen: bool) -> Decision:
    """The event was changed or deleted, and the booking does not say the same."""
    gone, both = facts.shown is Shown.GONE, facts.booked is Booked.CHANGED
    how = "was deleted" if gone else "has another time or place"
    what = f"the event {how} in the calendar" + (", and the booking has changed as well" if both else "")
    anew, taken = (Act.MAKE, Act.CANCEL) if gone else (Act.WRITE, Act.MOVE)
    if chosen:
        return Decision(anew if policy is Policy.BOOKING else taken, f"{what}; a person keeps the {policy}'s side")
    if not facts.known and policy in (Policy.CALENDAR, Policy.NEWEST):
        return Decision(Act.CONFLICT, "nothing was agreed on about the event, and nobody knows which side has changed")
    match policy:
        case Policy.BOOKING:
            return Decision(anew, f"{what}; the booking wins")
        case Policy.CALENDAR:
            return Decision(taken, f"{what}; the calendar wins")
        case Policy.ASK:
            return Decision(Act.CONFLICT, f"{what}; a person has to say which side counts")
    if not both:
        return Decision(taken, f"{what}; that is the newest")
    match facts.newer:
        case Newer.BOOKING:
            return Decision(anew, f"{what}; the booking last")
        case Newer.CALENDAR:
            return Decision(taken, f"{what}; the event last")
    return Decision(Act.CONFLICT, f"{what}; which of the two came last is not known")
