"""Payment intents and the charges they make (docs.stripe.com/payments/paymentintents/lifecycle)."""

from typing import Any

from accord.sandbox.forms import words
from accord.sandbox.stripe import cards, disputes, money, objects, refunds
from accord.sandbox.stripe.errors import StripeError, bad_param, declined, missing_param, wrong_state
from accord.sandbox.stripe.events import emit
from accord.sandbox.stripe.params import Params
from accord.sandbox.stripe.store import Obj, Store

CREATE = frozenset(
    words("""amount automatic_payment_methods capture_method confirm confirmation_method currency customer description
    error_on_requires_action excluded_payment_method_types expand metadata off_session payment_method
    payment_method_options receipt_email return_url setup_future_usage statement_descriptor transfer_group""")
)
UPDATE = frozenset(words("amount customer description expand metadata payment_method receipt_email transfer_group"))
CONFIRM = frozenset(words("capture_method expand off_session payment_method receipt_email return_url"))
CAPTURE = frozenset(words("amount_to_capture expand final_capture metadata"))
CANCEL = frozenset(words("cancellation_reason expand"))
UPDATE_CHARGE = frozenset(words("description expand metadata receipt_email transfer_group"))

_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_HOLD = 7 * money.DAY
_DEBIT_TAKES = 5 * money.DAY


def create(store: Store, _: str, p: Params) -> Obj:
    if "payment_method_types" in p:
        raise bad_param(
            "payment_method_types",
            "payment_method_types can no longer be set on a PaymentIntent; use excluded_payment_method_types.",
            "payment_method_types_no_longer_supported",
        )
    p.only(CREATE)
    currency = money.check_currency(p.need("currency"))
    amount = p.whole("amount")
    if amount is None:
        raise missing_param("amount")
    money.check_amount(amount, currency)
    confirm_now = p.flag("confirm")
    token = p.text("payment_method")
    if confirm_now and token is None:
        raise bad_param(
            "payment_method",
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "parameter_missing",
        )
    off_session = p.flag("off_session")
    if (customer := p.text("customer")) is not None:
        store.get("customer", customer, "customer", 400)
    fields: dict[str, Any] = {
        "capture_method": p.choice("capture_method", ("automatic", "automatic_async", "manual"), "automatic_async"),
        "customer": customer,
        "metadata": p.metadata(),
    } | p.changes("description", "receipt_email", "setup_future_usage", "statement_descriptor", "transfer_group")
    method = cards.method(store, token) if token else None
    intent = start(store, amount, currency, fields | {"payment_method": method})
    if confirm_now and method:
        _raise(attempt(store, intent, method, off_session=off_session))
    return intent


def start(store: Store, amount: int, currency: str, fields: dict[str, Any]) -> Obj:
    """A new intent that nothing was charged for yet."""
    if fields.get("payment_method"):
        fields = fields | {"status": "requires_confirmation"}
    intent = store.add(objects.payment_intent(store, amount, currency, fields))
    emit(store, "payment_intent.created", intent)
    return intent


def update(store: Store, key: str, p: Params) -> Obj:
    """Stripe has no event for this."""
    p.only(UPDATE)
    intent = store.get("payment_intent", key, "intent")
    fields = p.changes("description", "receipt_email", "transfer_group")
    if (amount := p.whole("amount")) is not None:
        _must_be(intent, "update the amount of", *_OPEN)
        fields["amount"] = money.check_amount(amount, intent["currency"])
    if (customer := p.text("customer")) is not None:
        fields["customer"] = store.get("customer", customer, "customer", 400)["id"]
    if (token := p.text("payment_method")) is not None:
        _must_be(intent, "update the payment method of", *_OPEN)
        fields |= {"payment_method": cards.method(store, token), "status": "requires_confirmation"}
    if "metadata" in p:
        fields["metadata"] = p.metadata(intent["metadata"])
    store.amend(intent, **fields)
    return intent


def confirm(store: Store, key: str, p: Params) -> Obj:
    p.only(CONFIRM)
    intent = store.get("payment_intent", key, "intent")
    _must_be(intent, "confirm", *_OPEN)
    token = p.text("payment_method") or intent["payment_method"]
    if token is None:
        raise wrong_state(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            "payment_intent_unexpected_state",
        )
    method = cards.method(store, token)
    store.amend(intent, **p.changes("receipt_email"))
    _raise(attempt(store, intent, method, off_session=p.flag("off_session")))
    return intent


def attempt(store: Store, intent: Obj, method: str, *, off_session: bool = False) -> StripeError | None:
    """Charge the payment method; the refusal, if it is refused. Either way intent, charge and events are written."""
    card = cards.card(store, method)
    store.amend(intent, payment_method=method, last_payment_error=None, next_action=None)
    if card.does == "authenticate":
        if not off_session:
            action = {"type": "use_stripe_sdk", "use_stripe_sdk": {"type": "three_d_secure_redirect"}}
            store.amend(intent, status="requires_action", next_action=action)
            emit(store, "payment_intent.requires_action", intent)
            return None
        card = card._replace(does="decline", code="authentication_required", decline_code="authentication_required")
    buyer = store.find("customer", intent["customer"]) if intent["customer"] else None
    charge = store.add(objects.charge(store, intent, method, card, buyer))
    store.amend(intent, latest_charge=charge["id"])
    if card.does == "decline":
        return _refused(store, intent, charge, card)
    if card.debit:
        store.amend(charge, captured=True)
        store.amend(intent, status="processing")
        emit(store, "charge.pending", charge)
        emit(store, "payment_intent.processing", intent)
        store.at(store.time() + _DEBIT_TAKES, "debit", intent["id"])
    elif intent["capture_method"] == "manual":
        store.amend(intent, status="requires_capture", amount_capturable=intent["amount"])
        emit(store, "charge.succeeded", charge)
        emit(store, "payment_intent.amount_capturable_updated", intent)
        store.at(store.time() + _HOLD, "hold_ends", intent["id"])
    else:
        _paid(store, intent, charge, intent["amount"], "charge.succeeded")
        if card.does == "dispute":
            disputes.open(store, charge, card.reason)
    return None


