"""Invoices for payments, issued over the real transport in the sandbox's Stripe, Oblio and SmartBill."""

import random
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest

from accord import acting, actions
from accord.actions import Action
from accord.budget import NeverOpen, Unlimited
from accord.clock import Clock
from accord.http import Transport
from accord.invoicing import IssueInvoice, Terms
from accord.ledger import actions as rows
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.schema import metadata
from accord.money import exponent
from accord.records import Kind
from accord.sandbox.app import Sandbox, build
from accord.sandbox.direct import Direct
from accord.sandbox.oblio import seed as oblio_seed
from accord.sandbox.oblio import shop as oblio_shop
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, TOKEN
from accord.sandbox.stripe import customers, invoices, payments
from accord.sandbox.stripe.cards import method
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.shop import Shop
from accord.sync import Sync
from accord.systems.oblio import errors as oblio_errors
from accord.systems.oblio.issue import OblioIssuer
from accord.systems.oblio.tokens import Credentials, Tokens
from accord.systems.smartbill import errors as smartbill_errors
from accord.systems.smartbill import headers as smartbill_headers
from accord.systems.smartbill.issue import SmartBillIssuer
from accord.systems.stripe import classify, headers
from accord.systems.stripe.issue import StripeIssuer
from accord.systems.stripe.paid import StripePayments
from accord.systems.stripe.parse import read

SYNC = Sync("payment-to-account/main", "stripe/main", "accounts/main")
TERMS = Terms(product="Comandă", vat_name="Normala", vat_rate="21", series="WEB", proformas="PRO")
SYSTEMS = ("stripe", "oblio", "smartbill")


