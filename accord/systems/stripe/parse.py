"""From Stripe's bytes to records, one by one, so that an object that cannot be read spoils no other."""

import contextlib
import hashlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from accord.errors import Misconfigured
from accord.ports import Parsed
from accord.records import Kind, Record
from accord.systems.stripe import frames, shapes, translate
from accord.systems.stripe.errors import UNREADABLE
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
    form = _FORMS[kind]
    try:
        elements = [bytes(raw) for raw in _elements(body).data]
    except UNREADABLE:
        elements = [body]
    return [_one(form, raw, live) for raw in elements]


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


class _Form(NamedTuple):
    """How the objects of one kind are read."""

    kind: Kind
    object: str
    decode: Callable[[bytes], Any]
    make: Callable[[Any], Record]
    has_mode: bool


def _one(form: _Form, raw: bytes, live: bool) -> Parsed:
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


def _other(form: _Form, raw: bytes, live: bool, error: Exception) -> Parsed:
    """An object that is not of its kind's full shape: deleted, or unsound."""
    with contextlib.suppress(*UNREADABLE):
        require(live, _live(raw).livemode)
    with contextlib.suppress(*UNREADABLE):
        gone = _deleted(raw)
        if gone.object == form.object and form.kind is not Kind.LEG:
            return Parsed(gone.id, raw, tombstone(form.kind, gone.id), None)
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
        if isinstance(value, str) and "\0" in value:
            raise Unsound(f"Text with a NUL character, which databases refuse - at `{field}`")


def _form(kind: Kind, object_: str, shape: type[msgspec.Struct], make: Callable[[Any], Record]) -> _Form:
    decode = msgspec.json.Decoder(shape).decode
    return _Form(kind, object_, decode, make, "livemode" in shape.__struct_fields__)


_FORMS = {
    form.kind: form
    for form in (
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

OBJECTS = {form.object: form.kind for form in _FORMS.values()}
"""The kind of record that each of Stripe's objects is."""
