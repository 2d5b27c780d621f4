"""A Prefect server of the tests' own, which they can also take away and bring back."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.children import Children, answers, free_port

T = TypeVar("T")
PATIENCE = 90.0  # seconds; the machine may be busy


def until(what: str, look: Callable[[], T], limit: float = PATIENCE) -> T:
    """Wait for what a function finds, and give it as soon as it finds something."""
    deadline = time.monotonic() + limit
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not come within {limit:.0f} s"
        time.sleep(0.2)
    return found


class PrefectServer:
    """A server process, and the processes that a test starts beside it."""

    def __init__(self, home: Path, settings: dict[str, str]) -> None:
        self.url = f"http://127.0.0.1:{free_port(0)}"
        self.environment = os.environ | {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": f"{self.url}/api",
            "PREFECT_UI_URL": self.url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_LOGGING_LEVEL": "WARNING",
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            **settings,
        }
        self.children = Children(home)

    def start(self, name: str, *arguments: str, **settings: str) -> subprocess.Popen[bytes]:
        """Run `python -m` with these arguments as a client of the server."""
        return self.children.start(name, self.environment | settings, *arguments)

    def up(self) -> None:
        """Start the server, and wait until it answers."""
        port = self.url.rpartition(":")[2]
        self._server = self.start("server", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port)

        def answering() -> bool:
            assert self._server.poll() is None, "the Prefect server ended by itself"
            return answers(f"{self.url}/api/health")

        until("the Prefect server", answering, 180)

    def kill(self) -> None:
        """End the server at once, as a power cut would."""
        os.killpg(self._server.pid, signal.SIGKILL)
        self._server.wait()


@contextmanager
def prefect_server(home: Path, **settings: str) -> Iterator[PrefectServer]:
    """A server that this process talks to, for as long as the block lasts."""
    server = PrefectServer(home, settings)
    try:
        server.up()
        with temporary_settings({PREFECT_API_URL: f"{server.url}/api"}):
            yield server
    finally:
        server.children.stop()
