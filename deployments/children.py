"""Processes that the demo starts, watches and stops by their ids."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from accord.errors import TryLater

STOP_WITHIN = 20.0  # seconds a child has to end before it is killed
STEP = 0.2


class Children:
    """Child processes with their output in files, stopped in the reverse order of their start."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, environment: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
        """Run `python -m` with these arguments, and with this environment only; its output goes to NAME.log."""
        with (self._logs / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                [sys.executable, "-m", *arguments],
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own, so that Ctrl-C reaches us alone and we stop the children in order.
                start_new_session=True,
                # A worker stops on SIGINT, which a non-interactive shell leaves ignored for its children.
                preexec_fn=_listen_to_interrupts,
            )
        self._running.append((name, process))
        return process

    def require_alive(self) -> None:
        """Raise TryLater, with where to look, when a child has ended by itself."""
        for name, process in self._running:
            if process.poll() is not None:
                raise TryLater(f"the {name} ended by itself; see {self._logs / name}.log")

    def stop(self) -> None:
        """End every child: politely first, then for good."""
        for name, process in reversed(self._running):
            if process.poll() is not None:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGINT if name == "worker" else signal.SIGTERM)
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self._running.clear()


def _listen_to_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def free_port(wanted: int) -> int:
    """The wanted loopback port if it is free, else any free one."""
    for port in (wanted, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise TryLater("no port is free on 127.0.0.1")


def answers(url: str) -> bool:
    """Whether the URL answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own http URLs on loopback
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def wait_for(
    what: str,
    condition: Callable[[], bool],
    alive: Callable[[], None],
    say: Callable[[str], None],
    limit: float,
) -> None:
    """Wait until `condition` holds, with a line at least every five seconds; TryLater after `limit` seconds."""
    say(f"waiting for {what}")
    began = said = time.monotonic()
    while not condition():
        alive()
        now = time.monotonic()
        if now - began > limit:
            raise TryLater(f"{what} did not come within {limit:.0f} s")
        if now - said > 4:
            say(f"waiting for {what} ({now - began:.0f} s)")
            said = now
        time.sleep(STEP)
