"""Every alert: what begins it, what ends it, what it says. Nothing here asks a server; docs/alerts.md lists them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from prefect.events.actions import CallWebhook, SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture

from deployments.automations import BEGUN, DAY, EACH_RUN, ENDED, OURS, RUN, RUNS, Pace, Wanted

DEPLOYED = "accord.sync.deployed"
TEST = "accord.alert.test"
TEST_NAME = "Accord: send a test alert by the {which} channel"
PREFIX = "Accord alert: "
EACH_SYNC = {"related:deployment:prefect.resource.id"}
FOR_EVER = timedelta(days=3650)  # for as long as it takes until the next change

_TRIGGERED = "prefect.automation.triggered"
_EXECUTED = "prefect.automation.action.executed"


class Condition(NamedTuple):
    """Something that begins and ends, and is told when it does. What to do is a template, as `_FACTS` prepares it."""

    key: str
    begins: frozenset[str]
    ends: frozenset[str]
    says: str  # "SYNC ..." when it begins
    still: str  # ... as long as it lasts
    over: str  # ... when it ends
    do: str


def _runs(*states: str) -> frozenset[str]:
    return frozenset(RUN + state for state in states)


# Events are named after the name of a state, not its type. Waiting and GaveUp are missing on purpose: the first is no
# failure, the second comes after Crashed and has an alert of its own.
CONDITIONS = (
    Condition(
        "failing",
        _runs("Failed", "Crashed", "TimedOut", "Misconfigured", "Unreachable"),
        _runs("Completed"),
        "fails",
        "still fails",
        "works again",
        "{% if f.state == 'Misconfigured' %}change what the text names."
        "{% elif f.state == 'Unreachable' %}wait; the next run tries again."
        "{% elif f.state == 'Crashed' and e.payload.initial_state.type == 'PENDING' %}"
        "nothing. A run whose process ends before the run began is not resumed: the next scheduled one goes on where "
        "the ledger stands. A rescan that was asked for has to be asked for again."
        "{% elif f.state == 'Crashed' %}"
        "nothing. A run whose process ends at work is resumed by itself, three times at most, and goes on where the "
        "ledger stands."
        "{% else %}read the text, then the run's log.{% endif %}",
    ),
    Condition(
        "stopped",
        _runs("Stopped"),
        _runs("Completed"),
        "has stopped a stream",
        "still has a stopped stream",
        "has no stopped stream any more",
        "look at what the text names at its system and in: accord quarantine list. Then: accord resume.",
    ),
    Condition(
        "late",
        _runs("Late"),
        frozenset(BEGUN),
        "does not start",
        "still does not start",
        "starts again",
        "is a worker up (accord work)? Is the work pool paused, or another run under way?",
    ),
    Condition(
        "quarantine",
        frozenset({"accord.quarantine.overdue"}),
        frozenset({"accord.quarantine.within-limit"}),
        "keeps records in quarantine for too long",
        "still keeps records in quarantine for too long",
        "has no overdue record in quarantine any more",
        "accord quarantine list says which and why; mend them there and: accord quarantine retry, or drop them.",
    ),
    Condition(
        "actions",
        frozenset({"accord.actions.stuck"}),
        frozenset({"accord.actions.not-stuck"}),
        "has actions that wait for a person",
        "still has actions that wait for a person",
        "has no action any more that waits for a person",
        "accord actions list says which and why; look there, then: accord actions retry KEY, or drop KEY.",
    ),
    Condition(
        "disagreement",
        frozenset({f"{RUN}Disagrees", "accord.sync.disagrees"}),
        frozenset({"accord.sync.agrees"}),
        "is not in agreement",
        "is still not in agreement",
        "is in agreement again",
        "compare both sides by a fresh read: accord reconcile {{ sync }}. accord explain KEY tells a record's story, "
        "and accord conflicts list what waits for you to say which side counts.",
    ),
)


class Single(NamedTuple):
    """Something that happens to a run, and is told when it does."""

    key: str
    says: str
    do: str


STUCK = Single(
    "stuck",
    "has a run that does not end",
    "look at the run's log; cancel it in Prefect if it does nothing. The next run goes on where it stood.",
)
INTERRUPTED = Single(
    "interrupted",
    "had a run cancelled, since what served it was shut down",
    "nothing, if the next run follows. Stop a worker with accord work's own Ctrl-C, which lets runs finish.",
)
GAVE_UP = Single(
    "gave-up",
    "has a run whose process died again and again",
    "look for what kills it: memory, disk, the worker's log. Then press Retry, or let the next run try.",
)
_LASTS = "This is told once a day while it lasts, and once when it is over."
# What to do, by what an alert says.
_TO_DO = {text: f"What to do: {of.do}\n{_LASTS}\n" for of in CONDITIONS for text in (of.says, of.still)} | {
    one.says: f"What to do: {one.do}\n" for one in (STUCK, INTERRUPTED, GAVE_UP)
}

# One text for an event as it comes and for one that another event tells of; `e` is that event. Nearly all is read from
# it, so that nothing has to be asked for; each part is left out, or has another word, where it is not known.
_FACTS = """\
{%- set f = namespace(flow='', deployment='', run='', id='', state=e.resource['prefect.state-name'] or '') -%}
{%- for r in [e.resource] + (e.related | list) -%}
{%- set kind, _, id = (r['prefect.resource.id'] or '').rpartition('.') -%}
{%- set name = r['prefect.resource.name'] or '' -%}
{%- if kind == 'prefect.flow' -%}{%- set f.flow = name -%}{%- endif -%}
{%- if kind == 'prefect.deployment' -%}{%- set f.deployment = name -%}{%- endif -%}
{%- if kind == 'prefect.flow-run' -%}{%- set f.run = name or id -%}{%- set f.id = id -%}{%- endif -%}
{%- endfor -%}
{%- set sync = [f.flow, f.deployment] | select | join('/') or 'a sync' -%}
"""
# The message of a state is our own text, except where Prefect says how a process ended, or what an error that we do not
# know says of itself: that may quote a record.
_DETAILS = """\
{% set own = f.state in ['Failed', 'Misconfigured', 'Unreachable', 'Stopped', 'Disagrees', 'GaveUp'] -%}
{% set why = e.payload.why or (e.resource['prefect.state-message'] if own else '') or '' -%}
{% if 'encountered an exception: ' in why -%}
{% set why = 'an error that Accord does not know (' ~ why.split(': ')[1][:80] ~ "); the run's log tells more" -%}
{% endif -%}
{% set given = flow_run.parameters or {} -%}
{% set named = [given.system, given.connection] | select | join('-') -%}
{% set connection = e.payload.connection or named or f.deployment -%}
{% set ui = automation | ui_url -%}
{% if connection %}Connection: {{ connection }}
{% endif -%}
{% if f.state == 'Crashed' %}Why: the process of the run ended, or nothing was heard of it any more.
{% elif why %}Why: {{ why[:1000] }}
{% endif -%}
When: {{ (e.occurred | string)[:16] | replace('T', ' ') }} UTC
{% if f.run %}Run: {{ f.run }}{% if f.state %} ({{ f.state }}){% endif %}
{% endif -%}
{% if f.run and ui %}{{ ui.split('/automations/')[0] }}/runs/flow-run/{{ f.id }}
{% endif -%}
"""


def _notification(channel: UUID, event: str, text: str, rest: str) -> SendNotification:
    """What is sent: every alert in the same words, whichever channel it goes by; all but `channel` are templates."""
    facts = f"{{%- set e, text = {event}, {text} -%}}{_FACTS}"
    return SendNotification(
        block_document_id=channel,
        subject=f"{facts}Accord: {{{{ sync }}}} {{{{ text }}}}",
        body=f"{facts}{{{{ sync }}}} {{{{ text }}}}.\n\n{_DETAILS}{rest}",
    )


def alerts(channel: UUID, pace: Pace) -> list[Wanted]:
    """The automations that send each alert by a channel, given as the id of its block."""
    triples = [wanted for condition in CONDITIONS for wanted in _triple(condition, channel, pace.reminder)]
    # All that ends a run, or shows that it is not at work.
    ended = _runs(*ENDED, "AwaitingRetry", "Paused", "Suspended")
    stuck = EventTrigger(
        after=set(BEGUN), expect=set(ended), match=RUNS, match_related=OURS, for_each=EACH_RUN,
        posture=Posture.Proactive, within=pace.stuck,
    )  # fmt: skip
    shut_down = RUNS | {"prefect.state-message": "Runner is shutting*"}
    singles = (
        (STUCK, stuck),
        (INTERRUPTED, _once_a_day(f"{RUN}Cancelled", shut_down)),
        (GAVE_UP, _once_a_day(f"{RUN}GaveUp", RUNS)),
    )
    return [*triples, *(_wanted(one.key, one.says, trigger, channel) for one, trigger in singles)]


def _triple(of: Condition, channel: UUID, reminder: timedelta) -> Iterator[Wanted]:
    """Told once when it begins, again while it lasts, once when it is over.

    A trigger takes note of the first event that it comes `after`, and is spent by the first that it waits for.
    """
    resources = {"prefect.resource.id": [f"{RUN}*", "accord.sync.*"]}
    for key, text, after, expect, posture, within in (
        ("begins", of.says, of.ends | {DEPLOYED}, of.begins, Posture.Reactive, FOR_EVER),
        ("lasts", of.still, of.begins, of.ends, Posture.Proactive, reminder),
        ("ends", of.over, of.begins, of.ends, Posture.Reactive, FOR_EVER),
    ):
        trigger = EventTrigger(
            after=set(after), expect=set(expect), match=resources, match_related=OURS, for_each=EACH_SYNC,
            posture=posture, within=within,
        )  # fmt: skip
        yield _wanted(f"{of.key}-{key}", text, trigger, channel)


def _once_a_day(event: str, match: dict[str, str]) -> EventTrigger:
    return EventTrigger(
        expect={event}, match=match, match_related=OURS, for_each=EACH_SYNC, posture=Posture.Reactive, within=DAY
    )


def _wanted(key: str, text: str, trigger: EventTrigger, channel: UUID) -> Wanted:
    """An alert's automation, whose name tells the second channel what it says."""
    action = _notification(channel, "event", json.dumps(text), _TO_DO.get(text, ""))
    return Wanted(key, PREFIX + text, f"Tells that a sync {text}: docs/alerts.md.", trigger, action)


