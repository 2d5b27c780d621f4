"""What the ledger knows of a connection's invoices: by it the numbers are followed that no list shows."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec

from accord.documents import State
from accord.ledger import imports, links
from accord.ledger.engine import Ledger
from accord.money import CURRENCIES
from accord.records import Facts, Kind
from accord.systems.smartbill.export import Row
from accord.systems.smartbill.translate import key, name, named
from accord.systems.smartbill.walk import Fingerprint, width_of

OPEN = frozenset({State.ISSUED, State.PARTLY_PAID, State.UNKNOWN})

_row = msgspec.json.Decoder(Row).decode


class Invoice(NamedTuple):
    """An invoice as it was last accepted."""

    series: str
    number: int
    generation: int
    deleted: bool
    facts: Facts

    @property
    def key(self) -> str:
        return key(self.series, self.number, self.generation)

    @property
    def written(self) -> str:
        """Its number as issued."""
        return str(self.facts.get("number") or self.number)

    @property
    def state(self) -> str:
        return str(self.facts.get("state"))

    def amount(self, field: str) -> Decimal | None:
        """An amount as SmartBill writes it; None where it, or its currency, is not known."""
        minor, currency = self.facts.get(field), self.facts.get("currency")
        return None if minor is None or currency is None else Decimal(minor).scaleb(-CURRENCIES[str(currency)])

    @property
    def fingerprint(self) -> Fingerprint:
        """By what it is known again."""
        total, client, issued_on = self.amount("total"), self.facts.get("client"), self.facts.get("issued_on")
        return Fingerprint(
            None if total is None else f"{total.normalize():f}",
            None if client is None else str(client),
            None if issued_on is None else str(issued_on),
        )


class Known:
    """Of each number the invoice that stands under it, or stood there last."""

    def __init__(self, kept: Iterable[tuple[str, bool, Facts]]) -> None:
        """`kept` are keys, whether each is deleted, and facts."""
        self._latest: dict[str, dict[int, Invoice]] = {}
        for key_, deleted, facts in kept:
            one = Invoice(*named(key_), deleted, facts)
            numbers = self._latest.setdefault(one.series, {})
            before = numbers.get(one.number)
            if before is None or before.generation < one.generation:
                numbers[one.number] = one
        self.open = sum(one.state in OPEN for one in self)
        """How many are open."""
        self._stornos = {f"{one.facts['reverses']}": one for one in self if one.facts.get("reverses")}

    def __iter__(self) -> Iterator[Invoice]:
        """Those that are not deleted, by series and number."""
        for _, numbers in sorted(self._latest.items()):
            yield from (one for _, one in sorted(numbers.items()) if not one.deleted)

    def latest(self, series: str, number: int) -> Invoice | None:
        """The invoice that stands under a number, or the deleted one that stood there last."""
        return self._latest.get(series, {}).get(number)

    def numbers(self, series: str) -> dict[int, Invoice]:
        """A series' numbers under which an invoice stands."""
        return {number: one for number, one in self._latest.get(series, {}).items() if not one.deleted}

    def top(self, series: str) -> int:
        """The highest of them; 0 where there is none."""
        return max(self.numbers(series), default=0)

    def width(self, series: str) -> int | None:
        """How many digits the series prints, where a number shows it."""
        top = self._latest.get(series, {}).get(self.top(series))
        return None if top is None else width_of(top.number, top.written)

    def names(self) -> set[str]:
        """The series of which something is known."""
        return {*self._latest}

    def taken_back(self, series: str, written: str, total: Decimal | None) -> bool:
        """Whether a storno over the same total takes this invoice back."""
        storno = self._stornos.get(f"{series} {written}")
        back = None if storno is None else storno.amount("total")
        return back is not None and total is not None and back == -total


class Memory:
    """The ledger, asked anew each time."""

    def __init__(self, ledger: Ledger, connection: str) -> None:
        self._ledger, self._connection = ledger, connection

    def known(self) -> Known:
        """All that is known."""
        return Known(self._ledger.read(lambda c: links.accepted(c, self._connection, Kind.DOCUMENT)))

    def row(self, series: str, number: int) -> Row | None:
        """What the last export that was imported says of a number."""
        of, ledger = name(series, number), self._ledger
        found = ledger.read(lambda c: imports.load(c, ledger.cipher, self._connection, [of]))
        return _row(found[of]) if of in found else None
