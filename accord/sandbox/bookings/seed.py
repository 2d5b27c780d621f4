"""The people and bookings that a sandbox starts with: some weeks around today, by the sandbox's clock."""

import random
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accord.sandbox.bookings import desk
from accord.sandbox.bookings.store import Store

PEOPLE = {
    "ana": ("google/main", "ana@accord.test"),
    "bogdan": ("google/main", "bogdan@accord.test"),
    "carmen": ("microsoft/main", "carmen@accord.test"),
    "dan": ("microsoft/main", "dan@accord.test"),
}
BEFORE, AFTER = 7, 21  # days

_BUCHAREST = ZoneInfo(desk.ZONE)
_WHAT = ("Consultation", "First visit", "Check-up", "Fitting", "Handover", "Review", "Training", "Interview")
_WHO = ("Ioana Exemplu", "Mihai Probă", "Elena Model", "Radu Mostră", "Sofia Test", "Ștefan Exemplu", None)
_PLACES = ("Room 1", "Room 2", "Str. Exemplului 5", None)
_SLOTS = ((9, 0, 45), (10, 30, 60), (13, 0, 30), (15, 15, 90))  # hour, minute, how many minutes


def fill(store: Store, *, seed: int, now: float, planned: bool = True) -> None:
    """Have the people in an empty database; and about two hundred bookings, if they are `planned`."""
    if store.people():
        return
    for person, (account, calendar) in PEOPLE.items():
        store.add({"person": person, "account": account, "calendar": calendar})
    if not planned:
        return
    today = datetime.fromtimestamp(now, _BUCHAREST).date()
    dice = random.Random(f"bookings {seed}")  # noqa: S311
    numbers = iter(range(1, 10_000))
    for row in [*_ordinary(today, dice), *_odd(today)]:
        store.add({"id": f"b_{next(numbers):04}", "zone": desk.ZONE, **row})


def _ordinary(today: date, dice: random.Random) -> list[dict[str, Any]]:
    rows = []
    for person in PEOPLE:
        for ahead in range(-BEFORE, AFTER):
            day = datetime.combine(today + timedelta(days=ahead), datetime.min.time())
            if day.weekday() == 6:
                continue
            for hour, minute, lasts in dice.sample(_SLOTS, dice.choice((1, 2, 2, 3))):
                start = day.replace(hour=hour, minute=minute)
                rows.append(_row(person, start, start + timedelta(minutes=lasts), dice))
    return rows


def _row(person: str, start: datetime, end: datetime, dice: random.Random) -> dict[str, Any]:
    who = dice.choice(_WHO)
    email = None if who is None else f"{who.split()[0].lower().replace('ș', 's')}@client.example.test"
    return {
        "person": person,
        "starts_at": start.isoformat(timespec="minutes"),
        "ends_at": end.isoformat(timespec="minutes"),
        "title": dice.choice(_WHAT),
        "attendee": who,
        "email": email,
        "place": dice.choice(_PLACES),
        "status": "cancelled" if dice.random() < 0.08 else "booked",
    }


def _odd(today: date) -> list[dict[str, Any]]:
    """What is rare: over midnight, of whole days, of another zone, and in the nights in which clocks change."""
    free = today + timedelta(days=AFTER)
    rows = [
        _plain("ana", f"{free}T22:30", f"{free + timedelta(days=1)}T01:00", "Night shift"),
        _plain("dan", f"{free}T23:00", f"{free + timedelta(days=1)}T00:30", "Migration"),
        _plain("bogdan", f"{free}", f"{free + timedelta(days=2)}", "Fair"),
        _plain("carmen", f"{free}T09:00", f"{free}T10:00", "Call with London") | {"zone": "Europe/London"},
    ]
    for sunday in _changes(today):
        rows.append(_plain("ana", f"{sunday}T03:30", f"{sunday}T05:00", "Watch while the clocks change"))
        rows.append(_plain("dan", f"{sunday - timedelta(days=1)}T23:00", f"{sunday}T05:00", "Maintenance"))
    return rows


def _plain(person: str, start: str, end: str, title: str) -> dict[str, Any]:
    return {"person": person, "starts_at": start, "ends_at": end, "title": title}


def _changes(today: date) -> list[date]:
    """The days within the coming year on which Bucharest's clocks are put forward and back."""

    def offset(day: date) -> timedelta | None:
        return datetime.combine(day, datetime.min.time(), _BUCHAREST).utcoffset()

    days = (today + timedelta(days=ahead) for ahead in range(1, 366))
    return [day for day in days if offset(day) != offset(day + timedelta(days=1))]
