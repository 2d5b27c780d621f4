"""The systems of the actions' schedules: the sandbox's own Stripe, Oblio and SmartBill behind a network that fails.

A request may be lost, its answer may be, or it may have its effect minutes after everybody gave up; what was made shows
late; a person may delete a proforma, whose number is then given out again.
"""

import email.utils
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec
from faults import LATE, LOST, REPLY_LOST, THROTTLED
from world import Violation, World

from accord.clock import Until
from accord.errors import NotSent, TryLater
from accord.http import Response
from accord.invoicing import Terms
from accord.records import Kind, Payment
from accord.sandbox.clock import SandboxClock
from accord.sandbox.oblio import seed as oblio_seed
from accord.sandbox.oblio import shop as oblio_shop
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.service import Oblio
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, TOKEN, SmartBill
from accord.sandbox.stripe import invoices
from accord.sandbox.stripe.idempotency import Keys
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.service import Stripe
from accord.sandbox.stripe.shop import Shop
from accord.sandbox.wire import Ask
from accord.systems.oblio import errors as oblio_errors
from accord.systems.oblio.issue import OblioIssuer
from accord.systems.smartbill import errors as smartbill_errors
from accord.systems.smartbill import headers as smartbill_headers
from accord.systems.smartbill.issue import SmartBillIssuer
from accord.systems.stripe import classify, headers
from accord.systems.stripe.issue import StripeIssuer
from accord.systems.stripe.paid import StripePayments
from accord.systems.stripe.parse import read

TERMS = Terms(product="Comanda", vat_name="Normala", vat_rate="21", series="WEB", proformas="PRO")


class Network:
    """A way to one system: `accord.http.Transport`, as far as it is used."""

    def __init__(
        self,
        model: "Model",
        answer: Callable[[Ask], Any],
        given: Callable[[], Mapping[str, str]],
        judge: Callable[[Response], Exception | None],
        hide: Callable[[str, Response], Response] = lambda path, response: response,
    ) -> None:
        self._model, self._world, self._answer = model, model.world, answer
        self._given, self._judge, self._hide = given, judge, hide

    def get(self, path: str, params: Sequence[tuple[str, str]] = (), *, endpoint: str) -> Response:
        """One GET; requests and answers get lost."""
        verdict = self._world.point("look", f"GET {path}")
        if verdict in (LOST, THROTTLED):
            raise TryLater(f"{verdict}: GET {path}")
        self._model.catch_up()
        response = self._hide(path, self._do("GET", path, urlencode(params), b"", {}))
        if verdict == REPLY_LOST:
            raise TryLater(f"{verdict}: GET {path}")
        return self._judged(response)

    def post(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str,
        endpoint: str,
        headers: Mapping[str, str] | None = None,
        until: Until | None = None,
    ) -> Response:
        """One POST, which may have its effect now, later or never."""
        verdict = self._world.point("issuer", f"POST {path}")
        if until is not None and until.left(self._world) <= 0:
            raise NotSent("it became too late to send it")
        more = {"content-type": content_type, **{name.lower(): value for name, value in (headers or {}).items()}}
        self._model.catch_up()
        if verdict == LATE:
            self._model.later(lambda: self._do("POST", path, "", body, more))
        elif verdict != LOST:
            response = self._do("POST", path, "", body, more)
            if verdict != REPLY_LOST:
                return self._judged(response)
        raise TryLater(f"{verdict}: POST {path}")

    def _do(self, method: str, path: str, query: str, body: bytes, more: Mapping[str, str]) -> Response:
        self._model.watch(method, path, body, more)
        given = {name.lower(): value for name, value in self._given().items()}
        answer = self._answer(Ask(method, path, query, body, {**given, **more}))
        date = {"date": email.utils.formatdate(self._model.now(), usegmt=True)} if self._model.dates else {}
        return Response(answer.status, {**answer.headers, **date}, answer.body)

    def _judged(self, response: Response) -> Response:
        if b"idempotency_error" in response.body:
            raise Violation("A4: another payload was sent under a key that was used")
        fault = self._judge(response)
        if fault is not None:
            raise fault
        return response

    def close(self) -> None:
        """Nothing is open."""


