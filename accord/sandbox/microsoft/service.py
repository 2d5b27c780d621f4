"""The sandbox's Microsoft 365 as a plain object: a request goes in, an answer comes out; waiting is left to others."""

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from accord.sandbox.clock import SandboxClock
from accord.sandbox.faults import Fault, Faults
from accord.sandbox.forms import Malformed, decode
from accord.sandbox.microsoft import batch, routes
from accord.sandbox.microsoft.batch import Planned
from accord.sandbox.microsoft.errors import GraphError, LoginError, throttled, unauthorized
from accord.sandbox.microsoft.limits import Limits, Settings
from accord.sandbox.microsoft.routes import Call
from accord.sandbox.microsoft.store import Store
from accord.sandbox.microsoft.tokens import Tokens
from accord.sandbox.spoil import spoil, spoil_rows
from accord.sandbox.stats import Stats
from accord.sandbox.wire import Answer, Ask

_JSON = {"content-type": "application/json"}
_BEFORE = ("rate_limit", "unauthorized", "redirect", "drop_before")
_VERSION = "/v1.0"


@dataclass
class Begun:
    """A request between its beginning and its end; `answer` is set when it ended before any work, `wait` is seconds."""

    ask: Ask
    endpoint: str = "unknown"
    wait: float = 0.0
    answer: Answer | None = None
    who: str = ""  # the account that signed in; the app itself is ""
    call: Call | None = None
    planned: list[Planned] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)  # parts that are throttled
    held: Counter[str] = field(default_factory=Counter)  # requests under way at each mailbox


