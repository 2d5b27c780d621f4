"""`accord conflicts`: bookings and their events of which a person has to say which side counts."""

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from accord import conflicts, settings
from accord.bookings import told
from accord.errors import Misconfigured
from accord.ledger import counters, pairs
from accord.ledger.engine import Ledger
from accord.ledger.pairs import Pair
from accord.sync import Sync, connection_of
from deployments import show


def command(action: str, key: str | None, side: str | None, as_json: bool) -> int:
    """List conflicts, show both versions of one, or keep one of them; listing gives 1 while there are any."""
    if (action == "list") != (key is None):
        raise Misconfigured(f"accord conflicts {action} takes {'no booking' if key else 'the key of a booking'}")
    if (action == "keep") != (side is not None):
        raise Misconfigured("say which side is to be kept: accord conflicts keep BOOKING --side booking, or calendar")
    ledger = settings.current_ledger()
    found = ledger.read(lambda c: pairs.conflicts(c, ledger.cipher))
    if key is None:
        return _list(found, as_json)
    pair = _only(found, key)
    if side is None:
        _show(pair, key, as_json)
        return 0
    return _keep(ledger, pair, side, as_json)


def _list(found: list[Pair], as_json: bool) -> int:
    if as_json:
        print(json.dumps([_named(pair) for pair in found], indent=2))
    else:
        of = Counter(key for _, key in {(pair.sync, pair.key) for pair in found})
        called = [pair.key if of[pair.key] == 1 else _name(pair) for pair in found]
        waits = [f"since {_time(pair.since)}: {pair.because}{_choice(pair)}" for pair in found]
        lines = [f"{name}  {wait}" for name, wait in zip(called, waits, strict=True)]
        print("\n".join(str(show.plain(line)) for line in lines) or "there are no conflicts")
    return 1 if found else 0


def _choice(pair: Pair) -> str:
    return f" (a person keeps the {pair.choice}'s side; the next run does it)" if pair.choice else ""


def _show(pair: Pair, called: str, as_json: bool) -> None:
    event = pair.seen.event if pair.seen else None
    booking = pair.booking
    sides: dict[str, dict[str, Any] | None] = {"booking": None, "calendar": None}
    if booking is not None:
        sides["booking"] = {field: getattr(booking, field) for field in ("start", "end", "zone", "place")}
    if event is not None and event.span is not None:
        start, end, zone = told(event.span, booking and booking.zone, event.zone)
        sides["calendar"] = {"start": start, "end": end, "zone": zone, "place": event.place}
    if as_json:
        print(json.dumps(_named(pair) | {"sides": sides}, indent=2))
        return
    what = f"{called} of {pair.person} in {pair.seat}, since {_time(pair.since)}: {pair.because}{_choice(pair)}"
    print(show.plain(what))
    for side, shows in sides.items():
        says = "it is gone" if shows is None else "{start} to {end} {zone}".format(**shows)
        says += f", at {shows['place']}" if shows and shows["place"] else ""
        says += ", as a series" if side == "calendar" and event is not None and event.series else ""
        print(show.plain(f"  {side}: {says}"))
    other = "" if _can_not_follow(pair) else ", or --side calendar"
    print(show.plain(f"keep one of them: accord conflicts keep {called} --side booking{other}"))


def _can_not_follow(pair: Pair) -> bool:
    """Whether the event is a series, and the booking one that would have to follow it."""
    event, takes = pair.seen.event if pair.seen else None, pair.booking.takes if pair.booking else None
    return event is not None and event.series and takes is not None


def _keep(ledger: Ledger, pair: Pair, side: str, as_json: bool) -> int:
    if side == "calendar" and _can_not_follow(pair):
        raise Misconfigured(
            f"the event of {pair.key} is a series now, which no booking can follow. Keep the booking's side, and it is "
            "shown beside the series; or end the series in the calendar"
        )
    target = ledger.read(lambda c: counters.pinned(c, pair.sync))
    sync = Sync(pair.sync, connection_of(pair.sync), target or "")
    if not ledger.write(lambda c: conflicts.keep(c, ledger, sync, pair, side)):
        raise Misconfigured(
            f"one side of {pair.key} has changed meanwhile; look again: accord conflicts show {pair.key}"
        )
    print(
        json.dumps({"booking": pair.key, "side": side})
        if as_json
        else f"{pair.key}: the next run keeps the {side}'s side"
    )
    return 0


def _only(found: list[Pair], key: str) -> Pair:
    """The conflict of this booking, which may be called by its key alone where that is clear."""
    of = [pair for pair in found if key in (pair.key, _name(pair))]
    if not of:
        raise Misconfigured(f"booking {key} is in no conflict; accord conflicts list shows those that are")
    names = sorted({_name(pair) for pair in of})
    if len(names) > 1:
        raise Misconfigured(f"several bookings are called {key}; say which one: {' or '.join(names)}")
    return of[0]


def _name(pair: Pair) -> str:
    """A booking as it is called among those of all connections."""
    return f"{pair.sync}:{pair.key}"


def _named(pair: Pair) -> dict[str, Any]:
    """What a conflict is called, without what is people's."""
    named = {"sync": pair.sync, "booking": pair.key, "since": pair.since, "why": pair.because, "choice": pair.choice}
    return named | {"account": pair.account}


def _time(at: float | None) -> str:
    return datetime.fromtimestamp(at or 0, UTC).strftime("%Y-%m-%d %H:%M UTC")
