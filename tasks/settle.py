"""Settle: a checked batch into the target. Never cached: the ledger is its memory."""

import time

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from accord import settle as core
from accord.batch import Prepared
from accord.run import Tally
from accord.settle import Settled
from tasks.bench import bench
from tasks.retry import DELAYS, RETRIES, try_later


@task(
    task_run_name="settle {prepared.kind} batch {prepared.id}",
    retries=RETRIES,
    retry_delay_seconds=DELAYS,
    retry_condition_fn=try_later,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def settle(sync: str, prepared: Prepared) -> Settled:
    """Bring a checked batch into the target, and say on the run's page what came of it."""
    at, began = bench(sync), time.monotonic()
    settled = core.settle(at.sync, prepared, at.ledger, at.target, at.run, at.target.mappings, at.actions)
    log = get_run_logger()
    if settled.stopped is not None:
        log.error(
            "%s stopped: %s. Look at it, then: accord resume %s",
            prepared.kind,
            settled.stopped,
            _name(at.sync.name, prepared),
        )
    else:
        counts = ", ".join(f"{n} {what}" for what, n in zip(Tally._fields, settled, strict=False) if n)
        log.info(
            "%s batch %d: %s (%.2f s)",
            prepared.kind,
            prepared.id,
            counts or "empty",
            time.monotonic() - began,
        )
    return settled


def _name(sync: str, prepared: Prepared) -> str:
    return f"{sync}:{prepared.kind}"
