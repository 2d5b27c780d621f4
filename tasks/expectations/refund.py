"""What is expected of refunds.

A refund of a customer's cash balance belongs to no payment, so the payment may be missing; one that is named must be
known before the refund is settled, and is looked at here.
"""

from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

RULES = [
    Rule("refund.key", v.given("key"), "A refund has an id"),
    Rule("refund.once", v.unique("key"), "A refund comes once in a batch"),
    Rule("refund.given", v.all_given("amount", "currency", "created"), "A refund has an amount, a currency and a time"),
    Rule("refund.currency", v.known_currency(), "A refund is in a currency that Stripe charges in"),
    Rule("refund.positive", v.at_least("amount", 1), "A refund gives something back"),
    Rule("refund.at_most", v.at_most("amount", "parent_amount"), "A refund is at most its payment"),
    Rule("refund.same_currency", v.same("currency", "parent_currency"), "A refund is in the currency of its payment"),
    Rule("refund.time", v.in_time("created"), "A refund was created after 2008 and not in the future", "warning"),
]
