"""What Stripe's objects must look like, as far as they are used: API version 2026-10-28.endive, by stripe-python 16.1.

Fields that are not named here may come, go and change. Those that are must be there with this type: Stripe shows
an empty field as null. Only what has a default here may be left out altogether (docs.stripe.com/api).
"""

from typing import Annotated, Literal

from msgspec import Meta

from accord.systems.answers import Shape

Id = Annotated[str, Meta(min_length=1, max_length=255)]  # docs.stripe.com/upgrades: opaque, up to 255 characters
# Bounded so that what is read also fits the databases: amounts into 64 bits even when summed, times into years
# of four digits.
Amount = Annotated[int, Meta(ge=-(10**15), le=10**15)]
Time = Annotated[int, Meta(ge=0, le=253_402_300_799)]
Count = Annotated[int, Meta(ge=0, le=10**15)]


class Named(Shape, gc=False):
    """An object of which only the id matters."""

    id: Id


Link = Id | Named  # an id, or the object itself where it was expanded (docs.stripe.com/expand)


def key(link: str | Named) -> str:
    """The id of what a link names."""
    return link if isinstance(link, str) else link.id


def key_or_none(link: str | Named | None) -> str | None:
    """The same where there may be no link."""
    return link if link is None or isinstance(link, str) else link.id


class Customer(Shape, gc=False):
    id: Id
    object: Literal["customer"]
    livemode: bool
    created: Time
    name: str | None
    email: str | None
    currency: str | None
    delinquent: bool | None
    deleted: bool = False


class Price(Shape, gc=False):
    id: Id


class SubscriptionItem(Shape, gc=False):
    price: Price
    current_period_start: Time
    current_period_end: Time
    quantity: Count | None = None  # left out where usage is metered


class SubscriptionItems(Shape, gc=False):
    data: list[SubscriptionItem]


class Subscription(Shape, gc=False):
    id: Id
    object: Literal["subscription"]
    livemode: bool
    created: Time
    customer: Link
    status: Literal[
        "active",
        "canceled",
        "incomplete",
        "incomplete_expired",
        "past_due",
        "paused",
        "trialing",
        "unpaid",
    ]
    items: SubscriptionItems
    cancel_at_period_end: bool
    canceled_at: Time | None
    start_date: Time


class SubscriptionDetails(Shape, gc=False):
    subscription: Link


class InvoiceParent(Shape, gc=False):
    subscription_details: SubscriptionDetails | None


class Invoice(Shape, gc=False):
    id: Id
    object: Literal["invoice"]
    livemode: bool
    created: Time
    customer: Link | None
    parent: InvoiceParent | None
    number: str | None
    status: Literal["draft", "open", "paid", "uncollectible", "void"] | None
    currency: str
    total: Amount
    amount_due: Amount
    amount_paid: Amount
    amount_remaining: Amount
    due_date: Time | None
    deleted: bool = False


class PaymentIntent(Shape, gc=False):
    id: Id
    object: Literal["payment_intent"]
    livemode: bool
    created: Time
    customer: Link | None
    latest_charge: Link | None
    amount: Amount
    amount_received: Amount
    currency: str
    status: Literal[
        "canceled",
        "processing",
        "requires_action",
        "requires_capture",
        "requires_confirmation",
        "requires_payment_method",
        "succeeded",
    ]
    cancellation_reason: (
        Literal[
            "abandoned",
            "automatic",
            "duplicate",
            "expired",
            "failed_invoice",
            "fraudulent",
            "requested_by_customer",
            "void_invoice",
        ]
        | None
    )


class Charge(Shape, gc=False):
    id: Id
    object: Literal["charge"]
    livemode: bool
    created: Time
    customer: Link | None
    payment_intent: Link | None
    balance_transaction: Link | None
    amount: Amount
    amount_captured: Amount
    amount_refunded: Amount
    currency: str
    status: Literal["failed", "pending", "succeeded"]
    disputed: bool
    failure_code: str | None  # open: docs.stripe.com/error-codes grows all the time


class Refund(Shape, gc=False):
    id: Id
    object: Literal["refund"]
    created: Time
    charge: Link | None
    balance_transaction: Link | None
    amount: Amount
    currency: str
    status: Literal["canceled", "failed", "pending", "requires_action", "succeeded"] | None
    reason: Literal["duplicate", "expired_uncaptured_charge", "fraudulent", "requested_by_customer"] | None
    failure_reason: (  # left out unless the refund failed
        Literal[
            "charge_for_pending_refund_disputed",
            "declined",
            "expired_or_canceled_card",
            "insufficient_funds",
            "lost_or_stolen_card",
            "merchant_request",
            "unknown",
        ]
        | None
    ) = None


class Dispute(Shape, gc=False):
    id: Id
    object: Literal["dispute"]
    livemode: bool
    created: Time
    charge: Link
    amount: Amount
    currency: str
    status: Literal[
        "appeal_needs_response",
        "appeal_under_review",
        "lost",
        "needs_response",
        "prevented",
        "under_review",
        "warning_closed",
        "warning_needs_response",
        "warning_under_review",
        "won",
    ]
    reason: Literal[
        "bank_cannot_process",
        "check_returned",
        "credit_not_processed",
        "customer_initiated",
        "debit_not_authorized",
        "duplicate",
        "fraudulent",
        "general",
        "incorrect_account_details",
        "insufficient_funds",
        "noncompliant",
        "product_not_received",
        "product_unacceptable",
        "subscription_canceled",
        "unrecognized",
    ]


class BalanceTransaction(Shape, gc=False):
    """Its type is held against the table of house accounts, which knows all 52."""

    id: Id
    object: Literal["balance_transaction"]
    created: Time
    type: str
    source: Link | None
    amount: Amount
    fee: Amount
    net: Amount
    currency: str
    available_on: Time
