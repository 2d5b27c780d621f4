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
def plan(sync: str, mode: core.Mode, since: int | None, until: int | None) -> None:
    """Open the windows; once in a run, also in a retried one. Raises Misconfigured for bounds that make no sense."""
    at = bench(sync)
    core.plan(at.sync, at.source, at.ledger, at.target.mappings, LAG, mode, since, until)
