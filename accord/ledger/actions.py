"""Actions: what is to be done once because of a record, from the wish to its end."""

from collections.abc import Collection
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from accord.ledger.cipher import Cipher
from accord.ledger.dialect import among, put
from accord.ledger.schema import actions

OPEN = ("wanted", "sending")  # what goes on by itself
STUCK = ("overtaken", "refused", "unknown")  # what waits for a person
FAR = 7200.0  # seconds: longer than anything waits
MANY = 100  # actions that are gone on with at a time, while new records wait


class Row(NamedTuple):
    """An action on one record, as it was read; `version` tells whether another worker has changed it since."""

    name: str
    connection: str
    kind: str
    key: str
    account: str
    state: str
    version: int
    mark: str
    turn: int
    step: int
    attempt: int
    payload: bytes | None
    note: str
    refusal: str | None
    intent_at: float | None
    first_at: float | None
    due_at: float
    twin: str | None
    series: str | None
    number: str | None
    why: str | None
    wanted_at: float

    def __repr__(self) -> str:
        return f"<action {self.name} on {self.kind} {self.key}: {self.state}>"


_COLUMNS = [actions.c[name] for name in Row._fields]


def want(connection: Connection, name: str, source: str, kind: str, account: str, keys: list[str], now: float) -> None:
    """Note that the action is wanted on these records; on each once, however often this is said.

    A record that an action has made itself asks for none.
    """
    made = set(connection.scalars(select(actions.c.twin).where(among(connection, actions.c.twin, keys))))
    new = [key for key in keys if key not in made]
    values: dict[str, list[Any]] = {"key": new, "mark": [_mark(name, source, kind, key, 0) for key in new]}
    alike: dict[str, Any] = {
        "name": name,
        "connection": source,
        "kind": str(kind),
        "account": account,
        "state": "wanted",
        "note": "{}",
    }
    alike |= {"version": 0, "turn": 0, "step": 0, "attempt": 0, "due_at": now, "wanted_at": now}
    values |= {column: [value] * len(new) for column, value in alike.items()}
    put(connection, actions, values, ("name", "connection", "kind", "key"), keep=True)


def overtake(connection: Connection, name: str, source: str, kind: str, why: dict[str, str]) -> None:
    """Note why what was done because of these records, by key, is not right any more; or will not be, once it is done.

    Not a change of the row that another worker may be at: what becomes of it is decided when it ends.
    """
    for key, text in why.items():
        at = _same(name, source, kind, key)
        dealt_with = and_(actions.c.state == "dropped", actions.c.twin.is_not(None), actions.c.why != text)
        done = update(actions).where(at, or_(actions.c.state == "done", dealt_with))
        connection.execute(done.values(state="overtaken", why=text))
        under_way = update(actions).where(at, actions.c.state.in_(OPEN), actions.c.payload.is_not(None))
        connection.execute(under_way.values(why=text))


def overtaken(connection: Connection, row: Row) -> str | None:
    """Why what is just done is not right any more."""
    return connection.scalar(select(actions.c.why).where(_same(row.name, row.connection, row.kind, row.key)))


def _mark(name: str, source: str, kind: str, key: str, turn: int) -> str:
    told = "\n".join((name, source, str(kind), key, str(turn)))
    return f"accord-{blake2b(told.encode(), digest_size=10).hexdigest()}"


def due(connection: Connection, name: str, source: str, account: str, now: float) -> list[Row]:
    """What the action has to go on with now at this account: what is in doubt first, since others may wait for that.

    At most so many that new records have not to wait for long; what has waited longest comes before what was postponed.
    """
    # Further ahead than anything waits: it was written by a clock that was set back since.
    ready = or_(actions.c.due_at <= now, actions.c.due_at > now + FAR)
    where = and_(actions.c.name == name, actions.c.connection == source, actions.c.state.in_(OPEN))
    here = or_(actions.c.account == account, actions.c.payload.is_(None))
    order = (actions.c.state, actions.c.due_at, actions.c.wanted_at, actions.c.key)  # "sending" before "wanted"
    rows = select(*_COLUMNS).where(where, here, ready).order_by(*order)
    return [Row(*row) for row in connection.execute(rows.limit(MANY))]


