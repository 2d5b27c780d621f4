"""The two databases of a schedule: SQLite in memory, made once per process and filled from templates."""

import sqlite3
from typing import Any

from model_stripe import UNFIT
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.pool import StaticPool

from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import open_database
from accord.ledger.upgrade import upgrade
from accord.records import RECORDS, Kind
from accord.systems.accounts import LAYOUT, Accounts
from accord.systems.sql_tables import Mapping, TableMapping

SYNC, SOURCE, TARGET = "payment-to-account/main", "stripe/main", "accounts/main"

FEW = (Kind.CUSTOMER, Kind.PAYMENT, Kind.REFUND, Kind.LEG)
KINDS = {"own": FEW, "disputes": (*FEW, Kind.DISPUTE), "mapped": FEW}
UNMAPPED = Kind.CUSTOMER
"""The kind that a mapping leaves out for a while."""

_LEDGER_TRIGGERS = {
    "entries BEFORE UPDATE": ("1", "S6: an entry was changed"),
    "entries BEFORE DELETE": ("1", "S6: an entry was deleted"),
    "records BEFORE DELETE": ("1", "S2: a record was deleted"),
    "records BEFORE UPDATE": ("OLD.deleted AND NOT NEW.deleted", "S2: a tombstone was revived in the ledger"),
    "links BEFORE DELETE": ("1", "S7: a link was deleted"),
    "links BEFORE UPDATE": ("NEW.rev < OLD.rev", "S2: the rev of a link went back"),
    "links BEFORE UPDATE OF state": (
        "NEW.state = 'done' AND NEW.hash IS NOT NEW.wanted",
        "S7: a link is done but shows something else than was wanted",
    ),
    "links BEFORE UPDATE OF hash": (
        "NEW.state = 'sending' AND NEW.hash IS NOT OLD.hash",
        "S7: an outcome was noted without an end to its intention",
    ),
    "inbox BEFORE UPDATE": (
        "OLD.state = 'done' AND NEW.state = 'new' AND OLD.event LIKE 'evt%'",
        "S3: an event was dealt with and is open again",
    ),
    "counters BEFORE UPDATE": ("NEW.value < OLD.value", "S2: the counter went back"),
}


def trigger(db: sqlite3.Connection, number: int | str, on: str, when: str, then: str) -> None:
    """Have SQLite select `then` at a moment of a table's life: "TABLE BEFORE UPDATE"."""
    table, _, moment = on.partition(" ")
    db.execute(f"CREATE TRIGGER guard_{number} {moment} ON {table} WHEN {when} BEGIN SELECT {then}; END")


def mapped() -> Mapping:
    """Tables as a user might have them: other names, and no column for revs or connections."""
    return {
        kind: TableMapping(f"my_{LAYOUT.tables[kind]}", {field: f"x_{field}" for field in RECORDS[kind].fields()})
        for kind in FEW
    }


def mappings() -> dict[tuple[str, bool], Mapping]:
    """The targets that schedules use, by name and by whether the mapping is whole."""
    own = LAYOUT.default_mapping()
    whole = {name: mapped() if name == "mapped" else {k: own[k] for k in kinds} for name, kinds in KINDS.items()}
    return {
        (name, all_): {kind: mapping[kind] for kind in mapping if all_ or kind is not UNMAPPED}
        for name, mapping in whole.items()
        for all_ in (True, False)
    }


def _user_tables(engine: Engine) -> None:
    types = {int: "BIGINT", bool: "BOOLEAN", str: "TEXT"}
    with engine.begin() as connection:
        for kind, table in mapped().items():
            record = RECORDS[kind]
            columns = [
                f"{name} {'TIMESTAMP' if field in ('created', 'available_on') else types[record.field_type(field)[0]]}"
                for field, name in table.columns.items()
            ]
            connection.execute(text(f"CREATE TABLE {table.table} ({', '.join(columns)}, UNIQUE (x_key))"))


