"""What the commands that connect a source have in common."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar

from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from pydantic import SecretStr, ValidationError

from accord import settings
from accord.errors import AccordError, Misconfigured, Refused, TryLater
from accord.identity import assign
from accord.ledger.engine import Ledger
from accord.systems.sql_look import SqlDatabase
from blocks.names import NAME
from deployments import server
from deployments.ask import secret
from tasks.workflows import Route, find_block

B = TypeVar("B", bound=Block)


def require_name(name: str) -> None:
    """Raise Misconfigured where a block can not be called so."""
    if not re.fullmatch(NAME, name):
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


def kept(saved: Block | None, asked: str = "") -> dict[str, Any]:
    """What a saved connection goes on with, besides the credential that is asked for: all that is not given anew."""
    fields = () if saved is None else type(saved).model_fields
    return {field: getattr(saved, field) for field in fields if field != asked}


class Saved(NamedTuple):
    """A connection that was tested and saved."""

    account: Any
    tested: Any
    rotated: bool  # it was there before
    told: str  # that it is saved, as a sentence
    notes: list[str]


def save_company(
    of: Route,
    given: Mapping[str, Any],
    asked: tuple[str, str],
    fits: Mapping[str, str],
    test: Callable[[Any, str, Ledger], Any],
) -> Saved:
    """Ask for the credential of a company's account, test it and save it as the block of a connection.

    A saved one keeps the fields that are not given. `asked` is the credential's field, and what it is called; `test`
    raises where nothing is to be saved.
    """
    require_name(of.connection)
    ledger = settings.current_ledger()
    field, called = asked
    with server.opened() as client:
        saved = find_block(of.reads.block, of.connection)
        fields = {**kept(saved, field), **given}
        if missing := [f"--{one}" for one in ("email", "cif") if one not in fields]:
            raise Misconfigured(f"a new connection needs {' and '.join(missing)}")
        account = fitting(of.reads.block, fields | {field: SecretStr(secret(called))}, fits)
        with nothing_saved():
            of.archive(account)
            tested = test(account, of.connection, ledger)
        target: str = getattr(account, str(of.reads.target))
        assign(of.sync(target), ledger, tested.owner, {one.source for one in (*server.connections(client), of)})
        account.save(of.connection, overwrite=True)
        notes = next_steps(client, of, target, ledger)
    return Saved(account, tested, saved is not None, is_saved(of, saved, field), notes)


def is_saved(of: Route, before: Block | None, credential: str) -> str:
    """A sentence that says so: of a connection that is new, or of another credential of one that was there before."""
    if before is None:
        return f"saved as {of.block}"
    return f"the new {credential} of {of.connection} is saved; runs take it up at once"


def next_steps(client: SyncPrefectClient, of: Route, database: str, ledger: Ledger) -> list[str]:
    """What a person should know of a connection that was saved, and do next; `database` names the target's block."""
    block = of.workflow.find_target(database)
    if block is None:
        return [f"next: accord connect {of.workflow.target} --name {database}; then: accord deploy"]
    target = of.workflow.open_target(block, of.sync(database), ledger)
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
        if block is not None and getattr(block, str(one.reads.target)) == database and one.source != of.source:
            yield one
