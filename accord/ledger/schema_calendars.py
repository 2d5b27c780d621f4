"""The ledger's tables for what goes both ways between bookings and calendars."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, LargeBinary, Table, Text, false

from accord.ledger.metadata import metadata

pairs = Table(
    "pairs",
    metadata,
    Column("sync", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="of the booking"),
    Column("account", Text, primary_key=True, comment="that reaches the calendar: google/main"),
    Column("calendar", Text, primary_key=True),
    Column("person", Text, nullable=False, comment="whose calendar it is"),
    Column("state", Text, nullable=False, comment="making, agreed, deleting, conflict, found or gone"),
    Column("rev", BigInteger, nullable=False, comment="of the last intention or sight; what is older counts no more"),
    Column("event", Text, comment="its id; NULL until one is known to be there"),
    Column("generation", Integer, nullable=False, comment="of the event: no system gives an id out twice"),
    Column("etag", Text, comment="of the event as last agreed"),
    Column("booked", Text, comment="digest of the booking's time and place as last agreed"),
    Column("texts", Text, comment="digest of the rest that the event was given, which is the booking's own"),
    Column("shown", Text, comment="digest of the time and place that the calendar showed after that"),
    Column("version", BigInteger, nullable=False, comment="of the booking: what is read below it is too old"),
    Column("sent", Text, nullable=False, comment="JSON: writings of which no outcome is known: rev, booked, texts"),
    Column("seen", LargeBinary, comment="the event as last told and not dealt with, encrypted; null: gone"),
    Column("since", Float, comment="since when a conflict waits"),
    Column("booking", LargeBinary, comment="the booking's version in a conflict, encrypted"),
    Column("because", Text, comment="why it is one"),
    Column("choice", Text, comment="which side a person keeps: booking or calendar"),
    Index("ix_pairs_sync_account_calendar_event", "sync", "account", "calendar", "event"),
    comment="A booking and its event in one calendar: what both sides agreed on, and what was seen since.",
    sqlite_with_rowid=False,
)

calendars = Table(
    "calendars",
    metadata,
    Column("sync", Text, primary_key=True),
    Column("account", Text, primary_key=True),
    Column("calendar", Text, primary_key=True),
    Column("at", Text, comment="token: where listening goes on; NULL: all is read"),
    Column("listened_at", Float),
    Column("paused", Text, comment="why nobody listens or writes to it; NULL while running"),
    Column("lenient", Boolean, nullable=False, server_default=false(), comment="this once, deletions pass"),
    comment="How far each calendar was listened to.",
    sqlite_with_rowid=False,
)
