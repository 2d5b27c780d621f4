"""How this Microsoft 365 behaves: its limits of a mailbox, and its ways where the real one's are not settled."""

from collections import Counter, deque
from typing import Literal

import msgspec

from accord.sandbox.microsoft.errors import throttled

_WINDOW = 600.0  # seconds


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a test or a person may want otherwise."""

    limit: bool = True
    parallel: int = 4  # requests to one mailbox at a time
    requests: int = 10_000  # to one mailbox in ten minutes
    retry_after: str = "1"  # the header as it is sent, such as 2.128
    duplicate: Literal["409", "400", "replay"] = "409"  # what a repeated transactionId is answered
    existing_id: bool = False  # whether that names the event
    repeat: bool = False  # pages of a delta begin with the last event of the page before
    loop: bool = False  # a delta's first page comes again and again, each time with another link
    empty_page: bool = False  # a delta begins with a page without events
    removed_unknown: bool = False  # a delta names an event that never was
    volatile_ids: bool = False  # IdType="ImmutableId" is passed over
    deleted_items: bool = True  # what is deleted goes there, where its immutable id still leads to it
    respell: bool = False  # a place that a program writes comes back in another spelling


class Limits:
    """Requests under way at each mailbox, and those of the last ten minutes."""

    def __init__(self) -> None:
        self.under_way: Counter[str] = Counter()
        self._seen: dict[str, deque[float]] = {}

    def room(self, address: str, settings: Settings) -> int:
        """How many more requests may run at a mailbox now."""
        return max(0, settings.parallel - self.under_way[address]) if settings.limit else 1_000

    def enter(self, address: str, settings: Settings, now: float) -> None:
        """Let one request begin; raises 429 where it is one too many."""
        if settings.limit:
            if self.under_way[address] >= settings.parallel:
                raise throttled(settings.retry_after)
            self.count(address, settings, now)
        self.under_way[address] += 1

    def count(self, address: str, settings: Settings, now: float) -> None:
        """Count one request of the ten minutes; raises 429 where it is one too many."""
        seen = self._seen.setdefault(address, deque())
        while seen and seen[0] <= now - _WINDOW:
            seen.popleft()
        if settings.limit and len(seen) >= settings.requests:
            raise throttled(settings.retry_after, "TooManyRequests")
        seen.append(now)

    def leave(self, address: str, count: int = 1) -> None:
        self.under_way[address] -= count
