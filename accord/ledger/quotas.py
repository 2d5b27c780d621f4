"""What was used of quotas that are counted over the last minute, as rows of the ledger that all workers see."""

from typing import NamedTuple

from sqlalchemy import Connection, select

from accord.ledger.dialect import upsert
from accord.ledger.schema import buckets

_SLOT = 4.0  # seconds whose calls are counted together
_SLOTS = 17  # so that a call counts for 64 s or more: a minute, and the time that it is under way
_LEAP = 10.0  # seconds; a row stamped further ahead than this was written by a clock since set back


class Quota(NamedTuple):
    """What is counted, the buckets that pause it, and how many calls a minute may have."""

    name: str
    pauses: tuple[str, ...]
    per_minute: int


def use(connection: Connection, quota: Quota, calls: int, now: float, longest_pause: float) -> float:
    """Use up so many calls, all or none, and return 0; or the seconds until it is worth trying again.

    Its first row stays locked until the caller's transaction ends, so that no two workers use the same call.
    """
    first = f"{quota.name} a minute"
    slots = [f"{first} {number}" for number in range(_SLOTS)]
    blank = {"name": first, "tokens": 0.0, "updated_at": now, "blocked_until": 0.0}
    connection.execute(upsert(connection, buckets).values(blank).on_conflict_do_nothing())
    connection.execute(select(buckets.c.name).where(buckets.c.name == first).with_for_update())
    query = select(buckets).where(buckets.c.name.in_([*slots, *quota.pauses]))
    rows = {row.name: row for row in connection.execute(query)}
    ends = [rows[name].blocked_until for name in quota.pauses if name in rows]
    if (paused := max((end for end in ends if end <= now + longest_pause + _LEAP), default=0.0) - now) > 0:
        return float(paused)
    begun = now - now % _SLOT
    counted = {
        row.updated_at: row.tokens
        for name in slots
        if (row := rows.get(name)) and begun - _SLOT * _SLOTS < row.updated_at <= now + _LEAP
    }
    too_many = sum(counted.values()) + calls - quota.per_minute
    if too_many > 0:
        return _until_free(counted, too_many) - now
    name = slots[int(begun / _SLOT) % _SLOTS]
    used = {"tokens": counted.get(begun, 0.0) + calls, "updated_at": begun}
    insert = upsert(connection, buckets).values(name=name, blocked_until=0.0, **used)
    connection.execute(insert.on_conflict_do_update(index_elements=[buckets.c.name], set_=used))
    return 0.0


def _until_free(counted: dict[float, float], calls: float) -> float:
    """The second at which so many calls, or all that there are, do not count any more."""
    until = 0.0
    for begun in sorted(counted):
        until = begun + _SLOT * _SLOTS
        calls -= counted[begun]
        if calls <= 0:
            break
    return until
