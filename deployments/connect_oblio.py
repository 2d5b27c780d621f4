"""`accord connect oblio`: e-mail and secret are tested at Oblio before the connection is saved."""

import json
from collections.abc import Collection
from typing import Any, NamedTuple

from accord.ledger.engine import Ledger
from accord.ports import Owner
from accord.records import Kind
from accord.systems.oblio import Series
from blocks import OblioAccount
from deployments.connection import save_company
from tasks.workflows import INVOICES

FITS = {
    "base-url": "must be the address of Oblio's API, and begin with https://, or the secret would travel in the clear",
    "archive": "is of small letters, digits and dashes, 40 at most, such as main",
    "portal": "is of small letters, digits and dashes, 40 at most, such as main",
    "cif": "is the company's CIF, with or without RO, such as RO90000014",
    "email": "is the e-mail that the Oblio account is opened with",
}


class Tested(NamedTuple):
    """What an account turned out to be."""

    owner: Owner
    company: str
    cif: str
    series: list[Series]  # of invoices
    date: int | None  # Oblio's own clock

    @property
    def refused(self) -> dict[str, str]:
        """Lists that it may not read: none, since a secret opens all of an account."""
        return {}

    @property
    def invoices(self) -> int:
        """How many numbers its series have given out."""
        return sum(one.given for one in self.series)


def connect(name: str, given: dict[str, Any], as_json: bool) -> int:
    """Ask for the secret, test it and save the connection; a saved one keeps the fields that are not given."""
    saved = save_company(INVOICES.route("oblio", name), given, ("secret", "Oblio API secret"), FITS, try_out)
    account, tested = saved.account, saved.tested
    if as_json:
        shown = {"connection": name, "portal": account.portal, "company": tested.company, "cif": tested.cif}
        series = [{"name": one.name, "next": one.next, "given": one.given} for one in tested.series]
        shown |= {"series": series, "invoices": tested.invoices}
        print(json.dumps(shown | {"saved": True, "rotated": saved.rotated, "notes": saved.notes}, indent=2))
        return 0
    _tell(tested)
    print(saved.told)
    print("\n".join(saved.notes))
    return 0


def try_out(account: OblioAccount, name: str, ledger: Ledger, _: Collection[Kind] = ()) -> Tested:
    """Ask Oblio whose invoices these are, for their series, and for one page of them, whatever is shown of them."""
    source = account.connect(f"oblio/{name}", ledger, lambda _: None)
    try:
        company, owner = source.oblio.company(), source.owner()
        series = [one for one in source.oblio.series() if one.type == "Factura"]
        source.oblio.page(0)
    finally:
        source.close()
    return Tested(owner, company.name or "", company.vat_id or "", series, source.date)


def _tell(tested: Tested) -> None:
    print(f"{tested.company}, {tested.cif}")
    for one in tested.series:
        print(f"  {one.name:<22}{one.given:,} numbers given out, next {one.next}")
    print(f"about {tested.invoices:,} invoices; the first run reads them at about 250 a second")
