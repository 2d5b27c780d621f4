"""What a transport does when a server drips, floods, cuts off or cannot prove who it is."""

import gzip
import ssl
import time
import tracemalloc

import pytest

from accord import wire
from accord.clock import SystemClock
from accord.errors import Misconfigured, Refused, TryLater

GOOD = b'{"data": [{"id": "ch_1"}, {"id": "ch_2"}]}'


@pytest.mark.parametrize(
    ("start", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n{", b" "),
        (b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nx: ", b"y"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"", b""),
    ],
    ids=["body", "headers", "one header", "100 Continue", "silence"],
)
def test_the_deadline_holds_against_a_server_that_drips(serve, bad, connect, start, drop):
    server = serve(bad.drips(start, drop, 0.05))
    began = time.monotonic()
    with pytest.raises(TryLater, match="did not answer in time"):
        connect(server.url, clock=SystemClock()).get("/v1/charges", endpoint="charges", deadline=0.4)
    assert 0.3 < time.monotonic() - began < 4


def test_no_wait_starts_anew_when_a_byte_comes(serve, bad, connect):
    server = serve(bad.drips(b"", b"H", 0.9))
    began = time.monotonic()
    with pytest.raises(TryLater, match="did not answer in time"):
        connect(server.url, clock=SystemClock()).get("/v1/charges", endpoint="charges", deadline=1.0)
    assert time.monotonic() - began < 1.6


@pytest.mark.parametrize("length", ["12000001", ""], ids=["declared", "undeclared"])
def test_more_than_ten_megabytes_are_refused(serve, bad, connect, length):
    body = b"[" + b" " * 11_999_999 + b"]"
    server = serve(bad.then_closes(bad.answer(200, body, content_length=length)))
    with pytest.raises(Refused, match="more than 10 MB"):
        connect(server.url).get("/v1/charges", endpoint="charges")


def test_a_gzip_bomb_is_not_inflated(serve, bad, connect):
    server = serve(bad.replies(bad.bomb(60)))
    transport = connect(server.url)
    tracemalloc.start()
    try:
        with pytest.raises(Refused, match="more than 10 MB"):
            transport.get("/v1/charges", endpoint="charges")
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


def test_a_compression_that_was_not_asked_for_is_refused(serve, bad, connect):
    server = serve(bad.replies(bad.answer(200, b"{}", content_encoding="br")))
    with pytest.raises(Refused, match="compression"):
        connect(server.url).get("/v1/charges", endpoint="charges")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda bad: bad.answer(200, GOOD, content_length="9999"), id="longer length declared"),
        pytest.param(lambda bad: bad.answer(200, GOOD, content_length="20"), id="shorter length declared"),
        pytest.param(lambda bad: bad.answer(200, GOOD[:-1]), id="cut, with the right length"),
        pytest.param(lambda bad: bad.answer(200, GOOD[:24], content_length=""), id="cut, without a length"),
        pytest.param(lambda bad: bad.answer(200, b""), id="empty"),
        pytest.param(lambda bad: bad.answer(200, gzip.compress(GOOD)[:-3], content_encoding="gzip"), id="cut gzip"),
        pytest.param(
            lambda bad: bad.answer(200, gzip.compress(GOOD) + b"{}", content_encoding="gzip"),
            id="more behind gzip",
        ),
        pytest.param(lambda bad: bad.answer(200, GOOD, content_encoding="gzip"), id="not gzip at all"),
        pytest.param(lambda bad: b"HTTP/1.1 2", id="cut in the status line"),
        pytest.param(lambda bad: b"\x16\x03\x01 this is not HTTP\r\n\r\n", id="not HTTP"),
    ],
)
def test_a_damaged_answer_is_asked_for_again(serve, bad, connect, clock, broken, noted):
    server = serve(bad.then_closes(broken(bad), bad.answer(200, GOOD)))
    assert connect(server.url, breaker=noted).get("/v1/charges", endpoint="charges").body == GOOD
    assert len(server.requests) == 2
    assert 0.25 <= clock.slept[0] <= 0.5
    assert noted.notes[:2] == ["check", "failed"]
    assert noted.notes[-2:] == ["check", "succeeded"]


def test_an_untrusted_certificate_is_for_a_person(bad, connect, tmp_path):
    with bad.serving(bad.replies(bad.answer(200)), bad.self_signed(tmp_path)) as server:
        transport = connect(server.url)
        with pytest.raises(Misconfigured, match=r"certificate of 127"):
            transport.get("/v1/charges", endpoint="charges")
    assert server.requests == []


def test_the_deadline_holds_over_tls(bad, connect, tmp_path, monkeypatch):
    context = bad.self_signed(tmp_path)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
    monkeypatch.setattr(wire, "_trust", lambda: trusting)
    with bad.serving(bad.drips(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", 0.05), context) as server:
        began = time.monotonic()
        with pytest.raises(TryLater, match="did not answer in time"):
            connect(server.url, clock=SystemClock()).get("/v1/charges", endpoint="charges", deadline=0.4)
        assert 0.3 < time.monotonic() - began < 4
        assert len(server.requests) == 1
