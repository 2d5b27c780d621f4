"""From Stripe's bytes to records, one by one, so that an object that cannot be read spoils no other."""

import contextlib
import hashlib
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from accord.errors import Misconfigured
from accord.ports import Parsed
from accord.records import Kind, Record
from accord.systems.answers import UNREADABLE
from accord.systems.stripe import frames, shapes, translate
from accord.systems.stripe.translate import Unsound, tombstone

_NUL = rb"\u0000"  # how JSON writes the one character that PostgreSQL's texts cannot hold

_elements = msgspec.json.Decoder(frames.Elements).decode
_named = msgspec.json.Decoder(shapes.Named).decode
_deleted = msgspec.json.Decoder(frames.Deleted).decode
_live = msgspec.json.Decoder(frames.Live).decode


def read(kind: Kind, body: bytes, live: bool) -> list[Parsed]:
    """The elements of a list page, or the one object that `body` is, in their order.

    An element without an id goes by the hash of its bytes. Raises Misconfigured where any of them is of the other
    mode than `live` says, before one is given out.
    """
    return [one(_FORMS[kind], raw, live) for raw in elements(body)]


def elements(body: bytes) -> list[bytes]:
    """The elements of a list page, or the one object that `body` is."""
    try:
        return [bytes(raw) for raw in _elements(body).data]
    except UNREADABLE:
        return [body]


def name_of(raw: bytes) -> str:
    """The id of an object, or the hash of its bytes where there is none to go by."""
    try:
        key = _named(raw).id
    except UNREADABLE:
        key = ""
    return key if is_name(key) else f"sha256:{hashlib.sha256(raw).hexdigest()}"


def is_name(key: str) -> bool:
    """Whether a text can be an id: up to 255 visible ASCII characters."""
    return re.fullmatch(r"[!-~]{1,255}", key) is not None


def require(live: bool, shown: bool | None) -> None:
    """Raise Misconfigured where an object is of the other mode than the connection."""
    if shown is not None and shown != live:
        here, there = ("live", "test") if live else ("test", "live")
        raise Misconfigured(
            f"Stripe shows objects of {there} mode, but this connection is for {here} mode: in its StripeAccount "
            "block, api_key and mode do not belong together"
        )


class Form(NamedTuple):
    """How objects of one of Stripe's types are read as records; `gone` makes that of a deleted one, where it can be."""

    kind: Kind
    object: str
    decode: Callable[[bytes], Any]
    make: Callable[[Any], Record]
    has_mode: bool
    gone: Callable[[str], Record] | None


def one(form: Form, raw: bytes, live: bool) -> Parsed:
    """One object as a record, or why it can not be read. Raises Misconfigured where it is of the other mode."""
    try:
        shape = form.decode(raw)
        if form.has_mode and shape.livemode is not live:
            require(live, shape.livemode)
        record = form.make(shape)
        if _NUL in raw:
            _refuse_nul(record)
    except (Unsound, *UNREADABLE) as error:
        return _other(form, raw, live, error)
    return Parsed(record.key, raw, record, None)


def _other(form: Form, raw: bytes, live: bool, error: Exception) -> Parsed:
    """An object that is not of its kind's full shape: deleted, or unsound."""
    with contextlib.suppress(*UNREADABLE):
        require(live, _live(raw).livemode)
    with contextlib.suppress(*UNREADABLE):
        gone = _deleted(raw)
        if gone.object == form.object and form.gone is not None:
            return Parsed(gone.id, raw, form.gone(gone.id), None)
    return Parsed(name_of(raw), raw, None, _why(error))


def _why(error: Exception) -> str:
    """What was expected of which field. msgspec quotes values of enums only; those that look like one may stay.

    Four digits in a row look like a card's.
    """
    if isinstance(error, UnicodeDecodeError):
        return "a text is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return re.sub(
        r"""(Invalid enum value) (['"])(.*)\2""",
        lambda m: m[0] if re.fullmatch(r"(?!.*\d{4})[A-Za-z0-9_.-]{1,40}", m[3]) else m[1],
        str(error),
        flags=re.DOTALL,
    )


def _refuse_nul(record: Record) -> None:
    for field in record.fields():
        value = getattr(record, field)
        # What a record keeps as JSON has it as JSON writes it.
        if isinstance(value, str) and ("\0" in value or (field.endswith("_json") and _NUL.decode() in value)):
            raise Unsound(f"Text with a NUL character, which databases refuse - at `{field}`")


def form(
    kind: Kind,
    object_: str,
    shape: type[msgspec.Struct],
    make: Callable[[Any], Record],
    gone: Callable[[str], Record] | None,
) -> Form:
    """How objects of a shape are read."""
    decode = msgspec.json.Decoder(shape).decode
    return Form(kind, object_, decode, make, "livemode" in shape.__struct_fields__, gone)


def _form(kind: Kind, object_: str, shape: type[msgspec.Struct], make: Callable[[Any], Record]) -> Form:
    return form(kind, object_, shape, make, None if kind is Kind.LEG else partial(tombstone, kind))


_FORMS = {
    known.kind: known
    for known in (
        _form(Kind.CUSTOMER, "customer", shapes.Customer, translate.customer),
        _form(Kind.SUBSCRIPTION, "subscription", shapes.Subscription, translate.subscription),
        _form(Kind.INVOICE, "invoice", shapes.Invoice, translate.invoice),
        _form(Kind.INTENT, "payment_intent", shapes.PaymentIntent, translate.intent),
        _form(Kind.PAYMENT, "charge", shapes.Charge, translate.payment),
        _form(Kind.REFUND, "refund", shapes.Refund, translate.refund),
        _form(Kind.DISPUTE, "dispute", shapes.Dispute, translate.dispute),
        _form(Kind.LEG, "balance_transaction", shapes.BalanceTransaction, translate.leg),
    )
}

OBJECTS = {known.object: known.kind for known in _FORMS.values()}
"""The kind of record that each of Stripe's objects is."""
