"""In whose name Google is asked, and how often: a connection for each person, with a token and a quota of its own."""

import sys
import threading
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from accord.http import Transport
from accord.quota import SharedQuota
from accord.systems.google.tokens import Tokens

CALL: Final = "call"
BATCH: Final = "batch"


class PersonsBudget:
    """What Google lets one person do in a minute. A batch is let through: what it carries was taken before."""

    def __init__(self, person: str, quota: SharedQuota) -> None:
        # By a hash, since the ledger's buckets and the log are no place for mail addresses.
        self._name = blake2b(person.encode(), digest_size=6).hexdigest()
        self._quota = quota

    @property
    def most(self) -> int:
        """The most calls that may go at once."""
        return self._quota.per_minute or sys.maxsize

    def take(self, endpoint: str) -> None:
        """Wait until one call may go; raises TryLater where that takes longer than a minute or so."""
        if endpoint != BATCH:
            self._quota.take(self._name)

    def take_all(self, calls: int) -> None:
        """The same for several calls at once."""
        self._quota.take(self._name, calls)

    def pause(self, endpoint: str | None, seconds: float) -> None:
        """Send nothing for so long: in this person's name, or (None) in nobody's."""
        self._quota.pause(None if endpoint is None else self._name, seconds)


class Person:
    """Somebody in whose name Google is asked."""

    def __init__(self, budget: PersonsBudget, tokens: Tokens, transport: Transport) -> None:
        self.budget = budget
        self.tokens = tokens
        self.transport = transport


class People:
    """In whose name each calendar is reached: always the same account's, or that of the person whose calendar it is."""

    def __init__(self, each: bool, make: Callable[[str], Person]) -> None:
        self._make = make
        self._each = each
        self._lock = threading.Lock()
        self._people: dict[str, Person] = {}

    def of(self, calendar: str) -> Person:
        """Who may write into this calendar."""
        name = calendar if self._each else ""
        with self._lock:
            if name not in self._people:
                self._people[name] = self._make(name)
            return self._people[name]

    def close(self) -> None:
        """Give the connections back."""
        for person in self._people.values():
            person.transport.close()
