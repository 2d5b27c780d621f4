"""How an answer leaves the sandbox: whole, in drips, cut in the middle, or not at all."""

import asyncio
import zlib
from collections.abc import Mapping
from functools import cache
from typing import Literal, NamedTuple

import httpx
from starlette.types import Receive, Scope, Send

Manner = Literal["whole", "drip", "midway", "none"]

DROP = "accord.sandbox.drop"
"""Name of the ASGI extension by which the server lets an application close its connection."""

_DRIP_BYTES = 16


class Ask(NamedTuple):
    """One request as a provider sees it: the path starts below the provider's prefix, header names are lower-case."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Mapping[str, str]


class Answer(NamedTuple):
    """One answer and the manner in which it is to be sent; `pause` is in seconds, between drips."""

    status: int
    headers: dict[str, str]
    body: bytes
    manner: Manner = "whole"
    pause: float = 0.0


class Dropped(httpx.RemoteProtocolError):
    """What a client in the same process gets where a remote one would see its connection closed."""


async def deliver(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Send the answer in its manner; raises Dropped where there is no connection to close."""
    if answer.manner == "none":
        return await _drop(scope, receive)
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers.append((b"content-length", str(len(answer.body)).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.manner == "midway":
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        return await _drop(scope, receive)
    if answer.manner == "drip":
        for start in range(0, len(answer.body), _DRIP_BYTES):
            piece = answer.body[start : start + _DRIP_BYTES]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(answer.pause)
        return await send({"type": "http.response.body", "body": b"", "more_body": False})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})
    return None


async def _drop(scope: Scope, receive: Receive) -> None:
    close = scope.get("extensions", {}).get(DROP)
    if close is None:
        raise Dropped("Server disconnected without sending a response.")
    close()
    # The server forgets about the request only after it has seen the connection go; returning earlier would make
    # it write a 500 of its own.
    while (await receive())["type"] != "http.disconnect":
        pass


@cache
def gzip_bomb(megabytes: int = 512) -> bytes:
    """A valid gzip file of about half a megabyte that unpacks to `megabytes` MB of blanks."""
    blank = b" " * 1_000_000
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    # After a full flush a block refers to nothing before it, so the second one can be repeated as bytes.
    head = packer.compress(blank) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(blank) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(megabytes):
        checksum = zlib.crc32(blank, checksum)
    size = megabytes * 1_000_000 % 2**32
    end = b"\x03\x00" + checksum.to_bytes(4, "little") + size.to_bytes(4, "little")
    return head + block * (megabytes - 1) + end
