"""`accord deploy`: everything on a Prefect server, again without harm."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.events.schemas.automations import AutomationCore
from pydantic import SecretStr

from accord import settings
from accord.ledger import streams
from deployments.cli import main
from deployments.schedules import FILE, deployment, minutes
from tasks.workflows import PAYMENTS, WORKFLOWS, Workflow, route

pytestmark = pytest.mark.usefixtures("prefect_server", "ledger_environment")


@pytest.fixture
def client() -> Iterator[SyncPrefectClient]:
    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def connections(prefect_server: None) -> Iterator[list[str]]:
    """Two Stripe account blocks, and nothing deployed."""
    from blocks import StripeAccount

    names = ["deploy-eu", "deploy-us"]
    for name in names:
        StripeAccount(api_key=SecretStr("rk_test_1")).save(name, overwrite=True)
    yield names
    with get_client(sync_client=True) as client:
        for name in names:
            StripeAccount.delete(name)
        for one in client.read_deployments():
            client.delete_deployment(one.id)


def deployed(client: SyncPrefectClient, name: str):
    return client.read_deployment_by_name(f"payment-to-account/{name}")


def schedules(client: SyncPrefectClient, name: str) -> dict[str | None, tuple[object, bool]]:
    return {one.slug: (one.schedule, one.active) for one in deployed(client, name).schedules}


def change(client: SyncPrefectClient, name: str, slug: str, **values: object) -> None:
    """Change a schedule as Prefect's UI does."""
    one = next(one for one in deployed(client, name).schedules if one.slug == slug)
    client.update_deployment_schedule(deployed(client, name).id, one.id, **values)


