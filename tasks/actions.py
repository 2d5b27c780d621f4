"""Which actions a sync has: an invoice for each payment, where its block says so, and those of the user's own."""

import calendar
from collections.abc import Collection
from functools import partial
from importlib.metadata import entry_points
from typing import Any

from accord.actions import Action
from accord.errors import AccordError, Misconfigured
from accord.identity import require_same_account, require_same_issuer, require_still_the_same
from accord.invoicing import IssueInvoice
from accord.ledger.engine import Ledger
from accord.records import Kind
from accord.sync import Sync
from blocks import InvoiceIssuing
from tasks.workflows import WORKFLOWS, load_block

GROUP = "accord.actions"


def declared(sync: Sync, account: Any, ledger: Ledger, kinds: Collection[Kind]) -> tuple[Action, ...]:
    """The actions of a sync, whose connection has the block `account`, on records of these kinds; mostly none.

    A project adds its own by an entry point of the group `accord.actions`, a function `(sync: Sync, ledger: Ledger) ->
    Iterable[Action]`. Raises Misconfigured where one can not be made.
    """
    all_ = [action for point in entry_points(group=GROUP) for action in _of(point, sync, ledger)]
    if (name := getattr(account, "issues", None)) is not None:
        all_.append(_invoices(load_block(InvoiceIssuing, name), sync, account, ledger))
    return tuple(action for action in all_ if action.kind in kinds)


def _of(point: Any, sync: Sync, ledger: Ledger) -> tuple[Action, ...]:
    try:
        return tuple(point.load()(sync, ledger))
    except AccordError:
        raise
    except Exception as error:
        what = f"the entry point {point.name} of {GROUP} ({point.value}) fails"
        raise Misconfigured(f"{what}: {type(error).__name__}; mend it, or uninstall its package") from error


def _invoices(issuing: InvoiceIssuing, sync: Sync, account: Any, ledger: Ledger) -> IssueInvoice:
    since = calendar.timegm(issuing.since.timetuple())
    payments = account.payments(sync.connection, ledger, partial(require_same_account, sync, ledger))
    return IssueInvoice(since, payments, issuer_of(issuing, sync, account, ledger), ledger.clock)


def issuer_of(issuing: InvoiceIssuing, sync: Sync, account: Any, ledger: Ledger, note: bool = True) -> Any:
    """The account that issues invoices by these terms; `note` is whether whose it is may be noted.

    Raises Misconfigured where it is not there.
    """
    blocks = {reads.system: reads.block for one in WORKFLOWS.values() for reads in one.reads}
    if issuing.system not in blocks:
        raise Misconfigured(f"no workflow knows the system {issuing.system}, which is to issue invoices")
    name = f"{issuing.system}/{issuing.account}"
    if issuing.system == "stripe" and name != sync.connection:
        raise Misconfigured(f"Stripe issues invoices to its own customers: set account to {sync.connection[7:]}")
    if name == sync.connection:
        admit = partial(require_same_account if note else require_still_the_same, sync, ledger)
        return account.issuer(name, ledger, issuing.terms, admit)
    books: Any = load_block(blocks[issuing.system], issuing.account)
    return books.issuer(name, ledger, issuing.terms, partial(require_same_issuer, name, ledger, note=note))
