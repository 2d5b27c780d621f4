"""The block that says by which terms invoices are issued for payments."""

from datetime import date
from typing import ClassVar, Literal

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl

from accord.invoicing import Terms
from blocks.names import NAME


class InvoiceIssuing(Block):
    """By which terms settled payments that belong to no invoice are given one, and where.

    Nothing is issued until a Stripe account block names this block in its field `issues`.

    Example:
        Save the terms, and use them:
        ```python
        from datetime import date
        from blocks import InvoiceIssuing

        InvoiceIssuing(system="oblio", since=date(2026, 12, 1), product="Comandă", series="WEB").save("BLOCK_NAME")
        terms = InvoiceIssuing.load("BLOCK_NAME").terms
        ```
    """

    _block_type_slug: ClassVar[str] = "accord-invoice-issuing"
    _block_type_name: ClassVar[str] = "Invoice issuing"
    _documentation_url: ClassVar[HttpUrl] = HttpUrl("https://www.oblio.eu/api")

    system: Literal["oblio", "smartbill", "stripe"] = Field(
        default=..., description="The system that issues the invoices."
    )
    account: str = Field(
        default="main",
        pattern=NAME,
        description="The name of the block of the account there; for Stripe, of the payments' own account.",
    )
    since: date = Field(
        default=..., description="Payments made before this day (UTC) are given no invoice, whatever becomes of them."
    )
    product: str = Field(default=..., min_length=1, max_length=200, description="What the invoice's one line says.")
    vat_name: str = Field(default="Normala", description="The VAT rate by the name that the account gives it.")
    vat_rate: str = Field(
        default="21", pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$", description="The same rate in percent; prices include it."
    )
    series: str = Field(
        default="",
        description="The series of the invoices, which must be there; for SmartBill one that only Accord issues in.",
    )
    proformas: str = Field(
        default="",
        description="For SmartBill, the series of proformas that invoices are made of; one that only Accord uses.",
    )
    language: str = Field(default="RO", pattern=r"^[A-Z]{2}$", description="The language of the invoices.")
    unit: str = Field(default="buc", description="The line's unit of measure, as the account calls it.")

    @property
    def terms(self) -> Terms:
        """The terms as the core takes them."""
        return Terms(**{field: getattr(self, field) for field in Terms.__struct_fields__})
