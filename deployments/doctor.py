"""`accord doctor`: everything that is wrong, each with what to do."""

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY
from sqlalchemy import Engine

from accord import settings
from accord.calendar_target import CalendarTarget
from accord.errors import AccordError, Misconfigured, Refused, TryLater
from accord.identity import require_still_the_same
from accord.ledger import actions, calendars, pairs, quarantine, sealed, streams
from accord.ledger.engine import Ledger
from accord.sync import Sync
from accord.systems.sql_look import SqlDatabase
from blocks import DocumentArchive, InvoiceIssuing, StripeAccount
from deployments import channels, host, server
from deployments.acting import stuck
from deployments.runs import faults, read_runs
from deployments.trigger import EXIT_CODES
from tasks.actions import issuer_of
from tasks.workflows import PAYMENTS, Route, load_block

SKEW = 60  # seconds that this host's clock may differ from a system's before that is said
DISAGREES, CONFIGURATION, UNREACHABLE = 1, 2, 3


class Finding(NamedTuple):
    """Something that is wrong, in a sentence that says what to do, and the exit code that it stands for."""

    about: str
    what: str
    code: int = CONFIGURATION


def command(as_json: bool) -> int:
    """Print all findings; 0 where there are none, else the highest of their exit codes."""
    found = list(dict.fromkeys(examine()))  # what several connections share is found with each
    if as_json:
        print(json.dumps([one._asdict() for one in found], indent=2))
    elif not found:
        print("nothing is wrong")
    else:
        print("\n".join(f"{one.about}: {one.what}" for one in found))
    return max((one.code for one in found), default=0)


def examine() -> Iterator[Finding]:
    """Look at everything, from the host to the streams; what can not be looked at is a finding too."""
    for sentence in host.unfit_packages():
        yield Finding("packages", sentence)
    ledger: Ledger | None = None
    try:
        ledger = settings.current_ledger()
    except AccordError as error:
        yield _finding("ledger", error)
    if ledger is not None:
        yield from _caught("ledger", lambda: _ledger(ledger))
    try:
        with server.opened() as client:
            yield from _server(client)
            if ledger is not None:
                for one in server.connections(client):
                    yield from _caught(f"connection {one.source}", lambda one=one: _connection(ledger, one))
    except AccordError as error:
        yield _finding("Prefect", error)


def _finding(about: str, error: AccordError) -> Finding:
    return Finding(about, str(error), UNREACHABLE if isinstance(error, TryLater) else CONFIGURATION)


