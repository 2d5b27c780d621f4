"""From a row of Oblio's list to a document; pure."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

from accord.documents import Document, Line, Origin, Party, State
from accord.money import CURRENCIES
from accord.systems.oblio import amounts, shapes
from accord.systems.oblio.amounts import Sum, Unsound

_EINVOICE = {"-1": "not sent", "0": "processing", "1": "accepted", "2": "errors"}
_COMPUTED = ("net", "vat", "paid")


def document(shape: shapes.Invoice, issuer: Party | None) -> Document:
    """The document that a row shows; raises Unsound.

    A draft may have a number, and is then taken for what it would be without the mark, and that for doubtful. Which
    invoice a storno takes back is not among what Oblio lists.
    """
    currency = _currency(shape.currency)
    total = amounts.minor(shape.total, currency, "total")
    paid = None if shape.collects is None else _paid(shape.collects, currency)
    sums = amounts.by_line(shape.products, currency, total) if shape.products else None
    vat = None if sums is None else sum(one.vat for one in sums)
    state, state_from = _state(shape, total, paid)
    if shape.draft == "1" and shape.number:
        state_from = Origin.DOUBTFUL
    values: dict[str, Any] = {
        "state": state,
        "series": shape.seriesName or None,
        "number": shape.number or None,
        "issued_on": _day(shape.issueDate, "issueDate"),
        "due_on": _day(shape.dueDate, "dueDate") if shape.dueDate else None,
        "issuer": issuer,
        "client": None if shape.client is None else _client(shape.client),
        "currency": currency,
        "exchange_rate": _rate(shape.exchangeRate, currency),
        "net": None if vat is None else total - vat,
        "vat": vat,
        "total": total,
        "paid": paid,
        "lines": None if shape.products is None else _lines(shape.products, sums),
        "reverses": None,
        "mentions": shape.mentions or None,
        "einvoice": None if shape.einvoiceStatus is None else _einvoice(shape.einvoiceStatus),
    }
    found = {"state": state_from} | dict.fromkeys(_COMPUTED, Origin.COMPUTED)
    origins = {
        field: Origin.UNKNOWN if value is None else found.get(field, Origin.API) for field, value in values.items()
    }
    return Document(key=shape.id, position=int(shape.id), origins=origins, **values)


def tombstone(key: str) -> Document:
    """The document that Oblio does not know any more: nothing of it is known but where it stood."""
    return Document.gone(key, int(key))


def _state(shape: shapes.Invoice, total: int, paid: int | None) -> tuple[State, Origin]:
    if shape.canceled == "1":
        return State.CANCELLED, Origin.API
    if shape.draft == "1" and not shape.number:
        return State.DRAFT, Origin.API
    if shape.storno == "1":
        return State.STORNO, Origin.API
    if total < 0:
        return State.STORNO, Origin.COMPUTED
    if shape.stornoed == "1":
        return State.REVERSED, Origin.API
    if paid is None:
        return State.UNKNOWN, Origin.UNKNOWN
    # Not by `collected`: what that says of a part is not documented.
    if paid >= total:
        return State.PAID, Origin.COMPUTED
    return (State.PARTLY_PAID if paid > 0 else State.ISSUED), Origin.COMPUTED


def _paid(collects: Sequence[shapes.Collect], currency: str) -> int:
    return sum(amounts.minor(one.value, currency, f"collects[{n}].value") for n, one in enumerate(collects))


def _currency(text: str) -> str:
    code = text.strip().upper()
    code = "RON" if code in ("LEI", "LEU") else code
    if code not in CURRENCIES:
        raise Unsound("Currency that is not known - at `$.currency`")
    return code


def _rate(text: str | None, currency: str) -> str | None:
    """Noughts stand for none."""
    if not text or currency == "RON":
        return None
    return text if amounts.decimal(text, "exchangeRate") else None


def _day(text: str, field: str) -> str:
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII):
            raise ValueError
        date.fromisoformat(text)
    except ValueError:
        raise Unsound(f"Text that is no day such as 2026-01-31 - at `$.{field}`") from None
    return text


def _einvoice(status: shapes.EinvoiceStatus) -> str:
    found = _EINVOICE.get(str(status.code))
    if found is None:
        raise Unsound("Invalid enum value - at `$.einvoiceStatus.code`")
    return found


def _client(shape: shapes.Client) -> Party:
    return Party(
        name=shape.name or None,
        vat_id=shape.cif or None,
        registration=shape.rc or None,
        address=shape.address or None,
        city=shape.city or None,
        county=shape.state or None,
        country=shape.country or None,
        email=shape.email or None,
        iban=shape.iban or None,
    )


def _lines(products: Sequence[shapes.Product], sums: Sequence[Sum] | None) -> tuple[Line, ...]:
    return tuple(_line(product, sums[number] if sums else None) for number, product in enumerate(products))


def _line(product: shapes.Product, one: Sum | None) -> Line:
    return Line(
        name=product.name,
        code=product.code or None,
        quantity=product.quantity,
        unit=product.measuringUnit or None,
        price=amounts.written(product.price),
        vat_included=amounts.included(product.vatIncluded),
        vat_name=product.vatName or None,
        vat_rate=amounts.written(product.vatPercentage),
        net=one.net if one else None,
        vat=one.vat if one else None,
        total=one.total if one else None,
    )
