"""Tax rates and ids: what is put on the lines of invoices, and on whom (docs.stripe.com/billing/taxes/tax-rates)."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from accord.sandbox.forms import words
from accord.sandbox.stripe.blanks import blank, stamped
from accord.sandbox.stripe.errors import bad_param
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

CREATE = frozenset(words("active country description display_name expand inclusive jurisdiction metadata percentage"))
UPDATE = frozenset(words("active description display_name expand jurisdiction metadata"))

OWN_ID = "RO90000014"
"""The VAT id of the account."""


def create(store: Store, _: str, p: Params) -> Obj:
    p.only(CREATE)
    percentage = p.need("percentage")
    try:
        number = float(Decimal(percentage))
    except InvalidOperation:
        raise bad_param("percentage", f"Invalid decimal: {percentage[:40]}") from None
    p.need("inclusive")
    fields: dict[str, Any] = {
        "active": p.flag("active", True),
        "display_name": p.need("display_name"),
        "inclusive": p.flag("inclusive"),
        "metadata": p.metadata(),
        "percentage": int(number) if number.is_integer() else number,
    } | p.changes("country", "description", "jurisdiction")
    return store.add(blank("tax_rate", store.new_id("txr"), stamped(store) | fields))


def update(store: Store, key: str, p: Params) -> Obj:
    """All but what invoices were counted with: percentage, and whether it is included."""
    p.only(UPDATE)
    rate = store.get("tax_rate", key, "tax_rate")
    fields = p.changes("description", "display_name", "jurisdiction")
    if "active" in p:
        fields["active"] = p.flag("active")
    if "metadata" in p:
        fields["metadata"] = p.metadata(rate["metadata"])
    store.amend(rate, **fields)
    return rate


def named(store: Store, p: Params, name: str = "tax_rates") -> list[Obj]:
    """The rates that a parameter lists by their ids."""
    return [store.get("tax_rate", key, f"{p.name(name)}[{n}]", 400) for n, key in enumerate(p.strings(name))]


def of(amount: int, rates: Iterable[Obj]) -> list[Obj]:
    """The taxes on a line of that amount, rounded half up."""
    return [_tax(amount, rate["id"], Decimal(str(rate["percentage"])), rate["inclusive"]) for rate in rates]


def _tax(amount: int, rate: str, percentage: Decimal, inclusive: bool) -> Obj:
    whole = 100 + percentage if inclusive else Decimal(100)
    tax = int((amount * percentage / whole).to_integral_value(ROUND_HALF_UP))
    return tax_of(rate, tax, amount - tax if inclusive else amount, inclusive)


def tax_of(rate: str, tax: int, taxable: int, inclusive: bool) -> Obj:
    return {
        "amount": tax,
        "tax_behavior": "inclusive" if inclusive else "exclusive",
        "tax_rate_details": {"tax_rate": rate},
        "taxability_reason": "not_available",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def sums(rows: Sequence[Obj]) -> dict[str, Any]:
    """What lines come to, as invoices and credit notes show it."""
    subtotal = sum(row["amount"] for row in rows)
    added: dict[str, Obj] = {}
    for tax in (tax for row in rows for tax in row["taxes"]):
        rate = tax["tax_rate_details"]["tax_rate"]
        seen = added.get(rate)
        more = {name: tax[name] + (seen[name] if seen else 0) for name in ("amount", "taxable_amount")}
        added[rate] = tax | more
    outside = sum(tax["amount"] for tax in added.values() if tax["tax_behavior"] == "exclusive")
    inside = sum(tax["amount"] for tax in added.values() if tax["tax_behavior"] == "inclusive")
    return {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - inside,
        "total": subtotal + outside,
        "total_excluding_tax": subtotal - inside,
        "total_taxes": list(added.values()),
    }


def register(store: Store) -> None:
    """The account is registered for VAT."""
    fields = {"country": "RO", "owner": {"type": "self"}, "type": "eu_vat", "value": OWN_ID}
    store.add(blank("tax_id", store.new_id("atxi"), stamped(store) | fields))


def ids(p: Params, name: str = "tax_id_data") -> list[Obj]:
    """The tax ids that a new customer comes with, as invoices show them."""
    return [{"type": one.need("type"), "value": one.need("value")} for one in p.groups(name)]
