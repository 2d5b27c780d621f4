"""Connections to outside systems that end when their request has to end, whatever the other side does."""

import logging
import math
import ssl
import threading
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias

import httpcore
import httpx
import msgspec

from accord.clock import Clock
from accord.errors import AccordError, Misconfigured, Refused, TryLater

MAX_BYTES = 10_000_000  # of an answer, as it travels and decompressed

# What a request can end with when no complete answer came.
_LOST = (httpx.TransportError, httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)

_PHASES = {"connect": 5.0, "read": 30.0, "write": 10.0}  # seconds
_KEEP_ALIVE = 30.0  # seconds


_Origin: TypeAlias = tuple[bytes, bytes, int | None]


class _Sending(threading.local):
    """The end, by the steady clock, of the request that this thread is sending."""

    ends = math.inf


_sending = _Sending()

# These log every URL with its query and, at DEBUG, an answer's headers; accord.http logs our requests without.
# What others do with httpx is not touched.
for _name in ("httpx", "httpcore.connection", "httpcore.http11"):
    logging.getLogger(_name).addFilter(lambda _: _sending.ends == math.inf)


class Response(msgspec.Struct, frozen=True):
    """A complete answer: header names in lower case, the body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        return f"Response(status={self.status}, {len(self.body)} bytes)"


class Wire:
    """Requests that are over by their deadline, from several threads, on connections that are kept.

    No redirect is followed, no proxy is taken from the environment, no cookie is kept. `client` sends in
    place of the connections: a sandbox that runs in this process.
    """

    def __init__(self, secure: bool, clock: Clock, client: httpx.Client | None = None) -> None:
        self._clock = clock
        self._client = client
        self._trust = _trust() if secure and client is None else None
        self._backend = _Backend(clock)
        self._idle: dict[_Origin, list[httpcore.HTTPConnection]] = {}

    def send(
        self, method: str, url: httpx.URL, headers: Sequence[tuple[bytes, bytes]], body: bytes | None, ends: float
    ) -> Response:
        """One request that ends by `ends` on the steady clock; without a body where that is None.

        Raises TryLater, after which it may have been heard, Refused or Misconfigured; their texts name the host only.
        """
        if body is not None:
            headers = [*headers, (b"Content-Length", b"%d" % len(body))]
        left = max(ends - self._clock.monotonic(), 0.001)
        extensions = {"timeout": {phase: min(seconds, left) for phase, seconds in _PHASES.items()}}
        _sending.ends = ends
        try:
            if self._client is not None:
                request = httpx.Request(method, url, headers=list(headers), content=body or b"", extensions=extensions)
                return self._through(self._client, request, ends)
            asked = httpcore.Request(
                method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=[(b"Host", url.netloc), *headers],
                content=body or b"",
                extensions=extensions,
            )
            idle = self._idle.setdefault((url.raw_scheme, url.raw_host, url.port), [])
            connection = self._free(idle, asked)
            reply = connection.handle_request(asked)
            try:
                return self._whole(reply.status, reply.headers, reply.iter_stream(), url.host, ends)
            finally:
                reply.close()
                if connection.is_idle():
                    idle.append(connection)
        except _LOST as error:
            failure = _explain(error, url.host)
        finally:
            _sending.ends = math.inf
        # Raised outside the block, so that it does not drag the library's error along.
        raise failure

    def _free(self, idle: list[httpcore.HTTPConnection], asked: httpcore.Request) -> httpcore.HTTPConnection:
        """A connection that nobody uses: the latest that is still open, or a new one.

        httpcore's pool looks through all of its connections twice for each request, which costs more than the request.
        """
        while True:
            try:
                connection = idle.pop()
            except IndexError:
                break
            if not connection.has_expired():
                return connection
            connection.close()
        # httpx's own transport takes no network backend, and that is where a total deadline can be kept.
        return httpcore.HTTPConnection(
            asked.url.origin, self._trust, keepalive_expiry=_KEEP_ALIVE, network_backend=self._backend
        )

    def _through(self, client: httpx.Client, request: httpx.Request, ends: float) -> Response:
        reply = client.send(request, stream=True, follow_redirects=False)
        try:
            raw, chunks = reply.headers.raw, reply.iter_raw()
            if reply.is_stream_consumed:
                # An in-process client has read and decompressed the body already.
                raw = [(name, value) for name, value in raw if name.lower() != b"content-encoding"]
                chunks = iter((reply.content,))
            return self._whole(reply.status_code, raw, chunks, request.url.host, ends)
        finally:
            reply.close()

    def _whole(
        self, status: int, raw: Iterable[tuple[bytes, bytes]], chunks: Iterable[bytes], host: str, ends: float
    ) -> Response:
        """Read to the end, decompressing; no more than MAX_BYTES are ever in memory."""
        headers = _headers(raw)
        encoding = headers.get("content-encoding", "identity").lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            raise Refused(f"{host} used a compression that was not asked for")
        inflate = None if encoding == "identity" else zlib.decompressobj(wbits=31)
        parts: list[bytes] = []
        travelled = size = 0
        for chunk in chunks:
            if self._clock.monotonic() > ends:
                raise TryLater(f"{host} did not answer in time")
            part = _inflated(inflate, chunk, MAX_BYTES + 1 - size, host) if inflate else chunk
            travelled += len(chunk)
            size += len(part)
            if max(size, travelled) > MAX_BYTES:
                raise Refused(f"{host} sent more than {MAX_BYTES // 1_000_000} MB in one answer")
            parts.append(part)
        body = b"".join(parts)
        unfinished = inflate is not None and travelled > 0 and (not inflate.eof or inflate.unused_data != b"")
        if unfinished or _cut(status, headers, body):
            raise TryLater(f"{host} sent a damaged answer")
        return Response(status, headers, body)

    def close(self) -> None:
        """Close all connections that wait for another request."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()


