"""The calendars that a sandbox starts with: two people, what they have planned, and an account that both share with."""

from datetime import UTC, datetime, timedelta
from typing import Any

from accord.sandbox.google import people
from accord.sandbox.google.store import Calendar, Store
from accord.sandbox.google.tokens import OFFICE

ANA, BOGDAN = "ana@accord.test", "bogdan@accord.test"

_PLANNED: tuple[tuple[str, int, str, str, dict[str, Any]], ...] = (
    (ANA, 0, "T09:00:00", "T09:30:00", {"title": "Team", "rule": "FREQ=WEEKLY"}),
    (ANA, 1, "T12:30:00", "T13:30:00", {"title": "Lunch with Ioana", "place": "Caru' cu bere"}),
    (ANA, 2, "T16:00:00", "T17:15:00", {"title": "Dentist"}),
    (ANA, 9, "", "", {"title": "Day off"}),
    (BOGDAN, 0, "T18:00:00", "T19:30:00", {"title": "Football", "rule": "FREQ=WEEKLY;BYDAY=TU,TH"}),
    (BOGDAN, 1, "T08:30:00", "T10:00:00", {"title": "Stock-taking"}),
    (BOGDAN, 3, "T22:00:00", "T23:30:00", {"title": "Concert", "place": "Sala Palatului"}),
)


def fill(store: Store, *, planned: bool) -> None:
    """Open the calendars, and write into them what the coming days bring."""
    for person in (ANA, BOGDAN):
        store.open(Calendar(id=person, roles={OFFICE: "writer"}))
    store.open(Calendar(id=OFFICE))
    if not planned:
        return
    today = datetime.fromtimestamp(store.now(), UTC).date()
    for person, days, start, end, more in _PLANNED:
        day = today + timedelta(days=days)
        last = day if start else day + timedelta(days=1)
        people.make(store, {"calendar": person, "start": f"{day}{start}", "end": f"{last}{end}", **more})
