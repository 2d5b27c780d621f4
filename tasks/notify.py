"""Notify: how a sync stands, as events that alerts act upon."""

from collections.abc import Sequence

from prefect.events import emit_event

from accord import settings
from tasks.bench import Bench
from tasks.standing import Standing


def notify(at: Bench, now: Standing, broken: Sequence[str], verdict: str) -> None:
    """Tell each condition of the sync as it is now, once a run: what alerts act upon is that it changes."""
    resource = {"prefect.resource.id": f"accord.sync.{at.sync.name}", "prefect.resource.name": at.sync.name}
    for event, why in conditions(now, broken, verdict, at.ledger.clock.now(), settings.overdue_after()):
        told = {"sync": at.sync.name, "connection": at.sync.name.partition("/")[2], "why": why}
        emit_event(event, resource=resource, payload=told)


def conditions(now: Standing, broken: Sequence[str], verdict: str, at: float, overdue: float) -> list[tuple[str, str]]:
    """The events that say how a sync stands, each with its reason in a sentence, which names no record.

    A record that waits is no disagreement before it has waited for `overdue` seconds. What does not add up after a run
    is told by the run's state; and while a stream is stopped, what waits behind it is no news.
    """
    hours = f"{overdue / 3600:g} hours"
    old = [kept for kept in now.kept if at - kept.created_at > overdue]
    events = [
        ("accord.quarantine.overdue", f"{len(old)} records have been in quarantine for more than {hours}")
        if old
        else ("accord.quarantine.within-limit", f"no record has been in quarantine for more than {hours}")
    ]
    if now.stuck is not None:
        told = ", ".join(f"{count} {state}" for state, count in sorted(now.stuck.items()))
        stuck = ("accord.actions.stuck", f"actions wait for a person: {told}")
        events.append(stuck if now.stuck else ("accord.actions.not-stuck", "no action waits for a person"))
    if now.stopped or broken:
        return events
    if now.since is not None and at - now.since > overdue:
        why = f"records have waited for more than {hours} to be settled. {verdict}"
        return [*events, ("accord.sync.disagrees", why)]
    return [*events, ("accord.sync.agrees", f"nothing has waited for more than {hours}")]
