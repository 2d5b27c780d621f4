"""`accord connect accounts` and `accord connect portal`: a database is tested, and its tables looked at, before it is
saved."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from accord import settings
from accord.errors import Misconfigured
from accord.identity import require_same_database
from accord.ledger.engine import Ledger, open_database
from accord.records import Kind
from accord.systems import accounts, portal
from accord.systems.sql_tables import Layout
from blocks import AccountsDatabase, PortalApiAccount, PortalDatabase
from deployments import server
from deployments.ask import secret
from deployments.connection import require_name
from tasks.workflows import find_block


class Database(NamedTuple):
    """A database that records are shown in, as this command and its messages have it."""

    block: type[AccountsDatabase] | type[PortalDatabase]
    layout: Layout
    knows: str  # who tells which rows of a mapped table are Accord's
    sources: str  # what is connected to it

    @property
    def setting(self) -> str:
        """What is asked for."""
        return f"the URL of {self.layout.database}"


DATABASES = {
    one.layout.name: one
    for one in (
        Database(AccountsDatabase, accounts.LAYOUT, "Stripe", "accord connect stripe"),
        Database(
            PortalDatabase, portal.LAYOUT, "the service of a connection", "accord connect oblio, smartbill or stripe"
        ),
    )
}


def connect(what: str, name: str, mapping: Path | None, create: bool, as_json: bool) -> int:
    """Ask for the URL, test the database and save it; a saved one keeps its mapping unless another is given."""
    require_name(name)
    of = DATABASES[what]
    given = None if mapping is None else read_mapping(mapping)
    ledger = settings.current_ledger()
    with server.opened():
        if of.block is PortalDatabase and find_block(PortalApiAccount, name) is not None:
            raise Misconfigured(f"{name} is the name of a portal's API already; take another --name for this database")
        kept = find_block(of.block, name)
        url = secret(of.setting.removeprefix("the "))
        if given is None and kept is not None:
            given = kept.mapping
        new = no_file(url, of.setting)
        if new and (given is not None or not create):
            raise Misconfigured(
                f"there is no file {new}; correct {of.setting}, or use --create and no --mapping to make it"
            )
        block = of.block(url=SecretStr(url), mapping=given)
        found = _test(block, f"{what}/{name}", ledger, create, new is not None)
        block.save(name, overwrite=True)
    if as_json:
        tables = {kind: {"table": table, "rows": count} for kind, (table, count) in found.items()}
        print(json.dumps({what: name, "mapped": given is not None, "tables": tables}, indent=2))
        return 0
    _tell(found, None if given is None else of.knows)
    print(f"saved as {of.block.__name__}/{name}\nnext: {of.sources}; then: accord deploy")
    return 0


def read_mapping(file: Path) -> Any:
    """A mapping as plain data. Raises Misconfigured where the file holds none."""
    try:
        mapping = json.loads(file.read_text())
    except OSError as error:
        raise Misconfigured(f"the mapping {file} can not be read: {error.strerror}") from None
    except ValueError as error:
        raise Misconfigured(f"the mapping {file} is no JSON: {error}") from None
    if not isinstance(mapping, dict):
        raise Misconfigured(f"the mapping {file} must name kinds, each with its table and columns: docs/mapping.md")
    return mapping


def no_file(url: str, setting: str) -> Path | None:
    """The file of an SQLite database, where it is not there: SQLite would make it, which hides a wrong path."""
    open_database(url, setting).dispose()
    path = make_url(url).database
    return Path(path) if url.startswith("sqlite") and path and not Path(path).exists() else None


def _test(
    block: AccountsDatabase | PortalDatabase, target: str, ledger: Ledger, create: bool, new: bool
) -> dict[Kind, tuple[str, int]]:
    """Raise Misconfigured where the tables do not fit or take no writes, or are not those that this block stood for.

    Else each kind's table with its rows. Nothing is made before all that can be known of is found to be right.
    """
    opened = block.connect(ledger.clock)
    try:
        if create:
            if new or opened.unnamed():
                require_same_database(target, ledger, None)
            opened.create_tables()
        opened.check()
        opened.check_writable()
        require_same_database(target, ledger, opened.identity())
        return opened.rows()
    except Misconfigured as error:
        raise Misconfigured(f"nothing was saved: {error}") from None
    finally:
        opened.close()


def _tell(found: dict[Kind, tuple[str, int]], knows: str | None) -> None:
    for kind, (table, count) in found.items():
        print(f"  {kind:<14}{table:<24}fits, {count:,} rows")
    if not any(count for _, count in found.values()):
        return
    if knows is not None:
        print(f"Rows whose key {knows} knows are brought into agreement in the mapped columns.", end=" ")
        print("All others stay as they are.")
    else:
        print("Rows of this connection are brought into agreement, whichever ledger wrote them; all others stay.")
