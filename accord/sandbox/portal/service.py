"""The sandbox's portal as a plain object: a request goes in, an answer comes out; waiting is left to others."""

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from accord.sandbox.clock import SandboxClock
from accord.sandbox.faults import Fault, Faults
from accord.sandbox.forms import Malformed, decode
from accord.sandbox.portal import api, customers
from accord.sandbox.portal.api import Call, Problem
from accord.sandbox.portal.files import Files
from accord.sandbox.portal.limits import Limits
from accord.sandbox.portal.store import Store
from accord.sandbox.spoil import spoil
from accord.sandbox.stats import Stats
from accord.sandbox.wire import Answer, Ask

TOKEN = "sandbox-portal-token"  # noqa: S105
READER = "sandbox-portal-reader"

_BEFORE = ("rate_limit", "unauthorized", "redirect", "drop_before")
# Not by importing the target, with the ledger and all behind it: the sandbox is to start fast.
_OPENAPI = files("accord.systems").joinpath("portal_api", "openapi.yaml")
_DESCRIPTION = Answer(200, {"content-type": "application/yaml"}, _OPENAPI.read_bytes())


@dataclass
class Begun:
    """A request between its beginning and its end; `answer` is set when it ended before any work, `wait` is seconds."""

    ask: Ask
    endpoint: str = "unknown"
    wait: float = 0.0
    answer: Answer | None = None


class Portal:
    """One portal with its documents, faults and counters. Its page shows those documents, or those of a database."""

    def __init__(
        self, clock: SandboxClock, *, seed: int = 1, pdfs: Files | None = None, database: Path | None = None
    ) -> None:
        self.clock = clock
        self.store = Store()
        self.faults = Faults(seed)
        self.stats = Stats()
        self.limits = Limits()
        self.pdfs = pdfs or Files()
        self.database = database

    @property
    def version(self) -> int:
        """Grows with everything that a saved state would hold."""
        return self.store.version

    def answer(self, ask: Ask) -> Answer:
        """Begin and finish at once, without the waiting."""
        return self.finish(self.begin(ask))

    def begin(self, ask: Ask) -> Begun:
        """Everything up to the work: faults and limit."""
        begun = Begun(ask, f"{ask.method} {ask.path.removeprefix('/v1') or '/'}"[:60])
        if (fault := self.faults.first(_BEFORE, ask.method, ask.path)) is not None:
            begun.answer = _struck(fault)
            return begun
        begun.wait = self.faults.latency(ask.method, ask.path)
        wait = self.limits.wait(self.clock.now()) if ask.path.startswith("/v1/") else 0.0
        if wait > 0:
            begun.answer = _too_many(str(int(wait) + 1))
        return begun

    def finish(self, begun: Begun) -> Answer:
        """Do the work, and spoil the answer if a fault wants it."""
        answer = spoil(self.faults, begun.ask, begun.answer or self._work(begun.ask))
        self.stats.count(begun.endpoint, 0 if answer.manner == "none" else answer.status)
        return answer

    def _work(self, ask: Ask) -> Answer:
        if (fault := self.faults.first(("server_error",), ask.method, ask.path)) is not None:
            return Problem(fault.status, "Something went wrong").answer()
        if not ask.path.startswith("/v1/"):
            return customers.answer(self, ask)
        if ask.path == "/v1/openapi.yaml" and ask.method == "GET":
            return _DESCRIPTION
        try:
            writes = _admitted(ask)
            return api.find(ask.method, ask.path.removeprefix("/v1"))(self._call(ask, writes))
        except Problem as problem:
            return problem.answer()

    def _call(self, ask: Ask, writes: bool) -> Call:
        try:
            params = decode(ask.query)
        except Malformed:
            raise Problem(400, "The query can not be read", "/problems/parameter") from None
        forget = ask.method == "PUT" and self.faults.first(("lower_rev",), ask.method, ask.path) is not None
        return Call(self.store, params, ask.headers, ask.body, self.clock.now(), forget, writes)

    def dump(self) -> dict[str, Any]:
        """Everything that is to survive a restart, as JSON values."""
        return {"store": self.store.dump(), "per_second": self.limits.per_second}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.store.load(dumped["store"])
        self.limits.per_second = dumped["per_second"]


def _admitted(ask: Ask) -> bool:
    """Whether the token may write; raises Problem where it may not do what is asked."""
    token = ask.headers.get("authorization", "").removeprefix("Bearer ")
    if token not in (TOKEN, READER):
        raise Problem(401, "The token is not accepted", "/problems/token")
    if token == READER and ask.method != "GET":
        raise Problem(403, "The token may only read", "/problems/token")
    return token == TOKEN


def _struck(fault: Fault) -> Answer:
    """The answer of a switch that strikes before any work."""
    match fault.kind:
        case "drop_before":
            return Answer(0, {}, b"", "none")
        case "redirect":
            return Answer(302, {"location": "https://elsewhere.example.test/v1"}, b"")
        case "unauthorized":
            return Problem(401, "The token is not accepted", "/problems/token").answer()
        case _:
            return _too_many(fault.retry_after)


def _too_many(retry_after: str) -> Answer:
    headers = {"retry-after": retry_after} if retry_after else {}
    return Problem(429, "Too many requests", "/problems/too-many").answer(headers)
