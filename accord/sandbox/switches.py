"""What the switches below each provider's `/_admin` have in common: how they are asked, and those that are alike."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from accord.sandbox.forms import Malformed, decode
from accord.sandbox.wire import Answer, Ask

_MOST_ACTIVITY = 1_000

Switch = Callable[[Any, dict[str, Any], str], Any]
"""What is done for a provider, with the parameters that were given and the rest of the path."""


def answer(
    switches: Mapping[tuple[str, str], Switch], provider: Any, ask: Ask, refusals: tuple[type[Exception], ...] = ()
) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what, `refusals` among it."""
    _, _, what, *rest = [*ask.path.split("/"), ""]
    switch = switches.get((ask.method, what))
    if switch is None:
        known = sorted(f"{method} /_admin/{name}" for method, name in switches)
        return as_json(404, {"error": f"no such switch; there are {', '.join(known)}"})
    wrong: tuple[type[Exception], ...] = (Malformed, ValueError, *refusals)
    try:
        found = switch(provider, _given(ask), rest[0])
    except wrong as error:
        return as_json(400, {"error": str(error)})
    return found if isinstance(found, Answer) else as_json(200, found)


def as_json(status: int, body: Any) -> Answer:
    """An answer that is JSON."""
    return Answer(status, {"content-type": "application/json"}, msgspec.json.encode(body))


def _given(ask: Ask) -> dict[str, Any]:
    """Parameters from the query and from a body that is a form or a JSON object."""
    given = decode(ask.query)
    if ask.body and ask.headers.get("content-type", "").startswith("application/json"):
        return given | msgspec.json.decode(ask.body, type=dict[str, Any])
    return given | decode(ask.body.decode()) if ask.body else given


def of_faults(prefix: str) -> dict[tuple[str, str], Switch]:
    """The switches of a provider's faults; paths may be given with or without its prefix."""

    def add(provider: Any, given: dict[str, Any], _: str) -> Any:
        path = given.get("path", "")
        if isinstance(path, str):
            given["path"] = path.removeprefix(prefix)
        return provider.faults.add(given)

    def clear(provider: Any, _: dict[str, Any], number: str) -> Any:
        return {"cleared": provider.faults.clear(int(number) if number else None)}

    return {
        ("GET", "faults"): lambda provider, _, __: {"faults": provider.faults.on()},
        ("POST", "faults"): add,
        ("DELETE", "faults"): clear,
    }


def stats(provider: Any, given: dict[str, Any], _: str) -> Any:
    """What was asked so far; reset=1 begins anew."""
    shown = provider.stats.shown()
    if given.get("reset") in ("1", "true"):
        provider.stats.reset()
    return shown


def times(given: dict[str, Any]) -> int:
    """How much is to happen: `n`, 5 where it is not given."""
    n = int(given.get("n", 5))
    if not 1 <= n <= _MOST_ACTIVITY:
        raise ValueError(f"n is between 1 and {_MOST_ACTIVITY}")
    return n


def clock(provider: Any, given: dict[str, Any], _: str) -> Any:
    """The sandbox's time, moved forward by seconds or days where they are given."""
    if "seconds" in given or "days" in given:
        provider.clock.forward(float(given.get("seconds", 0)) + 86_400 * float(given.get("days", 0)))
    return {"now": int(provider.clock.now()), "moved_forward": provider.clock.offset}
