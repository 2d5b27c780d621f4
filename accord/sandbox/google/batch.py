"""Several calls in one request: multipart/mixed, each with its own status, the answers in no order."""

import random
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from accord.sandbox.google.errors import GoogleError
from accord.sandbox.wire import Answer, Ask

_MOST = 1_000
_EDGE = re.compile(r"""boundary=(?:"([^"]+)"|([^\s";]+))""", re.IGNORECASE)


def calls(ask: Ask) -> list[tuple[str, Ask]]:
    """The calls of a request, each with its Content-ID; raises 400."""
    edge = _EDGE.search(ask.headers.get("content-type", ""))
    if not ask.headers.get("content-type", "").lower().startswith("multipart/mixed") or edge is None:
        raise GoogleError(400, "Failed to parse batch request, no boundary", "badRequest")
    separator = b"--" + (edge[1] or edge[2]).encode()
    parts = (b"\r\n" + ask.body).split(b"\r\n" + separator)[1:]
    if not parts or not parts[-1].startswith(b"--"):
        raise GoogleError(400, "Failed to parse batch request, the end is missing", "badRequest")
    if len(parts) - 1 > _MOST:
        raise GoogleError(400, f"The batch has more than {_MOST} calls", "badRequest")
    return [_call(part, ask) for part in parts[:-1]]


def _call(part: bytes, outer: Ask) -> tuple[str, Ask]:
    head, _, rest = part.partition(b"\r\n\r\n")
    inner, _, body = rest.partition(b"\r\n\r\n")
    first, *lines = inner.decode("latin-1").split("\r\n")
    method, _, target = first.partition(" ")
    target = target.partition(" ")[0]
    if not target.startswith("/"):
        raise GoogleError(400, "Failed to parse batch request, a call without a path", "badRequest")
    url = urlsplit(target)
    headers = {"authorization": outer.headers.get("authorization", "")} | _headers(lines)
    length = headers.get("content-length", "")
    if length.isdigit():
        body = body[: int(length)]
    content_id = _headers(head.decode("latin-1").split("\r\n")).get("content-id", "").strip("<>")
    return content_id, Ask(method, url.path, url.query, body, headers)


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def answer(asked: list[tuple[str, Ask]], do: Callable[[Ask], Answer], dice: random.Random) -> Answer:
    """What all of them came to."""
    parts = [_part(content_id, do(ask)) for content_id, ask in asked]
    dice.shuffle(parts)
    edge = f"batch_{dice.getrandbits(64):016x}"
    body = b"".join(b"--%b\r\n%b\r\n" % (edge.encode(), part) for part in parts) + f"--{edge}--\r\n".encode()
    return Answer(200, {"content-type": f"multipart/mixed; boundary={edge}"}, body)


def _part(content_id: str, answer: Answer) -> bytes:
    outer = ["Content-Type: application/http", *([f"Content-ID: <response-{content_id}>"] if content_id else [])]
    inner = [f"HTTP/1.1 {answer.status} {'OK' if answer.status < 300 else 'No'}"]
    inner += [f"{name.title()}: {value}" for name, value in answer.headers.items()]
    inner.append(f"Content-Length: {len(answer.body)}")
    return "\r\n".join([*outer, "", *inner, "", ""]).encode() + answer.body
