"""A SmartBill account in the sandbox, and the client that reads it, both in a time of their own."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger
from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, TOKEN
from accord.systems.smartbill import SmartBill, connect, headers

API = "/SBORO/api"
PARTNER = {"name": "Moara de Probă SRL", "vatCode": "RO90000025", "country": "Romania", "saveToDb": False}
LINE = {"name": "Mentenanță", "measuringUnitName": "buc", "quantity": 1, "taxName": "Normala", "taxPercentage": 21}


class OwnTime:
    """A clock that only waiting moves."""

    def __init__(self) -> None:
        self.seconds = 1_790_000_000.0  # 2026-09-21

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Account:
    """What a person does in the web application, and how the sandbox is told to behave."""

    def __init__(self, clock: OwnTime) -> None:
        self.clock = clock
        self.sandbox = build(now=clock.now, payments=0)
        self.smartbill = self.sandbox.smartbill
        self.transport = Direct(self.sandbox, clock.sleep)
        self.smartbill.limits.most = None  # for the person; the client meets it where a test says so
        self._person = httpx.Client(transport=self.transport, base_url="http://s/smartbill", auth=(EMAIL, TOKEN))

    def issue(self, price: float = 100, series: str = "WEB", path: str = "/invoice/v2", **more: Any) -> str:
        """The number of a new invoice over `price` and its VAT."""
        body = {"companyVatCode": CIF, "seriesName": series, "client": PARTNER, "products": [{**LINE, "price": price}]}
        answer = self._person.post(API + path, json=body | more)
        assert answer.json()["errorText"] == "", answer.text
        return str(answer.json()["number"])

    def change(self, method: str, path: str, **named: str) -> None:
        """Cancel, restore or delete."""
        self._person.request(method, API + path, params={"cif": CIF, **named}).raise_for_status()

    def post(self, path: str, **body: Any) -> None:
        """Pay or reverse."""
        self._person.post(API + path, json={"companyVatCode": CIF, **body}).raise_for_status()

    def pay(self, number: str, value: float, series: str = "WEB") -> None:
        named = [{"seriesName": series, "number": number}]
        self.post("/payment", type="Card", useInvoiceDetails=True, value=value, invoicesList=named)

    def behave(self, **behaviour: str | int) -> None:
        self._person.post("/_admin/behaviour", json=behaviour).raise_for_status()

    def switch(self, **fault: Any) -> None:
        self._person.post("/_admin/faults", json=fault).raise_for_status()

    def calls(self) -> dict[str, Any]:
        """How often each endpoint was asked since this was last looked at."""
        shown: dict[str, Any] = self._person.get("/_admin/stats?reset=1").json()
        return shown

    def export(self) -> bytes:
        return self._person.get("/_admin/export.xlsx").content


@pytest.fixture
def own_time() -> OwnTime:
    return OwnTime()


@pytest.fixture
def account(own_time: OwnTime) -> Account:
    """An account with series and no invoices."""
    return Account(own_time)


@pytest.fixture
def ledger(fresh_files: Any, open_engine: Callable[[str], Engine], own_time: OwnTime) -> Ledger:
    return Ledger(open_engine(fresh_files.ledger()), Cipher(new_key()), own_time)


@pytest.fixture
def new_client(account: Account, ledger: Ledger) -> Iterator[Callable[..., SmartBill]]:
    """Makes a client as one worker has it; all of them share the ledger's budget."""
    made: list[SmartBill] = []

    def new_client(token: str = TOKEN, cif: str = CIF, **more: Any) -> SmartBill:
        made.append(
            connect(
                "smartbill/main",
                cif,
                lambda: headers(EMAIL, token),
                ledger,
                base_url="http://sandbox.test/smartbill/SBORO/api",
                client=httpx.Client(transport=account.transport),
                **more,
            )
        )
        return made[-1]

    yield new_client
    for client in made:
        client.close()


@pytest.fixture
def client(new_client: Callable[..., SmartBill]) -> SmartBill:
    return new_client()
