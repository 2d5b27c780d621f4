"""`accord deploy`: block types, work pool and one deployment for each connection on the configured Prefect server."""

import json
from functools import partial
from typing import Any, NamedTuple

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleUpdate, DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound

from accord import settings
from accord.errors import Misconfigured
from accord.ledger import streams
from accord.ledger.engine import Ledger
from blocks import DocumentArchive, InvoiceIssuing
from deployments import server
from deployments.channels import Arrival, ensure_automations, send_tests
from deployments.connect_alerts import tell
from deployments.schedules import deployment, described
from tasks.workflows import WORKFLOWS, Route

POOL = "accord"


class Deployed(NamedTuple):
    """One deployment as it stands now."""

    name: str
    made: bool
    paused: bool
    schedules: dict[str, str]  # slug -> when, as on the server
    differs: list[str]  # slugs of those that prefect.yaml has otherwise


class Outcome(NamedTuple):
    """What a deploy came to."""

    server: str
    warnings: list[str]
    pool: str
    pool_made: bool
    deployments: list[Deployed]
    released: list[str]  # streams
    channels: list[Arrival]  # of test alerts

    def as_data(self) -> dict[str, Any]:
        """The same as plain data."""
        rows = {name: [one._asdict() for one in getattr(self, name)] for name in ("deployments", "channels")}
        return self._asdict() | rows


def deploy(pool: str = POOL, reset_schedules: bool = False) -> Outcome:
    """Create or update all that Accord needs on the server. Again without harm.

    Schedules are set when a deployment is made; from then on they are the server's own, active or paused, unless
    `reset_schedules` puts those of prefect.yaml in their place, each as active as it was.
    """
    ledger = settings.current_ledger()
    with server.opened() as client:
        for workflow in WORKFLOWS.values():
            for block in (*workflow.blocks, *(reads.block for reads in workflow.reads)):
                block.register_type_and_schema()
        for other in (DocumentArchive, InvoiceIssuing):
            other.register_type_and_schema()
        pool_made = _ensure_pool(client, pool)
        routes = server.connections(client)
        there = server.deployments(client)
        done = [_put(client, one, pool, there.get(one.name), reset_schedules) for one in routes]
        names = {one.name for one in routes}
        warnings = [server.gone(name) for name in there if name not in names]
        if differs := server.version_differs(client):
            warnings.append(differs)
        warnings += ensure_automations(client)
        arrivals = send_tests(client)
    return Outcome(server.address(), warnings, pool, pool_made, done, _release(ledger), arrivals)


def command(pool: str, reset_schedules: bool, as_json: bool) -> int:
    """`accord deploy`: deploy, and say what came of it; 1 where a test alert was not sent, 2 without a connection."""
    outcome = deploy(pool, reset_schedules)
    if as_json:
        print(json.dumps(outcome.as_data(), indent=2))
    else:
        _tell(outcome)
    if not outcome.deployments:
        raise Misconfigured(f"there is no connection to deploy yet; make one, then deploy: {server.CONNECT}")
    return 1 if any(one.why for one in outcome.channels) else 0


def _tell(outcome: Outcome) -> None:
    print(f"work pool {outcome.pool} on {outcome.server}: {'made' if outcome.pool_made else 'there already'}")
    for one in outcome.deployments:
        paused = "; paused, and stays so" if one.paused else ""
        print(f"{one.name}: {'made' if one.made else 'up to date'}{paused}")
        for slug, when in one.schedules.items():
            kept = "; kept, prefect.yaml has it otherwise" if slug in one.differs else ""
            print(f"  {slug}: {when}{kept}")
        for slug in one.differs:
            if slug not in one.schedules:
                print(f"  {slug}: not on the server any more, and stays away")
    if any(one.differs for one in outcome.deployments):
        print("to put the schedules of prefect.yaml in place: accord deploy --reset-schedules")
    for stream in outcome.released:
        print(f"{stream} was stopped; its next run tries again")
    tell(outcome.warnings, outcome.channels)


def _ensure_pool(client: SyncPrefectClient, name: str) -> bool:
    """Whether the pool had to be made; one that is there stays as it is, whatever its type."""
    from prefect.workers.process import ProcessWorker

    try:
        client.read_work_pool(name)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(WorkPoolCreate(name=name, type=ProcessWorker.type, base_job_template=template))
        return True
    return False


def _put(
    client: SyncPrefectClient, of: Route, pool: str, there: DeploymentResponse | None, reset_schedules: bool
) -> Deployed:
    wanted = deployment(of, pool)
    if there is None:
        wanted.apply()
    elif changes := _changes(wanted, there, reset_schedules):
        # Only then: the server makes scheduled runs anew after each update, and until they begin nobody hears of them.
        client.update_deployment(there.id, DeploymentUpdate(**changes))
    now = client.read_deployment_by_name(of.name)
    shown = {one.slug or str(one.id): _shown(one) for one in now.schedules}
    file = {one.slug: described(one.schedule) for one in wanted.schedules or []}
    on_server = {one.slug: described(one.schedule) for one in now.schedules}
    differs = [str(slug) for slug, when in file.items() if on_server.get(slug) != when]
    return Deployed(of.name, there is None, now.paused, shown, differs)


def _changes(wanted: RunnerDeployment, there: DeploymentResponse, reset_schedules: bool) -> dict[str, Any]:
    """What is to be other than it is of what is Accord's own; what people add to a deployment in the UI stays."""
    theirs, ours = there.job_variables or {}, wanted.job_variables
    fields: dict[str, Any] = {
        "description": wanted.description,
        "entrypoint": wanted.entrypoint,
        "parameters": {**there.parameters, **wanted.parameters},
        "parameter_openapi_schema": wanted._parameter_openapi_schema.model_dump(exclude_unset=True),
        "tags": sorted({*there.tags, *wanted.tags}),
        "work_pool_name": wanted.work_pool_name,
        "job_variables": theirs | ours | {"env": {**theirs.get("env", {}), **ours["env"]}},
        "concurrency_limit": wanted.concurrency_limit,
        "concurrency_options": wanted.concurrency_options,
    }
    if reset_schedules:
        active = {one.slug: one.active for one in there.schedules}
        fields["schedules"] = [
            DeploymentScheduleUpdate(
                schedule=one.schedule, slug=one.slug, parameters=one.parameters, active=active.get(one.slug, True)
            )
            for one in wanted.schedules or []
        ]
    limit, options = there.global_concurrency_limit, there.concurrency_options
    now = {
        "tags": sorted(there.tags),
        "concurrency_limit": limit.limit if limit else None,
        "concurrency_options": options.model_dump() if options else None,
    }
    want = fields["concurrency_options"]
    fields["concurrency_options"] = want if want is None or isinstance(want, dict) else want.model_dump()
    plain = there.model_dump(include=fields.keys() - now.keys()) | now
    return {name: value for name, value in fields.items() if plain.get(name) != value}


def _shown(one: DeploymentSchedule) -> str:
    return described(one.schedule) + ("" if one.active else ", paused")


def _release(ledger: Ledger) -> list[str]:
    """A new version may read what stopped the old one: let every stopped stream try again, once."""
    stopped = ledger.read(streams.all_stopped)
    for sync, stream, _ in stopped:
        ledger.write(partial(streams.release, sync=sync, stream=stream, lenient=False))
    return [f"{sync}:{stream}" for sync, stream, _ in stopped]