def _caught(about: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except AccordError as error:
        yield _finding(about, error)


def _ledger(ledger: Ledger) -> Iterator[Finding]:
    yield from _disk("ledger", ledger.engine)
    yield from _caught("ledger", lambda: _keys(ledger))
    for sync, stream, why in ledger.read(streams.all_stopped) + ledger.read(calendars.all_paused):
        how = f"is stopped: {why}; look at it, then: accord resume {sync}:{stream}"
        yield Finding(f"{sync}:{stream}", how, DISAGREES)
    for row in ledger.read(lambda c: actions.listed(c, ["overtaken", "unknown"])):
        yield Finding(f"{row.name} on {row.key}", stuck(row), DISAGREES)
    if refused := ledger.read(actions.counts).get("refused"):
        were = "1 action was" if refused == 1 else f"{refused:,} actions were"
        yield Finding("actions", f"{were} refused; look at: accord actions list", DISAGREES)
    waiting = ledger.read(pairs.conflicting)
    if waiting:
        wait = "1 booking waits" if len(waiting) == 1 else f"{len(waiting):,} bookings wait"
        how = f"{wait} for a person to say which side counts; look at: accord conflicts list"
        yield Finding("conflicts", how, DISAGREES)
    kept = ledger.read(quarantine.listed)
    if kept:
        failed = "1 record" if len(kept) == 1 else f"{len(kept):,} records"
        yield Finding("quarantine", f"{failed} failed a check; look at: accord quarantine list", DISAGREES)


def _keys(ledger: Ledger) -> Iterator[Finding]:
    kept = sealed.look(ledger)
    if kept.needing:
        yield Finding("ledger", kept.needing, DISAGREES)
    kept.require_opened()


def _disk(about: str, engine: Engine) -> Iterator[Finding]:
    if engine.dialect.name == "sqlite" and engine.url.database:
        for sentence in host.full_disks([Path(engine.url.database)]):
            yield Finding(about, sentence)


def _server(client: SyncPrefectClient) -> Iterator[Finding]:
    differs = server.version_differs(client)
    if differs:
        yield Finding("Prefect", differs)
    yield from _open_to_all()
    for sentence in channels.changed_by_hand(client):
        yield Finding("alerts", sentence, DISAGREES)
    names, there = {one.name for one in server.connections(client)}, server.deployments(client)
    if not names:
        yield Finding("connections", f"there is none yet; make one: {server.CONNECT}")
    for name in sorted(names - there.keys()):
        yield Finding(name, "it has no deployment; make it: accord deploy")
    for name, one in there.items():
        if name not in names:
            yield Finding(name, server.gone(name))
        elif one.paused or not any(schedule.active for schedule in one.schedules):
            how = "is paused: it runs only when asked; resume it in Prefect's UI, or run: accord run"
            yield Finding(name, f"{how} {name}", DISAGREES)
        runs = read_runs(client, one)
        for fault in faults(name, runs):
            yield Finding(name, fault, EXIT_CODES.get(runs.ended or "", DISAGREES))
        if runs.late:
            late = "1 run is late" if runs.late == 1 else f"{runs.late} runs are late"
            yield Finding(name, f"{late}; is a worker up, and has it a free slot?", UNREACHABLE)
    for pool in sorted({one.work_pool_name for one in there.values() if one.work_pool_name}):
        yield from _pool(client, pool)


def _open_to_all() -> Iterator[Finding]:
    """Whether anybody who reaches the server can read every block's secrets."""
    url = urlsplit(server.address())
    if url.hostname in channels.LOOPBACK or PREFECT_API_AUTH_STRING.value() or PREFECT_API_KEY.value():
        return
    yield Finding(
        "Prefect",
        f"the server at {url.hostname} asks nobody who they are, and whoever reaches it can read the keys in its "
        "blocks; start it with PREFECT_SERVER_API_AUTH_STRING, and set PREFECT_API_AUTH_STRING here and for the worker",
    )


def _pool(client: SyncPrefectClient, name: str) -> Iterator[Finding]:
    try:
        pool = client.read_work_pool(name)
    except ObjectNotFound:
        yield Finding(f"work pool {name}", "it is not there; make it: accord deploy")
        return
    if pool.is_paused:
        how = f"it is paused, so nothing runs; to go on: prefect work-pool resume {name}"
        yield Finding(f"work pool {name}", how, DISAGREES)
    workers = client.read_workers_for_work_pool(name)
    if not any(worker.status == "ONLINE" for worker in workers):
        how = f"no worker is online, so nothing runs; start one: {server.START_WORKER.format(name)}"
        yield Finding(f"work pool {name}", how, UNREACHABLE)


def _archive(block: DocumentArchive) -> Iterator[Finding]:
    block.connect().check()
    yield from ()


def _issuing(ledger: Ledger, sync: Sync, account: StripeAccount) -> Iterator[Finding]:
    """Whether invoices can still be issued by the terms."""
    issuer = issuer_of(load_block(InvoiceIssuing, account.issues or ""), sync, account, ledger, note=False)
    try:
        issuer.admit()
        issuer.check()
    except (Misconfigured, Refused) as error:
        name = account.issues
        how = "" if "accord connect" in str(error) else f"; change the terms by: accord connect invoices --name {name}"
        raise Misconfigured(f"{error}{how}") from None
    finally:
        issuer.close()
    yield from ()


def _connection(ledger: Ledger, of: Route) -> Iterator[Finding]:
    account, target, sync = of.open(ledger)
    shown = sync.target.replace("/", " ", 1)
    try:
        if isinstance(target, SqlDatabase):
            yield from _disk(shown, target.engine)
        if isinstance(target, CalendarTarget):
            for about, error in target.unreachable():
                yield _finding(about, error)
        try:
            target.check()
            if isinstance(target, SqlDatabase):
                target.check_writable()
        except AccordError as error:
            yield _finding(shown, error)
        # As the command that makes such connections does.
        command = import_module(f"deployments.connect_{of.reads.system}")
        tested = command.try_out(account, of.connection, ledger, target.kinds)
    finally:
        target.close()
    if (archive := of.archive(account)) is not None:
        yield from _caught(f"archive {account.archive}", lambda: _archive(archive))
    if sync.name.startswith(PAYMENTS.name) and account.issues is not None:
        yield from _caught(f"invoices for {of.source}", lambda: _issuing(ledger, sync, account))
    about = f"connection {of.source}"
    for one, why in tested.refused.items():
        yield Finding(about, f"the key may not read {one}: {why}")
    require_still_the_same(sync, ledger, tested.owner)
    skew = None if tested.date is None else ledger.clock.now() - tested.date
    if skew is not None and abs(skew) > SKEW:
        clock = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} {of.reads.title}'s"
        yield Finding(about, f"this host's clock is {clock}; set it by a time server (NTP)")
