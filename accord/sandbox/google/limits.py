"""How this Google behaves, and its limit of calls a minute for each person, over a window that slides."""

from collections import defaultdict, deque
from typing import Literal

import msgspec

from accord.sandbox.google.errors import GoogleError

WINDOW = 60.0  # seconds


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a test or a person wants otherwise than usual."""

    per_minute: int = 0  # calls of one person; 0 is no limit, and 600 is Google's
    limit_status: Literal[403, 429] = 403
    consent: bool = True  # false: refresh tokens are refused as invalid_grant
    delegated: bool = True  # false: the service account may act for nobody, unauthorized_client
    empty_page: bool = False  # lists begin with a page that has nothing but where they go on
    respell: bool = False  # a place that a program writes comes back in another spelling


class Limits:
    """What each person asked within the last minute."""

    def __init__(self) -> None:
        self._seen: defaultdict[str, deque[float]] = defaultdict(deque)

    def take(self, user: str, calls: int, settings: Settings, now: float) -> None:
        """Let a call pass that counts for so many; raises 403 or 429 when it is one too many."""
        if not settings.per_minute:
            return
        seen = self._seen[user]
        while seen and seen[0] <= now - WINDOW:
            seen.popleft()
        if len(seen) + calls > settings.per_minute:
            reason = "userRateLimitExceeded" if settings.limit_status == 403 else "rateLimitExceeded"
            raise GoogleError(settings.limit_status, "User Rate Limit Exceeded", reason)
        seen.extend([now] * calls)
