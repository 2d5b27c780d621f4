"""Hearing a calendar: what changed in it since its token, noted on the pairs, with a hint for each booking.

What is heard of an event counts only where nothing was noted of its pair since it was asked for; else it is asked for
by itself. Nothing is decided here.
"""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from accord.calendar_steps import WIDTH, Terms, named
from accord.calendars import Delete, Event, NotDone, Seat, TokenGone
from accord.deletions import too_many
from accord.errors import Refused, TryLater
from accord.ledger import calendars, counters, inbox, links, pairs
from accord.ledger.calendars import Listened
from accord.ledger.pairs import Pair, Seen
from accord.records import Kind
from accord.sides import differs, matches, sighted

LOOKS = 50  # events asked for by themselves, before it is looked whether too many of them are gone
TRIES = 3

_CHANGED = "its event was changed in the calendar"
_DELETED = "its event was deleted in the calendar"


def pause(terms: Terms, seat: Seat, why: str) -> None:
    """Listen to a calendar no more, nor write to it, until a person has looked at it."""
    ledger, sync = terms.ledger, terms.sync.name

    def note(connection: Connection) -> None:
        listened = calendars.get(connection, sync, seat)
        calendars.put(connection, sync, seat, listened._replace(paused=why, lenient=False))

    ledger.write(note)


def hint(connection: Connection, terms: Terms, keys: Collection[str], because: str) -> None:
    """Have bookings looked at again, also where they themselves are as they were."""
    sync, now = terms.sync, terms.ledger.now(connection)
    refs = [(str(Kind.BOOKING), key) for key in dict.fromkeys(keys)]
    inbox.look_again(connection, sync.name, refs, "calendar", because, now)
    links.differ(connection, sync.target, sync.connection, Kind.BOOKING, keys)


