"""What is expected of a run as a whole, looked at once everything is settled."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import pandas as pd

from tasks.expectations import Rule, Severity
from tasks.expectations import vocabulary as v
from tasks.expectations.examine import verdicts
from tasks.expectations.suites import Suite, build

COUNTS = [
    Rule(
        "run.counted",
        v.same("read", "decided"),
        "Every record that was read was written, found unchanged, held, quarantined or put back to be read again",
    ),
    # Only a warning: another worker may be in the middle of a batch, and recovery drives each to an outcome.
    Rule("run.sent", v.zero("sending"), "Everything that was sent to the accounts has an outcome", "warning"),
]
SUMS = [
    Rule("run.currencies", v.known_currency(), "Every sum in the accounts is in a currency that Stripe settles in"),
    Rule("run.sums", v.same("shown", "accepted"), "The accounts add up to the balance transactions, to the unit"),
]


class Verdict(NamedTuple):
    """Whether the run was as one rule expects."""

    title: str
    severity: Severity
    passed: bool


def look(
    read: int, decided: int, sending: int, sums: Mapping[str, int], accepted: Mapping[str, int] | None
) -> list[Verdict]:
    """Compare what a run read with what it decided, and look at what it left in the ledger and in the accounts."""
    counts = pd.DataFrame({"read": [read], "decided": [decided], "sending": [sending]})
    accepted = sums if accepted is None else accepted
    names = sorted(sums.keys() | accepted.keys())
    currencies = pd.DataFrame(
        {
            "currency": pd.Series(names, dtype=object),
            "shown": pd.Series([sums.get(name, 0) for name in names], dtype=object),
            "accepted": pd.Series([accepted.get(name, 0) for name in names], dtype=object),
        }
    )
    found: list[Verdict] = []
    for suite, frame in ((_suite("counts"), counts), (_suite("sums"), currencies)):
        failed = verdicts(frame, suite) if len(frame) else {}
        found += [Verdict(rule.title, rule.severity, id_ not in failed) for id_, rule in suite.rules.items()]
    return found


@cache
def _suite(name: str) -> Suite:
    rules = {"counts": COUNTS, "sums": SUMS}[name]
    return build(
        name, [(rule, __name__) for rule in rules], ["read", "decided", "sending", "currency", "shown", "accepted"]
    )
