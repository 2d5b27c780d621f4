"""`accord connect smartbill`: e-mail and token are tested at SmartBill before the connection is saved."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from accord.documents import Document, Origin
from accord.errors import Misconfigured
from accord.ledger.engine import Ledger
from accord.ports import Owner
from accord.records import Kind
from accord.systems.smartbill import Series
from blocks import SmartBillAccount
from deployments.connection import save_company
from tasks.workflows import INVOICES

FITS = {
    "base-url": "must be the address of SmartBill's API, and begin with https://, or the token would travel in the "
    "clear",
    "archive": "is of small letters, digits and dashes, 40 at most, such as main",
    "portal": "is of small letters, digits and dashes, 40 at most, such as main",
    "cif": "is the company's VAT id as it is registered in the account, such as RO90000014",
}
PRINTED = ("client", "currency", "issued_on", "net", "lines", "due_on")  # of which the last is not on every invoice


class Tested(NamedTuple):
    """What an account turned out to be."""

    owner: Owner
    series: list[Series]
    last: str | None  # the last invoice, of the series that gave out most numbers
    printed: list[str]  # fields of it that its PDF tells
    unknown: list[str]  # and those that it does not
    unsound: str | None  # why it can not be shown
    date: int | None  # SmartBill's own clock

    @property
    def refused(self) -> dict[str, str]:
        """What it may not read: nothing, since a token opens all of an account."""
        return {}

    @property
    def invoices(self) -> int:
        """How many numbers its series have given out, if each began with 1."""
        return sum(one.next_number - 1 for one in self.series)


def connect(name: str, given: dict[str, Any], as_json: bool) -> int:
    """Ask for the token, test it and save the connection; a saved one keeps the fields that are not given."""
    saved = save_company(INVOICES.route("smartbill", name), given, ("token", "SmartBill token"), FITS, _fits)
    account, tested = saved.account, saved.tested
    notes = [*_notes(tested), *saved.notes]
    if as_json:
        shown = {"connection": name, "portal": account.portal, "cif": account.cif, "invoices": tested.invoices}
        shown |= {"series": [{"name": one.name, "next": one.next_number} for one in tested.series]}
        shown |= {"last": tested.last, "printed": tested.printed, "unknown": tested.unknown}
        print(json.dumps(shown | {"saved": True, "rotated": saved.rotated, "notes": notes}, indent=2))
        return 0
    _tell(account, tested)
    print(saved.told)
    print("\n".join(notes))
    return 0


def try_out(account: SmartBillAccount, name: str, ledger: Ledger, _: Collection[Kind] = ()) -> Tested:
    """Ask SmartBill for the company's series, and for the last invoice of one, whatever is shown of them."""
    source = account.connect(f"smartbill/{name}", ledger, lambda _: None)
    try:
        series = source.series()
        longest = max(series, key=lambda one: one.next_number, default=None)
        last = source.last(longest) if longest and longest.next_number > 1 else None
    finally:
        source.close()
    found = None if last is None else last.record
    told = found.origins if isinstance(found, Document) else {}
    printed = [field for field in PRINTED if told.get(field) is Origin.PDF]
    return Tested(
        account.owner,
        series,
        None if last is None else last.key.rpartition("/")[0],
        printed,
        [field for field in PRINTED[:-1] if told.get(field) is Origin.UNKNOWN],
        None if last is None else last.unsound,
        source.date,
    )


def _fits(account: SmartBillAccount, name: str, ledger: Ledger) -> Tested:
    """Try it out. Raises Misconfigured where one of the series that are to be read is none of the company's."""
    tested = try_out(account, name, ledger)
    if missing := sorted({*account.series} - {one.name for one in tested.series}):
        raise Misconfigured(f"the company has no series of invoices called {' or '.join(missing)}; correct --series")
    return tested


def _tell(account: SmartBillAccount, tested: Tested) -> None:
    print(f"company {account.cif}")
    for one in tested.series:
        print(f"  {one.name:<22}next {one.next_number}")
    minutes = 2 * tested.invoices / account.rate_in_all / 60
    print(f"at most {tested.invoices:,} invoices; SmartBill's limit lets the first run read them in {minutes:,.0f} min")
    if tested.printed:
        print(f"the PDF of {tested.last} tells {', '.join(tested.printed)}")


def _notes(tested: Tested) -> list[str]:
    """What a person should know of what the PDFs of this account tell."""
    if tested.unsound is not None:
        return [f"note: {tested.last} can not be shown: {tested.unsound}"]
    if not tested.unknown:
        return []
    return [
        f"note: of {tested.last} nobody tells {', '.join(tested.unknown)}: its PDF does not say, or is laid out "
        "otherwise; accord import smartbill takes most of it from the report Facturi emise"
    ]
