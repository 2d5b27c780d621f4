"""Stripe as a source: what is asked for, and what an answer may look like."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Response
from accord.ports import CursorGone, Place, Source
from accord.records import Payment
from accord.systems.stripe import Mode, Stripe, classify
from accord.systems.stripe.client import EVENT, FOUNDED

CHARGE = (Path(__file__).parent.parent / "fixtures" / "stripe" / "charge.json").read_bytes()


class Wire:
    """Answers in turn, each judged as the transport would, and keeps what was asked for."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str], str]] = []

    def get(
        self, path: str, params: Sequence[tuple[str, str]] = (), *, endpoint: str, deadline: float = 30.0
    ) -> Response:
        self.asked.append((path, dict(params), endpoint))
        answer = self.answers.pop(0)
        fault = classify(answer)
        if fault is not None:
            raise fault
        return answer


def ok(body: bytes | object, **more: str) -> Response:
    return Response(200, more, body if isinstance(body, bytes) else json.dumps(body).encode())


def fault(status: int, **error: str) -> Response:
    return Response(status, {}, json.dumps({"error": {"type": "invalid_request_error", **error}}).encode())


def listed(*data: object, has_more: object = False) -> Response:
    return ok({"object": "list", "url": "/v1/charges", "has_more": has_more, "data": list(data)})


def stripe(*answers: Response, mode: Mode = "test") -> tuple[Stripe, Wire]:
    wire = Wire(*answers)
    return Stripe(wire, mode), wire  # type: ignore[arg-type]


def charge(key: str, created: object) -> dict[str, Any]:
    return {"id": key, "object": "charge", "created": created}


@pytest.mark.parametrize(("told", "kept"), [("req_7aB", "req_7aB"), ("jane@example.com", ""), ("a\nb", "")])
def test_a_page_says_by_which_request_it_came(told: str, kept: str) -> None:
    page = stripe(ok({"object": "list", "has_more": False, "data": []}, **{"request-id": told}))[0]
    assert page.page("payment", None, None, None).request == kept


def test_it_is_a_source() -> None:
    source: Source = stripe()[0]
    assert callable(source.page)


@pytest.mark.parametrize(
    ("stream", "path"),
    [
        ("customer", "/v1/customers"),
        ("subscription", "/v1/subscriptions"),
        ("invoice", "/v1/invoices"),
        ("intent", "/v1/payment_intents"),
        ("payment", "/v1/charges"),
        ("refund", "/v1/refunds"),
        ("dispute", "/v1/disputes"),
        ("leg", "/v1/balance_transactions"),
        ("event", "/v1/events"),
    ],
)
def test_a_stream_is_read_from_its_list(stream: str, path: str) -> None:
    source, wire = stripe(listed())
    page = source.page(stream, None, None, None)
    assert (page.count, page.has_more, page.last) == (0, False, None)
    status = {"status": "all"} if stream == "subscription" else {}
    assert wire.asked == [(path, {"limit": "100", **status}, path)]


def test_a_window_and_a_place_are_asked_for() -> None:
    source, wire = stripe(listed(charge("ch_2", 20), charge("ch_1", 10), has_more=True))
    page = source.page("payment", 10, 30, "ch_3")
    assert wire.asked[0][1] == {
        "limit": "100",
        "created[gte]": "10",
        "created[lt]": "30",
        "starting_after": "ch_3",
    }
    assert (page.count, page.has_more, page.last) == (2, True, Place("ch_1", 10))
    assert json.loads(page.body)["data"][0]["id"] == "ch_2"


@pytest.mark.parametrize(
    ("given", "read"), [("Thu, 01 Jan 2026 00:00:00 GMT", 1_767_225_600), ("yesterday", None), (None, None)]
)
def test_a_page_tells_stripes_own_time(given: str | None, read: int | None) -> None:
    body = listed().body
    source, _ = stripe(ok(body, date=given) if given else ok(body))
    assert source.page("payment", None, None, None).date == read


