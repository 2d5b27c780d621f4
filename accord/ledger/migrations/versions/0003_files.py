"""Which document's PDF the archive holds.

Revision ID: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "files",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("print", sa.Text(), nullable=False, comment="digest of what the document was when it was printed"),
        sa.Column("name", sa.Text(), nullable=False, comment="of its PDF in the archive"),
        sa.Column("kept_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "key", name=op.f("pk_files")),
        comment="The newest archived PDF of each document.",
    )


def downgrade() -> None:
    op.drop_table("files")
