"""Acting: each action once in effect, and driven to an end.

The ledger commits what is about to be sent; then it is sent; then the ledger commits what came of it. Where no answer
came it is looked up. What is not found is sent again: at once to a system that heeds a repeated key, and to one that
does not only when what was sent before can have no effect any more.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
from sqlalchemy import Connection

from accord.actions import Action, Look, NotNeeded, Sent, Twin
from accord.clock import Until
from accord.errors import Misconfigured, NoToken, NotSent, Refused, Superseded, TryLater, Unclear
from accord.ledger import actions, entries, leases
from accord.ledger.actions import Row
from accord.ledger.engine import Ledger
from accord.ledger.entries import Entry
from accord.sync import Sync

MOST = 24  # attempts of one step, until a person is asked
PAUSE = 60.0  # seconds until what could not be done is tried again
LONGEST = 3600.0  # seconds, which that grows to

_log = logging.getLogger(__name__)


def act(sync: Sync, declared: Iterable[Action], ledger: Ledger, owner: str, run: str) -> Counter[str]:
    """Go on with every action that is due; how many came to which end.

    `owner` names this worker among all others. What can not be done now is tried again by a later call. Raises
    Misconfigured, once all others were gone on with.
    """
    ended: Counter[str] = Counter()
    errors: list[Misconfigured] = []
    for action in declared:
        actor = _Actor(sync, action, ledger, owner, run, ended)
        try:
            actor.work()
        except Misconfigured as error:
            errors.append(error)
        finally:
            actor.leave()
    if errors:
        raise errors[0]
    return ended


class _Actor:
    """One worker at one action."""

    def __init__(self, sync: Sync, action: Action, ledger: Ledger, owner: str, run: str, ended: Counter[str]) -> None:
        self._sync, self._action, self._ledger = sync, action, ledger
        self._owner, self._run, self._ended = owner, run, ended
        self._lease, self._token = f"action:{action.account}", 0

    def work(self) -> None:
        """Take each action that is due as far as it goes."""
        for row in self._ledger.read(self._elsewhere):
            why = f"it was sent to {row.account}, where this action is done no more; look for {row.mark} there"
            self._end(row, "unknown", why)
        for row in self._ledger.read(self._due):
            at: Row | None = row
            while at is not None:
                at = self._turn(at)

    def leave(self) -> None:
        """Let others act at the account."""
        if self._token:
            with suppress(Superseded, TryLater):
                self._ledger.write(lambda c: leases.release(c, self._lease, self._token))

    def _due(self, connection: Connection) -> list[Row]:
        action, now = self._action, self._ledger.now(connection)
        return actions.due(connection, action.name, self._sync.connection, action.account, now)

    def _elsewhere(self, connection: Connection) -> list[Row]:
        action = self._action
        return actions.elsewhere(connection, action.name, self._sync.connection, action.account)

    def _turn(self, row: Row) -> Row | None:
        """One thing further; None where it has to wait, came to its end, or is another worker's by now."""
        until = Until.within(self._ledger.clock, self._action.waits.send)
        try:
            if row.state == "sending":
                return self._look(row, until)
            payload = actions.payload(self._ledger.cipher, row)
            if payload is None:
                payload = self._action.compose(row.key, row.mark)
            return self._send(row, payload, until)
        except NotNeeded as error:
            self._end(row, "skipped", str(error))
        except Refused as error:
            self._end(row, "refused", str(error))
        except Unclear as error:
            self._end(row, "unknown", str(error))
        except TryLater as error:
            _log.info("%s on %s has to wait: %s", row.name, row.key, error)
            self._postpone(row, max(error.after or 0.0, PAUSE))
        except Superseded as error:
            _log.info("%s on %s is left to others: %s", row.name, row.key, error)
        return None

    def _look(self, row: Row, until: Until) -> Row | None:
        """What became of an intention without an outcome."""
        sent = self._sent(row)
        try:
            look = self._action.find(sent)
        except Refused as error:
            raise Unclear(f"it can not be looked up: {error}") from None
        if look.found:
            return self._made(row, look.found)
        now = self._ledger.read(self._ledger.now)
        left = self._unquiet(row, sent, look, now)
        if left is None:
            self._postpone(row, self._action.waits.quiet, intent_at=now)
            return None
        old = self._action.heeds is None or not 0 <= now - (row.first_at or 0) < self._action.heeds
        if left > 0 and (old or row.refusal is not None):
            self._postpone(row, left)
            return None
        if row.refusal is not None:
            raise Refused(row.refusal)
        if row.attempt >= MOST:
            raise Unclear(f"{row.attempt} requests were not answered, and nothing is found; look for {row.mark}")
        return self._send(row, sent.payload, until, look.date, None if old else row.first_at)

    def _unquiet(self, row: Row, sent: Sent, look: Look, now: float) -> float | None:
        """The seconds until what is not found is not there; by the other system's clock where it is known.

        None where the ledger's clock was set back since, so that nobody knows.
        """
        noted = sent.note.get("date")
        if noted is not None and look.date is not None:
            return self._action.waits.quiet + 1.0 - (look.date - float(noted))  # it is told in whole seconds
        passed = now - (row.intent_at or 0)
        return None if passed < 0 else self._action.waits.quiet - passed

    def _send(
        self, row: Row, payload: bytes, until: Until, date: float | None = None, first_at: float | None = None
    ) -> Row | None:
        alone, note = self._action.heeds is None, {"date": date}
        made = {step: _note(row)[step] for step in self._action.steps[: row.step]}
        if alone:
            if not self._ledger.write(lambda c: self._claim(c, row)):
                return None
            until = Until.within(self._ledger.clock, self._action.waits.send)
            asked = self._sent(row)._replace(payload=payload, note=made)
            date, noted = self._action.before(asked)
            note = {"date": date, **noted}

        def intend(connection: Connection) -> Row | None:
            now = self._ledger.now(connection)
            if alone:
                leases.renew(connection, self._lease, self._token, now)
            wait = self._action.waits.quiet if alone else min(PAUSE * 2.0**row.attempt, LONGEST)
            return actions.change(
                connection,
                row,
                state="sending",
                account=self._action.account,
                payload=actions.seal(self._ledger.cipher, row, payload),
                note=msgspec.json.encode({**note, **made}).decode(),
                attempt=row.attempt + 1,
                intent_at=now,
                first_at=first_at or now,
                due_at=now + wait,
            )

        mine = self._ledger.write(intend)
        return None if mine is None else self._act(mine, until)

    def _claim(self, connection: Connection, row: Row) -> bool:
        """Be the only one who acts at the account; not while what another one sent there is in doubt."""
        token = leases.acquire(connection, self._lease, self._owner, self._ledger.now(connection))
        self._token = token or 0
        return token is not None and (
            row.state == "sending" or not actions.in_doubt(connection, row, self._action.account)
        )

    def _act(self, row: Row, until: Until) -> Row | None:
        first = row.attempt == 1 or self._action.heeds is None  # nothing that was sent before can be under way
        try:
            twin = self._action.send(self._sent(row), until)
        except (NotSent, NoToken, Misconfigured) as error:
            after = getattr(error, "after", None) or 0.0
            _log.info("%s on %s has to wait: %s", row.name, row.key, error)
            # Composed anew then: by that time the payment may be refunded, or the day another one.
            unsent = {"state": "wanted", "payload": row.payload if row.step else None} if first else {}
            self._postpone(row, max(after, PAUSE), attempt=row.attempt - 1, **unsent)
            if isinstance(error, Misconfigured):
                raise
        except Refused as error:
            if first:
                self._end(row, "refused", str(error))
            else:
                self._postpone(row, self._action.waits.quiet, refusal=str(error))
        except Unclear as error:
            self._end(row, "unknown", str(error))
        except TryLater as error:
            _log.warning("%s on %s is in doubt and will be looked up: %s", row.name, row.key, error)
        else:
            return self._made(row, [twin])
        return None

    def _made(self, row: Row, twins: Sequence[Twin]) -> Row | None:
        twin, *others = twins
        if row.step + 1 < len(self._action.steps):
            made = {step: _note(row)[step] for step in self._action.steps[: row.step]}
            made[self._action.steps[row.step]] = list(twin)
            fresh = dict.fromkeys(("refusal", "intent_at", "first_at"))
            note = msgspec.json.encode(made).decode()
            return self._write(row, state="wanted", step=row.step + 1, attempt=0, due_at=0.0, note=note, **fresh)
        others_ = ", ".join(other.called for other in others)
        self._end(row, "done", f"made as well: {others_}; take back what is too many" if others else None, twin)
        return None

    def _end(self, row: Row, state: str, why: str | None, twin: Twin | None = None) -> None:
        told = f"{row.name}: {twin.called if twin else state}" + (f": {why}" if why else "")

        def end(connection: Connection) -> bool:
            since = actions.overtaken(connection, row) if state == "done" else None
            values = {"state": state, "why": why, "refusal": None, "payload": None}
            if since is not None:
                values |= {"state": "overtaken", "why": "; ".join(filter(None, (since, why)))}
            if twin is not None:
                values |= {"twin": twin.id, "series": twin.series, "number": twin.number}
            if actions.change(connection, row, **values) is None:
                return False
            entry = Entry(row.kind, row.key, f"action {state}", told, None)
            entries.append(connection, self._sync.name, self._run, self._ledger.now(connection), [entry])
            return True

        if self._ledger.write(end):
            self._ended[state] += 1
            if state != "skipped" and why:
                _log.warning("%s on %s is %s: %s", row.name, row.key, state, why)

    def _postpone(self, row: Row, seconds: float, **values: Any) -> None:
        def later(connection: Connection) -> None:
            actions.change(connection, row, due_at=self._ledger.now(connection) + seconds, **values)

        self._ledger.write(later)

    def _write(self, row: Row, **values: Any) -> Row | None:
        return self._ledger.write(lambda c: actions.change(c, row, **values))

    def _sent(self, row: Row) -> Sent:
        payload = actions.payload(self._ledger.cipher, row) or b""
        return Sent(self._action.steps[row.step], row.mark, payload, _note(row), row.attempt)


def _note(row: Row) -> dict[str, Any]:
    return msgspec.json.decode(row.note, type=dict[str, Any])
