"""How often Oblio may be asked: 30 calls in 10 s, and 30 in 100 s for those that produce documents (oblio.eu/api)."""

from typing import Final

from accord.budget import SharedBudget
from accord.clock import Clock
from accord.ledger.engine import Ledger

DOCUMENT: Final = "document"
READ: Final = "read"

# Less than 3 and 0.3: what a bucket holds may go out ahead of its second.
READS_A_SECOND = 2.7
DOCUMENTS_A_SECOND = 0.27


class Rates:
    """A budget with a rate for calls that produce documents and one for all others, shared by all workers."""

    def __init__(
        self,
        account: str,
        ledger: Ledger,
        clock: Clock,
        *,
        reads: float | None = READS_A_SECOND,
        documents: float | None = DOCUMENTS_A_SECOND,
    ) -> None:
        """Calls a second; None for no limit."""
        self._reads = SharedBudget(account, per_endpoint=reads, in_all=None, ledger=ledger, clock=clock)
        self._documents = SharedBudget(
            f"{account} documents", per_endpoint=documents, in_all=None, ledger=ledger, clock=clock
        )

    def take(self, endpoint: str) -> None:
        """Wait until one call may go; raises TryLater where that is more than 30 s away."""
        self._of(endpoint).take(endpoint)

    def pause(self, endpoint: str | None, seconds: float) -> None:
        """Send nothing for so long: of this class, or (None) nothing at all."""
        if endpoint is None:
            self._reads.pause(None, seconds)
            self._documents.pause(None, seconds)
        else:
            self._of(endpoint).pause(endpoint, seconds)

    def _of(self, endpoint: str) -> SharedBudget:
        return self._documents if endpoint == DOCUMENT else self._reads
