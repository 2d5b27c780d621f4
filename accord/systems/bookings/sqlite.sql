CREATE TABLE IF NOT EXISTS bookings (
    id TEXT PRIMARY KEY,
    version BIGINT NOT NULL DEFAULT 1,
    updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    person TEXT NOT NULL,
    attendee TEXT,
    email TEXT,
    status TEXT NOT NULL DEFAULT 'booked',
    starts_at TEXT NOT NULL,
    ends_at TEXT NOT NULL,
    zone TEXT NOT NULL,
    title TEXT NOT NULL,
    place TEXT,
    link TEXT,
    notes TEXT
)

CREATE INDEX IF NOT EXISTS bookings_of_person ON bookings (person, starts_at)

CREATE TABLE IF NOT EXISTS people (
    person TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    calendar TEXT NOT NULL
)

CREATE TABLE IF NOT EXISTS booking_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    booking TEXT NOT NULL,
    at INTEGER NOT NULL DEFAULT (CAST(strftime('%s', 'now') AS INTEGER))
)

CREATE INDEX IF NOT EXISTS booking_outbox_at ON booking_outbox (at, id)

CREATE TRIGGER IF NOT EXISTS booking_counted AFTER UPDATE ON bookings WHEN NEW.version = OLD.version
BEGIN
    UPDATE bookings SET version = OLD.version + 1, updated_at = CURRENT_TIMESTAMP WHERE id = NEW.id;
END

CREATE TRIGGER IF NOT EXISTS booking_made AFTER INSERT ON bookings
BEGIN
    INSERT INTO booking_outbox (booking) VALUES (NEW.id);
END

CREATE TRIGGER IF NOT EXISTS booking_changed AFTER UPDATE ON bookings
BEGIN
    INSERT INTO booking_outbox (booking) VALUES (NEW.id);
END

CREATE TRIGGER IF NOT EXISTS booking_deleted AFTER DELETE ON bookings
BEGIN
    INSERT INTO booking_outbox (booking) VALUES (OLD.id);
END
