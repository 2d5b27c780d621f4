"""Records as pandas frames, to be judged by position: no value ever travels back out of one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from accord.documents import Line
from accord.records import RECORDS, Facts, Kind, Record, Ref

SKEW = 300  # seconds that a service's clock and ours may differ

_ROMANIA = ZoneInfo("Europe/Bucharest")

_parent: dict[str, str] = {"parent_amount": "amount", "parent_currency": "currency"}


def _sum(lines: Sequence[Line]) -> int | None:
    totals = [line.total for line in lines if line.total is not None]
    return sum(totals) if len(totals) == len(lines) else None


def _rates(lines: Sequence[Line]) -> str:
    """Each rate once, as it is written, with a blank between them."""
    return " ".join(sorted({line.vat_rate for line in lines if line.vat_rate}))


_of_lines: dict[str, Callable[[Sequence[Line]], int | str | None]] = {
    "line_count": len,
    "line_sum": _sum,
    "line_rates": _rates,
}

ADDED = (*_parent, "latest", "today", *_of_lines)
"""Columns beside a kind's own fields: what is known of the record that it needs, the last second that is past and the
day in Romania then, and of a document's lines how many there are, what they come to and their VAT rates.
"""


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
        elif column == "today":
            made[column] = _series([datetime.fromtimestamp(now + SKEW, _ROMANIA).date().isoformat()] * len(records))
        elif column in _of_lines:
            lines = [getattr(record, "lines", None) for record in records]
            made[column] = _series([None if some is None else _of_lines[column](some) for some in lines])
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
