"""The suite of each kind: our rules and those that the entry points `accord.expectations` add."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import get_args

import great_expectations as gx
from great_expectations.expectations.expectation import (
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    Expectation,
    MulticolumnMapExpectation,
)

from accord.errors import Misconfigured
from accord.records import Kind
from tasks.expectations import (
    Rule,
    Severity,
    booking,
    customer,
    dispute,
    document,
    frames,
    intent,
    invoice,
    leg,
    payment,
    refund,
    subscription,
)

GROUP = "accord.expectations"

OURS: dict[Kind, list[Rule]] = {
    Kind.CUSTOMER: customer.RULES,
    Kind.SUBSCRIPTION: subscription.RULES,
    Kind.INVOICE: invoice.RULES,
    Kind.INTENT: intent.RULES,
    Kind.PAYMENT: payment.RULES,
    Kind.REFUND: refund.RULES,
    Kind.DISPUTE: dispute.RULES,
    Kind.LEG: leg.RULES,
    Kind.DOCUMENT: document.RULES,
    Kind.BOOKING: booking.RULES,
}

_BY_RECORD = (ColumnMapExpectation, ColumnPairMapExpectation, MulticolumnMapExpectation)


@dataclass(frozen=True, slots=True)
class Suite:
    """Rules ready to be evaluated: by id, in their order; where each comes from, and the columns that they name."""

    rules: dict[str, Rule]
    homes: dict[str, str]
    columns: frozenset[str]
    expectations: gx.ExpectationSuite

    def title(self, id_: str) -> str:
        """The sentence of a rule."""
        return self.rules[id_].title


@cache
def suite(kind: Kind) -> Suite:
    """All that is expected of a kind. Raises Misconfigured where what an entry point adds can not be used."""
    return build(kind, _rules(kind), frames.available(kind))


@cache
def keys(kind: Kind) -> Suite:
    """What is expected of a kind's keys alone, which is all that a tombstone has."""
    rules = [
        (rule, home) for rule, home in _rules(kind) if _columns(rule.expectation, frames.available(kind)) == {"key"}
    ]
    return build(f"{kind} keys", rules, frames.available(kind))


def severities(kind: Kind) -> dict[str, Severity]:
    """How severe it is when an expectation of the kind fails, by its title."""
    order = get_args(Severity)  # the worst first, which counts where rules share a title
    rules = sorted(suite(kind).rules.values(), key=lambda rule: order.index(rule.severity), reverse=True)
    return {rule.title: rule.severity for rule in rules}


def build(name: str, rules: Iterable[tuple[Rule, str]], available: Collection[str]) -> Suite:
    """A suite of rules, each with the name of where it comes from. Raises Misconfigured, naming what does not fit."""
    checked: dict[str, Rule] = {}
    homes: dict[str, str] = {}
    for rule, home in rules:
        _check(rule, home, checked)
        checked[rule.id], homes[rule.id] = rule, home
    # Copies, since a suite takes an expectation for its own. `add_expectation` would need a context, and drop in
    # silence a rule that differs from another one in its title alone.
    copies = [
        rule.expectation.copy(update={"id": None, "meta": {"title": rule.title}, "severity": rule.severity})
        for rule in checked.values()
    ]
    made = gx.ExpectationSuite(name=name, expectations=copies)
    for id_, expectation in zip(checked, made.expectations, strict=True):
        expectation.id = id_  # only now: a suite takes none that has one already
    columns = frozenset[str]().union(*(_columns(expectation, available) for expectation in copies))
    return Suite(checked, homes, columns, made)


def _check(rule: Rule, home: str, others: Collection[str]) -> None:
    wrong = None
    if rule.id in others:
        wrong = "has an id that is taken"
    elif not isinstance(rule.expectation, _BY_RECORD):
        wrong = "must hold an expectation about single records: of a column, a pair or a list of columns"
    elif not rule.title.strip():
        wrong = "needs a title that people understand"
    elif rule.severity not in get_args(Severity):
        wrong = f"must be of severity {', '.join(get_args(Severity))}"
    if wrong is not None:
        raise Misconfigured(f"{home}: the rule {rule.id} {wrong}")


def _columns(expectation: Expectation, available: Collection[str]) -> set[str]:
    """The columns that an expectation may need: every word of its settings that is a column's name."""
    return set(re.findall(r"\w+", str(expectation.configuration.kwargs))) & set(available)


def _rules(kind: Kind) -> list[tuple[Rule, str]]:
    ours = [(rule, f"tasks.expectations.{kind}") for rule in OURS[kind]]
    return [*ours, *_added(kind, sorted(entry_points(group=GROUP), key=lambda point: point.name))]


def _added(kind: Kind, points: Sequence[EntryPoint]) -> list[tuple[Rule, str]]:
    """The rules that entry points add for a kind, under ids that begin with the entry point's name."""
    added = []
    for point in points:
        home = f"the entry point {point.name} of {GROUP} ({point.value})"
        try:
            rules = list(point.load()(kind))
        except Exception as error:
            # Its name alone: this text ends up in alerts, and what a foreign module says may hold a secret.
            raise Misconfigured(
                f"{home} can not be used: {type(error).__name__}; correct it or uninstall it"
            ) from error
        for rule in rules:
            if not isinstance(rule, Rule):
                raise Misconfigured(f"{home} must give tasks.expectations.Rule, not {type(rule).__name__}")
            added.append((Rule(f"{point.name}.{rule.id}", rule.expectation, rule.title, rule.severity), home))
    return added
