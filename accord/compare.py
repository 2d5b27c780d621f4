"""Comparing both sides by a fresh read of each: does the target show what the source shows?"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from accord.attribution import attribute, postings
from accord.houses import GUESTS
from accord.ports import CursorGone, Source
from accord.records import PARENTS_FIRST, Facts, Kind, Leg, Record, Ref

_END = 2**53  # behind whatever stands on a list


class Disagreement(NamedTuple):
    """A record on which the two sides differ."""

    kind: Kind
    key: str
    how: str  # missing, extra, differs, unreadable


class Agreement(NamedTuple):
    """What a comparison found: shares of source records, and sums of gross by settlement currency."""

    records: int
    agreeing: int
    disagreements: list[Disagreement]
    source_sums: dict[str, int]
    target_sums: dict[str, int]

    @property
    def extra(self) -> int:
        """How many records only the target shows."""
        return sum(one.how == "extra" for one in self.disagreements)

    @property
    def share(self) -> float:
        """Agreeing records over all that either side shows; 1 where there are none."""
        both = self.records + self.extra
        return self.agreeing / both if both else 1.0

    @property
    def complete(self) -> bool:
        """Whether nothing disagrees, neither a record nor a sum."""
        return not self.disagreements and self.source_sums == self.target_sums


class Shown(Protocol):
    """A target that can be read back."""

    kinds: frozenset[Kind]

    def read(self, connection: str, kind: Kind) -> Iterator[tuple[str, bool, tuple[Any, ...]]]: ...

    def fields(self, kind: Kind) -> list[str]: ...

    def sums(self, connection: str) -> dict[str, int]: ...


def digest(values: Iterable[Any]) -> bytes:
    """The canonical hash of a record's values."""
    return hashlib.blake2b(msgspec.json.encode(list(values)), digest_size=16).digest()


def compare(
    kind: Kind, source: Mapping[str, bytes], target: Iterable[tuple[str, bool, bytes]]
) -> Iterator[Disagreement]:
    """Name each record that only one side has, or that both show differently; pure.

    A target row marked as deleted agrees with a source that does not list the record.
    """
    met = set()
    for key, deleted, shown in target:
        met.add(key)
        if key not in source:
            if not deleted:
                yield Disagreement(kind, key, "extra")
        elif source[key] != shown:
            yield Disagreement(kind, key, "differs")
    for key in source.keys() - met:
        yield Disagreement(kind, key, "missing")


def reconcile(
    source: Source,
    target: Shown,
    connection: str,
    tick: Callable[[str], None] = lambda _: None,
    since: int | None = None,
) -> Agreement:
    """Read every record of both sides and compare them; `tick` is told of each kind as it is read.

    What the source created before `since` (Unix seconds) is not missed in the target.
    """
    facts: dict[Ref, Facts] = {}
    disagreements: list[Disagreement] = []
    sums: dict[str, int] = {}
    records = 0
    for kind in [kind for kind in PARENTS_FIRST if kind in target.kinds]:
        tick(kind)
        fields = target.fields(kind)
        hashes: dict[str, bytes] = {}
        before = _first_shown(target, connection, fields) if kind is Kind.LEG else {}
        old: dict[str, Record] = {}
        for key, record in _listed(source, kind):
            if record is None:
                disagreements.append(Disagreement(kind, key, "unreadable"))
                records += 1
                continue
            facts[Ref(kind, key)] = record.facts()
            rows = [record]
            if since is not None and record.created < since:
                old[key] = record
            if isinstance(record, Leg):
                sums[record.currency] = sums.get(record.currency, 0) + record.gross
                rows = [*postings(attribute(record, facts.get), before.get(key))]
            hashes |= {row.key: digest(getattr(row, field) for field in fields) for row in rows}
        records += len(hashes)
        shown = ((key, deleted, digest(values)) for key, deleted, values in target.read(connection, kind))
        unreadable = {d.key for d in disagreements if d.how == "unreadable" and d.kind == kind}
        found = [d for d in compare(kind, hashes, shown) if d.key not in unreadable]
        beyond = {d.key for d in found if d.how == "missing" and d.key in old}
        records -= len(beyond)
        for key in beyond:
            record = old[key]
            if isinstance(record, Leg):
                sums[record.currency] -= record.gross
        disagreements += [d for d in found if d.key not in beyond]
    wrong = sum(1 for d in disagreements if d.how != "extra")
    sums = {currency: gross for currency, gross in sums.items() if gross or since is None}
    return Agreement(records, records - wrong, disagreements, sums, target.sums(connection))


def _first_shown(target: Shown, connection: str, fields: list[str]) -> Mapping[str, Facts]:
    """The account and the charge with which the target shows each leg, by key; of the account as far as it tells."""
    at = {field: fields.index(field) for field in ("account", "charged_amount") if field in fields}
    shown: dict[str, dict[str, Any]] = {
        key: {"account": None, "charged_amount": None} | {field: values[i] for field, i in at.items()}
        for key, _, values in target.read(connection, Kind.LEG)
    }
    if "account" not in at:
        for key in [key for key in shown if key.endswith("/in")]:
            shown[key.partition("/")[0]]["account"] = GUESTS
    return shown


def _listed(source: Source, kind: Kind) -> Iterator[tuple[str, Record | None]]:
    after: str | None = None
    # Without events, a list that is asked for without an end is that of what may have changed.
    listed = source.discovery
    hi = _END if not listed.events and kind in listed.newest else None
    place, met = 0, set[str]()
    while True:
        try:
            page = source.page(kind, None, hi, after)
        except CursorGone:
            # What marked the place was deleted meanwhile: go on from its second, which gives a few objects again.
            after, hi = None, place + 1
            continue
        for one in source.records(kind, page.body):
            if one.key not in met:
                yield one.key, one.record
            met.add(one.key)
        if not page.has_more or page.last is None:
            return
        after, place = page.last
