"""When an invoice that is known is asked for again, so that the open ones fit the limit however many they are."""

from datetime import UTC, date, datetime
from enum import Enum
from zlib import crc32

from accord.documents import State
from accord.systems.smartbill.memory import OPEN, Invoice, Known
from accord.systems.smartbill.shapes import Status

DAY, HOUR = 86_400, 3_600
YOUNG = 60  # days after which an open invoice is asked for each hour only
FEW = 200  # open invoices that are asked for in each run, which takes two minutes within the limit
APART = 3  # seconds for each of more than those, in which all of them have their turn once


class Turn(Enum):
    """How much of an invoice is asked for."""

    NONE = 0
    STATUS = 1  # and its PDF, if that has moved
    BOTH = 2


def turn(one: Invoice, known: Known, lo: int | None, now: int) -> Turn:
    """How much of an invoice a run that goes on from `lo` asks for.

    Payments of an open one; PDFs once a day, at a time of each one's own; and all of one that a storno takes back, or
    that none takes back any more.
    """
    taken_back = known.taken_back(one.series, one.written, one.amount("total"))
    daily = _is_due(one.key, DAY, lo, now)
    if taken_back and one.state not in (State.REVERSED, State.CANCELLED):
        return Turn.BOTH
    if one.state == State.REVERSED:  # by a storno that is gone, or by an export
        return Turn.BOTH if daily and not taken_back else Turn.NONE
    if one.state not in OPEN:
        return Turn.NONE
    if daily:
        return Turn.BOTH
    period = max(0 if _is_young(one, now) else HOUR, 0 if known.open <= FEW else known.open * APART)
    return Turn.STATUS if not period or _is_due(one.key, period, lo, now) else Turn.NONE


def has_moved(one: Invoice, status: Status) -> bool:
    """Whether a payment status tells something new; in an unknown currency only how far it is paid."""
    total, paid = one.amount("total"), one.amount("paid")
    if total is not None:
        return (total, paid) != (status.invoice_total_amount, status.paid_amount)
    now = State.PAID if status.paid else State.PARTLY_PAID if status.paid_amount > 0 else None
    return now is not None and now != one.state


def _is_young(one: Invoice, now: int) -> bool:
    issued_on = one.facts.get("issued_on")
    if issued_on is None:
        return True
    today = datetime.fromtimestamp(now, UTC).date()
    return (today - date.fromisoformat(str(issued_on))).days <= YOUNG


def _is_due(key: str, period: int, lo: int | None, now: int) -> bool:
    """Whether this invoice's own moment of each period came since `lo`."""
    own = crc32(key.encode()) % period
    return lo is None or (lo - own) // period < (now - own) // period
