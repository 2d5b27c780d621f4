"""The inbox: hints that a record may have changed, each dealt with once."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from accord.kinds import PARENTS_FIRST
from accord.ledger import leases
from accord.ledger.dialect import among, upsert
from accord.ledger.schema import batches, inbox

KEPT_DAYS = 35  # longer than Stripe lists events (30 days), so that none is taken for new twice
UNFILED = "unfiled"  # a document that was settled before its PDF was archived
_FIRST_WAIT, _LONGEST_WAIT = 60.0, 6 * 3600.0
_RANK = case({str(kind): place for place, kind in enumerate(PARENTS_FIRST)}, value=inbox.c.kind)


class Hint(NamedTuple):
    """A record to look at, and what spoke of it."""

    event: str
    kind: str
    key: str


def receive(connection: Connection, sync: str, hints: Iterable[Hint], now: float) -> None:
    """Store hints that are not known yet."""
    rows = [
        {"sync": sync, "event": h.event, "kind": h.kind, "key": h.key, "due_at": now, "received_at": now} for h in hints
    ]
    if rows:
        connection.execute(upsert(connection, inbox).values(state="new").on_conflict_do_nothing(), rows)


def look_again(
    connection: Connection,
    sync: str,
    refs: Iterable[tuple[str, str]],
    event: str,
    because: str,
    now: float,
    waits_for: str | None = None,
    apart: float = 0.0,
    after: float = 0.0,
) -> None:
    """Have records fetched anew, for a reason of Accord's own.

    The first time at once; a record that is being fetched for this very reason now waits longer each time, so that
    what can not be settled costs ever fewer requests, unless `wake` is told that what it waits for has come. Call it
    before `close`, which then leaves the hint open. With `apart`, each is due so many seconds after the one before it;
    with `after`, none before so many seconds have passed.
    """
    rows = [
        {"sync": sync, "event": event, "kind": kind, "key": key, "due_at": now + after + apart * turn}
        for turn, (kind, key) in enumerate(refs)
    ]
    if not rows:
        return
    row = upsert(connection, inbox).values(
        state="new", because=because, waits_for=waits_for, attempts=1, received_at=now
    )
    pending = (inbox.c.state == "new") & inbox.c.claim.is_(None)
    again = row.on_conflict_do_update(
        index_elements=[inbox.c.sync, inbox.c.event, inbox.c.kind, inbox.c.key],
        set_={
            "state": "new",
            "claim": None,
            "because": because,
            "waits_for": waits_for,
            "attempts": inbox.c.attempts + 1,
            "due_at": now + case((_wait() < after, after), else_=_wait()),
            # What was dealt with waits anew; what was not has waited all along.
            "received_at": case((inbox.c.state == "done", now), else_=inbox.c.received_at),
        },
        where=~pending,
    )
    connection.execute(again, rows)


def _wait() -> ColumnElement[float]:
    """0 s for a hint dealt with before, then 60 s doubling with each attempt up to 6 h."""
    doubled = literal(_FIRST_WAIT / 2) * literal(1).bitwise_lshift(inbox.c.attempts)
    return case((inbox.c.attempts == 0, 0.0), (inbox.c.attempts > 8, _LONGEST_WAIT), else_=doubled)


def claim_due(
    connection: Connection, sync: str, claim: str, now: float, most: int, kinds: Collection[str]
) -> list[Hint]:
    """Mark up to `most` due hints as being dealt with under `claim`, with all others on the same records; return them.

    They are of these kinds, kind by kind: many of one cost less than some of each.
    A claim counts for as long as a lease would, and then for as long as a batch that answers it is open; that of a
    worker that died is free again.
    """
    first = _oldest_due(connection, sync, now, most, kinds)
    rows = dict(first)
    for kind in dict.fromkeys(hint.kind for hint in rows.values()):  # in an order that a simulated run can repeat
        keys = {hint.key for _, hint in first if hint.kind == kind}
        found = _due(connection, sync, now, kinds).where(inbox.c.kind == kind, among(connection, inbox.c.key, keys))
        rows |= dict(_hints(connection, found))
    taken = {"claim": claim, "due_at": now + leases.TTL}
    ids = list(rows)
    for start in range(0, len(ids), 500):
        connection.execute(update(inbox).where(inbox.c.id.in_(ids[start : start + 500])).values(**taken))
    return list(rows.values())


def _oldest_due(
    connection: Connection, sync: str, now: float, most: int, kinds: Collection[str]
) -> list[tuple[int, Hint]]:
    return _hints(connection, _due(connection, sync, now, kinds).limit(most))


def _due(connection: Connection, sync: str, now: float, kinds: Collection[str]) -> Select[Any]:
    due = and_(
        inbox.c.sync == sync,
        inbox.c.state == "new",
        # Further ahead than a wait can be: it was written by a clock that was set back since.
        or_(inbox.c.due_at <= now, inbox.c.due_at > now + 2 * _LONGEST_WAIT),
        among(connection, inbox.c.kind, kinds),
        ~_answered(),
    )
    return select(inbox.c.id, inbox.c.event, inbox.c.kind, inbox.c.key).where(due).order_by(_RANK, inbox.c.id)


def _hints(connection: Connection, found: Select[Any]) -> list[tuple[int, Hint]]:
    """What is found, by its id, and locked."""
    return [(row[0], Hint(*row[1:])) for row in connection.execute(found.with_for_update(skip_locked=True))]


def in_hand(connection: Connection, sync: str, now: float) -> int:
    """How many hints are claimed, and not yet answered by a batch."""
    where = (inbox.c.sync == sync) & (inbox.c.state == "new") & inbox.c.claim.is_not(None) & (inbox.c.due_at > now)
    return connection.scalar(select(func.count()).select_from(inbox).where(where, ~_answered())) or 0


def _answered() -> ColumnElement[bool]:
    same = (batches.c.sync == inbox.c.sync) & (batches.c.claim == inbox.c.claim) & (batches.c.stream == inbox.c.kind)
    return exists().where(same)


def release(connection: Connection, claim: str, refs: Iterable[tuple[str, str]], due_at: float) -> None:
    """Give back hints on records that nobody tried to fetch: they are due then, for whoever asks first."""
    mine = (inbox.c.claim == claim) & (inbox.c.kind == bindparam("of")) & (inbox.c.key == bindparam("one"))
    rows = [{"of": kind, "one": key} for kind, key in refs]
    if rows:
        connection.execute(update(inbox).where(mine).values(claim=None, due_at=due_at), rows)


def postpone(connection: Connection, claim: str, refs: Iterable[tuple[str, str]], because: str, now: float) -> None:
    """Give back hints on records that alone could not be fetched: each is due after a wait that grows."""
    mine = (inbox.c.claim == claim) & (inbox.c.kind == bindparam("of")) & (inbox.c.key == bindparam("one"))
    later = {"claim": None, "because": because, "attempts": inbox.c.attempts + 1, "due_at": now + _FIRST_WAIT + _wait()}
    rows = [{"of": kind, "one": key} for kind, key in refs]
    if rows:
        connection.execute(update(inbox).where(mine).values(later), rows)


def close(connection: Connection, claim: str, kind: str, keys: Collection[str]) -> None:
    """The records were dealt with: what spoke of them before they were fetched is done.

    Hints that came after the claim stay, since the fetch may not have seen what they speak of.
    """
    done = (inbox.c.claim == claim) & (inbox.c.kind == kind) & (inbox.c.key == bindparam("one"))
    values = update(inbox).where(done).values(state="done", because=None, waits_for=None, attempts=0)
    if keys:
        connection.execute(values, [{"one": key} for key in keys])


def shown(connection: Connection, sync: str, kind: str, keys: Collection[str]) -> None:
    """These records are shown by another reading: what was held of them waits no more."""
    where = (inbox.c.sync == sync) & (inbox.c.event == "held") & (inbox.c.kind == kind) & inbox.c.claim.is_(None)
    done = update(inbox).where(where, inbox.c.state == "new", inbox.c.key == bindparam("one"))
    if keys:
        values = done.values(state="done", because=None, waits_for=None, attempts=0)
        connection.execute(values, [{"one": key} for key in keys])


def give_up(connection: Connection, sync: str, kinds: Collection[str]) -> None:
    """Nobody looks at these kinds any more: what speaks of their records is done."""
    where = (inbox.c.sync == sync) & (inbox.c.state == "new") & among(connection, inbox.c.kind, kinds)
    connection.execute(update(inbox).where(where).values(state="done", claim=None, waits_for=None))


def wake(connection: Connection, sync: str, kind: str, keys: Collection[str], now: float) -> None:
    """These records are settled: what waited for them is due now."""
    if not keys or not held(connection, sync):
        return
    waiting_ = (inbox.c.sync == sync) & (inbox.c.state == "new") & (inbox.c.waits_for == bindparam("one"))
    due = update(inbox).where(waiting_, inbox.c.due_at > now).values(due_at=now)
    connection.execute(due, [{"one": f"{kind} {key}"} for key in keys])


def unmet(connection: Connection, claim: str, kind: str) -> list[str]:
    """The keys of the records of a kind that were claimed and are not dealt with yet."""
    where = (inbox.c.claim == claim) & (inbox.c.kind == kind) & (inbox.c.state == "new")
    return sorted(set(connection.scalars(select(inbox.c.key).where(where))))


def held(connection: Connection, sync: str) -> int:
    """How many records wait for another one."""
    where = (inbox.c.sync == sync) & (inbox.c.state == "new") & (inbox.c.event == "held")
    return connection.scalar(select(func.count()).select_from(inbox).where(where)) or 0


def open_keys(connection: Connection, sync: str, event: str, kind: str) -> set[str]:
    """The keys of the records of a kind that are to be fetched anew for one reason of Accord's own."""
    where = (inbox.c.sync == sync) & (inbox.c.state == "new") & (inbox.c.event == event) & (inbox.c.kind == kind)
    return set(connection.scalars(select(inbox.c.key).where(where)))


