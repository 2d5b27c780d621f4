CREATE TABLE IF NOT EXISTS bookings (
    id TEXT PRIMARY KEY,
    version BIGINT NOT NULL DEFAULT 1,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now(),
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
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    booking TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT now()
)

CREATE INDEX IF NOT EXISTS booking_outbox_at ON booking_outbox (at, id)

CREATE OR REPLACE FUNCTION booking_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.version = OLD.version THEN
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$

CREATE OR REPLACE TRIGGER booking_counted BEFORE UPDATE ON bookings FOR EACH ROW EXECUTE FUNCTION booking_counted()

CREATE OR REPLACE FUNCTION booking_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO booking_outbox (booking) VALUES (CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END);
    RETURN NULL;
END $$

CREATE OR REPLACE TRIGGER booking_told AFTER INSERT OR UPDATE OR DELETE ON bookings
FOR EACH ROW EXECUTE FUNCTION booking_told()
