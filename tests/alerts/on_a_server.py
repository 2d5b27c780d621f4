"""Alerts on a real Prefect server: what is sent and how often, and what happens to runs that die.

    .venv/bin/pytest tests/alerts/on_a_server.py

Runs are played by setting their states, as a worker would; the automations wait seconds instead of hours.
"""

import io
import json
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

FINAL = {"Completed": "COMPLETED", "Crashed": "CRASHED", "Cancelled": "CANCELLED"}
NOT_FINAL = {"Pending": "PENDING", "Submitting": "PENDING", "Running": "RUNNING", "Late": "SCHEDULED"}
# The library that Prefect sends mail with imports a module of Python that goes away.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

POOL = "accord"
AGREEMENT = ("is not in agreement", "is in agreement again")
QUARANTINE = (
    "keeps records in quarantine for too long",
    "has no overdue record in quarantine any more",
)
ACTIONS = ("has actions that wait for a person", "has no action any more that waits for a person")
CANARY = "jane.canary@example.com"


def _pace(**other: timedelta) -> Any:
    from deployments.automations import Pace

    return Pace(silence=_s(10), reminder=_s(35), stuck=_s(15), unsent=_s(10))._replace(**other)


def _s(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.fixture(scope="session")
def processes(prefect_server: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    late = "PREFECT_SERVER_SERVICES_LATE_RUNS"
    with prefect_server(
        tmp_path_factory.mktemp("p"), **{f"{late}_AFTER_SECONDS": "3", f"{late}_LOOP_SECONDS": "2"}
    ) as p:
        yield p


@pytest.fixture(scope="session")
def server(processes: Any, mailbox: Any, receiver: Any) -> Iterator[Any]:
    """A client of a server with every automation: mail first, a web address second, and a heartbeat."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    from deployments import channels

    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        channels.save(client, "first", "mail", mailbox.url)
        channels.save(client, "second", "webhook", receiver.url)
        channels.save(client, "heartbeat", "heartbeat", receiver.url)
        assert channels.ensure_automations(client, _pace()) == []
        yield client


class Sync:
    """A deployment of its own, whose runs are played."""

    def __init__(
        self,
        client: Any,
        name: str,
        mailbox: Any,
        until: Callable[..., Any],
        entrypoint: str = "",
        pool: str | None = None,
    ) -> None:
        from deployments import channels

        self.client, self.name, self.mailbox, self.until = client, f"payment-to-account/{name}", mailbox, until
        flow = client.create_flow_from_name("payment-to-account")
        self.id = client.create_deployment(
            flow,
            name,
            entrypoint=entrypoint,
            work_pool_name=pool,
            job_variables={"env": {"PYTHONPATH": str(Path(__file__).parent)}},
            tags=["accord"],
            parameters={"connection": name},
        )
        channels.ensure_automations(client, _pace())

    def run(self, *states: str, message: str = "", events: tuple[str, ...] = ()) -> UUID:
        """One run through these states; its id."""
        run = self.client.create_flow_run_from_deployment(self.id)
        for event in events:
            self.tell(event, run)
        for state in states:
            self.state(run.id, state, message)
        return run.id

    def state(self, run: UUID, name: str, message: str = "") -> None:
        from prefect.client.schemas.objects import State, StateType

        type_ = StateType((FINAL | NOT_FINAL).get(name, "FAILED"))
        self.client.set_flow_run_state(run, State(type=type_, name=name, message=message), force=True)

    def tell(self, event: str, run: Any) -> None:
        """An event as the report of a run emits it."""
        involved = [
            ("flow-run", run.id, run.name),
            ("flow", run.flow_id, "payment-to-account"),
            ("deployment", self.id, self.name.split("/")[1]),
        ]
        related = [
            {
                "prefect.resource.id": f"prefect.{kind}.{id}",
                "prefect.resource.role": kind,
                "prefect.resource.name": name,
            }
            for kind, id, name in involved
        ]
        payload = {"sync": self.name, "connection": "stripe/main", "why": f"why {event}"}
        self._emit(event, {"prefect.resource.id": f"accord.sync.{self.name}"}, related, payload)

    def beat(self, run: UUID) -> None:
        """A heartbeat as a run emits it."""
        self._emit("prefect.flow-run.heartbeat", {"prefect.resource.id": f"prefect.flow-run.{run}"}, [], {})

    def _emit(self, event: str, resource: dict[str, str], related: list[dict[str, str]], payload: Any) -> None:
        from prefect.events import Event

        tag = {"prefect.resource.id": "prefect.tag.accord", "prefect.resource.role": "tag"}
        told = Event(event=event, resource=resource, related=[*related, tag], payload=payload)
        self.client.request("POST", "/events", json=[told.model_dump(mode="json")])

    @property
    def subjects(self) -> list[str]:
        start = f"Accord: {self.name} "
        return [one.subject.removeprefix(start) for one in self.mailbox.alerts if one.subject.startswith(start)]

    def body(self, subject: str) -> str:
        return next(a.body for a in self.mailbox.alerts if a.subject == f"Accord: {self.name} {subject}")

    def told(self, *subjects: str) -> None:
        """Wait until exactly these alerts have arrived."""
        self.until(f"{subjects} of {self.name}", lambda: len(self.subjects) >= len(subjects))
        assert self.subjects == list(subjects)

    def settled(self) -> None:
        """Wait until the server has acted upon everything so far: an alert of a sync of its own has come through."""
        barrier = Sync(self.client, f"{self.name.split('/')[1]}-barrier{time.monotonic_ns()}", self.mailbox, self.until)
        barrier.run("Running", "Failed")
        barrier.told("fails")
        self.client.delete_deployment(barrier.id)

    def states(self, run: UUID) -> list[str]:
        return [state.name for state in self.client.read_flow_run_states(run)]


@pytest.fixture
def sync(server: Any, mailbox: Any, until: Callable[..., Any], request: pytest.FixtureRequest) -> Sync:
    name = re.sub(r"\W|_", "-", request.node.name.removeprefix("test_"))[-40:].strip("-")
    return Sync(server, name, mailbox, until)


def test_a_test_alert_goes_through_each_channel(server: Any, mailbox: Any, receiver: Any) -> None:
    from deployments import channels

    assert channels.send_tests(server) == [("first", ""), ("second", "")]
    for which, place in (("first", mailbox), ("second", receiver)):
        assert [one.subject for one in place.alerts if f"Accord's {which} channel" in one.body] == [
            "Accord: test alert"
        ]


def test_the_command_asks_for_an_address_and_says_what_arrived(
    server: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], free_port: int
) -> None:
    from deployments import channels
    from deployments.cli import main

    def connect(*arguments: str, address: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{address}\n"))
        return main(["connect", "alerts", *arguments]), *capsys.readouterr()

    assert connect("--second", "--webhook", address=receiver.url) == (
        0,
        "first channel: test alert sent\nsecond channel: test alert sent\n",
        "",
    )
    code, out, _ = connect(
        "--second", "--mail", "--json", address=f"smtp://127.0.0.1:{free_port}/?from=a@b.c&to=d@e.f&tls=no"
    )
    said = json.loads(out)
    assert (code, said["saved"], said["channels"]) == (
        2,
        False,
        [{"channel": "first", "why": ""}, {"channel": "second", "why": "Notification failed"}],
    )
    kept = channels.kept(server, "second")
    assert kept is not None
    assert kept.secrets.get_secret_value() == {"address": receiver.url}, "the one that works stays"
    code, _, error = connect("--mail", address="mail.example.com")
    assert code == 2
    assert "must look like smtp://user:password@host:587" in error
    assert connect("--heartbeat", "--second", address="")[0] == 2

    channels.save(server, "second", "webhook", receiver.url)
    assert channels.ensure_automations(server, _pace()) == []


def test_a_sync_that_fails_is_told_once_then_reminded_of_and_told_when_it_works_again(sync: Sync) -> None:
    why = "the API key is not valid, or no longer"
    first = sync.run("Pending", "Running", "Misconfigured", message=why)
    sync.told("fails")
    body = sync.body("fails")
    assert f"Connection: {sync.name.split('/')[1]}" in body
    assert f"Why: {why}" in body
    assert f"/runs/flow-run/{first}" in body
    assert "What to do: " in body
    sync.run("Pending", "Running", "Unreachable")
    sync.run("Pending", "Running", "Failed")
    sync.told("fails")
    sync.until("a reminder", lambda: sync.subjects[1:])
    sync.told("fails", "still fails")
    sync.run("Pending", "Running", "Completed")
    sync.until("its end", lambda: len(sync.subjects) > 2)
    sync.told("fails", "still fails", "works again")
    sync.run("Pending", "Running", "Completed")
    sync.run("Pending", "Running", "Failed")
    sync.told("fails", "still fails", "works again", "fails")


def test_a_deploy_tells_once_more_of_a_sync_that_goes_on_failing(sync: Sync) -> None:
    from deployments import channels

    sync.run("Running", "Failed")
    sync.told("fails")
    assert channels.ensure_automations(sync.client, _pace()) == []
    for _ in range(2):
        sync.run("Running", "Failed")
    sync.told("fails", "fails")
    sync.settled()
    sync.told("fails", "fails")


@pytest.mark.parametrize(
    ("begins", "ends", "begin", "end"),
    [
        ("Stopped", "Completed", "has stopped a stream", "has no stopped stream any more"),
        ("Disagrees", "accord.sync.agrees", *AGREEMENT),
        ("accord.sync.disagrees", "accord.sync.agrees", *AGREEMENT),
        ("accord.quarantine.overdue", "accord.quarantine.within-limit", *QUARANTINE),
        ("accord.actions.stuck", "accord.actions.not-stuck", *ACTIONS),
    ],
    ids=["stopped", "disagrees", "waits", "quarantine", "actions"],
)
def test_other_conditions_are_told_when_they_begin_and_end(
    sync: Sync, begins: str, ends: str, begin: str, end: str
) -> None:
    def play(what: str) -> None:
        if "." in what:
            sync.run("Running", "Completed", events=(what,))
        else:
            sync.run("Running", what)

    play(begins)
    sync.told(begin)
    play(begins)
    play(ends)
    sync.told(begin, end)
    play(ends)
    play(begins)
    sync.told(begin, end, begin)


def test_a_wait_that_was_asked_for_is_no_failure(sync: Sync) -> None:
    sync.run("Pending", "Running", "Waiting")
    sync.run("Pending", "Running", "Completed")
    sync.run("Pending", "Cancelled", message="Deployment concurrency limit reached.")
    sync.settled()
    assert sync.subjects == []


def test_runs_without_a_worker_are_told_once_and_when_they_start_again(sync: Sync) -> None:
    runs = [sync.run() for _ in range(3)]
    sync.until("late runs", lambda: all("Late" in sync.states(run) for run in runs))
    sync.told("does not start")
    for run in runs:
        sync.state(run, "Running")
        sync.state(run, "Completed")
    sync.told("does not start", "starts again")


def test_a_shutdown_that_cancels_runs_is_told_once(sync: Sync) -> None:
    for _ in range(2):
        sync.run("Running", "Cancelled", message="Runner is shutting down.")
    sync.run("Running", "Cancelled", message="Cancelled by a person")
    sync.settled()
    sync.told("had a run cancelled, since what served it was shut down")


def test_a_run_that_does_not_end_is_told(sync: Sync) -> None:
    run = sync.run("Pending", "Running")

    def told() -> list[str]:
        sync.beat(run)
        return sync.subjects

    sync.until("that it is stuck", told)
    sync.told("has a run that does not end")
    assert sync.states(run)[-1] == "Running"


def test_silent_runs_are_marked_as_crashed_and_go_on_where_they_had_begun(sync: Sync) -> None:
    pending, running = sync.run("Pending", "Submitting"), sync.run("Pending", "Submitting", "Running")
    for run in (pending, running):
        sync.until("its death", lambda run=run: "Crashed" in sync.states(run))
    sync.told("fails")
    assert "the process of the run ended, or nothing was heard of it" in sync.body("fails")
    sync.until("its resumption", lambda: sync.states(running)[-1] in ("AwaitingRetry", "Late"))
    sync.settled()
    assert sync.states(pending)[-1] == "Crashed"


def test_a_run_is_resumed_although_its_death_is_reported_again(sync: Sync) -> None:
    run = sync.run("Pending", "Running", "Crashed")
    sync.until("its resumption", lambda: "AwaitingRetry" in sync.states(run))
    sync.state(run, "Crashed")
    sync.until("its resumption", lambda: sync.states(run)[-1] in ("Scheduled", "Late"))
    assert sync.states(run).count("AwaitingRetry") == 1


def test_what_the_first_channel_does_not_send_goes_through_the_second_and_is_listed(
    sync: Sync, mailbox: Any, receiver: Any
) -> None:
    from deployments import channels

    mailbox.refuses = True
    try:
        run = sync.run("Pending", "Running", "Misconfigured", message="the API key is not valid")
        found = sync.until("the second channel", lambda: [a for a in receiver.alerts if sync.name in a.subject])
    finally:
        mailbox.refuses = False
    [alert] = found
    assert alert.subject == f"Accord: {sync.name} fails"
    assert f"Connection: {sync.name.split('/')[1]}" in alert.body
    assert "What to do: change what the text names." in alert.body
    assert "The first channel did not send this" in alert.body
    assert "Why: the API key is not valid" in alert.body
    assert f"/runs/flow-run/{run}" in alert.body
    row = sync.until(
        "its row", lambda: [r for r in channels.unsent(sync.client, _pace()) if r.sync == sync.name and r.second]
    )[0]
    assert (row.alert, row.said, row.why) == (
        "fails",
        "the API key is not valid",
        "Notification failed",
    )
    assert sync.subjects == []


def test_a_channel_that_can_not_be_reached_and_says_nothing_is_noticed_all_the_same(
    sync: Sync, mailbox: Any, receiver: Any, free_port: int
) -> None:
    from deployments import channels

    client = sync.client
    channels.save(client, "first", "webhook", f"http://127.0.0.1:{free_port}/nobody")
    assert channels.ensure_automations(client, _pace()) == []
    try:
        arrivals = channels.send_tests(client, within=10)
        assert arrivals == [
            ("first", "the server did not report that it was sent; its log may say why"),
            ("second", ""),
        ]
        sync.run("Pending", "Running", "Misconfigured", message="the API key is not valid")
        sync.until("the second channel", lambda: [a for a in receiver.alerts if sync.name in a.subject])
        rows = channels.unsent(client, _pace())
        assert [(r.alert, r.why) for r in rows if r.sync == sync.name] == [("fails", arrivals[0].why)]
    finally:
        channels.save(client, "first", "mail", mailbox.url)
        assert channels.ensure_automations(client, _pace()) == []
    sync.run("Pending", "Running", "Failed")
    sync.told("fails")


def test_an_error_that_we_do_not_know_does_not_leave_with_the_alert(sync: Sync) -> None:
    sync.run("Running", "Failed", message=f"Flow run encountered an exception: ValueError: no such customer {CANARY}")
    sync.told("fails")
    assert CANARY not in sync.body("fails")
    assert "Why: an error that Accord does not know (ValueError); the run's log tells more" in sync.body("fails")


def test_the_heartbeat_address_is_called_when_a_run_completes(sync: Sync, receiver: Any) -> None:
    sync.run("Running", "Completed")
    sync.until("a call", lambda: receiver.calls)


def _edit(server: Any, automation: Any, **fields: object) -> None:
    """Change an automation as Prefect's UI does."""
    server.update_automation(automation.id, _plain(automation, **fields))


def _plain(automation: Any, **fields: object) -> Any:
    from prefect.events.schemas.automations import AutomationCore

    return AutomationCore.model_validate(automation.model_dump(exclude={"id", "owner_resource"}) | fields)


def test_an_automation_that_a_person_edited_is_left_alone_and_named_and_nothing_is_doubled(server: Any) -> None:
    from deployments import channels

    def there() -> dict[str, UUID]:
        return {one.name: one.id for one in server.read_automations(limit=200)}

    before = there()
    assert len(before) == len(server.read_automations(limit=200))
    mine = server.find_automation("Accord alert: has a run that does not end")
    _edit(server, mine, name="My own words", trigger=mine.trigger.model_dump() | {"within": _s(30)})
    unmarked = server.find_automation("Accord alert: fails")
    _edit(server, unmarked, description="what we do about it")
    off = server.find_automation("Accord: call the heartbeat address")
    server.pause_automation(off.id)

    left = channels.ensure_automations(server, _pace())
    assert [line for line in left if '"My own words" was edited in Prefect' in line and "delete it there" in line]
    assert [line for line in left if "heartbeat address" in line and "switched off" in line]
    assert [line for line in left if '"Accord alert: fails" was edited in Prefect' in line]
    assert len(left) == 3
    assert server.read_automation(mine.id).trigger.within == _s(30)
    assert not server.read_automation(off.id).enabled
    assert set(there().values()) == set(before.values())

    server.delete_automation(mine.id)
    server.delete_automation(unmarked.id)
    server.resume_automation(off.id)
    assert channels.ensure_automations(server, _pace()) == []
    assert there().keys() == before.keys()


def test_a_copy_is_named_and_a_new_version_changes_what_nobody_edited(server: Any) -> None:
    from deployments import channels

    mine = server.find_automation("Accord alert: has a run that does not end")
    copy = server.create_automation(_plain(mine, name="copied"))
    assert len([line for line in channels.ensure_automations(server, _pace()) if "is a copy" in line]) == 1
    server.delete_automation(copy)

    server.pause_automation(mine.id)
    left = channels.ensure_automations(server, _pace(stuck=_s(16)))
    assert len([line for line in left if "switched off" in line]) == 1
    changed = server.read_automation(mine.id)
    assert (changed.trigger.within, changed.enabled) == (_s(16), False)
    server.resume_automation(mine.id)
    assert channels.ensure_automations(server, _pace()) == []
    assert server.read_automation(mine.id).trigger.within == _s(15)


def test_what_becomes_of_a_scheduled_run_is_told_at_once_although_the_server_made_it_just_now(
    server: Any, mailbox: Any, until: Callable[..., Any], processes: Any
) -> None:
    """For a quarter of an hour the server would hold back all events of a run whose first state it tells nothing of."""
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.client.schemas.schedules import IntervalSchedule

    pool = "scheduled"
    server.create_work_pool(WorkPoolCreate(name=pool, type="process"))
    worker = processes.start("accord-work", "deployments.cli", "work", "--pool", pool)
    sync = Sync(server, "scheduled", mailbox, until, entrypoint="no_such_module.flow", pool=pool)
    server.create_deployment_schedules(sync.id, [(IntervalSchedule(interval=_s(20)), True)])
    sync.until("the alert", lambda: "fails" in sync.subjects)
    assert "before the run began is not resumed" in sync.body("fails")
    worker.kill()
    worker.wait()
    server.delete_deployment(sync.id)


def test_a_run_whose_process_dies_each_time_is_resumed_three_times_and_gives_up(
    server: Any, mailbox: Any, until: Callable[..., Any], processes: Any
) -> None:
    from deployments import channels

    sync = Sync(server, "killed", mailbox, until, entrypoint="killed.payment_to_account", pool=POOL)
    channels.ensure_automations(server, _pace(silence=_s(120)))  # a process needs some seconds to start
    run = sync.run()
    processes.start("worker", "prefect", "worker", "start", "--pool", POOL, "--type", "process")
    sync.until("that it gave up", lambda: "GaveUp" in sync.states(run), 240)
    assert [sync.states(run).count(name) for name in ("AwaitingRetry", "GaveUp")] == [4, 1]
    gave_up = "has a run whose process died again and again"
    sync.until("the alert", lambda: gave_up in sync.subjects)
    assert [sync.subjects.count(alert) for alert in ("fails", gave_up)] == [1, 1]
    assert "the process of this run died 4 times" in sync.body(gave_up)
