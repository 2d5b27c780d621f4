"""How fast events get into one mailbox of Microsoft 365: `python tests/benchmarks/microsoft.py [--events 1000]`.

The sandbox takes four requests at a time, as Microsoft does, and refuses what goes beyond. Each request and each part
of a batch takes `--latency-ms`; with parts alone, and no other cost, events × latency / 4 would be the least.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from accord.calendars import Create, Done, Mark, Wanted
from accord.clock import SystemClock
from accord.ledger.cipher import Cipher, new_key
from accord.ledger.engine import Ledger, open_database
from accord.ledger.upgrade import upgrade
from accord.sandbox.app import application, build
from accord.sandbox.microsoft import tokens
from accord.sandbox.microsoft.seed import CARMEN
from accord.sandbox.serve import served
from accord.systems.microsoft import Credentials, MicrosoftCalendars, connect


def main() -> int:
    """Measure, and print JSON; 1 where an event was not made, or a request was refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=1_000, help="that are made (%(default)s)")
    parser.add_argument("--latency-ms", type=float, default=50, help="of each request and each part (%(default)s)")
    given = parser.parse_args()
    sandbox = build(payments=0)
    microsoft = sandbox.microsoft
    credentials = Credentials(tokens.TENANT, tokens.CLIENT_ID, tokens.CLIENT_SECRET)
    with tempfile.TemporaryDirectory() as folder, served(application(sandbox)) as url:
        engine = open_database(f"sqlite:///{Path(folder) / 'ledger.db'}", "the ledger")
        upgrade(engine)
        calendars = connect(
            "microsoft/main",
            lambda: credentials,
            lambda token: None,
            Ledger(engine, Cipher(new_key()), SystemClock()),
            base_url=f"{url}/microsoft/v1.0",
            login_url=f"{url}/microsoft/login",
        )
        calendars.sign_in()
        microsoft.faults.add({"kind": "latency", "seconds": given.latency_ms / 1_000, "rate": 1})
        begun = time.monotonic()
        done = calendars.apply([Create(CARMEN, _wanted(number)) for number in range(given.events)])
        took = time.monotonic() - begun
        made, refused = sum(isinstance(one, Done) for one in done), microsoft.stats.by_status["429"]
        microsoft.faults.clear()
        first, place = _read(calendars, None)
        microsoft.stats.reset()
        _read(calendars, place)
        quiet = sum(microsoft.stats.by_endpoint.values())
        calendars.close()
        engine.dispose()
    least = given.events * given.latency_ms / 4_000
    shown = {
        "made": made,
        "refused": refused,
        "seconds": round(took, 2),
        "least": least,
        "ratio": round(took / least, 2),
    }
    shown |= {"pages of the first reading": first, "requests where nothing changed": quiet}
    print(json.dumps(shown, indent=2))
    return 0 if made == given.events and not refused else 1


def _wanted(number: int) -> Wanted:
    return Wanted(
        mark=Mark(f"booking-to-calendar/main b{number}", 1, 1),
        start="2026-12-01T10:00:00",
        end="2026-12-01T11:00:00",
        zone="Europe/Bucharest",
        title=f"Visit {number}",
        place="Room 5",
        link="https://meet.example.test/1",
        notes="Bring the papers.",
        attendee="Dan Pop",
    )


def _read(calendars: MicrosoftCalendars, at: str | None) -> tuple[int, str]:
    """How many pages there were, and where to go on."""
    pages = 1
    page = calendars.changes(CARMEN, at)
    while page.more:
        pages, page = pages + 1, calendars.changes(CARMEN, page.at)
    return pages, page.at


if __name__ == "__main__":
    sys.exit(main())
