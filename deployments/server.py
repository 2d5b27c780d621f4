"""The Prefect server that is configured: whether it answers, and what it has of Accord."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import prefect
from packaging.version import Version
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from accord.errors import Misconfigured, TryLater
from deployments import host
from tasks.workflows import WORKFLOWS, Reads, Route, route

START_WORKER = "accord work --pool {}"
CONNECT = " or ".join(
    f"accord connect {one}" for one in sorted({r.system for w in WORKFLOWS.values() for r in w.reads})
)
_PAGE = 200

# Prefect sends word of every block that is loaded, and warns when a command ends before that has arrived.
logging.getLogger("EventsWorker").setLevel(logging.ERROR)


@contextmanager
def opened() -> Iterator[SyncPrefectClient]:
    """A client of the server. Raises Misconfigured or TryLater, saying what to do, where it can not be used."""
    url, differs = address(), None
    try:
        with get_client(sync_client=True) as client:
            differs = difference(_version(client, url), prefect.__version__)
            yield client
    except httpx.TransportError:
        raise TryLater(f"the Prefect server does not answer at {url}. Is it up, is PREFECT_API_URL right?") from None
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        if status in (401, 403):
            raise Misconfigured(
                f"the Prefect server at {url} wants another login; set PREFECT_API_AUTH_STRING to that of the server"
            ) from None
        if status < 500 and differs:
            raise Misconfigured(f"the Prefect server at {url} answered {status}: {differs}") from None
        if status < 500:
            raise
        raise TryLater(f"the Prefect server at {url} answered {status}; look into its log") from None


def _version(client: SyncPrefectClient, url: str) -> str:
    """The server's version. Raises Misconfigured where what answers is no Prefect server."""
    try:
        return str(Version(client.api_version()))
    except PrefectHTTPStatusError as error:
        if error.response.status_code != 404:
            raise
    except ValueError:
        pass
    raise Misconfigured(f"what answers at {url} is no Prefect server's API; does PREFECT_API_URL end with /api?")


def address() -> str:
    """The server's address. Raises Misconfigured where there is none: Prefect would start a server of its own then."""
    url = PREFECT_API_URL.value()
    if not url:
        raise Misconfigured(
            "PREFECT_API_URL is not set; set it to the address of your Prefect server, such as "
            "http://127.0.0.1:4200/api (to start one: prefect server start)"
        )
    return str(url)


def version_differs(client: SyncPrefectClient) -> str | None:
    """A warning where the server is of a version that Accord does not work with, or of another one than the client."""
    return difference(client.api_version(), prefect.__version__)


def difference(there: str, here: str) -> str | None:
    """What is wrong with a server of one version and a client of another, and what to do; None where nothing is.

    What is to be installed is never older than what Accord needs.
    """
    needed = host.supported("prefect")
    if not needed.contains(there, prereleases=True):
        return (
            f"the Prefect server is of version {there}, which Accord does not work with; on its host, run: "
            f'pip install "prefect{needed}"'
        )
    if not needed.contains(here, prereleases=True):
        return (
            f"Prefect is of version {here} on this host, which Accord does not work with; run: "
            f'pip install "prefect{needed}"'
        )
    if Version(there).release[:2] == Version(here).release[:2]:
        return None
    older = "the server's host" if Version(there) < Version(here) else "this host and each worker's"
    newer = max(Version(there), Version(here))
    return (
        f"the Prefect server is of version {there}, and here is {here}: runs may fail in ways that neither was tested "
        f'for; on {older}, run: pip install "prefect=={newer}"'
    )


def connections(client: SyncPrefectClient) -> list[Route]:
    """Every connection of every workflow, by its name, whose block says where its records go."""
    found = [
        workflow.route(reads.system, name)
        for workflow in WORKFLOWS.values()
        for reads in workflow.reads
        for name in _blocks(client, reads)
    ]
    return sorted(found, key=lambda one: one.name)


def _blocks(client: SyncPrefectClient, reads: Reads) -> Iterator[str]:
    """The names of the blocks of a system that name a target."""
    offset = 0
    while True:
        try:
            page = client.read_block_documents_by_type(
                reads.block.get_block_type_slug(), offset=offset, limit=_PAGE, include_secrets=False
            )
        except PrefectHTTPStatusError as error:
            if error.response.status_code != 404:
                raise
            return  # the type of block is not registered yet
        for document in page:
            if document.name and _names_target(reads, document.data):
                yield document.name
        if len(page) < _PAGE:
            return
        offset += len(page)


def _names_target(reads: Reads, data: dict[str, Any]) -> bool:
    """Whether a block's fields say where its records go."""
    return reads.target is None or bool(data.get(reads.target, reads.block.model_fields[reads.target].default))


def deployments(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    """Every deployment of a workflow's flow, by its full name."""
    found: dict[str, DeploymentResponse] = {}
    for flow in sorted(WORKFLOWS):
        ours, offset = FlowFilter(name=FlowFilterName(any_=[flow])), 0
        while page := client.read_deployments(flow_filter=ours, offset=offset, limit=_PAGE):
            found |= {f"{flow}/{one.name}": one for one in page}
            offset += len(page)
    return dict(sorted(found.items()))


def gone(name: str) -> str:
    """What to do about a deployment, by its full name, whose connection is not there."""
    delete = f"prefect deployment delete {name}"
    try:
        of = route(name)
    except Misconfigured as error:
        return f"the deployment {name} can not run: {error}. Delete it: {delete}"
    return (
        f"the deployment {name} has no block {of.block} that says where its records go, so its runs fail. Delete it: "
        f"{delete}; or connect the account again: accord connect {of.reads.system} --name {of.connection}"
    )
