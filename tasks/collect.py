"""Collect: what the source shows, into the ledger. The result is a count, never data of the source."""

from prefect import task

from tasks.bench import bench
from tasks.retry import DELAYS, RETRIES, try_later


@task(
    task_run_name="collect {stream}",
    retries=RETRIES,
    retry_delay_seconds=DELAYS,
    retry_condition_fn=try_later,
    persist_result=True,
    result_serializer="json",
)
def collect(sync: str, stream: str) -> int:
    """Read a stream's open windows to their end; how many records or events were stored as batches or hints.

    The result is kept within the run: a retry of the flow skips what was read, the next run reads afresh.
    """
    return bench(sync).collector.stream(stream)


@task(
    task_run_name="collect changed records ({turn})",
    retries=RETRIES,
    retry_delay_seconds=DELAYS,
    retry_condition_fn=try_later,
    persist_result=True,
    result_serializer="json",
)
def collect_changed(sync: str, turn: int) -> int:
    """Fetch every record that the inbox speaks of, as it is now; how many were stored."""
    return bench(sync).collector.changed()
