"""What is expected of payments.

A payment that failed may have been captured before (a bank debit that was returned), so nothing ties the two.
"""

from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

RULES = [
    Rule("payment.key", v.given("key"), "A payment has an id"),
    Rule("payment.once", v.unique("key"), "A payment comes once in a batch"),
    Rule(
        "payment.given",
        v.all_given("amount", "captured", "refunded", "currency", "status", "created"),
        "A payment has amounts, a currency, a status and a time",
    ),
    Rule("payment.currency", v.known_currency(), "A payment is in a currency that Stripe charges in"),
    Rule("payment.amounts", v.none_negative("amount", "captured", "refunded"), "A payment's amounts are not negative"),
    # To capture more raises the amount itself (docs.stripe.com/terminal/features/collecting-tips/on-receipt).
    Rule("payment.captured", v.at_most("captured", "amount"), "At most the amount of a payment is captured"),
    # Not of what was captured: an authorisation that is released counts as refunded without a capture.
    Rule("payment.refunded", v.at_most("refunded", "amount"), "At most the amount of a payment is refunded"),
    Rule("payment.time", v.in_time("created"), "A payment was created after 2008 and not in the future", "warning"),
]
