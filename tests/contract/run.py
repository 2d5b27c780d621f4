"""The Stripe client against localstripe, an emulator that others wrote, and against our sandbox: where do they differ?

`python tests/contract/run.py` installs localstripe into a folder that it removes again; `--python PATH` names an
interpreter that has it. Exit code 0: no difference but those in KNOWN, 1: another one, 2: it could not be tried.
docs/contract.md says what is compared and what follows from the differences.
"""

import argparse
import contextlib
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.errors import AccordError, TryLater
from accord.http import Transport
from accord.ports import Page
from accord.records import Kind, Record
from accord.sandbox.app import create
from accord.sandbox.serve import served
from accord.systems.stripe import Mode, Stripe, classify, headers
from accord.systems.stripe.client import EVENT, PATHS
from deployments.children import answers, free_port, wait_for

PACKAGES = ("localstripe==1.15.10", "aiohttp>=3.14,<4", "python-dateutil>=2.9,<5")
KEY = "sk_test_sandbox_full"
PRICE = "price_gazeta_eur"  # 9.90 EUR a month: the sandbox has it, localstripe gets a plan under its name
MANY = 104  # more than fit on a page
# localstripe's own command listens on all addresses and keeps its state in one file in /tmp, whoever runs it.
SERVE = """import sys; from aiohttp import web; from localstripe import resources, server
resources.Store.dump_to_disk = lambda self: None
web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]), print=None, access_log=None, shutdown_timeout=1)"""
Obj = dict[str, Any]


class Known(NamedTuple):
    """What localstripe does otherwise than Stripe documents, and why; `mend` makes the field that an object lacks."""

    seen: str
    why: str
    mend: Callable[[Obj], Any] | None = None


def _lacks(why: str, mend: Callable[[Obj], Any] = lambda o: None) -> Known:
    return Known("missing", why, mend)


_OLDEST = Known("oldest first", "It lists in the order of creation.")
_CREATED = Known("Refused 400", "It takes no window of `created` but for events.")
_NO_EVENTS = "It has events for few of the things that happen to it."
_NOT_FOUND = Known("Refused 404", "Its 404 has no code, so our client must take the address for wrong.")
_NO_CODE = Known("400 invalid_request_error", "Its refusals have no code.")
_PERIOD = "The period is the subscription's there, as it was before 2025-03-31.basil."
KNOWN: dict[str, Known] = {
    "customer list: order": _OLDEST,
    "intent list: order": _OLDEST,
    "payment list: order": _OLDEST,
    "customer list: created in a window": _CREATED,
    "intent list: created in a window": _CREATED,
    "payment list: created in a window": _CREATED,
    "refund list: created since": Known("500", "It crashes on the parameter `created`."),
    "leg list: currencies": Known("EUR JPY", "It settles in the currency that was charged."),
    "leg list: fees": Known("False", "It takes no fees."),
    "dispute list": Known("Refused 404", "It has no disputes."),
    "list behind a deleted object": Known("100", "It begins anew behind an object that it does not know."),
    "events: of every intent": Known("not held, cancelled", _NO_EVENTS),
    "events: of every payment": Known("not held", _NO_EVENTS),
    "events: of every refund": Known("not part, late", _NO_EVENTS),
    "customer 0: name currency": Known("None EUR", "Every customer has a currency there from the start."),
    "subscription ended: status canceled_at": Known("canceled None", "It fills `ended_at` only."),
    "payment partly: amount refunded": Known("2000 800", "It refunds the rest with a leg; ours releases it."),
    "deleted customer": _NOT_FOUND._replace(why="It forgets deleted objects."),
    "unknown customer": _NOT_FOUND,
    "account": Known("Refused 404", "It has no accounts."),
    "key: unknown": Known("100", "It takes any key that begins with sk_."),
    "key: restricted, may read": Known("Misconfigured 401", "It knows no restricted keys."),
    "answer: has a request id": Known("False", "It does not number requests."),
    "limit 0": _NO_CODE,
    "limit 101": Known("200", "It has no upper limit."),
    "unknown parameter": _NO_CODE,
    "declined card": Known("402 invalid_request_error card_declined", "All its errors are of one type."),
    "refund of more than is left": Known("200", "It does not add up refunds."),
    "write repeated under its key": Known("done twice", "It does not look at Idempotency-Key."),
    "field payment.amount_captured": _lacks("It is not shown.", lambda o: o["amount"] * bool(o["balance_transaction"])),
    "field payment.disputed": _lacks("It has no disputes.", lambda o: False),
    "field intent.amount_received": _lacks("It is not shown.", lambda o: o["amount"] * (o["status"] == "succeeded")),
    "field intent.cancellation_reason": _lacks("It takes no reason for a cancellation."),
    "field refund.reason": _lacks("It takes no reason for a refund."),
    "field invoice.number": _lacks("Its invoices have no numbers."),
    "field invoice.amount_remaining": _lacks("It is not shown.", lambda o: o["amount_due"] - o["amount_paid"]),
    "field invoice.due_date": _lacks("Its invoices are charged at once."),
    "field subscription.items.price": _lacks("It has plans, which came before prices.", lambda o: o["plan"]),
    "field subscription.items.current_period_start": _lacks(_PERIOD, lambda o: o["current_period_start"]),
    "field subscription.items.current_period_end": _lacks(_PERIOD, lambda o: o["current_period_end"]),
}


