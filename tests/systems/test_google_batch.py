"""Several calls in one request: what is sent, and answers that are shuffled, cut off or hostile."""

import pytest

from accord.http import Response
from accord.systems.google.batch import CONTENT_TYPE, Call, packed, unpacked


def part(number: object, status: int = 200, body: bytes = b"{}") -> bytes:
    head = f"Content-Type: application/http\r\nContent-ID: <response-call-{number}>\r\n\r\n"
    return f"{head}HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\n\r\n".encode() + body


def answered(*parts: bytes, edge: str = "b1", end: bytes = b"--", quoted: bool = False) -> Response:
    body = b"".join(b"--" + edge.encode() + b"\r\n" + one + b"\r\n" for one in parts) + b"--" + edge.encode() + end
    named = f'"{edge}"' if quoted else edge
    return Response(200, {"content-type": f"multipart/mixed; boundary={named}"}, body)


def test_what_is_sent() -> None:
    calls = [
        (3, Call("POST", "/x?a=b", {}, '{"summary":"Ședință"}'.encode())),
        (12, Call("DELETE", "/x/y", {"If-Match": '"1"'}, b"")),
    ]
    assert packed(calls).decode().split("\r\n") == [
        "--accord-calls",
        "Content-Type: application/http",
        "Content-ID: <call-3>",
        "",
        "POST /x?a=b HTTP/1.1",
        "Content-Type: application/json",
        "Content-Length: 24",
        "",
        '{"summary":"Ședință"}',
        "--accord-calls",
        "Content-Type: application/http",
        "Content-ID: <call-12>",
        "",
        "DELETE /x/y HTTP/1.1",
        'If-Match: "1"',
        "",
        "",
        "--accord-calls--",
        "",
    ]
    assert CONTENT_TYPE == "multipart/mixed; boundary=accord-calls"


@pytest.mark.parametrize("quoted", [True, False])
def test_answers_are_found_by_their_numbers(quoted: bool) -> None:
    found = unpacked(answered(part(12, 412), part(0), part(3, 201, b'{"a":"b--b1"}'), quoted=quoted))
    assert {number: (one.status, one.body) for number, one in found.items()} == {
        12: (412, b"{}"),
        0: (200, b"{}"),
        3: (201, b'{"a":"b--b1"}'),
    }
    assert found[0].headers == {"content-type": "application/json"}


def test_what_was_cut_off_is_left_out() -> None:
    whole = answered(part(1), part(2))
    assert unpacked(answered(part(1), part(2), end=b"")).keys() == {1, 2}
    for length in range(len(whole.body)):
        found = unpacked(Response(200, whole.headers, whole.body[:length]))
        assert all(one.body == b"{}" for one in found.values())
    assert unpacked(Response(200, whole.headers, whole.body[: len(whole.body) - 30])).keys() == {1}


@pytest.mark.parametrize(
    "answer",
    [
        Response(200, {}, b"--b1\r\n" + part(1) + b"\r\n--b1--"),
        Response(200, {"content-type": "text/html"}, b"<html>"),
        Response(200, {"content-type": "multipart/mixed; boundary="}, b""),
        answered(b"", b"\r\n\r\n", b"HTTP/1.1 200 OK"),
        answered(part("x"), part(-1), part(12_345_678)),
        answered(part(1).replace(b"HTTP/1.1 200", b"HTTP/1.1 9000")),
        answered(part(1).replace(b"response-", b"")),
    ],
)
def test_what_can_not_be_read_answers_nothing(answer: Response) -> None:
    assert unpacked(answer) == {}
