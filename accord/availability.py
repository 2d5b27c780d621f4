"""When people are taken, for whoever books them: asked of their calendars, and shown with its age or why it is unknown.

What is not known is not free. Our own bookings' events count like any other; a booking that is to be moved is asked
about where it does not stand already (`beyond`), or it would be in its own way.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from accord.calendars import Busy, Calendars, Seat
from accord.clock import Clock
from accord.errors import AccordError

DAYS = 60  # that are asked about, from now on


class Board(Protocol):
    """Where it is shown when people are taken: the booking system's database."""

    def people(self) -> Mapping[str, Seat]:
        """Whose calendar is where."""

    def show_busy(self, person: str, seat: Seat, busy: Busy, as_of: int, until: int) -> None:
        """Show when a person is taken between two seconds, in place of what was shown."""

    def keep_busy(self, people: Mapping[str, Seat]) -> None:
        """Show nothing of anybody else any more."""

    def close(self) -> None:
        """Give the connections back."""


class Stretch(NamedTuple):
    """Time between two seconds."""

    start: int
    end: int


def refresh(board: Board, accounts: Mapping[str, Calendars], clock: Clock, days: int = DAYS) -> dict[str, str | None]:
    """Ask when everybody is taken, and show it; why that is not known of a person, by person, None where it is.

    `accounts` are those that are connected, by their names. What can not be read of one holds up no other.
    """
    people = board.people()
    told: dict[str, str | None] = {}
    for account in sorted({seat.account for seat in people.values()}):
        seats = {person: seat for person, seat in people.items() if seat.account == account}
        began = int(clock.now())
        until = began + days * 86_400
        busy = _ask(accounts.get(account), account, {seat.calendar for seat in seats.values()}, began, until)
        for person, seat in sorted(seats.items()):
            one = busy.get(seat.calendar) or Busy((), f"{account} says nothing of the calendar")
            board.show_busy(person, seat, one, began, until)
            told[person] = one.unknown
    board.keep_busy(people)
    return told


def _ask(calendars: Calendars | None, account: str, wanted: set[str], start: int, end: int) -> Mapping[str, Busy]:
    if calendars is None:
        return dict.fromkeys(wanted, Busy((), f"{account} is not connected"))
    try:
        return calendars.busy(wanted, start, end)
    except AccordError as error:
        return dict.fromkeys(wanted, Busy((), str(error)))


def beyond(wanted: Stretch, own: Stretch | None) -> list[Stretch]:
    """What of a time a booking does not take already, where it takes `own` so far.

    Its own event may stand there in the calendar, and perhaps another one beside it: that can not be told, and it is
    not made worse.
    """
    if own is None:
        return [wanted]
    before = Stretch(wanted.start, min(wanted.end, own.start))
    after = Stretch(max(wanted.start, own.end), wanted.end)
    return [part for part in (before, after) if part.start < part.end]
