"""What Oblio's answers mean for the caller."""

import json

import pytest

from accord.errors import Misconfigured, Refused, TryLater
from accord.http import NotAccepted, Response, Throttled
from accord.systems.oblio.errors import NotFound, classify, classify_file, classify_token

PAGE = b"<html><body>Ana Test, RO90000017</body></html>"


def told(status: int, message: str = "Ana Test, RO90000017") -> bytes:
    return json.dumps({"status": status, "statusMessage": message}).encode()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, told(400), Refused),
        (400, PAGE, Refused),
        (400, told(400, "The access token provided is invalid"), NotAccepted),
        (401, told(401), NotAccepted),
        (401, b"", NotAccepted),
        (403, told(403), Throttled),
        (403, PAGE, Throttled),
        (404, PAGE, NotFound),
        (408, b"", TryLater),
        (429, told(429), Throttled),
        (429, PAGE, Throttled),
        (500, told(400), TryLater),
        (502, PAGE, TryLater),
        (503, b"", TryLater),
        (200, told(400), Refused),
        (200, told(401), NotAccepted),
        (200, told(403), Throttled),
        (200, told(429), Throttled),
        (200, told(500), TryLater),
        (201, told(400, "The access token provided is invalid"), NotAccepted),
    ],
)
def test_each_error_says_what_to_do_and_names_nobody(status: int, body: bytes, error: type[Exception]) -> None:
    fault = classify(Response(status, {}, body), "OblioAccount/main")
    assert type(fault) is error
    assert "Ana" not in str(fault)
    assert "90000017" not in str(fault)


@pytest.mark.parametrize(
    "body",
    [told(200), told(201), b'{"status":"200","data":[]}', b"{}", b"", PAGE, b"%PDF-1.4", b'{"status":null}', b"\xff"],
)
def test_success_is_left_to_whoever_reads_the_body(body: bytes) -> None:
    assert classify(Response(200, {}, body)) is None


def test_limits_hold_for_a_class_or_for_all() -> None:
    by_status = {status: classify(Response(status, {}, b"")) for status in (403, 429)}
    assert isinstance(by_status[403], Throttled)
    assert isinstance(by_status[429], Throttled)
    assert (by_status[403].scope, by_status[429].scope) == ("account", "endpoint")


@pytest.mark.parametrize("status", [400, 401])
def test_a_wrong_secret_is_for_a_person(status: int) -> None:
    fault = classify_token(Response(status, {}, told(status)), "eu")
    assert isinstance(fault, Misconfigured)
    assert not isinstance(fault, NotAccepted)
    assert "accord connect oblio --name eu" in str(fault)


@pytest.mark.parametrize(("status", "error"), [(429, Throttled), (403, Throttled), (500, TryLater), (404, NotFound)])
def test_other_trouble_with_a_token_is_not(status: int, error: type[Exception]) -> None:
    assert type(classify_token(Response(status, {}, PAGE))) is error


def test_files() -> None:
    assert classify_file(Response(200, {}, b"%PDF-1.4")) is None
    assert isinstance(classify_file(Response(404, {}, PAGE)), NotFound)
    assert isinstance(classify_file(Response(502, {}, PAGE)), TryLater)
    assert isinstance(classify_file(Response(429, {}, PAGE)), Throttled)
