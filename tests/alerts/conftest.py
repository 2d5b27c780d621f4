"""The places where alerts arrive: a mailbox and a web address."""

import json
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

from deployments.children import free_port


class Alert(NamedTuple):
    """What arrived."""

    subject: str
    body: str


class Receiver:
    """A web address that keeps what it is told, and can be told to refuse."""

    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.calls = 0
        self.status = 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if receiver.status == 200:
                    receiver.alerts.append(Alert(told["subject"], told["body"]))
                self._answer(receiver.status)

            def do_GET(self) -> None:
                receiver.calls += 1
                self._answer(200)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the test's own output is enough."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Mailbox:
    """A mail server that keeps what it receives."""

    def __init__(self) -> None:
        from aiosmtpd.controller import (
            Controller,
            UnthreadedController,  # noqa: F401 - fails early where it is not installed
        )

        self.messages: list[Message] = []
        self.refuses = False
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port(0))
        self._controller.start()
        self.url = f"smtp://127.0.0.1:{self._controller.port}/?from=accord@example.com&to=ops@example.com&tls=no"

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        if self.refuses:
            return "451 try again later"
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 OK"

    @property
    def alerts(self) -> list[Alert]:
        return [Alert(str(m["subject"]), m.get_body(("plain", "html")).get_content()) for m in self.messages]

    def close(self) -> None:
        self._controller.stop()


@pytest.fixture(name="free_port")
def _free_port() -> int:
    """A port at which nobody listens."""
    return free_port(0)


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    yield made
    made.close()


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()
