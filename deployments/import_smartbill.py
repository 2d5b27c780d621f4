"""`accord import smartbill`: the report Facturi emise, for history and for what SmartBill's API does not tell."""

import json
from functools import partial
from pathlib import Path

from accord import settings
from accord.errors import Misconfigured, Refused
from accord.identity import require_same_account, require_same_target
from accord.systems.smartbill import export, intake
from accord.systems.smartbill.export import Export
from blocks import SmartBillAccount
from deployments import server
from deployments.connection import require_name
from tasks.workflows import INVOICES

SHOWN = 20  # lines that are refused


def command(file: Path, name: str, as_json: bool) -> int:
    """Take a file in, and say what became of its lines; 1 where some were refused."""
    require_name(name)
    try:
        body = file.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{file} can not be read: {error.strerror}") from None
    ledger = settings.current_ledger()
    with server.opened():
        of = INVOICES.route("smartbill", name)
        account, _, sync = of.load()
    require_same_target(sync, ledger)
    source = account.connect(sync.connection, ledger, partial(require_same_account, sync, ledger))
    try:
        names = [one.name for one in source.api.series()]
    finally:
        source.close()
    try:
        found = export.read(body, names)
    except Refused as error:
        raise Misconfigured(f"nothing was imported: {error}") from None
    mine = _of_series(account, found)
    taken = intake.take(sync, ledger, account.cif, mine)
    left_out, refused = len(found.rows) - len(mine.rows), taken.refused
    if as_json:
        shown = {"connection": name, "new": taken.new, "changed": taken.changed, "same": taken.same}
        lines = [{"line": one.line, "why": one.why} for one in refused]
        print(json.dumps(shown | {"left_out": left_out, "refused": lines}, indent=2))
        return 1 if refused else 0
    said = [f"{taken.new:,} new", f"{taken.changed:,} changed", f"{taken.same:,} the same", f"{len(refused):,} refused"]
    print(", ".join([*said, *([f"{left_out:,} of series that are not read"] if left_out else [])]))
    for one in refused[:SHOWN]:
        print(f"  line {one.line}: {one.why}")
    if len(refused) > SHOWN:
        print(f"  and {len(refused) - SHOWN:,} more; --json names them all")
    if taken.new or taken.changed:
        print(f"next: accord run {of.name}")
    return 1 if refused else 0


def _of_series(account: SmartBillAccount, found: Export) -> Export:
    """The lines of those series that the connection reads."""
    both = [
        (row, line)
        for row, line in zip(found.rows, found.lines, strict=True)
        if not account.series or row.series in account.series
    ]
    return found._replace(rows=[row for row, _ in both], lines=[line for _, line in both])
