"""What a document comes to: lines rounded half up, each by itself, to the document's precision."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, NamedTuple

from accord.sandbox.oblio.errors import wrong

_HUNDRED = Decimal(100)


class Sum(NamedTuple):
    """Without VAT, the VAT, and both together."""

    net: Decimal
    vat: Decimal

    @property
    def gross(self) -> Decimal:
        return self.net + self.vat


def decimal(value: Any, field: str) -> Decimal:
    """A number or a text that is one; raises OblioError."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise wrong(field) from None
    if not number.is_finite() or abs(number) >= 10**12:
        raise wrong(field)
    return number


def rounded(number: Decimal, precision: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-precision), ROUND_HALF_UP)


def line(row: dict[str, Any], precision: int) -> Sum:
    """One product's line, from quantity, price and rate as they are kept."""
    amount = rounded(Decimal(row["quantity"]) * Decimal(row["price"]), precision)
    rate = Decimal(row["vatPercentage"]) / _HUNDRED
    if row["vatIncluded"] == "1":
        vat = amount - rounded(amount / (1 + rate), precision)
        return Sum(amount - vat, vat)
    return Sum(amount, rounded(amount * rate, precision))


def by_line(products: Sequence[dict[str, Any]], precision: int) -> list[Sum]:
    """All lines in order. A discount takes from the line above it, or from all above, with their VAT."""
    found: list[Sum] = []
    for row in products:
        if "discountType" not in row:
            found.append(line(row, precision))
            continue
        above = found if row["discountAllAbove"] == "1" else found[-1:]
        whole = sum((one.gross for one in above), Decimal(0))
        share = Decimal(row["discount"]) / (_HUNDRED if row["discountType"] == "procentual" else whole or Decimal(1))
        net = -rounded(sum((one.net for one in above), Decimal(0)) * share, precision)
        found.append(Sum(net, -rounded(whole * share, precision) - net))
    return found


def total(products: Sequence[dict[str, Any]], precision: int) -> Decimal:
    """What is to be paid, VAT included."""
    return sum((one.gross for one in by_line(products, precision)), Decimal(0))
