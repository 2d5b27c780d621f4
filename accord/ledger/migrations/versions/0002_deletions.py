"""Deletions counted by stream, and links that the target refused.

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
    count = sa.Column(
        "deletions", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="intended since deleting_since"
    )
    op.add_column("streams", count)
    op.add_column("streams", sa.Column("deleting_since", sa.Float(), server_default=sa.text("0"), nullable=False))
    _say_of_state(_STATE, f"{_STATE}; refused by the target")


def downgrade() -> None:
    _say_of_state(f"{_STATE}; refused by the target", _STATE)
    op.drop_column("streams", "deleting_since")
    op.drop_column("streams", "deletions")


def _say_of_state(before: str, comment: str) -> None:
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column(
            "links", "state", comment=comment, existing_comment=before, existing_type=sa.Text(), existing_nullable=False
        )
