"""What is expected of disputes.

The bank's amount may differ from the payment's, by exchange rates or because only a part is disputed
(docs.stripe.com/api/disputes/object), so the two are not compared.
"""

from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

RULES = [
    Rule("dispute.key", v.given("key"), "A dispute has an id"),
    Rule("dispute.once", v.unique("key"), "A dispute comes once in a batch"),
    Rule(
        "dispute.given",
        v.all_given("payment", "amount", "currency", "status", "created"),
        "A dispute has a payment, an amount, a currency, a status and a time",
    ),
    Rule("dispute.currency", v.known_currency(), "A dispute is in a currency that Stripe charges in"),
    Rule("dispute.amount", v.at_least("amount", 0), "A dispute's amount is not negative"),
    Rule("dispute.time", v.in_time("created"), "A dispute was created after 2008 and not in the future", "warning"),
]
