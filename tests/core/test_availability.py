"""When people are taken: who is asked, what is shown of it, and what a booking that moves is asked about."""

import pytest

from accord.availability import DAYS, Stretch, beyond, refresh
from accord.bookings import Span
from accord.calendars import Busy, Seat
from accord.errors import Misconfigured, TryLater

ANA, BOGDAN, CARMEN = Seat("google/main", "ana@x"), Seat("google/main", "bogdan@x"), Seat("microsoft/main", "carmen@x")
PEOPLE = {"ana": ANA, "bogdan": BOGDAN, "carmen": CARMEN}


class Board:
    """What is shown, by person."""

    def __init__(self, people):
        self.seats, self.shown = people, {"gone": None}

    def people(self):
        return self.seats

    def show_busy(self, person, seat, busy, as_of, until):
        self.shown[person] = (seat, busy, as_of, until)

    def keep_busy(self, people):
        self.shown = {person: shown for person, shown in self.shown.items() if person in people}


class Account:
    """An account whose calendars are taken as given, or that fails."""

    def __init__(self, busy=None, error=None):
        self.taken, self.error, self.asked = busy or {}, error, []

    def busy(self, calendars, start, end):
        self.asked.append((sorted(calendars), start, end))
        if self.error is not None:
            raise self.error
        return self.taken


def test_everybody_is_asked_about_once_for_each_account(clock):
    spans = [Span(1, 2, False)]
    google = Account({"ana@x": Busy(spans), "bogdan@x": Busy([], "it was deleted")})
    microsoft = Account({"carmen@x": Busy([])})
    board, now = Board(PEOPLE), int(clock.now())
    told = refresh(board, {"google/main": google, "microsoft/main": microsoft}, clock)
    until = now + DAYS * 86_400
    assert google.asked == [(["ana@x", "bogdan@x"], now, until)]
    assert told == {"ana": None, "bogdan": "it was deleted", "carmen": None}
    assert board.shown == {
        "ana": (ANA, Busy(spans), now, until),
        "bogdan": (BOGDAN, Busy([], "it was deleted"), now, until),
        "carmen": (CARMEN, Busy([]), now, until),
    }


@pytest.mark.parametrize("error", [TryLater("google/main does not answer"), Misconfigured("the key was withdrawn")])
def test_an_account_that_can_not_be_read_leaves_its_people_unknown_and_holds_up_no_other(clock, error):
    board = Board(PEOPLE)
    accounts = {"google/main": Account(error=error), "microsoft/main": Account({"carmen@x": Busy([])})}
    told = refresh(board, accounts, clock)
    assert told == {"ana": str(error), "bogdan": str(error), "carmen": None}
    assert board.shown["ana"][1] == Busy((), str(error))


def test_what_nobody_tells_is_unknown(clock):
    board = Board(PEOPLE)
    told = refresh(board, {"google/main": Account({"ana@x": Busy([])})}, clock)
    assert told == {
        "ana": None,
        "bogdan": "google/main says nothing of the calendar",
        "carmen": "microsoft/main is not connected",
    }


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (None, [(10, 20)]),
        ((0, 10), [(10, 20)]),
        ((20, 30), [(10, 20)]),
        ((10, 20), []),
        ((0, 30), []),
        ((5, 12), [(12, 20)]),
        ((15, 25), [(10, 15)]),
        ((12, 15), [(10, 12), (15, 20)]),
    ],
)
def test_a_booking_is_not_in_its_own_way(own, expected):
    assert beyond(Stretch(10, 20), own and Stretch(*own)) == expected
