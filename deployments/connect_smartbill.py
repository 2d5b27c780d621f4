"""`accord connect smartbill`: e-mail and token are tested at SmartBill before the connection is saved."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from pydantic import SecretStr

from accord import settings
from accord.documents import Document, Origin
from accord.errors import Misconfigured
from accord.identity import assign
from accord.ledger.engine import Ledger
from accord.ports import Owner
from accord.records import Kind
from accord.systems.smartbill import Series
from blocks import SmartBillAccount
from deployments import server
from deployments.ask import secret
from deployments.connection import fitting, next_steps, nothing_saved, require_name
from tasks.workflows import INVOICES, find_block

FITS = {
    "base-url": "must be the address of SmartBill's API, and begin with https://, or the token would travel in the "
    "clear",
    "archive": "is of small letters, digits and dashes, 40 at most, such as main",
    "portal": "is of small letters, digits and dashes, 40 at most, such as main",
    "cif": "is the company's VAT id as it is registered in the account, such as RO90000014",
}
KEPT = ("email", "cif", "series", "base_url", "portal", "archive", "rate_in_all")
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
    require_name(name)
    ledger = settings.current_ledger()
    with server.opened() as client:
        kept = find_block(SmartBillAccount, name)
        before = {} if kept is None else {field: getattr(kept, field) for field in KEPT}
        if missing := [f"--{field}" for field in ("email", "cif") if field not in before | given]:
            raise Misconfigured(f"a new connection needs {' and '.join(missing)}")
        asked = {"token": SecretStr(secret("SmartBill token"))}
        account = fitting(SmartBillAccount, before | given | asked, FITS)
        with nothing_saved():
            tested = try_out(account, name, ledger)
            _require_series(account, tested)
        of = INVOICES.route("smartbill", name)
        in_use = {one.source for one in (*server.connections(client), of)}
        assign(of.sync(account.portal), ledger, tested.owner, in_use)
        account.save(name, overwrite=True)
        block = INVOICES.find_target(account.portal)
        target = None if block is None else INVOICES.open_target(block, account.portal, ledger)
        notes = [*_notes(tested), *next_steps(client, of, account.portal, target)]
    if as_json:
        shown = {"connection": name, "portal": account.portal, "cif": account.cif, "invoices": tested.invoices}
        shown |= {"series": [{"name": one.name, "next": one.next_number} for one in tested.series]}
        shown |= {"last": tested.last, "printed": tested.printed, "unknown": tested.unknown}
        print(json.dumps(shown | {"saved": True, "rotated": kept is not None, "notes": notes}, indent=2))
        return 0
    _tell(account, tested)
    print(f"the new token of {name} is saved; runs take it up at once" if kept else f"saved as SmartBillAccount/{name}")
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


def _require_series(account: SmartBillAccount, tested: Tested) -> None:
    """Raise Misconfigured where one of the series that are to be read is none of the company's."""
    if missing := sorted({*account.series} - {one.name for one in tested.series}):
        raise Misconfigured(f"the company has no series of invoices called {' or '.join(missing)}; correct --series")


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
