"""What alerts say and what makes them, without a server."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.events.schemas.events import ReceivedEvent

from accord.errors import Misconfigured, TryLater
from deployments import alerts, channels
from deployments.automations import OURS, Pace, Wanted, recovery
from deployments.channels import mail_address, wanted, web_address

BLOCKS = {"first": uuid4(), "second": uuid4(), "heartbeat": uuid4()}
ALL = wanted(BLOCKS, Pace())
SENT = [one for one in ALL if one.action.type == "send-notification"]
CANARY = "Jane Canary"


@pytest.fixture(scope="module")
def render() -> Any:
    """Renders a template as the server does."""
    from prefect.server.utilities import user_templates

    user_templates.register_user_template_filters({"ui_url": lambda of: of})
    return user_templates.render_user_template_sync


def _event(state: str = "Failed", message: str | None = None, **payload: object) -> dict[str, Any]:
    involved = [
        ("prefect.flow.1", "flow", "f"),
        ("prefect.deployment.2", "deployment", "eu"),
        ("prefect.tag.a", "tag", ""),
    ]
    labels = ("prefect.resource.id", "prefect.resource.role", "prefect.resource.name")
    related = [dict(zip(labels, one, strict=True)) for one in involved]
    resource = {"prefect.resource.id": "prefect.flow-run.3", "prefect.resource.name": "odd-otter"}
    told = {"prefect.state-name": state, "prefect.state-message": message}
    return {
        "resource": resource | told,
        "related": related,
        "payload": payload,
        "occurred": datetime(2026, 11, 25, 8, 30, tzinfo=UTC),
    }


def _told_of(event: dict[str, Any], alert: str = f"{alerts.PREFIX}fails") -> dict[str, Any]:
    return {"resource": {"name": alert}, "payload": {"triggering_event": event}}


def _texts(render: Any, one: Wanted, **context: Any) -> tuple[str, str]:
    if one.key == "second":
        context["event"] = _told_of(context["event"])
    return tuple(render(text, context) for text in (one.action.subject, one.action.body))


@pytest.mark.parametrize("one", [one for one in SENT if not one.key.startswith("test-")], ids=lambda one: one.key)
def test_an_alert_names_sync_error_run_and_what_to_do(render: Any, one: Wanted) -> None:
    run = {"parameters": {"connection": "eu"}}
    context = {"event": _event("Failed", "the disk is full"), "automation": "http://ui/automations/automation/9"}
    subject, body = _texts(render, one, flow_run=run, **context)
    assert subject.startswith("Accord: f/eu ")
    assert "\n" not in subject
    lines = body.splitlines()
    assert lines[0].startswith("f/eu")
    assert lines[1] == ""
    assert lines[2:7] == [
        "Connection: eu",
        "Why: the disk is full",
        "When: 2026-11-25 08:30 UTC",
        "Run: odd-otter (Failed)",
        "http://ui/runs/flow-run/3",
    ]
    assert one.key.endswith("-ends") or lines[7].startswith("What to do: ")


@pytest.mark.parametrize(
    ("parameters", "named"),
    [({"connection": "us"}, "us"), ({"system": "oblio", "connection": "main"}, "oblio-main"), ({}, "eu"), (None, "eu")],
)
def test_an_alert_names_the_connection_as_its_deployment_does(
    render: Any, parameters: dict[str, str] | None, named: str
) -> None:
    one = next(one for one in SENT if one.key == "failing-begins")
    context = {"event": _event("Failed", "the disk is full"), "automation": None}
    _, body = _texts(render, one, flow_run={"parameters": parameters}, **context)
    assert f"Connection: {named}\n" in body


@pytest.mark.parametrize("one", [one for one in SENT if not one.key.startswith("test-")], ids=lambda one: one.key)
def test_an_alert_that_knows_nothing_has_no_gaps(render: Any, one: Wanted) -> None:
    bare = {
        "resource": {"prefect.resource.id": "accord.sync.x"},
        "related": [],
        "payload": {},
        "occurred": "2026-11-25T08:30",
    }
    subject, body = _texts(render, one, event=bare, automation=None)
    assert subject.startswith("Accord: a sync ")
    assert body.startswith("a sync")
    said = [line for line in body.splitlines() if line]
    assert [line for line in said if line.endswith((":", "()", "/")) or "None" in line or "  " in line] == []


@pytest.mark.parametrize(
    ("state", "message", "says"),
    [
        ("Crashed", f"boom {CANARY}", "Why: the process of the run ended, or nothing was heard of it any more."),
        ("Completed", f"boom {CANARY}", None),
        (
            "Failed",
            f"Flow run encountered an exception: ValueError: {CANARY}",
            "(ValueError); the run's log tells more",
        ),
        ("Failed", "x" * 5000, "Why: " + "x" * 1000 + "\n"),
    ],
)
def test_only_texts_of_our_own_leave(render: Any, state: str, message: str, says: str | None) -> None:
    for one in SENT:
        _, body = _texts(render, one, event=_event(state, message), automation="")
        assert CANARY not in body
        assert (says or "") in body or one.key.startswith("test-")
        assert ("Why: " in body) == (says is not None) or one.key.startswith("test-")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (f"Flow run encountered an exception: ValueError: {CANARY}", "an error that Accord does not know, ValueError"),
        ("the key is not valid", "the key is not valid"),
    ],
)
def test_nor_are_others_told_of_an_alert_that_was_not_sent(message: str, said: str) -> None:
    due = ReceivedEvent.model_validate(
        {
            "id": uuid4(),
            "occurred": datetime.now(UTC) - timedelta(hours=1),
            "received": datetime.now(UTC),
            "event": "prefect.automation.triggered",
            "resource": {"prefect.resource.id": "prefect.automation.1", "prefect.resource.name": "Accord alert: fails"},
            "payload": {"triggering_event": _event(message=message)},
        }
    )

    def read(wanted_: Any, limit: int) -> Any:
        return SimpleNamespace(events=[due] if due.event in wanted_.event.name else [], next_page=None)

    (row,) = channels.unsent(SimpleNamespace(read_events=read))  # type: ignore[arg-type]
    assert (row.alert, row.sync, row.said) == ("fails", "f/eu", said)


@pytest.mark.parametrize(
    ("before", "next_"),
    [
        ("RUNNING", "A run whose process ends at work is resumed by itself, three times at most"),
        ("PENDING", "A run whose process ends before the run began is not resumed: the next scheduled one goes on"),
    ],
)
def test_an_alert_of_a_death_says_whether_the_run_is_resumed(render: Any, before: str, next_: str) -> None:
    event = _event("Crashed", initial_state={"type": before})
    for key in ("failing-begins", "failing-lasts", "second"):
        [one] = [one for one in SENT if one.key == key]
        _, body = _texts(render, one, event=event, automation="")
        assert body.count("resumed") == 1
        assert next_ in body


def test_the_second_channel_says_the_same_as_the_first_and_that_the_first_failed(render: Any) -> None:
    [second] = [one for one in SENT if one.key == "second"]
    event = _event("Misconfigured", "the API key is not valid")
    run = {"parameters": {"connection": "eu"}}
    told = [one for one in SENT if one.key != "second" and not one.key.startswith("test-")]
    assert len(told) == 3 * len(alerts.CONDITIONS) + 3
    for first in told:
        subject, body = _texts(render, first, event=event, flow_run=run, automation="http://ui/automations/1")
        context = {"event": _told_of(event, first.name), "automation": "http://ui/automations/2"}
        assert render(second.action.subject, context) == subject
        ends = "The first channel did not send this; accord status says why."
        assert render(second.action.body, context).rstrip() == f"{body.rstrip()}\n{ends}"


def test_every_condition_waits_for_what_ends_it() -> None:
    by_key = {one.key: one.trigger for one in ALL}
    for of in alerts.CONDITIONS:
        begins, lasts, ends = (by_key[f"{of.key}-{part}"] for part in ("begins", "lasts", "ends"))
        assert begins.after == of.ends | {alerts.DEPLOYED}
        assert begins.expect == lasts.after == ends.after == of.begins
        assert lasts.expect == ends.expect == of.ends
        assert lasts.within == timedelta(days=1)
        assert begins.for_each == lasts.for_each == ends.for_each == {"related:deployment:prefect.resource.id"}


def test_every_state_that_a_flow_gives_itself_is_known_to_the_alerts() -> None:
    by_key = {of.key: of for of in alerts.CONDITIONS}
    begins = {event for of in by_key.values() for event in of.begins}
    for state in ("Failed", "Misconfigured", "Unreachable", "Stopped", "Disagrees"):
        assert f"prefect.flow-run.{state}" in begins
    assert "prefect.flow-run.Waiting" not in begins
    stuck = next(one for one in ALL if one.key == "stuck")
    assert {event for event in begins if event.startswith("prefect.flow-run.")} - stuck.trigger.expect == {
        "prefect.flow-run.Late"
    }


def test_only_our_own_runs_are_marked_as_crashed_and_resumed() -> None:
    for one in recovery(timedelta(seconds=90)):
        assert one.trigger.match_related.root == OURS
        assert one.trigger.for_each == {"prefect.resource.id"}


def test_each_automation_has_a_key_and_a_name_of_its_own() -> None:
    assert len({one.key for one in ALL}) == len({one.name for one in ALL}) == len(ALL)
    assert [one.name for one in ALL if not one.name.startswith("Accord")] == []


def test_without_a_channel_only_runs_are_looked_after() -> None:
    assert [one.key for one in wanted({}, Pace())] == ["silent", "resume", "resume-late"]


class Deployments:
    """A server with more syncs than it gives at once; it can be away when events are sent to it."""

    def __init__(self, syncs: int) -> None:
        self.there = [
            SimpleNamespace(id=uuid4(), name=f"eu-{n}", flow_id=uuid4(), tags=["accord"]) for n in range(syncs)
        ]
        self.away, self.events = False, list[dict[str, Any]]()

    def read_deployments(self, offset: int = 0, limit: int = 200, **_: object) -> list[Any]:
        return self.there[offset : offset + limit]

    def read_flow(self, flow: UUID) -> Any:
        return SimpleNamespace(name="payment-to-account")

    def read_flow_runs(self, **_: object) -> list[Any]:
        return [SimpleNamespace()]  # each has run before

    def request(self, method: str, path: str, json: list[dict[str, Any]]) -> None:
        if self.away:
            raise TryLater("the Prefect server does not answer")
        self.events += json


def test_a_deploy_makes_up_for_what_an_earlier_one_could_not_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "found", lambda client: BLOCKS)
    monkeypatch.setattr(channels, "ensure", lambda client, wanted: [])
    server = Deployments(201)
    server.away = True
    with pytest.raises(TryLater):
        channels.ensure_automations(server)  # type: ignore[arg-type]
    server.away = False
    channels.ensure_automations(server)  # type: ignore[arg-type]
    assert {event["event"] for event in server.events} == {alerts.DEPLOYED}
    told = [event["related"][0]["prefect.resource.id"] for event in server.events]
    assert told == [f"prefect.deployment.{one.id}" for one in server.there]


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (
            "smtp://me:p%40ss@mail.example.com/?from=a@x.io&to=b@y.io",
            "mailtos://me:p%40ss@mail.example.com:587/?smtp=mail.example.com&from=a%40x.io&to=b%40y.io&mode=starttls&format=text",
        ),
        (
            "smtps://mail.example.com/?from=a@x.io&to=b@y.io,c@y.io",
            "mailtos://mail.example.com:465/?smtp=mail.example.com&from=a%40x.io&to=b%40y.io%2Cc%40y.io&mode=ssl&format=text",
        ),
        (
            "smtp://localhost:25/?from=a@x.io&to=b@y.io&tls=no",
            "mailto://localhost:25/?smtp=localhost&from=a%40x.io&to=b%40y.io&mode=insecure&format=text",
        ),
    ],
)
def test_the_address_of_a_mail_server_becomes_what_prefect_sends_with(url: str, address: str) -> None:
    assert mail_address(url) == address


@pytest.mark.parametrize("url", ["https://x.io/a", "http://127.0.0.1:80/a", "http://localhost/a", "http://[::1]:80/"])
def test_alerts_are_called_out_where_nobody_else_hears_them(url: str) -> None:
    assert web_address(url) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example.com/a", "whoever is on the way could read the alerts; give one with https://"),
        ("http://127.0.0.1.example.com/a", "give one with https://"),
        ("http://10.0.0.7/a", "give one with https://"),
        ("ftp://x.io", "must begin with https://"),
        ("hooks.example.com", "must begin with https://"),
    ],
)
def test_an_address_in_the_clear_is_refused(url: str, why: str) -> None:
    with pytest.raises(Misconfigured, match=why):
        web_address(url)


@pytest.mark.parametrize(
    "url", ["mail.example.com", "smtp://mail.example.com", "http://x/?from=a@b&to=c@d", "smtp:///?from=a@b&to=c@d"]
)
def test_a_mail_address_that_can_not_be_is_refused(url: str) -> None:
    with pytest.raises(Misconfigured, match="must look like smtp://"):
        mail_address(url)
