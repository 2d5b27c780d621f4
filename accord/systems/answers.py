"""Answers that can not be read: broken on their way, which asking again may mend, or not what they were."""

import msgspec

from accord.errors import TryLater

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes that are not what they should be may raise."""


def must_be_json(body: bytes, what: str) -> None:
    """Raise TryLater for what is no JSON, be it whole or broken; `what` is the answer as people call it."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except UNREADABLE:
        raise TryLater(f"{what} is cut off or no JSON; was it a proxy's page?") from None