@pytest.mark.parametrize("bad", [{"id": ""}, {}, {"id": "ch_1", "created": "now"}, None, {"id": None, "created": 5}])
def test_an_element_without_a_place_is_on_the_page_all_the_same(bad: object) -> None:
    source, _ = stripe(listed(charge("ch_2", 20), bad, has_more=True))
    page = source.page("payment", None, None, None)
    assert (page.count, page.has_more, page.last) == (2, True, Place("ch_2", 20))


@pytest.mark.parametrize("data", [[], [{"id": ""}], [{}, None]])
def test_a_list_that_says_has_more_for_ever_is_refused(data: list[object]) -> None:
    source, _ = stripe(listed(*data, has_more=True))
    with pytest.raises(Refused, match=r"payment.*has_more"):
        source.page("payment", None, None, "ch_9")


@pytest.mark.parametrize("data", [["ch_9"], ["ch_9", "ch_8"], ["ch_10", "ch_9"], ["ch_10", "ch_9", None]])
def test_a_page_that_repeats_is_refused(data: list[str | None]) -> None:
    source, _ = stripe(listed(*(charge(key, 5) if key else {} for key in data), has_more=True))
    with pytest.raises(Refused, match=r"payment.*repeats"):
        source.page("payment", None, None, "ch_9")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>Bad gateway</body></html>",
        b'{"object":"list","has_more":false,"data":[{"id":"ch_1","crea',
        b'{"object":"list","has_more":false,"data":[]} trailing',
        b"\xff\xfe",
        b'{"object":"list","has_more":false,"data":[{"id":"","a":"',
    ],
)
def test_a_body_that_is_no_json_is_asked_for_again(body: bytes) -> None:
    source, _ = stripe(ok(body))
    with pytest.raises(TryLater):
        source.page("payment", None, None, None)


@pytest.mark.parametrize(
    "body",
    [
        {"object": "list", "data": []},
        {"object": "list", "data": [], "has_more": "yes"},
        {"object": "list", "data": {}, "has_more": False},
        {"object": "list", "has_more": False},
        {"object": "search_result", "data": [], "has_more": False},
        {"data": [], "has_more": False},
        {"error": {"message": "Ana Exemplu"}},
        [],
        None,
    ],
)
def test_json_that_is_no_list_page_is_refused_by_the_lists_name(body: object) -> None:
    source, _ = stripe(ok(body))
    with pytest.raises(Refused, match="/v1/charges is not a list") as error:
        source.page("payment", None, None, None)
    assert "Ana" not in str(error.value)


def test_a_deleted_cursor_object_is_named_as_such() -> None:
    gone = fault(400, code="resource_missing", param="starting_after", message="No such charge: 'ch_9'")
    source, _ = stripe(gone)
    with pytest.raises(CursorGone):
        source.page("payment", None, None, "ch_9")


@pytest.mark.parametrize("after", [None, "ch_9"])
def test_another_thing_missing_is_not_a_deleted_cursor(after: str | None) -> None:
    source, _ = stripe(fault(404, code="resource_missing", param="customer"))
    with pytest.raises(Refused, match="customer"):
        source.page("payment", None, None, after)


def test_one_object_is_fetched() -> None:
    source, wire = stripe(ok(CHARGE))
    body = source.fetch("payment", "ch_01")
    assert wire.asked == [("/v1/charges/ch_01", {}, "/v1/charges")]
    assert body is not None
    [parsed] = source.records("payment", body)
    assert isinstance(parsed.record, Payment)


def test_what_stripe_does_not_know_is_nothing() -> None:
    source, _ = stripe(fault(404, code="resource_missing", param="id"))
    assert source.fetch("payment", "ch_01") is None
    record = source.tombstone("payment", "ch_01")
    assert (record.key, record.deleted) == ("ch_01", True)


@pytest.mark.parametrize(
    "answer",
    [
        fault(404, message="Unrecognized request URL"),
        Response(404, {}, b"<html>nothing here</html>"),
        fault(400, code="resource_missing", param="expand"),
    ],
)
def test_an_address_that_is_not_there_deletes_nothing(answer: Response) -> None:
    source, _ = stripe(answer)
    with pytest.raises(Refused):
        source.fetch("payment", "ch_01")


