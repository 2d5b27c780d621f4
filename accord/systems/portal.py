"""The customer portal in the user's own SQL database: the target of documents."""

from sqlalchemy import false, func, select

from accord.ledger.engine import reaching
from accord.records import Kind
from accord.systems.sql_look import SqlDatabase
from accord.systems.sql_tables import Layout

LAYOUT = Layout(
    name="portal",
    tables={Kind.DOCUMENT: "invoices"},
    views={
        # Where the state or an amount is not known, nor is what is due: NULL, and never a guess.
        "invoices_due": """
SELECT connection, id, series, number, issued_on, due_on, client_name, client_vat_id, currency, state, total, paid,
    CASE WHEN state IN ('issued', 'partly paid') THEN total - paid WHEN state <> 'unknown' THEN 0 END AS due
FROM invoices WHERE NOT deleted"""
    },
)


class Portal(SqlDatabase):
    """One portal database: a row for each document, and what is still to be paid of it."""

    layout = LAYOUT

    def sums(self, connection: str) -> dict[str, int]:
        """Nothing: no money is moved here, so there is none that has to add up."""
        return {}

    def states(self, connection: str) -> dict[str, int]:
        """How many documents are shown in each state, without deleted ones; nothing where no state is mapped."""
        shelf = self.shelves[Kind.DOCUMENT]
        by = shelf.named
        if "state" not in by:
            return {}
        rows = select(by["state"], func.count()).group_by(by["state"]).order_by(by["state"])
        rows = rows.where(shelf.mine(connection))
        if "deleted" in by:
            rows = rows.where(by["deleted"] == false())
        with reaching(LAYOUT.database), self.engine.connect() as c:
            return {str(state): count for state, count in c.execute(rows)}
