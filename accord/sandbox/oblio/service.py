"""The sandbox's Oblio as a plain object: a request goes in, an answer comes out; waiting is left to others."""

from dataclasses import dataclass
from typing import Any

import msgspec

from accord.sandbox.clock import SandboxClock
from accord.sandbox.faults import Fault, Faults
from accord.sandbox.forms import Malformed, decode
from accord.sandbox.oblio import files, routes
from accord.sandbox.oblio.errors import OblioError, unauthorized
from accord.sandbox.oblio.limits import Limits, Settings
from accord.sandbox.oblio.lists import View
from accord.sandbox.oblio.store import Store
from accord.sandbox.oblio.tokens import Tokens
from accord.sandbox.spoil import spoil
from accord.sandbox.stats import Stats
from accord.sandbox.wire import Answer, Ask

_JSON = {"content-type": "application/json"}
_BEFORE = ("rate_limit", "unauthorized", "redirect", "drop_before")
_NO_FILE = Answer(404, {"content-type": "text/html"}, b"<html><body><h1>404 Not Found</h1></body></html>")


@dataclass
class Begun:
    """A request between its beginning and its end; `answer` is set when it ended before any work, `wait` is seconds."""

    ask: Ask
    endpoint: str = "unknown"
    wait: float = 0.0
    answer: Answer | None = None
    call: routes.Call | None = None
    found: routes.Found | None = None


class Oblio:
    """One account with its companies, faults and counters."""

    def __init__(self, clock: SandboxClock, *, seed: int = 1) -> None:
        self.clock = clock
        self.store = Store(seed, clock.now)
        self.tokens = Tokens(seed)
        self.settings = Settings()
        self.faults = Faults(seed)
        self.stats = Stats()
        self.limits = Limits()

    @property
    def version(self) -> int:
        """Grows with everything that a saved state would hold."""
        return self.store.version

    def answer(self, ask: Ask) -> Answer:
        """Begin and finish at once, without the waiting."""
        return self.finish(self.begin(ask))

    def begin(self, ask: Ask) -> Begun:
        """Everything up to the work: faults, token, limits, parameters."""
        begun = Begun(ask)
        try:
            self._begin(begun)
        except OblioError as error:
            begun.answer = self._refusal(error)
        return begun

    def _begin(self, begun: Begun) -> None:
        ask = begun.ask
        if (fault := self.faults.first(_BEFORE, ask.method, ask.path)) is not None:
            begun.endpoint = ask.path
            begun.answer = _struck(fault)
            return
        begun.wait = self.faults.latency(ask.method, ask.path)
        if ask.path.startswith("/utils/show_file"):
            begun.endpoint = "GET /utils/show_file"
            return
        now = self.clock.now()
        path = ask.path.removeprefix("/api")
        if path.rstrip("/") == "/authorize/token" and ask.method == "POST":
            begun.endpoint = "POST /authorize/token"
            given = msgspec.json.encode(self.tokens.give(_params(ask), now))
            begun.answer = Answer(200, _JSON, given)
            return
        token = self.tokens.check(ask.headers.get("authorization"), now)
        begun.found = routes.find(ask.method, path)
        begun.endpoint = begun.found.name
        self.limits.take(token, self.settings, produces=begun.found.produces, now=now)
        begun.call = routes.Call(
            self.store, self.settings, _params(ask), begun.found.kind, _files(ask), self._view(ask, begun.found)
        )

    def _view(self, ask: Ask, found: routes.Found) -> View:
        lag, repeat = 0.0, False
        if found.name.endswith("/list"):
            for fault in self.faults.matching(("lag", "repeat_page"), ask.method, ask.path):
                self.faults.strike(fault)
                lag, repeat = (fault.seconds, repeat) if fault.kind == "lag" else (lag, True)
        return View(lag, repeat)

    def finish(self, begun: Begun) -> Answer:
        """Do the work, and spoil the answer if a fault wants it."""
        answer = spoil(self.faults, begun.ask, begun.answer or self._work(begun), rows=begun.call is not None)
        self.stats.count(begun.endpoint, 0 if answer.manner == "none" else answer.status)
        return answer

    def _work(self, begun: Begun) -> Answer:
        ask = begun.ask
        if (fault := self.faults.first(("server_error",), ask.method, ask.path)) is not None:
            return self._refusal(OblioError("Eroare interna.", fault.status))
        if begun.found is None or begun.call is None:
            return self._file(ask)
        try:
            return Answer(200, _JSON, begun.found.do(begun.call))
        except OblioError as error:
            return self._refusal(error)

    def _file(self, ask: Ask) -> Answer:
        params = decode(ask.query)
        found = files.find(self.store, str(params.get("id", "")), str(params.get("it", "")))
        if found is None or ask.method != "GET":
            return _NO_FILE
        return Answer(200, {"content-type": "application/pdf"}, files.render(*found))

    def _refusal(self, error: OblioError) -> Answer:
        return Answer(200 if self.settings.body_status else error.status, _JSON, error.body)

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
            return Answer(302, headers | {"location": "https://elsewhere.example.test/api"}, b"")
        case "unauthorized":
            return Answer(401, headers, unauthorized().body)
        case _:
            status = 403 if fault.status == 403 else 429
            return Answer(status, headers, OblioError("Prea multe cereri.", status).body)


def _files(ask: Ask) -> str:
    """The address of the sandbox as the caller knows it."""
    return f"http://{ask.headers.get('host', 'sandbox.test')}/oblio"


def _params(ask: Ask) -> dict[str, Any]:
    """Parameters from the query and from a body that is a form or a JSON object."""
    try:
        given = decode(ask.query)
        if not ask.body:
            return given
        if ask.headers.get("content-type", "").startswith("application/json"):
            return given | msgspec.json.decode(ask.body, type=dict[str, Any])
        return given | decode(ask.body.decode())
    except (Malformed, UnicodeDecodeError, msgspec.DecodeError):
        raise OblioError("Cererea nu a putut fi citita.") from None