def test_an_object_of_the_other_mode_deletes_nothing() -> None:
    message = "No such charge: 'ch_01'; a similar object exists in live mode, but a test mode key was used."
    source, _ = stripe(fault(404, code="resource_missing", param="id", message=message))
    with pytest.raises(Misconfigured, match="other mode"):
        source.fetch("payment", "ch_01")


def test_a_balance_transaction_is_never_gone() -> None:
    source, _ = stripe(fault(404, code="resource_missing", param="id"))
    with pytest.raises(Refused, match="never deleted"):
        source.fetch("leg", "txn_01")
    with pytest.raises(Refused):
        source.tombstone("leg", "txn_01")


@pytest.mark.parametrize(
    "key", ["", "../account", "ch_1/refunds", "ch_1?expand", "ch 1", "ch_1\n", "é", "x" * 256, "%2e", "a@b.test"]
)
def test_a_key_that_stripe_never_gave_out_is_not_asked_for(key: str) -> None:
    source, wire = stripe()
    with pytest.raises(Refused) as error:
        source.fetch("customer", key)
    assert wire.asked == []
    assert not key or key not in str(error.value)


def test_another_object_than_was_asked_for_is_refused() -> None:
    source, _ = stripe(ok(CHARGE))
    with pytest.raises(Refused, match="another object"):
        source.fetch("payment", "ch_02")


def test_a_fetched_object_without_an_id_is_given_to_the_parser() -> None:
    source, _ = stripe(ok({"object": "charge"}))
    body = source.fetch("payment", "ch_01")
    assert body is not None
    [parsed] = source.records("payment", body)
    assert "`id`" in str(parsed.unsound)


@pytest.mark.parametrize("body", [b"", b"<html></html>", CHARGE[:-20]])
def test_a_fetched_object_that_is_cut_off_is_asked_for_again(body: bytes) -> None:
    source, _ = stripe(ok(body))
    with pytest.raises(TryLater):
        source.fetch("payment", "ch_01")


def test_records_and_events_of_the_other_mode_stop_everything() -> None:
    source, _ = stripe(mode="live")
    with pytest.raises(Misconfigured, match="live mode"):
        source.records("payment", CHARGE)
    event = {"id": "evt_1", "created": 1, "livemode": False, "data": {"object": {"object": "charge", "id": "ch_1"}}}
    with pytest.raises(Misconfigured, match="live mode"):
        source.events(listed(event).body)


def test_the_account_tells_whose_key_it_is_and_how_old() -> None:
    known = ok({"id": "acct_1", "object": "account", "created": 1_500_000_000})
    source, wire = stripe(known, known, ok({"id": "acct_1"}))
    assert source.account() == ("acct_1", 1_500_000_000, None)
    assert source.began() == 1_500_000_000
    assert source.began() == FOUNDED
    assert wire.asked[0] == ("/v1/account", {}, "/v1/account")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"id": "acct_1", "livemode": True}, Misconfigured),
        ({"object": "account"}, Refused),
        (b"<html>", TryLater),
    ],
)
def test_an_account_that_is_none_is_an_error(body: object, error: type[Exception]) -> None:
    source, _ = stripe(ok(body))
    with pytest.raises(error):
        source.account()


def test_a_missing_permission_names_what_it_is_for() -> None:
    denied = fault(403, message="The key rk_test_secret lacks rights. Having the 'rak_charge_read' permission …")
    source, _ = stripe(denied)
    with pytest.raises(Misconfigured, match=r"rak_charge_read.*/v1/charges") as error:
        source.page("payment", None, None, None)
    assert "secret" not in str(error.value)


def test_events_are_no_kind_of_record() -> None:
    with pytest.raises(ValueError, match=EVENT):
        stripe()[0].fetch(EVENT, "evt_1")
