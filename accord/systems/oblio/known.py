"""What the ledger knows of a connection's invoices, which tells where to look at Oblio for what may have changed."""

from collections.abc import Collection

from accord.documents import State
from accord.ledger import links
from accord.ledger.engine import Ledger
from accord.records import Kind
from accord.systems.oblio.walk import ABOVE

UNPAID = (State.ISSUED, State.PARTLY_PAID)


class Known:
    """The invoices of one connection that were read before and that Oblio had then, by their keys."""

    def __init__(self, ledger: Ledger, connection: str) -> None:
        self._ledger = ledger
        self._connection = connection

    def newest(self) -> int:
        """The highest id; 0 where there is none."""
        return self._ledger.read(lambda c: links.newest(c, self._connection))

    def standing(self, lo: int, hi: int) -> Collection[str]:
        """All with ids in [lo, hi)."""
        return self._ledger.read(lambda c: links.standing(c, self._connection, Kind.DOCUMENT, lo, hi))

    def unpaid(self, lo: int, hi: int) -> Collection[str]:
        """Those with ids in [lo, hi) of which something was still to be paid."""
        return self._ledger.read(
            lambda c: links.standing(c, self._connection, Kind.DOCUMENT, lo, hi, "state", UNPAID),
        )

    def processing(self, until: str) -> Collection[str]:
        """Those issued before the day `until`, and paid, of which the tax authority had not decided yet."""
        found = self._ledger.read(
            lambda c: links.standing(c, self._connection, Kind.DOCUMENT, 0, ABOVE, "einvoice", ("processing",)),
        )
        return [k for k, facts in found.items() if facts["state"] not in UNPAID and str(facts["issued_on"]) < until]
