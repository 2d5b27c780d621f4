"""First tables.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op

from accord.ledger.migrations.append_only import protect_entries, release_entries

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite gives automatic row numbers to INTEGER keys only.
_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _streams()
    _leases_and_batches()
    _inbox()
    _records()
    _keeping()
    _pacing()
    protect_entries(op.get_bind())


def _streams() -> None:
    op.create_table(
        "counters",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=True, comment="whose records the connection was first read for"),
        sa.PrimaryKeyConstraint("connection", name="pk_counters"),
        comment="One growing number per connection: tickets are read from it, revs are taken from it.",
    )
    op.create_table(
        "streams",
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column(
            "watermark", sa.BigInteger(), nullable=False, comment="everything created before this second has been read"
        ),
        sa.Column("stopped", sa.Text(), nullable=True, comment="why nothing more is read; NULL while running"),
        sa.Column("unsound_run", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lenient", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("rescan_turn", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column(
            "rescanned", sa.BigInteger(), nullable=True, comment="where the next turn of the nightly rescan begins"
        ),
        sa.PrimaryKeyConstraint("sync", "stream", name="pk_streams"),
        comment="One list of a connection that a sync reads.",
    )
    op.create_table(
        "windows",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("lo", sa.BigInteger(), nullable=False),
        sa.Column("hi", sa.BigInteger(), nullable=False),
        sa.Column("after_key", sa.Text(), nullable=True, comment="place: the last object stored; newest come first"),
        sa.Column("after_created", sa.BigInteger(), nullable=True),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False, comment="backfill, recent or rescan"),
        sa.Column("state", sa.Text(), nullable=False, comment="open, read or done"),
        sa.PrimaryKeyConstraint("id", name="pk_windows"),
        comment="A closed stretch [lo, hi) of a stream's order, with its own place.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_windows_sync_stream_state", "windows", ["sync", "stream", "state"])


def _leases_and_batches() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
        comment="Who may read a window now; the token fences off whoever held it before.",
    )
    op.create_table(
        "batches",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=True),
        sa.Column("claim", sa.Text(), nullable=True, comment="the inbox rows that this batch answers"),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="raw pages, compressed and encrypted"),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        comment="Records collected and not yet settled; deleted when settled.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_batches_sync_stream", "batches", ["sync", "stream"])
    op.create_index("ix_batches_claim", "batches", ["claim"])


def _inbox() -> None:
    op.create_table(
        "inbox",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False, comment="the event's id, or Accord's own reason to look again"),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="new or done"),
        sa.Column("claim", sa.Text(), nullable=True),
        sa.Column("because", sa.Text(), nullable=True),
        sa.Column("waits_for", sa.Text(), nullable=True, comment="kind and key of the record that must come first"),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("received_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_inbox"),
        sa.UniqueConstraint("sync", "event", "kind", "key", name="uq_inbox_sync_event_kind_key"),
        comment="Hints that a record may have changed, each dealt with once; an event's body is never kept.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_sync_state_due_at", "inbox", ["sync", "state", "due_at"])
    op.create_index("ix_inbox_claim", "inbox", ["claim"])


def _records() -> None:
    op.create_table(
        "records",
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, comment="where it stands in its stream's order"),
        sa.Column("facts", sa.Text(), nullable=False, comment="JSON: what its children need to know of it"),
        sa.PrimaryKeyConstraint("connection", "kind", "key", name="pk_records"),
        comment="One row per source record, as it was last accepted.",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_records_connection_kind_position", "records", ["connection", "kind", "position"])
    op.create_table(
        "links",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False, comment="sending: intended, outcome unknown; done"),
        sa.Column("rev", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=True, comment="what the target shows; NULL until the first outcome"),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False, comment="the batch that took this rev"),
        sa.PrimaryKeyConstraint("target", "connection", "kind", "key", name="pk_links"),
        comment="A record tied to its twin in one target.",
        sqlite_with_rowid=False,
    )
    op.create_index("ix_links_batch", "links", ["batch"])


def _keeping() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False, comment="JSON list of sentences, without values"),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="the raw record, encrypted"),
        sa.Column("ticket", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint("sync", "kind", "key", name="uq_quarantine_sync_kind_key"),
        comment="Records that failed a check, kept with the reasons.",
        sqlite_autoincrement=True,
    )
    op.create_table(
        "entries",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("sync", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("because", sa.Text(), nullable=False),
        sa.Column("rev", sa.BigInteger(), nullable=True),
        sa.Column("run", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
        comment="The audit: what was done to each record and why; only ever appended.",
        sqlite_autoincrement=True,
    )
    op.create_index("ix_entries_kind_key", "entries", ["kind", "key"])


def _pacing() -> None:
    op.create_table(
        "sums",
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("connection", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "gross",
            sa.BigInteger(),
            nullable=False,
            comment="of every leg that the target was shown, in minor units",
        ),
        sa.PrimaryKeyConstraint("target", "connection", "currency", name="pk_sums"),
        comment="What the legs of a target must add up to.",
    )
    op.create_table(
        "buckets",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Float(), nullable=False),
        sa.Column("updated_at", sa.Float(), nullable=False),
        sa.Column("blocked_until", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_buckets"),
        comment="Rate budgets, shared by all workers.",
    )
    op.create_table(
        "breakers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.Float(), nullable=False),
        sa.Column("opened_times", sa.Integer(), nullable=False),
        sa.Column("probe_until", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_breakers"),
        comment="Circuit breakers, one per connection.",
    )


def downgrade() -> None:
    release_entries(op.get_bind())
    for table in (
        "breakers",
        "buckets",
        "sums",
        "entries",
        "quarantine",
        "links",
        "records",
        "inbox",
        "batches",
        "leases",
    ):
        op.drop_table(table)
    for table in ("windows", "streams", "counters"):
        op.drop_table(table)
