"""What the ledger keeps encrypted, all of it: whether the newest key opens it, and encrypting it anew with that one."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, Select, select, tuple_, update

from accord.errors import Misconfigured
from accord.ledger import actions, batches, imports, pairs, quarantine, schema
from accord.ledger.cipher import Cipher, NoKey
from accord.ledger.engine import Ledger

_CHUNK = 20  # rows that are looked at, or written, in one transaction


class _Place(NamedTuple):
    """A column of encrypted bytes, and those that say for what: `about` is given their values."""

    name: str
    column: Column[Any]
    about: Callable[..., str]
    of: tuple[str, ...]


_PAIR = ("sync", "key", "account", "calendar")
_PLACES = (
    _Place("batches", schema.batches.c.body, batches.about, ("sync", "stream")),
    _Place("quarantine", schema.quarantine.c.body, quarantine.about, ("sync", "kind", "key")),
    _Place("imports", schema.imports.c.body, imports.about, ("connection", "name")),
    _Place("actions", schema.actions.c.payload, actions.about, ("name", "connection", "kind", "key")),
    _Place("pairs", schema.pairs.c.seen, partial(pairs.about, "seen"), _PAIR),
    _Place("conflicts", schema.pairs.c.booking, partial(pairs.about, "booking"), _PAIR),
)


class _Old(NamedTuple):
    """Bytes that the first key does not open, where they are; `new` is None where no key opens them."""

    key: Sequence[Any]
    was: bytes
    new: bytes | None


class Kept(NamedTuple):
    """How many rows of what only an older key opens, and how many none of the keys."""

    older: dict[str, int]
    lost: dict[str, int]

    def require_opened(self) -> None:
        """Raises Misconfigured where something is lost for as long as its key is missing."""
        if self.lost:
            raise Misconfigured(
                f"{_listed(self.lost)} in the ledger cannot be decrypted with ACCORD_LEDGER_KEY; put the key that was "
                "in use when they were written behind the new one, separated by a comma"
            )

    @property
    def needing(self) -> str | None:
        """What needs an older key, and what to do; None where nothing does."""
        if not self.older:
            return None
        return f"the ledger still needs an older key, for {_listed(self.older)}; write them anew: accord db rekey"

    @property
    def renewed(self) -> str:
        """What `rekey` did."""
        done = f"{_listed(self.older)} were written anew; " if self.older else ""
        return f"{done}everything in the ledger is encrypted with the first key"


def look(ledger: Ledger) -> Kept:
    """Try the keys on everything that is kept."""
    return _through(ledger, lambda place, old: len(old))


def rekey(ledger: Ledger) -> Kept:
    """Encrypt everything that an older key opens with the first one; `older` says what was.

    A few rows in each transaction: what is broken off goes on where it stood, and workers go on meanwhile. What one
    of them has written since it was read stays, since workers write with the first key.
    """
    return _through(ledger, lambda place, old: ledger.write(partial(_write, place=place, old=old)))


def _through(ledger: Ledger, each: Callable[[_Place, list[_Old]], int]) -> Kept:
    older, lost = Counter[str](), Counter[str]()
    for place in _PLACES:
        for found in _old(ledger, place):
            opened = [one for one in found if one.new is not None]
            older[place.name] += each(place, opened) if opened else 0
            lost[place.name] += len(found) - len(opened)
    return Kept(dict(+older), dict(+lost))


def _old(ledger: Ledger, place: _Place) -> Iterator[list[_Old]]:
    """What the first key does not open, by the chunks in which it is read."""
    keys = [*place.column.table.primary_key]
    rows = select(*keys, *(place.column.table.c[name].label(f"of_{name}") for name in place.of), place.column)
    rows = rows.where(place.column.is_not(None)).order_by(*keys).limit(_CHUNK)
    last: Sequence[Any] | None = None
    while True:
        beyond = rows if last is None else rows.where(tuple_(*keys) > tuple_(*last))
        found = ledger.read(partial(_read, rows=beyond))
        if not found:
            return
        last = found[-1][: len(keys)]
        yield [one for row in found if (one := _tried(ledger.cipher, place, row, len(keys))) is not None]


def _read(connection: Connection, rows: Select[Any]) -> Sequence[Any]:
    return connection.execute(rows).all()


def _tried(cipher: Cipher, place: _Place, row: Sequence[Any], keys: int) -> _Old | None:
    key, of, was = row[:keys], row[keys:-1], row[-1]
    try:
        new = cipher.renew(was, place.about(*of))
    except NoKey:
        return _Old(key, was, None)
    return None if new is None else _Old(key, was, new)


def _write(connection: Connection, place: _Place, old: list[_Old]) -> int:
    """Put in place what is still as it was read; how many that were."""
    keys, written = [*place.column.table.primary_key], 0
    for one in old:
        same = [column == value for column, value in zip(keys, one.key, strict=True)]
        anew = update(place.column.table).where(*same, place.column == one.was)
        written += connection.execute(anew.values({place.column: one.new})).rowcount
    return written


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} row{'s' if count > 1 else ''} of {table}" for table, count in counts.items())
