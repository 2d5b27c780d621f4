"""What a person gave of records that the system's API does not tell.

Revision ID: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False, comment="as the system calls the record"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="encrypted"),
        sa.PrimaryKeyConstraint("connection", "name", name="pk_imports"),
        comment="What a person gave of records that the system's API does not tell.",
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("imports")
