"""The people a sandbox starts with: two mailboxes, each with events of its own and a weekly series."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accord.sandbox.microsoft import events
from accord.sandbox.microsoft.limits import Settings
from accord.sandbox.microsoft.store import Event, Mailbox, Store

CARMEN, DAN = "carmen@accord.test", "dan@accord.test"
PEOPLE = {CARMEN: "Carmen Exemplu", DAN: "Dan Exemplu"}

_HOME = "GTB Standard Time"  # Bucharest


def fill(store: Store, *, planned: bool = True) -> None:
    """Open the mailboxes; what is `planned` in them lies around today."""
    for address, name in PEOPLE.items():
        mailbox = store.open(address, name)
        if planned:
            _plan(store, mailbox)


def _plan(store: Store, mailbox: Mailbox) -> None:
    today = datetime.fromtimestamp(store.now(), ZoneInfo("Europe/Bucharest")).replace(tzinfo=None)
    monday = (today - timedelta(days=today.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    own = [
        ("Dentist", monday + timedelta(days=2, hours=17), 1.0, {}),
        ("Lunch with the miller", monday + timedelta(days=9, hours=12.5), 1.5, {"showAs": "tentative"}),
        ("Working from home", monday + timedelta(days=11, hours=9), 8.0, {"showAs": "workingElsewhere"}),
    ]
    for subject, start, hours, more in own:
        _add(store, mailbox, {"subject": subject, **_times(start, start + timedelta(hours=hours)), **more})
    away = monday + timedelta(days=14)
    days = {"isAllDay": True, "showAs": "oof", **_times(away, away + timedelta(days=2))}
    _add(store, mailbox, {"subject": "Away", **days})
    first = monday - timedelta(days=28) + timedelta(hours=9)
    recurrence = {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
        "range": {"type": "noEnd", "startDate": first.date().isoformat()},
    }
    weekly = {"subject": "Week's plan", "recurrence": recurrence, **_times(first, first + timedelta(minutes=30))}
    _add(store, mailbox, weekly)
    invited = _add(store, mailbox, {"subject": "Board", **_times(monday + timedelta(days=3, hours=10), None)})
    invited.organizer = "chair@elsewhere.example.test"


def _add(store: Store, mailbox: Mailbox, given: dict[str, Any]) -> Event:
    return events.create(store, mailbox, given, Settings())


def _times(start: datetime, end: datetime | None) -> dict[str, Any]:
    end = end or start + timedelta(hours=1)
    return {
        name: {"dateTime": moment.isoformat(timespec="seconds"), "timeZone": _HOME}
        for name, moment in (("start", start), ("end", end))
    }
