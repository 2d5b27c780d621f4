"""Running a deployment, following the run to its end, and what it came to."""

import json
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.exceptions import ObjectNotFound
from rich.console import Console

from accord.errors import Misconfigured
from deployments import server
from deployments.follow import Screen, follow, screen
from deployments.runs import how
from tasks.report import WAITS
from tasks.workflows import WORKFLOWS

EXIT_CODES = {"Misconfigured": 2, "Unreachable": 3, "Waiting": 3, "Busy": 3}


class Ended(NamedTuple):
    """How a run ended: its state, and what it counted."""

    id: UUID
    state: str
    message: str
    completed: bool
    counts: dict[str, int]

    @property
    def waits(self) -> dict[str, int]:
        """What keeps the two sides from agreeing, though the run completed."""
        return {what: count for what in WAITS if (count := self.counts.get(what, 0))}

    @property
    def summary(self) -> str:
        """What it did, in words; nothing where it ended before it could tell."""
        counted = ", ".join(f"{count:,} {what}" for what, count in self.counts.items() if count)
        return counted or ("nothing has changed" if self.completed else "")

    @property
    def code(self) -> int:
        """The exit code of the command that followed the run."""
        return int(bool(self.waits)) if self.completed else EXIT_CODES.get(self.state, 1)


def command(name: str | None, parameters: Mapping[str, Any], as_json: bool) -> int:
    """`accord run`: run a deployment, follow it, and say what it came to."""
    console = Console(stderr=as_json)
    with screen(console, lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True)) as shown:
        ended = trigger(chosen(name), parameters, shown)
    if as_json:
        said = {"run": str(ended.id), "state": ended.state, "message": ended.message, "counts": ended.counts}
        print(json.dumps(said | {"agreed": ended.code == 0}, indent=2))
    elif ended.summary:
        print(ended.summary)
    if not ended.completed:
        print(f"accord: {ended.state}: {ended.message}", file=sys.stderr)
    elif ended.waits:
        waits = ", ".join(f"{count:,} {what}" for what, count in ended.waits.items())
        print(f"accord: not yet in agreement: {waits}; look at it with: accord status", file=sys.stderr)
    return ended.code


def trigger(deployment: str, parameters: Mapping[str, Any], screen: Screen) -> Ended:
    """Create a run of FLOW/NAME, and follow it until it has ended and its last lines have arrived."""
    with server.opened() as client:
        try:
            found = client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            raise Misconfigured(f"there is no deployment {deployment}; make it: accord deploy") from None
        created = client.create_flow_run_from_deployment(found.id, parameters=dict(parameters))
        screen.say(f"run {created.name} of {deployment} is scheduled")
        return _ended(client, deployment, follow(client, created, screen))


def under_way(deployment: str, screen: Screen) -> Ended | None:
    """The run of FLOW/NAME that is under way, followed in the same way; None where none is, or has ended meanwhile."""
    with server.opened() as client:
        found = FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[client.read_deployment_by_name(deployment).id]),
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.RUNNING])),
        )
        runs = client.read_flow_runs(flow_run_filter=found, limit=1)
        return _ended(client, deployment, follow(client, runs[0], screen)) if runs else None


def chosen(name: str | None) -> str:
    """The deployment that is meant by FLOW/NAME; or by FLOW, or by nothing, where there is one only."""
    flow, _, deployment = (name or "").partition("/")
    if flow and flow not in WORKFLOWS:
        known = ", ".join(sorted(WORKFLOWS))
        raise Misconfigured(f"there is no flow {flow}; say {known}, or one of these, / and the name of a deployment")
    if deployment:
        return f"{flow}/{deployment}"
    with server.opened() as client:
        names = [one for one in server.deployments(client) if not flow or one.startswith(f"{flow}/")]
    if len(names) != 1:
        several = f"there are several connections; say which: {', '.join(names)}"
        none = f"there is no deployment{f' of {flow}' if flow else ''} yet; make one: accord deploy"
        raise Misconfigured(several if names else none)
    return names[0]


def _ended(client: SyncPrefectClient, deployment: str, run: FlowRun) -> Ended:
    state = run.state
    name, message = (state.name or "", state.message or "") if state else ("Unknown", "")
    if name == "Cancelled" and "concurrency limit" in message:
        name, message = "Busy", "another run of this deployment is under way; try again when it has ended"
    if name == "Crashed":
        message = f"{message}; {how(name, deployment)}" if message else how(name, deployment)
    return Ended(run.id, name, message, state is not None and state.is_completed(), _counts(client, run.id))


def _counts(client: SyncPrefectClient, run: UUID) -> dict[str, int]:
    """The run's own table of what it did, from the artifact that it left."""
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    for artifact in client.read_artifacts(artifact_filter=wanted):
        if artifact.type == "table" and isinstance(artifact.data, str):
            return {row["what"]: row["records"] for row in json.loads(artifact.data) if "what" in row}
    return {}
