"""Everything on one machine with nothing to configure: server, worker, sandbox, deployment, and a run."""

import fcntl
import json
import os
import secrets
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from accord import settings
from accord.compare import Agreement
from accord.errors import Misconfigured, TryLater
from accord.ledger.cipher import new_key
from accord.ledger.upgrade import upgrade
from deployments.children import Children, answers, free_port, wait_for

DEPLOYMENT = "payment-to-account/main"
START_WITHIN = 120.0  # seconds; the first start of the server migrates its database
KEEP_RUNS = 14 * 86_400  # seconds; by its schedule alone the demo makes some 300 runs a day


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo keeps its state, and where its parts answer."""

    home: Path
    prefect_port: int
    sandbox_port: int

    @property
    def prefect_url(self) -> str:
        return f"http://127.0.0.1:{self.prefect_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def accounts_url(self) -> str:
        return f"sqlite:///{self.home / 'accounts.db'}"

    @property
    def password(self) -> str:
        """What the Prefect server asks of whoever calls it."""
        return _kept(self.home / "prefect.password", lambda: f"accord:{secrets.token_urlsafe(24)}")

    def prefect(self) -> dict[str, str]:
        """What Prefect's server and its clients both need to know; nothing of it leaves this machine."""
        return {
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_API_URL": f"{self.prefect_url}/api",
            "PREFECT_UI_URL": self.prefect_url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }

    def server(self) -> dict[str, str]:
        """What the Prefect server alone is told: whom to answer, how to encrypt blocks, and what to forget."""
        return self.prefect() | {
            "PREFECT_SERVER_API_AUTH_STRING": self.password,
            # Without a key of its own the server keeps one in the clear beside the secrets that it encrypts.
            "PREFECT_SERVER_ENCRYPTION_KEY": _kept(self.home / "prefect.key", lambda: Fernet.generate_key().decode()),
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(KEEP_RUNS),
        }

    def client(self) -> dict[str, str]:
        """What the worker, its runs and we need to know."""
        return self.prefect() | {
            settings.LEDGER_URL: f"sqlite:///{self.home / 'ledger.db'}",
            settings.LEDGER_KEY: _kept(self.home / "ledger.key", new_key),
            "PREFECT_API_AUTH_STRING": self.password,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_CLI_PROMPT": "false",
        }


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The secret in a file that only its owner may read; made with the first use."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(make())
    return path.read_text()


def demo(home: Path, *, stay: bool, as_json: bool, reset: bool) -> int:
    """Run the demo; the exit code. With `stay` it goes on until Ctrl-C, schedules and all."""
    began = time.monotonic()

    def say(line: str) -> None:
        print(
            f"{time.monotonic() - began:6.1f} s  {line}",
            file=sys.stderr if as_json else sys.stdout,
            flush=True,
        )

    with _held(home, reset):
        place = Place(home, free_port(4200), free_port(4300))
        ours = dict(os.environ)
        os.environ.update(place.client())
        children = Children(home / "logs")
        with _stopped_by_signals(children, say):
            start(place, children, ours, say)
            code = _run_and_show(place, children, say, as_json)
            if stay:
                _show_urls(place)
                _wait_for_interrupt(children)
            return code


@contextmanager
def _held(home: Path, reset: bool) -> Iterator[None]:
    """The folder, made where it is missing and emptied where that is asked for, for this demo alone."""
    if home.exists() and not home.is_dir():
        raise Misconfigured(f"{home} is a file; name a folder with --home")
    mark = home / "accord-demo"
    if home.exists() and any(home.iterdir()) and not mark.exists():
        raise Misconfigured(f"{home} is not empty and was not made by the demo; name another folder with --home")
    os.umask(0o077)  # what is kept there is other people's data, if only invented
    home.mkdir(parents=True, exist_ok=True)
    with mark.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"another demo runs in {home}; stop it with Ctrl-C there, or name another folder with --home"
            ) from None
        for old in home.iterdir() if reset else ():
            if old != mark:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        if (home / "prefect").exists() and not (home / "prefect.key").exists():
            raise Misconfigured(f"{home} was made by an earlier version, without a password; start over with --reset")
        (home / "logs").mkdir(exist_ok=True)
        yield


