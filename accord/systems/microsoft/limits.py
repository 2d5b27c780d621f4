"""How much one mailbox takes: four requests at a time, and 10,000 in ten minutes (Microsoft Graph, throttling limits).

The parts of a $batch count one by one. Both limits are of an app and a mailbox, so all workers share them.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import blake2b
from uuid import uuid4

from sqlalchemy import Connection

from accord.budget import SharedBudget
from accord.errors import NotSent, Superseded
from accord.ledger import leases
from accord.ledger.engine import Ledger

PARALLEL = 4
REQUESTS = 10_000

_WINDOW = 600.0  # seconds, of the second limit

# So much of it may go out at once; the rest comes in evenly, and both together stay below it in any ten minutes.
_AT_ONCE = 0.39
_EVENLY = 0.6

_LOOK_AGAIN, _SELDOM = 0.02, 0.5  # seconds: at first, and after a while
_PATIENCE = 30.0  # seconds that one request waits for its turn


def name_of(calendar: str) -> str:
    """What a mailbox is called by in the ledger and in logs, which are not to hold people's addresses."""
    return blake2b(calendar.lower().encode(), digest_size=8).hexdigest()


def budget(account: str, ledger: Ledger, requests: int) -> SharedBudget:
    """So many requests in ten minutes to each mailbox."""
    rate = _EVENLY * requests / _WINDOW
    burst = _AT_ONCE / _EVENLY * _WINDOW
    return SharedBudget(account, per_endpoint=rate, in_all=None, ledger=ledger, clock=ledger.clock, burst=burst)


class Turns:
    """Who sends to a mailbox now: so many turns, each a lease in the ledger. One whose worker died ends by itself."""

    def __init__(self, account: str, ledger: Ledger, parallel: int) -> None:
        self._account = account
        self._ledger = ledger
        self.parallel = parallel

    @contextmanager
    def taken(self, calendar: str) -> Iterator[None]:
        """Hold a turn at a mailbox. Raises NotSent where none becomes free for long."""
        ledger, owner = self._ledger, uuid4().hex
        ends, wait = ledger.clock.monotonic() + _PATIENCE, _LOOK_AGAIN
        while (held := ledger.write(lambda c: self._take(c, calendar, owner))) is None:
            if ledger.clock.monotonic() > ends:
                raise NotSent("other requests to this calendar take all that Microsoft allows at once", _PATIENCE)
            ledger.clock.sleep(wait)
            wait = min(1.5 * wait, _SELDOM)
        name, token = held
        try:
            yield
        finally:
            with suppress(Superseded):  # the request took so long that another worker has the turn now
                ledger.write(lambda c: leases.release(c, name, token))

    def _take(self, connection: Connection, calendar: str, owner: str) -> tuple[str, int] | None:
        now = self._ledger.now(connection)
        for number in range(self.parallel):
            name = f"{self._account} {name_of(calendar)} {number}"
            if (token := leases.acquire(connection, name, owner, now)) is not None:
                return name, token
        return None