class Side:
    """One of the two: what was made there, and how our client sees it."""

    def __init__(self, url: str) -> None:
        self.url, self.mark, self.gone, self.declined = url, 0, "", ""
        self.http = httpx.Client(base_url=url, headers=headers(KEY), trust_env=False, timeout=20)
        self.stripe = self.client()
        self.made: dict[Kind, dict[str, str]] = defaultdict(dict)  # name -> key
        self.missing: set[str] = set()
        self.lists: dict[Kind, list[Record]] = {}

    def client(self, key: str = KEY, mode: Mode = "test") -> Stripe:
        given = {"budget": Unlimited(), "breaker": NeverOpen(), "clock": SystemClock()}
        transport = Transport(base_url=self.url, authorize=lambda: headers(key), classify=classify, **given)
        return Stripe(transport, mode)

    def post(self, path: str, fields: Obj, name: str = "", kind: Kind | None = None) -> Obj:
        answer = self.http.post(f"/v1/{path}", data=fields)
        if not answer.is_success:
            raise TryLater(f"the shop could not be set up: POST {self.url}/v1/{path} answered {answer.status_code}")
        made: Obj = answer.json()
        if kind:
            self.made[kind][name] = made["id"]
        return made

    def pay(self, name: str, amount: int, **more: str) -> Obj:
        """An intent that is charged to a card at once; it and its charge are kept under the name."""
        fields = {"amount": amount, "currency": "eur", "payment_method": "pm_card_visa", "confirm": "true"}
        intent = self.post("payment_intents", fields | more, name, Kind.INTENT)
        charge = intent["latest_charge"]
        self.made[Kind.PAYMENT][name] = charge if isinstance(charge, str) else charge["id"]
        return intent

    def status(self, method: str, path: str, **data: Any) -> str:
        """What a plain request comes to: status, and the type and code of the error."""
        answer = self.http.request(method, f"/v1/{path}", data=data or None)
        error = answer.json().get("error", {}) if "json" in answer.headers["content-type"] else {}
        return " ".join([str(answer.status_code), *(error[word] for word in ("type", "code") if word in error)])

    def read(self, kind: Kind, body: bytes) -> list[Record]:
        """The objects on a page, or the one that `body` is, by our client; mended where they lack a field."""
        records = []
        for parsed in self.stripe.records(kind, body):
            while parsed.record is None:
                lacks = re.fullmatch(r"Object missing required field `(\w+)`( - at `\$\.items.*)?", str(parsed.unsound))
                name = f"{kind}.{'items.' if lacks[2] else ''}{lacks[1]}" if lacks else f"{kind}: {parsed.unsound}"
                self.missing.add(f"field {name}")
                known = KNOWN.get(f"field {name}")
                if known is None or known.mend is None:
                    break
                obj = json.loads(parsed.raw)
                for row in obj["items"]["data"] if ".items." in name else [obj]:
                    row[name.rpartition(".")[2]] = known.mend(obj)
                parsed = next(self.stripe.records(kind, json.dumps(obj).encode()))
            records += [parsed.record] if parsed.record else []
        return records

    def walk(self, kind: Kind) -> list[Record]:
        """All that a list shows, page by page."""
        if kind not in self.lists:
            found, after, more = [], None, True
            while more:
                page = self.stripe.page(kind, None, None, after)
                found += self.read(kind, page.body)
                after, more = page.last and page.last.key, page.has_more
            self.lists[kind] = found
        return self.lists[kind]

    def get(self, kind: Kind, key: str) -> Record | None:
        body = self.stripe.fetch(kind, key)
        return None if body is None else self.read(kind, body)[0]

    def ask_with(self, key: str) -> Page:
        return self.client(key).page(Kind.CUSTOMER, None, None, None)

    def refund(self, name: str, **fields: int) -> str:
        return self.status("POST", "refunds", charge=self.made[Kind.PAYMENT][name], **fields)

    def live_read(self) -> object:
        return list(self.client(mode="live").records(Kind.CUSTOMER, self.ask_with(KEY).body))

    def named(self, value: object) -> object:
        if type(value) is int and value > 10**9:
            return "a time"
        return next((name for made in self.made.values() for name, key in made.items() if key == value), value)


