"""Calendars as the target of bookings: all that the connected accounts reach, each person's in one of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from accord import availability, calendar_writes, listening
from accord.availability import Board
from accord.bookings import Booking, BookingStore
from accord.calendar_steps import Terms, named
from accord.calendars import Calendars, Event, Mark, Seat, TokenGone
from accord.errors import AccordError, Misconfigured, Refused, TryLater
from accord.ledger import links, pairs
from accord.ledger.engine import Ledger
from accord.ledger.pairs import Pair
from accord.pairing import Policy
from accord.ports import Because, FanOut, NotYet, Threads
from accord.records import Kind, Record
from accord.sides import digest
from accord.sync import Sync


class CalendarTarget:
    """The calendars of one sync. Methods raise TryLater, Refused and Misconfigured.

    A booking and its event are a pair of the ledger, and both ways between them are one decision: what people change in
    a calendar is heard by `listen`, which has the booking looked at again, and `write` then asks accord/pairing.py.
    """

    kinds = frozenset({Kind.BOOKING})
    mappings = {Kind.BOOKING: "calendars/1"}  # noqa: RUF012 - a person who moves to another calendar is noticed by itself

    def __init__(
        self,
        sync: Sync,
        accounts: Mapping[str, Calendars],
        people: Mapping[str, Seat],
        store: BookingStore,
        ledger: Ledger,
        policy: Policy = Policy.BOOKING,
        fan_out: FanOut | None = None,
        board: Board | None = None,
    ) -> None:
        """`accounts` are those that are connected, by the names of their connections (google/main); `people` says whose
        calendar is where, `store` is where bookings are written back to, and `board` where it is shown when people are
        taken."""
        self._terms = Terms(sync, accounts, people, store, ledger, policy, fan_out or Threads())
        self._board = board

    def close(self) -> None:
        """Give the connections back."""
        for account in self._terms.accounts.values():
            account.close()
        if self._board is not None:
            self._board.close()

    def check(self) -> None:
        """Look whether there is anything to reach; what single accounts lack is told by runs, which go on without."""
        if not self._terms.accounts:
            raise Misconfigured("no calendar account is connected; connect one, then say whose calendar is where")

    def identity(self) -> str:
        """They are the same calendars, whichever accounts reach them."""
        return "calendars"

    def unreachable(self) -> Iterator[tuple[str, AccordError]]:
        """What can not be looked into now, an account or one calendar of it, each with why."""
        terms, now = self._terms, int(self._terms.ledger.clock.now())
        for account in sorted({seat.account for seat in terms.people.values()}):
            if account not in terms.accounts:
                system, _, name = account.partition("/")
                how = f"accord connect {system} --name {name}"
                yield (
                    account,
                    Misconfigured(f"people's calendars are in it, and it is not connected; connect it: {how}"),
                )
                continue
            try:
                calendars = {seat.calendar for seat in terms.people.values() if seat.account == account}
                busy = terms.accounts[account].busy(calendars, now, now + 3600)
            except AccordError as error:
                yield account, error
            else:
                seats = ((Seat(account, calendar), one.unknown) for calendar, one in sorted(busy.items()))
                yield from ((str(seat), Refused(why)) for seat, why in seats if why is not None)

    def listen(self) -> None:
        """Have the bookings looked at again whose events others changed. Raises what kept it from hearing some."""
        listening.listen(self._terms)

    def show_availability(self) -> dict[str, str | None]:
        """Ask when everybody is taken, and show it; why that is not known of a person, by person, None where it is."""
        terms = self._terms
        return {} if self._board is None else availability.refresh(self._board, terms.accounts, terms.ledger.clock)

    def write(
        self, connection: str, kind: Kind, rows: Sequence[tuple[int, Record]]
    ) -> Mapping[str, str | NotYet | Because]:
        """Bring both sides of these bookings, each read under its rev, into agreement; by key why some are not, and
        what was decided about others."""
        return calendar_writes.write(self._terms, [(rev, row) for rev, row in rows if isinstance(row, Booking)])

    def agreed(self, connection: str, at: float) -> None:
        """Nothing: nobody who looks into a calendar asks as of when it is right."""

    def last_agreed(self, connection: str) -> float | None:
        """None, for that reason."""
        return None

    def highest_rev(self, connection: str) -> int:
        """None: it is by its etag that an event is written, not by its rev."""
        return 0

    def read(self, connection: str, kind: Kind) -> Iterator[tuple[str, bool, tuple[Any, ...]]]:
        """Every booking with what all calendars show of it now, as (key, whether that is nothing, that)."""
        terms = self._terms
        shown: dict[str, list[str]] = {}
        known = terms.ledger.read(lambda c: pairs.seats(c, terms.sync.name))
        seats = {*terms.people.values(), *(Seat(account, calendar) for _, account, calendar in known)}
        for seat in sorted(seat for seat in seats if seat.account in terms.accounts):
            for key, text in self._shown(seat):
                shown.setdefault(key, []).append(text)
        accepted = terms.ledger.read(lambda c: links.accepted(c, connection, kind))
        for key in dict.fromkeys([*(key for key, _, _ in accepted), *shown]):
            yield key, key not in shown, (", ".join(sorted(shown.get(key, []))),)

    def fields(self, kind: Kind) -> list[str]:
        """The property of a booking that is compared with what `read` gives."""
        return ["shown"]

    def states(self, connection: str) -> dict[str, int]:
        """Nothing: to count events is to read all calendars."""
        return {}

    def sums(self, connection: str) -> dict[str, int]:
        """Nothing: no money is moved here, so there is none that has to add up."""
        return {}

    def _shown(self, seat: Seat) -> Iterator[tuple[str, str]]:
        """What one calendar shows of bookings, by their keys, as `Booking.shown` says it."""
        terms, before = self._terms, named(self._terms.sync.name, "")
        found = [(event.mark, event) for event in self._all(seat) if event.mark and event.mark.name.startswith(before)]
        keys = {mark.name.removeprefix(before) for mark, _ in found}
        known = terms.ledger.read(lambda c: pairs.of(c, terms.ledger.cipher, terms.sync.name, keys))
        for mark, event in found:
            key = mark.name.removeprefix(before)
            pair = next((pair for pair in known.get(key, []) if pair.seat == seat), None)
            if _counts(pair, mark, event):
                yield key, self._text(seat, pair, event)

    def _text(self, seat: Seat, pair: Pair | None, event: Event) -> str:
        people = {person for person, at in self._terms.people.items() if at == seat}
        person = pair.person if pair and pair.person in people else next(iter(sorted(people)), str(seat))
        shows = digest(event)
        # What the calendar made of our last writing is what was written.
        return f"{person} {pair.booked if pair and pair.booked and pair.shown == shows else shows}"

    def _all(self, seat: Seat) -> Iterator[Event]:
        """Every event of a calendar as it is now; nothing is noted."""
        system, at = self._terms.accounts[seat.account], None
        asked: set[str | None] = set()
        while at not in asked:
            asked.add(at)
            try:
                changes = system.changes(seat.calendar, at)
            except TokenGone:
                raise TryLater(f"the list of the calendar {seat} breaks off while it is read") from None
            yield from (event for event in changes.events if event.span is not None)
            if not changes.more:
                return
            at = changes.at
        raise Refused(f"the list of the calendar {seat} goes in a circle; it would never end")


def _counts(pair: Pair | None, mark: Mark, event: Event) -> bool:
    """Whether an event shows a booking, rather than being a copy of the one that does or a series left to a person."""
    if pair is None or pair.event is None or pair.event == event.id:
        return event.original
    return event.original and not event.series and mark.generation != pair.generation
