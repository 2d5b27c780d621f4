"""`accord connect stripe`: a key is tested at Stripe before the connection is saved."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from prefect.client.orchestration import SyncPrefectClient
from pydantic import SecretStr

from accord import settings
from accord.errors import Misconfigured
from accord.identity import assign
from accord.ledger.engine import Ledger
from accord.ports import Owner, Source
from accord.records import Kind
from accord.sync import EVENT
from accord.systems.stripe import PATHS, NotPermitted
from blocks import AccountsDatabase, StripeAccount
from deployments import server
from deployments.ask import secret
from deployments.connection import fitting, is_saved, kept, next_steps, nothing_saved, require_name
from tasks.workflows import INVOICES, PAYMENTS, Route, find_block

FITS = {
    "base-url": "must be the address of Stripe's API, and begin with https://, or the key would travel in the clear",
    "archive": "is of small letters, digits and dashes, 40 at most, such as main",
    "portal": "is of small letters, digits and dashes, 40 at most, such as main",
    "accounts": "is of small letters, digits and dashes, 40 at most, such as main",
}


class Tested(NamedTuple):
    """What a key turned out to be."""

    owner: Owner
    readable: list[str]  # lists
    refused: dict[str, str]  # list -> why
    date: int | None  # Stripe's own clock


def connect(name: str, given: dict[str, Any], as_json: bool) -> int:
    """Ask for a key, test it and save the connection; a saved one keeps the fields that are not given."""
    require_name(name)
    ledger = settings.current_ledger()
    with server.opened() as client:
        saved = find_block(StripeAccount, name)
        account = _account(name, saved, secret("Stripe API key"), given)
        accounts = None if account.accounts is None else find_block(AccountsDatabase, account.accounts)
        target = None if accounts is None else accounts.connect(ledger.clock)
        if target is not None:
            target.close()
        kinds = {*(PATHS if target is None else target.kinds)} if account.accounts else set()
        kinds |= {Kind.DOCUMENT} if account.portal else set()
        with nothing_saved():
            INVOICES.route("stripe", name).archive(account)
            tested = try_out(account, name, ledger, kinds)
        shown = {"connection": name, "accounts": account.accounts, **tested.owner._asdict()}
        shown |= {"readable": tested.readable, "refused": tested.refused}
        if not as_json:
            _tell(tested)
        if tested.refused:
            if as_json:
                print(json.dumps(shown | {"saved": False}, indent=2))
            raise Misconfigured("nothing was saved: give the key these permissions, or take another one")
        goes = {PAYMENTS.route("stripe", name): account.accounts} if account.accounts else {}
        goes |= {INVOICES.route("stripe", name): account.portal} if account.portal else {}
        in_use = {one.source for one in (*server.connections(client), *goes)}
        for of, to in goes.items():
            assign(of.sync(to), ledger, tested.owner, in_use)
        account.save(name, overwrite=True)
        notes = _notes(client, goes, ledger, tested)
    if as_json:
        print(json.dumps(shown | {"saved": True, "rotated": saved is not None, "notes": notes}, indent=2))
        return 0
    print(is_saved(PAYMENTS.route("stripe", name), saved, "key"))
    print("\n".join(notes))
    return 0


def _account(name: str, saved: StripeAccount | None, key: str, given: dict[str, Any]) -> StripeAccount:
    """The block as it would be saved: what is given, else as it is saved, else the defaults."""
    account = fitting(StripeAccount, kept(saved, "api_key") | given | {"api_key": SecretStr(key)}, FITS)
    if not account.accounts and not account.portal:
        raise Misconfigured("nothing of the account would be followed; say --accounts NAME or --portal NAME")
    if not account.accounts and account.issues:
        raise Misconfigured(f"invoices are issued for its payments; first: accord connect invoices --name {name} --off")
    other = "live" if account.mode == "test" else "test"
    if key[2:8] == f"_{other}_":
        how = f"say --mode {other}" if saved is None else f"connect it under another --name, with --mode {other}"
        raise Misconfigured(f"this is a key of {other} mode, and the connection is in {account.mode} mode; {how}")
    return account


def try_out(account: StripeAccount, name: str, ledger: Ledger, kinds: Collection[Kind]) -> Tested:
    """Ask Stripe whose key it is, and one page of each list that is read for these kinds."""
    stripe = account.connect(f"stripe/{name}", ledger, lambda _: None)
    invoices = account.connect_invoices(f"stripe/{name}", ledger, lambda _: None)
    lists = [*(kind for kind in PATHS if kind in kinds), EVENT]
    try:
        owner = stripe.owner()
        refused = {_called(one): why for one in lists if (why := _refusal(stripe, one))}
        if Kind.DOCUMENT in kinds:
            lists.append(Kind.DOCUMENT)
            if why := _refusal(invoices, Kind.DOCUMENT):
                refused[_called(Kind.DOCUMENT)] = why
    finally:
        stripe.close()
        invoices.close()
    return Tested(owner, [_called(one) for one in lists if _called(one) not in refused], refused, stripe.date)


def _refusal(source: Source, stream: str) -> str | None:
    """Why the key may not read a list, or None."""
    try:
        source.page(stream, None, None, None)
    except NotPermitted as error:
        return str(error)
    return None


def _called(stream: str) -> str:
    """A list as Stripe calls it: "balance transactions"."""
    if stream == Kind.DOCUMENT:
        return "credit notes"  # with the invoices
    return PATHS.get(stream, "/v1/events").removeprefix("/v1/").replace("_", " ")


def _tell(tested: Tested) -> None:
    print(tested.owner)
    for one in tested.readable:
        print(f"  {one:<22}may be read")
    for one, why in tested.refused.items():
        print(f"  {one:<22}may NOT be read: {why}")


def _notes(client: SyncPrefectClient, goes: Mapping[Route, str], ledger: Ledger, tested: Tested) -> Sequence[str]:
    """What the person should know, and do next; `goes` names the target of each workflow that reads the account."""
    notes = []
    if tested.owner.account is None:
        notes.append(
            "note: the key may not read the account itself, so a key of another account would not be recognised; "
            "in Stripe's dashboard, give it the permission to read the account"
        )
    for of, to in goes.items():
        notes += next_steps(client, of, to, ledger)
    return [*dict.fromkeys(notes)]
