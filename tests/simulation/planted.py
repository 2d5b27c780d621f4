"""What a planted bug is, and how the families of schedules list theirs."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from unittest import mock

import schedule
from faults import Mix
from schedule import Patch

Patches = Callable[[], list[Patch]]


@dataclass(frozen=True)
class Mutant:
    """A planted bug, the faults that show it, and the invariants by which it must be caught."""

    name: str
    profile: Mix
    breaks: frozenset[str]
    patches: Patches

    @contextlib.contextmanager
    def planted(self) -> Iterator[None]:
        """Within, the bug is there."""
        with fresh(), contextlib.ExitStack() as stack:
            for target, name, value in self.patches():
                stack.enter_context(mock.patch.object(target, name, value))
            yield


@contextlib.contextmanager
def fresh() -> Iterator[None]:
    """Within, and afterwards, no beginning is used that other code has made."""
    schedule.beginnings.clear()
    try:
        yield
    finally:
        schedule.beginnings.clear()


def register(mutants: dict[str, Mutant], profile: Mix, *breaks: str) -> Callable[[Patches], Patches]:
    """List a bug by the name of the function that gives its patches."""

    def listed(patches: Patches) -> Patches:
        mutants[patches.__name__] = Mutant(patches.__name__, profile, frozenset(breaks), patches)
        return patches

    return listed
