"""What the demo's shop expects of its own payments: how a project adds to the expectations without touching them.

It is found by the entry point `demo` of the group `accord.expectations`.
"""

from collections.abc import Iterable

from great_expectations.expectations import ExpectColumnValuesToBeBetween

from accord.records import Kind
from tasks.expectations import Rule

LIMIT = 10**12  # smallest units; Stripe takes no amount of more than twelve digits (docs.stripe.com/currencies)


def expectations(kind: Kind) -> Iterable[Rule]:
    """The shop's own rules for the records of a kind."""
    if kind is Kind.PAYMENT:
        below = ExpectColumnValuesToBeBetween(column="amount", max_value=LIMIT, strict_max=True)
        yield Rule("limit", below, "A payment is below the shop's limit of twelve digits", "warning")
