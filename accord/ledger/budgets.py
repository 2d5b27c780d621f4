"""Token buckets and circuit breakers as rows of the ledger, so that all workers see the same."""

from collections.abc import Sequence
from math import floor
from typing import NamedTuple

from sqlalchemy import Connection, Row, select, update

from accord.ledger.dialect import upsert
from accord.ledger.schema import breakers, buckets

LONGEST_PAUSE = 900.0  # seconds; no system is believed that asks for more

BURST = 0.5  # seconds' worth of tokens that a bucket can hold: the most that an idle account sends at once
_HELPING = 0.2  # seconds' worth worth waiting for: fewer transactions than one per token
_LEAP = 10.0  # seconds; a bucket stamped further ahead than this was written by a clock since set back
_ROUNDING = 1e-6

_FIRST_OPEN, _LONGEST_OPEN = 30.0, 600.0  # seconds
_PROBE = 90.0  # seconds; longer than any request with its wait for the rate, so a dead prober blocks no longer


class Rate(NamedTuple):
    """A bucket's name and its tokens per second; None = unlimited, but still able to be paused.

    `burst` is how many seconds' worth it holds: more than usual where a system counts over minutes.
    """

    name: str
    per_second: float | None
    burst: float = BURST

    @property
    def capacity(self) -> float:
        return max(1.0, (self.per_second or 0.0) * self.burst)


class Slice(NamedTuple):
    """Tokens taken, or none and the seconds until it is worth asking again."""

    tokens: int
    wait: float


def draw(connection: Connection, rates: Sequence[Rate], wanted: int, now: float) -> Slice:
    """Take up to `wanted` tokens out of all of `rates` at once: never more than each of them allows.

    The buckets' rows stay locked until the caller's transaction ends, so no two workers get the same token.
    """
    rows = _locked_buckets(connection, rates, now)
    # Longer than a pause can last: it was written by a clock that was set back since.
    ends = [float(row.blocked_until) for row in rows.values() if row.blocked_until <= now + LONGEST_PAUSE + _LEAP]
    paused = max(ends, default=0.0) - now
    if paused > 0:
        return Slice(0, paused)
    limited = [rate for rate in rates if rate.per_second is not None]
    levels = {rate.name: _level(rate, rows[rate.name], now) for rate in limited}
    tokens = min([wanted, *(floor(level + _ROUNDING) for level in levels.values())])
    if tokens < 1:
        return Slice(0, max(_until(rate, levels[rate.name], wanted) for rate in limited))
    for rate in limited:
        stamp = rows[rate.name].updated_at
        connection.execute(
            update(buckets)
            .where(buckets.c.name == rate.name)
            .values(tokens=levels[rate.name] - tokens, updated_at=now if stamp > now + _LEAP else max(now, stamp))
        )
    return Slice(tokens, 0.0)


def _locked_buckets(connection: Connection, rates: Sequence[Rate], now: float) -> dict[str, Row[tuple[object, ...]]]:
    # Locked in the order of their names: two workers can then not wait for each other.
    query = (
        select(buckets)
        .where(buckets.c.name.in_([rate.name for rate in rates]))
        .order_by(buckets.c.name)
        .with_for_update()
    )
    rows = {row.name: row for row in connection.execute(query)}
    if missing := [rate for rate in rates if rate.name not in rows]:
        fresh = [{"name": r.name, "tokens": r.capacity, "updated_at": now, "blocked_until": 0.0} for r in missing]
        connection.execute(upsert(connection, buckets).on_conflict_do_nothing(), fresh)
        rows = {row.name: row for row in connection.execute(query)}
    return rows


def _level(rate: Rate, row: Row[tuple[object, ...]], now: float) -> float:
    elapsed = now - float(row.updated_at)
    if elapsed < -_LEAP:
        return rate.capacity
    return min(rate.capacity, float(row.tokens) + max(0.0, elapsed) * (rate.per_second or 0.0))


def _until(rate: Rate, level: float, wanted: int) -> float:
    per_second = rate.per_second or 0.0
    goal = min(float(wanted), max(1.0, per_second * _HELPING))
    return max(0.001, (goal - level) / per_second)


def block(connection: Connection, name: str, until: float, now: float) -> None:
    """Let no token out of this bucket before `until`; a later end that is already noted stays."""
    insert = upsert(connection, buckets).values(name=name, tokens=0.0, updated_at=now, blocked_until=until)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[buckets.c.name],
            set_={"blocked_until": until},
            where=buckets.c.blocked_until < until,
        )
    )


class Circuit(NamedTuple):
    """A breaker's row: closed while `opened_times` is 0, half-open once `open_until` has passed."""

    open_until: float
    opened_times: int
    probe_until: float


CLOSED = Circuit(0.0, 0, 0.0)


def circuit(connection: Connection, name: str, now: float, lock: bool = False) -> Circuit:
    """The breaker's state; with `lock` its row is held until the caller's transaction ends.

    A time further ahead than it can be was written by a clock that was set back since, and counts as past.
    """
    query = select(breakers.c.open_until, breakers.c.opened_times, breakers.c.probe_until)
    query = query.where(breakers.c.name == name)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        return CLOSED
    open_until = 0.0 if row.open_until > now + _LONGEST_OPEN + _LEAP else row.open_until
    probe_until = 0.0 if row.probe_until > now + _PROBE + _LEAP else row.probe_until
    return Circuit(open_until, row.opened_times, probe_until)


def open_circuit(connection: Connection, name: str, seen: int, failures: int, now: float) -> Circuit:
    """Open the breaker for 30 s, doubled with every opening in a row up to 10 min, and return its state.

    `seen` is the `opened_times` on which the caller acted: where another worker moved on, nothing changes.
    """
    blank = {"name": name, "failures": 0, "open_until": 0.0, "opened_times": 0, "probe_until": 0.0}
    connection.execute(upsert(connection, breakers).values(blank).on_conflict_do_nothing())
    found = circuit(connection, name, now, lock=True)
    if found.opened_times != seen:
        return found
    # The exponent is held down because 2.0**1024 is an error.
    opened = Circuit(now + min(_FIRST_OPEN * 2.0 ** min(seen, 10), _LONGEST_OPEN), seen + 1, 0.0)
    connection.execute(update(breakers).where(breakers.c.name == name).values(failures=failures, **opened._asdict()))
    return opened


def claim_probe(connection: Connection, name: str, now: float) -> tuple[Circuit, bool]:
    """The breaker's state, and whether the caller may send the one request that tries a half-open breaker."""
    found = circuit(connection, name, now, lock=True)
    if found.opened_times == 0 or max(found.open_until, found.probe_until) > now:
        return found, False
    mine = found._replace(probe_until=now + _PROBE)
    connection.execute(update(breakers).where(breakers.c.name == name).values(probe_until=mine.probe_until))
    return mine, True


def close_circuit(connection: Connection, name: str, seen: int) -> None:
    """Close the breaker, unless another worker moved it on from the `opened_times` that the caller saw."""
    connection.execute(
        update(breakers)
        .where(breakers.c.name == name, breakers.c.opened_times == seen)
        .values(failures=0, **CLOSED._asdict())
    )
