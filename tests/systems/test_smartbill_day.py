"""A day of 5,000 new invoices, read beside another program that uses up its third of the limit: no block is tripped.

By default a tenth of it, which takes seconds; all of it where ACCORD_WHOLE_DAY is set.
"""

import base64
import os
from collections.abc import Callable
from typing import Any

import pytest

from accord.errors import TryLater
from accord.sandbox.smartbill.company import CIF, Row
from accord.sandbox.smartbill.service import EMAIL, TOKEN
from accord.sandbox.wire import Ask
from accord.systems.smartbill import Invoices, SmartBill
from accord.systems.smartbill.walk import Known, walk

SHARE = 1 if os.environ.get("ACCORD_WHOLE_DAY") else 10
INVOICES = 5_000 // SHARE
DAY = 86_400 // SHARE
LOOK_EVERY = 300
OTHERS = 10  # calls that the other program makes at once, every ten seconds


class Shop:
    """Another program with the same token: ten calls at once, every ten seconds."""

    def __init__(self, account: Any) -> None:
        self.smartbill = account.smartbill
        login = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
        self.ask = Ask("GET", "/SBORO/api/tax", f"cif={CIF}", b"", {"authorization": f"Basic {login}"})
        self.next = account.clock.now()
        self.refused = 0

    def until(self, now: float, at: Callable[[float], None]) -> None:
        while self.next <= now:
            at(self.next)
            for _ in range(OTHERS):
                self.refused += self.smartbill.answer(self.ask).status != 200
            self.next += 10

    def skip(self, to: float) -> None:
        """Leave out the turns that no window of ours can hold: there it is alone, and within the limit."""
        self.next += max(0, int((to - self.next) // 10)) * 10


class Day:
    """A day at the firm: half of its invoices at once in the morning, the others one by one."""

    def __init__(self, account: Any) -> None:
        account.issue()
        self.company, self.clock = account.smartbill.company, account.clock
        self.template: Row = dict(self.company.documents["f WEB 0001"])
        self.issued = 1
        self.began = self.clock.now()
        self.shop = Shop(account)
        # Whatever time passes, the other program has its turns in it: also while the client waits for its rate.
        self.clock.sleep = self.sleep
        account.smartbill.limits.most = 30

    def sleep(self, seconds: float) -> None:
        ends = self.clock.seconds + seconds
        self.shop.until(ends, lambda at: setattr(self.clock, "seconds", max(self.clock.seconds, at)))
        self.clock.seconds = ends

    def issue(self) -> None:
        """What was issued since, without the cost of a request."""
        due = INVOICES / 2 * (1 + (self.clock.now() - self.began + LOOK_EVERY) / DAY)
        while self.issued < min(due, INVOICES):
            self.issued += 1
            total = f"{100 + self.issued}.00"
            self.company.add({**self.template, "total": total, "paid": total})

    def pause(self) -> None:
        """Until the next look."""
        seconds = LOOK_EVERY - (self.clock.now() - self.began) % LOOK_EVERY
        self.shop.skip(self.clock.now() + seconds - 30)
        self.sleep(seconds)


def test_a_day_of_invoices_trips_no_block(account: Any, firm: Any, new_client: Callable[..., SmartBill]) -> None:
    day = Day(account)
    another = Invoices(new_client(), firm.home.sync.connection, firm.home.ledger, CIF)
    workers, looks = [firm.home, firm.home.beside(shop=another)], 0  # two processes, which share the budget
    while day.clock.now() - day.began < DAY or len(firm.shown()) < INVOICES:
        day.issue()
        workers[looks % 2].run()
        looks += 1
        day.pause()

    assert set(firm.shown()) == {f"WEB/{number}/1" for number in range(1, INVOICES + 1)}
    assert account.smartbill.limits.blocks == 0
    assert day.shop.refused == 0
    assert account.calls()["throttled"] == 0
    assert day.clock.now() - day.began < DAY + 2 * LOOK_EVERY


def test_whoever_asks_faster_and_does_not_look_at_the_headers_is_blocked(
    account: Any, new_client: Callable[..., SmartBill], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accord.systems.smartbill.client.rest", lambda response, clock: 0.0)
    day = Day(account)
    day.issue()
    client = new_client(per_second=3.0)
    with pytest.raises(TryLater):
        list(walk(client, client.series()[0], Known(0, 4, {})))
    assert account.smartbill.limits.blocks == 1
