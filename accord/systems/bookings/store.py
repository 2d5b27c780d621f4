"""What is written into a booking system's database: what people did in their calendars, and when they are taken."""

from collections.abc import Collection
from importlib.resources import files
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Text, column, select, table, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from accord.bookings import Status, at, wall
from accord.calendars import Busy, Seat
from accord.errors import Misconfigured, Refused
from accord.systems.bookings.database import BookingTables, require_availability
from accord.systems.sql_tables import refusal

TAKEN = files(__package__).joinpath("taken.sql").read_text("utf-8")
OLDEST = 15 * 60  # seconds that what is known of a calendar may be old

_SPANS = table(
    "availability",
    column("person", Text),
    column("account", Text),
    column("calendar", Text),
    column("starts_at", BigInteger),
    column("ends_at", BigInteger),
    column("all_day", Boolean),
)
_AS_OF = table(
    "availability_as_of",
    column("person", Text),
    column("as_of", BigInteger),
    column("until", BigInteger),
    column("unknown", Text),
)


class Store:
    """Writes to one booking system; every write to a booking names the version that it was decided on."""

    def __init__(self, database: BookingTables) -> None:
        self._database = database
        self._found = False  # that the tables of the availability are there

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def require_versions(self) -> None:
        """Raise Misconfigured where nothing tells whether a booking was changed meanwhile.

        When it was changed is not enough: two changes within one tick of a clock look alike.
        """
        by, where = self._database.fitted.by, self._database.mapping.booking.table
        if "version" not in by:
            raise Misconfigured(
                f"the mapping of the bookings table {where} names no column for the version, so nobody knows whether "
                "a booking was changed meanwhile; map a whole number that each change counts up, or let bookings win"
            )
        if "status" not in by or not self._database.mapping.booking.statuses.get(Status.CANCELLED):
            raise Misconfigured(
                f"the mapping of the bookings table {where} does not say how a booking is marked as cancelled; map the "
                "column of the status and its texts, or let bookings win"
            )

    def move(self, key: str, version: int, start: str, end: str, zone: str, place: str | None) -> bool:
        """Have a booking take place then and there; False, and nothing is done, where it is not of this version."""
        self.require_versions()
        if place is not None and "place" not in self._database.fitted.by:
            raise Refused(
                "the event was given a place, and the mapping of the bookings table names no column for it; map one, "
                "or take the place out of the event"
            )
        fixed, values = self._database.mapping.booking.zone, dict[str, Any]()
        for field, time in (("start", start), ("end", end)):
            column = self._database.fitted.walls[field]
            if fixed is not None and not column.zoned:
                time = _in_zone(time, zone, fixed)
            try:
                values[field] = column.put(time, zone)
            except ValueError:
                raise Refused("the bookings table holds days alone, and the event was moved to a time") from None
        return self._change(key, version, values | {"zone": zone, "place": place})

    def cancel(self, key: str, version: int) -> bool:
        """Mark a booking as cancelled; False, and nothing is done, where it is not of this version."""
        self.require_versions()
        return self._change(key, version, {"status": self._database.mapping.booking.statuses[Status.CANCELLED][0]})

    def _change(self, key: str, version: int, values: dict[str, Any]) -> bool:
        tables = self._database.fitted
        by = tables.by
        row = tables.bookings.update().where(by["key"] == tables.key(key), by["version"] == version)
        row = row.values({by[field]: value for field, value in values.items() if field in by})
        row = row.values({by["version"]: by["version"] + 1, by["updated"]: tables.times["updated"].now})

        def change(c: Connection) -> int | str:
            try:
                return c.execute(row).rowcount
            except DBAPIError as error:
                by_trigger = getattr(error.orig, "sqlstate", None) == "P0001"  # one of the user's own, in PostgreSQL
                if by_trigger or isinstance(error, IntegrityError | DataError):
                    return refusal(error)
                raise  # whatever it is, it would meet any booking

        changed = self._database.write(change)
        if isinstance(changed, str):
            raise Refused(f"the bookings database refuses the change: {changed}")
        return changed == 1

    def people(self) -> dict[str, Seat]:
        """Whose calendar is where."""
        return self._database.people()

    def show_busy(self, person: str, seat: Seat, busy: Busy, as_of: int, until: int) -> None:
        """Show when a person is taken between two seconds, in place of what was shown; or why that is not known."""
        spans = [
            {"person": person, **seat._asdict(), "starts_at": one.start, "ends_at": one.end, "all_day": one.all_day}
            for one in busy.spans
        ]
        told = {"person": person, "as_of": as_of, "until": until, "unknown": busy.unknown}

        def show(c: Connection) -> None:
            self._require_tables(c)
            for of in (_SPANS, _AS_OF):
                c.execute(of.delete().where(of.c.person == person))
            if spans and busy.unknown is None:
                c.execute(_SPANS.insert(), spans)
            c.execute(_AS_OF.insert(), [told])

        self._database.write(show)

    def taken(self, person: str, start: int, end: int, oldest: int = OLDEST) -> str | None:
        """Why a person is not free between two seconds, also where that is not known; None where free.

        What is older than `oldest` seconds is not known. taken.sql is the question, for whoever asks the database.
        """
        asked: dict[str, Any] = {"person": person, "start": start, "end": end, "oldest": oldest}

        def ask(c: Connection) -> str | None:
            self._require_tables(c)
            why: str | None = c.scalar(text(TAKEN), asked | {"now": self._database.now(c)})
            return why

        return self._database.read(ask)

    def keep_busy(self, people: Collection[str]) -> None:
        """Show nothing of anybody else any more."""

        def forget(c: Connection) -> None:
            self._require_tables(c)
            shown = set(c.scalars(select(_AS_OF.c.person)))
            for person in sorted(shown - {*people}):
                for of in (_SPANS, _AS_OF):
                    c.execute(of.delete().where(of.c.person == person))

        self._database.write(forget)

    def _require_tables(self, c: Connection) -> None:
        if not self._found:
            require_availability(c)
            self._found = True


def _in_zone(time: str, zone: str, other: str) -> str:
    """A wall time of one zone as that of another; a day is the same everywhere. Raises Refused where it has none."""
    if "T" not in time or zone == other:
        return time
    second = at(time, zone)
    shown = wall(second, other)
    if at(shown, other) != second:
        raise Refused(f"the event was moved into the second of two hours that clocks in {other} show alike")
    return shown