class Shopkeeper:
    """A shop at Stripe whose payments are given invoices in another system."""

    def __init__(self, clock: Clock, system: str, terms: Terms = TERMS) -> None:
        self.system, self.clock = system, clock
        self.sandbox: Sandbox = build(now=self.clock.now, payments=0)
        self.store = self.sandbox.stripe.stores["test"]
        self.shop = Shop(self.store, random.Random(3))
        tree = {"name": "Ana Țurcan", "email": "ana@example.test"}
        tree["tax_id_data"] = [{"type": "eu_vat", "value": "RO90000025"}]  # type: ignore[assignment]
        tree["address"] = {"city": "Iași", "country": "RO", "line1": "Str. Exemplului 4"}  # type: ignore[assignment]
        self.buyer = customers.create(self.store, "", Params(tree))
        engine = open_database("sqlite://", "the test's database")
        metadata.create_all(engine)
        self.ledger = Ledger(engine, Cipher(new_key()), self.clock)
        self._client = httpx.Client(transport=Direct(self.sandbox, self.clock.sleep))
        stripe = self._to("/stripe", lambda: headers("sk_test_sandbox_full"), classify)
        issuer: Any = getattr(self, f"_{system}")(stripe, terms)
        self.action: Action = IssueInvoice(0, StripePayments(stripe), issuer, self.clock)

    def _to(self, path: str, authorize: Callable[[], Any], judge: Any) -> Transport:
        return Transport(
            base_url=f"http://sandbox.test{path}",
            authorize=authorize,
            classify=judge,
            budget=Unlimited(),
            breaker=NeverOpen(),
            clock=self.clock,
            client=self._client,
        )

    def _stripe(self, stripe: Transport, terms: Terms) -> StripeIssuer:
        return StripeIssuer("stripe/main", stripe, terms)

    def _oblio(self, _: Transport, terms: Terms) -> OblioIssuer:
        oblio_seed.fill(self.sandbox.oblio.store, invoices=0, seed=1)
        tokens = Tokens(
            self._to("/oblio/api", dict, oblio_errors.classify_token),
            lambda: Credentials(CLIENT_ID, CLIENT_SECRET),
            self.clock,
        )
        api = self._to("/oblio/api", tokens.headers, oblio_errors.classify)
        series = next(one.name for one in self.company.series if one.type == "Factura")
        return OblioIssuer("oblio/main", api, oblio_shop.CIF, msgspec.structs.replace(terms, series=series))

    def _smartbill(self, _: Transport, terms: Terms) -> SmartBillIssuer:
        self.sandbox.smartbill.limits.most = None
        login = smartbill_headers(EMAIL, TOKEN)
        api = self._to("/smartbill/SBORO/api", lambda: login, smartbill_errors.classify)
        accept = {"Accept": "application/octet-stream"}
        papers = self._to("/smartbill/SBORO/api", lambda: login | accept, smartbill_errors.classify_paper)
        return SmartBillIssuer("smartbill/main", api, papers, CIF, terms, self.clock)

    @property
    def company(self) -> Any:
        return self.sandbox.oblio.store.company(oblio_shop.CIF)

    def sell(self, amount: int = 12_345, currency: str = "ron", buyer: bool = True) -> str:
        """A payment; its key."""
        fields = {"capture_method": "automatic", "customer": self.buyer["id"] if buyer else None}
        fields |= {} if buyer else {"receipt_email": "ion@example.test"}
        intent = payments.start(self.store, amount, currency, fields)
        payments.attempt(self.store, intent, method(self.store, "pm_card_visa"))
        key = self.store.get("payment_intent", intent["id"])["latest_charge"]
        return str(key)

    def want(self, *keys: str) -> None:
        """Have it noted that these payments, as they are now, ask for invoices."""
        shelf = self.store.shelves["charges"].rows
        found = [read(Kind.PAYMENT, msgspec.json.encode(shelf[key]), live=False)[0].record for key in keys]
        records = [one for one in found if one is not None]
        self.ledger.write(lambda c: actions.want(c, SYNC, [self.action], records, self.clock.now()))

    def act(self, *keys: str) -> dict[str, int]:
        """Ask for invoices of these payments, and act."""
        self.want(*keys)
        return dict(acting.act(SYNC, [self.action], self.ledger, "w", "run"))

    def fault(self, kind: str, path: str, method_: str = "POST", **more: Any) -> None:
        """Make the issuing system misbehave."""
        service: Any = getattr(self.sandbox, self.system)
        service.faults.add({"kind": kind, "path": path, "method": method_, **more})

    @property
    def creates(self) -> str:
        """Where an invoice is created."""
        paths = {"stripe": "/v1/invoices", "oblio": "/api/docs/invoice", "smartbill": "/SBORO/api/invoice/v2"}
        return paths[self.system]

    def row(self, key: str) -> rows.Row:
        return next(row for row in self.ledger.read(rows.listed) if row.key == key)

    def issued(self) -> list[dict[str, Any]]:
        """The invoices that are there, each with its total as a decimal number, client and mention."""
        if self.system == "stripe":
            found = [row for row in self.store.shelves["invoices"].rows.values() if row["status"] != "draft"]
            return [
                {
                    "total": Decimal(row["total"]).scaleb(-exponent(row["currency"].upper())),
                    "client": row["customer_name"],
                    "mark": row["metadata"]["accord"],
                    "number": row["number"],
                    "open": row["amount_remaining"],
                }
                for row in found
            ]
        if self.system == "oblio":
            found = self.documents()
            return [
                self._told(row, row["mentions"], sum(Decimal(one["value"]) for one in row["collects"])) for row in found
            ]
        found = self.documents()
        return [self._told(row, row["mentions"], Decimal(row["paid"])) for row in found]

    def documents(self) -> list[dict[str, Any]]:
        """The invoices as Oblio or SmartBill keep them."""
        if self.system == "smartbill":
            return self.sandbox.smartbill.company.of_type("f")
        return [row for row in self.company.documents.values() if row["type"] == "Factura"]

    def _told(self, row: Any, mentions: str, paid: Decimal) -> dict[str, Any]:
        total = Decimal(row["total"])
        shown = {"total": total, "client": row["client"]["name"], "mark": mentions.removeprefix("Ref. ")}
        return shown | {"number": row["number"], "open": total - paid}


