"""A Prefect server of its own, and the places where its alerts arrive: a mailbox and a web address."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.children import Children, answers, free_port

T = TypeVar("T")
PATIENCE = 90.0  # seconds; the machine may be busy


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


def _until(what: str, look: Callable[[], T], limit: float = PATIENCE) -> T:
    deadline = time.monotonic() + limit
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {limit:.0f} s"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="session")
def until() -> Callable[..., Any]:
    """Waits for what a function finds, and gives it as soon as it finds something."""
    return _until


@contextmanager
def _prefect_server(home: Path, **settings: str) -> Iterator[Children]:
    url = f"http://127.0.0.1:{free_port(0)}"
    environment = os.environ | {
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_UI_URL": url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "PREFECT_WORKER_QUERY_SECONDS": "2",
        **settings,
    }
    children = Children(home, environment)
    children.start("server", "prefect", "server", "start", "--host", "127.0.0.1", "--port", url.rpartition(":")[2])
    try:
        _until("the Prefect server", lambda: children.require_alive() or answers(f"{url}/api/health"), 180)
        with temporary_settings({PREFECT_API_URL: f"{url}/api"}):
            yield children
    finally:
        children.stop()


@pytest.fixture(scope="session")
def prefect_server() -> Callable[..., Any]:
    """Makes a Prefect server process that this test process talks to, for as long as a `with` block."""
    return _prefect_server


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
