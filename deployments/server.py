"""The Prefect server that is configured: whether it answers, and what it has of Accord."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import prefect
from packaging.version import Version
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL

from accord.errors import Misconfigured, TryLater
from blocks import StripeAccount
from deployments import host
from tasks.bench import FLOW

START_WORKER = "accord work --pool {}"
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


def connections(client: SyncPrefectClient) -> list[str]:
    """The names of the Stripe account blocks."""
    names: list[str] = []
    while True:
        try:
            page = client.read_block_documents_by_type(
                StripeAccount.get_block_type_slug(), offset=len(names), limit=_PAGE, include_secrets=False
            )
        except PrefectHTTPStatusError as error:
            if error.response.status_code != 404:
                raise
            return []  # the type of block is not registered yet
        names += [document.name for document in page if document.name]
        if len(page) < _PAGE:
            return sorted(names)


def deployments(client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
    """Every deployment of the flow, by the name of its connection."""
    found: list[DeploymentResponse] = []
    ours = FlowFilter(name=FlowFilterName(any_=[FLOW]))
    while True:
        page = client.read_deployments(flow_filter=ours, offset=len(found), limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            return {one.name: one for one in sorted(found, key=lambda one: one.name)}


def gone(name: str) -> str:
    """What to do about a deployment whose connection is not there."""
    return (
        f"the deployment {FLOW}/{name} has no block StripeAccount/{name}, so its runs fail. Delete it: prefect "
        f"deployment delete {FLOW}/{name}; or connect the account again: accord connect stripe --name {name}"
    )
