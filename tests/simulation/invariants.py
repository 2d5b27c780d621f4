"""What must hold: of a watermark whenever it moves, and of both sides once everything is quiet."""

from typing import Any

from databases import SOURCE, SYNC, TARGET, UNMAPPED
from model_stripe import DAY, EVENT, Thing
from workers import SYNCED, Home
from world import Violation

from accord.attribution import attribute
from accord.compare import reconcile
from accord.ledger import batches, streams, sums
from accord.records import Kind, Leg, Record
from accord.standing import stand


def _one(home: Home, sql: str, *values: Any) -> Any:
    return home.databases.ledger_db.execute(sql, values).fetchone()[0]


def _keys(home: Home, sql: str, *values: Any) -> set[tuple[str, ...]]:
    return set(home.databases.ledger_db.execute(sql, values).fetchall())


def watermark(home: Home, stream: str, since: float) -> None:
    """S4: whatever is older than the watermark, and newer than the first plan, has been taken in."""
    mark = _one(home, "SELECT watermark FROM streams WHERE sync = ? AND stream = ?", SYNC, stream)
    oldest = max(since, home.world.true - 29 * DAY)
    if stream == EVENT:
        taken = _keys(home, "SELECT event, kind, key FROM inbox")
        for told in home.model.log:
            if oldest < told.created < mark and not told.garbled:
                for kind, key in told.hints:
                    if kind == UNMAPPED and told.created <= home.mapped_at:
                        continue  # while it was left out: all of it is read again
                    if kind in home.kinds and (told.id, kind, key) not in taken:
                        raise Violation(f"S4: the watermark {mark} passed {told.id} of {key} at {told.created}")
    elif stream == Kind.LEG:
        things = home.model.live(Kind.LEG)
        passed = {thing.record.key for thing in things if oldest < thing.record.created < mark}
        missing = passed - {key for (key,) in _keys(home, "SELECT key FROM links WHERE kind = 'leg'")}
        missing -= {key for (key,) in _keys(home, "SELECT key FROM inbox WHERE kind = 'leg' AND state = 'new'")}
        missing -= {key for (key,) in _keys(home, "SELECT key FROM quarantine WHERE kind = 'leg'")}
        if missing and missing - _in_batches(home, Kind.LEG):
            raise Violation(f"S4: the watermark {mark} passed the legs {sorted(missing)}")


def unfollowed(home: Home) -> bool:
    """Whether changes of a kind may have been missed, so that all of it is to be read again."""
    noted = {stream for (stream,) in _keys(home, "SELECT stream FROM streams WHERE watermark < 0")}
    return bool(noted & {*home.kinds})


def _in_batches(home: Home, kind: Kind) -> set[str]:
    ledger, keys = home.ledger, set()
    for number in ledger.commit(lambda c: batches.open_ids(c, SYNC, kind)):
        batch = ledger.commit(lambda c, n=number: batches.load(c, ledger.cipher, SYNC, n))
        assert batch is not None
        keys |= {one.key for page in batch.pages for one in home.model.records(kind, page)} | set(batch.gone)
    return keys


def blocked(home: Home) -> set[tuple[str, str]]:
    """The records that can not be settled: unreadable or refused ones, and those that need one never settled."""
    done = _keys(home, "SELECT kind, key FROM links WHERE hash IS NOT NULL")
    bad = {(kind, thing.record.key) for kind in home.kinds for thing in home.model.live(kind) if thing.unsound}
    out, facts = set(bad), _facts(home)
    for kind in home.kinds:
        for thing in home.model.live(kind):
            record = thing.record
            for parent in _parents(record, facts):
                if parent in out and parent not in done:
                    out.add((kind, record.key))
    return out


def _facts(home: Home) -> dict[tuple[str, str], Any]:
    return {(kind, key): thing.record.facts() for kind in home.kinds for key, thing in home.model.things[kind].items()}


def _parents(record: Record, facts: dict[tuple[str, str], Any]) -> list[tuple[str, str]]:
    if not isinstance(record, Leg):
        return [tuple(record.needs)] if record.needs else []
    needs = [tuple(record.needs)] if record.needs else []
    if needs and needs[0][0] != Kind.PAYMENT:
        known = facts.get(needs[0])
        needs += [(Kind.PAYMENT, known["payment"])] if known and known.get("payment") else []
    return needs


def open_windows(home: Home) -> int:
    """How many windows are being read."""
    return int(_one(home, "SELECT count(*) FROM windows WHERE state = 'open'"))


