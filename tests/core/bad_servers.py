"""Small HTTP servers on real loopback sockets that misbehave the way networks and providers do."""

import gzip
import ipaddress
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Request(NamedTuple):
    target: str
    headers: dict[str, str]


# What a server does with the n-th request (from 0); False ends the connection.
Behaviour = Callable[[socket.socket, int], bool]


class Server:
    """A server with one behaviour; `requests` are those that it has read so far."""

    def __init__(self, behave: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._behave = behave
        self._tls = tls
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            with self._lock:
                self._open.append(peer)
                self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        unread = b""
        with peer, suppress(OSError):  # the client has gone
            if self._tls:
                peer = self._tls.wrap_socket(peer, server_side=True)
            with peer:
                while True:
                    while b"\r\n\r\n" not in unread:
                        if not (more := peer.recv(65536)):
                            return
                        unread += more
                    head, unread = unread.split(b"\r\n\r\n", 1)
                    first, *lines = head.decode("latin-1").split("\r\n")
                    headers = dict(line.lower().split(": ", 1) for line in lines)
                    with self._lock:
                        number = len(self.requests)
                        self.requests.append(Request(first.split(" ")[1], headers))
                    if not self._behave(peer, number):
                        return

    def close(self) -> None:
        # Only a shutdown wakes a thread that waits in accept or recv.
        for open_socket in (self._listener, *self._open):
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()
        for thread in self._threads:
            thread.join(5)


@contextmanager
def serving(behave: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(behave, tls)
    try:
        yield server
    finally:
        server.close()


def answer(status: int = 200, body: bytes = b"{}", **headers: str) -> bytes:
    """A whole answer; header names are written with underscores, an empty value leaves a header out."""
    given = {"content_type": "application/json", "content_length": str(len(body)), **headers}
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{k.replace('_', '-')}: {v}" for k, v in given.items() if v)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def replies(*answers: bytes) -> Behaviour:
    """These answers in turn, the last one for ever."""

    def behave(peer: socket.socket, number: int) -> bool:
        peer.sendall(answers[min(number, len(answers) - 1)])
        return True

    return behave


def then_closes(*answers: bytes) -> Behaviour:
    """As `replies`, but every answer ends its connection."""

    def behave(peer: socket.socket, number: int) -> bool:
        peer.sendall(answers[min(number, len(answers) - 1)])
        return False

    return behave


def drips(start: bytes, drop: bytes, every: float) -> Behaviour:
    """`start`, then 200 times a drop: no single read ever times out."""
    never = threading.Event()

    def behave(peer: socket.socket, _number: int) -> bool:
        peer.sendall(start)
        for _ in range(200):
            never.wait(every)
            peer.sendall(drop)
        return False

    return behave


def resets(then: bytes) -> Behaviour:
    """Reads the first request and resets the connection; answers the others with `then`."""

    def behave(peer: socket.socket, number: int) -> bool:
        if number:
            peer.sendall(then)
            return True
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    return behave


def bomb(megabytes: int) -> bytes:
    """An answer of a few kilobytes that decompresses to so many megabytes."""
    return answer(200, gzip.compress(b" " * (megabytes * 1_000_000), 9), content_encoding="gzip")


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that nobody trusts; it is left in server.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "server.pem", folder / "server.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context
