"""Looking at a target's database: whether it may be written to, what is there, and what it shows of a connection."""

import secrets

from sqlalchemy import Connection, false, func, inspect, null, select, text

from accord.clock import SystemClock
from accord.errors import Misconfigured
from accord.ledger.engine import reaching, transact
from accord.records import Kind
from accord.systems import sql_tables as own
from accord.systems.sql import SqlTarget

_SELF = "accord"  # the shelf that holds the database's own name


class SqlDatabase(SqlTarget):
    """A target that can be looked at: by those who connect it, and before a run writes to it."""

    def check_writable(self) -> None:
        """Raise Misconfigured unless rows can be inserted into every table, and changed there."""
        shelves = sorted(self.shelves.items())
        written = [(shelf.table, shelf.written, kind not in self.layout.only_inserted) for kind, shelf in shelves]

        def write_nothing(c: Connection) -> None:
            if c.dialect.name == "postgresql" and c.scalar(text("SHOW transaction_read_only")) == "on":
                raise Misconfigured(
                    f"{self.layout.database} takes no writes: it is a standby, or set to read-only; name its primary"
                )
            for table, columns, changes in [*written, *((beside, list(beside.c), True) for beside in own.BESIDE)]:
                c.execute(table.insert().from_select(columns, select(*columns).where(false())))
                if changes:
                    c.execute(table.update().where(false()).values({column: null() for column in columns}))

        transact(self.engine, write_nothing, SystemClock(), self.layout.database)

    def rows(self) -> dict[Kind, tuple[str, int]]:
        """The table of each kind, and how many rows it has, whoever wrote them."""
        with reaching(self.layout.database), self.engine.connect() as c:
            return {
                kind: (shelf.table.fullname, c.scalar(select(func.count()).select_from(shelf.table)) or 0)
                for kind, shelf in sorted(self.shelves.items())
            }

    def highest_rev(self, connection: str) -> int:
        """The highest rev that any row of the connection shows; 0 where none does."""
        found = [select(func.max(own.seen.c.rev)).where(own.seen.c.shelf.startswith(f"{connection}:", autoescape=True))]
        for shelf in self.shelves.values():
            if shelf.rev is not None:
                found.append(select(func.max(shelf.rev)).where(shelf.mine(connection)))
        with reaching(self.layout.database), self.engine.connect() as c:
            return max(c.scalar(one) or 0 for one in found)

    def identity(self) -> str:
        """A name that this database has had since it was first asked for, whatever its address is."""
        found = select(own.seen.c.key).where(own.seen.c.shelf == _SELF).order_by(own.seen.c.key).limit(1)
        with reaching(self.layout.database), self.engine.connect() as connection:
            there: str | None = connection.scalar(found)
        if there is not None:
            return there

        def name(c: Connection) -> str:
            c.execute(own.seen.insert().values(shelf=_SELF, key=secrets.token_hex(8), rev=0))
            return str(c.scalar(found))

        return transact(self.engine, name, SystemClock(), self.layout.database)

    def unnamed(self) -> bool:
        """Whether no Accord has ever used this database."""
        with reaching(self.layout.database), self.engine.connect() as connection:
            return own.seen.name in own.missing(inspect(connection))

    def last_agreed(self, connection: str) -> int | None:
        """Up to when, in Unix seconds, the database is known to show all that the connection showed."""
        found = select(own.agreement.c.last_agreed_at).where(own.agreement.c.connection == connection)
        with reaching(self.layout.database), self.engine.connect() as c:
            at = c.scalar(found)
        return None if at is None else own.from_time(at)

    def without_connection(self) -> list[str]:
        """The tables whose rows do not tell which connection they are of."""
        return [shelf.table.fullname for _, shelf in sorted(self.shelves.items()) if shelf.connection is None]