def waiting(connection: Connection, sync: str) -> int:
    """How many hints are not dealt with, besides those on documents that lack a PDF."""
    where = (inbox.c.sync == sync) & (inbox.c.state == "new") & (inbox.c.event != UNFILED)
    return connection.scalar(select(func.count()).select_from(inbox).where(where)) or 0


def unfiled(connection: Connection, sync: str) -> int:
    """How many documents lack a PDF."""
    where = (inbox.c.sync == sync) & (inbox.c.state == "new") & (inbox.c.event == UNFILED)
    return connection.scalar(select(func.count()).select_from(inbox).where(where)) or 0


def held_refs(connection: Connection, sync: str) -> set[tuple[str, str]]:
    """The records that wait for another one, as (kind, key)."""
    where = (inbox.c.sync == sync) & (inbox.c.state == "new") & (inbox.c.event == "held")
    return {(row.kind, row.key) for row in connection.execute(select(inbox.c.kind, inbox.c.key).where(where))}


class Waiting(NamedTuple):
    """A hint that is not dealt with yet."""

    kind: str
    key: str
    waits_for: str | None
    received_at: float


def oldest(connection: Connection, sync: str) -> Waiting | None:
    """The hint that has waited longest, besides those on documents that lack a PDF."""
    columns = [inbox.c[name] for name in Waiting._fields]
    where = (inbox.c.sync == sync) & (inbox.c.state == "new") & (inbox.c.event != UNFILED)
    row = connection.execute(select(*columns).where(where).order_by(inbox.c.received_at).limit(1)).one_or_none()
    return None if row is None else Waiting(*row)


def forget_old(connection: Connection, sync: str, now: float) -> None:
    """Delete hints that were dealt with and are too old to come again."""
    old = inbox.c.received_at < now - KEPT_DAYS * 86400
    connection.execute(delete(inbox).where(inbox.c.sync == sync, inbox.c.state == "done", old))
