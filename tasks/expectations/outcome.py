"""What is expected of a run as a whole, looked at once everything is settled."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import pandas as pd

from tasks.expectations import Rule, Severity
from tasks.expectations import vocabulary as v
from tasks.expectations.examine import verdicts
from tasks.expectations.suites import Suite, build

COUNTED = Rule(
    "run.counted",
    v.same("read", "decided"),
    "Every record that was read was written, found unchanged, held, quarantined or put back to be read again",
)
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
    target: str,
    read: int,
    decided: int,
    sending: int,
    sums: Mapping[str, int] | None,
    accepted: Mapping[str, int] | None,
) -> list[Verdict]:
    """Compare what a run read with what it decided, and look at what it left in the ledger and in the target.

    `target` is how people call that: accounts, portal. Without `sums` it shows no money that has to add up.
    """
    counts = pd.DataFrame({"read": [read], "decided": [decided], "sending": [sending]})
    found = _verdicts(_counts(target), counts)
    return found if sums is None else found + _verdicts(_sums(), _currencies(sums, accepted))


def _currencies(sums: Mapping[str, int], accepted: Mapping[str, int] | None) -> pd.DataFrame:
    accepted = sums if accepted is None else accepted
    names = sorted(sums.keys() | accepted.keys())
    return pd.DataFrame(
        {
            "currency": pd.Series(names, dtype=object),
            "shown": pd.Series([sums.get(name, 0) for name in names], dtype=object),
            "accepted": pd.Series([accepted.get(name, 0) for name in names], dtype=object),
        }
    )


def _verdicts(suite: Suite, frame: pd.DataFrame) -> list[Verdict]:
    failed = verdicts(frame, suite) if len(frame) else {}
    return [Verdict(rule.title, rule.severity, id_ not in failed) for id_, rule in suite.rules.items()]


@cache
def _counts(target: str) -> Suite:
    # Only a warning: another worker may be in the middle of a batch, and recovery drives each to an outcome.
    sent = Rule("run.sent", v.zero("sending"), f"Everything that was sent to the {target} has an outcome", "warning")
    return build("counts", [(COUNTED, __name__), (sent, __name__)], ["read", "decided", "sending"])


@cache
def _sums() -> Suite:
    return build("sums", [(rule, __name__) for rule in SUMS], ["currency", "shown", "accepted"])
