"""What Stripe issues is as expected, also where its issuer is no Romanian firm."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from accord.batch import Prepared
from accord.budget import NeverOpen, Unlimited
from accord.clock import SystemClock
from accord.documents import Document
from accord.http import Transport
from accord.records import Kind
from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.systems.stripe import Invoices, Stripe, classify, headers

FIXTURES = Path(__file__).parent.parent / "fixtures" / "stripe"
NOW = 1_790_000_000.0


def failed(documents: list[Document], now: float = NOW) -> dict[int, list[str]]:
    from tasks.expectations.examine import examine

    return examine(Prepared(1, Kind.DOCUMENT, 1, None, records=[*documents], hashes=[""] * len(documents)), now)


def document(name: str, **changes: Any) -> Document:
    source = Invoices(Stripe(None, "test"), SystemClock())  # type: ignore[arg-type] - nothing is asked
    raw = json.loads((FIXTURES / f"{name}.json").read_bytes()) | changes
    (parsed,) = source.records(Kind.DOCUMENT, json.dumps(raw).encode())
    assert isinstance(parsed.record, Document), parsed.unsound
    return parsed.record


def test_the_sandboxs_documents_are_sound() -> None:
    sandbox = build(now=lambda: NOW, payments=160)
    transport = Transport(
        base_url="http://sandbox.test/stripe",
        authorize=lambda: headers("sk_test_sandbox_full"),
        classify=classify,
        budget=Unlimited(),
        breaker=NeverOpen(),
        clock=SystemClock(),
        client=httpx.Client(transport=Direct(sandbox)),
    )
    source = Invoices(Stripe(transport, "test"), SystemClock())
    page = source.page(Kind.DOCUMENT, None, None, None)
    documents = [one.record for one in source.records(Kind.DOCUMENT, page.body) if isinstance(one.record, Document)]
    assert len(documents) == page.count > 50
    assert failed(documents) == {}


@pytest.mark.parametrize("name", ["invoice_issued", "credit_note"])
def test_a_romanian_issuers_documents_are_sound(name: str) -> None:
    assert failed([document(name)]) == {}


@pytest.mark.parametrize(
    "changes",
    [
        # A German firm and an Austrian one; who bought is known by an address alone.
        {
            "account_country": "DE",
            "account_tax_ids": [{"type": "eu_vat", "value": "DE136695976"}],
            "customer_tax_ids": [{"type": "eu_vat", "value": "ATU13585627"}],
        },
        {
            "account_country": "US",
            "account_tax_ids": None,
            "customer_tax_ids": [{"type": "us_ein", "value": "12-3456789"}],
        },
        {"customer_name": None, "customer_tax_ids": []},
        {"status": "draft", "number": None, "customer_name": None, "customer_email": None, "customer_tax_ids": []},
        {"number": "INV-DE/2026-0042"},
        {"due_date": None},
        {"total_excluding_tax": None},
        {"status": "paid", "amount_remaining": 0},
        {"deleted": True},
    ],
)
def test_what_is_sound_elsewhere_is_sound(changes: dict[str, Any]) -> None:
    assert failed([document("invoice_issued", **changes)]) == {}


@pytest.mark.parametrize(("country", "sound"), [("JP", True), ("RO", False), (None, False)])
def test_a_day_that_has_begun_in_the_issuers_country_is_not_in_the_future(country: str | None, sound: bool) -> None:
    tokyo = {"time_zone": "Asia/Tokyo", "tax_rates": {}}
    now = 1_789_743_600  # 2026-09-18 at 15:00 by UTC, which is midnight in Tokyo
    found = document("invoice_issued", besides=tokyo, account_country=country, effective_at=now, due_date=None)
    assert found.issued_on == "2026-09-19"
    assert (failed([found], now=now) == {}) is sound
