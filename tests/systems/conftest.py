"""A SmartBill account in the sandbox and the client that reads it, in a time of their own; and booking systems."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text

from accord.clock import SystemClock
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger
from accord.records import Kind
from accord.run import Tally
from accord.sandbox.app import build
from accord.sandbox.direct import Direct
from accord.sandbox.smartbill.company import CIF
from accord.sandbox.smartbill.service import EMAIL, TOKEN
from accord.standing import stand
from accord.sync import Sync
from accord.systems.bookings import Bookings, BookingTables, parse_mapping
from accord.systems.portal import Portal
from accord.systems.smartbill import Invoices, SmartBill, connect, headers

API = "/SBORO/api"
SYNC = Sync("invoice-to-portal/smartbill-main", "smartbill/main", "portal/main")
BUCHAREST = "Europe/Bucharest"
EVERY = 300  # seconds between two runs
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


class Firm:
    """A firm's account, and a sync of it with a portal, which is run from time to time."""

    def __init__(self, account: Account, home: Any, clock: OwnTime) -> None:
        self.account, self.home, self.clock = account, home, clock

    def run(self, after: float = EVERY) -> Tally:
        """Let time pass, and run; how many records went which way."""
        self.clock.sleep(after)
        tally: Tally = self.home.run()
        return tally

    def shown(self, field: str = "state", deleted: bool = False) -> dict[str, Any]:
        """A field of the documents in the portal that are not deleted, or of those that are."""
        rows = self.home.shown(Kind.DOCUMENT)
        return {key: row[field] for key, row in rows.items() if bool(row["deleted"]) is deleted}

    def asked(self) -> dict[str, int]:
        """How often each endpoint was asked since this was last looked at."""
        asked: dict[str, int] = self.account.calls()["by_endpoint"]
        return asked

    def delete(self, number: str) -> None:
        self.account.change("DELETE", "/invoice", seriesname="WEB", number=number)

    def cancel(self, number: str) -> None:
        self.account.change("PUT", "/invoice/cancel", seriesname="WEB", number=number)

    @property
    def unsettled(self) -> int:
        """How many invoices were read and wait to be settled."""
        return stand(self.home.ledger, self.home.sync).unsettled

    @property
    def agreed(self) -> bool:
        return stand(self.home.ledger, self.home.sync).agreed


@pytest.fixture
def firm(
    account: Account,
    ledger: Ledger,
    homes: Any,
    new_client: Callable[..., SmartBill],
    fresh_files: Any,
    open_engine: Callable[[str], Engine],
    own_time: OwnTime,
) -> Firm:
    """A firm without invoices."""
    account.smartbill.company.series["AB-2"]["next"] = 1  # or it would be looked for 1000, in each way to write it
    source = Invoices(new_client(), SYNC.connection, ledger, CIF)
    home = homes.Home(
        ledger, source, Portal(open_engine(fresh_files.portal()), SystemClock()), kinds={Kind.DOCUMENT}, sync=SYNC
    )
    return Firm(account, home, own_time)


@pytest.fixture
def three(firm: Firm) -> Firm:
    """Three invoices over 10, 20 and 30 lei and VAT, which the portal shows."""
    for price in (10, 20, 30):
        firm.account.issue(price)
    firm.run()
    firm.asked()
    return firm


@pytest.fixture
def engine(fresh: Any, open_engine: Callable[[str], Engine]) -> Engine:
    """A database without tables."""
    return open_engine(fresh.empty())


@pytest.fixture
def run(engine: Engine) -> Callable[..., None]:
    """Run statements, each in a transaction of its own."""

    def run(*statements: str, **values: Any) -> None:
        for statement in statements:
            with engine.execution_options(writes=True).begin() as connection:
                connection.execute(text(statement), values)

    return run


@pytest.fixture
def own(engine: Engine) -> Bookings:
    """A booking system in Accord's own tables."""
    database = BookingTables(engine, SystemClock())
    database.create_tables()
    return Bookings(database)


@pytest.fixture
def book(run: Callable[..., None]) -> Callable[..., None]:
    """Make a booking in Accord's own tables."""

    def book(
        key: str,
        start: str = "2026-11-26T10:00",
        end: str = "2026-11-26T11:00",
        zone: str = BUCHAREST,
        person: str = "ana",
    ) -> None:
        values = {"key": key, "person": person, "start": start, "end": end, "zone": zone}
        columns = "id, person, starts_at, ends_at, zone, title"
        run(f"INSERT INTO bookings ({columns}) VALUES (:key, :person, :start, :end, :zone, 'Tooth')", **values)

    return book


@pytest.fixture
def mapped(engine: Engine, run: Callable[..., None]) -> Callable[..., Bookings]:
    """Open a table of the user's; what is given replaces the types of its columns, and None leaves one out."""

    def mapped(outbox: Any = None, more: Any = (), **changed: str | None) -> Bookings:
        types: dict[str, str | None] = {
            "start": "TIMESTAMP",
            "end": "TIMESTAMP",
            "updated": "TIMESTAMP",
            "key": "TEXT PRIMARY KEY",
        }
        types = dict.fromkeys(("person", "zone", "title", "status"), "TEXT") | types
        types |= {"created": types["updated"], "version": "INTEGER"} | changed
        types = {field: type_ for field, type_ in types.items() if type_ is not None}
        columns = ", ".join(f"x_{field} {type_}" for field, type_ in types.items())
        run(f"CREATE TABLE visits ({columns})", "CREATE TABLE staff (who TEXT, system TEXT, mail TEXT)")
        raw: dict[str, Any] = {
            "booking": {"table": "visits", "columns": {field: f"x_{field}" for field in types}, **dict(more)},
            "person": {"table": "staff", "columns": {"person": "who", "account": "system", "calendar": "mail"}},
        }
        if outbox is not None:
            raw["outbox"] = outbox
        return Bookings(BookingTables(engine, SystemClock(), parse_mapping(raw)))

    return mapped


@pytest.fixture
def visit(run: Callable[..., None]) -> Callable[..., None]:
    """Put a row into that table; ... leaves a column out."""

    def visit(**values: Any) -> None:
        shown: dict[str, Any] = {
            "key": "b_1",
            "person": "ana",
            "title": "Tooth",
            "status": "booked",
            "version": 1,
            "zone": BUCHAREST,
        }
        shown |= {"updated": "2026-11-26 09:00:00", "start": "2026-11-26 10:00", "end": "2026-11-26 11:00"} | values
        shown = {field: value for field, value in shown.items() if value is not ...}
        names, marks = ", ".join(f"x_{name}" for name in shown), ", ".join(f":{name}" for name in shown)
        run(f"INSERT INTO visits ({names}) VALUES ({marks})", **shown)

    return visit