def _explain(error: Exception, host: str) -> AccordError:
    """What to do about one of _LOST; the text names the host only, since httpx's may hold more."""
    if isinstance(error, httpx.LocalProtocolError | httpcore.LocalProtocolError | httpx.UnsupportedProtocol):
        return Misconfigured(f"a request to {host} could not be written; check its address and credential")
    if isinstance(error, httpx.ConnectError | httpcore.ConnectError):
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args):
            return Misconfigured(
                f"the certificate of {host} is not trusted; check this machine's clock and whether a proxy "
                "or another host answers in its place"
            )
        return TryLater(f"{host} could not be reached")
    if isinstance(error, httpx.TimeoutException | httpcore.TimeoutException):
        return TryLater(f"{host} did not answer in time")
    return TryLater(f"{host} broke off before its answer was complete")


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers with lower-case names, repeated ones joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _inflated(inflate: "zlib._Decompress", chunk: bytes, room: int, host: str) -> bytes:
    try:
        return inflate.decompress(chunk, room)
    except zlib.error:
        raise TryLater(f"{host} sent a damaged answer") from None


def _cut(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether JSON ends too early: a proxy that gives up midway closes the answer as if it were whole."""
    if not 200 <= status < 300 or status == 204 or "json" not in headers.get("content-type", ""):
        return False
    text = body.strip()
    outermost = text[:1] + text[-1:]
    if outermost in (b"{}", b"[]") and ("content-length" in headers or "transfer-encoding" in headers):
        return False  # a look at the ends is enough where the length was right
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except msgspec.DecodeError:
        return True
    return False


@cache
def _trust() -> ssl.SSLContext:
    # One for the process: loading the certificates costs some 20 ms.
    return httpx.create_ssl_context(trust_env=False)


class _Stream(httpcore.NetworkStream):
    """httpx bounds each read and write alone, so a byte now and then would hold it for ever."""

    def __init__(self, stream: httpcore.NetworkStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock

    def _left(self, timeout: float | None, too_late: type[Exception]) -> float:
        left = _sending.ends - self._clock.monotonic()
        if left <= 0:
            raise too_late
        return min(left, math.inf if timeout is None else timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.SyncBackend):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def connect_tcp(self, *args: Any, **named: Any) -> httpcore.NetworkStream:
        return _Stream(super().connect_tcp(*args, **named), self._clock)
