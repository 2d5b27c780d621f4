"""Answers as they come: what their shapes have in common, and those that can not be read.

Broken on their way, which asking again may mend, or not what they were.
"""

from typing import Any, TypeVar

import msgspec

from accord.errors import Refused, TryLater

T = TypeVar("T")

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes that are not what they should be may raise."""


class Shape(msgspec.Struct, gc=False):
    """An answer of a system's, or a part of one. Its repr shows no values: they are people's."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


def decoded(body: bytes, shape: type[T], whose: str, what: str) -> T:
    """A system's answer for something. Raises TryLater for what is no JSON, and Refused for JSON of another shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except UNREADABLE:
        must_be_json(body, f"{whose}'s answer for {what}")
        raise Refused(f"{whose}'s answer for {what} is not what it was; did its API change?") from None


def must_be_json(body: bytes, what: str) -> None:
    """Raise TryLater for what is no JSON, be it whole or broken; `what` is the answer as people call it."""
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except UNREADABLE:
        raise TryLater(f"{what} is cut off or no JSON; was it a proxy's page?") from None


def seconds(told: str | int | float | None) -> float | None:
    """A lifetime, which some systems write as a text; None for what is none."""
    try:
        lasts = float(told)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return lasts if 0 < lasts < 10**9 else None
