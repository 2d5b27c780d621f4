"""Partial answers: the parameter `fields`, such as `nextPageToken,items(id,start/date)`."""

import re
from typing import Any, TypeAlias

from accord.sandbox.google.errors import GoogleError

Mask: TypeAlias = "dict[str, Mask]"
"""What is wanted of an object, by name; nothing further means all of it."""

_TOKEN = re.compile(r"[A-Za-z]+|[,()/*]")


def parse(text: str) -> Mask:
    """The mask that a text stands for; raises 400."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != text or not text:
        raise GoogleError(400, f"Invalid field selection {text[:100]}", "invalidParameter")
    mask, rest = _parsed(tokens)
    if rest:
        raise GoogleError(400, f"Invalid field selection {text[:100]}", "invalidParameter")
    return mask


def _parsed(tokens: list[str]) -> tuple[Mask, list[str]]:
    mask: Mask = {}
    while True:
        here, name = mask, tokens[0] if tokens else ")"
        tokens = tokens[1:]
        while tokens[:1] == ["/"] and len(tokens) > 1:
            here = here.setdefault(name, {})
            name, tokens = tokens[1], tokens[2:]
        within = here.setdefault(name, {})
        if tokens[:1] == ["("]:
            inner, tokens = _parsed(tokens[1:])
            within.update(inner)
            if tokens[:1] != [")"]:
                raise GoogleError(400, "Invalid field selection", "invalidParameter")
            tokens = tokens[1:]
        if tokens[:1] != [","]:
            return mask, tokens
        tokens = tokens[1:]


def masked(value: Any, mask: Mask) -> Any:
    """A value with no more than is wanted of it."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [masked(one, mask) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: masked(value[name], within) for name, within in mask.items() if name in value}
