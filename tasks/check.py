"""Check: a batch against what is expected of its records. What fails goes to quarantine, the rest goes on."""

from collections import Counter
from collections.abc import Mapping

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from accord.batch import Prepared, prepare
from tasks.bench import bench
from tasks.examiner import examiner
from tasks.retry import DELAYS, RETRIES, try_later


@task(
    task_run_name="check batch {batch}",
    retries=RETRIES,
    retry_delay_seconds=DELAYS,
    retry_condition_fn=try_later,
    cache_policy=NO_CACHE,
    persist_result=False,
)
def check(sync: str, batch: int) -> Prepared | None:
    """Prepare a batch and set aside the records that are not as expected; None where there is nothing to settle.

    Raises Refused where an expectation can not be evaluated, naming it: nothing of the batch is settled then.
    """
    at = bench(sync)
    prepared = prepare(at.sync, batch, at.source, at.ledger, at.target.kinds)
    if prepared is None or not prepared.records:
        return prepared
    # A source's time can be ahead of ours: in Stripe's test mode a clock can be moved forward.
    failed = examiner().examine(prepared, max(at.ledger.clock.now(), at.source.date or 0))
    unsound, remarked = examiner().sort_out(prepared.kind, failed)
    log = get_run_logger()
    for found, tell, what in (
        (unsound, log.warning, "are not as expected"),
        (remarked, log.info, "go on, and a person should look at them"),
    ):
        if found:
            of = len(prepared.records)
            tell("%s batch %d: %d of %d records %s: %s", prepared.kind, batch, len(found), of, what, _counted(found))
    if unsound:
        prepared.reject(unsound)
    return prepared


def _counted(found: Mapping[int, list[str]]) -> str:
    counts = Counter(title for titles in found.values() for title in titles)
    return "; ".join(f"{title} ({count})" for title, count in counts.most_common())
