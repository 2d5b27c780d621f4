"""Everything on one machine with nothing to configure: server, worker, sandbox, deployments, and a run of each."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from accord import settings
from accord.compare import Agreement
from accord.errors import TryLater
from accord.ledger.upgrade import upgrade
from deployments.children import Children, answers, free_port, wait_for
from deployments.demo_home import Place, held

if TYPE_CHECKING:
    from deployments.trigger import Ended

DEPLOYMENT = "payment-to-account/main"
INVOICES = "invoice-to-portal/oblio-main"
BOOKINGS = "booking-to-calendar/main"
BY_SCHEDULE = ("invoice-to-portal/stripe-main", "invoice-to-portal/smartbill-main")
START_WITHIN = 120.0  # seconds; the first start of the server migrates its database


def demo(home: Path, *, stay: bool, as_json: bool, reset: bool) -> int:
    """Run the demo; the exit code. With `stay` it goes on until Ctrl-C, schedules and all."""
    began = time.monotonic()

    def say(line: str) -> None:
        print(
            f"{time.monotonic() - began:6.1f} s  {line}",
            file=sys.stderr if as_json else sys.stdout,
            flush=True,
        )

    with held(home, reset):
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
    say("starting the sandbox of every system, with its pages for customers and bookings, and the Prefect server")
    kept = ("--state", str(place.home / "sandbox.json"), "--portal-database", str(place.home / "portal.db"))
    kept += ("--bookings-database", str(place.bookings))
    children.start("sandbox", environment, "accord.sandbox", "--port", str(place.sandbox_port), *kept)
    port = str(place.prefect_port)
    server = ("prefect", "server", "start", "--host", "127.0.0.1", "--port", port)
    children.start("server", {**environment, **place.server()}, *server)
    with _ticking(say, "making the ledger's tables"):
        upgrade(settings.open_ledger().engine)
    alive = children.require_alive
    wait_for("the sandbox", lambda: answers(place.sandbox_url), alive, say, START_WITHIN)
    health = f"{place.prefect_url}/api/health"
    wait_for("the Prefect server", lambda: answers(health), alive, say, START_WITHIN)
    with _ticking(say, "saving blocks, work pool and deployments"):
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
    from deployments.demo_blocks import save_blocks
    from deployments.deploy import deploy

    save_blocks(place)
    _end_leftovers()
    deploy()


def _end_leftovers() -> None:
    """Cancel what an earlier demo left under way or due: no process is behind it, and one run at a time may go on.

    Not what is due later: the scheduler makes no second run for the same time.
    """
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterExpectedStartTime,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.states import Cancelled

    from deployments import server

    unfinished = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    wanted = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=unfinished)),
        expected_start_time=FlowRunFilterExpectedStartTime(before_=datetime.now(UTC)),
    )
    with server.opened() as client:
        while runs := client.read_flow_runs(flow_run_filter=wanted, limit=200):
            for run in runs:
                message = "The demo that this run belonged to was stopped."
                client.set_flow_run_state(run.id, Cancelled(message=message), force=True)


def _run_and_show(place: Place, children: Children, say: Any, as_json: bool) -> int:
    """Run each workflow and show what they came to; the exit code, 0 where both sides of each agree."""
    from deployments.show import table
    from tasks.workflows import route

    came = []
    for sync in (DEPLOYMENT, INVOICES, BOOKINGS):
        came.append(one := _run(sync, place, children, say))
        if one.agreement is not None and not as_json:
            table(one.ended.counts, one.agreement, route(sync))
    payments, invoices, bookings = came
    if as_json:
        others = {"invoices": invoices.as_data(), "bookings": bookings.as_data()}
        print(json.dumps(payments.as_data() | others | {"urls": _urls(place)}, indent=2))
    return max(one.code for one in came)


def _urls(place: Place) -> dict[str, str]:
    """Where the demo's pages are, by what they are called."""
    pages = {name: f"{place.sandbox_url}/{name}/" for name in ("portal", "bookings")}
    return {"prefect": place.prefect_url, "sandbox": place.sandbox_url, **pages}


class _Came(NamedTuple):
    """What a workflow came to: how its run ended and, where it completed, what a fresh read of both sides found."""

    ended: "Ended"
    agreement: Agreement | None

    @property
    def code(self) -> int:
        return self.ended.code if self.agreement is None else int(not self.agreement.complete)

    def as_data(self) -> dict[str, Any]:
        from deployments.show import as_data

        if self.agreement is None:
            return {"state": self.ended.state, "message": self.ended.message, "complete": False}
        return as_data(self.ended.counts, self.agreement)


def _run(sync: str, place: Place, children: Children, say: Any) -> _Came:
    from deployments.follow import Lines
    from deployments.reconcile import reconcile
    from deployments.trigger import trigger, under_way

    class Watched(Lines):
        """Plain lines, as long as worker, server and sandbox are alive."""

        def wait(self, line: str) -> None:
            children.require_alive()
            say(line)

    ended = trigger(sync, {}, watched := Watched(say))
    while ended.state == "Busy":  # its schedule came first: that run does the same
        ended = under_way(sync, watched) or trigger(sync, {}, watched)
    if not ended.completed:
        say(f"the run ended as {ended.state}: {ended.message}")
        say(f"its page in the Prefect UI can retry it; what the worker printed is in {place.home / 'logs'}")
        return _Came(ended, None)
    with _ticking(say, f"reading both sides of {sync} afresh to compare them"):
        return _Came(ended, reconcile(sync))


def _show_urls(place: Place) -> None:
    for what, url in _urls(place).items():
        if not answers(url):
            raise TryLater(f"the {what} does not answer at {url}")
        print(f"{what:<12}{url}", file=sys.stderr)
    print(
        f"The Prefect UI asks for a login: {place.password}\n"
        "\nChange something in the sandbox (its page says how), then trigger a deployment in the Prefect UI or with\n"
        f"  export PREFECT_API_URL={place.prefect_url}/api\n"
        f"  export PREFECT_API_AUTH_STRING=$(cat {place.home / 'prefect.password'})\n"
        f"  prefect deployment run {DEPLOYMENT}\n"
        f"  prefect deployment run {INVOICES}\n"
        f"  prefect deployment run {BOOKINGS}\n"
        f"By their schedules follow {' and '.join(BY_SCHEDULE)}.\n"
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