def elsewhere(connection: Connection, name: str, source: str, account: str) -> list[Row]:
    """What was sent to another account, where nobody looks it up any more, and has no outcome."""
    where = and_(actions.c.name == name, actions.c.connection == source, actions.c.account != account)
    rows = select(*_COLUMNS).where(where, actions.c.state.in_(OPEN), actions.c.payload.is_not(None))
    return [Row(*row) for row in connection.execute(rows)]


def change(connection: Connection, row: Row, **values: Any) -> Row | None:
    """Write a row that was read before; None where another worker has changed it since, and nothing is written."""
    values["version"] = row.version + 1
    where = and_(_same(row.name, row.connection, row.kind, row.key), actions.c.version == row.version)
    done = connection.execute(update(actions).where(where).values(**values)).rowcount == 1
    return row._replace(**values) if done else None


def in_doubt(connection: Connection, row: Row, account: str) -> int:
    """How many other actions at the account have an intention without an outcome."""
    where = and_(actions.c.account == account, actions.c.state == "sending")
    other = ~_same(row.name, row.connection, row.kind, row.key)
    return connection.scalar(select(func.count()).select_from(actions).where(where, other)) or 0


def seal(cipher: Cipher, row: Row, payload: bytes) -> bytes:
    """The payload as it is kept."""
    return cipher.seal(payload, about(row.name, row.connection, row.kind, row.key))


def payload(cipher: Cipher, row: Row) -> bytes | None:
    """The payload as it is sent; None where there was no intention yet."""
    return None if row.payload is None else cipher.open(row.payload, about(row.name, row.connection, row.kind, row.key))


def about(name: str, source: str, kind: str, key: str) -> str:
    """For what a payload is encrypted."""
    return f"actions:{name}:{source}:{kind}:{key}"


def are_at(connection: Connection, account: str) -> bool:
    """Whether anything was sent to an account."""
    where = and_(actions.c.account == account, or_(actions.c.twin.is_not(None), actions.c.first_at.is_not(None)))
    return connection.scalar(select(actions.c.key).where(where).limit(1)) is not None


def counts(connection: Connection, source: str | None = None) -> dict[str, int]:
    """How many actions there are in each state; of all connections, or of one."""
    rows = select(actions.c.state, func.count()).group_by(actions.c.state)
    if source is not None:
        rows = rows.where(actions.c.connection == source)
    return dict(connection.execute(rows).tuples().all())


def stuck(connection: Connection, source: str, kinds: Collection[str]) -> dict[str, int] | None:
    """How many actions on records of these kinds wait for a person, by state; None where there was never any action."""
    where = and_(actions.c.connection == source, actions.c.kind.in_([*kinds]))
    if connection.scalar(select(actions.c.key).where(where).limit(1)) is None:
        return None
    rows = select(actions.c.state, func.count()).where(where, actions.c.state.in_(STUCK)).group_by(actions.c.state)
    return dict(connection.execute(rows).tuples().all())


def listed(connection: Connection, states: Collection[str] = (), source: str | None = None) -> list[Row]:
    """The actions in these states, or all of them, in the order in which they were wanted."""
    rows = select(*_COLUMNS).order_by(actions.c.wanted_at, actions.c.key)
    if states:
        rows = rows.where(actions.c.state.in_(states))
    if source is not None:
        rows = rows.where(actions.c.connection == source)
    return [Row(*row) for row in connection.execute(rows)]


def again(connection: Connection, row: Row, now: float) -> bool:
    """Begin what was refused, is unknown or was given up anew, under another mark, as a person decided who has looked.

    Never what was done.
    """
    turn = row.turn + 1
    fresh = {"state": "wanted", "turn": turn, "mark": _mark(row.name, row.connection, row.kind, row.key, turn)}
    fresh |= dict.fromkeys(("payload", "refusal", "intent_at", "first_at", "why"))
    changed = (
        row.state in ("refused", "unknown", "dropped")
        and row.twin is None
        and change(connection, row, **fresh, step=0, attempt=0, note="{}", due_at=now)
    )
    return bool(changed)


def _same(name: str, source: str, kind: str, key: str) -> ColumnElement[bool]:
    return and_(actions.c.name == name, actions.c.connection == source, actions.c.kind == kind, actions.c.key == key)
