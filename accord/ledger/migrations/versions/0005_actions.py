"""What is done because of records: each action's intention and outcome.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "actions",
        sa.Column("name", sa.Text(), nullable=False, comment="of the action, as it is declared"),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="of the record because of which it is done"),
        sa.Column("account", sa.Text(), nullable=False, comment="where it is done"),
        sa.Column(
            "state",
            sa.Text(),
            nullable=False,
            comment="wanted, sending, done, overtaken, skipped, refused, unknown or dropped",
        ),
        sa.Column(
            "version",
            sa.Integer(),
            nullable=False,
            comment="grows with each change: who read an older one writes nothing",
        ),
        sa.Column(
            "mark",
            sa.Text(),
            nullable=False,
            comment="idempotency key, by which it is known again at the other system",
        ),
        sa.Column(
            "turn", sa.Integer(), nullable=False, comment="how often a person had it begun again, under another mark"
        ),
        sa.Column("step", sa.Integer(), nullable=False, comment="which of the action's steps it is at"),
        sa.Column("attempt", sa.Integer(), nullable=False, comment="of this step"),
        sa.Column(
            "payload",
            sa.LargeBinary(),
            nullable=True,
            comment="exactly what is sent, encrypted; NULL until the first intention and after the end",
        ),
        sa.Column(
            "note",
            sa.Text(),
            nullable=False,
            comment="JSON: what was noted before sending, and what earlier steps made",
        ),
        sa.Column(
            "refusal",
            sa.Text(),
            nullable=True,
            comment="what a repeated request was answered; it counts once nothing is found",
        ),
        sa.Column("intent_at", sa.Float(), nullable=True, comment="of the last intention"),
        sa.Column("first_at", sa.Float(), nullable=True, comment="since when the other system is given this mark"),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("twin", sa.Text(), nullable=True, comment="what came of it"),
        sa.Column("series", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True, comment="why it is not done, and what to look at"),
        sa.Column("wanted_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", "connection", "kind", "key", name=op.f("pk_actions")),
        comment="Something to be done once because of a record, driven to an end.",
    )
    op.create_index("ix_actions_name_state_due_at", "actions", ["name", "state", "due_at"])
    op.create_index("ix_actions_account_state", "actions", ["account", "state"])
    op.create_index("ix_actions_twin", "actions", ["twin"])


def downgrade() -> None:
    op.drop_table("actions")
