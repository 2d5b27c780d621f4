"""What a benchmark runs against: the fake Stripe, a standing Prefect server, and an empty ledger and accounts."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from pydantic import HttpUrl, SecretStr

from accord import settings
from accord.clock import SystemClock
from accord.ledger.cipher import new_key
from accord.ledger.upgrade import upgrade
from accord.records import Kind
from accord.systems.accounts_tables import default_mapping
from blocks import AccountsDatabase, StripeAccount

MONEY = (Kind.CUSTOMER, Kind.PAYMENT, Kind.REFUND, Kind.DISPUTE, Kind.LEG)
RESOURCES = {  # what the fake lists for each kind
    Kind.CUSTOMER: "customers",
    Kind.INVOICE: "invoices",
    Kind.INTENT: "payment_intents",
    Kind.PAYMENT: "charges",
    Kind.REFUND: "refunds",
    Kind.LEG: "balance_transactions",
}
START_WITHIN = 180.0  # seconds


def accounts_block(folder: Path, kinds: str) -> AccountsDatabase:
    """The accounts of one scene: all kinds, or the payments with what they need and what they came to."""
    own = {str(kind): {"table": table.table, "columns": table.columns} for kind, table in default_mapping().items()}
    mapping = None if kinds == "all" else {kind: own[kind] for kind in MONEY}
    return AccountsDatabase(url=SecretStr(f"sqlite:///{folder / 'accounts.db'}"), mapping=mapping)


def stripe_block(url: str, rps: float) -> StripeAccount:
    """The fake as a Stripe account; a rate of 0 is none."""
    account = StripeAccount(api_key=SecretStr("sk_test_benchmark"), base_url=HttpUrl(url))
    account.rate_per_endpoint = account.rate_in_all = rps or None
    return account


def environment(home: Path, port: int) -> dict[str, str]:
    """What every process of the benchmark needs to know."""
    return {
        settings.LEDGER_KEY: new_key(),
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PYTHONDONTWRITEBYTECODE": "",  # without bytecode, importing alone takes twice as long
    }


class Servers:
    """The fake Stripe and the Prefect server, as children that are ended by their process ids."""

    def __init__(self, home: Path) -> None:
        self._home, self._running = home, list[subprocess.Popen[bytes]]()

    def start(self, name: str, *command: str) -> None:
        """Run a command; its output goes to NAME.log."""
        with (self._home / f"{name}.log").open("wb") as log:
            self._running.append(subprocess.Popen([sys.executable, *command], stdout=log, stderr=log))

    def wait(self, url: str) -> None:
        """Until the URL answers."""
        ends = time.monotonic() + START_WITHIN
        while not _answers(url):
            if time.monotonic() > ends or any(child.poll() is not None for child in self._running):
                raise SystemExit(f"{url} does not answer; look at the logs in {self._home}")
            time.sleep(0.2)

    def stop(self) -> None:
        """End them all."""
        for child in self._running:
            child.terminate()
        for child in self._running:
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def ask(url: str, body: object = None) -> Any:
    """The JSON that a server answers with."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.loads(answer.read())


def prepare(folder: Path, url: str, kinds: str, rps: float) -> None:
    """A new ledger and new accounts, and the blocks that name them; the fake is as at its start."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ[settings.LEDGER_URL] = f"sqlite:///{folder / 'ledger.db'}"
    ledger = settings.open_ledger()
    upgrade(ledger.engine)
    ledger.engine.dispose()
    for block in (accounts_block(folder, "all"), accounts_block(folder, kinds)):
        accounts = block.connect(SystemClock())
        accounts.create_tables()
        accounts.check()
        accounts.close()
    accounts_block(folder, kinds).save("main", overwrite=True)
    stripe_block(url, rps).save("main", overwrite=True)
    ask(f"{url}/_admin/reset")
