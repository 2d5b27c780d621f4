"""What a benchmark runs against: the fake Stripe and a standing Prefect server."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from accord import settings
from accord.ledger.cipher import new_key

START_WITHIN = 180.0  # seconds


def environment(home: Path, port: int) -> dict[str, str]:
    """What every process of the benchmark needs to know."""
    return {
        settings.LEDGER_KEY: new_key(),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PYTHONDONTWRITEBYTECODE": "",  # without bytecode, importing alone takes twice as long
    }


class Servers:
    """The fake Stripe and the Prefect server, as children that are ended by their process ids."""

    def __init__(self, home: Path) -> None:
        self._home, self._running = home, list[subprocess.Popen[bytes]]()

    def start(self, name: str, *command: str) -> None:
        """Run a command; its output goes to NAME.log."""
        with (self._home / f"{name}.log").open("wb") as log:
            self._running.append(subprocess.Popen([sys.executable, *command], stdout=log, stderr=log))

    def wait(self, url: str) -> None:
        """Until the URL answers."""
        ends = time.monotonic() + START_WITHIN
        while not _answers(url):
            if time.monotonic() > ends or any(child.poll() is not None for child in self._running):
                raise SystemExit(f"{url} does not answer; look at the logs in {self._home}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End them all."""
        for child in self._running:
            child.terminate()
        for child in self._running:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