class Ear:
    """Hears one calendar once."""

    def __init__(self, terms: Terms, seat: Seat) -> None:
        self._terms, self._seat = terms, seat
        self._ledger, self._sync = terms.ledger, terms.sync
        self._system = terms.accounts[seat.account]
        self._strays: dict[str, Event | None] = {}  # by id; None where it is to be asked for

    def hear(self) -> None:
        listened = self._ledger.read(lambda c: calendars.get(c, self._sync.name, self._seat))
        if listened.paused is not None:
            return
        try:
            at = self._walk(listened.at, listened)
        except TokenGone:
            try:
                at = self._walk(None, listened)
            except TokenGone:
                raise TryLater(f"the list of the calendar {self._seat} breaks off while it is read") from None
        if at is not None:
            self._ledger.write(lambda c: self._store(c, at))

    def _store(self, connection: Connection, at: str) -> None:
        # Nobody goes on where another worker has paused the calendar meanwhile.
        if calendars.get(connection, self._sync.name, self._seat).paused is None:
            heard = Listened(at, self._ledger.now(connection))
            calendars.put(connection, self._sync.name, self._seat, heard)

    def _walk(self, at: str | None, listened: Listened) -> str | None:
        """Read to the last page, whose token comes back; None where a person has to look before that is believed."""
        whole = at is None
        met: set[str] = set()
        gone: set[str] = set()
        asked: set[str | None] = set()
        while at not in asked:
            asked.add(at)
            ticket = self._ticket()
            changes = self._system.changes(self._seat.calendar, at)
            there = [event for event in changes.events if event.span is not None]
            met |= {event.id for event in there}
            gone |= {*changes.gone, *(event.id for event in changes.events if event.span is None)}
            self._note(there, ticket)
            at = changes.at
            if not changes.more:
                break
        else:
            raise Refused(f"the list of the calendar {self._seat} goes in a circle; it would never end")
        # First: what is known to be made by then is asked for, and what is noted as made later is looked at again.
        self._ledger.write(lambda c: self._unsettle(c, gone, whole))
        known = self._ledger.read(lambda c: pairs.events_in(c, self._sync.name, self._seat)) if whole else set()
        if not self._missed(gone | (known - met), listened.lenient):
            return None
        self._remove_strays()
        return at

    def _ticket(self) -> int:
        return self._ledger.read(lambda c: counters.ticket(c, self._sync.connection))

    # -- events that are there

    def _note(self, events: Collection[Event], ticket: int) -> None:
        """Note what these events show; those of which something newer was noted are asked for by themselves."""
        ours = self._ledger.read(lambda c: self._told(c, events)) if events else []
        if not ours:
            return
        for event_id in self._taken(ours, ticket):
            self._look(event_id)

    def _taken(self, events: Iterable[Event], ticket: int) -> list[str]:
        """Note what was seen; the ids of those of which it is not known whether that is the newest."""
        late, strays = self._ledger.write(lambda c: self._take(c, events, ticket))
        self._strays |= strays
        return late

    def _told(self, connection: Connection, events: Collection[Event]) -> list[Event]:
        """Those of the events that tell something: of ours, all that are not just as they are known."""
        known = pairs.by_events(connection, self._ledger.cipher, self._sync.name, self._seat, [e.id for e in events])
        told = [event for event in events if event.id in known or self._key(event) is not None]
        return [event for event in told if event.id not in known or known[event.id].etag != event.etag]

    def _key(self, event: Event) -> str | None:
        """The key of the booking whose mark an event carries; a copy that a person made is theirs."""
        before = named(self._sync.name, "")
        if not event.original:
            return None
        return event.mark.name.removeprefix(before) if event.mark and event.mark.name.startswith(before) else None

    def _pair(self, connection: Connection, event: Event) -> Pair | None:
        """The pair that an event belongs to; a new one where only its mark tells so."""
        cipher, sync, key = self._ledger.cipher, self._sync.name, self._key(event)
        known = pairs.by_events(connection, cipher, sync, self._seat, [event.id]).get(event.id)
        if known is not None or key is None or event.mark is None:
            return known
        here = [pair for pair in pairs.of(connection, cipher, sync, [key]).get(key, []) if pair.seat == self._seat]
        if not here:
            found = {"state": "found", "event": event.id, "generation": event.mark.generation, "etag": event.etag}
            return Pair(sync, key, *self._seat, person="", **found)  # type: ignore[arg-type]
        pair = here[0]
        if event.mark.generation == pair.generation:
            # Beside the one that is known it is a copy, which a person made.
            return pair if pair.event is None else None
        if event.mark.generation > pair.generation:
            # Made by what this ledger, which was restored from a backup, does not know of.
            newer = pair._replace(generation=event.mark.generation)
            return newer if pair.state == "gone" else newer._replace(state="found", shown=None, sent=())
        return pair

    def _take(
        self, connection: Connection, events: Iterable[Event], ticket: int
    ) -> tuple[list[str], dict[str, Event | None]]:
        """As `_taken`, and by id what is there beside the event that counts, as far as it was told."""
        counters.lock(connection, self._sync.connection)
        late, seen, calm = [], [], []
        strays: dict[str, Event | None] = {}
        met: dict[str, Event] = {}
        for event in events:
            pair = self._pair(connection, event)
            first = met.setdefault(pair.key, event) if pair else event
            if first.id != event.id:
                # A person has moved more than one of the booking's events here, or has copied the one.
                if first.mark and event.mark and first.mark.generation != event.mark.generation:
                    strays[event.id] = event
                continue
            older = event.mark is not None and pair is not None and event.mark.generation < pair.generation
            if pair is not None and older and pair.event != event.id:
                strays[event.id] = event
                continue
            if pair is None or (pair.seen is None and matches(pair, event)):
                continue
            if pair.rev > ticket:
                late.append(event.id)
            elif differs(pair, event) or pair.seen is not None:
                if pair.event not in (None, event.id):
                    strays[str(pair.event)] = None  # of an older generation, and perhaps there
                seen.append(sighted(pair, event))
            else:
                calm.append(pair._replace(etag=event.etag))
        self._see(connection, seen, _CHANGED)
        pairs.save(connection, self._ledger.cipher, calm)
        return late, strays

    def _see(self, connection: Connection, seen: Collection[Pair], because: str) -> None:
        if seen:
            rev = counters.next_rev(connection, self._sync.connection)
            pairs.save(connection, self._ledger.cipher, [pair._replace(rev=rev) for pair in seen])
            hint(connection, self._terms, [pair.key for pair in seen], because)

    def _look(self, event_id: str) -> None:
        """Ask for one event by itself, until what it shows is newer than all that was noted."""
        for _ in range(TRIES):
            ticket = self._ticket()
            event = self._system.get(self._seat.calendar, event_id)
            if event is None:
                late = self._ledger.write(lambda c, ticket=ticket: self._lose(c, [event_id], ticket))  # type: ignore[misc]
            else:
                late = self._taken([event], ticket)
            if not late:
                return
        raise TryLater(f"an event of the calendar {self._seat} changes while it is read")

    def _remove_strays(self) -> None:
        """Take away events of ours beside the one that counts, such as one that was lost, made anew, and is back."""
        at = self._seat.calendar
        there = [self._strays[id] or self._system.get(at, id) for id in sorted(self._strays)]
        strays = [Delete(at, event.id, event.etag) for event in there if event is not None and not event.series]
        for outcome in self._system.apply(strays) if strays else ():
            if isinstance(outcome, NotDone):
                raise outcome.error  # and all that was heard is heard once more

    # -- events that are gone

    def _missed(self, suspects: set[str], lenient: bool) -> bool:
        """Ask for each event that seems to be gone, and note what is; False where those are too many to be believed."""
        ids, live = self._ledger.read(lambda c: self._expected(c, suspects))
        gone: list[tuple[str, int]] = []
        for start in range(0, len(ids), LOOKS):
            ticket = self._ticket()
            part = ids[start : start + LOOKS]
            events = self._terms.fan_out.map(lambda id: self._system.get(self._seat.calendar, id), part, WIDTH)
            there = [event for event in events if event is not None]
            self._note(there, ticket)
            gone += [(id, ticket) for id, event in zip(part, events, strict=True) if event is None]
            if too_many(len(gone), live) and not lenient:
                what = f"{len(gone)} or more of its {live} events are gone at once"
                pause(self._terms, self._seat, f"{what}; to have that believed, add --quarantine to the command")
                return False
        for ticket in sorted({ticket for _, ticket in gone}):
            lost = [id for id, asked in gone if asked == ticket]
            for event_id in self._ledger.write(lambda c, lost=lost, ticket=ticket: self._lose(c, lost, ticket)):  # type: ignore[misc]
                self._look(event_id)
        return True

    def _expected(self, connection: Connection, suspects: set[str]) -> tuple[list[str], int]:
        """Those of the suspects that should be there, and how many should be in all."""
        there = pairs.events_in(connection, self._sync.name, self._seat)
        known = pairs.by_events(connection, self._ledger.cipher, self._sync.name, self._seat, there & suspects)
        return sorted(id for id, pair in known.items() if not _is_known_gone(pair)), len(there)

    def _unsettle(self, connection: Connection, gone: set[str], whole: bool) -> None:
        """Have those looked at again whose event is being made: an event that is gone and that nobody knows may be it.

        Its id is known only to the worker that made it, who may be asleep.
        """
        cipher, sync = self._ledger.cipher, self._sync.name
        if not whole and not gone - pairs.by_events(connection, cipher, sync, self._seat, gone).keys():
            return
        counters.lock(connection, self._sync.connection)
        self._see(connection, pairs.making(connection, cipher, sync, self._seat), _DELETED)

    def _lose(self, connection: Connection, ids: Collection[str], ticket: int) -> list[str]:
        """Note that events are gone; the ids of those of which that may be no more true."""
        counters.lock(connection, self._sync.connection)
        known = pairs.by_events(connection, self._ledger.cipher, self._sync.name, self._seat, ids)
        lost = [pair for pair in known.values() if not _is_known_gone(pair)]
        seen = [sighted(pair, None) for pair in lost if pair.rev <= ticket]
        self._see(connection, seen, _DELETED)
        return [str(pair.event) for pair in lost if pair.rev > ticket]


def _is_known_gone(pair: Pair) -> bool:
    """Whether it is known that the event is gone, or going."""
    return pair.state in ("gone", "deleting") or pair.seen == Seen(None)
