"""`accord db`, `accord accounts`, `accord portal`, `accord bookings`: tables of the ledger and of other databases."""

import json
from typing import Any

from accord import settings
from accord.errors import Misconfigured
from accord.ledger import sealed


def ledger(action: str, as_json: bool) -> int:
    """Upgrade the ledger's tables, look whether they and their keys fit, encrypt them anew, or copy them elsewhere."""
    from accord.ledger.upgrade import differs, upgrade
    from accord.ledger.version import require_current

    opened = settings.open_ledger()
    engine = opened.engine
    if action == "copy":
        from accord.ledger.engine import open_database
        from accord.ledger.move import copy
        from deployments.ask import secret

        rows = copy(engine, open_database(secret("URL of the new ledger"), "the URL of the new ledger"))
        _tell({"copied": rows}, f"copied {rows:,} rows; now set {settings.LEDGER_URL} to it", as_json)
        return 0
    if action == "upgrade":
        upgrade(engine)
        _tell({"current": True}, "the ledger is up to date", as_json)
        return 0
    if action == "rekey":
        require_current(engine)
        kept = sealed.rekey(opened)
        kept.require_opened()
        _tell({"rekeyed": kept.older}, kept.renewed, as_json)
        return 0
    if differs(engine):
        raise Misconfigured(
            "the ledger's tables are not as this version made them, so somebody has changed them; restore the ledger "
            "from a backup (docs/operations.md)"
        )
    kept = sealed.look(opened)
    kept.require_opened()
    fit = "the ledger's tables are as this version needs them"
    _tell({"current": True, "older_key": kept.older}, f"{fit}; {kept.needing}" if kept.needing else fit, as_json)
    return 1 if kept.older else 0


def database(what: str, action: str, name: str, as_json: bool) -> int:
    """Make Accord's own tables where they are missing, and look whether all of them fit."""
    from accord.clock import SystemClock
    from deployments.connect_database import DATABASES
    from tasks.workflows import load_block

    opened = load_block(DATABASES[what].block, name).connect(SystemClock())
    return _fit(opened, action, {what: name}, opened.layout.database, as_json)


def bookings(action: str, name: str, as_json: bool) -> int:
    """The same for the database of a booking system."""
    from accord.clock import SystemClock
    from accord.systems.bookings.mapping import LAYOUT
    from blocks import BookingsDatabase
    from tasks.workflows import load_block

    opened = load_block(BookingsDatabase, name).tables(SystemClock())
    return _fit(opened, action, {"bookings": name}, LAYOUT.database, as_json)


def _fit(opened: Any, action: str, named: dict[str, str], database: str, as_json: bool) -> int:
    try:
        if action == "create":
            opened.create_tables()
        opened.check()
    finally:
        opened.close()
    _tell({**named, "fit": True}, f"the tables of {database} fit", as_json)
    return 0


def _tell(said: dict[str, Any], sentence: str, as_json: bool) -> None:
    print(json.dumps(said, indent=2) if as_json else sentence)
