"""`accord connect accounts`: a database is tested, and its tables looked at, before it is saved."""

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy.engine import make_url

from accord import settings
from accord.errors import Misconfigured
from accord.identity import require_same_database
from accord.ledger.engine import Ledger, open_database
from accord.records import Kind
from accord.systems.accounts import Accounts
from accord.systems.sql_look import check_writable, identity, rows, unnamed
from blocks import AccountsDatabase
from deployments import server
from deployments.ask import secret
from deployments.connect_stripe import require_name
from tasks.workflows import find_block

SETTING = "the URL of the accounts database"


def connect(name: str, mapping: Path | None, create: bool, as_json: bool) -> int:
    """Ask for the URL, test the database and save it; a saved one keeps its mapping unless another is given."""
    require_name(name)
    given = None if mapping is None else _read(mapping)
    ledger = settings.current_ledger()
    with server.opened():
        kept = find_block(AccountsDatabase, name)
        url = secret("URL of the accounts database")
        if given is None and kept is not None:
            given = kept.mapping
        new = _no_file(url)
        if new and (given is not None or not create):
            raise Misconfigured(
                f"there is no file {new}; correct {SETTING}, or use --create and no --mapping to make it"
            )
        block = AccountsDatabase(url=SecretStr(url), mapping=given)
        found = _test(block, name, ledger, create, new is not None)
        block.save(name, overwrite=True)
    if as_json:
        tables = {kind: {"table": table, "rows": count} for kind, (table, count) in found.items()}
        print(json.dumps({"accounts": name, "mapped": given is not None, "tables": tables}, indent=2))
        return 0
    _tell(found, mapped=given is not None)
    print(f"saved as AccountsDatabase/{name}\nnext: accord connect stripe; then: accord deploy")
    return 0


def _read(file: Path) -> Any:
    try:
        mapping = json.loads(file.read_text())
    except OSError as error:
        raise Misconfigured(f"the mapping {file} can not be read: {error.strerror}") from None
    except ValueError as error:
        raise Misconfigured(f"the mapping {file} is no JSON: {error}") from None
    if not isinstance(mapping, dict):
        raise Misconfigured(f"the mapping {file} must name kinds, each with its table and columns: docs/mapping.md")
    return mapping


def _no_file(url: str) -> Path | None:
    """The file of an SQLite database, where it is not there: SQLite would make it, which hides a wrong path."""
    open_database(url, SETTING).dispose()
    path = make_url(url).database
    return Path(path) if url.startswith("sqlite") and path and not Path(path).exists() else None


def _test(block: AccountsDatabase, name: str, ledger: Ledger, create: bool, new: bool) -> dict[Kind, tuple[str, int]]:
    """Raise Misconfigured where the tables do not fit or take no writes, or are not those that this block stood for.

    Else each kind's table with its rows. Nothing is made before all that can be known of is found to be right.
    """
    accounts: Accounts = block.connect(ledger.clock)
    try:
        if create:
            if new or unnamed(accounts):
                require_same_database(f"accounts/{name}", ledger, None)
            accounts.create_tables()
        accounts.check()
        check_writable(accounts)
        require_same_database(f"accounts/{name}", ledger, identity(accounts))
        return rows(accounts)
    except Misconfigured as error:
        raise Misconfigured(f"nothing was saved: {error}") from None
    finally:
        accounts.close()


def _tell(found: dict[Kind, tuple[str, int]], mapped: bool) -> None:
    for kind, (table, count) in found.items():
        print(f"  {kind:<14}{table:<24}fits, {count:,} rows")
    if not any(count for _, count in found.values()):
        return
    if mapped:
        print(
            "Rows whose key Stripe knows are brought into agreement in the mapped columns. All others stay as they are."
        )
    else:
        print("Rows of this connection are brought into agreement, whichever ledger wrote them; all others stay.")
