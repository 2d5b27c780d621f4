"""What is expected of payment intents."""

from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

RULES = [
    Rule("intent.key", v.given("key"), "A payment intent has an id"),
    Rule("intent.once", v.unique("key"), "A payment intent comes once in a batch"),
    Rule(
        "intent.given",
        v.all_given("amount", "amount_received", "currency", "status", "created"),
        "A payment intent has amounts, a currency, a status and a time",
    ),
    Rule("intent.currency", v.known_currency(), "A payment intent is in a currency that Stripe charges in"),
    Rule("intent.amounts", v.none_negative("amount", "amount_received"), "A payment intent's amounts are not negative"),
    # To capture more raises the amount itself (docs.stripe.com/terminal/features/collecting-tips/on-receipt).
    Rule("intent.received", v.at_most("amount_received", "amount"), "A payment intent receives at most its amount"),
    Rule(
        "intent.time", v.in_time("created"), "A payment intent was created after 2008 and not in the future", "warning"
    ),
]
