"""`accord connect invoices`: by which terms settled payments are given invoices, tested before they are saved."""

import json
from typing import Any

from accord import settings
from accord.errors import Misconfigured
from accord.ledger import actions
from blocks import InvoiceIssuing, StripeAccount
from deployments import server
from deployments.connection import fitting, kept, nothing_saved, require_name
from tasks.actions import issuer_of
from tasks.workflows import PAYMENTS, find_block, load_block

FITS = {
    "since": "is a day, such as 2026-12-01: payments made before it are given no invoice",
    "account": "is of small letters, digits and dashes, 40 at most, such as main",
    "vat-rate": "is in percent, such as 21",
}


def connect(name: str, given: dict[str, Any], as_json: bool) -> int:
    """Save the terms, and have the payments of the Stripe account of the same name given invoices by them."""
    require_name(name)
    ledger = settings.current_ledger()
    with server.opened():
        account = load_block(StripeAccount, name)
        if account.accounts is None:
            raise Misconfigured(
                f"the payments of {name} are not followed; first: accord connect stripe --accounts main"
            )
        issuing = fitting(InvoiceIssuing, kept(find_block(InvoiceIssuing, name)) | given, FITS)
        sync = PAYMENTS.route("stripe", name).sync(account.accounts)
        with nothing_saved():
            issuer = issuer_of(issuing, sync, account, ledger, note=False)
            try:
                issuer.admit()
                issuer.check()
            finally:
                issuer.close()
        issuing.save(name, overwrite=True)
        account.issues = name
        account.save(name, overwrite=True)
    if as_json:
        print(json.dumps({"connection": name, "issuing": name, "system": issuing.system, "saved": True}, indent=2))
    else:
        print(f"saved as InvoiceIssuing/{name}; from the next run on, payments of {name} made since {issuing.since}")
        print(f"which belong to no invoice are given one at {issuing.system}/{issuing.account}")
        print(f"to end it: accord connect invoices --name {name} --off")
    return 0


def disconnect(name: str, as_json: bool) -> int:
    """Have no more invoices issued for the payments of a connection; what is under way is told."""
    ledger = settings.current_ledger()
    with server.opened():
        account = load_block(StripeAccount, name)
        if account.issues is None:
            raise Misconfigured(f"no invoices are issued for the payments of {name}")
        account.issues = None
        account.save(name, overwrite=True)
    under_way = ledger.read(lambda c: actions.listed(c, ("wanted", "sending"), f"stripe/{name}"))
    if as_json:
        print(json.dumps({"connection": name, "issuing": None, "under_way": len(under_way)}, indent=2))
    else:
        print(f"{name} issues no more invoices")
        if under_way:
            print(f"note: {len(under_way)} are under way, and stay so; look at: accord actions list")
    return 0
