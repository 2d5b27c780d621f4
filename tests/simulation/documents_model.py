"""The systems of the documents' schedules: books in which people issue, pay, cancel and delete invoices, as Oblio and
as SmartBill show them to their clients.

Each invoice says in its mentions which one it is and how often it was changed, so that whatever is shown of it tells
when it was read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from faults import LOST, REPLY_LOST, THROTTLED
from world import World

from accord.documents import Party, State
from accord.errors import TryLater
from accord.systems.oblio import parse
from accord.systems.oblio.parse import Item, Page
from accord.systems.smartbill.client import Series
from accord.systems.smartbill.shapes import Status

T = TypeVar("T")

PAGE = 3  # rows of a list
CIF = "RO12345674"
ISSUER = Party(name="Casa de Test SRL", vat_id=CIF)
WIDTHS = {"A": 4, "B": 0}  # of the series' numbers; 0 is the plain number


@dataclass
class Invoice:
    """One invoice. A number that is given out again makes another one of it."""

    uid: int
    series: str
    number: int
    client: int
    total: int
    issued: str
    version: int
    paid: int = 0
    cancelled: bool = False
    reverses: "Invoice | None" = None
    einvoice: str = "-1"
    unsound: bool = False

    @property
    def written(self) -> str:
        """Its number as it is printed."""
        return str(self.number).zfill(WIDTHS[self.series])

    @property
    def mentions(self) -> str:
        """Which one it is, and since which change it looks as it does."""
        return f"u{self.uid} v{self.version}"


class Books:
    """What people do, and what must be shown of it."""

    def __init__(self, world: World, alike: bool, dates: bool) -> None:
        self._world, self._rng, self._alike, self._dates = world, world.rng, alike, dates
        self.next = dict.fromkeys(WIDTHS, 1)
        self.there: dict[int, Invoice] = {}
        self._under: dict[tuple[str, int], list[Invoice]] = {}  # all that ever stood under a number
        self._serial = self._uids = 0
        self.date: int | None = None

    def history(self, count: int) -> None:
        """Some invoices, of which the older ones are paid."""
        for left in range(count, 0, -1):
            self._add(self._rng.choice(sorted(WIDTHS)), self._rng.randrange(1, 9) * 12_100, age=5 * left)
            if left > 2 and self._rng.random() < 0.7:
                made = self.there[self._uids]
                made.paid = made.total

    # -- what people do

    def change(self, what: str) -> None:
        """Something happens, if there is anything that it can happen to."""
        getattr(self, what)()

    def issue(self) -> None:
        """A new invoice, under the next number of its series."""
        self._add(self._rng.choice(sorted(WIDTHS)), self._rng.randrange(1, 9) * 12_100)

    def storno(self) -> None:
        """One is taken back by another."""
        taken = {one.reverses.uid for one in self.there.values() if one.reverses}
        free = [one for one in self.there.values() if one.total > 0 and one.uid not in taken and not one.cancelled]
        if (found := self._pick(free)) and not self._under.get((found.series, self.next[found.series])):
            self._add(found.series, -found.total, found)
            self._touch(found)

    def delete(self) -> None:
        """The last of a series, whose number is given out again."""
        name = self._rng.choice(sorted(WIDTHS))
        for uid, one in self.there.items():
            if (one.series, one.number) == (name, self.next[name] - 1):
                del self.there[uid]
                self.next[name] -= 1
                if one.reverses is not None:
                    self._touch(one.reverses)
                self._world.note("deleted")
                return

    def pay(self) -> None:
        """All of it or a part."""
        if found := self._pick([one for one in self._due() if one.paid < one.total]):
            found.paid = found.total if self._rng.random() < 0.6 else min(found.total, found.paid + 5_000)
            self._touch(found, printed=False)

    def unpay(self) -> None:
        """A payment turns out to be none; SmartBill's never do, so that what is paid tells how old a state is."""

    def cancel(self) -> None:
        """It keeps its number."""
        if found := self._pick([one for one in self._due() if not one.paid]):
            found.cancelled = True
            self._touch(found)

    def restore(self) -> None:
        """It was not cancelled after all."""
        if found := self._pick([one for one in self.there.values() if one.cancelled]):
            found.cancelled = False
            self._touch(found)

    def edit(self) -> None:
        """Something else of it."""
        if found := self._pick([*self.there.values()]):
            self._touch(found)

    def authority(self) -> None:
        """The tax authority decides, where the source tells."""

    def skip(self) -> None:
        """A person sets the counter of a series forward."""
        name = self._rng.choice(sorted(WIDTHS))
        if any((one.series, one.number) == (name, self.next[name] - 1) for one in self.there.values()):
            self.next[name] += self._rng.choice((1, 2))

    def spoil(self) -> None:
        """What is shown of it does not fit together any more."""
        if found := self._pick([one for one in self.there.values() if one.total > 0]):
            found.unsound = True
            self._touch(found)

    def mend(self) -> None:
        """It does again."""
        if found := self._pick([one for one in self.there.values() if one.unsound]):
            found.unsound = False
            self._touch(found)

    def _add(self, series: str, total: int, reverses: Invoice | None = None, age: int = 0) -> None:
        number, client = self.next[series], self._rng.randrange(1, 4)
        before = self._under.setdefault((series, number), [])
        # Nobody who sees no more than SmartBill shows could tell two apart that are alike in all of this.
        while any(one.total == total and (not self._alike or one.client == client) for one in before):
            total, client = total + (0 if self._alike else 100), client + 1
        if before:
            self._world.note("number given out again")
        self.next[series] += 1
        self._uids += 1
        self._serial += 1
        age = age or self._rng.choice((0, 0, 1, 5, 20))
        day = datetime.fromtimestamp(self._world.true, UTC) - timedelta(days=age)
        made = Invoice(self._uids, series, number, client, total, f"{day:%Y-%m-%d}", self._serial, reverses=reverses)
        self.there[made.uid] = made
        before.append(made)

    def _touch(self, one: Invoice, printed: bool = True) -> None:
        self._serial += 1
        one.version = self._serial

    def _due(self) -> list[Invoice]:
        return [one for one in self.there.values() if one.total > 0 and not one.cancelled]

    def _pick(self, among: list[Invoice]) -> Invoice | None:
        return self._rng.choice(among) if among else None

    # -- what must be shown

    def state(self, one: Invoice) -> State:
        """Where it stands."""
        if one.cancelled:
            return State.CANCELLED
        if one.total < 0:
            return State.STORNO
        if self._taken_back(one):
            return State.REVERSED
        return State.PAID if one.paid >= one.total else State.PARTLY_PAID if one.paid else State.ISSUED

    def expected(self) -> dict[str, dict[str, Any]]:
        """The fields of each invoice that is there, by the name under which it is found again."""
        return {
            self.name(one): {
                "series": one.series,
                "number": one.written,
                "client_vat_id": f"RO10{one.client}",
                "issued_on": one.issued,
                "total": one.total,
                "paid": one.paid,
                "state": self.state(one),
                "mentions": one.mentions,
            }
            for one in self.there.values()
        }

    def unsound(self) -> set[str]:
        """The names of those that can not be shown."""
        return {self.name(one) for one in self.there.values() if one.unsound}

    def name(self, one: Invoice) -> str:
        """By what it is found again."""
        raise NotImplementedError

    def named(self, key: str) -> str:
        """The same, of the key by which Accord knows it."""
        raise NotImplementedError

    def _taken_back(self, one: Invoice) -> bool:
        return any(other.reverses is one for other in self.there.values())

    # -- what the client asks

    def _ask(self, what: str, answer: Callable[[], T]) -> T:
        verdict = self._world.point("source", what)
        if verdict in (LOST, THROTTLED):
            raise TryLater(f"{verdict}: {what}")
        found = answer()
        self.date = int(self._world.true) if self._dates else None
        if verdict == REPLY_LOST:
            raise TryLater(f"{verdict}: {what}")
        return found