def stock(s: Side) -> None:
    """Make the same small shop on either side."""
    plan = {"amount": 990, "currency": "eur", "id": PRICE, "interval": "month", "product[name]": "Gazeta"}
    item = "price" if s.http.get(f"/v1/prices/{PRICE}").is_success else "plan"
    if item == "plan":
        s.post("plans", plan)
    card = {"payment_method": "pm_card_visa", "invoice_settings[default_payment_method]": "pm_card_visa"}
    buyer = s.post("customers", {"name": "Ana Pop", "email": "ana@example.test"} | card, "ana", Kind.CUSTOMER)["id"]
    for number in range(MANY):
        s.post("customers", {"email": f"{number}@example.test"}, str(number), Kind.CUSTOMER)
        s.pay(str(number), 1_000 + number, customer=buyer)
    s.pay("paid", 1_500, customer=buyer)
    s.pay("guest", 900, currency="jpy")
    s.pay("held", 2_000, capture_method="manual")
    s.post(
        f"payment_intents/{s.pay('partly', 2_000, capture_method='manual')['id']}/capture", {"amount_to_capture": 1_200}
    )
    s.post("payment_intents", {"amount": 700, "currency": "eur"}, "cancelled", Kind.INTENT)
    s.post(f"payment_intents/{s.made[Kind.INTENT]['cancelled']}/cancel", {})
    for card in ("pm_card_chargeDeclined", "pm_card_chargeCustomerFail"):  # each side knows one of Stripe's two
        fields = {"amount": 800, "currency": "eur", "payment_method": card, "confirm": "true"}
        answer = s.http.post("/v1/payment_intents", data=fields)
        if answer.status_code == 402:
            error = answer.json()["error"]
            s.made[Kind.PAYMENT]["declined"] = error["charge"]
            s.declined = f"402 {error['type']} {error['code']}"
    s.post("refunds", {"charge": s.made[Kind.PAYMENT]["paid"], "amount": 500}, "part", Kind.REFUND)
    for name in ("running", "ended"):
        fields = {"customer": buyer, f"items[0][{item}]": PRICE, "items[0][quantity]": 2}
        s.made[Kind.INVOICE][name] = s.post("subscriptions", fields, name, Kind.SUBSCRIPTION)["latest_invoice"]
    s.http.delete(f"/v1/subscriptions/{s.made[Kind.SUBSCRIPTION]['ended']}")
    s.gone = s.post("customers", {"name": "Ion"})["id"]
    s.http.delete(f"/v1/customers/{s.gone}")
    s.mark = int(time.time()) + 1
    time.sleep(max(0.0, s.mark - time.time()))  # `created` counts in seconds
    s.post("customers", {"name": "Late"}, "late", Kind.CUSTOMER)
    s.pay("late", 1_100)
    s.post("refunds", {"charge": s.made[Kind.PAYMENT]["0"]}, "late", Kind.REFUND)


def listed(s: Side, kind: Kind) -> str:
    counts = Counter(record.key for record in s.walk(kind))
    missing = [name for name, key in s.made[kind].items() if key not in counts]
    twice = sum(count > 1 for count in counts.values())
    return f"missing {missing[:3]}, {twice} twice" if missing or twice else "all, once"


