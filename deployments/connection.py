"""What the commands that connect a source have in common."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from pydantic import ValidationError

from accord.errors import AccordError, Misconfigured, Refused, TryLater
from accord.systems.sql_look import SqlDatabase
from deployments import server
from tasks.workflows import Route, Shown, find_block

B = TypeVar("B", bound=Block)


def require_name(name: str) -> None:
    """Raise Misconfigured where a block can not be called so."""
    if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
        raise Misconfigured("a --name is of small letters, digits and dashes, 40 at most, such as eu")


def fitting(block: type[B], fields: Mapping[str, Any], fits: Mapping[str, str]) -> B:
    """A block with these fields. Raises Misconfigured by the option that does not fit; `fits` says what would."""
    try:
        return block(**fields)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise Misconfigured(f"--{option} {fits.get(option, first['msg'])}") from None


@contextmanager
def nothing_saved() -> Iterator[None]:
    """Where a connection is tried out of which nothing is saved yet: what is wrong with it, and that."""
    try:
        yield
    except TryLater as error:
        raise TryLater(f"nothing was saved: {error}; try again when it answers") from None
    except (Refused, Misconfigured) as error:
        raise Misconfigured(f"nothing was saved: {error}") from None


def next_steps(client: SyncPrefectClient, of: Route, database: str, target: Shown | None) -> list[str]:
    """What a person should know of a connection that was saved, and do next; closes the target.

    `database` is the name of the target's block, which is None where it is not connected yet.
    """
    kind = of.workflow.target
    if target is None:
        return [f"next: accord connect {kind} --name {database}; then: accord deploy"]
    notes = []
    try:
        mixed = target.without_connection() if isinstance(target, SqlDatabase) else []
    except AccordError as error:
        notes.append(f"note: {error}")
        mixed = []
    finally:
        target.close()
    others = [one.connection for one in _sharing(client, of, database)]
    if mixed and others:
        notes.append(
            f"note: {mixed[0]} also takes the records of {', '.join(others)} and has no column for the connection, "
            "so that a comparison of one of them names the rows of the others as extra; map such a column"
        )
    deployed = of.name in server.deployments(client)
    return [*notes, f"next: accord run {of.name}" if deployed else "next: accord deploy"]


def _sharing(client: SyncPrefectClient, of: Route, database: str) -> Iterator[Route]:
    """The other connections whose records go to this database."""
    for one in server.connections(client):
        block = find_block(one.reads.block, one.connection) if one.workflow is of.workflow else None
        if block is not None and getattr(block, one.reads.target) == database and one.source != of.source:
            yield one
