"""Both lists of invoices and credit notes as one source, over the real transport, against the sandbox."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.documents import Document, State
from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Transport
from accord.ledger import leases
from accord.ports import CursorGone, Page
from accord.records import Kind
from accord.sandbox.app import Sandbox, build
from accord.sandbox.direct import Direct
from accord.sandbox.stripe.keys import KEYS, Key
from accord.systems.stripe import Mode, Stripe, classify, headers
from accord.systems.stripe.invoices import Invoices

FULL = "sk_test_sandbox_full"
NOW = 1_790_000_000


class Hands:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


class NoWait(SystemClock):
    """Moves at once to the time that a wait would end at."""

    def __init__(self) -> None:
        self.waited = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.waited

    def sleep(self, seconds: float) -> None:
        self.waited += seconds


class Firm:
    """A firm with invoices and credit notes, a minute between each two of them."""

    def __init__(self, invoices: int, notes: int) -> None:
        self.clock = Hands()
        self.sandbox = build(now=self.clock, payments=0)
        auth = {"authorization": f"Bearer {FULL}"}
        self.http = httpx.Client(transport=Direct(self.sandbox), base_url="http://sandbox/stripe", headers=auth)
        self.customer = self.post("/v1/customers", name="Ana")["id"]
        self.invoices = [self.issue() for _ in range(invoices)]
        self.notes = [self.credit(key) for key in self.invoices[:notes]]

    def post(self, path: str, **fields: Any) -> dict[str, Any]:
        answer = self.http.post(path, data=fields)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def draft(self, lines: int = 1) -> str:
        self.clock.now += 60
        key: str = self.post("/v1/invoices", customer=self.customer, collection_method="send_invoice")["id"]
        for _ in range(lines):
            self.post("/v1/invoiceitems", invoice=key, customer=self.customer, amount=1_000)
        return key

    def issue(self, lines: int = 1) -> str:
        key = self.draft(lines)
        self.post(f"/v1/invoices/{key}/finalize")
        return key

    def credit(self, invoice: str) -> str:
        self.clock.now += 60
        key: str = self.post("/v1/credit_notes", invoice=invoice, amount=100)["id"]
        return key

    def all(self) -> set[str]:
        """The ids of everything that both lists have."""
        shelves = self.sandbox.stripe.stores["test"].shelves
        return {*shelves["invoices"].rows, *shelves["credit_notes"].rows}

    def asked(self) -> dict[str, int]:
        """How often each endpoint was asked since this was last looked at."""
        found: dict[str, int] = self.http.get("/_admin/stats?reset=1").json()["by_endpoint"]
        return found


class Slow(Direct):
    """A way into the sandbox on which each request takes two seconds."""

    def __init__(self, sandbox: Sandbox, clock: NoWait) -> None:
        super().__init__(sandbox)
        self._clock = clock

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._clock.sleep(2.0)
        return super().handle_request(request)


def connect(
    sandbox: Sandbox, key: str = FULL, mode: Mode = "test", clock: NoWait | None = None, slow: bool = False
) -> Invoices:
    clock = clock or NoWait()
    transport = Transport(
        base_url="http://sandbox.test/stripe",
        authorize=lambda: headers(key),
        classify=classify,
        budget=Unlimited(),
        breaker=NeverOpen(),
        clock=clock,
        client=httpx.Client(transport=Slow(sandbox, clock) if slow else Direct(sandbox)),
    )
    return Invoices(Stripe(transport, mode), clock)


def pages(source: Invoices, lo: int | None = None, hi: int | None = None, after: str | None = None) -> Iterator[Page]:
    while True:
        page = source.page(Kind.DOCUMENT, lo, hi, after)
        yield page
        if not page.has_more:
            return
        assert page.last is not None
        after = page.last.key


def keys(source: Invoices, page: Page) -> list[str]:
    parsed = list(source.records(Kind.DOCUMENT, page.body))
    assert [one.unsound for one in parsed if one.unsound] == []
    assert page.count == len(parsed)
    return [one.key for one in parsed]


@pytest.fixture(scope="module")
def firm() -> Firm:
    return Firm(invoices=230, notes=120)


@pytest.fixture
def source(firm: Firm) -> Iterator[Invoices]:
    yield connect(firm.sandbox)
    firm.sandbox.stripe.faults.clear()


def test_both_lists_are_read_once_each(firm: Firm, source: Invoices) -> None:
    firm.asked()
    read = [key for page in pages(source) for key in keys(source, page)]
    assert sorted(read) == sorted(firm.all())
    assert firm.asked() == {"GET /v1/invoices": 3, "GET /v1/credit_notes": 2, "GET /v1/account": 1}


def test_all_that_was_made_after_a_pages_place_was_read(firm: Firm, source: Invoices) -> None:
    """So that a window can be split below it, and read again from there when the object it names is gone."""
    made: dict[str, int] = {}
    for page in pages(source):
        made |= {one.key: one.record.created for one in source.records(Kind.DOCUMENT, page.body) if one.record}
    read: set[str] = set()
    for page in pages(source):
        read |= {*keys(source, page)}
        if page.last is not None:
            assert {key for key, created in made.items() if created > page.last.created} <= read


def test_a_page_is_given_out_long_before_a_lease_ends_however_long_its_invoices_are() -> None:
    firm = Firm(invoices=0, notes=0)
    for key in [firm.issue(lines=11) for _ in range(30)][:2]:
        firm.credit(key)
    clock = NoWait()
    source = connect(firm.sandbox, clock=clock, slow=True)
    read, began = [], clock.monotonic()
    for page in pages(source):
        assert clock.monotonic() - began < leases.TTL / 2
        read += keys(source, page)
        began = clock.monotonic()
    assert sorted(read) == sorted(firm.all())


def test_a_window_that_was_split_goes_on_in_both_lists(firm: Firm, source: Invoices) -> None:
    first = next(pages(source))
    assert first.last is not None
    middle = (NOW + first.last.created) // 2
    firm.asked()
    upper = [key for page in pages(source, middle, None, first.last.key) for key in keys(source, page)]
    lower = [key for page in pages(source, None, middle) for key in keys(source, page)]
    assert {*keys(source, first), *upper, *lower} == firm.all()
    assert len(upper) + len(lower) + first.count <= len(firm.all()) + 100


def test_windows_share_both_lists_between_them(firm: Firm, source: Invoices) -> None:
    edges: list[int | None] = [None, NOW + 3_600, NOW + 14_000, NOW + 15_000, None]
    read = [key for lo, hi in pairwise(edges) for page in pages(source, lo, hi) for key in keys(source, page)]
    assert sorted(read) == sorted(firm.all())


def test_a_draft_that_is_deleted_takes_the_place_along(firm: Firm, source: Invoices) -> None:
    drafts = [firm.draft() for _ in range(100)]
    first = next(pages(source))
    assert first.last is not None
    for key in drafts:
        firm.http.delete(f"/v1/invoices/{key}").raise_for_status()
    with pytest.raises(CursorGone):
        source.page(Kind.DOCUMENT, None, None, first.last.key)
    again = [key for page in pages(source, None, first.last.created + 1) for key in keys(source, page)]
    assert {*keys(source, first), *again} >= firm.all()


def test_one_object_is_as_its_list_shows_it(firm: Firm, source: Invoices) -> None:
    listed = {one.key: one.record for page in pages(source) for one in source.records(Kind.DOCUMENT, page.body)}
    for key in (firm.invoices[0], firm.notes[0]):
        body = source.fetch(Kind.DOCUMENT, key)
        assert body is not None
        (one,) = source.records(Kind.DOCUMENT, body)
        assert (one.record, one.record is None) == (listed[key], False)
    assert source.fetch(Kind.DOCUMENT, "in_0") is None
    assert source.fetch(Kind.DOCUMENT, "cn_0") is None


@pytest.mark.parametrize("key", ["ch_1", "in_../../v1/charges", "", "."])
def test_a_key_that_is_none_of_theirs_is_refused(source: Invoices, key: str) -> None:
    with pytest.raises(Refused):
        source.fetch(Kind.DOCUMENT, key)


def test_the_link_of_a_pdf_is_no_part_of_a_record(source: Invoices) -> None:
    assert all(
        b"pdf" not in str(one.record).encode() for one in source.records(Kind.DOCUMENT, next(pages(source)).body)
    )


def test_events_speak_of_documents_only(firm: Firm, source: Invoices) -> None:
    invoice = firm.issue()
    note = firm.credit(invoice)
    found = source.events(source.page("event", None, None, None).body)
    (hints,) = [event.hints for event in found if (Kind.DOCUMENT, note) in event.hints]
    assert set(hints) == {(Kind.DOCUMENT, note), (Kind.DOCUMENT, invoice)}
    assert {kind for event in found for kind, _ in event.hints} == {Kind.DOCUMENT}
    assert [event.raw for event in found if event.raw] == []


def test_lines_beyond_the_first_ten_are_asked_for(firm: Firm, source: Invoices) -> None:
    key = firm.draft()
    for number in range(130):
        firm.post("/v1/invoiceitems", invoice=key, customer=firm.customer, amount=10, description=f"Line {number}")
    firm.asked()
    found = one(source, key)
    assert found.lines is not None
    assert [line.name for line in found.lines][1:] == [f"Line {number}" for number in range(130)]
    assert firm.asked()["GET /v1/invoices/:id/lines"] == 2


def one(source: Invoices, key: str) -> Document:
    body = source.fetch(Kind.DOCUMENT, key)
    assert body is not None
    (parsed,) = source.records(Kind.DOCUMENT, body)
    assert isinstance(parsed.record, Document), parsed.unsound
    return parsed.record


def test_a_tax_rate_is_asked_for_once(firm: Firm, source: Invoices) -> None:
    rate = firm.post("/v1/tax_rates", display_name="TVA", percentage="21", inclusive="false")["id"]
    drafts = [firm.draft() for _ in range(3)]
    for key in drafts:
        taxed = {"invoice": key, "customer": firm.customer, "tax_rates[0]": rate}
        firm.post("/v1/invoiceitems", amount=100, **taxed)
    firm.asked()
    rates = [[line.vat_rate for line in one(source, key).lines or ()] for key in drafts]
    assert rates == [[None, "21"]] * 3
    assert firm.asked()["GET /v1/tax_rates/:id"] == 1


@pytest.mark.parametrize(
    ("closed", "what"),
    [("credit_notes", "rak_credit_note_read"), ("tax_rates", "rak_tax_rate_read")],
)
def test_a_right_that_is_lacking_is_named(firm: Firm, closed: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = firm.post("/v1/tax_rates", display_name="TVA", percentage="21", inclusive="false")["id"]
    key = firm.draft()
    firm.post("/v1/invoiceitems", amount=100, invoice=key, customer=firm.customer, **{"tax_rates[0]": rate})
    restrict(monkeypatch, closed)
    source = connect(firm.sandbox, "rk_test_narrow")
    with pytest.raises(Misconfigured, match=what):
        list(pages(source))


def restrict(monkeypatch: pytest.MonkeyPatch, closed: str) -> None:
    from accord.sandbox.stripe import keys as known

    narrow = Key("rk_test_narrow", "", writes=False, closed=frozenset((closed,)))
    monkeypatch.setattr(known, "_BY_TEXT", {key.text: key for key in (*KEYS, narrow)})


def test_a_key_that_may_not_ask_for_the_account_dates_by_utc(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    restrict(monkeypatch, "account")
    firm.clock.now = (firm.clock.now // 86_400 + 1) * 86_400 - 5_400  # half past ten in the evening, by UTC
    key = firm.issue()
    days = [one(connect(firm.sandbox, text), key).issued_on for text in (FULL, "rk_test_narrow")]
    assert days[0] is not None
    assert days[1] is not None
    assert days[1] < days[0]


def test_a_key_of_the_other_mode_brings_nothing_in(firm: Firm) -> None:
    source = connect(firm.sandbox, mode="live")
    with pytest.raises(Misconfigured, match="test mode"):
        source.records(Kind.DOCUMENT, source.page(Kind.DOCUMENT, None, None, None).body)


@pytest.mark.parametrize("kind", ["has_more_forever", "repeat_page"])
@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/credit_notes"])
def test_a_list_without_an_end_is_refused(firm: Firm, source: Invoices, kind: str, path: str) -> None:
    firm.sandbox.stripe.faults.add({"kind": kind, "path": path, "rate": 1})
    with pytest.raises(Refused, match="document"):
        list(pages(source))


@pytest.mark.parametrize("path", ["/v1/credit_notes", "/v1/account"])
@pytest.mark.parametrize("kind", ["truncated_json", "html_502", "drop_before"])
def test_what_passes_is_tried_again(firm: Firm, source: Invoices, path: str, kind: str) -> None:
    firm.sandbox.stripe.faults.add({"kind": kind, "path": path, "times": 2})
    assert source.page(Kind.DOCUMENT, None, None, None).count > 100
    firm.sandbox.stripe.faults.add({"kind": kind, "path": path, "rate": 1})
    with pytest.raises(TryLater):
        connect(firm.sandbox).page(Kind.DOCUMENT, None, None, None)


def test_the_seed_has_every_state_and_nothing_unsound() -> None:
    source = connect(build(now=lambda: float(NOW), payments=160))
    parsed = [one for page in pages(source) for one in source.records(Kind.DOCUMENT, page.body)]
    assert [one.unsound for one in parsed if one.unsound] == []
    documents = [one.record for one in parsed if isinstance(one.record, Document)]
    assert {document.state for document in documents} == {*State} - {State.REVERSED, State.UNKNOWN}
    assert all(line.total is not None for document in documents for line in document.lines or ())
