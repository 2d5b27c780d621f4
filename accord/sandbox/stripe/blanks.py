"""New Stripe objects as they look before anything is filled in; fields as in stripe-python 16.1 for 2026-10-28.endive.

The many fields that no part of the sandbox ever fills are there too, as null, so that readers meet the real breadth.
"""

from importlib.resources import files
from typing import Any

import msgspec

from accord.sandbox.stripe.store import Obj, Store

_BLANKS = msgspec.json.decode(
    files("accord.sandbox.stripe").joinpath("blanks.json").read_bytes(), type=dict[str, msgspec.Raw]
)


def blank(kind: str, key: str, fields: dict[str, Any]) -> Obj:
    """A fresh object of a kind with these fields set."""
    return {"id": key, **msgspec.json.decode(_BLANKS[kind]), **fields}


def stamped(store: Store) -> dict[str, Any]:
    """When it is made, and in which mode: what nearly every object carries."""
    return {"created": store.time(), "livemode": store.livemode}