def order(s: Side, kind: Kind) -> str:
    """By the seconds of all objects, and by the order in which those of the shop were made."""
    names = {key: number for number, key in enumerate(s.made[kind].values())}
    places = [(record.created, names.get(record.key, 0)) for record in s.walk(kind) if record.key in names or not names]
    return "newest first" if places == sorted(places, reverse=True) else "oldest first"


def window(s: Side, stream: str) -> str:
    """What lies behind the mark and what before it, of what was made around it."""
    found = []
    for lo, hi in ((s.mark, s.mark + 3_600), (s.mark - 3_600, s.mark)):
        page = s.stripe.page(stream, lo, hi, None)
        if stream == EVENT:
            keys = {key for event in s.stripe.events(page.body) for _, key in event.hints}
        else:
            keys = {record.key for record in s.read(Kind(stream), page.body)}
        kind = Kind.CUSTOMER if stream == EVENT else Kind(stream)
        found.append("late" if s.made[kind]["late"] in keys else "early" if keys else "none")
    return " ".join(found)


def hinted(s: Side, kind: Kind) -> str:
    """How many of the objects of a kind events speak of."""
    hints, after, more = set(), None, True
    while more:
        page = s.stripe.page(EVENT, None, None, after)
        hints |= {hint for event in s.stripe.events(page.body) for hint in event.hints}
        after, more = page.last and page.last.key, page.has_more
    lacking = [name for name, key in s.made[kind].items() if (kind, key) not in hints]
    return f"not {', '.join(lacking[:6])}" if lacking else "all"


def shows(s: Side, kind: Kind, name: str, fields: str) -> str:
    record = s.get(kind, s.made[kind][name])
    return " ".join(str(s.named(getattr(record, field))) for field in fields.split())


def legs(s: Side) -> str:
    """Whether the legs are those of the payments and refunds, and their amounts too where the currency is the same."""
    moved = {r.leg: (r.captured, r.currency) for r in s.walk(Kind.PAYMENT) if r.leg}
    moved |= {r.leg: (-r.amount, r.currency) for r in s.walk(Kind.REFUND) if r.leg}
    rows = s.walk(Kind.LEG)
    if {row.key for row in rows} != set(moved) or any(row.net != row.gross - row.fee for row in rows):
        return "other legs"
    wrong = [row for row in rows if row.currency == moved[row.key][1] and row.gross != moved[row.key][0]]
    return f"{len(wrong)} with another amount" if wrong else "theirs"


def alone(s: Side) -> str:
    """Whether an object fetched by itself is the record that its list showed."""
    kinds = [kind for kind in PATHS if kind is not Kind.DISPUTE]
    return ", ".join(kind for kind in kinds if s.get(kind, s.walk(kind)[-1].key) != s.walk(kind)[-1]) or "the same"


def expanded(s: Side) -> str:
    body = s.http.get(f"/v1/charges/{s.made[Kind.PAYMENT]['paid']}", params={"expand[]": "customer"}).content
    return str(s.named(s.read(Kind.PAYMENT, body)[0].customer))


def twice(s: Side) -> str:
    """A write repeated under its idempotency key."""
    headers = {"Idempotency-Key": "once"}
    keys = [s.http.post("/v1/customers", data={"name": "Once"}, headers=headers).json()["id"] for _ in range(2)]
    return "done once" if keys[0] == keys[1] else "done twice"


def told(ask: Callable[[Side], object], s: Side) -> str:
    """What a question comes to: the answer, or the kind of error with the status that it names."""
    try:
        return str(ask(s))
    except Exception as error:
        return " ".join([type(error).__name__, *re.findall(r"answered (\d+)", str(error))])


