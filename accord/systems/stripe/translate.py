"""From the shapes of Stripe's objects to records; pure."""

from typing import Any, NoReturn

from accord.houses import HOUSE_OF
from accord.money import CURRENCIES
from accord.records import (
    RECORDS,
    Customer,
    Dispute,
    Intent,
    Invoice,
    Kind,
    Leg,
    Payment,
    Record,
    Refund,
    Subscription,
)
from accord.systems.stripe import shapes

_ISO = {currency.lower(): currency for currency in CURRENCIES}  # the API writes them in lower case


class Unsound(Exception):
    """The object is not what it should be; the text names the field."""


def _currency(code: str) -> str:
    return _ISO.get(code) or _unknown(code, "currency")


def _unknown(value: str, field: str) -> NoReturn:
    raise Unsound(f"Invalid enum value '{value}' - at `$.{field}`")


def customer(shape: shapes.Customer) -> Record:
    if shape.deleted:
        return tombstone(Kind.CUSTOMER, shape.id)
    return Customer(
        key=shape.id,
        name=shape.name,
        email=shape.email,
        currency=_currency(shape.currency) if shape.currency is not None else None,
        delinquent=bool(shape.delinquent),  # null where the customer never had an invoice
        created=shape.created,
    )


def subscription(shape: shapes.Subscription) -> Record:
    first = shape.items.data[0] if shape.items.data else None
    return Subscription(
        key=shape.id,
        customer=shapes.key(shape.customer),
        status=shape.status,
        plan=first.price.id if first else None,
        quantity=first.quantity if first else None,
        period_start=first.current_period_start if first else None,
        period_end=first.current_period_end if first else None,
        cancel_at_period_end=shape.cancel_at_period_end,
        canceled_at=shape.canceled_at,
        started=shape.start_date,
        created=shape.created,
    )


def invoice(shape: shapes.Invoice) -> Record:
    if shape.deleted:
        return tombstone(Kind.INVOICE, shape.id)
    details = shape.parent.subscription_details if shape.parent else None
    return Invoice(
        key=shape.id,
        customer=shapes.key_or_none(shape.customer),
        subscription=shapes.key(details.subscription) if details else None,
        number=shape.number,
        status=shape.status,
        currency=_currency(shape.currency),
        total=shape.total,
        amount_due=shape.amount_due,
        amount_paid=shape.amount_paid,
        amount_remaining=shape.amount_remaining,
        due_date=shape.due_date,
        created=shape.created,
    )


def intent(shape: shapes.PaymentIntent) -> Record:
    return Intent(
        key=shape.id,
        customer=shapes.key_or_none(shape.customer),
        payment=shapes.key_or_none(shape.latest_charge),
        amount=shape.amount,
        amount_received=shape.amount_received,
        currency=_currency(shape.currency),
        status=shape.status,
        cancellation_reason=shape.cancellation_reason,
        created=shape.created,
    )


def payment(shape: shapes.Charge) -> Record:
    return Payment(
        key=shape.id,
        customer=shapes.key_or_none(shape.customer),
        intent=shapes.key_or_none(shape.payment_intent),
        amount=shape.amount,
        captured=shape.amount_captured,
        refunded=shape.amount_refunded,
        currency=_currency(shape.currency),
        status=shape.status,
        disputed=shape.disputed,
        failure_code=shape.failure_code,
        leg=shapes.key_or_none(shape.balance_transaction),
        created=shape.created,
    )


def refund(shape: shapes.Refund) -> Record:
    return Refund(
        key=shape.id,
        payment=shapes.key_or_none(shape.charge),
        amount=shape.amount,
        currency=_currency(shape.currency),
        status=shape.status,
        reason=shape.reason,
        failure_reason=shape.failure_reason,
        leg=shapes.key_or_none(shape.balance_transaction),
        created=shape.created,
    )


def dispute(shape: shapes.Dispute) -> Record:
    return Dispute(
        key=shape.id,
        payment=shapes.key(shape.charge),
        amount=shape.amount,
        currency=_currency(shape.currency),
        status=shape.status,
        reason=shape.reason,
        created=shape.created,
    )


def leg(shape: shapes.BalanceTransaction) -> Record:
    """A leg without an account: whose it is, `attribute` says once its source is known."""
    if shape.type not in HOUSE_OF:
        _unknown(shape.type, "type")
    return Leg(
        key=shape.id,
        type=shape.type,
        source=shapes.key_or_none(shape.source),
        account="",
        payment=None,
        charged_amount=None,
        charged_currency=None,
        gross=shape.amount,
        fee=shape.fee,
        net=shape.net,
        currency=_currency(shape.currency),
        created=shape.created,
        available_on=shape.available_on,
    )


def tombstone(kind: Kind, key: str) -> Record:
    """The record of an object that is no more: its key, and nothing in all other fields."""
    record = RECORDS[kind]
    neutral: dict[str, Any] = {}
    for field in record.fields():
        type_, nullable = record.field_type(field)
        neutral[field] = None if nullable else type_()
    return record(**{**neutral, "key": key, "deleted": True})
