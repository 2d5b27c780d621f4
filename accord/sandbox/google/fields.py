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
    try:
        if "".join(tokens) != text:
            raise ValueError(text)
        mask, rest = _parsed(tokens)
        if rest:
            raise ValueError(text)
    except ValueError:
        raise GoogleError(400, f"Invalid field selection {text[:100]}", "invalidParameter") from None
    return mask


def _parsed(tokens: list[str]) -> tuple[Mask, list[str]]:
    """A list of names, each with a path or a list in brackets behind it, and what follows."""
    mask: Mask = {}
    while True:
        here, name, tokens = mask, _name(tokens), tokens[1:]
        while tokens[:1] == ["/"]:
            here = here.setdefault(name, {})
            name, tokens = _name(tokens[1:]), tokens[2:]
        within = here.setdefault(name, {})
        if tokens[:1] == ["("]:
            inner, tokens = _parsed(tokens[1:])
            within.update(inner)
            if tokens[:1] != [")"]:
                raise ValueError(tokens)
            tokens = tokens[1:]
        if tokens[:1] != [","]:
            return mask, tokens
        tokens = tokens[1:]


def _name(tokens: list[str]) -> str:
    if not tokens or not (tokens[0].isalpha() or tokens[0] == "*"):
        raise ValueError(tokens)
    return tokens[0]


def masked(value: Any, mask: Mask) -> Any:
    """A value with no more than is wanted of it."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [masked(one, mask) for one in value]
    if not isinstance(value, dict):
        return value
    return {name: masked(value[name], within) for name, within in mask.items() if name in value}
