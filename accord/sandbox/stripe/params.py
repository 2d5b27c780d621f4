"""A request's parameters, read the way Stripe reads them: everything is text, brackets make groups."""

import re
from collections.abc import Collection, Iterator
from typing import Any

from accord.sandbox.forms import Tree
from accord.sandbox.stripe.errors import bad_param, missing_param, unknown_param

_WHOLE = re.compile(r"-?\d{1,18}")
_MOST_METADATA = 50


class Params:
    """Readers for one group of parameters; each raises StripeError naming the parameter. An empty text means unset."""

    def __init__(self, tree: Tree, where: str = "") -> None:
        self.tree = tree
        self._where = where

    def __contains__(self, name: str) -> bool:
        return name in self.tree

    def name(self, name: str) -> str:
        return f"{self._where}[{name}]" if self._where else name

    def only(self, known: Collection[str]) -> None:
        """Refuse what the endpoint does not know (docs.stripe.com/error-codes, parameter_unknown)."""
        for name in self.tree:
            if name not in known:
                raise unknown_param(self.name(name))

    def text(self, name: str) -> str | None:
        value = self.tree.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise bad_param(self.name(name), f"Invalid string: {self.name(name)}")
        return value

    def need(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise missing_param(self.name(name))
        return value

    def whole(self, name: str) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not _WHOLE.fullmatch(value):
            raise bad_param(self.name(name), f"Invalid integer: {value[:40]}", "parameter_invalid_integer")
        return int(value)

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.text(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise bad_param(self.name(name), f"Invalid boolean: {value[:40]}")
        return value == "true"

    def choice(self, name: str, options: Collection[str], default: str | None = None) -> str | None:
        value = self.text(name)
        if value is None:
            return default
        if value not in options:
            listed = ", ".join(sorted(options))
            raise bad_param(self.name(name), f"Invalid {self.name(name)}: must be one of {listed}")
        return value

    def strings(self, name: str) -> list[str]:
        value = self.tree.get(name, [])
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise bad_param(self.name(name), "Invalid array")
        return value

    def group(self, name: str) -> "Params":
        value = self.tree.get(name, {})
        if not isinstance(value, dict):
            raise bad_param(self.name(name), "Invalid object")
        return Params(value, self.name(name))

    def groups(self, name: str) -> Iterator["Params"]:
        value = self.tree.get(name, [])
        if not isinstance(value, list) or not all(isinstance(part, dict) for part in value):
            raise bad_param(self.name(name), "Invalid array")
        for number, part in enumerate(value):
            yield Params(part, f"{self.name(name)}[{number}]")

    def metadata(self, present: dict[str, str] | None = None) -> dict[str, str]:
        """Metadata merged into what is there; an empty value removes its key (docs.stripe.com/metadata)."""
        if self.tree.get("metadata") == "":
            return {}
        merged = dict(present or {})
        for key, value in self.group("metadata").tree.items():
            if not isinstance(value, str) or len(value) > 500 or len(key) > 40:
                raise bad_param(f"metadata[{key[:40]}]", "Metadata keys have up to 40 characters, values up to 500")
            if value:
                merged[key] = value
            else:
                merged.pop(key, None)
        if len(merged) > _MOST_METADATA:
            raise bad_param("metadata", "Metadata can have up to 50 keys")
        return merged

    def changes(self, *names: str) -> dict[str, Any]:
        """The plain text fields among `names` that the request sets, None for those it unsets."""
        return {name: self.text(name) for name in names if name in self.tree}
