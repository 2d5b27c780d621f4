"""The sandbox's Google as a plain object: a request goes in, an answer comes out; waiting is left to others."""

import random
from dataclasses import dataclass
from typing import Any

import msgspec

from accord.sandbox.clock import SandboxClock
from accord.sandbox.faults import Fault, Faults
from accord.sandbox.forms import Malformed, decode
from accord.sandbox.google import batch, routes
from accord.sandbox.google.errors import GoogleError, GrantError
from accord.sandbox.google.limits import Limits, Settings
from accord.sandbox.google.store import Store
from accord.sandbox.google.tokens import Tokens
from accord.sandbox.spoil import spoil
from accord.sandbox.stats import Stats
from accord.sandbox.wire import Answer, Ask

_JSON = {"content-type": "application/json; charset=UTF-8"}
_BEFORE = ("rate_limit", "unauthorized", "redirect", "drop_before")
_WITHIN = ("rate_limit", "server_error")
"""What may strike a single call within a batch."""


@dataclass
class Begun:
    """A request between its beginning and its end; `answer` is set when it ended before any work, `wait` is seconds."""

    ask: Ask
    endpoint: str = "unknown"
    wait: float = 0.0
    answer: Answer | None = None


class Google:
    """Calendars, faults and counters."""

    def __init__(self, clock: SandboxClock, *, seed: int = 1) -> None:
        self.clock = clock
        self.store = Store(clock.now)
        self.tokens = Tokens(seed)
        self.settings = Settings()
        self.faults = Faults(seed)
        self.stats = Stats()
        self.limits = Limits()
        self._dice = random.Random(seed)  # noqa: S311

    @property
    def version(self) -> int:
        """Grows with everything that a saved state would hold."""
        return self.store.version

    def answer(self, ask: Ask) -> Answer:
        """Begin and finish at once, without the waiting."""
        return self.finish(self.begin(ask))

    def begin(self, ask: Ask) -> Begun:
        """Everything up to the work: the faults that strike before it."""
        begun = Begun(ask, ask.path)
        if (fault := self.faults.first(_BEFORE, ask.method, ask.path)) is not None:
            begun.answer = _struck(fault)
            return begun
        begun.wait = self.faults.latency(ask.method, ask.path)
        return begun

    def finish(self, begun: Begun) -> Answer:
        """Do the work, and spoil the answer if a fault wants it."""
        answer = begun.answer or self._work(begun)
        answer = spoil(self.faults, begun.ask, answer, rows=answer.headers == _JSON)
        self.stats.count(begun.endpoint, 0 if answer.manner == "none" else answer.status)
        return answer

    def _work(self, begun: Begun) -> Answer:
        ask = begun.ask
        try:
            if (fault := self.faults.first(("server_error",), ask.method, ask.path)) is not None:
                raise GoogleError(fault.status, "Backend Error", fault.value)
            if ask.path == "/token":
                begun.endpoint = "POST /token"
                return Answer(200, _JSON, msgspec.json.encode(self._token(ask)))
            if ask.path == "/batch/calendar/v3" and ask.method == "POST":
                begun.endpoint = "POST /batch"
                return batch.answer(batch.calls(ask), self._inner, self._dice)
            begun.endpoint = routes.find(ask.method, ask.path).name
            return self._call(ask)
        except (GoogleError, GrantError) as error:
            return Answer(error.status, _JSON, error.body)

    def _inner(self, ask: Ask) -> Answer:
        """One call of a batch, which is counted and limited as if it had come alone."""
        endpoint = "unknown"
        try:
            endpoint = routes.find(ask.method, ask.path).name
            if (fault := self.faults.first(_WITHIN, ask.method, ask.path)) is not None:
                if fault.kind == "rate_limit":
                    raise _too_many(fault)
                raise GoogleError(fault.status, "Backend Error", fault.value)
            answer = self._call(ask)
        except GoogleError as error:
            answer = Answer(error.status, _JSON, error.body)
        self.stats.count(f"{endpoint} in a batch", answer.status)
        return answer

    def _call(self, ask: Ask) -> Answer:
        now = self.clock.now()
        given = self.tokens.check(ask.headers.get("authorization"), now)
        found = routes.find(ask.method, ask.path)
        self.limits.take(given.user, found.calls, self.settings, now)
        return routes.do(found, self.store, self.settings, ask, given)

    def _token(self, ask: Ask) -> dict[str, Any]:
        try:
            form = decode(ask.body.decode())
        except (Malformed, UnicodeDecodeError):
            raise GrantError("invalid_request", "The request can not be read") from None
        self.store.version += 1
        people = {calendar.id for calendar in self.store.calendars.values() if not calendar.gone}
        return self.tokens.give(form, self.settings, people, self.clock.now())

    def dump(self) -> dict[str, Any]:
        """Everything that is to survive a restart, as JSON values."""
        return {
            "store": self.store.dump(),
            "tokens": self.tokens.dump(),
            "settings": msgspec.to_builtins(self.settings),
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.store.load(dumped["store"])
        self.tokens.load(dumped["tokens"])
        self.settings = msgspec.convert(dumped["settings"], Settings)


def _struck(fault: Fault) -> Answer:
    """The answer of a switch that strikes before any work."""
    headers = _JSON | ({"retry-after": fault.retry_after} if fault.retry_after else {})
    match fault.kind:
        case "drop_before":
            return Answer(0, {}, b"", "none")
        case "redirect":
            return Answer(302, headers | {"location": "https://elsewhere.example.test/calendar"}, b"")
        case "unauthorized":
            return Answer(401, headers, GoogleError(401, "Invalid Credentials").body)
        case _:
            error = _too_many(fault)
            return Answer(error.status, headers, error.body)


def _too_many(fault: Fault) -> GoogleError:
    status = 403 if fault.status == 403 else 429
    return GoogleError(status, "Rate Limit Exceeded", fault.value or "rateLimitExceeded")
