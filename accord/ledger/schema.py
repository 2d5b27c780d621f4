"""The ledger's tables: the only memory that Accord relies on."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from accord.ledger.metadata import Number, metadata
from accord.ledger.schema_calendars import calendars, pairs

__all__ = [
    "actions",
    "batches",
    "breakers",
    "buckets",
    "calendars",
    "counters",
    "entries",
    "files",
    "imports",
    "inbox",
    "leases",
    "links",
    "metadata",
    "pairs",
    "quarantine",
    "records",
    "streams",
    "sums",
    "windows",
]

counters = Table(
    "counters",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("account", Text, comment="whose records the connection was first read for"),
    comment="One growing number per connection: tickets are read from it, revs are taken from it.",
)

streams = Table(
    "streams",
    metadata,
    Column("sync", Text, primary_key=True),
    Column("stream", Text, primary_key=True),
    Column("watermark", BigInteger, nullable=False, comment="everything created before this second has been read"),
    Column("stopped", Text, comment="why nothing more is read; NULL while running"),
    Column("unsound_run", Integer, nullable=False, server_default=text("0")),
    Column("lenient", Boolean, nullable=False, server_default=false()),
    Column("rescan_turn", Integer, nullable=False, server_default=text("0")),
    Column("rescanned", BigInteger, comment="where the next turn of the nightly rescan begins"),
    Column("rescanned_at", BigInteger, comment="when the last turn of the nightly rescan was taken"),
    Column("since", BigInteger, comment="where the backfill began, if a person said so"),
    Column("mapping", Text, comment="digest of where the target keeps these records"),
    Column("deletions", Integer, nullable=False, server_default=text("0"), comment="intended since deleting_since"),
    Column("deleting_since", Float, nullable=False, server_default=text("0")),
    comment="One list of a connection that a sync reads.",
)

windows = Table(
    "windows",
    metadata,
    Column("id", Number, primary_key=True),
    Column("sync", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("lo", BigInteger, nullable=False),
    Column("hi", BigInteger, nullable=False),
    Column("after_key", Text, comment="place: the last object stored; newest come first"),
    Column("after_created", BigInteger),
    Column("ticket", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False, comment="backfill, recent or rescan"),
    Column("state", Text, nullable=False, comment="open, read or done"),
    Index("ix_windows_sync_stream_state", "sync", "stream", "state"),
    comment="A closed stretch [lo, hi) of a stream's order, with its own place.",
    sqlite_autoincrement=True,
)

batches = Table(
    "batches",
    metadata,
    Column("id", Number, primary_key=True),
    Column("sync", Text, nullable=False),
    Column("stream", Text, nullable=False),
    Column("window", BigInteger),
    Column("claim", Text, comment="the inbox rows that this batch answers"),
    Column("ticket", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="raw pages, compressed and encrypted"),
    Column("created_at", Float, nullable=False),
    Index("ix_batches_sync_stream", "sync", "stream"),
    Index("ix_batches_claim", "claim"),
    comment="Records collected and not yet settled; deleted when settled.",
    sqlite_autoincrement=True,
)

inbox = Table(
    "inbox",
    metadata,
    Column("id", Number, primary_key=True),
    Column("sync", Text, nullable=False),
    Column("event", Text, nullable=False, comment="the event's id, or Accord's own reason to look again"),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("state", Text, nullable=False, comment="new or done"),
    Column("claim", Text),
    Column("because", Text),
    Column("waits_for", Text, comment="kind and key of the record that must come first"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Float, nullable=False),
    Column("received_at", Float, nullable=False),
    UniqueConstraint("sync", "event", "kind", "key"),
    Index("ix_inbox_sync_state_due_at", "sync", "state", "due_at"),
    Index("ix_inbox_claim", "claim"),
    comment="Hints that a record may have changed, each dealt with once; an event's body is never kept.",
    sqlite_autoincrement=True,
)

records = Table(
    "records",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("position", BigInteger, nullable=False, comment="where it stands in its stream's order"),
    Column("facts", Text, nullable=False, comment="JSON: what its children need to know of it"),
    Index("ix_records_connection_kind_position", "connection", "kind", "position"),
    comment="One row per source record, as it was last accepted.",
    sqlite_with_rowid=False,
)

links = Table(
    "links",
    metadata,
    Column("target", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("state", Text, nullable=False, comment="sending: intended, outcome unknown; done; refused; differs"),
    Column("rev", BigInteger, nullable=False),
    Column("hash", Text, comment="what the target shows; NULL until the first outcome"),
    Column("wanted", Text, nullable=False),
    Column("batch", BigInteger, nullable=False, comment="the batch that took this rev"),
    Column("ticket", BigInteger, nullable=False, server_default=text("0"), comment="of the reading that it holds"),
    Index("ix_links_batch", "batch"),
    comment="A record tied to its twin in one target.",
    sqlite_with_rowid=False,
)

imports = Table(
    "imports",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("name", Text, primary_key=True, comment="as the system calls the record"),
    Column("body", LargeBinary, nullable=False, comment="encrypted"),
    comment="What a person gave of records that the system's API does not tell.",
    sqlite_with_rowid=False,
)

leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("expires_at", Float, nullable=False),
    comment="Who may read a window now; the token fences off whoever held it before.",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Number, primary_key=True),
    Column("sync", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("reasons", Text, nullable=False, comment="JSON list of sentences, without values"),
    Column("body", LargeBinary, nullable=False, comment="the raw record, encrypted"),
    Column("ticket", BigInteger, nullable=False),
    Column("created_at", Float, nullable=False),
    UniqueConstraint("sync", "kind", "key"),
    comment="Records that failed a check, kept with the reasons.",
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    Column("connection", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("print", Text, nullable=False, comment="digest of what the document was when it was printed"),
    Column("name", Text, nullable=False, comment="of its PDF in the archive"),
    Column("kept_at", Float, nullable=False),
    comment="The newest archived PDF of each document.",
)

actions = Table(
    "actions",
    metadata,
    Column("name", Text, primary_key=True, comment="of the action, as it is declared"),
    Column("connection", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="of the record because of which it is done"),
    Column("account", Text, nullable=False, comment="where it is done"),
    Column(
        "state",
        Text,
        nullable=False,
        comment="wanted, sending, done, overtaken, skipped, refused, unknown or dropped",
    ),
    Column("version", Integer, nullable=False, comment="grows with each change: who read an older one writes nothing"),
    Column("mark", Text, nullable=False, comment="idempotency key, by which it is known again at the other system"),
    Column("turn", Integer, nullable=False, comment="how often a person had it begun again, under another mark"),
    Column("step", Integer, nullable=False, comment="which of the action's steps it is at"),
    Column("attempt", Integer, nullable=False, comment="of this step"),
    Column(
        "payload",
        LargeBinary,
        comment="exactly what is sent, encrypted; NULL until the first intention and after the end",
    ),
    Column("note", Text, nullable=False, comment="JSON: what was noted before sending, and what earlier steps made"),
    Column("refusal", Text, comment="what a repeated request was answered; it counts once nothing is found"),
    Column("intent_at", Float, comment="of the last intention"),
    Column("first_at", Float, comment="since when the other system is given this mark"),
    Column("due_at", Float, nullable=False),
    Column("twin", Text, comment="what came of it"),
    Column("series", Text),
    Column("number", Text),
    Column("why", Text, comment="why it is not done, and what to look at"),
    Column("wanted_at", Float, nullable=False),
    Index("ix_actions_name_state_due_at", "name", "state", "due_at"),
    Index("ix_actions_account_state", "account", "state"),
    Index("ix_actions_twin", "twin"),
    comment="Something to be done once because of a record, driven to an end.",
)

entries = Table(
    "entries",
    metadata,
    Column("id", Number, primary_key=True),
    Column("at", Float, nullable=False),
    Column("sync", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("change", Text, nullable=False),
    Column("because", Text, nullable=False),
    Column("rev", BigInteger),
    Column("run", Text, nullable=False),
    Index("ix_entries_kind_key", "kind", "key"),
    comment="The audit: what was done to each record and why; only ever appended.",
    sqlite_autoincrement=True,
)

sums = Table(
    "sums",
    metadata,
    Column("target", Text, primary_key=True),
    Column("connection", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("gross", BigInteger, nullable=False, comment="of every leg that the target was shown, in minor units"),
    comment="What the legs of a target must add up to.",
)

buckets = Table(
    "buckets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("tokens", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("blocked_until", Float, nullable=False, server_default=text("0")),
    comment="Rate budgets, shared by all workers.",
)

breakers = Table(
    "breakers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("open_until", Float, nullable=False),
    Column("opened_times", Integer, nullable=False),
    Column("probe_until", Float, nullable=False),
    comment="Circuit breakers, one per connection.",
)
