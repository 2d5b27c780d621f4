"""What one run works with: its systems, its ledger and its collector, opened once in a process."""

import logging
import secrets
import threading
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from prefect.runtime import flow_run
from prefect.settings import PREFECT_LOGGING_LEVEL
from pydantic import ValidationError

from accord import settings
from accord.collect import Collector
from accord.errors import Misconfigured
from accord.identity import require_same_account, require_same_database, require_same_target, take_over
from accord.ledger.engine import Ledger
from accord.ports import Threads
from accord.sync import Sync
from accord.systems.accounts import Accounts
from accord.systems.sql_look import highest_rev, identity
from accord.systems.stripe import Stripe
from blocks import AccountsDatabase, StripeAccount
from tasks.examiner import prepare_examiner

B = TypeVar("B", StripeAccount, AccountsDatabase)

LAG = 300  # seconds that Stripe may take to list what was created: a margin, not a documented figure
FLOW = "payment-to-account"


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that the tasks of one run need."""

    sync: Sync
    source: Stripe
    target: Accounts
    ledger: Ledger
    collector: Collector
    run: str


def find_block(block: type[B], name: str) -> B | None:
    """A saved block, or None. Raises Misconfigured where one is saved that does not fit."""
    try:
        return block.load(name)  # type: ignore[return-value]
    except ValidationError as error:
        fields = ", ".join(sorted({str(one["loc"][0]) for one in error.errors() if one["loc"]}))
        raise Misconfigured(f"the {block._block_type_name} block {name} does not fit: look at {fields}") from None
    except ValueError:
        return None


def load_block(block: type[B], name: str) -> B:
    """A saved block. Raises Misconfigured, naming what to do, where there is none."""
    found = find_block(block, name)
    if found is None:
        system = "stripe" if block is StripeAccount else "accounts"
        raise Misconfigured(
            f"there is no {block._block_type_name} block named {name}; make it: accord connect {system} --name {name}"
        )
    return found


def sync_of(connection: str, accounts: str) -> Sync:
    """What keeps the Stripe account block `connection` in agreement with the accounts database block `accounts`."""
    return Sync(f"{FLOW}/{connection}", f"stripe/{connection}", f"accounts/{accounts}")


_benches: dict[tuple[str, str], Bench] = {}
_lock = threading.Lock()


def bench(connection: str) -> Bench:
    """The bench of the flow run that this thread works for, opened once."""
    which = (connection, str(flow_run.get_id() or "local"))
    with _lock:
        if which not in _benches:
            _benches[which] = _open(*which)
        return _benches[which]


def close(connection: str) -> None:
    """Give back the connections that the run's bench holds; without one, nothing."""
    with _lock:
        at = _benches.pop((connection, str(flow_run.get_id() or "local")), None)
    if at is not None:
        at.source.close()
        at.target.close()
        at.ledger.engine.dispose()


def _open(connection: str, run: str) -> Bench:
    # Prefect gives the core's logger its handlers (PREFECT_LOGGING_EXTRA_LOGGERS), and leaves it at the level WARNING.
    logging.getLogger("accord").setLevel(PREFECT_LOGGING_LEVEL.value())
    ledger = settings.current_ledger()
    account = load_block(StripeAccount, connection)
    target = load_block(AccountsDatabase, account.accounts).connect(ledger.clock)
    target.check()
    sync = sync_of(connection, account.accounts)
    require_same_target(sync, ledger)
    require_same_database(sync.target, ledger, identity(target))
    take_over(sync, ledger, highest_rev(target, sync.connection))
    source = account.connect(sync.connection, ledger, partial(require_same_account, sync, ledger))
    reader = f"{run}:{secrets.token_hex(4)}"
    collector = Collector(sync, source, ledger, Threads(), reader, target.kinds, LAG, prepare_examiner)
    return Bench(sync, source, target, ledger, collector, run)
