"""What is expected of legs of money: signs as seen from the balance (docs.stripe.com/api/balance_transactions/object).

A fee may be negative, where it is given back; and money may be available before the second it was booked in.
"""

from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

RULES = [
    Rule("leg.key", v.given("key"), "A leg has an id"),
    Rule("leg.once", v.unique("key"), "A leg comes once in a batch"),
    Rule(
        "leg.given",
        v.all_given("type", "gross", "fee", "net", "currency", "created", "available_on"),
        "A leg has a type, its amounts, a currency and its times",
    ),
    Rule("leg.currency", v.known_currency(), "A leg is in a currency that Stripe settles in"),
    Rule("leg.net", v.difference("gross", "fee", "net"), "The net of a leg is its gross less its fee"),
    Rule("leg.signs", v.signs("type", "gross"), "A payment brings money in, a refund takes it out"),
    Rule("leg.time", v.in_time("created"), "A leg was created after 2008 and not in the future", "warning"),
]
