CREATE TABLE IF NOT EXISTS availability (
    person TEXT NOT NULL,
    account TEXT NOT NULL,
    calendar TEXT NOT NULL,
    starts_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    all_day BOOLEAN NOT NULL
)

CREATE INDEX IF NOT EXISTS availability_of_person ON availability (person, ends_at)

CREATE TABLE IF NOT EXISTS availability_as_of (
    person TEXT PRIMARY KEY,
    as_of BIGINT NOT NULL,
    until BIGINT NOT NULL,
    unknown TEXT
)
