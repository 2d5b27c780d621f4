"""`accord connect bookings`: a booking system's database is tested, and its tables looked at, before it is saved."""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from prefect.client.orchestration import SyncPrefectClient
from pydantic import SecretStr

from accord import settings
from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.kinds import Kind
from accord.ledger.engine import Ledger
from accord.pairing import Policy
from accord.ports import Owner
from accord.systems.bookings import Store
from blocks import BookingsDatabase
from deployments import server
from deployments.ask import secret
from deployments.connect_database import no_file, read_mapping
from deployments.connection import kept, nothing_saved, require_name
from tasks.workflows import CALENDARS, find_block

SETTING = "URL of the bookings database"


class Tested(NamedTuple):
    """What a database turned out to hold."""

    tables: dict[str, tuple[str, int]]  # the name of each, and how many rows it has
    people: dict[str, int]  # how many have a calendar, by account
    unknown: str | None  # why it can not be shown there when people are taken
    owner: Owner = Owner(None)  # a database has none by name
    refused: Mapping[str, str] = {}  # whoever may not read a table has not come so far
    date: int | None = None  # the database's own clock


def connect(name: str, given: dict[str, Any], mapping: Path | None, create: bool, as_json: bool) -> int:
    """Ask for the URL, test the database and save it; a saved one keeps what is not given."""
    require_name(name)
    if mapping is not None:
        given = given | {"mapping": read_mapping(mapping)}
    ledger = settings.current_ledger()
    with server.opened() as client:
        fields = kept(find_block(BookingsDatabase, name), "url") | given
        url = secret(SETTING)
        new = no_file(url, f"the {SETTING}")
        if new and (fields.get("mapping") is not None or not create):
            raise Misconfigured(
                f"there is no file {new}; correct the {SETTING}, or use --create and no --mapping to make it"
            )
        block = BookingsDatabase(**fields | {"url": SecretStr(url)})
        with nothing_saved():
            _require_alone(client, name, block)
            tested = try_out(block, name, ledger, create=create)
        block.save(name, overwrite=True)
    if as_json:
        print(json.dumps(_shown(name, block, tested), indent=2))
        return 0
    _tell(tested)
    print(f"saved as {type(block).__name__}/{name}\nnext: accord deploy")
    return 0


def try_out(
    block: BookingsDatabase, _: str, ledger: Ledger, kinds: Collection[Kind] = (), *, create: bool = False
) -> Tested:
    """Look whether the tables fit; and may be written to, where what people do in calendars is to come back."""
    opened = block.tables(ledger.clock)
    try:
        if create:
            opened.create_tables()
        opened.check()
        unknown = opened.lacks_availability()
        if block.policy is not Policy.BOOKING:
            Store(opened).require_versions()
            opened.check_writable()
        people: dict[str, int] = {}
        for seat in opened.people().values():
            people[seat.account] = people.get(seat.account, 0) + 1
        return Tested(opened.rows(), people, unknown, date=opened.read(opened.now))
    finally:
        opened.close()


def _require_alone(client: SyncPrefectClient, name: str, block: BookingsDatabase) -> None:
    """Raise Misconfigured where another connection reads these bookings, as far as its URL tells."""
    place = _place(block)
    others = {one.connection for one in server.connections(client) if one.reads.block is BookingsDatabase} - {name}
    for other in sorted(others):
        with suppress(Misconfigured):  # it does not fit, which is said to whoever uses it
            saved = find_block(BookingsDatabase, other)
            if saved is not None and _place(saved) == place:
                break
    else:
        return
    raise Misconfigured(
        f"BookingsDatabase/{other} reads these bookings already; read twice, each would be shown twice. To change how "
        f"they are reached, connect that one again: accord connect bookings --name {other}"
    )


def _place(block: BookingsDatabase) -> tuple[str | int | None, ...]:
    """Where a block's bookings are."""
    tables = block.tables(SystemClock())
    url = tables.engine.url
    return url.host, url.port, url.database, tables.mapping.booking.table


def _how_to_connect(account: str) -> str:
    """What is still to be done about an account that people's calendars are in."""
    system, _, name = account.partition("/")
    if system not in CALENDARS:
        return f"; {system} is no calendar system that Accord knows, which are {' and '.join(CALENDARS)}"
    if find_block(CALENDARS[system], name) is None:
        return f"; not connected yet: accord connect {system} --name {name}"
    return ""


def _shown(name: str, block: BookingsDatabase, tested: Tested) -> dict[str, Any]:
    tables = {what: {"table": table, "rows": count} for what, (table, count) in tested.tables.items()}
    shown = {"bookings": name, "policy": block.policy, "mapped": block.mapping is not None, "tables": tables}
    return shown | {"people": tested.people, "availability": tested.unknown is None}


def _tell(tested: Tested) -> None:
    for what, (table, count) in tested.tables.items():
        print(f"  {what:<14}{table:<24}fits, {count:,} rows")
    for account, count in sorted(tested.people.items()):
        print(f"  {account:<38}{count:,} people{_how_to_connect(account)}")
    if "outbox" not in tested.tables:
        print("Without an outbox, a row that is deleted is missed only by the nightly rescan (docs/bookings.md).")
    if tested.unknown is not None:
        print(f"note: when people are taken can not be shown: {tested.unknown}")
