"""The sandbox's own switches beside SmartBill's API, below `/_admin`: faults, behaviour, truth, clock, the export."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from accord.sandbox.forms import Malformed, decode
from accord.sandbox.smartbill.activity import happen
from accord.sandbox.smartbill.company import ESTIMATE, INVOICE
from accord.sandbox.smartbill.export import export
from accord.sandbox.smartbill.service import SmartBill
from accord.sandbox.wire import Answer, Ask

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MOST_ACTIVITY = 1_000

Switch = Callable[[SmartBill, dict[str, Any], str], Any]


def answer(smartbill: SmartBill, ask: Ask) -> Answer:
    """Answer a request below `/_admin`; anything wrong with it is a 400 that says what."""
    _, _, what, *rest = [*ask.path.split("/"), ""]
    switch = _SWITCHES.get((ask.method, what))
    if switch is None:
        known = sorted(f"{method} /_admin/{name}" for method, name in _SWITCHES)
        return _json(404, {"error": f"no such switch; there are {', '.join(known)}"})
    try:
        found = switch(smartbill, _given(ask), rest[0])
    except (Malformed, ValueError) as error:
        return _json(400, {"error": str(error)})
    return found if isinstance(found, Answer) else _json(200, found)


def _json(status: int, body: Any) -> Answer:
    return Answer(status, {"content-type": "application/json"}, msgspec.json.encode(body))


def _given(ask: Ask) -> dict[str, Any]:
    """Parameters from the query and from a body that is a form or a JSON object."""
    given = decode(ask.query)
    if ask.body and ask.headers.get("content-type", "").startswith("application/json"):
        return given | msgspec.json.decode(ask.body, type=dict[str, Any])
    return given | decode(ask.body.decode()) if ask.body else given


def _add_fault(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    path = given.get("path", "")
    if isinstance(path, str):
        given["path"] = path.removeprefix("/smartbill")
    return smartbill.faults.add(given)


def _clear_faults(smartbill: SmartBill, _: dict[str, Any], number: str) -> Any:
    return {"cleared": smartbill.faults.clear(int(number) if number else None)}


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
    shown = smartbill.stats.shown() | {"blocks": smartbill.limits.blocks}
    if given.get("reset") in ("1", "true"):
        smartbill.stats.reset()
    return shown


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


def _clock(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    if "seconds" in given or "days" in given:
        smartbill.clock.forward(float(given.get("seconds", 0)) + 86_400 * float(given.get("days", 0)))
    return {"now": int(smartbill.clock.now()), "moved_forward": smartbill.clock.offset}


def _activity(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    times = int(given.get("n", 5))
    if not 1 <= times <= _MOST_ACTIVITY:
        raise ValueError(f"n is between 1 and {_MOST_ACTIVITY}")
    return {"happened": happen(smartbill.company, times)}


def _documents(smartbill: SmartBill, given: dict[str, Any], _: str) -> Any:
    return {"documents": smartbill.company.of_type(str(given.get("type", INVOICE)))}


def _export(smartbill: SmartBill, _: dict[str, Any], __: str) -> Answer:
    headers = {"content-type": _XLSX, "content-disposition": 'attachment; filename="facturi-emise.xlsx"'}
    return Answer(200, headers, export(smartbill.company))


_SWITCHES: dict[tuple[str, str], Switch] = {
    ("GET", "faults"): lambda smartbill, _, __: {"faults": smartbill.faults.on()},
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "behaviour"): lambda smartbill, _, __: smartbill.behaviour,
    ("POST", "behaviour"): _behaviour,
    ("GET", "limit"): _limit,
    ("POST", "limit"): _limit,
    ("GET", "stats"): _stats,
    ("GET", "truth"): truth,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _clock,
    ("POST", "activity"): _activity,
    ("GET", "documents"): _documents,
    ("GET", "export.xlsx"): _export,
}
