"""Customer accounts in the user's own SQL database: the target of payments."""

from sqlalchemy import func, select

from accord.errors import Misconfigured
from accord.ledger.engine import reaching
from accord.records import Kind
from accord.systems.sql_look import SqlDatabase
from accord.systems.sql_tables import Layout, Mapping

LAYOUT = Layout(
    name="accounts",
    tables={
        Kind.CUSTOMER: "customers",
        Kind.SUBSCRIPTION: "subscriptions",
        Kind.INVOICE: "invoices",
        Kind.INTENT: "payment_intents",
        Kind.PAYMENT: "payments",
        Kind.REFUND: "refunds",
        Kind.DISPUTE: "disputes",
        Kind.LEG: "account_legs",
    },
    views={
        "account_balances": """
SELECT connection, account, currency, SUM(gross) AS gross, SUM(fee) AS fee, SUM(net) AS balance, COUNT(*) AS legs
FROM account_legs GROUP BY connection, account, currency"""
    },
    only_inserted=frozenset({Kind.LEG}),
    needed={Kind.LEG: frozenset({"key", "currency", "gross"})},
)


def parse_mapping(raw: object) -> Mapping:
    """Read a mapping from plain data: kind -> {table, columns}. Raises Misconfigured with what is wrong."""
    mapping = LAYOUT.parse_mapping(raw)
    before_legs = {Kind.PAYMENT, Kind.REFUND, Kind.DISPUTE} - mapping.keys()
    if Kind.LEG in mapping and before_legs:
        raise Misconfigured(f"to map {Kind.LEG}, map {sorted(before_legs)[0]} too: it says whose account a leg is in")
    return mapping


class Accounts(SqlDatabase):
    """One accounts database: records of payments, and the legs that their money comes to."""

    layout = LAYOUT

    @property
    def tells_connections_apart(self) -> bool:
        """Whether the legs of one connection can be told from others, and from rows of the user's own."""
        return self.shelves[Kind.LEG].connection is not None

    def sums(self, connection: str) -> dict[str, int]:
        """The sum of gross amounts by settlement currency, in minor units."""
        shelf = self.shelves[Kind.LEG]
        currency, gross = shelf.named["currency"], shelf.named["gross"]
        rows = select(currency, func.sum(gross)).group_by(currency).where(shelf.mine(connection))
        with reaching(LAYOUT.database), self.engine.connect() as c:
            return {code: int(total) for code, total in c.execute(rows)}
