"""`accord actions`: what is done at other systems because of records, and what a person does about it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from accord import settings
from accord.actions import Twin
from accord.errors import Misconfigured
from accord.ledger import actions, entries
from accord.ledger.actions import Row
from accord.ledger.engine import Ledger

OPEN = (*actions.OPEN, *actions.STUCK)


def command(action: str, keys: Sequence[str], as_json: bool) -> int:
    """List the actions that are not done, begin some anew, or give them up; listing gives 1 while one is unknown."""
    if (action == "list") == bool(keys):
        raise Misconfigured(f"accord actions {action} takes {'no keys' if keys else 'the keys of records'}")
    ledger = settings.current_ledger()
    if action == "list":
        return _list(ledger, as_json)
    do, done = {"retry": (_retry, "to be begun anew by the next run"), "drop": (_drop, "given up")}[action]
    among = (*OPEN, "dropped") if action == "retry" else OPEN
    for key in keys:
        ledger.write(lambda c, key=key: do(c, ledger.now(c), _only(c, key, among)))  # type: ignore[misc]
    print(json.dumps({action: list(keys)}, indent=2) if as_json else f"{done}: {', '.join(keys)}")
    return 0


def _list(ledger: Ledger, as_json: bool) -> int:
    rows = ledger.read(lambda c: actions.listed(c, OPEN))
    counts = ledger.read(actions.counts)
    if as_json:
        shown = ("name", "connection", "kind", "key", "account", "state", "attempt", "mark", "due_at", "why")
        print(json.dumps({"counts": counts, "open": [{f: getattr(row, f) for f in shown} for row in rows]}, indent=2))
    else:
        print(", ".join(f"{count:,} {state}" for state, count in sorted(counts.items())) or "there are no actions")
        print("".join(f"{_line(row)}\n" for row in rows), end="")
    return 1 if {*counts} & {"unknown", "overtaken"} else 0


def _line(row: Row) -> str:
    since = datetime.fromtimestamp(row.wanted_at, UTC).strftime("%Y-%m-%d %H:%M")
    why = f": {row.why}" if row.why else ""
    made = f", {_made(row)}" if row.twin else ""
    return f"{row.key}  {row.name} at {row.account}, wanted since {since} UTC, is {row.state}{made}{why} ({row.mark})"


def _made(row: Row) -> str:
    return Twin(row.twin or "", row.series, row.number).called


def stuck(row: Row) -> str:
    """What a person has to know of an action that is overtaken, or whose outcome is unknown."""
    if row.state == "overtaken":
        return f"{_made(row)} at {row.account} is overtaken: {row.why}; then: accord actions drop {row.key}"
    then = f"accord actions drop {row.key}, or retry where there is none"
    return f"whether it was done at {row.account} is unknown: {row.why}; then: {then}"


def _only(connection: Connection, key: str, states: Sequence[str]) -> Row:
    found = [row for row in actions.listed(connection, states) if row.key == key]
    if len(found) != 1:
        known = "no action on it is open" if not found else "several actions on it are open"
        raise Misconfigured(f"{key}: {known}; accord actions list shows those that are")
    return found[0]


def _retry(connection: Connection, now: float, row: Row) -> None:
    if row.twin is not None:
        raise Misconfigured(f"the action on {row.key} was done; begun anew it would be done twice")
    if not actions.again(connection, row, now):
        raise Misconfigured(f"the action on {row.key} is {row.state}, and goes on by itself")
    _tell(connection, now, row, "retry", "a person looked, and has it begun anew")


def _drop(connection: Connection, now: float, row: Row) -> None:
    if row.state == "sending":
        raise Misconfigured(f"the action on {row.key} is being sent; it is looked up by the next runs")
    done = row.state == "overtaken"
    why = "a person has dealt with it" if done else "a person gave it up"
    # By its reason what was dealt with is told from what comes to it later.
    actions.change(connection, row, state="dropped", why=row.why if done else why, refusal=None, payload=None)
    _tell(connection, now, row, "drop", why)


def _tell(connection: Connection, now: float, row: Row, what: str, because: str) -> None:
    entry = entries.Entry(row.kind, row.key, f"action {what}", f"{row.name}: {because}", None)
    entries.append(connection, row.connection, f"accord actions {what}", now, [entry])
