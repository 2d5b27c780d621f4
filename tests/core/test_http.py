"""The transport against servers on real sockets that do what networks and providers do on a bad day."""

import gzip
import threading

import httpx
import pytest

from accord.budget import NeverOpen, Unlimited
from accord.errors import Misconfigured, TryLater
from accord.http import Throttled

KEY = "sk_test_CANARYKEY"
GOOD = b'{"data": [{"id": "ch_1"}, {"id": "ch_2"}]}'


def test_an_answer_comes_back_whole(serve, bad, connect):
    plain, packed = b'{"a": 1}', gzip.compress(b'{"b": 2}')
    server = serve(
        bad.replies(
            bad.answer(200, plain, Request_Id="req_1", X="1"),
            bad.answer(200, packed, content_encoding="gzip"),
            bad.answer(404, b"<html>", content_type="text/html"),
        )
    )
    transport = connect(server.url)
    first = transport.get("/v1/charges", [("limit", "100"), ("created[gte]", "5")], endpoint="charges")
    assert (first.status, first.body, first.headers["request-id"]) == (200, plain, "req_1")
    assert transport.get("/v1/charges?page=x", [("a", "b")], endpoint="charges").body == b'{"b": 2}'
    assert transport.get("/v1/charges/ch_1", endpoint="charges").status == 404
    assert [request.target for request in server.requests] == [
        "/v1/charges?limit=100&created%5Bgte%5D=5",
        "/v1/charges?page=x&a=b",
        "/v1/charges/ch_1",
    ]
    sent = server.requests[0].headers
    assert sent["authorization"] == f"bearer {KEY}".lower()
    assert sent["accept-encoding"] == "gzip"
    assert repr(first) == "Response(status=200, 8 bytes)"


def test_a_client_of_our_own_choice_sends_instead(connect):
    app = httpx.MockTransport(lambda request: httpx.Response(200, json={"path": request.url.path}))
    with httpx.Client(transport=app) as client:
        transport = connect("https://api.example.com/v1", client=client)
        assert transport.get("/charges", endpoint="charges").body == b'{"path":"/v1/charges"}'


def test_a_reset_connection_is_tried_again(serve, bad, connect):
    server = serve(bad.resets(bad.answer(200, GOOD)))
    assert connect(server.url).get("/v1/charges", endpoint="charges").body == GOOD
    assert len(server.requests) == 2


def test_nobody_listening_ends_in_try_later(connect, clock, serve, bad):
    server = serve(bad.replies())
    server.close()
    with pytest.raises(TryLater, match=r"127\.0\.0\.1 could not be reached"):
        connect(server.url).get("/v1/charges", endpoint="charges")
    assert 15 < clock.monotonic() <= 30


@pytest.mark.parametrize("status", [409, 500, 503])
def test_trouble_that_passes_is_waited_out(serve, bad, connect, status):
    # 503 is not in the table: no table may take it for success.
    server = serve(bad.replies(bad.answer(status, b"oops"), bad.answer(status), bad.answer(200, GOOD)))
    assert connect(server.url).get("/v1/charges", endpoint="charges").body == GOOD


def test_trouble_that_stays_ends_in_try_later_within_the_deadline(serve, bad, connect, clock, noted):
    server = serve(bad.replies(bad.answer(500)))
    with pytest.raises(TryLater, match="busy"):
        connect(server.url, breaker=noted).get("/v1/charges", endpoint="charges", deadline=30.0)
    assert clock.monotonic() <= 29
    assert 5 <= len(server.requests) <= 12
    assert noted.notes.count("failed") == 1
    assert noted.notes.count("failed again") == len(server.requests) - 1


def test_retry_after_is_honoured_where_it_fits(serve, bad, connect, clock):
    server = serve(bad.replies(bad.answer(503, Retry_After="7"), bad.answer(200, GOOD)))
    connect(server.url).get("/v1/charges", endpoint="charges")
    assert clock.slept == [7.0]


def test_retry_after_that_does_not_fit_is_handed_on(serve, bad, connect, clock):
    server = serve(bad.replies(bad.answer(503, Retry_After="60")))
    with pytest.raises(TryLater) as caught:
        connect(server.url).get("/v1/charges", endpoint="charges")
    assert caught.value.after == 60
    assert clock.slept == []


class Keys:
    """A credential that is another one each time it is loaded."""

    def __init__(self):
        self.loaded = 0

    def __call__(self):
        self.loaded += 1
        return {"Authorization": f"Bearer {KEY}{self.loaded}"}


