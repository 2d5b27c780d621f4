"""What each round begins with: an empty ledger, empty accounts, the blocks that name them, and the fake as it was."""

import json
import os
import shutil
import urllib.request
from pathlib import Path
from typing import Any

from pydantic import HttpUrl, SecretStr

from accord import settings
from accord.clock import SystemClock
from accord.ledger.upgrade import upgrade
from accord.records import Kind
from accord.systems.accounts import LAYOUT
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


def accounts_block(folder: Path, kinds: str) -> AccountsDatabase:
    """The accounts of one scene: all kinds, or the payments with what they need and what they came to."""
    own = {
        str(kind): {"table": table.table, "columns": table.columns} for kind, table in LAYOUT.default_mapping().items()
    }
    mapping = None if kinds == "all" else {kind: own[kind] for kind in MONEY}
    return AccountsDatabase(url=SecretStr(f"sqlite:///{folder / 'accounts.db'}"), mapping=mapping)


def stripe_block(url: str, rps: float) -> StripeAccount:
    """The fake as a Stripe account; a rate of 0 is none."""
    account = StripeAccount(api_key=SecretStr("sk_test_benchmark"), base_url=HttpUrl(url))
    account.rate_per_endpoint = account.rate_in_all = rps or None
    return account


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
