"""What is expected of customers."""

from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

RULES = [
    Rule("customer.key", v.given("key"), "A customer has an id"),
    Rule("customer.once", v.unique("key"), "A customer comes once in a batch"),
    Rule("customer.given", v.all_given("created", "delinquent"), "A customer says since when, and whether in arrears"),
    Rule("customer.currency", v.known_currency(), "A customer's currency is one that Stripe charges in"),
    Rule("customer.time", v.in_time("created"), "A customer was created after 2008 and not in the future", "warning"),
]
