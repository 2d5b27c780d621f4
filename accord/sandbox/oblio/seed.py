"""The documents a sandbox starts with: two years, lived through by the same code that serves requests."""

import heapq
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from accord.sandbox.oblio import changes, documents, shop
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.store import Company, Row, Store

INVOICES = 200
_DAYS = 730
_DAY = 86_400.0
_NEW_RATES_FROM = datetime(2025, 7, 31, 22, tzinfo=UTC).timestamp()  # 1 August in Bucharest

Deed = Callable[[], object]


def fill(store: Store, *, invoices: int, seed: int) -> None:
    """Open the companies, and give the first one about this many invoices; 50 and more hold one of every sort."""
    if not store.companies:
        shop.open_companies(store)
    if not invoices:
        return
    clock = store.now
    try:
        _Years(store, store.company(shop.CIF), random.Random(f"oblio {seed}"), clock()).live(invoices)  # noqa: S311
    finally:
        store.now = clock


class _Years:
    """Deeds in the order of their time; each may write in further ones."""

    def __init__(self, store: Store, company: Company, dice: random.Random, now: float) -> None:
        self.store = store
        self.company = company
        self.dice = dice
        self.end = now - 60
        self._ahead: list[tuple[float, int, Deed]] = []
        self._count = 0

    def at(self, moment: float, deed: Deed) -> None:
        """Note a deed; what lies after the end never happens."""
        if moment <= self.end:
            self._count += 1
            heapq.heappush(self._ahead, (moment, self._count, deed))

    def later(self, days: float, deed: Deed) -> None:
        self.at(self.store.now() + days * _DAY, deed)

    def live(self, invoices: int) -> None:
        begin = self.end - _DAYS * _DAY
        if begin < _NEW_RATES_FROM:
            shop.rates(self.company, shop.OLD_RATES)
            self.at(_NEW_RATES_FROM, lambda: shop.rates(self.company, shop.NEW_RATES))
        for number in range(invoices):
            self.at(begin + (number + self.dice.random()) / invoices * (self.end - begin), self._sell)
        if invoices >= 50:
            self._plan_showpieces(begin)
        while self._ahead:
            moment, _, deed = heapq.heappop(self._ahead)
            self.store.now = lambda moment=moment: moment  # type: ignore[misc]
            deed()
        shop.rates(self.company, shop.NEW_RATES)

    def _plan_showpieces(self, begin: float) -> None:
        """What the dice might leave out."""
        old: list[Row] = []
        self.at(begin + 30 * _DAY, lambda: old.extend(self._issue(series="B-24") for _ in range(4)))
        # Taken back in the time of the new rates, whole, in part, and with the payment given back.
        self.at(self.end - 40 * _DAY, lambda: self._take_back(old[0]))
        self.at(self.end - 39 * _DAY, lambda: self._take_back(old[1], part=True))
        self.at(begin + 40 * _DAY, lambda: self._pay(old[2], 1.0))
        self.at(self.end - 38 * _DAY, lambda: self._take_back(old[2], refund=1))
        self.at(self.end - 30 * _DAY, lambda: self.store.amend(self._issue(), draft="1"))
        self.at(self.end - 29 * _DAY, self._from_proforma)
        self.at(self.end - 28 * _DAY, lambda: self._cancel(self._issue()))
        self.at(self.end - 27 * _DAY, lambda: self._in_parts(self._issue()))
        abroad = self.company.clients[-1]
        self.at(self.end - 26 * _DAY, lambda: self._in_parts(self._issue(client=abroad)))
        self.at(self.end - 25 * _DAY, lambda: self._send(self._issue(client=abroad)))  # refused: no county
        self.at(self.end - 24 * _DAY, lambda: self._send(self._issue(client=self.company.clients[0])))
        self.at(self.end, lambda: self._send(self._issue(client=self.company.clients[1])))  # still being processed

    def _sell(self) -> None:
        row = self._issue()
        luck, dice = self.dice.random(), self.dice
        if luck < 0.6:
            self.later(dice.uniform(1, 40), lambda: self._pay(row, 1.0))
        elif luck < 0.7:
            self._in_parts(row)
        elif luck < 0.75:
            self.later(dice.uniform(0, 5), lambda: self._cancel(row))
        elif luck < 0.8:
            self.later(dice.uniform(5, 400), lambda: self._take_back(row))
        if luck < 0.9:
            self.later(dice.uniform(0.1, 4), lambda: self._send(row))

    def _issue(self, series: str = "", client: Row | None = None) -> Row:
        call = shop.order(self.company, self.dice)
        if client is not None:
            call |= {"client": client, "currency": "EUR" if client["country"] != "Romania" else "RON"}
            call["seriesName"] = "EXP" if call["currency"] == "EUR" else "MDP"
        if series:
            call |= {"seriesName": series, "currency": "RON"}
        today = datetime.fromisoformat(self.store.today())
        if self.dice.random() < 0.85:
            call["dueDate"] = (today + timedelta(days=self.dice.choice((5, 15, 30)))).date().isoformat()
        if call["currency"] == "EUR":
            call["exchangeRate"] = f"{self.dice.uniform(4.95, 5.1):.4f}"
        if self.dice.random() < 0.5:
            call["mentions"] = f"Ref ord-{self.dice.randrange(16**6):06x}"
        return self._create(call | {"issuerName": "Ana Exemplu"})

    def _create(self, call: dict[str, Any]) -> Row:
        return documents.create(self.store, self.company, "invoice", call, Settings())

    def _from_proforma(self) -> None:
        call = shop.order(self.company, self.dice) | {"seriesName": "PF"}
        proforma = documents.create(self.store, self.company, "proforma", call, Settings())
        documents.create(self.store, self.company, "notice", call | {"seriesName": "AV"}, Settings())
        reference = {"type": "Proforma", "seriesName": "PF", "number": proforma["number"]}
        self._create({"client": call["client"], "seriesName": "MDP", "referenceDocument": reference})

    def _pay(self, row: Row, share: float) -> None:
        if row["canceled"] == "1" or float(documents.left(row)) <= 0:
            return
        kind = self.dice.choice(("Ordin de plata", "Card", "Chitanta"))
        payment = {"type": kind, "documentNumber": f"{self.dice.randrange(1, 999)}"}
        payment["value"] = f"{float(documents.left(row)) * share:.2f}"
        named = {"seriesName": row["seriesName"], "number": row["number"]}
        documents.collect(self.store, self.company, named | {"collect": payment})

    def _in_parts(self, row: Row) -> None:
        """Two payments, which leave a tenth or so."""
        self.later(3, lambda: self._pay(row, 0.6))
        self.later(9, lambda: self._pay(row, 0.7))

    def _cancel(self, row: Row) -> None:
        if not row["collects"] and not row["reversed_by"]:
            self.store.amend(row, canceled="1")

    def _send(self, row: Row) -> None:
        if row["canceled"] == "0" and not row["spv"]:
            named = {"seriesName": row["seriesName"], "number": row["number"]}
            changes.send(self.store, self.company, named, Settings())

    def _take_back(self, row: Row, *, part: bool = False, refund: int = 0) -> None:
        if row["canceled"] == "1" or row["reversed_by"]:
            return
        reference = {"type": "Factura", "seriesName": row["seriesName"], "number": row["number"], "refund": refund}
        call: dict[str, Any] = {"seriesName": row["seriesName"], "referenceDocument": reference}
        if part:
            first = row["products"][0]
            call["products"] = [first | {"quantity": f"-{float(first['quantity']) / 2:.4f}"}]
        self._create(call | {"mentions": f"Storno {row['seriesName']} {row['number']}"})
