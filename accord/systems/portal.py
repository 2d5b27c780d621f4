"""The customer portal in the user's own SQL database: the target of documents."""

from accord.records import Kind
from accord.systems.sql import SqlTarget
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


class Portal(SqlTarget):
    """One portal database: a row for each document, and what is still to be paid of it."""

    layout = LAYOUT

    def sums(self, connection: str) -> dict[str, int]:
        """Nothing: no money is moved here, so there is none that has to add up."""
        return {}
