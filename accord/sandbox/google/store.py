"""The sandbox Google's memory: calendars, each with its events, those that were deleted among them."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from accord.sandbox.google.errors import GoogleError, not_found

Row = dict[str, Any]
"""An event as the API shows it."""

WRITERS = frozenset(("owner", "writer"))
READERS = WRITERS | {"reader"}


class Calendar(msgspec.Struct):
    """One calendar, called by its owner's mail address."""

    id: str
    time_zone: str = "Europe/Bucharest"
    roles: dict[str, str] = {}  # of others than the owner
    events: dict[str, Row] = {}  # by id, in the order they were made
    changed: dict[str, int] = {}  # id -> number of its latest change, in the order of these
    epoch: int = 1  # tokens of an earlier one are dead
    why_dead: str = "fullSyncRequired"
    gone: bool = False
    silent: str = ""  # why free/busy tells nothing of it; empty where it does

    def role(self, user: str) -> str:
        """What a user is to this calendar; nothing, where it is none of theirs."""
        return "owner" if user == self.id else self.roles.get(user, "")

    def living(self) -> Iterator[Row]:
        return (row for row in self.events.values() if row["status"] != "cancelled")


class Store:
    """All that is kept across restarts."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.calendars: dict[str, Calendar] = {}
        self.version = 0

    def open(self, calendar: Calendar) -> Calendar:
        self.calendars[calendar.id] = calendar
        self.version += 1
        return calendar

    def calendar(self, id: str, user: str, roles: frozenset[str] = READERS) -> Calendar:
        """A calendar that a user may do this with; raises 404 where they may not even see it."""
        found = self.calendars.get(user if id == "primary" else id)
        if found is None or found.gone or found.role(user) not in READERS:
            raise not_found()
        if found.role(user) not in roles:
            raise GoogleError(403, "You need to have writer access to this calendar.", "requiredAccessLevel")
        return found

    def keep(self, calendar: Calendar, row: Row) -> Row:
        """Keep an event as it is now, new or changed: with a new etag, as the latest change."""
        self.version += 1
        row["etag"] = f'"{3_530_000_000_000_000 + 2 * self.version}"'
        if row["status"] != "cancelled":
            row["updated"] = stamp(self.now())
        calendar.events[row["id"]] = row
        calendar.changed.pop(row["id"], None)
        calendar.changed[row["id"]] = self.version
        return row

    def dump(self) -> dict[str, Any]:
        """Everything as plain JSON values."""
        return {"calendars": msgspec.to_builtins(self.calendars), "version": self.version}

    def load(self, dumped: dict[str, Any]) -> None:
        """Take over what `dump` gave."""
        self.calendars = msgspec.convert(dumped["calendars"], dict[str, Calendar])
        self.version = dumped["version"]


def stamp(second: float) -> str:
    """A second as Google writes when something was changed."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(second % 1 * 1000):03d}Z"
