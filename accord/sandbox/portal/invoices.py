"""What customers see: invoices and what is due of each, from the portal's own store or a portal's SQL database."""

import contextlib
import re
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from accord.sandbox.portal.store import Store

_COLUMNS = "connection, id, series, number, issued_on, due_on, client_name, client_vat_id, currency, state, total, due"


class Invoice(NamedTuple):
    """One document as its client sees it; None is what is not known."""

    connection: str
    key: str
    series: str | None
    number: str | None
    issued_on: str | None
    due_on: str | None
    client: str | None
    vat_id: str | None
    currency: str | None
    state: str
    total: int | None
    due: int | None
    origins: Mapping[str, str] = {}

    @property
    def who(self) -> str:
        """What all documents of a client have in common: the VAT id, written with or without RO; or else the name."""
        digits = (self.vat_id or "").upper().replace(" ", "").removeprefix("RO")
        # People without one have a dash there, or thirteen zeros, all of them alike.
        return digits if re.search("[1-9]", digits) else (self.client or "").strip()


class Shelves(NamedTuple):
    """All that is shown, and as of when, by connection."""

    invoices: list[Invoice]
    as_of: Mapping[str, datetime | None]


class NoDatabase(Exception):
    """The database is not there yet, or has not the view that is read; the text says which."""


def of_store(store: Store) -> Shelves:
    """What was put through the API."""
    shown = [_of_document(connection, document) for connection, document in store.shown()]
    times = {name: shelf.as_of for name, shelf in store.shelves.items()}
    return Shelves(shown, {name: None if at is None else datetime.fromtimestamp(at, UTC) for name, at in times.items()})


def of_database(path: Path) -> Shelves:
    """What the view `invoices_due` of a portal's SQLite database shows. Raises NoDatabase."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute(f"SELECT {_COLUMNS} FROM invoices_due").fetchall()  # noqa: S608
            times = database.execute("SELECT connection, last_agreed_at FROM accord_agreement").fetchall()
    except sqlite3.Error:
        raise NoDatabase(f"{path} is no portal database, or not yet: it has no view invoices_due to read") from None
    as_of: dict[str, datetime | None] = dict.fromkeys(sorted({row[0] for row in rows}))
    return Shelves(
        [Invoice(*row) for row in rows],
        as_of | {name: datetime.fromisoformat(at).replace(tzinfo=UTC) for name, at in times},
    )


def _of_document(connection: str, document: Mapping[str, Any]) -> Invoice:
    client = document["client"] or {}
    plain = {name: document[name] for name in ("series", "number", "issued_on", "due_on", "currency", "state", "total")}
    return Invoice(
        connection=connection,
        key=document["key"],
        client=client.get("name"),
        vat_id=client.get("vat_id"),
        due=_due(document),
        origins=document["origins"],
        **plain,
    )


def _due(document: Mapping[str, Any]) -> int | None:
    """Total less paid of what is to be paid, 0 of what asks for nothing, and None where that is not known."""
    total, paid = document["total"], document["paid"]
    match document["state"]:
        case "unknown":
            return None
        case "issued" | "partly paid":
            return None if total is None or paid is None else total - paid
        case _:
            return 0
