"""Taking in an export: its lines are kept beside what the API tells, and what they change is settled like all else."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from accord.documents import State
from accord.ledger import batches, counters, imports, inbox, links
from accord.ledger.engine import Ledger
from accord.records import Kind
from accord.sync import Sync
from accord.systems.smartbill import envelope, translate
from accord.systems.smartbill.envelope import Element
from accord.systems.smartbill.export import Export, Row, Spoilt
from accord.systems.smartbill.memory import Invoice, Known
from accord.systems.smartbill.translate import Unsound

_PAGE, _BATCH = 500, 5_000  # invoices

_TAKEN_OUT = (State.CANCELLED, State.REVERSED)


class Taken(NamedTuple):
    """How many lines said something new, something else than the export before, or the same; and the others."""

    new: int
    changed: int
    same: int
    refused: list[Spoilt]


def take(sync: Sync, ledger: Ledger, cif: str, export: Export) -> Taken:
    """Keep the lines of an export, in one transaction; the next run settles what they come to.

    An invoice that nothing was known of goes into a batch as the export tells it. One that is known is asked for
    again, together with its line, if that tells otherwise: whatever is shown of payments is read at that moment, and
    an old export can not undo it.
    """
    rows, refused = _sound(cif, export)
    bodies = {name: msgspec.json.encode(row) for name, row in rows.items()}
    kind = Kind.DOCUMENT

    def write(connection: Connection) -> Taken:
        now, ticket = ledger.now(connection), counters.ticket(connection, sync.connection)
        before = imports.load(connection, ledger.cipher, sync.connection, bodies)
        fresh = {name: body for name, body in bodies.items() if before.get(name) != body}
        imports.put(connection, ledger.cipher, sync.connection, fresh)
        known = Known(links.accepted(connection, sync.connection, kind))
        unmet: list[Element] = []
        otherwise: list[tuple[str, str]] = []
        for name in fresh:
            row = rows[name]
            there = known.latest(row.series, int(row.number))
            if there is None:
                unmet.append(Element(series=row.series, number=row.number, generation=1, cif=cif, row=row))
            elif not there.deleted and _tells_otherwise(row, there):
                otherwise.append((kind, there.key))
        for start in range(0, len(unmet), _BATCH):
            sealed = _sealed(ledger, sync, unmet[start : start + _BATCH])
            batches.add(connection, sync.name, kind, sealed, ticket, now)
        inbox.look_again(connection, sync.name, otherwise, "import", "an export tells otherwise", now)
        new = sum(name not in before for name in fresh)
        return Taken(new, len(fresh) - new, len(bodies) - len(fresh), refused)

    return ledger.write(write)


def _sound(cif: str, export: Export) -> tuple[Mapping[str, Row], list[Spoilt]]:
    """The lines by the names of their invoices, and those that no document can be made of, in the file's order."""
    found: dict[str, list[tuple[Row, int]]] = {}
    refused = list(export.spoilt)
    for row, line in zip(export.rows, export.lines, strict=True):
        try:
            _ = Element(series=row.series, number=row.number, generation=1, cif=cif, row=row).document
        except Unsound as error:
            refused.append(Spoilt(line, str(error)))
        else:
            found.setdefault(translate.name(row.series, int(row.number)), []).append((row, line))
    rows = {}
    for name, lines in found.items():
        if all(row == lines[0][0] for row, _ in lines):
            rows[name] = lines[0][0]
        else:  # nobody knows which of them counts
            refused += [Spoilt(line, "its number stands on another line, with other values") for _, line in lines]
    return rows, sorted(refused)


def _tells_otherwise(row: Row, there: Invoice) -> bool:
    """Whether a line tells of an invoice what is not shown so; one with another total is of another invoice."""
    if there.amount("total") not in (None, row.total):
        return False
    shown = (there.facts.get("client"), there.facts.get("issued_on"), there.facts.get("currency"))
    told = (row.client.known_by(), row.issued_on, row.currency or shown[2])
    out = (row.state in _TAKEN_OUT, there.state in _TAKEN_OUT)
    return None in shown or shown != told or out[0] != out[1] or there.state == State.UNKNOWN


def _sealed(ledger: Ledger, sync: Sync, elements: Sequence[Element]) -> batches.Sealed:
    pages = [envelope.page(elements[start : start + _PAGE]) for start in range(0, len(elements), _PAGE)]
    return batches.seal(ledger.cipher, sync.name, Kind.DOCUMENT, pages, [], len(elements))