@pytest.fixture
def new_keeper(own_time: Clock) -> Callable[..., Shopkeeper]:
    return partial(Shopkeeper, own_time)


@pytest.fixture(params=SYSTEMS)
def keeper(new_keeper: Callable[..., Shopkeeper], request: pytest.FixtureRequest) -> Shopkeeper:
    return new_keeper(request.param)


@pytest.mark.parametrize("amount", [1, 99, 100, 12_345, 99_999_999])
@pytest.mark.parametrize("currency", ["ron", "eur", "jpy"])
def test_an_invoice_comes_to_exactly_what_was_paid(keeper, amount, currency):
    key = keeper.sell(max(amount, 50), currency)
    assert keeper.act(key) == {"done": 1}
    (made,) = keeper.issued()
    assert made["total"] == Decimal(max(amount, 50)).scaleb(-exponent(currency.upper()))
    assert (made["client"], made["open"], made["mark"]) == ("Ana Țurcan", 0, keeper.row(key).mark)
    assert keeper.row(key).number == made["number"]
    assert keeper.act(key) == {}
    assert len(keeper.issued()) == 1


@pytest.mark.parametrize(("system", "vat", "payer"), [("oblio", "cif", "vatPayer"), ("smartbill", "vat_code", None)])
def test_a_firms_invoice_shows_its_vat_id(new_keeper, system, vat, payer):
    keeper = new_keeper(system)
    keeper.act(keeper.sell())
    (client,) = (row["client"] for row in keeper.documents())
    assert client[vat] == "RO90000025"
    assert payer is None or client[payer] == "1"


@pytest.mark.parametrize("fault", ["drop_before", "drop_answer", "drop_midway", "truncated_json", "html_502"])
def test_a_lost_request_or_answer_makes_no_second_invoice(keeper, fault):
    keeper.fault(fault, keeper.creates)
    key = keeper.sell()
    keeper.act(key)
    for _ in range(20):
        keeper.clock.sleep(400)
        if keeper.act(key):
            break
    assert keeper.row(key).state == "done"
    (made,) = keeper.issued()
    assert (made["total"], made["number"]) == (Decimal("123.45"), keeper.row(key).number)


@pytest.mark.parametrize("replay", ["return_same", "error_400"])
def test_oblio_may_answer_a_repeated_key_either_way(new_keeper, replay):
    keeper = new_keeper("oblio")
    keeper.sandbox.oblio.settings = Settings(replay=replay)
    keeper.fault("drop_answer", "/api/docs/invoice")
    keeper.fault("lag", "/api/docs/invoice/list", "GET", seconds=119.0)  # the look-up does not show it yet
    key = keeper.sell()
    keeper.act(key)
    for _ in range(20):
        keeper.clock.sleep(61)
        keeper.act(key)
    assert (keeper.row(key).state, len(keeper.issued())) == ("done", 1)


@pytest.mark.parametrize("at", ["/v1/invoices", "/v1/invoiceitems"])
def test_stripes_invoice_is_gone_on_with_from_where_it_stands(new_keeper, at):
    keeper = new_keeper("stripe")
    keeper.fault("drop_answer", at)
    key = keeper.sell()
    keeper.act(key)
    keeper.clock.sleep(21 * 3600)  # no key is relied upon any more
    assert keeper.act(key) == {"done": 1}
    assert len(keeper.store.shelves["invoices"].rows) == len(keeper.issued()) == 1
    assert keeper.issued()[0]["open"] == 0


