"""Stripe's invoices and credit notes, all the way from a sandbox into the portal."""

import httpx
import pytest
from sqlalchemy import text

from accord import collect
from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.documents import Origin, State
from accord.http import Transport
from accord.plan import DAY, Mode
from accord.records import Kind
from accord.run import Tally
from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.standing import stand
from accord.sync import EVENT
from accord.systems.portal import Portal
from accord.systems.stripe import Stripe, classify, headers
from accord.systems.stripe.invoices import Invoices

KIND = Kind.DOCUMENT
KEY = "sk_test_sandbox_full"


class Issuer:
    """A firm that writes its invoices with Stripe, in a sandbox of its own."""

    def __init__(self, clock):
        self.sandbox = build(now=clock.now, payments=0)
        self.transport = Direct(self.sandbox)
        auth = {"authorization": f"Bearer {KEY}"}
        self.http = httpx.Client(transport=self.transport, base_url="http://sandbox/stripe", headers=auth)
        self.customer = self.post("/v1/customers", name="Ana", email="ana@example.test")["id"]

    def post(self, path, **fields):
        answer = self.http.post(path, data=fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def draft(self, *amounts, currency="ron", rate=None):
        """The id of a new draft with a line for each amount."""
        key = self.post("/v1/invoices", customer=self.customer, collection_method="send_invoice", currency=currency)[
            "id"
        ]
        for amount in amounts:
            item = {"invoice": key, "customer": self.customer, "amount": amount, "description": "Work"}
            self.post("/v1/invoiceitems", **item, **({"tax_rates[0]": rate} if rate else {}))
        return key

    def issue(self, *amounts, **how):
        key = self.draft(*amounts, **how)
        self.act(key, "finalize")
        return key

    def act(self, key, what, **fields):
        return self.post(f"/v1/{'invoices' if key.startswith('in_') else 'credit_notes'}/{key}/{what}", **fields)

    def pay(self, key):
        self.act(key, "pay", payment_method="pm_card_visa")

    def pay_some(self, key, amount, currency="ron"):
        order = {"currency": currency, "customer": self.customer, "payment_method": "pm_card_visa", "confirm": "true"}
        intent = self.post("/v1/payment_intents", amount=amount, **order)["id"]
        self.act(key, "attach_payment", payment_intent=intent)

    def credit(self, key, amount, **goes):
        return self.post("/v1/credit_notes", invoice=key, amount=amount, **goes)["id"]

    def source(self):
        transport = Transport(
            base_url="http://sandbox.test/stripe",
            authorize=lambda: headers(KEY),
            classify=classify,
            budget=Unlimited(),
            breaker=NeverOpen(),
            clock=SystemClock(),
            client=httpx.Client(transport=self.transport),
        )
        return Invoices(Stripe(transport, "test"), SystemClock())


@pytest.fixture
def issuer(clock):
    return Issuer(clock)


@pytest.fixture
def home(new_ledger, homes, clock, issuer, fresh, open_engine):
    portal = Portal(open_engine(fresh.portal()), SystemClock())
    return homes.Home(new_ledger(clock), issuer.source(), portal, kinds={KIND})


@pytest.fixture
def ready(home, clock):
    """A sync that has run once, with nothing to show."""
    home.run()
    clock.jump(600)
    return home


@pytest.fixture
def follow(ready, clock):
    """Has what just happened read, and gives what the portal then shows of a document."""

    def follow(key, *fields):
        clock.jump(600)
        ready.run()
        row = ready.shown(KIND)[key]
        return tuple(row[field] for field in fields)

    return follow


def due(home, key):
    with home.target._engine.connect() as connection:
        return connection.scalar(text("SELECT due FROM invoices_due WHERE id = :key"), {"key": key})


def test_the_first_run_reads_all_of_both_lists(home, issuer, clock):
    keys = {issuer.issue(1_000 + n) for n in range(5)} | {issuer.draft(500)}
    first = issuer.issue(4_000)
    keys |= {first, issuer.credit(first, 1_000)}
    clock.jump(600)
    assert home.run().created == 8
    assert home.shown(KIND).keys() == keys
    now = stand(home.ledger, home.sync)
    assert (now.records, now.share, now.agreed) == (8, 1.0, True)


def test_windows_that_are_split_and_places_that_vanish_lose_nothing(home, issuer, clock, monkeypatch):
    monkeypatch.setattr(collect, "BATCH", 1)
    keys = set()
    for _ in range(120):
        clock.jump(60)
        issued = issuer.issue(1_000)
        clock.jump(60)
        keys |= {issued, issuer.draft(500), issuer.credit(issued, 100)}
    keys.add(issuer.issue(1_000))  # so that the hundredth invoice is a draft
    page, gone, windows = home.shop.page, [], set()

    def deleting(stream, lo, hi, after):
        """A draft that marks a place is deleted before the next page is asked for."""
        shown = page(stream, lo, hi, after)
        windows.add((lo, hi))
        key = shown.last.key.partition("@")[0] if stream == KIND and shown.last else ""
        if len(gone) < 3 and store(issuer, "invoices").get(key, {}).get("status") == "draft":
            issuer.http.delete(f"/v1/invoices/{key}").raise_for_status()
            gone.append(key)
        return shown

    home.shop.page = deleting
    clock.jump(600)
    home.run()
    assert gone
    assert len(windows) > 6
    shown = home.shown(KIND)
    assert shown.keys() - {*gone} == keys - {*gone}
    assert all(shown[key]["deleted"] for key in shown.keys() & {*gone})


def store(issuer, shelf):
    return issuer.sandbox.stripe.stores["test"].shelves[shelf].rows


def test_an_invoice_from_draft_to_paid(follow, issuer):
    key = issuer.draft(10_000)
    assert follow(key, "state", "number", "total", "paid") == (State.DRAFT, None, 10_000, 0)
    number = issuer.act(key, "finalize")["number"]
    assert follow(key, "state", "number", "issued_on") == (State.ISSUED, number, "2027-01-15")
    issuer.pay_some(key, 4_000)
    assert follow(key, "state", "paid") == (State.PARTLY_PAID, 4_000)
    issuer.pay(key)
    assert follow(key, "state", "paid", "total") == (State.PAID, 10_000, 10_000)


def test_an_invoice_that_is_voided_or_written_off(follow, ready, issuer):
    voided, written_off = issuer.issue(10_000), issuer.issue(5_000)
    issuer.act(voided, "void")
    issuer.act(written_off, "mark_uncollectible")
    assert follow(voided, "state", "total") == (State.CANCELLED, 10_000)
    assert follow(written_off, "state") == (State.ISSUED,)
    assert (due(ready, voided), due(ready, written_off)) == (0, 5_000)
    issuer.pay(written_off)
    assert follow(written_off, "state") == (State.PAID,)


def test_a_credit_note_before_payment_lowers_what_is_due(follow, ready, issuer):
    key = issuer.issue(10_000)
    number = follow(key, "number")[0]
    note = issuer.credit(key, 3_000)
    assert follow(note, "state", "total", "reverses", "client_name") == (State.STORNO, -3_000, number, "Ana")
    assert (due(ready, key), due(ready, note)) == (7_000, 0)
    issuer.act(note, "void")
    assert follow(note, "state", "total") == (State.CANCELLED, -3_000)
    assert ready.shown(KIND)[key]["state"] == State.ISSUED
    assert due(ready, key) == 10_000


def test_a_credit_note_after_payment_leaves_the_invoice_paid(follow, ready, issuer):
    key = issuer.issue(10_000)
    issuer.pay(key)
    note = issuer.credit(key, 3_000, refund_amount=3_000)
    assert follow(note, "state", "total") == (State.STORNO, -3_000)
    assert ready.shown(KIND)[key]["state"] == State.PAID
    issuer.credit(key, 7_000, out_of_band_amount=7_000)
    assert follow(key, "state", "total", "paid") == (State.REVERSED, 10_000, 10_000)


@pytest.mark.parametrize("by", ["event", "rescan"])
def test_a_deleted_draft_is_shown_as_deleted(follow, ready, issuer, by):
    key = issuer.draft(10_000)
    assert follow(key, "deleted") == (False,)
    issuer.http.delete(f"/v1/invoices/{key}").raise_for_status()
    if by == "rescan":
        issuer.sandbox.stripe.stores["test"].shelves["events"].__init__()
        ready.plan(Mode.RESCAN)
    assert follow(key, "deleted", "state", "total") == (True, State.UNKNOWN, None)
    assert stand(ready.ledger, ready.sync).agreed


@pytest.mark.parametrize(("currency", "amount", "shown"), [("kwd", 12_340, 12_340), ("jpy", 5_000, 5_000)])
def test_amounts_are_in_the_currencys_smallest_unit(follow, issuer, currency, amount, shown):
    key = issuer.issue(amount, currency=currency)
    issuer.pay_some(key, 2_000, currency)
    assert follow(key, "currency", "total", "paid") == (currency.upper(), shown, 2_000)


def test_vat_is_shown_by_rate(follow, ready, issuer):
    rate = issuer.post("/v1/tax_rates", display_name="TVA", percentage="21", inclusive="false")["id"]
    key = issuer.issue(10_000, 333, rate=rate)
    assert follow(key, "net", "vat", "total") == (10_333, 2_170, 12_503)
    lines = ready.shown(KIND)[key]["lines_json"]
    assert lines.count('"vat_rate":"21"') == 2


def test_an_invoice_with_many_lines_shows_all_of_them(follow, ready, issuer):
    key = issuer.issue(*range(100, 225))
    assert follow(key, "total") == (sum(range(100, 225)),)
    assert ready.shown(KIND)[key]["lines_json"].count('"name"') == 125


def test_an_invoice_without_a_field_is_quarantined_and_others_go_on(home, issuer, clock):
    broken, *others = [issuer.issue(1_000 + n) for n in range(3)]
    faults = issuer.sandbox.stripe.faults
    faults.add({"kind": "missing_field", "path": "/v1/invoices", "field": "total", "object": broken, "rate": 1})
    clock.jump(600)
    assert home.run().created == 2
    assert home.shown(KIND).keys() == {*others}
    assert [*home.quarantined()] == [broken]
    assert "missing required field `total`" in home.quarantined()[broken][0]
    faults.clear()
    issuer.pay(broken)
    clock.jump(600)
    home.run()
    assert home.quarantined() == {}
    assert home.shown(KIND)[broken]["state"] == State.PAID


def test_events_that_come_twice_or_late_change_nothing(ready, issuer, clock):
    key = issuer.issue(10_000)
    note = issuer.credit(key, 1_000)
    clock.jump(600)
    ready.run()
    told = ready.told(key), ready.told(note)
    ready.open_recent(int(clock.now()) - DAY, int(clock.now()))  # all of the day's events once more
    assert ready.run() == Tally()
    assert (ready.told(key), ready.told(note)) == told


def test_a_quiet_run_reads_events_alone(ready, issuer, clock):
    issuer.issue(10_000)
    clock.jump(600)
    ready.run()
    asked, page = [], ready.shop.page
    ready.shop.page = lambda stream, *rest: asked.append(stream) or page(stream, *rest)
    clock.jump(600)
    assert ready.run() == Tally()
    assert set(asked) == {EVENT}


def test_what_is_shown_says_where_it_is_from(follow, ready, issuer):
    key = issuer.issue(10_000)
    origins = follow(key, "origins_json")[0]
    assert f'"series":"{Origin.UNKNOWN}"' in origins
    assert f'"total":"{Origin.API}"' in origins
