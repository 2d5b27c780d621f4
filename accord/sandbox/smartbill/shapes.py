"""What SmartBill takes in the bodies of requests; any other field is an error, as it is there."""

import re
from decimal import Decimal
from typing import TypeVar

import msgspec
from msgspec import Struct, field

from accord.sandbox.smartbill.errors import SmartBillError, problem

T = TypeVar("T")


class _Body(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    pass


class Client(_Body):
    name: str | None = None
    vat_code: str | None = None
    is_tax_payer: bool = False
    reg_com: str | None = None
    address: str | None = None
    city: str | None = None
    county: str | None = None
    country: str | None = None
    email: str | None = None
    phone: str | None = None
    contact: str | None = None
    iban: str | None = None
    bank: str | None = None
    code: str | None = None
    save_to_db: bool = False


class Product(_Body):
    name: str | None = None
    code: str | None = None
    product_description: str | None = None
    translated_name: str | None = None
    translated_measuring_unit: str | None = None
    measuring_unit_name: str = "buc"
    quantity: Decimal | None = None
    price: Decimal | None = None
    currency: str | None = None
    exchange_rate: Decimal | None = None
    is_tax_included: bool = False
    tax_name: str | None = None
    tax_percentage: Decimal | None = None
    is_service: bool = False
    save_to_db: bool = False
    warehouse_name: str | None = None
    use_sb_product_name: bool = field(default=False, name="useSBProductName")
    is_discount: bool = False
    number_of_items: int | None = None
    discount_type: int = 2
    discount_value: Decimal = Decimal(0)
    discount_percentage: Decimal = Decimal(0)


class Named(_Body):
    """A proforma that an invoice is made from, or an invoice that a payment is for."""

    series_name: str
    number: str
    use_stock: bool = False
    payment_url: str | None = None


class Collected(_Body):
    value: Decimal
    type: str
    payment_series: str | None = None
    is_cash: bool = False


class InvoiceRequest(_Body):
    company_vat_code: str | None = None
    series_name: str | None = None
    client: Client | None = None
    products: list[Product] = []
    issue_date: str | None = None
    due_date: str | None = None
    delivery_date: str | None = None
    payment_date: str | None = None
    is_draft: bool = False
    currency: str = "RON"
    exchange_rate: Decimal | None = None
    precision: int = 2
    language: str = "RO"
    use_stock: bool = False
    payment: Collected | None = None
    payment_url: str | None = None
    send_email: bool = False
    email: dict[str, str] | None = None
    mentions: str | None = None
    observations: str | None = None
    issuer_name: str | None = None
    issuer_cnp: str | None = None
    delegate_name: str | None = None
    delegate_identity_card: str | None = None
    delegate_auto: str | None = None
    aviz: str | None = None
    use_intra_cif: bool = False
    use_payment_tax: bool = False
    payment_base: Decimal | None = None
    colected_tax: Decimal | None = None  # SmartBill's own spelling
    payment_total: Decimal | None = None
    use_estimate_details: bool = False
    estimate: Named | None = None


class ReverseRequest(_Body):
    company_vat_code: str | None = None
    series_name: str | None = None
    number: str | None = None
    issue_date: str | None = None


class PaymentRequest(_Body):
    company_vat_code: str | None = None
    type: str | None = None
    issue_date: str | None = None
    value: Decimal | None = None
    currency: str = "RON"
    exchange_rate: Decimal | None = None
    precision: int = 2
    is_cash: bool = False
    text: str | None = None
    translated_text: str | None = None
    language: str = "RO"
    observation: str | None = None
    is_draft: bool = False
    series_name: str | None = None
    number: str | None = None
    client: Client | None = None
    use_invoice_details: bool = False
    invoices_list: list[Named] | Named = []


def read(body: bytes, shape: type[T], path: str) -> T:
    """The body as its shape; raises SmartBill's own complaint."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise _unmapped(str(error), path) from None
    except msgspec.DecodeError:
        raise problem(400, "json_parse_error", "Could not parse the request body.", path) from None


def _unmapped(why: str, path: str) -> SmartBillError:
    at = re.search(r"at `\$\.?(.*)`", why)
    place = at[1] if at else ""
    unknown = re.search(r"unknown field `(.*?)`", why)
    if unknown:
        name = f"{place}.{unknown[1]}" if place else unknown[1]
        return problem(400, "json_mapping_error", f"Unrecognized property: {name}.", path, name)
    return problem(400, "json_mapping_error", f"Could not map property: {place}.", path, place)