def test_after_a_401_the_credential_is_loaded_anew_once(serve, bad, connect, noted):
    server = serve(bad.replies(bad.answer(401), bad.answer(200, GOOD)))
    keys = Keys()
    transport = connect(server.url, authorize=keys, budget=noted)
    assert transport.get("/v1/charges", endpoint="charges").body == GOOD
    transport.get("/v1/charges", endpoint="charges")
    assert keys.loaded == 2
    assert [r.headers["authorization"][-1] for r in server.requests] == ["1", "2", "2"]
    assert noted.notes == [("take", "charges")] * 3


def test_any_answer_may_ask_for_a_rest(serve, bad, connect, noted):
    answers = (bad.answer(200, GOOD, Left="0"), bad.answer(404, Left="0"), bad.answer(200, GOOD, Left="9"))
    server = serve(bad.replies(*answers))
    transport = connect(server.url, budget=noted, rest=lambda answer: 7.0 if answer.headers["left"] == "0" else 0.0)
    for _ in range(3):
        transport.get("/v1/charges", endpoint="charges")
    rested = [("take", "charges"), ("pause", None, 7.0)]
    assert noted.notes == [*rested, *rested, ("take", "charges")]


def test_a_second_401_is_for_a_person(serve, bad, connect):
    server = serve(bad.replies(bad.answer(401)))
    keys = Keys()
    with pytest.raises(Misconfigured, match="not accepted"):
        connect(server.url, authorize=keys).get("/v1/charges", endpoint="charges")
    assert (keys.loaded, len(server.requests)) == (2, 2)


def test_threads_that_meet_the_same_401_load_the_credential_once(serve, bad, connect):
    together = threading.Barrier(4)

    def behave(peer, number):
        if number < 4:
            together.wait(5)
        peer.sendall(bad.answer(401 if number < 4 else 200, GOOD))
        return True

    keys = Keys()
    transport = connect(serve(behave).url, authorize=keys)
    got = []
    threads = [
        threading.Thread(target=lambda: got.append(transport.get("/v1/charges", endpoint="charges").status))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert got == [200] * 4
    assert keys.loaded == 2


@pytest.mark.parametrize(("scope", "paused"), [("endpoint", "charges"), ("account", None)])
def test_a_throttled_request_pauses_the_budget_and_goes_again(serve, bad, connect, clock, scope, paused, noted):
    throttled = bad.answer(429, X_Scope=scope, Retry_After="1")
    server = serve(bad.replies(*[throttled] * 4, bad.answer(200, GOOD)))
    transport = connect(server.url, budget=noted, breaker=noted)
    assert transport.get("/v1/charges", endpoint="charges").body == GOOD
    pauses = [note[2] for note in noted.notes if note[0] == "pause"]
    assert {note[1] for note in noted.notes if note[0] == "pause"} == {paused}
    # A constant Retry-After is outgrown.
    assert pauses[0] == 1.0
    assert 2.0 <= pauses[3] <= 4.0
    assert noted.notes[:4] == ["check", ("take", "charges"), "succeeded", ("pause", paused, 1.0)]
    assert clock.slept == []  # the budget is what waits


def test_a_throttle_that_stays_is_handed_on(serve, bad, connect, noted):
    server = serve(bad.replies(bad.answer(429, Retry_After="99999999")))
    with pytest.raises(Throttled) as caught:
        connect(server.url, budget=noted).get("/v1/charges", endpoint="charges")
    assert len(server.requests) == 5
    assert caught.value.after == 900
    assert noted.notes.count(("pause", "charges", 900.0)) == 5


def test_waiting_for_the_budget_does_not_count_against_the_deadline(serve, bad, connect, clock):
    class Slow(Unlimited):
        def take(self, endpoint):
            clock.sleep(25)

    server = serve(bad.replies(bad.answer(500), bad.answer(500), bad.answer(200, GOOD)))
    assert connect(server.url, budget=Slow()).get("/v1/charges", endpoint="charges").status == 200


def test_an_open_breaker_or_an_empty_budget_sends_nothing(serve, bad, connect):
    class Closed(NeverOpen, Unlimited):
        def check(self):
            raise TryLater("open", 30)

    class Empty(Unlimited):
        def take(self, endpoint):
            raise TryLater("empty", 60)

    server = serve(bad.replies(bad.answer(200)))
    for limits in ({"breaker": Closed()}, {"budget": Empty()}):
        with pytest.raises(TryLater, match=r"open|empty"):
            connect(server.url, **limits).get("/v1/charges", endpoint="charges")
    assert server.requests == []


def test_several_threads_share_one_transport(serve, bad, connect):
    def behave(peer, number):
        peer.sendall(bad.answer(200, b"[%d]" % number, X=str(number)))
        return True

    transport = connect(serve(behave).url)
    seen = []

    def run():
        for _ in range(25):
            answer = transport.get("/v1/charges", endpoint="charges")
            assert answer.body == f"[{answer.headers['x']}]".encode()
            seen.append(answer.body)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(set(seen)) == 100
