"""What an event makes Accord look at again."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from accord.errors import TryLater
from accord.ports import Event
from accord.systems.stripe.events import of_documents, read

FIXTURE = Path(__file__).parent.parent / "fixtures" / "stripe" / "event.json"
T = 1_767_225_691


def page(*events: object) -> bytes:
    return json.dumps({"object": "list", "url": "/v1/events", "has_more": False, "data": list(events)}).encode()


def event(subject: object, type_: str = "x.updated") -> dict[str, Any]:
    return json.loads(FIXTURE.read_bytes()) | {"type": type_, "data": {"object": subject}}


def hints(subject: object) -> set[tuple[str, str]]:
    [found] = read(page(event(subject)), live=False)
    assert (found.id, found.created) == ("evt_01", T)
    assert len(set(found.hints)) == len(found.hints)
    return set(found.hints)


def test_an_event_as_stripe_lists_it() -> None:
    found = read(page(json.loads(FIXTURE.read_bytes())), live=False)
    assert found == [Event("evt_01", T, (("refund", "re_01"), ("payment", "ch_01")))]


@pytest.mark.parametrize(
    ("object_", "kind"),
    [
        ("customer", "customer"),
        ("subscription", "subscription"),
        ("invoice", "invoice"),
        ("payment_intent", "intent"),
        ("charge", "payment"),
        ("refund", "refund"),
        ("dispute", "dispute"),
        ("balance_transaction", "leg"),
    ],
)
def test_an_object_that_is_kept_is_looked_at_again(object_: str, kind: str) -> None:
    assert hints({"object": object_, "id": "x_1"}) == {(kind, "x_1")}
    assert hints({"object": object_, "id": "x_1", "deleted": True}) == {(kind, "x_1")}


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"object": "refund", "id": "re_1", "charge": "ch_1"}, {("refund", "re_1"), ("payment", "ch_1")}),
        ({"object": "refund", "id": "re_1", "charge": None}, {("refund", "re_1")}),
        ({"object": "dispute", "id": "du_1", "charge": {"id": "ch_1"}}, {("dispute", "du_1"), ("payment", "ch_1")}),
        (
            {"object": "payment_intent", "id": "pi_1", "latest_charge": "ch_1"},
            {("intent", "pi_1"), ("payment", "ch_1")},
        ),
        ({"object": "charge", "id": "ch_1", "invoice": "in_1"}, {("payment", "ch_1")}),
        ({"object": "radar.early_fraud_warning", "id": "issfr_1", "charge": "ch_1"}, {("payment", "ch_1")}),
        ({"object": "credit_note", "id": "cn_1", "invoice": "in_1"}, {("invoice", "in_1")}),
    ],
)
def test_what_it_bears_upon_is_looked_at_too(subject: object, expected: set[tuple[str, str]]) -> None:
    assert hints(subject) == expected


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ({"object": "invoice", "id": "in_1", "charge": "ch_1"}, {"in_1"}),
        ({"object": "invoice", "id": "in_1", "deleted": True}, {"in_1"}),
        ({"object": "invoice", "number": None}, set()),  # invoice.upcoming is of none that is there yet
        ({"object": "credit_note", "id": "cn_1", "invoice": "in_1"}, {"cn_1", "in_1"}),
        ({"object": "credit_note", "id": "cn_1", "invoice": {"id": "in_1"}}, {"cn_1", "in_1"}),
        ({"object": "invoice_payment", "id": "inpay_1", "invoice": "in_1"}, {"in_1"}),
        ({"object": "invoiceitem", "id": "ii_1", "invoice": "in_1"}, set()),
        ({"object": "charge", "id": "ch_1", "invoice": "in_1"}, set()),
        ({"object": "customer", "id": "cus_1"}, set()),
    ],
)
def test_which_documents_an_event_speaks_of(subject: object, expected: set[str]) -> None:
    [found] = read(page(event(subject)), False, of_documents)
    assert set(found.hints) == {("document", key) for key in expected}
    assert len(set(found.hints)) == len(found.hints)


@pytest.mark.parametrize(
    "subject",
    [
        {"object": "payout", "id": "po_1"},
        {"object": "product", "id": "prod_1"},
        {"object": "balance", "available": []},
        {"object": "invoice"},
        {"object": "invoice", "id": None},
        {"object": "brand.new", "id": "bn_1", "charge": 7},
    ],
)
def test_other_objects_are_no_news(subject: object, caplog: pytest.LogCaptureFixture) -> None:
    assert hints(subject) == set()
    assert caplog.records == []


def test_an_unknown_type_of_event_is_read_like_any_other() -> None:
    [found] = read(page(event({"object": "charge", "id": "ch_1"}, "charge.brand_new")), live=False)
    assert found.hints == (("payment", "ch_1"),)


def test_a_link_that_cannot_be_read_does_not_hide_the_object_itself() -> None:
    assert hints({"object": "refund", "id": "re_1", "charge": 7}) == {("refund", "re_1")}


@pytest.mark.parametrize(
    "broken",
    [
        {"created": 5},
        {"id": "evt_9", "created": T},
        {"id": "evt_9", "created": T, "data": {}},
        {"id": "evt_9", "created": T, "data": {"object": []}},
        {"id": "evt_9", "created": T, "data": {"object": {"object": "charge", "id": 5}}},
        {"id": "evt_9", "created": T, "data": {"object": {"object": "charge", "id": "ch_\0"}}},
        {"id": "evt_9", "created": "now", "data": {"object": {"object": "charge", "id": "ch_1"}}},
        {"id": "evt 9", "created": T, "data": {"object": {"object": "charge", "id": "ch_1"}}},
        None,
    ],
)
def test_an_event_that_cannot_be_read_holds_up_no_other(broken: object, caplog: pytest.LogCaptureFixture) -> None:
    good = event({"object": "charge", "id": "ch_1"})
    with caplog.at_level(logging.WARNING, "accord.systems.stripe"):
        before, found, after = read(page(good, broken, good), live=False)
    assert before == after == Event("evt_01", T, (("payment", "ch_1"),))
    assert found.hints == ()
    named = isinstance(broken, dict) and broken.get("id") == "evt_9"
    assert found.id == "evt_9" if named else found.id.startswith("sha256:")
    assert "1 of 3 events" in caplog.text


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", page()[:-3]])
def test_a_body_that_is_no_list_of_events_is_asked_for_again(body: bytes) -> None:
    with pytest.raises(TryLater):
        read(body, live=False)


def test_an_empty_page_has_no_events() -> None:
    assert read(page(), live=False) == []
