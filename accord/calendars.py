"""What the two ways between bookings and calendars ask of a calendar system, whichever it is.

An event of ours carries its booking's name in itself (`Mark`), so that it is known again whatever else was lost. Every
write names the etag that it was decided on: nobody's change is ever overwritten unseen.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, Protocol

import msgspec

from accord.bookings import Span
from accord.errors import AccordError, Misconfigured


class Seat(NamedTuple):
    """A calendar, and the account that reaches it, as its connection is called: google/main."""

    account: str
    calendar: str

    def __str__(self) -> str:
        return f"{self.account}/{self.calendar}"

    @classmethod
    def called(cls, name: str) -> "Seat":
        """The one of this name: google/main/ana@example.com."""
        system, _, rest = name.partition("/")
        account, _, calendar = rest.partition("/")
        return cls(f"{system}/{account}", calendar)


class Mark(NamedTuple):
    """What an event of ours carries, where people do not see it: whose it is, and which writing of it."""

    name: str  # of the booking, for ever: that of the sync and its key
    generation: int  # grows when an event was lost and is made anew: no system gives an id out twice
    rev: int  # under which it was written last


class Wanted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an event is to show."""

    mark: Mark
    start: str  # as in a booking: wall times in `zone`, or days
    end: str
    zone: str
    title: str
    place: str | None
    link: str | None
    notes: str | None
    attendee: str | None

    def __repr__(self) -> str:
        """Without the values, which are people's."""
        return f"<Wanted {self.mark.name}>"


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An event as its calendar shows it now; what a system adds or rewrites of texts is not in here."""

    calendar: str
    id: str
    etag: str
    mark: Mark | None  # None: it is not one of ours
    span: Span | None  # None where it is cancelled, which is as good as deleted
    zone: str | None  # IANA, as far as the system tells one that is known
    title: str
    place: str | None
    updated: int  # Unix seconds, by the system's clock
    series: bool = False  # of a series that a person made, which is never edited
    original: bool = True  # False where it is known to be a person's copy of the one that was made under its mark

    def __repr__(self) -> str:
        """Without the values, which are people's."""
        return f"<Event {self.id}>"


class Changes(NamedTuple):
    """One page of what changed in a calendar."""

    events: Sequence[Event]
    gone: Sequence[str]  # ids of events that were deleted, as it seems; also of some that were never there
    at: str  # where to go on: opaque, the system's own
    more: bool  # whether this is not the last page; `at` may be kept only after the last one


class TokenGone(Exception):
    """The system no longer goes on from there: all of the calendar is to be read again, from None."""


class Create(NamedTuple):
    """Make an event. Repeated with the same name and generation, it makes no second one."""

    calendar: str
    wanted: Wanted


class Update(NamedTuple):
    """Have an event show something else, if it is still as `etag` knows it."""

    calendar: str
    id: str
    etag: str
    wanted: Wanted


class Delete(NamedTuple):
    """Take an event away, if it is still as `etag` knows it."""

    calendar: str
    id: str
    etag: str


Operation = Create | Update | Delete


class Done(NamedTuple):
    """It is done; the event as it is now, None where it was deleted (also before, by whomever)."""

    event: Event | None


class Differs(NamedTuple):
    """Nothing was done: the event is no longer as the etag knew it. How it is now; None where it is gone.

    Also what a repeated Create comes to where the event that the first one made was changed or deleted since.
    """

    event: Event | None


class NotDone(NamedTuple):
    """Nothing is known to be done: Refused for what the system will never take, TryLater for what it may."""

    error: AccordError


Outcome = Done | Differs | NotDone


class Busy(NamedTuple):
    """When a calendar is taken; `unknown` says why that is not known, and then nobody may take it to be free."""

    spans: Sequence[Span]
    unknown: str | None = None


class Calendars(Protocol):
    """The calendars that one account at a calendar system reaches. Methods raise TryLater, Refused or Misconfigured.

    A calendar that is not there, or may not be read, raises Refused of that calendar alone.
    """

    def changes(self, calendar: str, at: str | None) -> Changes:
        """A page of what changed since `at`, of everything from None on; raises TokenGone."""

    def get(self, calendar: str, id: str) -> Event | None:
        """One event as it is now; None where it is gone, deleted or cancelled."""

    def find(self, calendar: str, name: str) -> list[Event]:
        """The events that carry this booking's name: one, unless something went wrong."""

    def apply(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Do all of these, several at once within the account's rates; what came of each, in their order."""

    def busy(self, calendars: Collection[str], start: int, end: int) -> Mapping[str, Busy]:
        """When each calendar is taken between two seconds, events of other people's and series included."""

    def close(self) -> None:
        """Give the connections back."""


class Unusable:
    """The calendars of an account that can not be reached as it is saved: every question raises Misconfigured."""

    def __init__(self, why: Misconfigured) -> None:
        self._why = str(why)

    def _refuse(self, *_: Any) -> NoReturn:
        raise Misconfigured(self._why)

    changes = get = find = apply = busy = _refuse

    def close(self) -> None:
        """Nothing is open."""


def encode(mark: Mark) -> tuple[str, str]:
    """A mark as the two texts that an event carries: the name, by which it is found, and the rest."""
    return mark.name, f"{mark.generation}.{mark.rev}"


def decode(name: str | None, rest: str | None) -> Mark | None:
    """The mark that two texts stand for; None where there is none, or a person has spoilt it."""
    generation, _, rev = (rest or "").partition(".")
    if not name or not (generation.isascii() and generation.isdigit() and rev.isascii() and rev.isdigit()):
        return None
    return Mark(name, int(generation), int(rev))
