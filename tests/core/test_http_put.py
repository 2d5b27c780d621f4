"""What the transport repeats though it changes something: a PUT, for systems that take a repeat for the same one."""

import httpx
import pytest

from accord.errors import Refused, TryLater
from accord.http import Throttled

JSON = {"Content-Type": "application/json", "Idempotency-Key": "k-1"}


def put(transport, body=b'{"a": 1}'):
    return transport.put("/document", [("key", "a/b c")], body, JSON, endpoint="all")


def test_body_and_headers_go_out_with_the_credential(serve, bad, connect):
    server = serve(bad.then_closes(bad.answer(201, b'{"rev": 1}')))
    assert put(connect(server.url)).status == 201
    [sent] = server.requests
    assert sent.target == "/document?key=a%2Fb+c"
    names = ("content-type", "idempotency-key", "content-length", "authorization")
    assert [sent.headers[name] for name in names] == ["application/json", "k-1", "8", "bearer sk_test_canarykey"]


def test_an_empty_body_has_a_length_too(serve, bad, connect):
    server = serve(bad.then_closes(bad.answer(200)))
    put(connect(server.url), b"")
    assert server.requests[0].headers["content-length"] == "0"


def test_a_client_of_our_own_choice_gets_it_whole(connect):
    app = httpx.MockTransport(lambda r: httpx.Response(200, json=[r.method, r.read().decode(), r.headers["x"]]))
    with httpx.Client(transport=app) as client:
        answer = connect("https://api.example.com", client=client).put("/d", (), b"hello", {"X": "y"}, endpoint="all")
    assert answer.body == b'["PUT","hello","y"]'


def test_a_lost_answer_is_asked_for_again_with_the_same_bytes(serve, bad, connect, noted):
    server = serve(bad.resets(bad.answer(200, b"{}")))
    assert put(connect(server.url, breaker=noted)).status == 200
    first, second = server.requests
    assert first == second
    assert noted.notes == ["check", "failed", "check", "succeeded"]


def test_after_a_401_the_credential_is_loaded_anew_once(serve, bad, connect):
    server = serve(bad.replies(bad.answer(401), bad.answer(200, b"{}")))
    loaded = iter(("old", "new"))
    put(connect(server.url, authorize=lambda: {"Authorization": f"Bearer {next(loaded)}"}))
    assert [sent.headers["authorization"] for sent in server.requests] == ["bearer old", "bearer new"]


def test_a_throttled_one_pauses_and_goes_on(serve, bad, connect, noted):
    server = serve(bad.replies(bad.answer(429, Retry_After="3"), bad.answer(200, b"{}")))
    put(connect(server.url, budget=noted))
    assert noted.notes == [("take", "all"), ("pause", "all", 3), ("take", "all")]
    server = serve(bad.replies(bad.answer(429)))
    with pytest.raises(Throttled):
        put(connect(server.url, budget=noted))


def test_what_is_refused_is_sent_once(serve, bad, connect):
    server = serve(bad.replies(bad.answer(400)))
    with pytest.raises(Refused):
        put(connect(server.url))
    assert len(server.requests) == 1


def test_trouble_that_stays_ends_in_try_later_within_30_seconds(serve, bad, connect, clock):
    server = serve(bad.replies(bad.answer(500)))
    with pytest.raises(TryLater):
        put(connect(server.url))
    assert clock.monotonic() <= 30
    assert len(server.requests) >= 5
