"""The sandbox's Stripe as a plain object: a request goes in, an answer comes out; waiting is left to others."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from accord.sandbox.clock import SandboxClock
from accord.sandbox.faults import Fault, Faults
from accord.sandbox.forms import Malformed, decode
from accord.sandbox.spoil import spoil
from accord.sandbox.stats import Stats
from accord.sandbox.stripe import distort, files, routes
from accord.sandbox.stripe.errors import StripeError
from accord.sandbox.stripe.events import API_VERSION
from accord.sandbox.stripe.expand import expand
from accord.sandbox.stripe.idempotency import Keys, fingerprint
from accord.sandbox.stripe.keys import SHOPS, Key, allow, identify
from accord.sandbox.stripe.limits import Limits
from accord.sandbox.stripe.lists import HONEST, View
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Store
from accord.sandbox.stripe.timers import run_due
from accord.sandbox.wire import Answer, Ask

_FORM = "application/x-www-form-urlencoded"


@dataclass
class Begun:
    """A request between its beginning and its end; `answer` is set when it ended before any work, `wait` is seconds."""

    ask: Ask
    request_id: str
    endpoint: str = "unknown"
    wait: float = 0.0
    answer: Answer | None = None
    found: routes.Found | None = None
    shop: str = "test"
    key: str | None = None
    params: Params = field(default_factory=lambda: Params({}))


class Stripe:
    """Both modes of one account and the test mode of another, with keys, faults and counters."""

    def __init__(self, clock: SandboxClock, *, seed: int = 1, per_endpoint: int | None = None) -> None:
        self.clock = clock
        self.seed = seed
        # Another seed makes another account.
        self.stores = {shop: Store(live, seed + (shop == "second"), clock.now) for shop, live in SHOPS.items()}
        self.keys = {shop: Keys() for shop in SHOPS}
        self.faults = Faults(seed)
        self.stats = Stats()
        self.limits = Limits(per_endpoint)
        self._requests = 0
        self._run = int(clock.now())  # request ids differ from those of the run before
        self._writes = 0

    @property
    def version(self) -> int:
        """Grows with everything that a saved state would hold."""
        return self._writes + sum(store.version for store in self.stores.values())

    def run_due(self) -> None:
        """Let everything happen whose time has come."""
        for store in self.stores.values():
            run_due(store)

    def answer(self, ask: Ask) -> Answer:
        """Begin and finish at once, without the waiting."""
        return self.finish(self.begin(ask))

    def begin(self, ask: Ask) -> Begun:
        """Everything up to the work: faults, authentication, limits, parameters, the claim on the idempotency key."""
        self._requests += 1
        begun = Begun(ask, self.stores["test"].request_id(f"{self._run}.{self._requests}"))
        try:
            self._begin(begun)
        except StripeError as error:
            begun.answer = self._answer(begun, error.status, error.body, error.headers)
        return begun

    def _begin(self, begun: Begun) -> None:
        ask = begun.ask
        begun.found = None if files.is_file(ask) else routes.find(ask.method, ask.path)
        begun.endpoint = begun.found.name if begun.found else "GET pdf"
        if (fault := self.faults.first(distort.BEFORE, ask.method, ask.path)) is not None:
            if fault.kind == "drop_before":
                begun.answer = Answer(0, {}, b"", "none")
            else:
                begun.answer = self._answer(begun, *distort.refusal(fault))
            return
        found = begun.found
        if found is None:
            return
        key = identify(ask.headers.get("authorization"))
        begun.shop = key.shop
        store = self.stores[key.shop]
        self._check_headers(ask, store)
        allow(key, found.resource, write=found.write is not None, account=store.account)
        self.limits.take(store.account, found.name, self.clock.now())
        begun.params = _params(ask)
        self.run_due()
        self._claim(begun, key)
        if begun.answer is None:
            begun.wait = self.faults.latency(ask.method, ask.path)

    def _check_headers(self, ask: Ask, store: Store) -> None:
        """There is one version here, and one account to a key; another asked for is refused rather than passed over."""
        version = ask.headers.get("stripe-version", API_VERSION)
        if version != API_VERSION:
            raise StripeError(
                400, f"Invalid Stripe API version: {version[:40]}. This sandbox speaks {API_VERSION} only."
            )
        if ask.headers.get("stripe-account", store.account) != store.account:
            raise StripeError(403, "The provided key does not have access to that account.", code="account_invalid")

    def _claim(self, begun: Begun, key: Key) -> None:
        text = begun.ask.headers.get("idempotency-key")
        if not text or begun.ask.method != "POST":
            return
        print_ = fingerprint(begun.ask.method, begun.ask.path, begun.params.tree)
        kept = self.keys[key.shop].claim(text, print_, begun.request_id, self.clock.now())
        if kept is None:
            begun.key = text
            return
        headers = {"idempotent-replayed": "true", "original-request": kept.request_id}
        begun.answer = self._answer(begun, kept.status, kept.answer, headers)

    def finish(self, begun: Begun) -> Answer:
        """Do the work, keep the answer under its key, and spoil the answer if a fault wants it."""
        answer = spoil(self.faults, begun.ask, begun.answer or self._work(begun), rows=begun.found is not None)
        self.stats.count(begun.endpoint, 0 if answer.manner == "none" else answer.status)
        return answer

    def _work(self, begun: Begun) -> Answer:
        if begun.found is None:
            return files.answer([*self.stores.values()], begun.ask)
        keys = self.keys[begun.shop]
        fault = self.faults.first(("server_error",), begun.ask.method, begun.ask.path)
        try:
            status, body, headers, kept = _failed(fault) if fault else self._done(begun)
        except BaseException:
            if begun.key:
                keys.release(begun.key)
            raise
        if begun.key and kept:
            keys.keep(begun.key, status, body)
        elif begun.key:
            keys.release(begun.key)
        self._writes += begun.key is not None
        return self._answer(begun, status, body, headers)

    def _done(self, begun: Begun) -> tuple[int, bytes, dict[str, str], bool]:
        """The work itself: status, body, headers, and whether an idempotency key remembers them."""
        assert begun.found is not None  # noqa: S101 - begin() ended early otherwise
        found, store, params = begun.found, self.stores[begun.shop], begun.params
        store.request = (begun.request_id, begun.ask.headers.get("idempotency-key"))
        worked = False
        try:
            if found.write:
                body = msgspec.json.encode(found.write(store, found.key, params))
                worked = True
            elif found.read:
                body = found.read(store, found.key, params, HONEST if found.key else self._view(begun))
            if paths := params.strings("expand"):
                body = expand(store, body, paths)
        except StripeError as error:
            self._mention_other_mode(error, found.key, store)
            return error.status, msgspec.json.encode(error.body), error.headers, error.kept or worked
        finally:
            store.request = (None, None)
        return 200, files.linked(body, begun.ask), {}, True

    def _view(self, begun: Begun) -> View:
        faults = {}
        for fault in self.faults.matching(distort.LISTS, begun.ask.method, begun.ask.path):
            self.faults.strike(fault)
            faults[fault.kind] = fault
        lag = faults["lag"].seconds if "lag" in faults else 0.0
        return View(lag, "repeat_page" in faults, "has_more_forever" in faults)

    def _mention_other_mode(self, error: StripeError, key: str, store: Store) -> None:
        """Stripe says so when an unknown id belongs to the other mode."""
        others = [one for one in self.stores.values() if one.account == store.account and one is not store]
        shelves = [shelf for other in others for shelf in other.shelves.values()]
        if error.status == 404 and key and any(key in shelf.rows for shelf in shelves):
            this, that = ("live", "test") if store.livemode else ("test", "live")
            error.body["error"]["message"] += (
                f"; a similar object exists in {that} mode, but a {this} mode key was used to make this request."
            )

    def _answer(self, begun: Begun, status: int, body: dict[str, Any] | bytes, more: dict[str, str]) -> Answer:
        if isinstance(body, dict):
            body = msgspec.json.encode(body)
        headers = {"content-type": "application/json", "request-id": begun.request_id, "stripe-version": API_VERSION}
        if key := begun.ask.headers.get("idempotency-key"):
            headers["idempotency-key"] = key
        return Answer(status, headers | more, body)

    def dump(self) -> dict[str, Any]:
        """Everything that is to survive a restart, as JSON values."""
        return {
            "offset": self.clock.offset,
            "stores": {shop: store.dump() for shop, store in self.stores.items()},
            "keys": {shop: keys.dump(self.clock.now()) for shop, keys in self.keys.items()},
        }

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.clock.offset = dumped["offset"]
        for shop in dumped["stores"]:
            self.stores[shop].load(dumped["stores"][shop])
            self.keys[shop].load(dumped["keys"][shop])


def _failed(fault: Fault) -> tuple[int, bytes, dict[str, str], bool]:
    status, body, headers = distort.refusal(fault)
    return status, msgspec.json.encode(body), headers, True


def _params(ask: Ask) -> Params:
    if ask.body and not ask.headers.get("content-type", "").startswith(_FORM):
        raise StripeError(400, f"Invalid request (check that your POST content type is {_FORM}).")
    try:
        texts = [ask.query, ask.body.decode() if ask.body else ""]
        return Params(decode("&".join(text for text in texts if text)))
    except (Malformed, UnicodeDecodeError):
        raise StripeError(400, "Invalid request: the parameters could not be read.") from None
