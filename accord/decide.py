"""The whole policy, as one pure function: what is to be done with a record that was read."""

from enum import StrEnum
from typing import NamedTuple

from accord.ledger.links import Link


class Change(StrEnum):
    """What was decided for one record."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    SKIP = "skip"
    HOLD = "hold"  # not yet: it waits for another record
    AGAIN = "again"  # what was read does not count; fetch it anew
    CONFLICT = "conflict"  # a person must look


class Decision(NamedTuple):
    """The change, and why."""

    change: Change
    because: str


class Reading(NamedTuple):
    """A record as one batch read it."""

    hash: str
    deleted: bool
    ticket: int  # the ledger's counter, noted before it was asked for
    batch: int
    alone: bool  # fetched by itself, not found on a list
    final: bool  # a kind whose records never change once they exist


def decide(read: Reading, link: Link | None, waits_for: str | None) -> Decision:
    """Say what to do with a record, given the link to its twin and the parent it lacks, if any.

    What was read counts only if nothing was settled since its ticket, unless by this batch itself, which was then
    interrupted between its intention and its outcome and goes on where it stopped.
    """
    if link is not None and read.final and link.hash == read.hash:
        return Decision(Change.SKIP, "unchanged")
    ours = link is not None and link.batch == read.batch
    if link is not None and not ours and link.rev > read.ticket:
        return Decision(Change.AGAIN, "settled by another reading since this one began")
    if link is not None and read.final and link.hash is not None:
        return Decision(Change.CONFLICT, "a record that never changes has changed in the source")
    # What was intended already may be there: it is driven to its end, also where the parent is not known any more.
    intended = link is not None and ours and link.state == "sending" and link.wanted == read.hash
    if waits_for is not None and not intended:
        return Decision(Change.HOLD, f"waits for {waits_for}")
    if link is None or link.hash is None:
        shown = "had deleted it before the target showed it" if read.deleted else "shows it, the target does not"
        return Decision(Change.CREATE, f"the source {shown}")
    if link.state == "done" and link.hash == read.hash:
        return Decision(Change.SKIP, "unchanged")
    if link.deleted and not read.deleted and not ours:
        if read.alone:
            return Decision(Change.CONFLICT, "the source shows a record again that it had deleted")
        return Decision(Change.AGAIN, "a list shows a record that the source had deleted")
    if read.deleted:
        return Decision(Change.DELETE, "the source no longer has it")
    if link.state == "differs" and link.hash == read.hash:
        return Decision(Change.UPDATE, "the target may show it differently")
    return Decision(Change.UPDATE, "the source shows it differently")
