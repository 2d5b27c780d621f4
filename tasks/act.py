"""Act: what is to be done at other systems because of what was settled. Never cached: the ledger is its memory."""

import secrets

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE

from accord import acting
from tasks.bench import bench


@task(task_run_name="act", cache_policy=NO_CACHE, persist_result=False)
def act(sync: str) -> dict[str, int]:
    """Go on with every action that is due, and say on the run's page what came of them.

    Not retried: what could not be done is due again, and the next run goes on with it.
    """
    at = bench(sync)
    ended = acting.act(at.sync, at.actions, at.ledger, f"{at.run}:{secrets.token_hex(4)}", at.run)
    told = ", ".join(f"{count} {state}" for state, count in sorted(ended.items()))
    get_run_logger().info("actions: %s", told or "nothing came to its end")
    return dict(ended)
