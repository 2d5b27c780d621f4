"""What SmartBill's answers must look like, as far as they are used; amounts are read as decimals, never as floats."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

_MOST = Decimal(10) ** 13  # so that smallest units fit into 64 bits even when summed


class Shape(Struct, gc=False, rename="camel", frozen=True):
    """An answer. Its repr shows no values: they are people's names and money."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Envelope(Shape, gc=False, frozen=True):
    """What every answer carries; an errorText means failure, with status 200 too."""

    error_text: str | None = None


class Series(Shape, gc=False, frozen=True):
    """A series and the number that it gives out next: a number, or a text with the zeros that are printed."""

    name: str
    next_number: int | str
    type: str


class SeriesList(Shape, gc=False, frozen=True):
    list: list[Series]


class Tax(Shape, gc=False, frozen=True):
    """A VAT rate by the name that the account gives it."""

    name: str
    percentage: Decimal


class Taxes(Shape, gc=False, frozen=True):
    taxes: list[Tax]


class Status(Shape, gc=False, frozen=True):
    """What an invoice comes to and what is paid of it: with VAT, in a currency that is not named."""

    invoice_total_amount: Decimal
    paid_amount: Decimal
    unpaid_amount: Decimal
    paid: bool

    def __post_init__(self) -> None:
        for amount in (self.invoice_total_amount, self.paid_amount, self.unpaid_amount):
            if not amount.is_finite() or abs(amount) > _MOST:
                raise ValueError("an amount is none")


class Numbered(Shape, gc=False, frozen=True):
    series: str
    number: str


class Invoiced(Shape, gc=False, frozen=True):
    """What became of a proforma."""

    are_invoices_created: bool
    invoices: list[Numbered] | None = None
