"""What the lines of a document come to; amounts are decimals, and texts where they are kept."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from accord.sandbox.smartbill.shapes import Product

_CENT = Decimal("0.01")


def rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def line(product: Product) -> dict[str, Any]:
    """A product as a line of the document."""
    quantity, price = product.quantity or Decimal(0), product.price or Decimal(0)
    rate = (product.tax_percentage or Decimal(0)) / 100
    if product.is_tax_included:
        total = rounded(quantity * price)
        net = total - rounded(total - total / (1 + rate))
        price = rounded(price / (1 + rate))
    else:
        net = rounded(quantity * price)
        total = net + rounded(net * rate)
    return {
        "name": product.name,
        "code": product.code,
        "quantity": f"{quantity:f}",
        "unit": product.measuring_unit_name,
        "price": f"{price:.2f}" if price == rounded(price) else f"{price:f}",
        "vat_name": product.tax_name,
        "vat_rate": f"{product.tax_percentage or Decimal(0):f}",
        "net": str(net),
        "vat": str(total - net),
    }


def discount(product: Product, before: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """A discount on the lines before it; without `numberOfItems` it is passed over in silence."""
    if not product.number_of_items:
        return None
    base = sum((Decimal(row["net"]) for row in before[-product.number_of_items :]), Decimal(0))
    value = product.discount_value if product.discount_type == 1 else -base * product.discount_percentage / 100
    return line(
        Product(
            name=product.name or "Discount",
            measuring_unit_name=product.measuring_unit_name,
            quantity=Decimal(1),
            price=rounded(value),
            tax_name=product.tax_name,
            tax_percentage=product.tax_percentage,
        )
    )


def totals(lines: Sequence[dict[str, Any]]) -> dict[str, str]:
    net = sum((Decimal(row["net"]) for row in lines), Decimal("0.00"))
    vat = sum((Decimal(row["vat"]) for row in lines), Decimal("0.00"))
    return {"net": str(net), "vat": str(vat), "total": str(net + vat)}


def reversed_line(row: dict[str, Any]) -> dict[str, Any]:
    """The same line with everything but the price below zero."""
    turned = {name: str(-Decimal(row[name])) for name in ("quantity", "net", "vat")}
    return row | turned
