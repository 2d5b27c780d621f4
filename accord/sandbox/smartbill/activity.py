"""What a firm's day brings at SmartBill: an invoice, a payment, one taken back, one cancelled, one deleted."""

import random
from datetime import date
from decimal import Decimal

from accord.sandbox.smartbill import documents, seed
from accord.sandbox.smartbill.company import CIF, INVOICE, Company
from accord.sandbox.smartbill.payments import unpaid
from accord.sandbox.smartbill.shapes import ReverseRequest


def happen(company: Company, times: int) -> list[str]:
    """Let so many things happen today; what they were."""
    dice = random.Random(f"{company.version}")  # noqa: S311
    return [_one(company, dice) for _ in range(times)]


def _one(company: Company, dice: random.Random) -> str:
    day = date.fromisoformat(company.today())
    live = [row for row in company.of_type(INVOICE) if not (row["cancelled"] or row["reversed"] or row["reverses"])]
    open_ = [row for row in live if unpaid(row) > 0]
    what = dice.choices(("issued", "paid", "reversed", "cancelled", "deleted"), (5, 4, 1, 1, 1))[0]
    if what == "issued" or not open_:
        row, what = seed.issue(company, dice, day, dice.choice(("WEB", "AB-2"))), "issued"
    elif what == "paid":
        row = dice.choice(open_)
        half = unpaid(row) if dice.random() < 0.7 else round(unpaid(row) / 2, 2)
        documents.pay(company, row, max(half, Decimal("0.01")), "Ordin plata", day.isoformat())
    elif what == "cancelled":
        row = dice.choice(open_)
        documents.cancel(company, row)
    elif what == "reversed":
        row = dice.choice(live)
        name = {"series_name": row["series"], "number": row["number"]}
        documents.reverse(company, ReverseRequest(company_vat_code=CIF, **name), "/reverse")
    else:
        row = seed.issue(company, dice, day, "WEB")
        documents.delete(company, row)
        row, what = seed.issue(company, dice, day, "WEB"), "deleted and its number given out again"
    return f"{row['series']}{row['number']} {what}"
