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

PAGE = 200  # automations, or deployments, that the server gives at once


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


def recovery(silence: timedelta) -> list[Wanted]:
    """What brings runs back whose process died without a word."""
    mark = ChangeFlowRunState(state=StateType.CRASHED, message=f"nothing was heard of it for {silence.seconds} s")
    why = "its process died; it goes on where the ledger stands"
    again = ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message=why)
    once_more = ChangeFlowRunState(state=StateType.SCHEDULED, name="Scheduled", message=why)
    at_work = {*BEGUN, *(RUN + state for state in ("Pending", "Submitting", "InfrastructurePending", "heartbeat"))}
    goes_on = {*BEGUN, *(RUN + state for state in ("Pending", "Late", *ENDED))} - {f"{RUN}Crashed"}
    silent = _of_each_run(at_work, {f"{RUN}*"}, Posture.Proactive, silence)
    # Only a run that was running: one that dies before, such as for a parameter that its flow does not know, would die
    # again and again, and never come to count its deaths.
    crashed = _of_each_run({*BEGUN}, {f"{RUN}Crashed"}, Posture.Reactive, DAY)
    # A death is often reported twice, and the second report may come when the run is scheduled again, which it undoes.
    told_twice = _of_each_run({f"{RUN}AwaitingRetry"}, goes_on, Posture.Proactive, timedelta(seconds=20))
    return [
        Wanted(key, f"Accord: {name}", f"{what}: see docs/alerts.md.", trigger, action)
        for key, name, what, trigger, action in (
            ("silent", "mark a silent run as crashed", "Its process is gone", silent, mark),
            ("resume", "resume a crashed run", "Three times, then the run refuses", crashed, again),
            ("resume-late", "resume a run that was reported late", "Its death was told twice", told_twice, once_more),
        )
    ]


def _of_each_run(after: set[str], expect: set[str], posture: Posture, within: timedelta) -> EventTrigger:
    return EventTrigger(
        after=after, expect=expect, match=RUNS, match_related=OURS, for_each=EACH_RUN, posture=posture, within=within
    )


def ensure(client: SyncPrefectClient, wanted: Sequence[Wanted]) -> list[str]:
    """Make, change or delete automations so that the server has those wanted, once each. Again without harm.

    What a person has edited, switched off or doubled is neither changed nor doubled, but named, with what to do.
    """
    there = _ours(client, wanted)
    left = []
    for one in wanted:
        automation = one.automation()
        found = there.pop(one.key, [])
        left += _differences(one.key, found)
        if not found:
            client.create_automation(automation)
        elif not _edited(one.key, old := found[0]) and old.description != automation.description:
            # Validated anew, since the client sends only what was set: a trigger's type, for example, would be missing.
            told = automation.model_dump(exclude={"owner_resource"}) | {"enabled": old.enabled}
            all_set = AutomationCore.model_validate(told)
            client.update_automation(old.id, all_set)
    for key, rest in there.items():
        for old in rest:
            if not _edited(key, old):
                client.delete_automation(old.id)
    return left


def differences(client: SyncPrefectClient, wanted: Sequence[Wanted]) -> list[str]:
    """A sentence, with what to do, for each wanted automation that is missing or that a person changed; only a look."""
    there = _ours(client, wanted)
    missing = [f'"{one.name}"' for one in wanted if one.key not in there]
    left = [sentence for one in wanted for sentence in _differences(one.key, there.get(one.key, []))]
    if missing:
        left.append(f"these automations are not there: {', '.join(missing)}; make them: accord deploy")
    return left


def _differences(key: str, found: list[Automation]) -> list[str]:
    left = [f'the automation "{extra.name}" is a copy of "{found[0].name}"; delete one' for extra in found[1:]]
    if found and not found[0].enabled:
        left.append(
            f'the automation "{found[0].name}" is switched off in Prefect, so it does nothing, and stays so; '
            "to have it act again, switch it on there, under Automations"
        )
    if found and _edited(key, found[0]):
        left.append(
            f'the automation "{found[0].name}" was edited in Prefect and is left as it is; '
            "to have Accord's own again, delete it there and deploy again"
        )
    return left


def _ours(client: SyncPrefectClient, wanted: Sequence[Wanted]) -> dict[str, list[Automation]]:
    """All automations that bear a mark of ours or the name of a wanted one, by key; those as we wrote them come first.

    By name too, since a person who edits an automation may take the mark away with its description.
    """
    found: list[Automation] = []
    while len(page := client.read_automations(limit=PAGE, offset=len(found))) == PAGE:
        found += page
    by_name = {one.name: one.key for one in wanted}
    by_key: dict[str, list[Automation]] = {}
    for one in [*found, *page]:
        _, mark, rest = one.description.rpartition("(accord:")
        key = rest.partition(" ")[0] if mark else by_name.get(one.name)
        if key:
            by_key.setdefault(key, []).append(one)
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
