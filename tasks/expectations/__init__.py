"""What is expected of the records of each kind, and how a project adds expectations of its own."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One expectation of the records of a kind. A record that fails it is kept in quarantine.

    Of severity info it is a remark alone: the record goes on, and the run's log tells of it.

    `expectation` is one of Great Expectations' own or a custom one, about a column, a pair or a list of columns, so
    that it judges each record by itself; `mostly` does not let a record through. The columns are the fields of the
    kind (`accord.records`) and those of `tasks.expectations.frames.ADDED`. `title` says it in a sentence that people
    understand, without values: they meet it in the quarantine and in the run's report.

    A project adds rules by an entry point of the group `accord.expectations`, a function `(kind: Kind) ->
    Iterable[Rule]`. The ids of its rules begin with the entry point's name.
    """

    id: str
    expectation: "Expectation"
    title: str
    severity: Severity = "critical"
