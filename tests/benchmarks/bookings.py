"""How fast bookings get into one calendar: `python tests/benchmarks/bookings.py --system google [--bookings 1000]`.

What a run does in the calendars, ledger and all, without reading the bookings and without Prefect; the sandbox runs in
this process. Each call, and each part of a batch, takes `--latency-ms`; with `--per-minute 600` both sides keep to
Google's quota. Then all is heard once, and once more where nothing has changed, with the question who is taken.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import HttpUrl, SecretStr

from accord.bookings import Booking, Status
from accord.calendar_target import CalendarTarget
from accord.calendars import Calendars, Seat
from accord.clock import SystemClock
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.upgrade import upgrade
from accord.ports import Because
from accord.records import Kind
from accord.sandbox.app import Sandbox, application, build
from accord.sandbox.google import tokens as google
from accord.sandbox.microsoft import tokens as microsoft
from accord.sandbox.serve import served
from accord.sync import Sync
from blocks import GoogleCalendarAccount, MicrosoftCalendarAccount

SYNC = Sync("booking-to-calendar/main", "bookings/main", "calendars/main")
SEATS = {"google": Seat("google/main", "ana@accord.test"), "microsoft": Seat("microsoft/main", "carmen@accord.test")}


def main() -> int:
    """Measure, and print JSON; 1 where an event was not made, or a request was refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--system", choices=[*SEATS], default="google")
    parser.add_argument("--bookings", type=int, default=1_000, help="that are new (%(default)s)")
    parser.add_argument("--latency-ms", type=float, default=50, help="of each call (%(default)s)")
    parser.add_argument("--per-minute", type=int, help="calls that Google allows one person in a minute (no limit)")
    given = parser.parse_args()
    sandbox = build(payments=0)
    seat, provider = SEATS[given.system], getattr(sandbox, given.system)
    sandbox.google.settings.per_minute = given.per_minute or 0
    with tempfile.TemporaryDirectory() as folder, served(application(sandbox)) as url:
        engine = open_database(f"sqlite:///{Path(folder) / 'ledger.db'}", "the ledger")
        upgrade(engine)
        ledger = Ledger(engine, Cipher(new_key()), SystemClock())
        account = _account(given.system, url, given.per_minute, ledger)
        nobody: Any = None  # no booking is written back
        target = CalendarTarget(SYNC, {seat.account: account}, {"ana": seat}, nobody, ledger)
        target.listen()
        _delay(sandbox, given.system, given.latency_ms)
        provider.stats.reset()
        begun, worked = time.monotonic(), time.process_time()
        came = target.write(SYNC.connection, Kind.BOOKING, [(1, _booking(n)) for n in range(given.bookings)])
        took = time.monotonic() - begun
        cpu = time.process_time() - worked  # of the sandbox too
        left = [key for key, why in came.items() if not isinstance(why, Because)]
        shown = {"seconds": round(took, 2), "cpu": round(cpu, 2), "not shown": len(left)}
        shown |= _asked(provider, "to write")
        provider.faults.clear()
        target.listen()
        provider.stats.reset()
        begun = time.monotonic()
        target.listen()
        account.busy([seat.calendar], int(time.time()), int(time.time()) + 60 * 86_400)
        shown |= {"seconds with nothing changed": round(time.monotonic() - begun, 2)}
        shown |= _asked(provider, "with nothing changed")
        target.close()
        engine.dispose()
    print(json.dumps(shown, indent=2))
    return 0 if not left and not shown["refused to write"] else 1


def _asked(provider: Any, when: str) -> dict[str, int]:
    counted = provider.stats.by_status
    return {
        f"requests {when}": sum(provider.stats.by_endpoint.values()),
        f"refused {when}": counted["403"] + counted["429"],
    }


def _account(system: str, url: str, per_minute: int | None, ledger: Ledger) -> Calendars:
    if system == "google":
        return GoogleCalendarAccount(
            client_id=google.CLIENT_ID,
            client_secret=SecretStr(google.CLIENT_SECRET),
            refresh_token=SecretStr(google.REFRESH_TOKEN),
            base_url=HttpUrl(f"{url}/google"),
            token_url=HttpUrl(f"{url}/google/token"),
            per_minute=per_minute,
        ).connect("google/main", ledger)
    return MicrosoftCalendarAccount(
        tenant=microsoft.TENANT,
        client_id=microsoft.CLIENT_ID,
        secret=SecretStr(microsoft.CLIENT_SECRET),
        base_url=HttpUrl(f"{url}/microsoft/v1.0"),
        login_url=HttpUrl(f"{url}/microsoft/login"),
    ).connect("microsoft/main", ledger)


def _delay(sandbox: Sandbox, system: str, milliseconds: float) -> None:
    if milliseconds:
        getattr(sandbox, system).faults.add({"kind": "latency", "seconds": milliseconds / 1_000, "rate": 1})


def _booking(number: int) -> Booking:
    hour, minute = divmod(number % 32 * 15, 60)
    day = f"2026-12-{number // 32 % 28 + 1:02}"
    return Booking(
        key=f"b{number}",
        version=1,
        updated=1,
        created=1,
        person="ana",
        attendee="Dan Pop",
        email="dan@client.test",
        status=Status.BOOKED,
        start=f"{day}T{9 + hour:02}:{minute:02}:00",
        end=f"{day}T{9 + hour:02}:{minute + 14:02}:00",
        zone="Europe/Bucharest",
        title=f"Visit {number}",
        place="Room 5",
        link="https://meet.example.test/1",
        notes="Bring the papers.",
    )


if __name__ == "__main__":
    sys.exit(main())
