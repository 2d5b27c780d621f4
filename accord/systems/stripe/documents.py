"""From the shapes of Stripe's invoices and credit notes to documents; pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from accord.documents import Document, Line, Origin, Party, State
from accord.money import CURRENCIES, exponent
from accord.systems.stripe import invoice_shapes as shapes
from accord.systems.stripe.translate import Unsound

_COMPUTED = ("issued_on", "due_on", "vat", "paid")


def invoice(shape: shapes.Invoice) -> Document:
    """The document that an invoice shows; raises Unsound.

    What Stripe does not ask for any more counts as paid: payments, credit notes before payment and what a customer's
    balance took over alike, so that total less paid is what Stripe still asks for.
    """
    if shape.deleted:
        return tombstone(shape.id)
    currency, zone = _currency(shape.currency), _zone(shape.besides.time_zone)
    draft = shape.status == "draft"
    paid = shape.amount_paid if draft else shape.total - shape.amount_remaining
    state, state_from = _state(shape, paid)
    issued = shape.effective_at or shape.status_transitions.finalized_at
    rows = [_of_invoice(line, currency, shape.besides.tax_rates) for line in shape.lines.data]
    values: dict[str, Any] = {
        "state": state,
        "number": shape.number or None,
        "issued_on": None if draft or issued is None else _day(issued, zone),
        "due_on": None if shape.due_date is None else _day(shape.due_date, zone),
        **_parties(shape),
        "currency": currency,
        "net": shape.total_excluding_tax,
        "vat": None if shape.total_excluding_tax is None else shape.total - shape.total_excluding_tax,
        "total": shape.total,
        "paid": paid,
        "lines": _lines(rows, shape.lines.has_more, shape.shipping_cost, shape.total),
        "reverses": None,
        "mentions": shape.description or None,
    }
    return _document(shape.id, shape.created, values, {"state": state_from})


def credit_note(shape: shapes.CreditNote) -> Document:
    """The document that a credit note shows, which takes back some of its invoice; raises Unsound.

    Stripe's credit notes count upwards. Issuer and client are those of the invoice.
    """
    currency, zone = _currency(shape.currency), _zone(shape.besides.time_zone)
    rows = [_of_credit_note(line, currency, shape.besides.tax_rates) for line in shape.lines.data]
    lines = _lines(rows, shape.lines.has_more, shape.shipping_cost, shape.total)
    net = shape.total_excluding_tax
    values: dict[str, Any] = {
        "state": State.CANCELLED if shape.status == "void" else State.STORNO,
        "number": shape.number or None,
        "issued_on": _day(shape.effective_at or shape.created, zone),
        "due_on": None,
        **_parties(shape.invoice),
        "currency": currency,
        "net": None if net is None else -net,
        "vat": None if net is None else net - shape.total,
        "total": -shape.total,
        "paid": None,
        "lines": None if lines is None else tuple(map(_backwards, lines)),
        "reverses": shape.invoice.number or None,
        "mentions": shape.memo or None,
    }
    return _document(shape.id, shape.created, values, {})


def tombstone(key: str) -> Document:
    """The document of an object that Stripe does not know any more."""
    return Document.gone(key, position=0)


def _document(key: str, created: int, values: dict[str, Any], found: dict[str, Origin]) -> Document:
    """With what Stripe never tells: a series apart from the number, a rate to lei, and what a tax authority says."""
    values |= dict.fromkeys(("series", "exchange_rate", "einvoice"))
    found = dict.fromkeys(_COMPUTED, Origin.COMPUTED) | found
    origins = {
        field: Origin.UNKNOWN if value is None else found.get(field, Origin.API) for field, value in values.items()
    }
    return Document(key=key, position=created, origins=origins, **values)


def _state(shape: shapes.Invoice, paid: int) -> tuple[State, Origin]:
    """An uncollectible invoice is still owed and may still be paid: only its issuer does not count on it any more."""
    credited = shape.pre_payment_credit_notes_amount + shape.post_payment_credit_notes_amount
    if shape.status is None:
        return State.UNKNOWN, Origin.UNKNOWN
    if shape.status == "draft":
        return State.DRAFT, Origin.API
    if shape.status == "void":
        return State.CANCELLED, Origin.API
    if credited >= shape.total > 0:
        return State.REVERSED, Origin.COMPUTED
    if shape.status == "paid":
        return State.PAID, Origin.API
    return (State.PARTLY_PAID if paid > 0 else State.ISSUED), Origin.COMPUTED


def _currency(code: str) -> str:
    if code.upper() not in CURRENCIES:
        raise Unsound("Currency that is not known - at `$.currency`")
    return code.upper()


def _zone(name: str | None) -> tzinfo:
    """The calendar of the account; UTC's where that is not told."""
    try:
        return UTC if name is None else ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return UTC


def _day(second: int, zone: tzinfo) -> str:
    return datetime.fromtimestamp(second, zone).date().isoformat()


