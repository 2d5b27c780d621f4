"""A Prefect server that is too old for what it is asked is named as that."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from accord.errors import Misconfigured
from deployments import host, server


@pytest.fixture
def old() -> Iterator[None]:
    """A server that says its version, and knows nothing of what is asked besides."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200 if self.path == "/api/admin/version" else 404, b'"3.0.1"')

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"] or 0))
            self._answer(404, b"{}")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: the test's own output is enough."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    with temporary_settings({PREFECT_API_URL: f"http://127.0.0.1:{listening.server_port}/api"}):
        yield
    listening.shutdown()
    listening.server_close()


@pytest.mark.usefixtures("old")
def test_an_old_server_is_to_be_upgraded() -> None:
    with (
        pytest.raises(Misconfigured, match=r"answered 404: the Prefect server is of version 3\.0\.1") as raised,
        server.opened() as client,
    ):
        server.deployments(client)
    assert f'on its host, run: pip install "prefect{host.supported("prefect")}"' in str(raised.value)
