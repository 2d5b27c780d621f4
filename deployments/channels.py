"""Where alerts go: two channels and a heartbeat address, as blocks that every Prefect server has."""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qs, quote, urlencode, urlsplit
from uuid import UUID, uuid4

from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterTags
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.filters import EventFilter, EventNameFilter, EventOccurredFilter, EventResourceFilter
from prefect.events.schemas.events import ReceivedEvent, ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from pydantic import SecretStr

from accord.errors import Misconfigured
from deployments import alerts
from deployments.automations import PAGE, Pace, Wanted, differences, ensure, recovery
from deployments.runs import reason

CHANNELS = ("first", "second")
HEARTBEAT = "accord-heartbeat"
ARRIVES_WITHIN = 60.0  # seconds
KEPT = timedelta(days=7)  # for which Prefect keeps events, unless told otherwise
STEP = 0.5
LOOPBACK = ("127.0.0.1", "localhost", "::1")
EVENTS = 50  # that the server gives at once
PACE = Pace()
_SLUGS = ("slack-webhook", "custom-webhook")
_OUTCOMES = ["prefect.automation.action.executed", "prefect.automation.action.failed"]


class Arrival(NamedTuple):
    """What became of a test alert; `why` is empty where it was sent."""

    channel: str
    why: str


class Unsent(NamedTuple):
    """An alert that the first channel did not send, as Prefect's events tell of it."""

    at: datetime
    alert: str
    sync: str
    said: str
    run: str
    why: str
    second: bool  # whether the second channel sent it


def save(client: SyncPrefectClient, which: str, kind: str, url: str) -> None:
    """Keep the address of a channel ("first", "second") or the heartbeat as a block, in place of an earlier one."""
    if which == "heartbeat":
        Webhook(method="GET", url=SecretStr(web_address(url))).save(HEARTBEAT, overwrite=True)
        return
    if kind == "webhook":
        block: Block = CustomWebhookNotificationBlock(
            name="accord",
            url="{{ address }}",  # read from the secrets, which are not shown
            secrets=SecretDict({"address": web_address(url)}),
            json_data={"subject": "{{ subject }}", "body": "{{ body }}"},
        )
    else:
        block = SlackWebhook(url=SecretStr(mail_address(url) if kind == "mail" else web_address(url)))
    put(client, which, block)


def kept(client: SyncPrefectClient, which: str) -> Block | None:
    """The block of a channel as it is saved, with its secrets."""
    for slug in _SLUGS:
        if found_ := _read(client, _block(which), slug):
            return Block._from_block_document(client.read_block_document(found_))
    return None


def put(client: SyncPrefectClient, which: str, block: Block | None) -> None:
    """Make this the only block of a channel; None takes the channel away."""
    if block is not None:
        block.save(_block(which), overwrite=True)
    for slug in _SLUGS:
        if (block is None or slug != block.get_block_type_slug()) and (other := _read(client, _block(which), slug)):
            client.delete_block_document(other)


def mail_address(url: str) -> str:
    """What Prefect's mailer needs for smtp://user:password@host:port/?from=a@b&to=c@d; smtps is TLS from the start.

    With smtp the connection is secured by STARTTLS, unless the URL says tls=no.
    """
    parts = urlsplit(url)
    _require_port(parts)
    told = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or not {"from", "to"} <= told.keys():
        raise Misconfigured(
            "a mail channel must look like smtp://user:password@host:587/?from=a@example.com&to=b@example.com"
        )
    secure = parts.scheme == "smtps"
    mode = "ssl" if secure else "insecure" if told.get("tls") == "no" else "starttls"
    scheme = "mailto" if mode == "insecure" else "mailtos"
    who = f"{quote(parts.username, safe='%')}:{quote(parts.password or '', safe='%')}@" if parts.username else ""
    port = parts.port or (465 if secure else 587)
    query = urlencode({"smtp": parts.hostname, "from": told["from"], "to": told["to"], "mode": mode, "format": "text"})
    return f"{scheme}://{who}{parts.hostname}:{port}/?{query}"


def _require_port(parts: SplitResult) -> None:
    try:
        parts.port  # noqa: B018 - it is looked at only when it is asked for
    except ValueError:
        raise Misconfigured("the port of the address is none; they go from 0 to 65535") from None


def web_address(url: str) -> str:
    """The address, if alerts may be sent to it. Raises Misconfigured where they would travel in the clear."""
    _require_port(urlsplit(url))
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misconfigured("the address must begin with https://")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise Misconfigured(
            "the address begins with http://, so whoever is on the way could read the alerts; give one with https:// "
            "(only one of the server's own host may go without)"
        )
    return url


def _block(which: str) -> str:
    return f"accord-alerts-{which}"


def _read(client: SyncPrefectClient, name: str, slug: str) -> UUID | None:
    try:
        return client.read_block_document_by_name(name, slug, include_secrets=False).id
    except ObjectNotFound:
        return None


def found(client: SyncPrefectClient) -> dict[str, UUID]:
    """The blocks that are there, of the channels and the heartbeat."""
    by_name = {
        which: block
        for which in CHANNELS
        for slug in _SLUGS
        if (block := _read(client, _block(which), slug)) is not None
    }
    beat = _read(client, HEARTBEAT, "webhook")
    return by_name | ({"heartbeat": beat} if beat else {})


def wanted(blocks: Mapping[str, UUID], pace: Pace) -> list[Wanted]:
    """Every automation of ours, for the channels that there are."""
    all_ = recovery(pace.silence)
    if "first" in blocks:
        all_ += alerts.alerts(blocks["first"], pace)
    if {"first", "second"} <= blocks.keys():
        all_.append(alerts.second(blocks["second"], pace.unsent))
    if "heartbeat" in blocks:
        all_.append(alerts.heartbeat(blocks["heartbeat"]))
    return all_ + [alerts.test(which, blocks[which]) for which in CHANNELS if which in blocks]