def _parties(shape: shapes.Parties) -> dict[str, Party | None]:
    issuer = Party(
        name=shape.account_name or None,
        vat_id=vat_id([one for one in shape.account_tax_ids or () if isinstance(one, shapes.TaxId)]),
        country=shape.account_country or None,
    )
    at = shape.customer_address
    client = Party(
        name=shape.customer_name or None,
        vat_id=vat_id(shape.customer_tax_ids or ()),
        address=None if at is None else ", ".join(filter(None, (at.line1, at.line2, at.postal_code))) or None,
        city=at.city or None if at else None,
        county=at.state or None if at else None,
        country=at.country or None if at else None,
        email=shape.customer_email or None,
    )
    nobody = Party(name=None)
    return {"issuer": None if issuer == nobody else issuer, "client": None if client == nobody else client}


def vat_id(ids: Sequence[shapes.TaxId]) -> str | None:
    """The first id for VAT within the EU; without one the first id, of whatever kind."""
    told = [one for one in ids if one.value]
    return next((one.value for one in (*(one for one in told if one.type == "eu_vat"), *told)), None)


class _Row(NamedTuple):
    """A line, and what it comes to by itself."""

    line: Line
    net: int
    vat: int


def _of_invoice(line: shapes.InvoiceLine, currency: str, rates: Mapping[str, shapes.TaxRate]) -> _Row:
    quantity = line.quantity_decimal or (None if line.quantity is None else str(line.quantity))
    price = None if line.pricing is None else line.pricing.unit_amount_decimal
    return _row(line, quantity, price, currency, rates)


def _of_credit_note(line: shapes.CreditNoteLine, currency: str, rates: Mapping[str, shapes.TaxRate]) -> _Row:
    return _row(line, None if line.quantity is None else str(line.quantity), line.unit_amount_decimal, currency, rates)


def _row(
    line: shapes.InvoiceLine | shapes.CreditNoteLine,
    quantity: str | None,
    price: str | None,
    currency: str,
    rates: Mapping[str, shapes.TaxRate],
) -> _Row:
    taxes = line.taxes or ()
    off = sum(one.amount for one in line.discount_amounts or ())
    # Discounts are among these credits once more.
    off += sum(one.amount for one in line.pretax_credit_amounts or () if one.type == "credit_balance_transaction")
    behaviors = {one.tax_behavior for one in taxes}
    known = [rates.get(one.tax_rate_details.tax_rate) if one.tax_rate_details else None for one in taxes]
    shown = Line(
        name=line.description or "",
        quantity=quantity or "",
        price=None if price is None else f"{Decimal(price).scaleb(-exponent(currency)):f}",
        vat_included=behaviors == {"inclusive"} if len(behaviors) == 1 else None,
        vat_name=_names(known),
        vat_rate=_percent(known),
    )
    included = sum(one.amount for one in taxes if one.tax_behavior == "inclusive")
    return _Row(shown, line.amount - off - included, sum(one.amount for one in taxes))


def _names(rates: Sequence[shapes.TaxRate | None]) -> str | None:
    names = [rate.display_name for rate in rates if rate is not None]
    return " + ".join(names) if names and len(names) == len(rates) else None


def _percent(rates: Sequence[shapes.TaxRate | None]) -> str | None:
    """Of several taxes on one line there is no rate: one may be due on the other."""
    rate = rates[0] if len(rates) == 1 else None
    if rate is None or rate.rate_type == "flat_amount":
        return None
    percent = rate.percentage if rate.effective_percentage is None else rate.effective_percentage
    return f"{percent.normalize():f}"


def _lines(
    rows: list[_Row], has_more: bool, shipping: shapes.ShippingCost | None, total: int
) -> tuple[Line, ...] | None:
    """Each line with what it comes to, where they add up to the total; None where they are not all known.

    Stripe tells of no line what it comes to with all discounts and taxes. Each may be rounded by a smallest unit.
    """
    if shipping is not None and (shipping.amount_total or shipping.amount_subtotal):
        rows = [*rows, _shipped(shipping)]
    if has_more or (total and not rows):
        return None
    if abs(sum(row.net + row.vat for row in rows) - total) > len(rows):
        return tuple(row.line for row in rows)
    return tuple(_with_amounts(*row) for row in rows)


def _shipped(cost: shapes.ShippingCost) -> _Row:
    rates = [tax.rate for tax in cost.taxes or ()]
    line = Line(name="Shipping", quantity="1", vat_name=_names(rates), vat_rate=_percent(rates))
    return _Row(line, cost.amount_total - cost.amount_tax, cost.amount_tax)


def _with_amounts(line: Line, net: int, vat: int) -> Line:
    return replace(line, net=net, vat=vat, total=net + vat)


def _backwards(line: Line) -> Line:
    """As a storno has it: what is taken back is counted downwards, prices stay."""
    quantity = f"-{line.quantity}" if line.quantity.strip("0.") else line.quantity
    amounts = {} if line.total is None else {"net": -(line.net or 0), "vat": -(line.vat or 0), "total": -line.total}
    return replace(line, quantity=quantity, **amounts)
