"""The sandbox's own switches beside the booking system, below `/_admin`: counters, truth, and the clock."""

from typing import Any

from accord.sandbox import switches
from accord.sandbox.bookings.service import Bookings
from accord.sandbox.wire import Answer, Ask


def answer(system: Bookings, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    return switches.answer(_SWITCHES, system, ask)


def truth(system: Bookings, _: dict[str, Any], __: str) -> Any:
    """How many bookings each person has, by status."""
    counted = system.store.rows("SELECT person, status, COUNT(*) AS n FROM bookings GROUP BY person, status")
    people: dict[str, dict[str, int]] = {one["person"]: {} for one in system.store.people()}
    for row in counted:
        people.setdefault(row["person"], {})[row["status"]] = row["n"]
    return {"now": int(system.clock.now()), "people": people}


_SWITCHES: dict[tuple[str, str], switches.Switch] = {
    ("GET", "stats"): switches.stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): switches.clock,
    ("POST", "clock"): switches.clock,
}
