"""`accord db` and `accord accounts`: the tables of the ledger, and those of an accounts database."""

from accord import settings
from accord.errors import Misconfigured


def ledger(action: str) -> int:
    """Upgrade the ledger's tables, look whether they are as this version needs them, or copy them elsewhere."""
    from accord.ledger.upgrade import differs, upgrade

    engine = settings.open_ledger().engine
    if action == "copy":
        from accord.ledger.engine import open_database
        from accord.ledger.move import copy
        from deployments.ask import secret

        what = "URL of the new ledger"
        print(f"copied {copy(engine, open_database(secret(what), what)):,} rows; now set {settings.LEDGER_URL} to it")
        return 0
    if action == "upgrade":
        upgrade(engine)
        print("the ledger is up to date")
        return 0
    if differs(engine):
        raise Misconfigured("the ledger's tables differ from what this version needs; run: accord db upgrade")
    print("the ledger's tables are as this version needs them")
    return 0


def accounts(action: str, name: str) -> int:
    """Make Accord's own tables where they are missing, and look whether all of them fit."""
    from accord.clock import SystemClock
    from blocks import AccountsDatabase
    from tasks.bench import load_block

    opened = load_block(AccountsDatabase, name).connect(SystemClock())
    if action == "create":
        opened.create_tables()
    opened.check()
    print("the accounts' tables fit")
    return 0