class Oblio(Books):
    """A list by id, newest first, from an offset on: whoever reads it page by page reads a list that moves."""

    def company(self) -> Party:
        """Whose invoices these are."""
        return ISSUER

    def page(self, offset: int, only: Mapping[str, str] = {}) -> Page:
        """A page, of all or of those that pass the filters."""
        return self._ask(f"page {offset} {'-'.join(only)}", lambda: self._page(offset, only))

    def fetch(self, key: str) -> Item | None:
        """One of them."""
        return self._ask(f"fetch {key}", lambda: self._fetch(int(key)))

    def unpay(self) -> None:
        """A payment turns out to be none."""
        if found := self._pick([one for one in self.there.values() if one.paid]):
            found.paid = 0
            self._touch(found)

    def authority(self) -> None:
        """The tax authority decides."""
        if found := self._pick([*self.there.values()]):
            found.einvoice = {"-1": "0", "0": self._rng.choice("12")}.get(found.einvoice, "0")
            self._touch(found)

    def name(self, one: Invoice) -> str:
        """Its id."""
        return str(one.uid)

    def named(self, key: str) -> str:
        """The key is that."""
        return key

    def _page(self, offset: int, only: Mapping[str, str]) -> Page:
        listed = [one for _, one in sorted(self.there.items(), reverse=True) if self._passes(one, only)]
        return parse.read(
            msgspec.json.encode({"data": [self._row(one) for one in listed[offset : offset + PAGE]]}), ISSUER
        )

    def _passes(self, one: Invoice, only: Mapping[str, str]) -> bool:
        if only.get("collected") == "0" and one.paid >= one.total:
            return False
        return not (only.get("canceled") == "0" and one.cancelled) and one.issued > only.get("issuedAfter", "")

    def _fetch(self, uid: int) -> Item | None:
        one = self.there.get(uid)
        return None if one is None else parse.item(msgspec.json.encode(self._row(one)), ISSUER)

    def _row(self, one: Invoice) -> dict[str, Any]:
        return {
            "id": str(one.uid),
            "type": "Factura",
            "draft": "0",
            "canceled": "1" if one.cancelled else "0",
            "collected": "1" if one.paid >= one.total else "0",
            "storno": "1" if one.total < 0 else "0",
            "stornoed": "1" if self._taken_back(one) else "0",
            "seriesName": one.series,
            "number": one.written,
            "issueDate": one.issued,
            "dueDate": None,
            "currency": "???" if one.unsound else "RON",
            "exchangeRate": None,
            "total": _lei(one.total),
            "mentions": one.mentions,
            "client": {"name": f"Client {one.client}", "cif": f"RO10{one.client}"},
            "products": None,
            "collects": [{"value": _lei(one.paid)}] if one.paid else [],
            "einvoiceStatus": {"code": one.einvoice},
        }


