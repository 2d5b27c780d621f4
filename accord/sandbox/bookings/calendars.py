"""What people see and do in their calendars beside the bookings: those of the sandbox's own Google and Microsoft."""

from collections.abc import Iterator
from typing import NamedTuple

from accord.sandbox.bookings.desk import ZONE
from accord.sandbox.google import events as google_events
from accord.sandbox.google import people, recurring, times
from accord.sandbox.google.service import Google
from accord.sandbox.microsoft import events, series
from accord.sandbox.microsoft.service import Microsoft


class Shown(NamedTuple):
    """An event as its calendar shows it, in Unix seconds."""

    start: float
    end: float
    title: str
    place: str
    ours: bool  # made by a program, rather than by a person
    id: str
    series: bool


class Calendars:
    """By account and address; without services there are none."""

    def __init__(self, google: Google | None = None, microsoft: Microsoft | None = None) -> None:
        self._google = google
        self._microsoft = microsoft

    def shown(self, account: str, calendar: str, low: int, high: int) -> list[Shown] | None:
        """What a calendar shows between two seconds; None where there is no such calendar."""
        system = account.partition("/")[0]
        if system == "google" and self._google is not None and calendar in self._google.store.calendars:
            return sorted(_of_google(self._google, calendar, low, high))
        if system == "microsoft" and self._microsoft is not None and calendar in self._microsoft.store.mailboxes:
            return sorted(_of_microsoft(self._microsoft, calendar, low, high))
        return None

    def move(self, account: str, calendar: str, id: str, start: str, end: str) -> None:
        """Give an event another time by hand: wall times in Bucharest."""
        if account.startswith("google/") and self._google is not None:
            when = {"start": f"{start}:00"[:19], "end": f"{end}:00"[:19], "zone": ZONE}
            people.change(self._google.store, {"calendar": calendar, "id": id, **when})
        elif self._microsoft is not None:
            mailbox = self._microsoft.store.mailboxes[calendar]
            given: dict[str, object] = {"isAllDay": False}
            for side, at in (("start", start), ("end", end)):
                given[side] = {"dateTime": f"{at}:00"[:19], "timeZone": ZONE}
            events.patch(self._microsoft.store, mailbox, mailbox.find(id), given)

    def delete(self, account: str, calendar: str, id: str) -> None:
        """Take an event out of a calendar by hand."""
        if account.startswith("google/") and self._google is not None:
            google_events.delete(self._google.store, self._google.store.calendars[calendar], id, "")
        elif self._microsoft is not None:
            mailbox = self._microsoft.store.mailboxes[calendar]
            self._microsoft.store.delete(mailbox, mailbox.find(id), self._microsoft.settings.deleted_items)


def _of_google(google: Google, name: str, low: int, high: int) -> Iterator[Shown]:
    calendar = google.store.calendars[name]
    for row in recurring.expanded(calendar, low, high):
        start, end = times.bounds(row, calendar.time_zone)
        ours = bool(row.get("extendedProperties", {}).get("private"))
        place, repeats = row.get("location", ""), "recurringEventId" in row
        yield Shown(start, end, row.get("summary", ""), place, ours, row["id"], repeats)


def _of_microsoft(microsoft: Microsoft, name: str, low: int, high: int) -> Iterator[Shown]:
    for event in microsoft.store.mailboxes[name].events.values():
        if event.cancelled:
            continue
        spans = [(event.id, event.start, event.end)] if event.start < high and event.end > low else []
        if event.recurrence:
            spans = [*series.dates(event, low, high)]
        for id, start, end in spans:
            ours = bool(event.properties)
            yield Shown(start, end, event.subject, event.place, ours, id, bool(event.recurrence))
