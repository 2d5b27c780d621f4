"""Whose money a balance transaction moves, as far as its type tells: a payer's, or the house's own."""

_FOLLOWING = {
    # type: the kind of its source where the source's id does not tell
    "charge": "payment",
    "payment": "payment",
    "refund": "refund",
    "payment_refund": "refund",
    "refund_failure": "refund",
    "payment_failure_refund": None,
    "payment_reversal": None,
    "payment_unreconciled": None,
    "adjustment": None,
}

_KINDS = {
    # what the ids of payments, refunds and disputes begin with
    "ch": "payment",
    "py": "payment",
    "re": "refund",
    "pyr": "refund",
    "dp": "dispute",
    "du": "dispute",
}

_HOUSES = {
    "guests": "charge payment refund payment_refund refund_failure payment_failure_refund payment_reversal",
    "adjustments": "adjustment",
    "unreconciled": "payment_unreconciled",
    "fees": "stripe_fee stripe_fx_fee tax_fee fee_credit_funding",
    "payouts": "payout payout_cancel payout_failure",
    "topups": "topup topup_reversal",
    "transfers": """transfer transfer_cancel transfer_failure transfer_refund connect_collection_transfer
        inbound_transfer inbound_transfer_reversal""",
    "earnings": "application_fee application_fee_refund",
    "reserves": """reserve_hold reserve_release reserve_transaction reserved_funds
        payment_network_reserve_hold payment_network_reserve_release
        payout_minimum_balance_hold payout_minimum_balance_release""",
    "financing": """advance advance_funding anticipation_repayment obligation_outbound
        obligation_reversal_inbound""",
    "purchases": "stripe_balance_payment_debit stripe_balance_payment_debit_reversal",
    "issuing": """issuing_authorization_hold issuing_authorization_release issuing_transaction issuing_dispute
        issuing_dispute_provisional_credit issuing_dispute_provisional_credit_reversal""",
    "climate": "climate_order_purchase climate_order_refund contribution",
    "taxes": "tax_fund",
}

GUESTS = "house:guests"
"""The account of all who paid without being a customer."""

HOUSE_OF = {type_: f"house:{house}" for house, types in _HOUSES.items() for type_ in types.split()}
"""The account of each type without a payer (docs.stripe.com/reports/balance-transaction-types)."""


def origin_kind(type_: str, source: str | None) -> str | None:
    """The kind of record behind a balance transaction: payment, refund, dispute; None for the house's own.

    Disputes and refunds that failed come as adjustments, so the source's id says more than the type.
    """
    if source is None or type_ not in _FOLLOWING:
        return None
    return _KINDS.get(source.partition("_")[0], _FOLLOWING[type_])
