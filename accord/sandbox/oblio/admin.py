"""The sandbox's own switches beside Oblio's API, below `/_admin`: faults, settings, counters, truth, activity."""

import random
from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec

from accord.sandbox import switches
from accord.sandbox.oblio import lists, shop
from accord.sandbox.oblio.errors import OblioError
from accord.sandbox.oblio.limits import Settings
from accord.sandbox.oblio.service import Oblio
from accord.sandbox.wire import Answer, Ask


def answer(oblio: Oblio, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    return switches.answer(_SWITCHES, oblio, ask, (OblioError,))


def _set(oblio: Oblio, given: dict[str, Any], _: str) -> Any:
    """Change settings; those that are not named stay."""
    oblio.settings = msgspec.convert(msgspec.to_builtins(oblio.settings) | given, Settings, strict=False)
    oblio.store.version += 1
    return oblio.settings


def truth(oblio: Oblio, _: dict[str, Any], __: str) -> Any:
    """What a reader of everything would have to find: counts, and the sums of all invoices by currency."""
    companies: dict[str, Any] = {}
    for company in oblio.store.companies.values():
        rows = list(company.documents.values())
        sums: dict[str, Decimal] = {}
        for row in (row for row in rows if row["type"] == "Factura" and row["canceled"] == "0"):
            sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + Decimal(row["total"])
        companies[company.cif] = {
            "company": company.name,
            "counts": dict(sorted(Counter(row["type"] for row in rows).items())),
            "cancelled": sum(row["canceled"] == "1" for row in rows),
            "stornos": sum(row["storno"] == "1" for row in rows),
            "totals": {currency: str(amount) for currency, amount in sorted(sums.items())},
        }
    return {"now": int(oblio.clock.now()), "companies": companies}


def _activity(oblio: Oblio, given: dict[str, Any], _: str) -> Any:
    times = switches.times(given)
    dice = random.Random(f"{oblio.store.seed} {oblio.store.version}")  # noqa: S311
    return {"happened": [shop.live(oblio, dice) for _ in range(times)]}


def _revoke(oblio: Oblio, _: dict[str, Any], __: str) -> Any:
    oblio.store.version += 1
    return {"revoked": oblio.tokens.revoke()}


def _rows(oblio: Oblio, given: dict[str, Any], kind: str) -> Any:
    """A list as the API gives it, without a token, for a look in the browser."""
    if kind not in ("invoice", "proforma", "notice"):
        raise ValueError("no such list; there are invoice, proforma and notice")
    given = {"cif": shop.CIF, "withProducts": "1", "withCollects": "1", "withEinvoiceStatus": "1"} | given
    company = oblio.store.company(given["cif"])
    return msgspec.Raw(lists.page(oblio.store, company, kind, given, "", lists.View()))


_SWITCHES: dict[tuple[str, str], switches.Switch] = {
    **switches.of_faults("/oblio"),
    ("GET", "settings"): lambda oblio, _, __: oblio.settings,
    ("POST", "settings"): _set,
    ("GET", "stats"): switches.stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): switches.clock,
    ("POST", "clock"): switches.clock,
    ("POST", "activity"): _activity,
    ("POST", "revoke"): _revoke,
    ("GET", "lists"): _rows,
}
