"""The deployment that a connection gets, from the definition in prefect.yaml."""

import hashlib
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, NoSchedule, RRuleSchedule
from prefect.deployments.runner import EntrypointType, RunnerDeployment
from prefect.schedules import Cron, Interval, Schedule

from tasks.workflows import Route

FILE = Path(__file__).with_name("prefect.yaml")
SPREAD = 60  # minutes over which the schedules of several connections are spread


def deployment(of: Route, pool: str) -> RunnerDeployment:
    """The deployment of a connection as prefect.yaml defines it for the workflow, in this pool."""
    definition: dict[str, Any] = yaml.safe_load(FILE.read_text())["definitions"][of.workflow.name]
    module, _, flow = definition["entrypoint"].rpartition(".")
    _, _, name = of.name.partition("/")
    made: RunnerDeployment = getattr(import_module(module), flow).to_deployment(
        name=name,
        parameters=of.parameters,
        description=definition["description"],
        tags=definition["tags"],
        schedules=[_schedule(given, minutes(name)) for given in definition["schedules"]],
        concurrency_limit=ConcurrencyLimitConfig(**definition["concurrency_limit"]),
        work_pool_name=pool,
        job_variables=definition["work_pool"]["job_variables"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return made


def minutes(name: str) -> int:
    """By how much a deployment's schedules are moved: the same on every machine, and whatever other ones there are."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest()) % SPREAD


def _schedule(given: dict[str, Any], later: int) -> Schedule:
    common = {name: given[name] for name in ("slug", "timezone", "parameters", "active") if name in given}
    if "interval" in given:
        anchor = datetime.fromisoformat(given["anchor_date"]) + timedelta(minutes=later)
        return Interval(given["interval"], anchor_date=anchor, **common)
    minute, hour, *rest = given["cron"].split()
    if minute.isdigit() and hour.isdigit():
        hours, minute = divmod(int(minute) + later, 60)
        hour = (int(hour) + hours) % 24
    return Cron(" ".join([str(minute), str(hour), *rest]), **common)


def described(schedule: IntervalSchedule | CronSchedule | RRuleSchedule | NoSchedule) -> str:
    """When a schedule has runs start, in words."""
    if isinstance(schedule, IntervalSchedule):
        seconds = schedule.interval.total_seconds()
        offset = int(schedule.anchor_date.timestamp() % seconds)
        return f"every {_length(seconds)}" + (f", {_length(offset)} past" if offset else "")
    if isinstance(schedule, CronSchedule):
        return f"cron {schedule.cron} {schedule.timezone or 'UTC'}"
    return str(getattr(schedule, "rrule", "none"))


def _length(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds % 60 == 0 else f"{seconds:g} s"
