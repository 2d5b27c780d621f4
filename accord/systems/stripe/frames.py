"""What surrounds Stripe's objects, and what little is looked at in all of them: lists, events, errors."""

from typing import Literal

from msgspec import Raw

from accord.systems.answers import Shape
from accord.systems.stripe.shapes import Id, Link, Time


class Head(Shape, gc=False):
    """What every listed object begins with."""

    id: Id
    created: Time


class Heads(Shape, gc=False):
    """A list page in the form it always has (docs.stripe.com/api/pagination), for its place only."""

    object: Literal["list"]
    has_more: bool
    data: list[Head]


class Elements(Shape, gc=False):
    """A list page with its elements unread."""

    object: Literal["list"]
    has_more: bool
    data: list[Raw]


class Deleted(Shape, gc=False):
    """All that Stripe shows of a deleted object."""

    id: Id
    object: str
    deleted: Literal[True]


class Live(Shape, gc=False):
    """Whether an object is real (live mode) or a test; some kinds do not say."""

    livemode: bool | None = None


class EventSubject(Shape, gc=False):
    """The object that an event speaks of; some, such as the balance, have no id."""

    object: str
    id: Id | None = None


class EventLinks(Shape, gc=False):
    """What else that object names."""

    charge: Link | None = None
    latest_charge: Link | None = None
    invoice: Link | None = None


class EventData(Shape, gc=False):
    object: Raw


class Event(Shape, gc=False):
    id: Id
    created: Time
    data: EventData
    livemode: bool | None = None


class Account(Shape, gc=False):
    id: Id
    created: Time | None = None
    livemode: bool | None = None


class ErrorBody(Shape, gc=False):
    """What of an error tells what to do; its message may name people, so it is looked at and never shown."""

    type: str | None = None
    code: str | None = None
    param: str | None = None
    message: str | None = None


class Error(Shape, gc=False):
    error: ErrorBody
