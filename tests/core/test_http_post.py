"""What the transport sends once, and a credential that ends."""

import threading

import httpx
import pytest

from accord.clock import Until
from accord.errors import Misconfigured, NotSent, TryLater
from accord.http import NotAccepted, Throttled

FORM = "application/x-www-form-urlencoded"


def post(transport, path="/token"):
    return transport.post(path, b"a=1&b=2", content_type=FORM, endpoint="token")


def test_a_body_goes_out_with_its_type_and_length(serve, bad, connect):
    server = serve(bad.then_closes(bad.answer(200, b'{"a": 1}')))
    assert post(connect(server.url)).body == b'{"a": 1}'
    sent = server.requests[0].headers
    assert (sent["content-type"], sent["content-length"]) == (FORM, "7")


def test_a_client_of_our_own_choice_gets_the_body_too(connect):
    app = httpx.MockTransport(lambda request: httpx.Response(200, json=[request.method, request.read().decode()]))
    with httpx.Client(transport=app) as client:
        assert post(connect("https://api.example.com", client=client)).body == b'["POST","a=1&b=2"]'


@pytest.mark.parametrize("status", [401, 409, 500, 503])
def test_it_is_sent_once(serve, bad, connect, clock, status):
    server = serve(bad.then_closes(bad.answer(status), bad.answer(200)))
    with pytest.raises(Misconfigured if status == 401 else TryLater):
        post(connect(server.url))
    assert (len(server.requests), clock.slept) == (1, [])


def test_a_lost_answer_is_not_asked_for_again(serve, bad, connect, noted):
    server = serve(bad.resets(bad.answer(200)))
    with pytest.raises(TryLater):
        post(connect(server.url, breaker=noted))
    assert (len(server.requests), noted.notes) == (1, ["check", "failed"])


def test_a_throttled_one_pauses_its_endpoint(serve, bad, connect, noted):
    server = serve(bad.then_closes(bad.answer(429, Retry_After="20")))
    with pytest.raises(Throttled) as caught:
        post(connect(server.url, budget=noted))
    assert caught.value.after == 20
    assert noted.notes == [("take", "token"), ("pause", "token", 20)]


class Passing:
    """A credential that ends after some uses, and is another one each time it is loaded."""

    def __init__(self, uses):
        self.uses = uses
        self.left = 0
        self.loaded = 0

    def __call__(self):
        self.left = self.uses
        self.loaded += 1
        return {"Authorization": f"Bearer {self.loaded}"}

    def stale(self):
        self.left -= 1
        return self.left < 0


def test_a_credential_that_is_about_to_end_is_loaded_anew(serve, bad, connect):
    server = serve(bad.replies(bad.answer(200)))
    passing = Passing(uses=2)
    transport = connect(server.url, authorize=passing, stale=passing.stale)
    for _ in range(6):
        transport.get("/", endpoint="all")
    assert [request.headers["authorization"][-1] for request in server.requests] == list("111222")


def test_threads_load_it_once(serve, bad, connect, at_once):
    server = serve(bad.replies(bad.answer(200)))
    loaded, ended = [], threading.Event()
    ended.set()

    def authorize():
        loaded.append(threading.get_ident())
        ended.clear()
        return {"Authorization": "Bearer 1"}

    transport = connect(server.url, authorize=authorize, stale=ended.is_set)
    at_once(lambda: transport.get("/", endpoint="all"))
    assert len(loaded) == 1
    ended.set()
    at_once(lambda: transport.get("/", endpoint="all"))
    assert len(loaded) == 2


def test_a_refusal_that_is_no_401_has_it_loaded_anew_once(serve, bad, connect):
    server = serve(bad.replies(bad.answer(418), bad.answer(200), bad.answer(418)))
    passing = Passing(uses=100)
    transport = connect(
        server.url, authorize=passing, classify=lambda a: NotAccepted("not accepted") if a.status == 418 else None
    )
    assert transport.get("/", endpoint="all").status == 200
    assert passing.loaded == 2
    with pytest.raises(Misconfigured, match="not accepted"):
        transport.get("/", endpoint="all")
    assert (passing.loaded, len(server.requests)) == (3, 4)


def test_after_its_moment_nothing_is_sent(serve, bad, connect, clock):
    server = serve(bad.replies(bad.answer(200)))
    transport = connect(server.url)
    late = Until.within(clock, 10)
    clock.sleep(10)
    for until in (late, Until(clock.monotonic() - 1, clock.now() + 9), Until(clock.monotonic() + 9, clock.now() - 1)):
        with pytest.raises(NotSent, match="too late"):
            transport.post("/token", b"", content_type=FORM, endpoint="token", until=until)
    assert server.requests == []
    transport.post("/token", b"", content_type=FORM, endpoint="token", until=Until.within(clock, 1))
    assert len(server.requests) == 1


def test_what_holds_it_up_before_it_is_sent_says_so(connect):
    class Spent:
        def take(self, endpoint):
            raise TryLater("the rate lets nothing through", 40)

    with pytest.raises(NotSent) as caught:
        post(connect("https://api.example.com", budget=Spent()))
    assert caught.value.after == 40


def test_headers_go_along(serve, bad, connect):
    server = serve(bad.replies(bad.answer(200)))
    key = {"Idempotency-Key": "k-1"}
    connect(server.url).post("/a", b"", content_type=FORM, endpoint="token", headers=key)
    assert server.requests[0].headers["idempotency-key"] == "k-1"


def test_an_answer_that_can_not_be_taken_leaves_open_what_was_done(serve, bad, connect):
    server = serve(bad.replies(bad.answer(200, b"abc", Content_Encoding="br")))
    with pytest.raises(TryLater):
        post(connect(server.url))
    assert len(server.requests) == 1


def test_a_refused_credential_is_loaded_anew_for_the_next_one(serve, bad, connect):
    server = serve(bad.then_closes(bad.answer(401), bad.answer(200)))
    passing = Passing(uses=100)
    transport = connect(server.url, authorize=passing)
    with pytest.raises(Misconfigured):
        post(transport)
    assert post(transport).status == 200
    assert passing.loaded == 2
