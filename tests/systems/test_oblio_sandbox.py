"""The Oblio client over the real transport, against the sandbox: a whole firm, and what can go wrong with it."""

import logging
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from accord.budget import Budget, NeverOpen, Unlimited
from accord.clock import Clock
from accord.documents import Document, State
from accord.errors import AccordError, Misconfigured, Refused, TryLater
from accord.http import Throttled
from accord.invoicing import Terms
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.schema import metadata
from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.direct import Direct
from accord.sandbox.oblio import documents, files, seed, shop
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.store import Row
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.serve import served
from accord.sandbox.wire import Ask
from accord.systems.oblio import Oblio, Rates, connect
from accord.systems.oblio.parse import Item
from accord.systems.oblio.tokens import Credentials
from accord.systems.oblio.walk import Place, Walk

NOW = 1_790_000_000.0


class Moving:
    """A clock that moves when someone waits, and that the sandbox lives by too."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return NOW + self.passed

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += seconds


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def sandbox(clock: Moving) -> Sandbox:
    made = build(now=clock.now, payments=0)
    seed.fill(made.oblio.store, invoices=160, seed=1)
    return made


def link(
    sandbox: Sandbox, clock: Clock, secret: str = CLIENT_SECRET, cif: str = shop.CIF, budget: Budget | None = None
) -> Oblio:
    return connect(
        base_url="http://sandbox.test/oblio/api",
        cif=cif,
        credentials=lambda: Credentials(CLIENT_ID, secret),
        budget=budget or Unlimited(),
        breaker=NeverOpen(),
        clock=clock,
        client=httpx.Client(transport=Direct(sandbox, clock.sleep)),
    )


@pytest.fixture
def oblio(sandbox: Sandbox, clock: Moving) -> Oblio:
    return link(sandbox, clock)


def switch(sandbox: Sandbox, **fault: Any) -> None:
    sandbox.oblio.faults.add(fault)


def set_(sandbox: Sandbox, **settings: Any) -> None:
    for name, value in settings.items():
        setattr(sandbox.oblio.settings, name, value)


def walked(oblio: Oblio, between: Callable[[], object] = lambda: None, lo: int = 0) -> list[Item]:
    """All that a walk meets, where this happens between its pages."""
    found: list[Item] = []
    place: Place | None = Place()
    while place is not None:
        rows, place = Walk(oblio, lo).step(place)
        found += rows
        between()
    return found


def documents_of(oblio: Oblio) -> dict[str, Document]:
    items = walked(oblio)
    assert [item.unsound for item in items if item.unsound] == []
    return {item.key: item.document for item in items if item.document is not None}


def make(sandbox: Sandbox, **call: Any) -> Row:
    """An invoice in the sandbox, without the client."""
    store = sandbox.oblio.store
    company = store.company(shop.CIF)
    usual = {"client": company.clients[0], "seriesName": "MDP", "products": [{"name": "Sac", "price": 121}]}
    return documents.create(store, company, "invoice", usual | call, Settings())


def tokens_given(sandbox: Sandbox) -> int:
    return sandbox.oblio.stats.by_endpoint["POST /authorize/token"]


def test_a_whole_firm_is_read(sandbox: Sandbox, oblio: Oblio) -> None:
    found = documents_of(oblio)
    kept = sandbox.oblio.store.company(shop.CIF).documents
    rows = {key: row for key, row in kept.items() if row["type"] == "Factura"}
    assert found.keys() == rows.keys()
    assert {document.state for document in found.values()} == set(State) - {State.DRAFT, State.UNKNOWN}
    assert {document.einvoice for document in found.values()} == {"not sent", "processing", "accepted", "errors"}
    assert {document.currency for document in found.values()} == {"RON", "EUR"}
    for key, document in found.items():
        assert document.total == int(float(rows[key]["total"]) * 100 + (0.5 if document.total > 0 else -0.5))  # type: ignore[operator]
        assert document.vat is not None, "all of them add up"
    rates = {line.vat_rate for document in found.values() for line in document.lines or ()}
    assert {"19", "9", "5", "21", "11"} <= rates
    drafts = [row for row in rows.values() if row["draft"] == "1"]
    assert {found[row["id"]].state for row in drafts} <= {State.ISSUED, State.PAID, State.PARTLY_PAID}


def test_stornos_of_old_invoices_keep_the_old_rates(sandbox: Sandbox, oblio: Oblio) -> None:
    late = [
        document
        for document in documents_of(oblio).values()
        if document.state is State.STORNO and document.series == "B-24"
    ]
    assert late
    for document in late:
        assert document.issued_on is not None
        assert document.issued_on > "2025-08-01"
        assert {line.vat_rate for line in document.lines or ()} <= {"19", "9", "5"}
        assert document.total is not None
        assert document.total < 0


def test_company_series_and_rates(oblio: Oblio) -> None:
    assert (oblio.company().name, oblio.company().vat_id) == ("Prăvălia Exemplu SRL", shop.CIF)
    assert {one.name for one in oblio.series()} == {"MDP", "WEB", "EXP", "B-24", "PF", "AV"}
    terms = Terms(product="Comandă", series="WEB", vat_name="Normala", vat_rate="21")
    oblio.issuer("oblio/main", terms, lambda: None).check()


@pytest.mark.parametrize("cif", [shop.CIF.removeprefix("RO"), f" {shop.CIF.lower()} "])
def test_a_company_is_found_with_and_without_ro(sandbox: Sandbox, clock: Moving, cif: str) -> None:
    assert link(sandbox, clock, cif=cif).company().vat_id == shop.CIF


def test_a_company_of_others_is_for_a_person(sandbox: Sandbox, clock: Moving) -> None:
    with pytest.raises(Misconfigured, match=r"no company with the CIF 12345.*its companies are Prăvălia"):
        link(sandbox, clock, cif="12345").page(0)


def test_an_invoice_is_paid_in_two_parts(sandbox: Sandbox, oblio: Oblio) -> None:
    row = make(sandbox)
    named = {"seriesName": row["seriesName"], "number": row["number"]}
    seen = []
    for value in ("", "50.25", "70.75"):
        if value:
            payment = {"collect": {"type": "Card", "value": value}}
            documents.collect(sandbox.oblio.store, sandbox.oblio.store.company(shop.CIF), named | payment)
        item = oblio.fetch(row["id"])
        assert item is not None
        assert item.document is not None
        seen.append((item.document.paid, item.document.state))
    assert seen == [(0, State.ISSUED), (5025, State.PARTLY_PAID), (12100, State.PAID)]


def test_a_deleted_number_comes_back_under_a_new_id(sandbox: Sandbox, oblio: Oblio) -> None:
    first = make(sandbox)
    with httpx.Client(transport=Direct(sandbox), base_url="http://sandbox.test/oblio") as http:
        token = http.post("/api/authorize/token", json=Credentials(CLIENT_ID, CLIENT_SECRET)._asdict()).json()
        named = {"cif": shop.CIF, "seriesName": "MDP", "number": first["number"]}
        bearer = {"authorization": f"Bearer {token['access_token']}"}
        assert http.request("DELETE", "/api/docs/invoice", json=named, headers=bearer).status_code == 200
    second = make(sandbox, products=[{"name": "Sac", "price": 99}])
    assert second["number"] == first["number"]
    assert oblio.fetch(first["id"]) is None
    item = oblio.fetch(second["id"])
    assert item is not None
    assert item.document is not None
    assert (item.document.number, item.document.total) == (first["number"], 9900)


def test_invoices_that_are_made_while_the_list_is_read(sandbox: Sandbox, oblio: Oblio) -> None:
    before = set(documents_of(oblio))
    sandbox.oblio.stats.reset()
    found = [item.key for item in walked(oblio, lambda: make(sandbox))]
    assert before <= set(found)
    assert sandbox.oblio.stats.by_endpoint["GET /docs/invoice/list"] == 4, "it is not walked twice"


def test_new_ones_since_an_id(sandbox: Sandbox, oblio: Oblio) -> None:
    newest = oblio.page(0).items[0].position
    made = [make(sandbox)["id"] for _ in range(3)]
    sandbox.oblio.stats.reset()
    found = [item.key for item in walked(oblio, lo=newest)]
    assert found[:4] == [*made[::-1], str(newest)]
    assert sandbox.oblio.stats.by_endpoint == {"GET /docs/invoice/list": 1}


def test_the_pdf_behind_a_link(sandbox: Sandbox, oblio: Oblio) -> None:
    item = oblio.page(0).items[0]
    assert oblio.pdf(item) == files.render(*_found(sandbox, item.key))


def _found(sandbox: Sandbox, key: str) -> tuple[Any, Row]:
    company = sandbox.oblio.store.company(shop.CIF)
    return company, company.documents[key]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "server_error", "status": 404}, Refused),
        ({"kind": "html_502", "times": 100}, TryLater),
        ({"kind": "redirect"}, Refused),
    ],
)
def test_a_pdf_that_is_not_there(sandbox: Sandbox, oblio: Oblio, fault: dict[str, Any], error: type[Exception]) -> None:
    item = oblio.page(0).items[0]
    switch(sandbox, path="/utils", **fault)
    with pytest.raises(error):
        oblio.pdf(item)


@pytest.mark.parametrize(
    "link_",
    [
        "https://elsewhere.example.test/oblio/utils/show_file/?id=1",
        "http://elsewhere.example.test/oblio/utils/show_file/?id=1",
        "http://sandbox.test@elsewhere.example.test/oblio/x",
        "http://sandbox.test/other/x",
        "file:///etc/passwd",
        "",
    ],
)
def test_links_that_lead_elsewhere_are_not_followed(sandbox: Sandbox, oblio: Oblio, link_: str) -> None:
    switch(sandbox, kind="wrong_type", field="link", value=link_ or " ", nth=1)
    with pytest.raises(Refused):
        oblio.pdf(oblio.page(0).items[0])
    assert sandbox.oblio.stats.by_endpoint["GET /utils/show_file"] == 0


def test_a_web_page_in_place_of_a_pdf_is_refused(sandbox: Sandbox, oblio: Oblio) -> None:
    switch(sandbox, kind="wrong_type", field="link", value="http://sandbox.test/oblio/_admin/truth", nth=1)
    with pytest.raises(Refused, match="no PDF"):
        oblio.pdf(oblio.page(0).items[0])


def test_a_token_serves_an_hour_less_a_tenth(sandbox: Sandbox, oblio: Oblio, clock: Moving) -> None:
    for seconds, given in ((0, 1), (3_200, 1), (60, 2), (3_200, 2), (60, 3)):
        clock.sleep(seconds)
        oblio.page(0)
        assert tokens_given(sandbox) == given
    assert sandbox.oblio.stats.by_status["401"] == 0


def test_a_token_that_ends_in_mid_walk_is_replaced(sandbox: Sandbox, oblio: Oblio) -> None:
    everything = {item.key for item in walked(oblio)}
    sandbox.oblio.stats.reset()
    assert {item.key for item in walked(oblio, sandbox.oblio.tokens.revoke)} == everything
    assert sandbox.oblio.stats.by_status["401"] == tokens_given(sandbox) > 1


def test_errors_that_only_the_body_tells_of(sandbox: Sandbox, oblio: Oblio) -> None:
    oblio.page(0)
    set_(sandbox, body_status=True)
    sandbox.oblio.tokens.revoke()
    assert oblio.page(0).count == 100
    assert tokens_given(sandbox) == 2
    with pytest.raises(Refused, match="with 400 in the body"):
        oblio._api.get("/docs/invoice/list", [("orderBy", "colour")], endpoint="read")


def test_threads_share_one_token(sandbox: Sandbox, oblio: Oblio) -> None:
    start = threading.Barrier(6)
    errors: list[BaseException] = []

    def read() -> None:
        try:
            start.wait()
            oblio.page(0)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (errors, tokens_given(sandbox)) == ([], 1)


def test_a_wrong_secret_is_for_a_person(sandbox: Sandbox, clock: Moving) -> None:
    with pytest.raises(Misconfigured, match="e-mail and the secret") as error:
        link(sandbox, clock, secret="canary-secret").page(0)
    assert "canary" not in str(error.value)
    assert tokens_given(sandbox) == 1


def test_a_secret_that_was_changed_is_taken_up(sandbox: Sandbox, clock: Moving) -> None:
    at_hand = [CLIENT_SECRET, "old", CLIENT_SECRET]
    oblio = connect(
        base_url="http://sandbox.test/oblio/api/",
        cif=shop.CIF,
        credentials=lambda: Credentials(CLIENT_ID, at_hand.pop(0)),
        budget=Unlimited(),
        breaker=NeverOpen(),
        clock=clock,
        client=httpx.Client(transport=Direct(sandbox)),
    )
    oblio.page(0)
    sandbox.oblio.tokens.revoke()
    with pytest.raises(Misconfigured):
        oblio.page(0)
    assert oblio.page(0).count == 100


@pytest.mark.parametrize(
    "kind", ["html_502", "truncated_json", "drop_before", "drop_midway", "drop_answer", "server_error", "rate_limit"]
)
def test_what_passes_is_tried_again(sandbox: Sandbox, oblio: Oblio, kind: str) -> None:
    oblio.company()
    switch(sandbox, kind=kind, times=2, path="/api/docs")
    assert oblio.page(0).count == 100


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "truncated_json", "times": 100}, TryLater),
        ({"kind": "html_502", "times": 100}, TryLater),
        ({"kind": "rate_limit", "times": 100}, Throttled),
        ({"kind": "rate_limit", "times": 100, "status": 403}, Throttled),
        ({"kind": "unauthorized", "times": 2}, Misconfigured),
        ({"kind": "redirect"}, Refused),
        ({"kind": "big_body"}, Refused),
    ],
)
def test_what_stays_is_named_by_what_to_do(
    sandbox: Sandbox, oblio: Oblio, fault: dict[str, Any], error: type[Exception]
) -> None:
    oblio.company()
    switch(sandbox, path="/api/docs", **fault)
    with pytest.raises(error):
        oblio.page(0)


@pytest.mark.parametrize("path", ["/api/authorize", "/api/nomenclature"])
@pytest.mark.parametrize("kind", ["html_502", "truncated_json", "drop_before"])
def test_trouble_with_token_or_company_passes(sandbox: Sandbox, oblio: Oblio, path: str, kind: str) -> None:
    switch(sandbox, kind=kind, times=1, path=path)
    if path == "/api/authorize":  # sent once
        with pytest.raises(TryLater):
            oblio.page(0)
    assert oblio.page(0).count == 100


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"kind": "unknown_enum"}, "`$.type`"),
        ({"kind": "unknown_enum", "field": "einvoiceStatus.code"}, "`$.einvoiceStatus.code`"),
        ({"kind": "missing_field"}, "`total`"),
        ({"kind": "null_field"}, "`$.total`"),
        ({"kind": "wrong_type"}, "`$.total`"),
    ],
)
def test_one_bad_row_spoils_no_other(sandbox: Sandbox, oblio: Oblio, fault: dict[str, Any], why: str) -> None:
    oblio.company()
    switch(sandbox, path="/api/docs", nth=3, **fault)
    items = oblio.page(0).items
    assert [n for n, item in enumerate(items, 1) if item.document is None] == [3]
    assert why in str(items[2].unsound)
    assert "quantum" not in str(items[2].unsound)


def test_without_the_marks_of_stornos_they_are_known_by_their_sums(sandbox: Sandbox, oblio: Oblio) -> None:
    for field in ("storno", "stornoed"):
        switch(sandbox, kind="missing_field", field=field, nth=0, rate=1, path="/api/docs")
    switch(sandbox, kind="extra_fields", rate=1)
    found = documents_of(oblio).values()
    assert {document.state for document in found if document.total is not None and document.total < 0} <= {
        State.STORNO,
        State.CANCELLED,
    }
    assert any(document.state is State.STORNO for document in found)


def test_a_list_without_an_end_is_refused(sandbox: Sandbox, oblio: Oblio) -> None:
    switch(sandbox, kind="repeat_page")
    with pytest.raises(Refused, match="never end"):
        walked(oblio)


def test_a_filter_that_is_passed_over_is_not_taken_for_an_answer(sandbox: Sandbox, oblio: Oblio) -> None:
    make(sandbox)
    known = oblio.page(0).items[5].key
    switch(sandbox, kind="wrong_type", field="id", value="1", path="/api/docs")
    with pytest.raises(Refused, match="other invoices"):
        oblio.fetch(known)
    with pytest.raises(Refused, match="key"):
        oblio.fetch("1&cif=2")
    assert oblio.fetch("1") is None


@pytest.fixture
def rates(clock: Moving) -> Callable[[], Rates]:
    engine = open_database("sqlite://", "the test's database")
    metadata.create_all(engine)
    ledger = Ledger(engine, Cipher(new_key()), clock)
    return lambda: Rates("oblio/main", ledger, clock)


@pytest.fixture
def limited(sandbox: Sandbox) -> Sandbox:
    set_(sandbox, limit=True)
    return sandbox


def test_within_the_limit_no_call_is_refused(limited: Sandbox, clock: Moving, rates: Callable[[], Rates]) -> None:
    oblio = link(limited, clock, budget=rates())
    calls = 120
    for _ in range(calls):
        oblio.series()
    assert limited.oblio.stats.throttled.total() == 0
    assert clock.passed < 1.15 * calls / 3


def test_two_workers_share_the_rate(limited: Sandbox, clock: Moving, rates: Callable[[], Rates]) -> None:
    workers = [link(limited, clock, budget=rates()) for _ in range(2)]
    for _ in range(60):
        for oblio in workers:
            oblio.series()
    assert limited.oblio.stats.throttled.total() == 0


def use_up(sandbox: Sandbox) -> None:
    """Make as many calls as are allowed, with each token that there is, as another program might."""
    for token in sandbox.oblio.tokens.dump()["ends"]:
        for _ in range(31):
            bearer = {"authorization": f"Bearer {token}"}
            sandbox.oblio.answer(Ask("GET", "/api/nomenclature/companies", "", b"", bearer))


@pytest.mark.parametrize("status", [429, 403])
def test_a_limit_that_others_use_up_is_waited_out(
    limited: Sandbox, clock: Moving, rates: Callable[[], Rates], status: int
) -> None:
    set_(limited, limit_status=status)
    oblio = link(limited, clock, budget=rates())
    for _ in range(3):
        oblio.series()
        use_up(limited)
        began, refused = clock.passed, limited.oblio.stats.by_status[str(status)]
        assert oblio.page(0).count == 100
        assert 10 <= clock.passed - began < 15
        assert limited.oblio.stats.by_status[str(status)] == refused + 1


@pytest.mark.parametrize("status", [429, 403])
def test_a_block_of_ten_minutes_ends_in_try_later(
    limited: Sandbox, clock: Moving, rates: Callable[[], Rates], status: int
) -> None:
    set_(limited, block=True, limit_status=status)
    oblio = link(limited, clock, budget=rates())
    oblio.series()
    use_up(limited)
    with pytest.raises(Throttled, match="too many calls"):
        oblio.series()
    clock.sleep(600)
    assert oblio.page(0).count == 100


def test_documents_have_a_rate_of_their_own(clock: Moving, rates: Callable[[], Rates]) -> None:
    budget = rates()
    for _ in range(30):
        budget.take("document")
    assert 100 < clock.passed < 115
    for endpoint in ("read", "document"):
        budget.pause(None, 20)
        began = clock.passed
        budget.take(endpoint)
        assert clock.passed >= began + 20


def test_over_sockets_and_nothing_of_it_in_the_log(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, clock: Moving
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="accord")  # a run in this process may have set it
    clients = [client["name"] for client in sandbox.oblio.store.company(shop.CIF).clients]
    with served(application(sandbox)) as url:
        oblio = connect(
            base_url=f"{url}/oblio/api",
            cif=shop.CIF,
            credentials=lambda: Credentials(CLIENT_ID, CLIENT_SECRET),
            budget=Unlimited(),
            breaker=NeverOpen(),
            clock=clock,
        )
        switch(sandbox, kind="server_error", path="/api/docs")
        page = oblio.page(0)
        assert oblio.pdf(page.items[0]).startswith(b"%PDF-")
        sandbox.oblio.tokens.revoke()
        assert oblio.page(100).items
        with pytest.raises(AccordError) as error:
            oblio._api.get("/docs/invoice/none", endpoint="read")
        oblio.close()
    tokens = list(sandbox.oblio.tokens.dump()["ends"])
    secrets = [CLIENT_SECRET, CLIENT_ID, *tokens, "&it=", "show_file/?", *clients]
    shown = f"{caplog.text} {error.value!r} {page!r} {page.items!r} {oblio!r} {Credentials('a', 'canary')!r}"
    assert "/docs/invoice/list" in caplog.text
    assert [secret for secret in [*secrets, "canary"] if secret in shown] == []