def _paid(store: Store, intent: Obj, charge: Obj, amount: int, event: str) -> None:
    """The money has come: a balance transaction, the charge captured, the intent succeeded."""
    entry = money.take(store, charge, amount)
    before = store.amend(
        charge,
        status="succeeded",
        paid=True,
        captured=True,
        amount_captured=amount,
        balance_transaction=entry["id"],
    )
    store.amend(intent, status="succeeded", amount_received=amount, amount_capturable=0)
    emit(store, event, charge, before if event == "charge.captured" else None)
    emit(store, "payment_intent.succeeded", intent)


def _refused(store: Store, intent: Obj, charge: Obj, card: cards.Card) -> StripeError:
    message = cards.MESSAGES[card.code]
    error = {"charge": charge["id"], "code": card.code, "message": message, "type": "card_error"}
    if card.decline_code:
        error["decline_code"] = card.decline_code
    store.amend(intent, status="requires_payment_method", payment_method=None, last_payment_error=error)
    emit(store, "charge.failed", charge)
    emit(store, "payment_intent.payment_failed", intent)
    return declined(
        card.code, message, decline_code=card.decline_code or None, charge=charge["id"], payment_intent=dict(intent)
    )


def capture(store: Store, key: str, p: Params) -> Obj:
    """Take all or a part of what was authorised; the rest is released."""
    p.only(CAPTURE)
    intent = store.get("payment_intent", key, "intent")
    _must_be(intent, "capture", "requires_capture")
    amount = p.whole("amount_to_capture")
    amount = intent["amount"] if amount is None else amount
    if not 1 <= amount <= intent["amount_capturable"]:
        raise bad_param(
            "amount_to_capture",
            "The amount to capture must be between 1 and the capturable amount.",
            "amount_too_large" if amount > 0 else "parameter_invalid_integer",
        )
    if "metadata" in p:
        store.amend(intent, metadata=p.metadata(intent["metadata"]))
    _paid(store, intent, store.get("charge", intent["latest_charge"]), amount, "charge.captured")
    return intent


def cancel(store: Store, key: str, p: Params) -> Obj:
    p.only(CANCEL)
    intent = store.get("payment_intent", key, "intent")
    _must_be(intent, "cancel", *_OPEN, "requires_capture")
    reason = p.choice("cancellation_reason", ("abandoned", "duplicate", "fraudulent", "requested_by_customer"))
    call_off(store, intent, reason)
    return intent


def call_off(store: Store, intent: Obj, reason: str | None) -> None:
    """Cancel the intent; an authorised amount goes back by a refund that no balance transaction belongs to."""
    if intent["status"] == "requires_capture":
        charge = store.get("charge", intent["latest_charge"])
        refunds.release(store, charge, expired=reason == "expired")
    store.amend(
        intent,
        status="canceled",
        canceled_at=store.time(),
        cancellation_reason=reason,
        amount_capturable=0,
        next_action=None,
    )
    emit(store, "payment_intent.canceled", intent)


def hold_ends(store: Store, key: str) -> None:
    """Timer: an authorisation that nobody captured within seven days."""
    intent = store.get("payment_intent", key)
    if intent["status"] == "requires_capture":
        call_off(store, intent, "expired")


def debit_settles(store: Store, key: str) -> None:
    """Timer: the bank's answer to a direct debit."""
    intent = store.get("payment_intent", key)
    if intent["status"] != "processing":
        return
    charge = store.get("charge", intent["latest_charge"])
    card = cards.card(store, charge["payment_method"])
    if card.does == "debit":
        _paid(store, intent, charge, intent["amount"], "charge.succeeded")
        return
    message = cards.MESSAGES[card.code]
    store.amend(charge, status="failed", captured=False, failure_code=card.code, failure_message=message)
    _refused(store, intent, charge, card)


def update_charge(store: Store, key: str, p: Params) -> Obj:
    p.only(UPDATE_CHARGE)
    charge = store.get("charge", key, "charge")
    fields = p.changes("description", "receipt_email", "transfer_group")
    if "metadata" in p:
        fields["metadata"] = p.metadata(charge["metadata"])
    if before := store.amend(charge, **fields):
        emit(store, "charge.updated", charge, before)
    return charge


def _must_be(intent: Obj, verb: str, *statuses: str) -> None:
    if intent["status"] not in statuses:
        raise wrong_state(
            f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}.",
            "payment_intent_unexpected_state",
            payment_intent=dict(intent),
        )


def _raise(refusal: StripeError | None) -> None:
    if refusal is not None:
        raise refusal