def test_each_connection_gets_a_deployment_with_minutes_of_its_own(
    client: SyncPrefectClient, connections: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy"]) == 0
    said = capsys.readouterr().out
    nightly = set()
    for name in connections:
        assert f"payment-to-account/{name}" in said
        made = deployed(client, name)
        assert made.parameters == {"connection": name}
        assert made.entrypoint == "flows.payment_to_account.payment_to_account"
        assert made.work_pool_name == "accord"
        assert made.pull_steps == []
        assert made.global_concurrency_limit.limit == 1
        assert made.concurrency_options.collision_strategy == "CANCEL_NEW"
        assert made.job_variables["env"]["PREFECT_LOGGING_LEVEL"] == "INFO"
        assert set(schedules(client, name)) == {"changes", "nightly"}
        nightly.add(schedules(client, name)["nightly"][0].cron)
    assert len(nightly) == 2
    assert client.read_work_pool("accord").type == "process"
    assert client.read_block_type_by_slug("accord-accounts-database")


def test_a_second_deploy_leaves_what_was_paused_edited_or_added_and_doubles_nothing(
    client: SyncPrefectClient, connections: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    eu, us = connections
    assert main(["deploy"]) == 0
    ids = [deployed(client, name).id for name in connections]
    client.pause_deployment(deployed(client, eu).id)
    change(client, us, "changes", active=False)
    change(client, us, "nightly", schedule=CronSchedule(cron="0 4 * * *", timezone="UTC"))
    client.update_deployment(ids[1], DeploymentUpdate(tags=["accord", "theirs"]))
    before = {name: schedules(client, name) for name in connections}
    pool = client.read_work_pool("accord")
    capsys.readouterr()

    assert main(["deploy"]) == 0
    said = capsys.readouterr().out
    assert [deployed(client, name).id for name in connections] == ids
    assert {name: schedules(client, name) for name in connections} == before
    assert (deployed(client, eu).paused, deployed(client, us).paused) == (True, False)
    assert deployed(client, us).tags == ["accord", "theirs"]
    assert deployed(client, us).concurrency_options.collision_strategy == "CANCEL_NEW"
    assert client.read_work_pool("accord") == pool
    assert len(client.read_deployments()) == 2
    assert "paused" in said
    assert "cron 0 4 * * * UTC" in said

    assert main(["deploy", "--reset-schedules"]) == 0
    after = schedules(client, us)
    assert set(after) == {"changes", "nightly"}
    assert after["nightly"][0].cron != "0 4 * * *"
    assert after["changes"][1] is False, "paused stays paused"


def test_a_deploy_that_changes_nothing_does_not_touch_a_deployment(
    client: SyncPrefectClient, connections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server makes scheduled runs anew after an update, and follows them less well until they begin."""
    main(["deploy"])
    touched: list[UUID] = []
    with monkeypatch.context() as watching:
        watching.setattr(SyncPrefectClient, "update_deployment", lambda _, id, *given: touched.append(id))
        assert main(["deploy"]) == 0
    assert touched == []
    client.update_deployment(deployed(client, "deploy-eu").id, DeploymentUpdate(description="mine"))
    main(["deploy"])
    assert deployed(client, "deploy-eu").description != "mine"


def test_an_automation_that_lost_its_mark_is_known_by_its_name_and_not_doubled(
    client: SyncPrefectClient, connections: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["deploy"])
    mine = client.find_automation("Accord: resume a crashed run")
    edited = AutomationCore.model_validate(mine.model_dump(exclude={"id", "owner_resource"}) | {"description": "ours"})
    client.update_automation(mine.id, edited)
    capsys.readouterr()
    try:
        assert main(["deploy"]) == 0
        assert f'the automation "{mine.name}" was edited in Prefect and is left as it is' in capsys.readouterr().out
        assert [one.id for one in client.read_automations_by_name(mine.name)] == [mine.id]
        assert client.read_automation(mine.id).description == "ours"
    finally:
        client.delete_automation(mine.id)


def test_a_deployment_without_its_block_is_named_with_what_to_do(
    client: SyncPrefectClient, connections: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from blocks import StripeAccount

    StripeAccount(api_key=SecretStr("rk_test_1")).save("deploy-gone", overwrite=True)
    assert main(["deploy"]) == 0
    StripeAccount.delete("deploy-gone")
    capsys.readouterr()
    assert main(["deploy"]) == 0
    said = capsys.readouterr().out
    assert "prefect deployment delete payment-to-account/deploy-gone" in said
    assert isinstance(deployed(client, "deploy-gone").id, UUID), "it is not deleted behind anyone's back"


def test_stopped_streams_are_let_go_on_by_a_deploy(
    client: SyncPrefectClient, connections: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = settings.open_ledger()
    name = f"payment-to-account/{connections[0]}"
    ledger.write(lambda c: streams.put(c, name, "payment", stopped="looked broken"))
    assert main(["deploy", "--json"]) == 0
    assert f'"{name}:payment"' in capsys.readouterr().out
    assert ledger.read(streams.all_stopped) == []
    ledger.engine.dispose()


def test_without_a_connection_the_next_step_is_named(prefect_server: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deploy"]) == 2
    assert "accord connect stripe" in capsys.readouterr().err


def test_the_lines_for_prefect_deploy_are_of_the_same_definition() -> None:
    file = yaml.safe_load(FILE.read_text())
    by_entrypoint = {one["entrypoint"]: name for name, one in file["definitions"].items()}
    assert set(by_entrypoint.values()) == set(WORKFLOWS)
    for line in file["deployments"]:
        of = route(f"{by_entrypoint[line['entrypoint']]}/{line['name']}")
        assert line == file["definitions"][of.workflow.name] | {"name": line["name"], "parameters": of.parameters}


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_deployment_has_the_parameters_by_which_its_flow_finds_the_connection(workflow: Workflow) -> None:
    for reads in workflow.reads:
        of = workflow.route(reads.system, "eu-2")
        made = deployment(of, "accord")
        assert (f"{made.flow_name}/{made.name}", made.parameters) == (of.name, of.parameters)
        assert route(of.name) == of
        shown = made._parameter_openapi_schema.properties
        assert shown.keys() >= made.parameters.keys()
        assert all(one["description"] for one in shown.values())


def test_schedules_stay_off_each_other_whatever_the_connection_is_called() -> None:
    shifts = {minutes(f"shop-{number}") for number in range(100)}
    assert len(shifts) > 40
    for name in ("main", "eu", "shop-7"):
        made = deployment(PAYMENTS.route("stripe", name), "accord")
        wanted = {one.slug: one.schedule for one in made.schedules or []}
        changes, nightly = wanted["changes"], wanted["nightly"]
        assert isinstance(changes, IntervalSchedule)
        assert isinstance(nightly, CronSchedule)
        assert changes.interval == timedelta(minutes=5)
        minute, hour = (int(part) for part in nightly.cron.split()[:2])
        assert (minute - changes.anchor_date.minute) % 5 == 2
        assert 1 <= hour < 3, "away from the hour of the clock change"
