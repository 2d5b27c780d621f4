"""Listening: every calendar is heard, those that can not be are named, and whose calendar is another one is noticed."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from accord.calendar_steps import WIDTH, Terms
from accord.calendars import Seat
from accord.errors import AccordError, LeftAlone, Misconfigured, Refused, TryLater, urgency
from accord.hearing import Ear, hint, pause
from accord.ledger import calendars, inbox, pairs


def listen(terms: Terms) -> None:
    """Hear what changed in each calendar, and look whose calendar is another one now.

    A calendar that is not there, or may not be read, is paused, and named by that. One that is nobody's any more is
    listened to as long as it can be: what a worker sends that was asleep may still arrive there. Raises what kept an
    account from answering, once all others are heard.
    """
    ledger, sync = terms.ledger, terms.sync.name
    known = ledger.read(lambda c: pairs.seats(c, sync))
    used = {*terms.people.values(), *(Seat(account, calendar) for _, account, calendar in known)}
    if nobodys := [seat for seat in ledger.read(lambda c: calendars.paused(c, sync)) if seat not in used]:
        ledger.write(lambda c: _forget(c, terms, nobodys))
    seats = used.union(ledger.read(lambda c: calendars.known(c, sync)))
    failed: dict[str, AccordError] = {}

    def hear(seat: Seat) -> None:
        if seat.account in failed:
            return
        try:
            Ear(terms, seat).hear()
        except Refused as error:
            if seat in used:
                pause(terms, seat, str(error))
            else:
                ledger.write(lambda c: calendars.forget(c, sync, seat))
        except (TryLater, Misconfigured) as error:
            failed.setdefault(seat.account, error)

    heard = sorted(seat for seat in seats if seat.account in terms.accounts)
    terms.fan_out.map(hear, heard, WIDTH)
    # Of an account that was left alone one calendar may have found it well again while the others were turned away.
    again = [account for account, error in failed.items() if isinstance(error, LeftAlone)]
    for account in again:
        del failed[account]
    for seat in heard:
        if seat.account in again:
            hear(seat)
    back = {seat.account for seat in heard} - failed.keys()
    ledger.write(lambda c: inbox.wake(c, sync, "account", sorted(back), ledger.now(c)))
    ledger.write(lambda c: _reseat(c, terms, known))
    if failed:
        raise _worst(failed.values())


def _worst(failed: Collection[AccordError]) -> AccordError:
    """What a person must know of first: all that they have to mend, else one that time may mend."""
    theirs = [str(error) for error in failed if isinstance(error, Misconfigured)]
    return Misconfigured("; ".join(dict.fromkeys(theirs))) if theirs else min(failed, key=urgency)


def _forget(connection: Connection, terms: Terms, paused: Collection[Seat]) -> None:
    """Forget paused calendars that are nobody's any more, such as one that was misspelt; what waited goes elsewhere."""
    sync = terms.sync.name
    for seat in paused:
        calendars.forget(connection, sync, seat)
    inbox.wake(connection, sync, "calendar", [*map(str, paused)], terms.ledger.now(connection))


def _reseat(connection: Connection, terms: Terms, known: Iterable[tuple[str, str, str]]) -> None:
    """Have the bookings looked at again of people whose calendar is another one now."""
    for person, account, calendar in known:
        seat = Seat(account, calendar)
        if terms.people.get(person, seat) != seat:
            keys = pairs.keys_of(connection, terms.sync.name, person, seat)
            hint(connection, terms, keys, "its person has another calendar now")
