"""Oblio's two limits: 30 calls in 100 s that produce documents, 30 in 10 s of all others; off until switched on.

How Oblio answers a call too many is not documented, nor whether it then blocks the token: both are settings.
"""

from collections import deque
from typing import Literal

import msgspec

from accord.sandbox.oblio.errors import OblioError

DOCUMENTS, OTHERS = 100.0, 10.0  # seconds
MOST = 30
BLOCK = 600.0


class Settings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How this Oblio behaves where the real one's ways are unknown, or where a test wants it otherwise."""

    limit: bool = False
    limit_status: Literal[429, 403] = 429
    block: bool = False  # a call too many blocks the token for ten minutes
    replay: Literal["return_same", "error_400"] = "return_same"  # of an idempotencyKey that was used before
    spv_seconds: float = 600.0  # until the tax authority decides on what was sent to it
    body_status: bool = False  # errors come with HTTP 200, and say what they are in the body alone


class Limits:
    """Sliding windows for each token."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, float], deque[float]] = {}
        self._blocked: dict[str, float] = {}

    def take(self, token: str, settings: Settings, *, produces: bool, now: float) -> None:
        """Let a call pass; raises 429 or 403 when it is one too many."""
        if not settings.limit:
            return
        if self._blocked.get(token, 0.0) > now:
            raise OblioError("Prea multe cereri.", settings.limit_status)
        width = DOCUMENTS if produces else OTHERS
        seen = self._seen.setdefault((token, width), deque())
        while seen and seen[0] <= now - width:
            seen.popleft()
        if len(seen) >= MOST:
            if settings.block:
                self._blocked[token] = now + BLOCK
            raise OblioError("Prea multe cereri.", settings.limit_status)
        seen.append(now)
