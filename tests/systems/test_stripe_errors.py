"""What each of Stripe's error answers makes the caller do."""

import json

import pytest

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import Response, Throttled
from accord.systems.stripe.errors import Forbidden, NotFound, classify


def answer(status: int, body: object = None, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, named, body if isinstance(body, bytes) else json.dumps(body).encode())


def error(**fields: object) -> dict[str, object]:
    return {"error": {"type": "invalid_request_error", "message": "Ana Exemplu sk_test_hidden", **fields}}


@pytest.mark.parametrize(
    ("status", "fields", "raised"),
    [
        (400, {}, Refused),
        (400, {"code": "parameter_unknown", "param": "limit"}, Refused),
        (400, {"type": "idempotency_error"}, Refused),
        (400, {"code": "resource_missing", "param": "starting_after"}, NotFound),
        (401, {}, Misconfigured),
        (401, {"code": "api_key_expired"}, Misconfigured),
        (402, {"type": "card_error", "code": "card_declined"}, Refused),
        (403, {}, Forbidden),
        (403, {"code": "secret_key_required"}, Misconfigured),
        (404, {"code": "resource_missing", "param": "id"}, NotFound),
        (404, {}, Refused),
        (408, {}, TryLater),
        (409, {"code": "idempotency_key_in_use"}, TryLater),
        (424, {}, TryLater),
        (429, {"code": "rate_limit"}, TryLater),
        (429, {"code": "lock_timeout"}, TryLater),
        (500, {"type": "api_error"}, TryLater),
        (502, {}, TryLater),
        (503, {}, TryLater),
        (504, {}, TryLater),
    ],
)
def test_every_status_has_its_class(status: int, fields: dict[str, object], raised: type[Exception]) -> None:
    found = classify(answer(status, error(**fields), request_id="req_8Kx"))
    assert type(found) is raised
    assert "Ana" not in str(found)
    assert "hidden" not in str(found)
    assert "req_8Kx" in str(found)
    assert str(status) in str(found)
    assert str(fields.get("code", "")) in str(found)


@pytest.mark.parametrize("status", [200, 201, 204])
def test_success_is_no_error(status: int) -> None:
    assert classify(answer(status, b"")) is None


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"null", b'{"error":"x"}', b'{"error":{"code":5}}', b"\xff", b'{"error":{"code":"\xff"}}'],
)
@pytest.mark.parametrize(("status", "raised"), [(400, Refused), (404, Refused), (401, Misconfigured), (502, TryLater)])
def test_a_body_that_is_no_error_leaves_the_status(body: bytes, status: int, raised: type[Exception]) -> None:
    assert type(classify(answer(status, body))) is raised


@pytest.mark.parametrize(
    ("reason", "scope"),
    [
        ("global-rate", "account"),
        ("global-concurrency", "account"),
        ("endpoint-rate", "endpoint"),
        ("endpoint-concurrency", "endpoint"),
    ],
)
def test_a_throttle_says_how_far_it_reaches(reason: str, scope: str) -> None:
    found = classify(answer(429, error(code="rate_limit"), stripe_rate_limited_reason=reason))
    assert isinstance(found, Throttled)
    assert found.scope == scope


@pytest.mark.parametrize("reason", ["resource-specific", "brand-new", ""])
def test_a_throttle_of_one_object_pauses_nothing_else(reason: str) -> None:
    found = classify(answer(429, error(code="lock_timeout"), stripe_rate_limited_reason=reason))
    assert type(found) is TryLater


def test_stripes_own_word_on_trying_again_counts() -> None:
    assert type(classify(answer(400, error(), stripe_should_retry="true"))) is TryLater
    asked_not_to = classify(answer(500, error(), stripe_should_retry="false"))
    assert isinstance(asked_not_to, TryLater)
    assert asked_not_to.after is not None
    assert asked_not_to.after > 30  # not within one request's short retries
    plain = classify(answer(500, error()))
    assert isinstance(plain, TryLater)
    assert plain.after is None


@pytest.mark.parametrize("status", [401, 403])
def test_no_retry_makes_a_key_valid(status: int) -> None:
    assert isinstance(classify(answer(status, error(), stripe_should_retry="true")), Misconfigured)


def test_an_invalid_key_says_which_block_to_change() -> None:
    text = str(classify(answer(401, error()), connection="eu"))
    assert "StripeAccount/eu in the Prefect UI, under Blocks" in text
    assert "accord connect stripe --name eu" in text


def test_of_a_key_that_is_not_saved_yet_no_block_is_named() -> None:
    text = str(classify(answer(401, error()), connection="eu", saved=False))
    assert "Stripe's dashboard" in text
    assert "accord connect stripe --name eu" in text
    assert "block" not in text.lower()
    assert "curl" not in text, "a key on a command line stays in the shell's history"


def test_a_missing_permission_is_named() -> None:
    body = error(message="Having 'rak_charge_read' and rak_refund_read would allow this for Ana Exemplu.")
    text = str(classify(answer(403, body)))
    assert "(rak_charge_read, rak_refund_read)" in text
    assert "Ana" not in text


@pytest.mark.parametrize("number", ["Ana Exemplu", "a\nb", "x" * 81])
def test_a_request_id_that_is_none_is_not_shown(number: str) -> None:
    text = str(classify(answer(500, error(code=number, param=number), request_id=number)))
    assert text == "Stripe answered 500"


def test_a_missing_object_tells_which_parameter_spoke_of_it() -> None:
    found = classify(answer(400, error(code="resource_missing", param="starting_after")))
    assert isinstance(found, NotFound)
    assert (found.status, found.param) == (400, "starting_after")
