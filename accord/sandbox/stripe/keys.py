"""The sandbox's API keys and what each may do (docs.stripe.com/keys). They open nothing but the sandbox."""

import base64
import binascii
from typing import NamedTuple

from accord.sandbox.stripe.errors import StripeError


class Key(NamedTuple):
    """A key: whose data it opens, whether it may write, and the resources that are closed to it."""

    text: str
    about: str
    shop: str = "test"
    writes: bool = True
    closed: frozenset[str] = frozenset()


_NO_BALANCE = frozenset(("balance_transactions", "balance", "payouts"))

KEYS: tuple[Key, ...] = (
    Key("sk_test_sandbox_full", "test mode, everything"),
    Key("rk_test_sandbox_read", "test mode, restricted: reads everything, writes nothing", writes=False),
    Key(
        "rk_test_sandbox_no_balance",
        "test mode, restricted: reads everything but balance transactions and payouts",
        writes=False,
        closed=_NO_BALANCE,
    ),
    Key("sk_live_sandbox_full", "live mode, everything: another, tiny set of data", "live"),
    Key("sk_test_sandbox_second", "test mode of a second account, everything: yet another tiny set of data", "second"),
)
SHOPS = {"test": False, "live": True, "second": False}
"""What the keys open: both modes of one account and the test mode of a second one, each with whether it is live."""

_BY_TEXT = {key.text: key for key in KEYS}
EXPIRED = "sk_test_sandbox_expired"
PUBLISHABLE = "pk_test_sandbox_public"


def identify(authorization: str | None) -> Key:
    """The key in a Bearer or Basic header; raises Stripe's 401 (403 for a publishable key)."""
    text = _presented(authorization)
    if text is None:
        raise _unauthorized("You did not provide an API key. Use Bearer auth or basic auth with the key as user name.")
    key = _BY_TEXT.get(text)
    if key is not None:
        return key
    hidden = masked(text)
    if text == EXPIRED:
        raise _unauthorized(f"Expired API Key provided: {hidden}", "api_key_expired")
    if text == PUBLISHABLE:
        raise StripeError(403, "This API call cannot be made with a publishable API key.", code="secret_key_required")
    raise _unauthorized(f"Invalid API Key provided: {hidden}")


def _presented(authorization: str | None) -> str | None:
    scheme, _, rest = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest.strip(), validate=True).decode().partition(":")[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


def masked(text: str) -> str:
    """Enough of a key to recognise it, not enough to use it."""
    kind = text[:8] if text[:8] in ("sk_test_", "sk_live_", "rk_test_", "rk_live_", "pk_test_") else ""
    return f"{kind}{'*' * 8}{text[-4:] if len(text) > 16 else ''}"


def _unauthorized(message: str, code: str | None = None) -> StripeError:
    return StripeError(401, message, code=code, headers={"www-authenticate": 'Bearer realm="Stripe"'})


def allow(key: Key, resource: str, *, write: bool, account: str) -> None:
    """Raise Stripe's 403 when a restricted key lacks the permission."""
    if (write and not key.writes) or resource in key.closed:
        need = f"rak_{resource.removesuffix('s')}_{'write' if write else 'read'}"
        raise StripeError(
            403,
            f"The provided key '{masked(key.text)}' does not have the required permissions for this endpoint on "
            f"account '{account}'. Having the '{need}' permission would allow this request to continue.",
        )