def test_a_payment_that_belongs_to_an_invoice_is_given_none(new_keeper):
    keeper = new_keeper("stripe")
    key = keeper.sell()
    keeper.act(key)
    customers.update(
        keeper.store, keeper.buyer["id"], Params({"invoice_settings": {"default_payment_method": "pm_card_visa"}})
    )
    bill = invoices.create(keeper.store, "", Params({"customer": keeper.buyer["id"], "currency": "ron"}))
    item = {"customer": keeper.buyer["id"], "invoice": bill["id"], "amount": "5000", "currency": "ron"}
    invoices.create_item(keeper.store, "", Params(item))
    invoices.pay(keeper.store, bill["id"], Params({}))
    tie = keeper.store.get("invoice_payment", keeper.store.ties[bill["id"]])
    paid = keeper.store.get("payment_intent", tie["payment"]["payment_intent"])["latest_charge"]
    assert keeper.act(paid) == {"skipped": 1}
    assert keeper.row(paid).why == f"the payment belongs to Stripe's invoice {bill['id']}"


@pytest.mark.parametrize(
    ("share", "state", "why"),
    [(0.5, "refused", "refunded or disputed before"), (None, "skipped", "nothing is left of the payment")],
)
def test_what_was_refunded_meanwhile_is_given_none(keeper, share, state, why):
    key = keeper.sell()
    keeper.want(key)
    keeper.shop.refund(keeper.store.get("charge", key), share)
    assert keeper.act() == {state: 1}
    assert keeper.issued() == []
    assert why in keeper.row(key).why


def test_a_guest_is_given_an_invoice_where_no_customer_is_needed(keeper):
    key = keeper.sell(buyer=False)
    if keeper.system == "stripe":
        assert keeper.act(key) == {"refused": 1}
        assert "no customer" in keeper.row(key).why
    else:
        assert keeper.act(key) == {"done": 1}
        assert keeper.issued()[0]["client"] == "ion@example.test"


@pytest.mark.parametrize("system", ["oblio", "smartbill"])
def test_a_vat_rate_that_the_account_does_not_know_is_refused(new_keeper, system):
    keeper = new_keeper(system, msgspec.structs.replace(TERMS, vat_name="Nimic", vat_rate="33"))
    key = keeper.sell()
    assert keeper.act(key) == {"refused": 1}
    assert "answered 400" in keeper.row(key).why
    assert keeper.issued() == []


def test_smartbills_error_in_a_good_answer_is_a_refusal(new_keeper):
    keeper = new_keeper("smartbill")
    keeper.fault("error_text", "/SBORO/api/estimate", value="Client invalid!")
    key = keeper.sell()
    assert keeper.act(key) == {"refused": 1}
    assert keeper.issued() == []


def test_a_proforma_whose_number_was_given_out_again_is_left_to_a_person(new_keeper):
    keeper = new_keeper("smartbill")
    keeper.fault("drop_answer", "/SBORO/api/invoice/v2")
    key = keeper.sell()
    keeper.act(key)
    company = keeper.sandbox.smartbill.company
    (invoice,), (proforma,) = company.of_type("f"), company.of_type("p")
    company.remove(invoice)
    company.remove(proforma)
    company.add({**proforma, "mentions": "another one", "invoices": []})
    keeper.clock.sleep(800)
    assert keeper.act(key) == {"unknown": 1}
    assert f"look whether an invoice in WEB mentions {keeper.row(key).mark}" in keeper.row(key).why
    assert keeper.issued() == []


def test_a_missing_series_of_proformas_is_told(new_keeper):
    keeper = new_keeper("smartbill")
    del keeper.sandbox.smartbill.company.series["PRO"]
    with pytest.raises(Exception, match="no series of proformas called PRO"):
        keeper.act(keeper.sell())


def test_no_invoice_is_sent_after_its_moment(keeper, monkeypatch):
    key = keeper.sell()
    real = acting._Actor._act

    def asleep(self: Any, row: Any, until: Any) -> Any:
        keeper.clock.sleep(3600)
        return real(self, row, until)

    monkeypatch.setattr(acting._Actor, "_act", asleep)
    assert keeper.act(key) == {}
    assert keeper.issued() == []
    assert keeper.row(key).state == "wanted"
    monkeypatch.undo()
    keeper.clock.sleep(61)
    assert keeper.act(key) == {"done": 1}
