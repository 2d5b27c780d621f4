"""The only reader of the environment."""

import os

from accord.clock import Clock, SystemClock
from accord.errors import Misconfigured
from accord.ledger.cipher import BadKey, Cipher
from accord.ledger.engine import Ledger, open_database
from accord.ledger.version import require_current, revision

LEDGER_URL = "ACCORD_LEDGER_URL"
LEDGER_KEY = "ACCORD_LEDGER_KEY"
OVERDUE_HOURS = "ACCORD_OVERDUE_HOURS"
_NEW_KEY = (
    "there is no ledger in {} yet, so make a key, and keep it: python -c 'from accord.ledger.cipher import new_key; "
    "print(new_key())'"
)
_RESTORE_KEY = (
    "set it to the key that this ledger was written with, from where you keep it, since with another one nothing "
    "that it keeps encrypted can be read"
)


def open_ledger(clock: Clock | None = None) -> Ledger:
    """The ledger that the environment names, whether or not its tables are there.

    ACCORD_LEDGER_URL is a SQLAlchemy URL (sqlite with an absolute path, or postgresql); ACCORD_LEDGER_KEY holds the
    key, or several separated by commas of which the first encrypts. Raises Misconfigured where one is missing.
    """
    engine = open_database(_required(LEDGER_URL, "sqlite:////var/lib/accord/ledger.db"), LEDGER_URL)
    try:
        cipher = Cipher(os.environ.get(LEDGER_KEY, ""))
    except BadKey as error:
        how = _RESTORE_KEY if revision(engine) else _NEW_KEY.format(engine.url.database)
        raise Misconfigured(f"{error}; {how}") from None
    return Ledger(engine, cipher, clock or SystemClock())


def current_ledger() -> Ledger:
    """The same; raises Misconfigured where its tables are not those that this version needs."""
    ledger = open_ledger()
    require_current(ledger.engine)
    return ledger


def names_a_ledger() -> bool:
    """Whether the environment names one, be it there or not."""
    return bool(os.environ.get(LEDGER_URL))


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