def second(channel: UUID, within: timedelta) -> Wanted:
    """Sends by the second channel what the first did not send: an alert that was due and not executed in time.

    Not merely one that failed: where a webhook can not be reached, Prefect tells nothing at all.
    """
    trigger = EventTrigger(
        after={_TRIGGERED},
        expect={_EXECUTED},
        match={"prefect.resource.name": f"{PREFIX}*"},
        for_each={"prefect.resource.id", "related:triggering-event:prefect.resource.id"},
        posture=Posture.Proactive,
        within=within,
    )
    text = f"event.resource.name[{len(PREFIX)}:]"
    to_do = "".join(f"{{% if text == {json.dumps(said)} %}}{do}{{% endif %}}" for said, do in _TO_DO.items())
    failed = "The first channel did not send this; accord status says why."
    action = _notification(channel, "event.payload.triggering_event", text, f"{to_do}{failed}")
    what = "Sends what the first channel did not send in time."
    return Wanted("second", "Accord: send by the second channel", what, trigger, action)


def test(which: str, channel: UUID) -> Wanted:
    """Sends a test alert by a channel when asked to by an event."""
    trigger = EventTrigger(
        expect={TEST}, match={"prefect.resource.id": f"accord.channel.{which}"}, posture=Posture.Reactive
    )
    body = f"This is a test of Accord's {which} channel for alerts. It arrived; there is nothing to do."
    action = SendNotification(block_document_id=channel, subject="Accord: test alert", body=body)
    return Wanted(f"test-{which}", TEST_NAME.format(which=which), "Asked for by accord deploy.", trigger, action)


def heartbeat(webhook: UUID) -> Wanted:
    """Calls an address when a run completes, at most once a minute: who misses the call knows that the host is down."""
    trigger = EventTrigger(
        expect=set(_runs("Completed")), match=RUNS, match_related=OURS, posture=Posture.Reactive,
        within=timedelta(minutes=1),
    )  # fmt: skip
    name = "Accord: call the heartbeat address"
    return Wanted("heartbeat", name, "For a dead man's switch.", trigger, CallWebhook(block_document_id=webhook))
