"""The booking system's memory: an SQLite database with the tables that `accord connect bookings --create` makes."""

import sqlite3
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from accord.availability import Stretch
from accord.bookings import at

# Not by importing the source, with SQLAlchemy and all behind it: the sandbox is to start fast.
_SQL = files("accord.systems").joinpath("bookings")
_TAKEN = _SQL.joinpath("taken.sql").read_text("utf-8")
OLDEST = 15 * 60  # seconds that what is known of a calendar may be old

Row = dict[str, Any]


class Known(NamedTuple):
    """What is known of a person's calendar, and when it was asked; None where it never was."""

    as_of: int | None
    unknown: str | None
    taken: list[Stretch]
    days: list[Stretch]  # that are taken as a whole, in seconds of days as if they were in UTC


class Store:
    """Bookings, people, and when these are taken. Without a path it is in memory, where nobody else can look."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._db = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        if path is not None:
            self._db.execute("PRAGMA journal_mode=WAL")
        for name in ("sqlite.sql", "availability.sql"):
            for statement in _SQL.joinpath(name).read_text("utf-8").split("\n\n"):
                self._db.execute(statement)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def rows(self, query: str, *values: object) -> list[Row]:
        """The rows of a query."""
        return [dict(row) for row in self._db.execute(query, values)]

    def people(self) -> list[Row]:
        """Everybody who can be booked, with whose calendar is where."""
        return self.rows("SELECT * FROM people ORDER BY person")

    def booking(self, id: str) -> Row | None:
        """One booking as it is now."""
        found = self.rows("SELECT * FROM bookings WHERE id = ?", id)
        return found[0] if found else None

    def bookings(self, low: int, high: int, person: str | None = None) -> list[Row]:
        """Those that take time between two seconds, also cancelled ones, in the order of their start."""
        # Wall times of different zones have no order, and are at most a day away from UTC's.
        rows = self.rows(
            "SELECT * FROM bookings WHERE ends_at > strftime('%Y-%m-%dT%H:%M', ?, 'unixepoch', '-1 day') "
            "AND starts_at < strftime('%Y-%m-%dT%H:%M', ?, 'unixepoch', '+1 day')",
            low,
            high,
        )
        rows = [row for row in rows if person in (None, row["person"]) and _is_sound(row)]
        met = [row for row in rows if overlap(stretch(row), Stretch(low, high))]
        return sorted(met, key=lambda row: (stretch(row), row["id"]))

    def add(self, row: Mapping[str, Any]) -> None:
        """Keep a new booking, or a person (with `account`)."""
        table = "people" if "account" in row else "bookings"
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row.values()])  # noqa: S608

    def change(self, id: str, version: int, values: Mapping[str, Any]) -> bool:
        """Change a booking that is of this version; False where it is not, and then nothing is done."""
        named = ", ".join(f"{name} = ?" for name in values)
        changed = self._db.execute(
            f"UPDATE bookings SET {named}, version = version + 1, updated_at = CURRENT_TIMESTAMP "  # noqa: S608
            "WHERE id = ? AND version = ?",
            [*values.values(), id, version],
        )
        return changed.rowcount == 1

    def taken(self, person: str, asked: Stretch, now: float) -> str | None:
        """Why a person's calendar is not known to be free then; None where it is."""
        values = {"person": person, "start": asked.start, "end": asked.end, "oldest": OLDEST, "now": int(now)}
        why: str | None = self._db.execute(_TAKEN, values).fetchone()[0]
        return why

    def known(self, person: str, low: int, high: int) -> Known:
        """What is known of a person's calendar between two seconds."""
        as_of = self.rows("SELECT * FROM availability_as_of WHERE person = ?", person)
        spans = self.rows(
            "SELECT * FROM availability WHERE person = ? AND starts_at < ? AND ends_at > ? ORDER BY starts_at",
            person,
            high,
            low,
        )
        if not as_of:
            return Known(None, None, [], [])
        parts = [
            [Stretch(one["starts_at"], one["ends_at"]) for one in spans if one["all_day"] == day] for day in (0, 1)
        ]
        return Known(as_of[0]["as_of"], as_of[0]["unknown"], *parts)


def stretch(row: Mapping[str, Any]) -> Stretch:
    """The seconds that a booking takes; a day begins with midnight of its zone. Raises ValueError."""
    return Stretch(at(row["starts_at"], row["zone"]), at(row["ends_at"], row["zone"]))


def _is_sound(row: Mapping[str, Any]) -> bool:
    """Whether it can be told when a booking is: somebody may have put anything into the table."""
    try:
        stretch(row)
    except (ValueError, TypeError):
        return False
    return True


def overlap(one: Stretch, other: Stretch) -> bool:
    """Whether two stretches share a second."""
    return one.start < other.end and other.start < one.end
