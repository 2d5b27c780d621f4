"""The sandbox's own switches beside the portal's API, below `/_admin`: faults, limit, counters, truth."""

from typing import Any

from accord.sandbox import switches
from accord.sandbox.portal.service import Portal
from accord.sandbox.wire import Answer, Ask


def answer(portal: Portal, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    return switches.answer(_SWITCHES, portal, ask)


def truth(portal: Portal, _: dict[str, Any], __: str) -> Any:
    """What is kept, by connection."""
    connections = {
        name: {
            "documents": len(shelf.documents),
            "deleted": sum(kept.document["deleted"] for kept in shelf.documents.values()),
            "highest_rev": shelf.highest_rev,
            "as_of": shelf.as_of,
        }
        for name, shelf in sorted(portal.store.shelves.items())
    }
    return {"now": int(portal.clock.now()), "id": portal.store.id, "connections": connections}


def _limit(portal: Portal, given: dict[str, Any], _: str) -> Any:
    """The limit, set where `per_second` is given; 0 is none."""
    if "per_second" in given:
        rate = float(given["per_second"])
        if not 0 <= rate < float("inf"):
            raise ValueError("per_second is a number from 0")
        portal.limits.per_second = rate or None
        portal.store.version += 1
    return {"per_second": portal.limits.per_second}


_SWITCHES: dict[tuple[str, str], switches.Switch] = {
    **switches.of_faults("/portal"),
    ("GET", "limit"): _limit,
    ("POST", "limit"): _limit,
    ("GET", "stats"): switches.stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): switches.clock,
    ("POST", "clock"): switches.clock,
}
