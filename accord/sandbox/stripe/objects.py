"""New customers, payment intents, charges, refunds, disputes and payouts, before anything happens to them."""

from typing import Any

from accord.sandbox.forms import words
from accord.sandbox.stripe.blanks import blank, stamped
from accord.sandbox.stripe.cards import MESSAGES, Card
from accord.sandbox.stripe.store import Obj, Store

ADDRESS_FIELDS = words("city country line1 line2 postal_code state")


def address(parts: dict[str, str]) -> dict[str, str | None] | None:
    """An address with all its fields; None when nothing is given."""
    return {name: parts.get(name) or None for name in ADDRESS_FIELDS} if any(parts.values()) else None


def customer(store: Store) -> Obj:
    key = store.new_id("cus")
    return blank("customer", key, stamped(store) | {"invoice_prefix": key[4:12].upper()})


def payment_intent(store: Store, amount: int, currency: str, fields: dict[str, Any]) -> Obj:
    key = store.new_id("pi")
    own = {"amount": amount, "client_secret": f"{key}_secret_{key[-8:]}", "currency": currency}
    return blank("payment_intent", key, stamped(store) | own | fields)


def charge(store: Store, intent: Obj, method: str, card: Card, buyer: Obj | None) -> Obj:
    """A charge of the intent's amount by a payment method: refused at once, pending (a debit), or authorised."""
    refused = card.does == "decline"
    copied = words("amount currency customer description receipt_email statement_descriptor transfer_group")
    fields = {
        "billing_details": {
            "address": (buyer and buyer["address"]) or dict.fromkeys(ADDRESS_FIELDS),
            "email": buyer["email"] if buyer else intent["receipt_email"],
            "name": buyer["name"] if buyer else None,
            "phone": buyer["phone"] if buyer else None,
            "tax_id": None,
        },
        "calculated_statement_descriptor": None if card.debit else "PRAVALIA EXEMPLU",
        "failure_code": card.code if refused else None,
        "failure_message": MESSAGES[card.code] if refused else None,
        "metadata": dict(intent["metadata"]),
        "outcome": _outcome(card, refused),
        "paid": not refused and not card.debit,
        "payment_intent": intent["id"],
        "payment_method": method,
        "payment_method_details": _method_details(card, method),
        "status": "failed" if refused else "pending" if card.debit else "succeeded",
    }
    key = store.new_id("py" if card.debit else "ch")
    return blank("charge", key, stamped(store) | {name: intent[name] for name in copied} | fields)


def _method_details(card: Card, key: str) -> Obj:
    if card.debit:
        details: Obj = {
            "bank_code": "37040044",
            "branch_code": "",
            "country": card.country,
            "fingerprint": key[-16:],
            "last4": card.last4,
            "mandate": f"mandate_{key[3:]}",
        }
        return {"sepa_debit": details, "type": "sepa_debit"}
    return {
        "card": {
            "amount_authorized": None,
            "brand": card.brand,
            "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
            "country": card.country,
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": key[-16:],
            "funding": "credit",
            "installments": None,
            "last4": card.last4,
            "network": card.brand,
            "three_d_secure": None,
            "wallet": None,
        },
        "type": "card",
    }


def _outcome(card: Card, refused: bool) -> Obj:
    return {
        "advice_code": "do_not_try_again" if refused else None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if refused else "approved_by_network",
        "reason": (card.decline_code or card.code) if refused else None,
        "risk_level": "normal",
        "risk_score": 12,
        "seller_message": "The bank did not approve the payment." if refused else "Payment complete.",
        "type": "issuer_declined" if refused else "authorized",
    }


def refund(store: Store, charge: Obj, amount: int, fields: dict[str, Any]) -> Obj:
    own = {
        "amount": amount,
        "charge": charge["id"],
        "created": store.time(),
        "currency": charge["currency"],
        "payment_intent": charge["payment_intent"],
    }
    return blank("refund", store.new_id("pyr" if charge["id"].startswith("py_") else "re"), own | fields)


def dispute(store: Store, charge: Obj, amount: int, reason: str, inquiry: bool) -> Obj:
    fields = {
        "amount": amount,
        "charge": charge["id"],
        "currency": charge["currency"],
        "evidence": {"customer_email_address": charge["billing_details"]["email"], "uncategorized_text": None},
        "evidence_details": {
            "due_by": (store.time() // 86_400 + 10) * 86_400 - 1,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": inquiry,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"].get("card", {}).get("brand", "visa"),
                "case_type": "inquiry" if inquiry else "chargeback",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "warning_needs_response" if inquiry else "needs_response",
    }
    return blank("dispute", store.new_id("du"), stamped(store) | fields)


def payout(store: Store, amount: int, currency: str, automatic: bool, fields: dict[str, Any]) -> Obj:
    own = {
        "amount": amount,
        "arrival_date": (store.time() // 86_400 + 2) * 86_400,
        "automatic": automatic,
        "currency": currency,
        "destination": f"ba_{store.account[5:]}{currency}",
        "reconciliation_status": "completed" if automatic else "not_applicable",
    }
    return blank("payout", store.new_id("po"), stamped(store) | own | fields)
