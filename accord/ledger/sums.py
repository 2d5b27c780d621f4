"""Sums: what the legs that a target was shown must add up to, by settlement currency."""

from collections.abc import Mapping

from sqlalchemy import Connection, delete, select

from accord.ledger.dialect import upsert
from accord.ledger.schema import sums


def add(connection: Connection, target: str, source: str, gross: Mapping[str, int]) -> None:
    """Add to the sums, in the transaction that notes the legs as shown, so that each counts once."""
    for currency, amount in sorted(gross.items()):
        row = upsert(connection, sums).values(target=target, connection=source, currency=currency, gross=amount)
        same = [sums.c.target, sums.c.connection, sums.c.currency]
        more = row.on_conflict_do_update(index_elements=same, set_={"gross": sums.c.gross + amount})
        connection.execute(more)


def reset(connection: Connection, target: str, source: str) -> None:
    """Count anew: the target is shown every leg again."""
    connection.execute(delete(sums).where(sums.c.target == target, sums.c.connection == source))


def get(connection: Connection, target: str, source: str) -> dict[str, int]:
    """The sums of gross by currency, in minor units."""
    rows = select(sums.c.currency, sums.c.gross).where(sums.c.target == target, sums.c.connection == source)
    return {currency: int(gross) for currency, gross in connection.execute(rows)}