def ensure_automations(client: SyncPrefectClient, pace: Pace = PACE) -> list[str]:
    """Make the server's automations those of this version, once each; what a person should know, as sentences."""
    blocks = found(client)
    left = ensure(client, wanted(blocks, pace))
    if told := _deployed(client):
        client.request("POST", "/events", json=told)
    if "first" not in blocks:
        left.append("nobody is told when something fails; to change that: accord connect alerts --mail")
    return left


def changed_by_hand(client: SyncPrefectClient) -> list[str]:
    """A sentence, with what to do, for each automation that a person switched off, edited, copied or deleted."""
    return differences(client, wanted(found(client), PACE))


def _deployed(client: SyncPrefectClient) -> list[dict[str, Any]]:
    """An event for each sync, after which a failure is told of: a new or changed automation knows of nothing before.

    For every sync each time, since what was sent may have been lost, and then nobody would be told.
    """
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=["accord"]))
    there: list[DeploymentResponse] = []
    while len(page := client.read_deployments(deployment_filter=ours, offset=len(there), limit=PAGE)) == PAGE:
        there += page
    there += page
    flows = {flow: client.read_flow(flow).name for flow in {one.flow_id for one in there}}
    events = []
    for deployment in there:
        related = [
            {"prefect.resource.id": f"prefect.deployment.{deployment.id}", "prefect.resource.role": "deployment"},
            {"prefect.resource.id": "prefect.tag.accord", "prefect.resource.role": "tag"},
        ]
        name = f"{flows[deployment.flow_id]}/{deployment.name}"
        events.append(_event(alerts.DEPLOYED, f"accord.sync.{name}", related))
    return events


def _event(event: str, resource: str, related: list[dict[str, str]] | None = None) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": event,
        "resource": {"prefect.resource.id": resource},
        "related": related or [],
        "payload": {},
    }


def send_tests(client: SyncPrefectClient, within: float = ARRIVES_WITHIN) -> list[Arrival]:
    """Have the server send a test alert through each channel; what became of them within a time limit in seconds."""
    if not (there := [which for which in CHANNELS if which in found(client)]):
        return []
    asked = {which: _event(alerts.TEST, f"accord.channel.{which}") for which in there}
    client.request("POST", "/events", json=list(asked.values()))
    deadline = time.monotonic() + within
    while True:
        outcome = {
            _of(event): event for event in _events(client, _OUTCOMES, "Accord: send a test*", timedelta(hours=1))
        }
        arrivals = [Arrival(which, _why(outcome.get(event["id"]))) for which, event in asked.items()]
        if all(event["id"] in outcome for event in asked.values()) or time.monotonic() > deadline:
            return arrivals
        time.sleep(STEP)


def unsent(client: SyncPrefectClient, pace: Pace = PACE) -> list[Unsent]:
    """Alerts of the last week that the first channel did not send, newest first, and whether the second one did."""
    named = f"{alerts.PREFIX}*"
    outcomes = {(e.resource.id, _of(e)): e for e in _events(client, _OUTCOMES, named, KEPT)}
    second = {_of(e) for e in _events(client, _OUTCOMES[:1], "Accord: send by the second channel", KEPT)}
    rows = []
    for due in _events(client, ["prefect.automation.triggered"], named, KEPT):
        outcome = outcomes.get((due.resource.id, _of(due)))
        in_time = outcome is None and datetime.now(UTC) - due.occurred < pace.unsent
        if in_time or (outcome is not None and outcome.event == _OUTCOMES[0]):
            continue
        rows.append(_row(due, _why(outcome), str(due.id) in second))
    return rows


def _row(due: ReceivedEvent, why: str, second: bool) -> Unsent:
    cause = due.payload.get("triggering_event") or {}
    involved = [cause.get("resource") or {}, *(cause.get("related") or [])]
    names = {
        one.get("prefect.resource.id", "").rpartition(".")[0]: one.get("prefect.resource.name", "") for one in involved
    }
    sync = "/".join(name for kind in ("flow", "deployment") if (name := names.get(f"prefect.{kind}")))
    said = cause.get("payload", {}).get("why") or reason(involved[0].get("prefect.state-message") or "")
    alert = (due.resource.get("prefect.resource.name") or "").removeprefix(alerts.PREFIX)
    return Unsent(due.occurred, alert, sync, said, names.get("prefect.flow-run", ""), why, second)


def _why(outcome: ReceivedEvent | None) -> str:
    if outcome is None:
        return "the server did not report that it was sent; its log may say why"
    return "" if outcome.event == _OUTCOMES[0] else str(outcome.payload.get("reason") or "the channel failed")


def _of(event: ReceivedEvent) -> str:
    """The id of the event that an automation answered to."""
    for one in event.related:
        if one.role == "triggering-event":
            return one.id.removeprefix("prefect.event.")
    return ""


def _events(client: SyncPrefectClient, names: list[str], automation: str, age: timedelta) -> Iterator[ReceivedEvent]:
    """What automations of a name (which may end in *) told of themselves, newest first."""
    labels = ResourceSpecification.model_validate({"prefect.resource.name": automation})
    wanted_ = EventFilter(
        occurred=EventOccurredFilter(since=datetime.now(UTC) - age),
        event=EventNameFilter(name=names),
        resource=EventResourceFilter(id_prefix=["prefect.automation."], labels=labels),
    )
    page = client.read_events(wanted_, limit=EVENTS)
    while True:
        yield from page.events
        if page.next_page is None:
            return
        page = client.read_events_page(str(page.next_page))
