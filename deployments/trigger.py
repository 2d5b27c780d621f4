"""Running a deployment and following the run to its end."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.exceptions import ObjectNotFound

from accord.errors import Misconfigured

STEP = 0.5
# What Prefect logs of every run, which tells a person who follows one nothing.
_COMMONPLACE = ("Finished in state Completed", "Downloading flow code", "Beginning flow run", "Engine execution")
EXIT_CODES = {"Misconfigured": 2, "Unreachable": 3, "Waiting": 3, "Refused": 3}


class Ended(NamedTuple):
    """How a run ended: its state, the exit code of the command that followed it, and what it counted."""

    id: UUID
    state: str
    message: str
    code: int
    counts: dict[str, int]


def trigger(deployment: str, parameters: Mapping[str, Any], say: Callable[[str], None]) -> Ended:
    """Create a run of FLOW/NAME, and follow it until it ends, with a line at least every five seconds."""
    with get_client(sync_client=True) as client:
        try:
            found = client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            raise Misconfigured(
                f"there is no deployment {deployment}; make it with: prefect deploy --all "
                "--prefect-file deployments/prefect.yaml"
            ) from None
        created = client.create_flow_run_from_deployment(found.id, parameters=dict(parameters))
        say(f"run {created.name} of {deployment} is scheduled")
        ended = _follow(client, created, say)
        state = ended.state
        name, message = (state.name, state.message) if state else ("Unknown", "")
        if name == "Cancelled" and "concurrency limit" in (message or ""):
            name, message = "Refused", "another run of this deployment is under way; try again when it has ended"
        code = 0 if state is not None and state.is_completed() else EXIT_CODES.get(name or "", 1)
        return Ended(ended.id, name or "", message or "", code, _counts(client, ended.id))


def _follow(client: SyncPrefectClient, run: FlowRun, say: Callable[[str], None]) -> FlowRun:
    seen, said, state = 0, time.monotonic(), "Scheduled"
    while True:
        run = client.read_flow_run(run.id)
        logs = client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])), offset=seen, limit=200)
        told = [line.message.splitlines()[0] for line in logs if not line.message.startswith(_COMMONPLACE)]
        for line in told:
            say(line)
        seen += len(logs)
        now, name = time.monotonic(), (run.state.name if run.state else None) or ""
        if name != state or (not told and now - said > 4):
            say(f"run {run.name}: {name}")
            said, state = now, name
        elif told:
            said = now
        if run.state is not None and run.state.is_final() and not logs:
            return run
        time.sleep(STEP)


def _counts(client: SyncPrefectClient, run: UUID) -> dict[str, int]:
    """The run's own table of what it did, from the artifact that it left."""
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]))
    for artifact in client.read_artifacts(artifact_filter=wanted):
        if artifact.type == "table" and isinstance(artifact.data, str):
            return {row["what"]: row["records"] for row in json.loads(artifact.data) if "what" in row}
    return {}