def quiet(home: Home) -> str | None:
    """F4 and F5: why it is not quiet yet; None when nothing is left to do."""
    stopped = {stream for (stream,) in _keys(home, "SELECT stream FROM streams WHERE stopped IS NOT NULL")}
    for table, of in (("batches", "stream"), ("windows", "stream")):
        found = {row for row in _keys(home, f"SELECT {of}, id FROM {table}") if row[0] not in stopped}
        if found:
            return f"{table} are left: {sorted(found)}"
    sending = _keys(home, "SELECT kind, key FROM links WHERE state = 'sending'")
    if {row for row in sending if row[0] not in stopped}:
        return f"F5: intentions without outcome: {sorted(sending)}"
    if home.ledger.commit(lambda c: streams.doubted(c, SYNC)):
        return "F4: a kind is to be read again"
    able = blocked(home)
    waiting = {
        row
        for row in _keys(home, "SELECT event, kind, key FROM inbox WHERE state = 'new'")
        if row[1] not in stopped and not (row[0] in ("held", "parent", "again", "unseen") and row[1:] in able)
    }
    if stopped:  # their children may wait for what is not read now
        waiting = {row for row in waiting if row[0] not in ("held", "parent")}
    return f"F4: hints are left: {sorted(waiting)}" if waiting else None


def agreement(home: Home) -> None:
    """F1, F2, F3 and F7: both sides show the same, and what can not be shown is named."""
    out = blocked(home)
    quarantined = _keys(home, "SELECT kind, key FROM quarantine")
    bad = {(k, t.record.key) for k in home.kinds for t in home.model.live(k) if t.unsound}
    events = {row for row in quarantined if row[0] == EVENT}
    quarantined -= events
    if quarantined != bad:
        raise Violation(f"F7: in quarantine are {sorted(quarantined)}, unsound are {sorted(bad)}")
    found = reconcile(home.model, home.target.accounts, SOURCE)
    unread = _unattributable(home, out)
    excused = out | unread
    wrong = [one for one in found.disagreements if (one.kind, one.key.partition("/")[0]) not in excused]
    if wrong:
        raise Violation(f"F1: {wrong[:5]}")
    if not out and found.source_sums != found.target_sums:
        raise Violation(f"F3: {found.source_sums} here, {found.target_sums} there")
    counted = home.ledger.commit(lambda c: sums.get(c, TARGET, SOURCE))
    if counted != home.target.accounts.sums(SOURCE):
        raise Violation(f"F3: {counted} by the ledger, {home.target.accounts.sums(SOURCE)} in the accounts")
    now = stand(home.ledger, SYNCED)
    if now.agreed != (not out and not events):
        raise Violation(f"agreed: said is {now}, and out are {sorted(out | events)}")
    _entries(home)


def claimed(home: Home) -> None:
    """F1: where the ledger says that all agrees, up to after the last change that was told of, it does."""
    now = stand(home.ledger, SYNCED)
    if not now.agreed or home.model.untold or (now.read_until or 0) <= home.model.changed_at:
        return
    found = reconcile(home.model, home.target.accounts, SOURCE)
    if not found.complete:
        raise Violation(f"F1: {found.disagreements[:5]} although {now}")


def _unattributable(home: Home, bad: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The legs that were shown before what they need became unreadable: a fresh read can not tell whose they are."""
    facts = _facts(home)
    legs = (thing.record for thing in home.model.live(Kind.LEG))
    return {(Kind.LEG, leg.key) for leg in legs if any(parent in bad for parent in _parents(leg, facts))}


def _entries(home: Home) -> None:
    """Each thing that the target shows has an entry that tells how it came there."""
    told = _keys(home, "SELECT kind, key FROM entries WHERE rev IS NOT NULL")
    done = _keys(home, "SELECT kind, key FROM links WHERE hash IS NOT NULL")
    if done - told:
        raise Violation(f"S6: nothing tells of {sorted(done - told)}")


def dump(home: Home, links: bool) -> list[Any]:
    """Everything that a run without news must leave as it is (F6)."""
    tables = ["records", "entries", "quarantine"]
    ledger = [home.databases.ledger_db.execute(f"SELECT * FROM {t} ORDER BY 1, 2, 3").fetchall() for t in tables[:2]]
    if links:
        ledger.append(home.databases.ledger_db.execute("SELECT * FROM links ORDER BY 1, 2, 3, 4").fetchall())
    rows = [sorted(home.target.accounts.read(SOURCE, kind)) for kind in home.kinds]
    return [ledger, rows, home.target.writes]


def shown(thing: Thing, facts: Any) -> Record:
    """The record as the target must show it."""
    record = thing.record
    return attribute(record, facts) if isinstance(record, Leg) else record
