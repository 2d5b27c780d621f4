"""Several calls in one request: multipart/mixed both ways (developers.google.com/calendar/api/guides/batch). Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from accord.http import Response

BOUNDARY = "accord-calls"
CONTENT_TYPE = f"multipart/mixed; boundary={BOUNDARY}"

_NUMBER = re.compile(rb"^content-id:[ \t]*<?response-call-([0-9]{1,6})>?[ \t]*$", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(rb"HTTP/[0-9.]+ ([1-5][0-9]{2})\b")
_EDGE = re.compile(r"""boundary=(?:"([^"]{1,200})"|([^\s";]{1,200}))""", re.IGNORECASE)


class Call(NamedTuple):
    """One call within a request; `path` has its query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


def packed(calls: Iterable[tuple[int, Call]]) -> bytes:
    """The request's body; each call goes by its number."""
    parts = []
    for number, call in calls:
        lines = [
            f"--{BOUNDARY}",
            "Content-Type: application/http",
            f"Content-ID: <call-{number}>",
            "",
            f"{call.method} {call.path} HTTP/1.1",
            *(f"{name}: {value}" for name, value in call.headers.items()),
        ]
        if call.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(call.body)}"]
        parts.append("\r\n".join([*lines, "", ""]).encode() + call.body + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])


def unpacked(answer: Response) -> dict[int, Response]:
    """What each call was answered, by its number. Parts come in any order; those that can not be read are left out."""
    edge = _EDGE.search(answer.headers.get("content-type", ""))
    if edge is None:
        return {}
    separator = b"--" + (edge[1] or edge[2]).encode("latin-1")
    # A part is whole where a separator follows it: what comes behind the last one was cut off.
    parts = (b"\r\n" + answer.body).split(b"\r\n" + separator)[1:-1]
    return dict(_answers(parts))


def _answers(parts: Iterable[bytes]) -> Iterator[tuple[int, Response]]:
    for part in parts:
        outer, _, inner = part.partition(b"\r\n\r\n")
        head, _, body = inner.partition(b"\r\n\r\n")
        number, status = _NUMBER.search(outer.replace(b"\r\n", b"\n")), _STATUS.match(head)
        if number is not None and status is not None:
            lines = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
            headers = {name.strip().lower(): value.strip() for name, _, value in lines}
            yield int(number[1]), Response(int(status[1]), headers, body)
