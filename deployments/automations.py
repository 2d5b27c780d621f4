"""Prefect automations as code: made once, changed with a new version, left alone where a person has edited them."""

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState
from prefect.events.schemas.automations import Automation, AutomationCore, EventTrigger, Posture

RUN = "prefect.flow-run."
RUNS = {"prefect.resource.id": f"{RUN}*"}
BEGUN = (f"{RUN}Running", f"{RUN}Rerunning", f"{RUN}Retrying")  # as Prefect names the first time and those after it
OURS = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.accord"}
EACH_RUN = {"prefect.resource.id"}
DAY = timedelta(days=1)
# The states that end a run, by Prefect's names and our own.
ENDED = (
    "Completed", "Failed", "Crashed", "TimedOut", "Cancelled", "Cancelling", "Misconfigured", "Unreachable", "Stopped",
    "Disagrees", "GaveUp", "Waiting",
)  # fmt: skip

PAGE = 200  # automations that the server gives at once


class Pace(NamedTuple):
    """How long the automations wait."""

    silence: timedelta = timedelta(seconds=90)  # three heartbeats as prefect.yaml sets them; marked within two minutes
    reminder: timedelta = DAY
    stuck: timedelta = timedelta(hours=2)  # a first run of 100,000 payments takes minutes
    unsent: timedelta = timedelta(seconds=60)  # longer than any channel's own time limit


class Wanted(NamedTuple):
    """An automation as this version would have it; `key` is its name for ever, whatever people call it."""

    key: str
    name: str
    what: str
    trigger: EventTrigger
    action: ActionTypes

    def automation(self) -> AutomationCore:
        """What the server is told. The description ends with a mark, by which it is recognised when read back."""
        plain = AutomationCore(name=self.name, trigger=self.trigger, actions=[self.action])
        return plain.model_copy(update={"description": f"{self.what} {_mark(self.key, plain)}"})


class Ensured(NamedTuple):
    """What became of the automations that were wanted."""

    changed: list[str]  # names of those made or changed now, which know nothing of what happened before
    left: list[str]  # a sentence for each that a person has edited, switched off or doubled


def recovery(silence: timedelta) -> list[Wanted]:
    """What brings runs back whose process died without a word."""
    silent = EventTrigger(
        after={*BEGUN, *(RUN + state for state in ("Pending", "Submitting", "InfrastructurePending", "heartbeat"))},
        expect={f"{RUN}*"},
        match=RUNS,
        match_related=OURS,
        for_each=EACH_RUN,
        posture=Posture.Proactive,
        within=silence,
    )
    # Only a run that was running: one that dies before, such as for a parameter that its flow does not know, would die
    # again and again, and never come to count its deaths.
    crashed = EventTrigger(
        after=set(BEGUN),
        expect={f"{RUN}Crashed"},
        match=RUNS,
        match_related=OURS,
        for_each=EACH_RUN,
        posture=Posture.Reactive,
        within=DAY,
    )
    # A death is often reported twice, and the second report may come when the run is scheduled again, which it undoes.
    reported_late = EventTrigger(
        after={f"{RUN}AwaitingRetry"},
        expect={*BEGUN, *(RUN + state for state in ("Pending", "Late", *ENDED))} - {f"{RUN}Crashed"},
        match=RUNS,
        match_related=OURS,
        for_each=EACH_RUN,
        posture=Posture.Proactive,
        within=timedelta(seconds=20),
    )
    mark = ChangeFlowRunState(state=StateType.CRASHED, message=f"nothing was heard of it for {silence.seconds} s")
    why = "its process died; it goes on where the ledger stands"
    again = ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message=why)
    once_more = ChangeFlowRunState(state=StateType.SCHEDULED, name="Scheduled", message=why)
    return [
        Wanted(
            "silent", "Accord: mark a silent run as crashed", "Its process is gone: see docs/alerts.md.", silent, mark
        ),
        Wanted("resume", "Accord: resume a crashed run", "Three times, then the run refuses.", crashed, again),
        Wanted(
            "resume-late",
            "Accord: resume a run that was reported late",
            "Its death was told twice: docs/alerts.md.",
            reported_late,
            once_more,
        ),
    ]


def ensure(client: SyncPrefectClient, wanted: Sequence[Wanted]) -> Ensured:
    """Make, change or delete automations so that the server has those wanted, once each. Again without harm.

    What a person has edited is neither changed nor doubled, but named, with what to do.
    """
    there = _marked(client)
    changed, left = [], []
    for one in wanted:
        automation = one.automation()
        found = there.pop(one.key, [])
        if not found:
            client.create_automation(automation)
            changed.append(one.name)
            continue
        left += [f'the automation "{extra.name}" is a copy of "{found[0].name}"; delete one' for extra in found[1:]]
        old = found[0]
        if not old.enabled:
            left.append(f'the automation "{old.name}" is switched off in Prefect, and stays so')
        if _edited(one.key, old):
            left.append(
                f'the automation "{old.name}" was edited in Prefect and is left as it is; '
                "to have Accord's own again, delete it there and deploy again"
            )
        elif old.description != automation.description:
            # Validated anew, since the client sends only what was set: a trigger's type, for example, would be missing.
            told = automation.model_dump(exclude={"owner_resource"}) | {"enabled": old.enabled}
            all_set = AutomationCore.model_validate(told)
            client.update_automation(old.id, all_set)
            changed.append(one.name)
    for key, rest in there.items():
        for old in rest:
            if not _edited(key, old):
                client.delete_automation(old.id)
    return Ensured(changed, left)


def _marked(client: SyncPrefectClient) -> dict[str, list[Automation]]:
    """All automations that bear a mark of ours, by their keys, those first that are as we wrote them."""
    found: list[Automation] = []
    while len(page := client.read_automations(limit=PAGE, offset=len(found))) == PAGE:
        found += page
    by_key: dict[str, list[Automation]] = {}
    for one in [*found, *page]:
        _, mark, rest = one.description.rpartition("(accord:")
        if mark:
            by_key.setdefault(rest.partition(" ")[0], []).append(one)
    return {key: sorted(ones, key=partial(_edited, key)) for key, ones in by_key.items()}


def _mark(key: str, automation: AutomationCore) -> str:
    """The key and a fingerprint of what we wrote, by which an edit is noticed."""
    told = automation.model_dump(mode="json", include={"name", "trigger", "actions"})
    canonical = json.dumps(_canonical(told), sort_keys=True)
    return f"(accord:{key} {hashlib.sha256(canonical.encode()).hexdigest()[:12]})"


def _edited(key: str, found: Automation) -> bool:
    return not found.description.endswith(_mark(key, found))


def _canonical(told: Any) -> Any:
    """The same whatever the server added: no ids of triggers, nothing empty, sets in one order."""
    if isinstance(told, dict):
        return {k: _canonical(v) for k, v in told.items() if k != "id" and v not in (None, [], {}, "")}
    if isinstance(told, list):
        return sorted((_canonical(one) for one in told), key=lambda one: json.dumps(one, sort_keys=True))
    return told
