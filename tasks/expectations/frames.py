"""Records as pandas frames, to be judged by position: no value ever travels back out of one."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from accord.records import RECORDS, Facts, Kind, Record, Ref

SKEW = 300  # seconds that Stripe's clock and ours may differ

_parent: dict[str, str] = {"parent_amount": "amount", "parent_currency": "currency"}

ADDED = (*_parent, "latest")
"""Columns beside a kind's own fields: what is known of the record that it needs, and the last second that is past."""


def available(kind: Kind) -> set[str]:
    """The columns that expectations of a kind may name."""
    return {*RECORDS[kind].fields(), *ADDED}


def frame(
    kind: Kind, records: Sequence[Record], facts: Mapping[Ref, Facts], columns: Collection[str], now: float
) -> pd.DataFrame:
    """The records' columns of these names, a row each in their order, under a fresh RangeIndex.

    Texts are objects, since pandas' own text type differs between its versions; numbers with a null among them are
    floats, which hold amounts exactly up to 2**53: Stripe's are bounded far below when they are read.
    """
    made: dict[str, pd.Series[Any]] = {}
    for column in sorted(columns):
        if column == "latest":
            made[column] = pd.Series([int(now) + SKEW] * len(records))
        elif column in _parent:
            known = [facts.get(record.needs) if record.needs is not None else None for record in records]
            made[column] = _series([_told(one, _parent[column]) for one in known])
        else:
            made[column] = _series([getattr(record, column) for record in records])
    return pd.DataFrame(made, index=pd.RangeIndex(len(records)))


def _told(facts: Facts | None, name: str) -> str | int | None:
    # A parent that the source no longer knows left a tombstone, which says nothing of money.
    return facts.get(name) if facts is not None and facts.get("currency") else None


def _series(values: list[Any]) -> "pd.Series[Any]":
    if any(isinstance(value, str) for value in values):
        return pd.Series(values, dtype=object)
    return pd.Series(values, dtype=float if None in values else None)