SHOWN = (
    (Kind.CUSTOMER, "ana", "name email delinquent", "Ana Pop ana@example.test False"),
    (Kind.CUSTOMER, "0", "name currency", "None None"),
    (Kind.SUBSCRIPTION, "running", "customer status plan quantity canceled_at", f"ana active {PRICE} 2 None"),
    (Kind.SUBSCRIPTION, "ended", "status canceled_at", "canceled a time"),
    (Kind.INVOICE, "running", "customer subscription status currency", "ana running paid EUR"),
    (Kind.INVOICE, "running", "total amount_due amount_paid amount_remaining", "1980 1980 1980 0"),
    (Kind.INTENT, "paid", "customer payment amount amount_received status", "ana paid 1500 1500 succeeded"),
    (Kind.INTENT, "held", "payment amount_received status", "held 0 requires_capture"),
    (Kind.INTENT, "cancelled", "payment status cancellation_reason", "None canceled None"),
    (Kind.PAYMENT, "paid", "customer intent amount captured refunded currency", "ana paid 1500 1500 500 EUR"),
    (Kind.PAYMENT, "guest", "customer amount currency status disputed", "None 900 JPY succeeded False"),
    (Kind.PAYMENT, "held", "status captured leg", "succeeded 0 None"),
    (Kind.PAYMENT, "partly", "amount refunded", "2000 0"),
    (Kind.PAYMENT, "declined", "status captured failure_code leg", "failed 0 card_declined None"),
    (Kind.REFUND, "part", "payment amount currency status reason", "paid 500 EUR succeeded None"),
)
"""Objects of the shop: the fields that are compared, and what they must show."""

_MADE = (Kind.CUSTOMER, Kind.SUBSCRIPTION, Kind.INVOICE, Kind.INTENT, Kind.PAYMENT, Kind.REFUND)
_BAD = "400 invalid_request_error"


def checks() -> Iterator[tuple[str, str, Callable[[Side], object]]]:
    """Name, what Stripe documents, and how to find out; those that write come last."""
    for kind in _MADE:
        yield f"{kind} list: all objects", "all, once", partial(listed, kind=kind)
    for kind in (Kind.CUSTOMER, Kind.INTENT, Kind.PAYMENT, Kind.REFUND, Kind.LEG):
        yield f"{kind} list: order", "newest first", partial(order, kind=kind)
    for stream in (Kind.CUSTOMER, Kind.INTENT, Kind.PAYMENT, EVENT):
        yield f"{stream} list: created in a window", "late early", partial(window, stream=stream)
    yield "leg list: of all payments and refunds", "theirs", legs
    yield "leg list: currencies", "EUR", lambda s: " ".join(sorted({row.currency for row in s.walk(Kind.LEG)}))
    yield "leg list: fees", "True", lambda s: any(row.fee for row in s.walk(Kind.LEG))
    yield "refund list: created since", "200", lambda s: s.status("GET", f"refunds?created[gte]={s.mark}")
    yield "dispute list", "0", lambda s: len(s.walk(Kind.DISPUTE))
    yield "list behind a deleted object", "CursorGone", lambda s: s.stripe.page(Kind.CUSTOMER, None, None, s.gone).count
    yield "list of subscriptions without the ended", "1", lambda s: len(s.http.get("/v1/subscriptions").json()["data"])
    yield "page: the clock of the other side", "True", lambda s: abs((s.ask_with(KEY).date or 0) - time.time()) < 90
    for kind in _MADE:
        yield f"events: of every {kind}", "all", partial(hinted, kind=kind)
    for kind, name, fields, shown in SHOWN:
        yield f"{kind} {name}: {fields}", shown, partial(shows, kind=kind, name=name, fields=fields)
    yield "object alone and on its list", "the same", alone
    yield "object with an expanded link", "ana", expanded
    yield "deleted customer", "True", lambda s: s.get(Kind.CUSTOMER, s.gone).deleted
    yield "unknown customer", "None", lambda s: s.get(Kind.CUSTOMER, "cus_none")
    yield "unknown leg", "Refused 404", lambda s: s.get(Kind.LEG, "txn_none")
    yield "account", "acct", lambda s: s.stripe.account().id[:4]
    yield "key: publishable", "Misconfigured 401", lambda s: s.ask_with("pk_test_nobody").count
    yield "key: unknown", "Misconfigured 401", lambda s: s.ask_with("sk_test_nobody").count
    yield "key: restricted, may read", "100", lambda s: s.ask_with("rk_test_sandbox_read").count
    yield "key: none", "401", lambda s: httpx.get(f"{s.url}/v1/customers", trust_env=False).status_code
    yield "mode: test objects on a live connection", "Misconfigured", lambda s: s.live_read()
    yield "answer: has a request id", "True", lambda s: "request-id" in s.http.get("/v1/customers").headers
    yield "limit 0", f"{_BAD} parameter_invalid_integer", lambda s: s.status("GET", "customers?limit=0")
    yield "limit 101", f"{_BAD} parameter_invalid_integer", lambda s: s.status("GET", "customers?limit=101")
    yield "unknown parameter", f"{_BAD} parameter_unknown", lambda s: s.status("POST", "customers", nonsense=1)
    yield "declined card", "402 card_error card_declined", lambda s: s.declined
    yield "refund of a declined payment", _BAD, lambda s: s.refund("declined")
    yield "refund of more than is left", _BAD, lambda s: s.refund("paid", amount=1_001)
    yield "write repeated under its key", "done once", twice


