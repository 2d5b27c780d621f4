"""Whose account a leg of money is in, found by what is known of the records that moved it."""

from collections.abc import Callable

import msgspec

from accord.houses import GUESTS, HOUSE_OF
from accord.records import Facts, Kind, Leg, Ref


def attribute(leg: Leg, facts: Callable[[Ref], Facts | None]) -> Leg:
    """Fill in whose account a leg is in, the payment behind it, and the amount as charged; pure.

    `facts` gives what is known of a record, None where it is not known; then the leg comes back without an
    account, and its `needs` names the record that is lacking. The charged amount has the sign of gross.
    Without a conversion it is gross itself: only a part of the payment may have been captured or disputed.
    """
    if leg.account:
        return leg
    origin = leg.origin
    if origin is None:
        return msgspec.structs.replace(leg, account=HOUSE_OF[leg.type])
    known = facts(origin)
    if known is None:
        return leg
    payment = origin.key if origin.kind is Kind.PAYMENT else known["payment"]
    payer: Facts | None = known
    if origin.kind is not Kind.PAYMENT:
        payer = facts(Ref(Kind.PAYMENT, str(payment))) if payment else {}
    # Of a payment, what was captured of it: the rest was never charged.
    amount, currency = int(known.get("captured") or known["amount"] or 0), known["currency"] or None
    if currency == leg.currency:
        amount = leg.gross
    return msgspec.structs.replace(
        leg,
        account="" if payer is None else payer.get("customer") or GUESTS,
        payment=payment or None,
        charged_amount=(amount if leg.gross >= 0 else -abs(amount)) if currency else None,
        charged_currency=currency,
    )


MOVE = "move"
"""The type of the two legs that move money from the guests' account to a customer's."""


def postings(leg: Leg, shown: Facts | None) -> list[Leg]:
    """The rows that an attributed leg comes to, given the facts of the one that the accounts show already; pure.

    That one stays as it was first shown. Where it is in the guests' account and its payment has been given a
    customer since (docs.stripe.com/api/charges/update, `customer`), two more legs move the money there.
    """
    if shown is None or not leg.account:
        return [leg]
    charged, now = shown.get("charged_amount"), leg.charged_amount
    if charged is not None and now is not None and abs(int(charged)) < abs(now):
        # More was captured of the payment since; that has a leg of its own.
        leg = msgspec.structs.replace(leg, charged_amount=int(charged))
    if shown.get("account") != GUESTS or leg.account == GUESTS:
        return [leg]
    first = msgspec.structs.replace(leg, account=GUESTS)
    taken = msgspec.structs.replace(
        first,
        key=f"{leg.key}/out",
        type=MOVE,
        gross=-leg.gross,
        fee=-leg.fee,
        net=-leg.net,
        charged_amount=None if leg.charged_amount is None else -leg.charged_amount,
    )
    return [first, taken, msgspec.structs.replace(leg, key=f"{leg.key}/in", type=MOVE)]
