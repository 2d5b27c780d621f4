"""What a stream's deletions, turns, bounds and mapping are; by which reading a link is, and that it was refused.

Revision ID: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_STATE = "sending: intended, outcome unknown; done"


def upgrade() -> None:
    none = sa.text("0")
    for column in (
        sa.Column("rescanned_at", sa.BigInteger(), comment="when the last turn of the nightly rescan was taken"),
        sa.Column("since", sa.BigInteger(), comment="where the backfill began, if a person said so"),
        sa.Column("mapping", sa.Text(), comment="digest of where the target keeps these records"),
        sa.Column(
            "deletions", sa.Integer(), server_default=none, nullable=False, comment="intended since deleting_since"
        ),
        sa.Column("deleting_since", sa.Float(), server_default=none, nullable=False),
    ):
        op.add_column("streams", column)
    read = sa.Column(
        "ticket", sa.BigInteger(), server_default=none, nullable=False, comment="of the reading that it holds"
    )
    op.add_column("links", read)
    _say_of_state(_STATE, f"{_STATE}; refused by the target")


def downgrade() -> None:
    _say_of_state(f"{_STATE}; refused by the target", _STATE)
    op.drop_column("links", "ticket")
    for column in ("deleting_since", "deletions", "mapping", "since", "rescanned_at"):
        op.drop_column("streams", column)


def _say_of_state(before: str, comment: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column(
            "links", "state", comment=comment, existing_comment=before, existing_type=sa.Text(), existing_nullable=False
        )
