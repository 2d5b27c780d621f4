"""Plan: which windows of which streams this run reads."""

from prefect import task

from accord import plan as core
from tasks.bench import LAG, bench
from tasks.retry import DELAYS, RETRIES, try_later


@task(
    task_run_name="plan",
    retries=RETRIES,
    retry_delay_seconds=DELAYS,
    retry_condition_fn=try_later,
    persist_result=True,
    result_serializer="json",
)
def plan(connection: str, mode: core.Mode, since: int | None, until: int | None) -> None:
    """Make sure that the key is of the account read before, and open the windows; once in a run, also in a retried one.

    Raises Misconfigured where the key is not accepted, or is another account's.
    """
    at = bench(connection)
    core.require_same_account(at.sync, at.ledger, at.source.identity())
    core.plan(at.sync, at.source, at.ledger, at.target.kinds, LAG, mode, since, until)
