"""Actions: what Accord does at another system because a record changed, and which records ask for that."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from sqlalchemy import Connection

from accord.clock import Until
from accord.errors import Refused
from accord.ledger import actions
from accord.records import Kind, Record
from accord.sync import Sync


class Waits(NamedTuple):
    """How long another system may take, in seconds."""

    send: float = 30.0  # from the intention to the last byte that is sent
    effect: float = 600.0  # from there until it has its effect, or never will
    show: float = 120.0  # from there until it is found

    @property
    def quiet(self) -> float:
        """After an intention, until what is not found then is not there and never will be."""
        return sum(self)


class Twin(NamedTuple):
    """What was made at the other system; `id` as a record of it would be called."""

    id: str
    series: str | None = None
    number: str | None = None

    @property
    def called(self) -> str:
        """As people call it."""
        return " ".join(filter(None, (self.series, self.number))) or self.id


class Sent(NamedTuple):
    """One step of an action, as it is sent and looked up."""

    step: str
    mark: str  # the same in every attempt: the idempotency key, and what it is known again by
    payload: bytes
    note: Mapping[str, Any]  # what `before` noted, and under their names what earlier steps made
    attempt: int

    def __repr__(self) -> str:
        """Without the payload, which is people's names and money."""
        return f"<Sent {self.step} {self.mark}>"


class Look(NamedTuple):
    """What a look-up found, oldest first, and the other system's clock (Unix seconds) before it looked, if told."""

    found: Sequence[Twin] = ()
    date: float | None = None


class NotNeeded(Refused):
    """Nothing is to be done for a record as it is now."""


class Action(Protocol):
    """What is done, because of which records, and where. An action of one's own is one class with this shape."""

    name: str  # for good: under another one, all would be done once more
    kind: Kind
    since: int  # records created before this second ask for nothing
    account: str  # where it is done, such as "oblio/main"
    steps: Sequence[str]  # what is made, one after the other; the last one is what was wanted
    heeds: float | None  # seconds for which the other system heeds a repeated mark; None: it knows no such keys
    waits: Waits

    def wants(self, record: Record) -> bool:
        """Whether it is to be done because of this record; pure, since it is asked inside a transaction."""

    def overtaken(self, record: Record) -> str | None:
        """What a person has to do where it was done because of this record; None where it is right as it is. Pure."""

    def compose(self, key: str, mark: str) -> bytes:
        """Exactly what is to be sent for the record as it is now.

        Raises NotNeeded where nothing is to be done, and Refused where it can not be and a person should know.
        """

    def before(self, sent: Sent) -> tuple[float | None, Mapping[str, Any]]:
        """The other system's clock, if told, and what a look-up will need to know. Asked only without keys."""

    def send(self, sent: Sent, until: Until) -> Twin:
        """Make it; nothing may be sent after `until`.

        Raises NotSent or Misconfigured where nothing came of it for sure, Refused where the other system said no, and
        TryLater where it may have been made: also for an answer that can not be read.
        """

    def find(self, sent: Sent) -> Look:
        """What was made under this mark. Raises TryLater where that can not be asked, Unclear where nobody can tell."""

    def close(self) -> None:
        """Give the connections back."""


def want(
    connection: Connection, sync: Sync, declared: Iterable[Action], records: Collection[Record], now: float
) -> None:
    """Note which actions these records ask for, in the transaction that writes what became of the records.

    And which actions the records have overtaken.
    """
    for action in declared:
        mine = [
            record
            for record in records
            if record.kind is action.kind and not record.deleted and record.created >= action.since
        ]
        keys = [record.key for record in mine if action.wants(record)]
        if keys:
            actions.want(connection, action.name, sync.connection, action.kind, action.account, keys, now)
        why = {record.key: text for record in mine if (text := action.overtaken(record)) is not None}
        actions.overtake(connection, action.name, sync.connection, action.kind, why)
