"""A Prefect server that asks for a login, and a client that has none: each command says so."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest


class Closed(BaseHTTPRequestHandler):
    """Answers as a Prefect server does to whoever does not log in."""

    def do_GET(self) -> None:
        body = b'{"exception_message":"Unauthorized"}'
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def closed() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Closed)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("command", ["work", "accounts check"])
def test_a_command_without_the_login_says_what_to_set(closed: str, command: str, tmp_path: Path) -> None:
    environment = os.environ | {"PREFECT_API_URL": closed, "PREFECT_HOME": str(tmp_path)}
    accord = [sys.executable, "-m", "deployments.cli", *command.split()]
    done = subprocess.run(accord, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2, done.stderr[-3000:]
    assert "PREFECT_API_AUTH_STRING" in done.stderr
    assert "Traceback" not in done.stderr