def python_with_localstripe(folder: Path) -> Path:
    """An interpreter of its own with localstripe, made in the folder."""
    print(f"installing {PACKAGES[0]}", flush=True)
    python = folder / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
    for command in ([sys.executable, "-m", "venv", python.parent.parent], pip):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise TryLater(f"localstripe could not be installed: {done.stderr.strip()[-500:]}")
    return python


@contextlib.contextmanager
def localstripe(python: Path, port: int) -> Iterator[str]:
    """localstripe in a process of its own, for as long as the block lasts; gives its address."""
    url = f"http://127.0.0.1:{free_port(port)}"
    with tempfile.TemporaryFile() as log:
        words = [python, "-c", SERVE, url.rpartition(":")[2]]
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def alive() -> None:
            if child.poll() is not None:
                log.seek(0)
                raise TryLater(f"localstripe ended by itself: {log.read().decode(errors='replace').strip()[-500:]}")

        try:
            wait_for("localstripe", lambda: answers(f"{url}/js.stripe.com/v3/"), alive, print, 30)
            yield url
        finally:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def compare(ours: Side, theirs: Side) -> Iterator[tuple[str, str]]:
    """Each check as a verdict and a line."""
    found = [(name, wanted, told(ask, ours), told(ask, theirs)) for name, wanted, ask in checks()]
    for name in sorted(ours.missing | theirs.missing | {name for name in KNOWN if KNOWN[name].mend}):
        seen = ("missing" if name in side.missing else "there" for side in (ours, theirs))
        found.append((name, "there", *seen))
    for name in KNOWN.keys() - {name for name, *_ in found}:
        found.append((name, "a check", "none of this name", "none of this name"))
    for name, wanted, our, their in found:
        known = KNOWN.get(name)
        if our != wanted:
            yield "FAIL", f"{name}: Stripe {wanted} · sandbox {our} · localstripe {their}"
        elif their == wanted and known is None:
            yield "OK", f"{name}: {wanted}"
        elif known is not None and their == known.seen:
            yield "differs", f"{name}: sandbox {our} · localstripe {their}. {known.why}"
        else:
            yield "FAIL", f"{name}: sandbox {our} · localstripe {their}, known is {known.seen if known else 'nothing'}"


def main(words: list[str] | None = None) -> int:
    """Print one line for each check and the sum of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--python", type=Path, metavar="PATH", help="an interpreter that has localstripe")
    parser.add_argument("--port", type=int, default=0, help="localstripe's, on 127.0.0.1 (default: a free one)")
    given = parser.parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the child is stopped then too
    verdicts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="accord-contract-") as folder:
        try:
            python = given.python or python_with_localstripe(Path(folder))
            with localstripe(python, given.port) as url, served(create(payments=0)) as sandbox:
                theirs, ours = Side(url), Side(f"{sandbox}/stripe")
                for side in (theirs, ours):
                    stock(side)
                for verdict, line in compare(ours, theirs):
                    verdicts[verdict] += 1
                    print(f"{verdict:8}{line}", flush=True)
        except (AccordError, httpx.HTTPError, OSError) as error:
            print(f"the contract check could not be made: {error}", file=sys.stderr)
            return 2
    print(f"{verdicts['OK']} as documented, {verdicts['differs']} known differences, {verdicts['FAIL']} failed")
    return 1 if verdicts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
