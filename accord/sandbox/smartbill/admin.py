"""The sandbox's own switches beside SmartBill's API, below `/_admin`: faults, behaviour, truth, clock, the export."""

from decimal import Decimal
from typing import Any

import msgspec

from accord.sandbox import switches
from accord.sandbox.smartbill.activity import happen
from accord.sandbox.smartbill.company import ESTIMATE, INVOICE
from accord.sandbox.smartbill.export import export
from accord.sandbox.smartbill.service import SmartBill
from accord.sandbox.wire import Answer, Ask

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def answer(smartbill: SmartBill, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    return switches.answer(_SWITCHES, smartbill, ask)


def _behaviour(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    changed = msgspec.to_builtins(smartbill.behaviour) | given
    smartbill.behaviour = msgspec.convert(changed, type(smartbill.behaviour), strict=False)
    return smartbill.behaviour


def _limit(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    """Switch the limit with calls=30 or calls=0 (none); release=1 ends all blocks."""
    if "calls" in given:
        calls = int(given["calls"])
        if not 0 <= calls <= 1_000_000:
            raise ValueError("calls is the number of calls in 10 seconds, or 0 for no limit")
        smartbill.limits.most = calls or None
    if given.get("release") in ("1", "true", True):
        smartbill.limits.release()
    return {"calls": smartbill.limits.most or 0, "seconds": 10, "blocks": smartbill.limits.blocks}


def _stats(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    return switches.stats(smartbill, given, _) | {"blocks": smartbill.limits.blocks}


def truth(smartbill: SmartBill, _: dict[str, Any], __: str) -> Any:
    """What a reader of everything would have to find."""
    company = smartbill.company
    invoices = company.of_type(INVOICE)
    sums: dict[str, Decimal] = {}
    for row in invoices:
        sums[row["currency"]] = sums.get(row["currency"], Decimal(0)) + Decimal(row["total"])
    return {
        "now": int(company.now()),
        "series": list(company.series.values()),
        "invoices": len(invoices),
        "estimates": len(company.of_type(ESTIMATE)),
        "payments": len(company.payments),
        "cancelled": sum(1 for row in invoices if row["cancelled"]),
        "stornos": sum(1 for row in invoices if row["reverses"]),
        "totals": {currency: str(total) for currency, total in sorted(sums.items())},
    }


def _activity(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    return {"happened": happen(smartbill.company, switches.times(given))}


def _documents(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    return {"documents": smartbill.company.of_type(str(given.get("type", INVOICE)))}


def _export(smartbill: SmartBill, _: dict[str, Any], __: str) -> Answer:
    headers = {"content-type": _XLSX, "content-disposition": 'attachment; filename="facturi-emise.xlsx"'}
    return Answer(200, headers, export(smartbill.company))


_SWITCHES: dict[tuple[str, str], switches.Switch] = {
    **switches.of_faults("/smartbill"),
    ("GET", "behaviour"): lambda smartbill, _, __: smartbill.behaviour,
    ("POST", "behaviour"): _behaviour,
    ("GET", "limit"): _limit,
    ("POST", "limit"): _limit,
    ("GET", "stats"): _stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): switches.clock,
    ("POST", "clock"): switches.clock,
    ("POST", "activity"): _activity,
    ("GET", "documents"): _documents,
    ("GET", "export.xlsx"): _export,
}
