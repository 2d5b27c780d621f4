"""`accord status`: how every connection stands, by the ledger, by its target and by Prefect's runs."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.responses import DeploymentResponse
from rich.table import Table

from accord import settings
from accord.errors import AccordError, Misconfigured, TryLater
from accord.ledger import actions, counters
from accord.ledger.engine import Ledger
from accord.standing import Standing, known, stand
from accord.sync import Sync, connection_of
from deployments import channels, server, show
from deployments.acting import stuck
from deployments.runs import Runs, faults, read_runs
from tasks.workflows import WORKFLOWS, route


class Status(NamedTuple):
    """One connection, by the name of its sync."""

    name: str
    standing: Standing
    agreed_at: float | None  # up to when the target is known to show everything
    runs: Runs | None  # None while Prefect is away
    actions: dict[str, int]  # how many are in which state
    stuck: list[str]  # of those that are overtaken, or of which nobody knows whether they were done, what to do

    @property
    def sound(self) -> bool:
        """Whether both sides agree, and the runs go well."""
        return self.standing.agreed and not self.stuck and (self.runs is None or self.runs.sound)


def command(as_json: bool) -> int:
    """Print how every connection stands; 1 where one does not agree or run, 2 or 3 where one could not be asked."""
    ledger = settings.current_ledger()
    found, alerts, troubles = look(ledger)
    now = ledger.clock.now()
    if as_json:
        unsent = [one._asdict() | {"at": one.at.timestamp()} for one in alerts]
        connections = [_as_data(one, now) for one in found]
        said = {"connections": connections, "alerts_not_sent": unsent, "troubles": [str(one) for one in troubles]}
        print(json.dumps(said, indent=2))
    elif found:
        _show(found, now)
    elif troubles:
        print("the ledger knows no connection yet")
    else:
        print(f"no connection yet; make one: {server.CONNECT}")
    if not as_json:
        for alert in alerts:
            instead = "; the second channel sent it" if alert.second else ""
            when = _ago(alert.at.timestamp(), now)
            said = f": {alert.said}" if alert.said else ""  # what is over has no reason
            print(f"alert not sent {when}: {alert.sync} {alert.alert}{said} ({alert.why}{instead})")
        for trouble in troubles:
            print(f"note: {trouble}")
        if any(one.runs is None for one in found):
            print("note: what is shown is what the ledger knows")
    if troubles:
        return 3 if any(isinstance(one, TryLater) for one in troubles) else 2
    return 0 if all(one.sound for one in found) else 1


def look(ledger: Ledger) -> tuple[list[Status], list[channels.Unsent], list[AccordError]]:
    """Every connection that is set up or was ever read, the alerts that were not sent, and what could not be asked."""
    troubles: list[AccordError] = []
    alerts: list[channels.Unsent] = []
    names = {name for name in known(ledger) if name.partition("/")[0] in WORKFLOWS}
    try:
        with server.opened() as client:
            names |= {one.name for one in server.connections(client)}
            there = server.deployments(client)
            found = [_status(client, ledger, name, there.get(name), troubles) for name in sorted(names)]
            alerts = channels.unsent(client)
    except (TryLater, Misconfigured) as error:
        troubles.append(error)
        found = [
            Status(name, stand(ledger, _sync(ledger, name)), None, None, *_acted(ledger, name))
            for name in sorted(names)
        ]
    return found, alerts, troubles


def _sync(ledger: Ledger, name: str) -> Sync:
    """A sync, by its name, into the target that the ledger knows it by."""
    target = ledger.read(lambda c: counters.pinned(c, name))
    return Sync(name, connection_of(name), target or "")


def _status(
    client: SyncPrefectClient, ledger: Ledger, name: str, there: DeploymentResponse | None, troubles: list[AccordError]
) -> Status:
    sync, agreed_at = _sync(ledger, name), None
    try:
        _, target, _ = route(name).open(ledger)
        try:
            agreed_at = target.last_agreed(sync.connection)
        finally:
            target.close()
    except AccordError as error:
        troubles.append(error)
    return Status(name, stand(ledger, sync), agreed_at, read_runs(client, there), *_acted(ledger, name))


def _acted(ledger: Ledger, name: str) -> tuple[dict[str, int], list[str]]:
    """What is done because of a connection's records: how many are in which state, and those that wait for a person."""
    source = connection_of(name)
    counts = ledger.read(lambda c: actions.counts(c, source))
    rows = ledger.read(lambda c: actions.listed(c, ["overtaken", "unknown"], source)) if counts else []
    return counts, [f"{row.name} on {row.key}: {stuck(row)}" for row in rows]