class Microsoft:
    """One tenant with its mailboxes, its login, faults and counters."""

    def __init__(self, clock: SandboxClock, *, seed: int = 1) -> None:
        self.clock = clock
        self.store = Store(seed, clock.now)
        self.tokens = Tokens(seed)
        self.settings = Settings()
        self.faults = Faults(seed)
        self.stats = Stats()
        self.limits = Limits()
        self._dice = random.Random(seed)  # noqa: S311
        self._lock = threading.Lock()  # clients in this process ask from several threads

    @property
    def version(self) -> int:
        """Grows with everything that a saved state would hold."""
        return self.store.version

    def begin(self, ask: Ask) -> Begun:
        """Everything up to the work: faults, token, limits."""
        begun = Begun(ask)
        try:
            with self._lock:
                self._begin(begun)
        except GraphError as error:
            begun.answer = self._refusal(error)
        return begun

    def _begin(self, begun: Begun) -> None:
        ask, now = begun.ask, self.clock.now()
        if (fault := self.faults.first(_BEFORE, ask.method, ask.path)) is not None:
            begun.endpoint = ask.path
            begun.answer = self._struck(fault)
            return
        begun.wait += self.faults.latency(ask.method, ask.path)
        steps = ask.path.strip("/").split("/")
        if steps[0] == "login":
            begun.endpoint = "POST /oauth2/v2.0/token"
            begun.answer = self._login(ask, steps)
            return
        begun.who = self.tokens.check(ask.headers.get("authorization"), now)
        path = ask.path.removeprefix(_VERSION)
        if path == "/$batch" and ask.method == "POST":
            begun.endpoint = "POST /$batch"
            self._begin_batch(begun)
            return
        call = begun.call = Call(ask.method, path, ask.query, ask.body, ask.headers)
        begun.endpoint = call.name
        self.limits.enter(call.address, self.settings, now)
        begun.held[call.address] += 1

    def _begin_batch(self, begun: Begun) -> None:
        """Which parts have room, and how long all of it takes: its steps come one after the other."""
        begun.planned = batch.read(begun.ask.body)
        rooms = {address: self.limits.room(address, self.settings) for address in batch.widths(begun.planned)}
        used: Counter[tuple[str, int]] = Counter()
        waits: dict[int, float] = {}
        for part, call, step in begun.planned:
            begun_before = used[call.address, step]
            if begun_before >= rooms[call.address]:
                begun.refused.add(part.id)
                continue
            used[call.address, step] += 1
            waits[step] = max(waits.get(step, 0.0), self.faults.latency(call.method, _VERSION + call.path))
        begun.wait += sum(waits.values())
        for address, width in batch.widths(begun.planned).items():
            begun.held[address] = min(width, rooms[address])
            self.limits.under_way[address] += begun.held[address]

    def finish(self, begun: Begun) -> Answer:
        """Do the work, and spoil the answer if a fault wants it."""
        with self._lock:
            return self._finish(begun)

    def _finish(self, begun: Begun) -> Answer:
        answer = begun.answer or self._work(begun)
        for address, count in begun.held.items():
            self.limits.leave(address, count)
        answer = spoil(self.faults, begun.ask, answer)
        self.stats.count(begun.endpoint, 0 if answer.manner == "none" else answer.status)
        return answer

    def _work(self, begun: Begun) -> Answer:
        if (fault := self.faults.first(("server_error",), begun.ask.method, begun.ask.path)) is not None:
            return self._refusal(_outage(fault))
        if begun.call is None:
            return self._batch(begun)
        try:
            told = routes.answer(self.store, self.settings, begun.call, begun.who, _base(begun.ask))
        except (GraphError, Malformed) as error:
            return self._refusal(error if isinstance(error, GraphError) else GraphError(400, "BadRequest", str(error)))
        body = self._encoded(begun.call, told.body)
        return Answer(told.status, _JSON, body)

    def _encoded(self, call: Call, body: dict[str, Any] | None) -> bytes:
        """As JSON, with objects spoilt where a fault wants it."""
        if body is None:
            return b""
        return spoil_rows(self.faults, call.method, _VERSION + call.path, msgspec.json.encode(body))

    def _batch(self, begun: Begun) -> Answer:
        answers: list[dict[str, Any]] = []
        failed: set[str] = set()
        for planned in begun.planned:
            headers: dict[str, str] = {}
            try:
                told = self._part(begun, planned, failed)
                status, body = told.status, self._encoded(planned.call, told.body)
            except GraphError as error:
                failed.add(planned.part.id)
                status, headers = error.status, error.headers
                body = msgspec.json.encode(error.body(self.clock.now()))
            self.stats.count(f"batched {planned.call.name}", status)
            answers.append(batch.shown(planned.part, status, headers, body))
        self._dice.shuffle(answers)
        return Answer(200, _JSON, msgspec.json.encode({"responses": answers}))

    def _part(self, begun: Begun, planned: Planned, failed: set[str]) -> routes.Told:
        part, call = planned.part, planned.call
        if failed & set(part.dependsOn):
            raise batch.failed_dependency()
        if part.id in begun.refused:
            raise throttled(self.settings.retry_after)
        self.limits.count(call.address, self.settings, self.clock.now())
        if (fault := self.faults.first(("rate_limit", "server_error"), call.method, _VERSION + call.path)) is not None:
            raise throttled(fault.retry_after or "1") if fault.kind == "rate_limit" else _outage(fault)
        return routes.answer(self.store, self.settings, call, begun.who, _base(begun.ask))

    def _login(self, ask: Ask, steps: list[str]) -> Answer:
        try:
            if ask.method != "POST" or steps[2:] != ["oauth2", "v2.0", "token"]:
                raise LoginError(404, "invalid_request", 900561, "The endpoint only accepts POST requests.")
            given = self.tokens.give(steps[1], decode(ask.body.decode()), self.clock.now())
        except LoginError as error:
            return Answer(error.status, _JSON, error.body(self.clock.now()))
        self.store.version += 1
        return Answer(200, _JSON, msgspec.json.encode(given))

    def _refusal(self, error: GraphError) -> Answer:
        return Answer(error.status, _JSON | error.headers, msgspec.json.encode(error.body(self.clock.now())))

    def _struck(self, fault: Fault) -> Answer:
        """The answer of a switch that strikes before any work."""
        match fault.kind:
            case "drop_before":
                return Answer(0, {}, b"", "none")
            case "redirect":
                return Answer(302, _JSON | {"location": "https://elsewhere.example.test/v1.0"}, b"")
            case "unauthorized":
                return self._refusal(unauthorized())
        return self._refusal(throttled(fault.retry_after or "1", "TooManyRequests"))

    def dump(self) -> dict[str, Any]:
        """Everything that is to survive a restart, as JSON values."""
        settings = msgspec.to_builtins(self.settings)
        return {"store": self.store.dump(), "tokens": self.tokens.dump(), "settings": settings}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.store.load(dumped["store"])
        self.tokens.load(dumped["tokens"])
        self.settings = msgspec.convert(dumped["settings"], Settings)


def _outage(fault: Fault) -> GraphError:
    code = "ConcurrentItemSave" if fault.status == 503 else "ErrorInternalServerTransientError"
    return GraphError(fault.status, code, "The server could not do it.")


def _base(ask: Ask) -> str:
    """The address of the sandbox's Graph as the caller knows it."""
    return f"http://{ask.headers.get('host', 'sandbox.test')}/microsoft{_VERSION}"
