"""$batch: up to 20 requests in one, which wait for each other where they say so."""

from collections import Counter
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from accord.sandbox.microsoft.errors import GraphError, invalid
from accord.sandbox.microsoft.routes import Call

MOST = 20


class Part(msgspec.Struct):
    """One request as it is written."""

    id: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: msgspec.Raw = msgspec.Raw()
    dependsOn: list[str] = []


class _Written(msgspec.Struct):
    requests: list[Part]


class Planned(NamedTuple):
    """A part, and the step in which it runs: those of one step run at the same time."""

    part: Part
    call: Call
    step: int


def read(body: bytes) -> list[Planned]:
    """The parts in an order in which they can be done; raises GraphError."""
    try:
        parts = msgspec.json.decode(body, type=_Written).requests
    except msgspec.DecodeError:
        raise invalid("Invalid batch payload format.", "BadRequest") from None
    if len(parts) > MOST:
        raise invalid(f"Number of batch request steps exceeds the maximum value of {MOST}.", "BadRequest")
    if len({part.id for part in parts}) < len(parts):
        raise invalid("Request ids have to be unique.", "BadRequest")
    if any(part.dependsOn for part in parts) and any(part.dependsOn != [before.id] for before, part in pairwise(parts)):
        raise invalid("Batch should be either fully sequential or fully parallel.", "BadRequest")
    steps: dict[str, int] = {}
    planned: list[Planned] = []
    for part in parts:
        if any(id not in steps for id in part.dependsOn):
            raise invalid("dependsOn names a request that does not come before.", "BadRequest")
        if part.url.startswith(("http:", "https:", "/v1.0")):
            raise invalid("URLs are relative to the version.", "BadRequest")
        steps[part.id] = 1 + max((steps[id] for id in part.dependsOn), default=0)
        path, _, query = part.url.partition("?")
        headers = {name.lower(): value for name, value in part.headers.items()}
        planned.append(Planned(part, Call(part.method, path, query, bytes(part.body), headers), steps[part.id]))
    return planned


def widths(planned: list[Planned]) -> Counter[str]:
    """How many parts run at the same time at each mailbox, at most."""
    each = Counter((one.call.address, one.step) for one in planned)
    found: Counter[str] = Counter()
    for (address, _), count in each.items():
        found[address] = max(found[address], count)
    return found


def failed_dependency() -> GraphError:
    return GraphError(424, "FailedDependency", "A request that this one depends on failed.")


def shown(part: Part, status: int, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    """One answer of a batch."""
    shown: dict[str, Any] = {"id": part.id, "status": status}
    if headers:
        shown["headers"] = headers
    return shown | {"body": msgspec.Raw(body)} if body else shown
