"""What is kept in agreement, and the words that reading, settling and planning share."""

from dataclasses import dataclass

EVENT = "event"
"""The stream that tells which records may have changed."""


@dataclass(frozen=True, slots=True)
class Sync:
    """What is kept in agreement: records of one connection, shown in one target."""

    name: str
    connection: str
    target: str
