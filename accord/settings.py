"""The only reader of the environment."""

import os

from accord.clock import Clock, SystemClock
from accord.errors import Misconfigured
from accord.ledger.cipher import Cipher
from accord.ledger.engine import Ledger, open_database

LEDGER_URL = "ACCORD_LEDGER_URL"
LEDGER_KEY = "ACCORD_LEDGER_KEY"
OVERDUE_HOURS = "ACCORD_OVERDUE_HOURS"


def open_ledger(clock: Clock | None = None) -> Ledger:
    """The ledger that the environment names.

    ACCORD_LEDGER_URL is a SQLAlchemy URL (sqlite with an absolute path, or postgresql); ACCORD_LEDGER_KEY holds the
    key, or several separated by commas of which the first encrypts. Raises Misconfigured where one is missing.
    """
    engine = open_database(_required(LEDGER_URL, "sqlite:////var/lib/accord/ledger.db"), LEDGER_URL)
    key = _required(LEDGER_KEY, "the output of: python -c 'from accord.ledger.cipher import new_key; print(new_key())'")
    return Ledger(engine, Cipher(key), clock or SystemClock())


def overdue_after() -> float:
    """Seconds after which a record that is in quarantine, or waits, is told of: ACCORD_OVERDUE_HOURS, or 24 hours."""
    hours = os.environ.get(OVERDUE_HOURS, "24")
    try:
        seconds = float(hours) * 3600
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise Misconfigured(f"{OVERDUE_HOURS} is {hours}; set it to a number of hours above 0, or leave it out for 24")
    return seconds


def _required(name: str, example: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise Misconfigured(f"{name} is not set; set it to, for example, {example}")
    return value
