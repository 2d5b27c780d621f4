"""What a transport believes of an answer, where it lets itself be led, and what it never tells."""

import logging
import traceback
from email.utils import formatdate

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from accord.clock import SystemClock
from accord.errors import AccordError, Misconfigured, Refused
from accord.http import Response, retry_after

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 5 ", 5),
        ("2.128", 2.128),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW, usegmt=True), 0),
        (formatdate(NOW - 90, usegmt=True), None),
        (formatdate(NOW + 1e6, usegmt=True), 900),
        ("99999999", 900),
        ("9" * 5000, 900),
        *((junk, None) for junk in ("", "-1", "-2.5", "+3", "1e3", "nan", "inf", "5s", "0x10", "1.", ".5", "٣")),
        *((junk, None) for junk in ("soon", "Sun, 06 Nov", "Sun, 99 Nov 2094 08:49:37 GMT", "1,2", "1; 2")),
    ],
)
def test_retry_after_in_all_its_forms(value, seconds):
    assert retry_after(value, NOW) == (None if seconds is None else pytest.approx(seconds))


@given(st.text() | st.from_regex(r"[A-Z][a-z]{2}, [0-9]{1,5} [A-Z][a-z]{2} [0-9]{1,7} [0-9:]{5,9} [A-Z]{3}"))
@example("Mon, 01 Jan 99999 00:00:00 GMT")
def test_retry_after_survives_anything(value):
    seconds = retry_after(value, NOW)
    assert seconds is None or 0 <= seconds <= 900


@pytest.mark.parametrize(
    ("location", "named"),
    [
        ("http://169.254.169.254/latest/meta-data?token=CANARYQUERY", r"redirects to 169\.254\.169\.254"),
        ("/elsewhere?CANARYQUERY", "redirects to an address without a host"),
        ("http://a.example:port/", "redirects to an address without a host"),
    ],
)
def test_a_redirect_is_refused(serve, bad, connect, location, named):
    server = serve(bad.replies(bad.answer(302, location=location)))
    with pytest.raises(Refused, match=named) as caught:
        connect(server.url).get("/v1/charges", endpoint="charges")
    assert "CANARY" not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "link",
    [
        "https://graph.example.com/v1.0/me?page=2",
        "http://evil.example.net/v1.0/me",
        "http://169.254.169.254/v1.0/me",
        "//evil.example.net/v1.0/me",
        "http://graph.example.com:8080/v1.0/me",
        "http://graph.example.com:80@evil.example.net/v1.0/me",
        "http://key@graph.example.com/v1.0/me",
        "http://graph.example.com./v1.0/me",
        "http://graph.example.com/beta/me",
        "http://graph.example.com/v1.0/../beta/me",
        "http://graph.example.com/v1.01/me",
        "/../beta/me",
        "http://graph.example.com\\@evil.example.net/v1.0/me",
        "http://graph.example.com/v1.0/me\r\nX: y",
        "file:///etc/passwd",
        "me",
        "",
    ],
)
def test_a_link_to_elsewhere_is_refused(connect, link):
    def never(request):
        raise AssertionError("nothing may be sent")

    with httpx.Client(transport=httpx.MockTransport(never)) as client:
        transport = connect("http://graph.example.com/v1.0", client=client)
        with pytest.raises(Refused, match=r"^graph\.example\.com gave a link"):
            transport.get(link, endpoint="me")


def test_a_link_to_an_allowed_host_is_followed(serve, bad, connect):
    server = serve(bad.replies(bad.answer(200, b"[]")))
    transport = connect(server.url)
    assert transport.get(f"{server.url}/v1/charges?page=2", endpoint="charges").body == b"[]"
    assert server.requests[0].target == "/v1/charges?page=2"
    elsewhere = connect(
        "https://one.example.com",
        allowed_hosts=frozenset({"one.example.com", "two.example.com"}),
        client=httpx.Client(transport=httpx.MockTransport(lambda request: httpx.Response(200, json=[]))),
    )
    assert elsewhere.get("https://two.example.com/x", endpoint="x").status == 200


@pytest.mark.parametrize("url", ["", "api.example.com", "ftp://a.example", "https://u:p@a.example", "https://a/?b"])
def test_a_base_address_must_be_plain(connect, url):
    with pytest.raises(Misconfigured, match="address"):
        connect(url)


@pytest.mark.parametrize("key", ["CANARYKEY\n", "CANARYKEY“", "", "CANARY\0KEY"])
def test_a_key_that_fits_in_no_header_is_named_without_its_text(connect, key):
    transport = connect("http://127.0.0.1:9", authorize=lambda: {"Authorization": key})
    with pytest.raises(Misconfigured, match="enter it again") as caught:
        transport.get("/v1/charges", endpoint="charges")
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_no_key_query_or_body_gets_into_logs_and_errors(serve, bad, connect, caplog):
    caplog.set_level(logging.DEBUG)
    body = b'{"error": {"message": "CANARYBODY"}}'
    redirect = bad.answer(307, body, Location="http://other.example/?CANARYQUERY")
    answers = [bad.answer(status, body, Request_Id="req_9") for status in (200, 400, 401, 403, 409, 429, 500)]
    odd = [b"HTTP/1.1 CANARYBODY\r\n\r\n", bad.answer(200, body[:-1]), bad.answer(200, body, Request_Id="\x1b[2J")]
    errors = []
    for behave in [
        *(bad.then_closes(one) for one in [*answers, *odd, redirect]),
        bad.resets(bad.answer(400)),
        bad.drips(b"HTTP/1.1 200 OK\r\n", b"x: CANARYBODY\r\n", 0.01),
    ]:
        transport = connect(serve(behave).url, clock=SystemClock())
        try:
            transport.get(
                "/v1/calendars/CANARYMAIL@example.com/list",
                [("email", "CANARYQUERY@example.com")],
                endpoint="charges",
                deadline=0.3,
            )
        except AccordError as error:
            errors.append(error)
    for link in ("http://evil.example/?CANARYQUERY", "/v1/x\nCANARYQUERY"):
        with pytest.raises(Refused) as refused:
            transport.get(link, endpoint="charges")
        errors.append(refused.value)
    texts = ["".join(traceback.format_exception(error)) + repr(error) for error in errors]
    assert len(texts) >= 12
    assert any("GET /v1/calendars/…/list 200 req_9 " in message for message in caplog.messages)
    assert not [text for text in [*texts, caplog.text] if "CANARY" in text or "\x1b" in text]
    assert all(error.__context__ is None for error in errors)


def test_the_query_is_not_logged_by_httpx_either(connect, caplog):
    caplog.set_level(logging.INFO)
    app = httpx.MockTransport(lambda request: httpx.Response(200, json={}))
    with httpx.Client(transport=app) as client:
        connect("https://a.example", client=client).get("/x", [("q", "CANARYQUERY")], endpoint="x")
        assert "CANARY" not in caplog.text
        client.get("https://b.example/y")
    assert "b.example" in caplog.text  # what others do with httpx is logged as before


def test_an_answer_does_not_show_what_is_in_it():
    assert "CANARY" not in repr(Response(200, {"x": "CANARY"}, b"CANARY"))