def _as_data(one: Status, now: float) -> dict[str, Any]:
    """A connection as plain data; times are Unix seconds."""
    standing = one.standing
    lag = None if standing.read_until is None else round(now - standing.read_until)
    shown = standing._asdict() | {"oldest": standing.oldest._asdict() if standing.oldest else None}
    agreement = {"agreement": round(standing.share, 6), "agreed": standing.agreed, "lag": lag}
    runs = one.runs._asdict() if one.runs else None
    return (
        {"sync": one.name, "connection": one.name.partition("/")[2]}
        | agreement
        | shown
        | {"agreed_at": one.agreed_at, "runs": runs, "actions": one.actions, "stuck": one.stuck}
    )


def _show(found: list[Status], now: float) -> None:
    table = Table(title="Connections", title_justify="left", caption=_CAPTION, caption_justify="left")
    for name in ("", "agreement", "read up to", "agreed up to", "last run", "next run"):
        table.add_column(name, no_wrap=not name, overflow="fold")  # of a cut name nobody can tell which one it is
    for one in found:
        standing, runs = one.standing, one.runs
        share = "never run" if standing.read_until is None else f"{_share(standing)} of {standing.records:,}"
        last = "-" if runs is None or runs.last is None else f"{runs.last}, {_ago(runs.last_at, now)}"
        following = "?" if runs is None else runs.note or _ago(runs.next_at, now)
        table.add_row(
            one.name,
            f"[{'green' if standing.agreed else 'red'}]{share}[/]",
            _ago(standing.read_until, now),
            _ago(one.agreed_at, now),
            last,
            following,
        )
    console = show.console()
    console.print(table)
    for one in found:
        for line in _disagreements(one, now):
            console.print(line, highlight=False, markup=False, soft_wrap=True)


_CAPTION = "agreement: of the live records, those shown as last read"


def _share(standing: Standing) -> str:
    # Never "100.00%" for what is not all of them.
    return "100%" if standing.agreeing == standing.records else f"{min(standing.share, 0.9999):.2%}"


def _disagreements(one: Status, now: float) -> Iterator[str]:
    """What went wrong with a connection's runs, what keeps it from agreeing, and what to do about it."""
    standing = one.standing
    for fault in faults(one.name, one.runs) if one.runs else ():
        yield f"{one.name}: {fault}"
    waits = {
        "in quarantine": standing.quarantined,
        "held until what they need is there": standing.held,
        "to be looked at again": standing.waiting,
        "sent without an outcome": standing.sending,
        "in conflict": standing.conflicts,
        "read and not settled": standing.unsettled,
        "stretches of history not read": standing.unread,
    }
    counted = ", ".join(f"{count:,} {what}" for what, count in waits.items() if count)
    if counted:
        looks = {"quarantine": standing.quarantined, "conflicts": standing.conflicts}
        how = "".join(f"; look at: accord {command} list" for command, count in looks.items() if count)
        yield f"{one.name}: {counted}{how}"
    if standing.oldest is not None:
        yield f"{one.name}: the oldest disagreement is {_ago(standing.oldest.since, now)}: {standing.oldest.what}"
    if {*one.actions} - {"done", "skipped", "dropped"}:
        told = ", ".join(f"{count:,} {state}" for state, count in sorted(one.actions.items()))
        yield f"{one.name}: actions: {told}; look at: accord actions list"
    yield from (f"{one.name}: {sentence}" for sentence in one.stuck)
    for stream, why in sorted(standing.stopped.items()):
        yield f"{one.name}: {stream} is stopped: {why}; look at it, then: accord resume {one.name}:{stream}"


def _ago(at: float | None, now: float) -> str:
    """How long ago, or how far ahead, in the largest unit that tells."""
    if at is None:
        return "-"
    seconds = abs(now - at)
    units = (("d", 86_400), ("h", 3600), ("min", 60))
    unit, length = next((one for one in units if seconds >= 2 * one[1]), ("s", 1))
    text = f"{seconds / length:.0f} {unit}"
    return f"in {text}" if at > now else f"{text} ago"
