"""What is kept in agreement, and the words that reading, settling and planning share."""

from dataclasses import dataclass

EVENT = "event"
"""The stream that tells which records may have changed."""

ALONE = {"payment-to-account": "stripe", "booking-to-calendar": "bookings"}
"""Workflows that read one system only, whose syncs are named after the connection alone."""


@dataclass(frozen=True, slots=True)
class Sync:
    """What is kept in agreement: records of one connection, shown in one target.

    The name is that of the workflow and that of the connection, as in the full name of the Prefect deployment:
    payment-to-account/main reads stripe/main, booking-to-calendar/main reads bookings/main, and
    invoice-to-portal/oblio-main reads oblio/main.
    """

    name: str
    connection: str
    target: str


def name_of(workflow: str, connection: str) -> str:
    """The name of the sync by which a workflow reads a connection."""
    system, _, name = connection.partition("/")
    return f"{workflow}/{name}" if workflow in ALONE else f"{workflow}/{system}-{name}"


def connection_of(sync: str) -> str:
    """The connection that a sync reads, by the sync's name."""
    workflow, _, name = sync.partition("/")
    return f"{ALONE[workflow]}/{name}" if workflow in ALONE else name.replace("-", "/", 1)