@contextmanager
def _stopped_by_signals(children: Children, say: Any) -> Iterator[None]:
    # Set by hand, because a shell leaves SIGINT ignored for what it starts in the background.
    previous = {sign: signal.signal(sign, signal.default_int_handler) for sign in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except KeyboardInterrupt:
        say("interrupted")
        raise
    finally:
        for sign in previous:
            signal.signal(sign, signal.SIG_IGN)  # a second Ctrl-C must not leave children behind
        say("stopping worker, Prefect server and sandbox")
        children.stop()
        for sign, handler in previous.items():
            signal.signal(sign, handler)


def start(place: Place, children: Children, environment: Mapping[str, str], say: Any) -> None:
    """Start sandbox and server, make what they need, and start the worker."""
    say("starting the sandbox Stripe and the Prefect server")
    state = str(place.home / "sandbox.json")
    children.start("sandbox", environment, "accord.sandbox", "--port", str(place.sandbox_port), "--state", state)
    port = str(place.prefect_port)
    server = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", port)
    children.start("server", {**environment, **place.server()}, *server)
    with _ticking(say, "making the ledger's tables"):
        upgrade(settings.open_ledger().engine)
    alive = children.require_alive
    wait_for("the sandbox", lambda: answers(place.sandbox_url), alive, say, START_WITHIN)
    health = f"{place.prefect_url}/api/health"
    wait_for("the Prefect server", lambda: answers(health), alive, say, START_WITHIN)
    with _ticking(say, "saving blocks, work pool and deployment"):
        _configure(place)
    children.start("worker", os.environ, "deployments.cli", "work", "--name", "demo", "--drain", "5")


@contextmanager
def _ticking(say: Any, what: str) -> Iterator[None]:
    """A line now, and another one every four seconds until the work is done."""
    done = threading.Event()

    def tick() -> None:
        while not done.wait(4):
            say(f"still {what}")

    say(what)
    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _configure(place: Place) -> None:
    from pydantic import HttpUrl, SecretStr

    from accord.clock import SystemClock
    from accord.sandbox.stripe.keys import KEYS
    from blocks import AccountsDatabase, StripeAccount
    from deployments.deploy import deploy

    key, address = SecretStr(KEYS[0].text), HttpUrl(f"{place.sandbox_url}/stripe")
    account = StripeAccount(api_key=key, mode="test", base_url=address)
    account.save("main", overwrite=True)
    accounts = AccountsDatabase(url=SecretStr(place.accounts_url))
    accounts.save("main", overwrite=True)
    accounts.connect(SystemClock()).create_tables()
    _end_leftovers()
    deploy()


def _end_leftovers() -> None:
    """Cancel what an earlier demo left under way or due: no process is behind it, and one run at a time may go on."""
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterState, FlowRunFilterStateType
    from prefect.client.schemas.objects import StateType
    from prefect.states import Cancelled

    from deployments import server

    unfinished = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    wanted = FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=unfinished)))
    with server.opened() as client:
        while runs := client.read_flow_runs(flow_run_filter=wanted, limit=200):
            for run in runs:
                message = "The demo that this run belonged to was stopped."
                client.set_flow_run_state(run.id, Cancelled(message=message), force=True)


def _run_and_show(place: Place, children: Children, say: Any, as_json: bool) -> int:
    from deployments.follow import Lines
    from deployments.trigger import trigger

    class Watched(Lines):
        """Plain lines, as long as worker, server and sandbox are alive."""

        def wait(self, line: str) -> None:
            children.require_alive()
            say(line)

    ended = trigger(DEPLOYMENT, {}, Watched(say))
    if not ended.completed:
        say(f"the run ended as {ended.state}: {ended.message}")
        say(f"its page in the Prefect UI can retry it; what the worker printed is in {place.home / 'logs'}")
        if as_json:
            print(json.dumps({"state": ended.state, "message": ended.message, "complete": False}, indent=2))
        return ended.code
    with _ticking(say, "reading both sides afresh to compare them"):
        agreement = reconcile("main")
    _show(ended.counts, agreement, as_json, place)
    return 0 if agreement.complete else 1


def reconcile(connection: str) -> Agreement:
    """Compare a connection with its accounts by a fresh read of both."""
    from accord import compare
    from accord.ledger import streams
    from tasks.bench import bench, close

    at = bench(connection)
    try:
        since = at.ledger.read(lambda c: streams.begun(c, at.sync.name))
        return compare.reconcile(at.source, at.target, at.sync.connection, since=since)
    finally:
        close(connection)


def _show(counts: dict[str, int], agreement: Agreement, as_json: bool, place: Place) -> None:
    from deployments.show import as_data, table

    if as_json:
        urls = {"prefect": place.prefect_url, "sandbox": place.sandbox_url}
        print(json.dumps(as_data(counts, agreement) | {"urls": urls}, indent=2))
    else:
        table(counts, agreement)


def _show_urls(place: Place) -> None:
    for what, url in (("Prefect UI", place.prefect_url), ("sandbox", place.sandbox_url)):
        if not answers(url):
            raise TryLater(f"the {what} does not answer at {url}")
        print(f"{what:<12}{url}", file=sys.stderr)
    print(
        f"The Prefect UI asks for a login: {place.password}\n"
        "\nChange something in the sandbox (its page says how), then trigger the deployment in the Prefect UI or with\n"
        f"  export PREFECT_API_URL={place.prefect_url}/api\n"
        f"  export PREFECT_API_AUTH_STRING=$(cat {place.home / 'prefect.password'})\n"
        f"  prefect deployment run {DEPLOYMENT}\n"
        "Ctrl-C stops everything; the state stays in " + str(place.home),
        file=sys.stderr,
        flush=True,
    )


def _wait_for_interrupt(children: Children) -> None:
    try:
        while True:
            children.require_alive()
            time.sleep(1)
    except KeyboardInterrupt:
        return
