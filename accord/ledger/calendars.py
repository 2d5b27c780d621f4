"""Calendars: how far each was listened to, and why nobody listens to one any more."""

from collections.abc import Collection
from itertools import repeat
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, delete, select, update

from accord.calendars import Seat
from accord.ledger import dialect
from accord.ledger.dialect import upsert
from accord.ledger.schema import calendars


class Listened(NamedTuple):
    """How far a calendar was listened to; `at` is the system's own token."""

    at: str | None = None
    listened_at: float | None = None
    paused: str | None = None
    lenient: bool = False


_COLUMNS = [calendars.c[name] for name in Listened._fields]


def get(connection: Connection, sync: str, seat: Seat) -> Listened:
    """How far a calendar was listened to."""
    row = connection.execute(select(*_COLUMNS).where(_same(sync, seat))).one_or_none()
    return Listened() if row is None else Listened(*row)


def put(connection: Connection, sync: str, seat: Seat, listened: Listened) -> None:
    """Note how far."""
    row = upsert(connection, calendars).values(
        sync=sync, account=seat.account, calendar=seat.calendar, **listened._asdict()
    )
    same = [calendars.c.sync, calendars.c.account, calendars.c.calendar]
    connection.execute(row.on_conflict_do_update(index_elements=same, set_=listened._asdict()))


def meet(connection: Connection, sync: str, seats: Collection[Seat]) -> None:
    """Listen to these calendars from now on, also where something is only about to be made there."""
    values = {
        "sync": repeat(sync),
        "account": [one.account for one in seats],
        "calendar": [one.calendar for one in seats],
    }
    dialect.put(connection, calendars, values, ("sync", "account", "calendar"), keep=True)


def known(connection: Connection, sync: str) -> list[Seat]:
    """The calendars that are listened to, those that are nobody's any more among them."""
    rows = select(calendars.c.account, calendars.c.calendar).where(calendars.c.sync == sync)
    return [Seat(*row) for row in connection.execute(rows)]


def forget(connection: Connection, sync: str, seat: Seat) -> None:
    """Listen to a calendar no more."""
    connection.execute(delete(calendars).where(_same(sync, seat)))


def paused(connection: Connection, sync: str) -> dict[Seat, str]:
    """The calendars that nobody listens to, each with the reason."""
    where = (calendars.c.sync == sync) & calendars.c.paused.is_not(None)
    rows = select(calendars.c.account, calendars.c.calendar, calendars.c.paused).where(where)
    return {
        Seat(row.account, row.calendar): row.paused for row in connection.execute(rows.order_by(*calendars.primary_key))
    }


def all_paused(connection: Connection) -> list[tuple[str, str, str]]:
    """Every paused calendar as (sync, name, why)."""
    rows = select(calendars).where(calendars.c.paused.is_not(None)).order_by(*calendars.primary_key)
    return [(row.sync, str(Seat(row.account, row.calendar)), row.paused) for row in connection.execute(rows)]


def release(connection: Connection, sync: str, called: str, lenient: bool) -> bool:
    """Listen to a paused calendar again; False where it was not paused.

    With `lenient`, this once all of its deletions are believed.
    """
    mine = _same(sync, Seat.called(called)) & calendars.c.paused.is_not(None)
    return connection.execute(update(calendars).where(mine).values(paused=None, lenient=lenient)).rowcount == 1


def _same(sync: str, seat: Seat) -> ColumnElement[bool]:
    return (calendars.c.sync == sync) & (calendars.c.account == seat.account) & (calendars.c.calendar == seat.calendar)
