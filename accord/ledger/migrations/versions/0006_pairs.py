"""Bookings and their events in calendars, how far each calendar was listened to; a target may differ by itself.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_STATE = "sending: intended, outcome unknown; done; refused"


def upgrade() -> None:
    op.create_table(
        "pairs",
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="of the booking"),
        sa.Column("account", sa.Text(), nullable=False, comment="that reaches the calendar: google/main"),
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False, comment="whose calendar it is"),
        sa.Column("state", sa.Text(), nullable=False, comment="making, agreed, deleting, conflict, found or gone"),
        sa.Column(
            "rev",
            sa.BigInteger(),
            nullable=False,
            comment="of the last intention or sight; what is older counts no more",
        ),
        sa.Column("event", sa.Text(), nullable=True, comment="its id; NULL until one is known to be there"),
        sa.Column("generation", sa.Integer(), nullable=False, comment="of the event: no system gives an id out twice"),
        sa.Column("etag", sa.Text(), nullable=True, comment="of the event as last agreed"),
        sa.Column("booked", sa.Text(), nullable=True, comment="digest of the booking's time and place as last agreed"),
        sa.Column(
            "texts",
            sa.Text(),
            nullable=True,
            comment="digest of the rest that the event was given, which is the booking's own",
        ),
        sa.Column(
            "shown",
            sa.Text(),
            nullable=True,
            comment="digest of the time and place that the calendar showed after that",
        ),
        sa.Column(
            "version", sa.BigInteger(), nullable=False, comment="of the booking: what is read below it is too old"
        ),
        sa.Column(
            "sent",
            sa.Text(),
            nullable=False,
            comment="JSON: writings of which no outcome is known: rev, booked, texts",
        ),
        sa.Column(
            "seen",
            sa.LargeBinary(),
            nullable=True,
            comment="the event as last told and not dealt with, encrypted; null: gone",
        ),
        sa.Column("since", sa.Float(), nullable=True, comment="since when a conflict waits"),
        sa.Column("booking", sa.LargeBinary(), nullable=True, comment="the booking's version in a conflict, encrypted"),
        sa.Column("because", sa.Text(), nullable=True, comment="why it is one"),
        sa.Column("choice", sa.Text(), nullable=True, comment="which side a person keeps: booking or calendar"),
        sa.PrimaryKeyConstraint("sync", "key", "account", "calendar", name=op.f("pk_pairs")),
        comment="A booking and its event in one calendar: what both sides agreed on, and what was seen since.",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_pairs_sync_account_calendar_event", "pairs", ["sync", "account", "calendar", "event"])
    op.create_table(
        "calendars",
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("calendar", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=True, comment="token: where listening goes on; NULL: all is read"),
        sa.Column("listened_at", sa.Float(), nullable=True),
        sa.Column("paused", sa.Text(), nullable=True, comment="why nobody listens or writes to it; NULL while running"),
        sa.Column(
            "lenient", sa.Boolean(), server_default=sa.false(), nullable=False, comment="this once, deletions pass"
        ),
        sa.PrimaryKeyConstraint("sync", "account", "calendar", name=op.f("pk_calendars")),
        comment="How far each calendar was listened to.",
        sqlite_with_rowid=False,
    )
    _say_of_state(f"{_STATE} by the target", f"{_STATE}; differs")


def downgrade() -> None:
    _say_of_state(f"{_STATE}; differs", f"{_STATE} by the target")
    op.drop_table("calendars")
    op.drop_table("pairs")


def _say_of_state(before: str, comment: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column(
            "links", "state", comment=comment, existing_comment=before, existing_type=sa.Text(), existing_nullable=False
        )