class SmartBill(Books):
    """Numbers of series, and nothing that lists them."""

    def series(self) -> list[Series]:
        """Their counters."""
        return self._ask("series", lambda: [Series(name, self.next[name], WIDTHS[name] or None) for name in WIDTHS])

    def status(self, series: str, number: str) -> Status | None:
        """What it comes to, and what is paid."""
        return self._ask(f"status {series}{number}", lambda: self._status(self._find(series, number)))

    def pdf(self, series: str, number: str) -> bytes | None:
        """What is printed."""
        return self._ask(f"pdf {series}{number}", lambda: self._printed(self._find(series, number)))

    def name(self, one: Invoice) -> str:
        """Series and number: whoever stands there now."""
        return f"{one.series}/{one.number}"

    def named(self, key: str) -> str:
        """The key without what tells those of one number apart."""
        return key.rpartition("/")[0]

    def _touch(self, one: Invoice, printed: bool = True) -> None:
        if printed:  # payments are printed nowhere
            super()._touch(one)

    def _taken_back(self, one: Invoice) -> bool:
        return one.total > 0 and super()._taken_back(one)

    def _find(self, series: str, number: str) -> Invoice | None:
        return next((one for one in self.there.values() if (one.series, one.written) == (series, number)), None)

    def _status(self, one: Invoice | None) -> Status | None:
        if one is None:
            return None
        amounts = [Decimal(_lei(cents)) for cents in (one.total, one.paid, one.total - one.paid)]
        return Status(*amounts, one.total > 0 and one.paid >= one.total)

    def _printed(self, one: Invoice | None) -> bytes | None:
        if one is None:
            return None
        year, month, day = one.issued.split("-")
        taken = one.reverses
        lines = [
            f"Furnizor: {ISSUER.name}",
            f"CIF: {CIF}",
            f"Seria {one.series} nr. {one.written}",
            f"Data (zi/luna/an): {day}/{month}/{year}",
            "ANULAT" if one.cancelled else "",
            f"Client: Client {one.client}",
            f"CIF: RO10{one.client}",
            "Nr. Denumirea produselor sau a serviciilor Pret unitar -RON-",
            f"Total plata {_lei(one.total + one.unsound)} RON",
            f"Storno la factura seria {taken.series} nr. {taken.written}" if taken else "",
            f"Mentiuni: {one.mentions}",
        ]
        return b"%PDF-" + "\n".join(lines).encode()


def _lei(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"
