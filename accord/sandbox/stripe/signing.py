"""Signed webhooks as Stripe makes them: `t=` and one `v1=` per secret (docs.stripe.com/webhooks/signature)."""

import hashlib
import hmac
from collections.abc import Sequence


def header(body: bytes, secrets: Sequence[str], now: int) -> str:
    """The `Stripe-Signature` header for the exact bytes of a body, signed at `now`.

    While a secret is rolled there are two, the new one first. A secret is used as it was given, with its `whsec_`.
    Raises ValueError without a secret or with an empty one, which would sign anything.
    """
    if not secrets or not all(secrets):
        raise ValueError("a webhook is signed with at least one secret, and none may be empty")
    signed = str(now).encode() + b"." + body
    parts = [hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={now}", *(f"v1={part}" for part in parts)])
