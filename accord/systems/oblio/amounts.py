"""Oblio's texts as numbers, exactly, and what lines come to; pure."""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from accord.money import exponent
from accord.systems.oblio.shapes import Product, Scalar

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,8})?", re.ASCII)
_LARGEST = 10**15  # smallest units: sums of such fit into 64 bits


class Unsound(Exception):
    """The row is not what it should be; the text names the field and holds no value."""


class Sum(NamedTuple):
    """A line in smallest units."""

    net: int
    vat: int

    @property
    def total(self) -> int:
        return self.net + self.vat


def decimal(text: str, field: str) -> Decimal:
    """A decimal number in plain digits; raises Unsound."""
    if _NUMBER.fullmatch(text) is None:
        raise Unsound(f"Text that is no decimal number - at `$.{field}`")
    return Decimal(text)


def minor(text: str, currency: str, field: str) -> int:
    """An amount in the currency's smallest unit; raises Unsound where it is finer than that."""
    scaled = decimal(text, field).scaleb(exponent(currency))
    whole = int(scaled)
    if whole != scaled:
        raise Unsound(f"Amount with more decimals than its currency has - at `$.{field}`")
    if abs(whole) > _LARGEST:
        raise Unsound(f"Amount that is too large - at `$.{field}`")
    return whole


def written(value: Scalar) -> str | None:
    """A scalar of undocumented type as text; None where there is none."""
    return None if value is None or value == "" or isinstance(value, bool) else str(value)


def included(value: Scalar) -> bool | None:
    """Whether prices include VAT, where that is told."""
    return {"1": True, "0": False}.get(str(int(value) if isinstance(value, bool) else value))


def by_line(products: Sequence[Product], currency: str, total: int) -> list[Sum] | None:
    """What each line comes to, rounded half up by itself; None where a line tells too little, or they do not add up.

    Rounding is not documented: a smallest unit more or less is taken for each line. Discounts are not among the lines
    that Oblio lists, so an invoice with one does not add up.
    """
    found = []
    for product in products:
        one = _line(product, currency)
        if one is None:
            return None
        found.append(one)
    return found if abs(sum(one.total for one in found) - total) <= len(found) else None


def _line(product: Product, currency: str) -> Sum | None:
    price, rate, with_vat = written(product.price), written(product.vatPercentage), included(product.vatIncluded)
    if price is None or rate is None or with_vat is None:
        return None
    if not all(_NUMBER.fullmatch(text) for text in (price, rate, product.quantity)):
        return None
    amount = _rounded((Decimal(product.quantity) * Decimal(price)).scaleb(exponent(currency)))
    share = Decimal(rate) / 100
    if with_vat:
        vat = amount - _rounded(amount / (1 + share)) if share > -1 else 0
        return Sum(amount - vat, vat)
    return Sum(amount, _rounded(amount * share))


def _rounded(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_HALF_UP))
