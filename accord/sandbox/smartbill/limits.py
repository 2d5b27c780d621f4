"""SmartBill's limit: 30 calls in 10 seconds to a token, and one more blocks it for ten minutes."""

from collections import deque

WINDOW = 10.0
BLOCK = 600.0


class Limits:
    """Calls of each token within the last ten seconds; `most` None lets everything through."""

    def __init__(self, most: int | None = 30) -> None:
        self.most = most
        self.blocks = 0
        self._calls: dict[str, deque[float]] = {}
        self._blocked: dict[str, float] = {}

    def take(self, token: str, now: float) -> bool:
        """Count a call; whether it may pass."""
        if self._blocked.get(token, 0.0) > now:
            return False
        calls = self._calls.setdefault(token, deque())
        while calls and calls[0] <= now - WINDOW:
            calls.popleft()
        if self.most is not None and len(calls) >= self.most:
            self.block(token, now)
            return False
        calls.append(now)
        return True

    def block(self, token: str, now: float) -> None:
        """Let no call of the token through for ten minutes."""
        self.blocks += 1
        self._blocked[token] = now + BLOCK
        self._calls.pop(token, None)

    def release(self) -> None:
        """Forget all blocks and counts."""
        self._blocked.clear()
        self._calls.clear()

    def headers(self, token: str, now: float) -> dict[str, str]:
        """What an answer says of the limit: the window's end is when its oldest call leaves it."""
        most = self.most or 30
        calls = self._calls.get(token, ())
        blocked = self._blocked.get(token, 0.0)
        ends = blocked if blocked > now else (calls[0] if calls else now) + WINDOW
        left = 0 if blocked > now else max(0, most - len(calls))
        return {
            "x-ratelimit-limit": str(most),
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-reset": str(int(ends) + 1),
        }
