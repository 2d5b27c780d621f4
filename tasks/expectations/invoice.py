"""What is expected of invoices.

Totals may be negative (a credit), and what remains may differ from what is due less what was paid (an overpayment),
so neither is checked.
"""

from tasks.expectations import Rule
from tasks.expectations import vocabulary as v

AMOUNTS = ("total", "amount_due", "amount_paid", "amount_remaining")

RULES = [
    Rule("invoice.key", v.given("key"), "An invoice has an id"),
    Rule("invoice.once", v.unique("key"), "An invoice comes once in a batch"),
    Rule(
        "invoice.given", v.all_given(*AMOUNTS, "currency", "created"), "An invoice has amounts, a currency and a time"
    ),
    Rule("invoice.currency", v.known_currency(), "An invoice is in a currency that Stripe charges in"),
    Rule(
        "invoice.amounts",
        v.none_negative("amount_due", "amount_paid"),
        "What is due and what was paid of an invoice is not negative",
    ),
    Rule("invoice.time", v.in_time("created"), "An invoice was created after 2008 and not in the future", "warning"),
]