def _guard_target(db: sqlite3.Connection) -> None:
    number = 0
    for kind in (*FEW, Kind.DISPUTE):
        for table, deleted in ((LAYOUT.tables[kind], "deleted"), (f"my_{LAYOUT.tables[kind]}", "x_deleted")):
            if kind is Kind.DISPUTE and table.startswith("my_"):
                continue
            guards = [("BEFORE DELETE", "1", "S6: a row of the target was deleted")]
            if kind is Kind.LEG:
                guards.append(("BEFORE UPDATE", "1", "S6: a leg was changed"))
            else:
                revived = f"OLD.{deleted} AND NOT NEW.{deleted}"
                guards.append(("BEFORE UPDATE", revived, "S2: a deleted row was revived in the target"))
                if table == LAYOUT.tables[kind]:
                    guards.append(("BEFORE UPDATE", "NEW.rev < OLD.rev", "S2: a row of the target went back"))
            for moment, when, why in guards:
                number += 1
                trigger(db, number, f"{table} {moment}", when, f"broken('{why}')")
    trigger(
        db, 0, "accord_seen BEFORE UPDATE", "NEW.rev < OLD.rev", "broken('S2: a rev noted in the target went back')"
    )


def _refuse_unfit(db: sqlite3.Connection) -> None:
    tables = ((LAYOUT.tables[Kind.CUSTOMER], "name"), (f"my_{LAYOUT.tables[Kind.CUSTOMER]}", "x_name"))
    for number, (table, name) in enumerate(tables):
        for moment in ("insert", "update"):
            on, when = f"{table} BEFORE {moment}", f"NEW.{name} = '{UNFIT}'"
            trigger(db, f"{moment}_{number}", on, when, "RAISE(ABORT, 'the name is refused')")


class NeverAway:
    """The clock of a database in memory, which nobody ever waits for."""

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing in memory is ever locked")


def raw(engine: Engine) -> sqlite3.Connection:
    """The one connection of a database in memory."""
    db = engine.raw_connection().driver_connection
    assert isinstance(db, sqlite3.Connection)
    return db


class Databases:
    """Ledger and target with guards inside: a statement that breaks an invariant raises there and then."""

    def __init__(self) -> None:
        self.ledger = open_database("sqlite://", "the ledger")
        self.target = open_database("sqlite://", "the target")
        self.cipher = Cipher(new_key())
        upgrade(self.ledger)
        clock: Any = NeverAway()
        Accounts(self.target, clock).create_tables()
        _user_tables(self.target)
        self.accounts = {name: Accounts(self.target, clock, mapping) for name, mapping in mappings().items()}
        for accounts in self.accounts.values():
            accounts.check()
        self.ledger_db, self.target_db = raw(self.ledger), raw(self.target)
        for number, (on, (when, why)) in enumerate(_LEDGER_TRIGGERS.items()):
            trigger(self.ledger_db, number, on, when, f"RAISE(ABORT, '{why}')")
        self.ledger_db.execute("CREATE UNIQUE INDEX one_entry ON entries (sync, kind, key, rev) WHERE rev IS NOT NULL")
        # Only noted: the accounts would take an error for a row that is refused.
        self.broken: list[str] = []
        self.target_db.create_function("broken", 1, self.broken.append)
        _guard_target(self.target_db)
        _refuse_unfit(self.target_db)
        # The ledger's database without the rule for beginning transactions, which whoever uses this engine must keep.
        self.plain = create_engine("sqlite://", creator=lambda: self.ledger_db, poolclass=StaticPool)
        self._empty = self.copies()

    def copies(self) -> list[sqlite3.Connection]:
        """Both as they are."""
        return [copy_of(self.ledger_db), copy_of(self.target_db)]

    def rows(self, sql: str) -> list[Any]:
        """What a question gives that is asked of the ledger behind everybody's back."""
        return self.ledger_db.execute(sql).fetchall()

    def reset(self, copies: list[sqlite3.Connection] | None = None) -> None:
        """Empty both, or put them back to what was copied."""
        self.broken.clear()
        for copy, db in zip(copies or self._empty, (self.ledger_db, self.target_db), strict=True):
            copy.backup(db)


def copy_of(db: sqlite3.Connection) -> sqlite3.Connection:
    """All of it, as it is."""
    template = sqlite3.connect(":memory:")
    db.backup(template)
    return template
