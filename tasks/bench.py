"""What one run works with: its systems, its ledger and its collector, opened once in a process."""

import logging
import secrets
import threading
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from prefect.runtime import flow_run
from prefect.settings import PREFECT_LOGGING_LEVEL

from accord import settings
from accord.actions import Action
from accord.collect import Collector
from accord.filing import Filing
from accord.identity import require_same_account, require_same_database, require_same_target, take_over
from accord.ledger.engine import Ledger
from accord.ports import Source, Threads
from accord.sync import Sync
from tasks.actions import declared
from tasks.examiner import prepare_examiner
from tasks.workflows import Shown, route

LAG = 300  # seconds that a system may take to list what was created: a margin, not a documented figure


class Connected(Source, Protocol):
    """A source that holds connections."""

    def close(self) -> None:
        """Give them back."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that the tasks of one run need."""

    sync: Sync
    source: Connected
    target: Shown
    ledger: Ledger
    collector: Collector
    run: str
    actions: tuple[Action, ...] = ()  # what is done because of what was settled


_benches: dict[tuple[str, str], Bench] = {}
_lock = threading.Lock()


def bench(sync: str) -> Bench:
    """The bench of a sync, by its name, in the flow run that this thread works for; opened once."""
    which = (sync, str(flow_run.get_id() or "local"))
    with _lock:
        if which not in _benches:
            _benches[which] = _open(*which)
        return _benches[which]


def close(sync: str) -> None:
    """Give back the connections that the run's bench holds; without one, nothing."""
    with _lock:
        at = _benches.pop((sync, str(flow_run.get_id() or "local")), None)
    if at is not None:
        at.source.close()
        for action in at.actions:
            action.close()
        at.target.close()
        at.ledger.engine.dispose()


def _open(name: str, run: str) -> Bench:
    # Prefect gives the core's logger its handlers (PREFECT_LOGGING_EXTRA_LOGGERS), and leaves it at the level WARNING.
    logging.getLogger("accord").setLevel(PREFECT_LOGGING_LEVEL.value())
    ledger = settings.current_ledger()
    of = route(name)
    account, target, sync = of.open(ledger)
    target.check()
    require_same_target(sync, ledger)
    require_same_database(sync.target, ledger, target.identity())
    take_over(sync, ledger, target.highest_rev(sync.connection))
    open_source = getattr(account, of.reads.connect)
    source = open_source(sync.connection, ledger, partial(require_same_account, sync, ledger))
    if (archive := of.archive(account)) is not None:
        source = Filing(source, archive.connect(), ledger, sync.connection)
    reader = f"{run}:{secrets.token_hex(4)}"
    collector = Collector(sync, source, ledger, Threads(), reader, target.kinds, LAG, prepare_examiner)
    return Bench(sync, source, target, ledger, collector, run, declared(sync, account, ledger, target.kinds))
