"""Idempotency keys: the first answer is kept for 24 hours and replayed (docs.stripe.com/api/idempotent_requests)."""

import base64
import hashlib
from typing import Any

import msgspec

from accord.sandbox.stripe.errors import StripeError

KEPT_FOR = 24 * 3_600
LONGEST = 255


class Kept(msgspec.Struct):
    """What a key remembers: the request's fingerprint and, once it has ended, its answer."""

    fingerprint: str
    since: float
    request_id: str
    status: int = 0
    body: str = ""

    @property
    def running(self) -> bool:
        return self.status == 0

    @property
    def answer(self) -> bytes:
        return base64.b64decode(self.body)


def fingerprint(method: str, path: str, params: dict[str, Any]) -> str:
    """The same for the same endpoint and parameters, whatever their order."""
    text = msgspec.json.encode([method, path, params], order="deterministic")
    return hashlib.sha256(text).hexdigest()


class Keys:
    """The keys of one mode."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def claim(self, key: str, print_: str, request_id: str, now: float) -> Kept | None:
        """The earlier answer to replay, or None when the key is now this request's own.

        Raises idempotency_error (400) when the key was used for something else, and idempotency_key_in_use (409)
        while its first request is running.
        """
        if len(key) > LONGEST:
            raise StripeError(400, f"Idempotency keys have up to {LONGEST} characters.", kind="idempotency_error")
        kept = self._kept.get(key)
        if kept is None or kept.since + KEPT_FOR <= now:
            self._kept[key] = Kept(print_, now, request_id)
            return None
        if kept.fingerprint != print_:
            raise StripeError(
                400,
                "Keys for idempotent requests can only be used with the same endpoint and parameters they were first "
                "used with. Try using a different key.",
                kind="idempotency_error",
            )
        if kept.running:
            raise StripeError(
                409,
                "There is currently another in-progress request using this idempotency key.",
                code="idempotency_key_in_use",
                headers={"stripe-should-retry": "true"},
            )
        return kept

    def keep(self, key: str, status: int, body: bytes) -> None:
        """Store the answer of the request that claimed the key."""
        kept = self._kept[key]
        kept.status, kept.body = status, base64.b64encode(body).decode()

    def release(self, key: str) -> None:
        """Forget the key: its request ended before any work had begun."""
        self._kept.pop(key, None)

    def dump(self, now: float) -> dict[str, Any]:
        """What is still to be remembered at `now`."""
        live = {key: kept for key, kept in self._kept.items() if kept.since + KEPT_FOR > now and not kept.running}
        return {key: msgspec.to_builtins(kept) for key, kept in live.items()}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self._kept = msgspec.convert(dumped, dict[str, Kept])
