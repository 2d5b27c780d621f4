"""Form and query encoding with brackets: `metadata[k]=v`, `items[0][price]=p`, `expand[]=customer`."""

import re
from typing import Any
from urllib.parse import parse_qsl

Tree = dict[str, Any]
"""Names to values; a value is a text, a list of values or another Tree."""

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_DEEPEST = 8
_MOST_FIELDS = 2_000


def words(text: str) -> tuple[str, ...]:
    """The words of a text: a long list of names, without its quotes."""
    return tuple(text.split())


class Malformed(ValueError):
    """The text is not a form that can be read; the message says why and carries no value of it."""


def decode(text: str) -> Tree:
    """Read a form body or a query string; raises Malformed. Values stay text, whatever they look like."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise Malformed("the form has too many fields or is not UTF-8") from error
    tree: Tree = {}
    for name, value in pairs:
        match = _NAME.fullmatch(name)
        if match is None:
            raise Malformed("a field name has unbalanced brackets")
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        if len(path) > _DEEPEST:
            raise Malformed("a field name is nested too deeply")
        _put(tree, path, value)
    return {name: _settled(value) for name, value in tree.items()}


def _put(tree: Tree, path: list[str], value: str) -> None:
    for step in path[:-1]:
        inner = tree.setdefault(step or str(len(tree)), {})
        if not isinstance(inner, dict):
            raise Malformed("a field is both a value and a group")
        tree = inner
    last = path[-1] or str(len(tree))
    if isinstance(tree.get(last), dict):
        raise Malformed("a field is both a value and a group")
    tree[last] = value


def _settled(value: Any) -> Any:
    """Groups whose names are all numbers are lists."""
    if not isinstance(value, dict):
        return value
    if value and all(name.isdigit() for name in value):
        return [_settled(value[name]) for name in sorted(value, key=int)]
    return {name: _settled(inner) for name, inner in value.items()}
