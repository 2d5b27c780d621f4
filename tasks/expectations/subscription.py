"""What is expected of subscriptions."""

from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

RULES = [
    Rule("subscription.key", v.given("key"), "A subscription has an id"),
    Rule("subscription.once", v.unique("key"), "A subscription comes once in a batch"),
    Rule(
        "subscription.given",
        v.all_given("customer", "status", "created"),
        "A subscription has a customer, a status and a time",
    ),
    Rule("subscription.quantity", v.at_least("quantity", 0), "A subscription's quantity is not negative"),
    Rule("subscription.period", v.at_most("period_start", "period_end"), "A subscription's period ends after it began"),
    Rule(
        "subscription.time",
        v.in_time("created"),
        "A subscription was created after 2008 and not in the future",
        "warning",
    ),
]