class Model:
    """Stripe, whose payments ask for invoices, and the system that issues them."""

    def __init__(self, world: World, system: str, replay: str, lag: float, delay: float, dates: bool) -> None:
        self.world, self.rng, self.system = world, world.rng, system
        self.lag, self.delay, self.dates = lag, delay, dates
        self._at: float | None = None  # when something that happens late happens
        self._late: list[tuple[float, int, Callable[[], object]]] = []
        self._bodies: dict[str, bytes] = {}
        self.meddled = False
        clock = SandboxClock(self.now)
        self.stripe = Stripe(clock, seed=world.seed)
        self.stripe.keys["test"] = Keys()
        self.store = self.stripe.stores["test"]
        self.shop = Shop(self.store, Random(f"{world.seed} shop"))
        for _ in range(2):
            self.shop.customer(card=False)
        lists = {"kind": "lag", "path": "/v1/invoices", "seconds": lag}
        if lag:
            self.stripe.faults.add(lists)
        stripe = Network(self, self.stripe.answer, lambda: headers("sk_test_sandbox_full"), classify)
        self.payments = StripePayments(stripe)  # type: ignore[arg-type]
        self.belongs: set[str] = set()  # payments of Stripe's own invoices
        if system == "stripe":
            self.issuer: Any = StripeIssuer("stripe/main", stripe, TERMS)  # type: ignore[arg-type]
        elif system == "oblio":
            self.issuer = self._oblio(clock, replay)
        else:
            self.issuer = self._smartbill(clock)

    def _oblio(self, clock: SandboxClock, replay: str) -> OblioIssuer:
        self.oblio = Oblio(clock)
        oblio_seed.fill(self.oblio.store, invoices=0, seed=1)
        self.oblio.settings = Settings(replay=replay)  # type: ignore[arg-type]
        if self.lag:
            self.oblio.faults.add({"kind": "lag", "path": "/api/docs/invoice/list", "seconds": self.lag})

        def token() -> dict[str, str]:
            given = self.oblio.tokens.give({"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}, self.now())
            return {"authorization": f"Bearer {given['access_token']}"}

        def answer(ask: Ask) -> Any:
            return self.oblio.answer(ask._replace(path=f"/api{ask.path}"))

        api = Network(self, answer, token, oblio_errors.classify)
        company = self.oblio.store.company(oblio_shop.CIF)
        series = next(one.name for one in company.series if one.type == "Factura")
        terms = msgspec.structs.replace(TERMS, series=series)
        return OblioIssuer("oblio/main", api, oblio_shop.CIF, terms)  # type: ignore[arg-type]

    def _smartbill(self, clock: SandboxClock) -> SmartBillIssuer:
        self.smartbill = SmartBill(clock)
        self.smartbill.limits.most = None
        self._born: dict[str, float] = {}

        def answer(ask: Ask) -> Any:
            before = set(self.smartbill.company.documents)
            given = self.smartbill.answer(ask._replace(path=f"/SBORO/api{ask.path}"))
            self._born |= {key: self.now() for key in self.smartbill.company.documents if key not in before}
            return given

        login = smartbill_headers(EMAIL, TOKEN)
        api = Network(self, answer, lambda: login, smartbill_errors.classify, self._hidden)
        papers = Network(
            self,
            answer,
            lambda: {**login, "accept": "application/octet-stream"},
            smartbill_errors.classify_paper,
            self._hidden,
        )
        return SmartBillIssuer("smartbill/main", api, papers, CIF, TERMS, self.world)  # type: ignore[arg-type]

    # -- time

    def now(self) -> float:
        """The systems' own time."""
        return self.world.true if self._at is None else self._at

    def later(self, effect: Callable[[], object]) -> None:
        """Have something happen within the delay that the systems keep."""
        self._late.append((self.now() + self.rng.random() * self.delay, len(self._late), effect))

    def catch_up(self) -> None:
        """Let everything happen whose time has come, at its time."""
        due = sorted(one for one in self._late if one[0] <= self.world.true)
        self._late = [one for one in self._late if one[0] > self.world.true]
        for self._at, _, effect in due:
            effect()
        self._at = None

    @property
    def pending(self) -> bool:
        """Whether something is still to happen."""
        return bool(self._late)

    # -- what is looked at

    def watch(self, method: str, path: str, body: bytes, more: Mapping[str, str]) -> None:
        """A4: the same key comes with the same payload. Stripe itself looks at that."""
        if method == "POST" and path == "/docs/invoice":
            key = msgspec.json.decode(body)["idempotencyKey"]
            if self._bodies.setdefault(key, body) != body:
                raise Violation("A4: another payload was sent under a key that was used")

    def _hidden(self, path: str, response: Response) -> Response:
        """SmartBill's answer without what was made too short ago to be seen."""
        young = {key for key, born in self._born.items() if born > self.now() - self.lag}
        if response.status != 200 or not young or not self.lag:
            return response
        if path == "/estimate/invoices":
            found = msgspec.json.decode(response.body)
            found["invoices"] = [one for one in found["invoices"] if f"f {one['series']} {one['number']}" not in young]
            return Response(200, response.headers, msgspec.json.encode(found))
        return response

    # -- what people do

    def buy(self, kind: str) -> None:
        """Somebody pays: at once, later, or an invoice of Stripe's own."""
        if kind == "invoice":
            buyer = self.shop.someone()
            assert buyer is not None
            made = invoices.create(self.store, "", Params({"customer": buyer["id"], "currency": "ron"}))
            item = {"customer": buyer["id"], "invoice": made["id"], "amount": "5000", "currency": "ron"}
            invoices.create_item(self.store, "", Params(item))
            invoices.pay(self.store, made["id"], Params({"payment_method": "pm_card_visa"}))
            intent = self.store.get("invoice_payment", self.store.ties[made["id"]])["payment"]["payment_intent"]
            self.belongs.add(self.store.get("payment_intent", intent)["latest_charge"])
        else:
            self.shop.buy(guest=kind == "guest")

    def refund(self) -> None:
        """Somebody gets all of it back."""
        charges = [one for one in self.store.shelves["charges"].rows.values() if not one["refunded"]]
        if charges:
            self.shop.refund(self.rng.choice(charges))

    def meddle(self) -> None:
        """A person deletes the last proforma, of which no invoice was made, and makes another one."""
        company = self.smartbill.company
        proformas = [row for row in company.of_type("p") if company.is_last(row) and not row["invoices"]]
        if proformas and not self.pending:
            self.meddled = True
            company.remove(proformas[0])
            row = {**proformas[0], "mentions": "by hand", "total": "1.00", "net": "0.83", "vat": "0.17", "invoices": []}
            row["lines"] = [{**line, "net": "0.83", "vat": "0.17"} for line in row["lines"]]
            company.add(row)

    def charges(self) -> list[Payment]:
        """Every payment as Stripe shows it."""
        found = []
        for row in self.store.shelves["charges"].rows.values():
            for parsed in read(Kind.PAYMENT, msgspec.json.encode(row), live=False):
                assert isinstance(parsed.record, Payment), parsed.unsound
                found.append(parsed.record)
        return found

    def issued(self) -> list[tuple[str, str, str]]:
        """Every invoice that an action made: what is printed on it, its number, and what it comes to."""
        if self.system == "stripe":
            rows = self.store.shelves["invoices"].rows.values()
            made = [row for row in rows if "accord" in row["metadata"] and row["status"] != "draft"]
            return [(row["metadata"]["accord"], row["number"], str(row["total"])) for row in made]
        if self.system == "oblio":
            documents = self.oblio.store.company(oblio_shop.CIF).documents.values()
            return [(row["mentions"], row["number"], row["total"]) for row in documents if row["type"] == "Factura"]
        rows = self.smartbill.company.of_type("f")
        return [(row["mentions"] or "", row["number"], row["total"]) for row in rows]
