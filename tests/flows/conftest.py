"""A Prefect server, a sandbox Stripe and a ledger for the tests of flows."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from accord.clock import SystemClock
from accord.ledger.cipher import new_key


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """A Prefect server of this session's own."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


class Sandbox:
    """A running sandbox Stripe: its address, and how many requests it has answered."""

    key = "sk_test_sandbox_full"

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=f"{url}/stripe", auth=(self.key, ""), timeout=30, trust_env=False)

    def requests(self) -> int:
        """Requests to Stripe's paths since the last call."""
        return int(self.http.get("/_admin/stats", params={"reset": "1"}).json()["requests"])

    def fault(self, **fault: object) -> None:
        """Switch a fault on."""
        self.http.post("/_admin/faults", json=fault).raise_for_status()

    def post(self, path: str, **form: object) -> dict[str, object]:
        """Do something at Stripe."""
        answer = self.http.post(f"/v1/{path}", data={k: str(v) for k, v in form.items()}).raise_for_status()
        found: dict[str, object] = answer.json()
        return found


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A small sandbox Stripe of the test's own."""
    from accord.sandbox.app import create
    from accord.sandbox.serve import served

    with served(create(payments=60)) as url:
        sandbox = Sandbox(url)
        yield sandbox
        sandbox.http.close()


@pytest.fixture
def ledger_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment names a fresh ledger."""
    from accord import settings
    from accord.ledger.upgrade import upgrade

    monkeypatch.setenv(settings.LEDGER_URL, f"sqlite:///{tmp_path / 'ledger.db'}")
    monkeypatch.setenv(settings.LEDGER_KEY, new_key())
    engine = settings.open_ledger().engine
    upgrade(engine)
    engine.dispose()
    return tmp_path


@pytest.fixture
def no_blocks(prefect_server: None) -> Iterator[None]:
    """Whatever a test saves is gone after it."""
    from prefect.client.orchestration import get_client

    import blocks

    yield
    ours = {getattr(blocks, name).get_block_type_name() for name in blocks.__all__}
    with get_client(sync_client=True) as client:
        for document in client.read_block_documents():
            if document.block_type_name in ours:
                client.delete_block_document(document.id)


def _save(block: Any, file: Path) -> None:
    database = block(url=SecretStr(f"sqlite:///{file}"))
    database.save("main", overwrite=True)
    made = database.connect(SystemClock())
    made.create_tables()
    made.close()


@pytest.fixture
def accounts_database(prefect_server: None, tmp_path: Path) -> None:
    """accounts.db, with its tables, as the block "main"."""
    from blocks import AccountsDatabase

    _save(AccountsDatabase, tmp_path / "accounts.db")


@pytest.fixture
def portal_database(prefect_server: None, tmp_path: Path) -> None:
    """portal.db, with its tables, as the block "main"."""
    from blocks import PortalDatabase

    _save(PortalDatabase, tmp_path / "portal.db")


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`accord` with a line piped in; its exit code."""
    from deployments.cli import main

    def piped(line: str, *command: str) -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{line}\n"))
        return main([*command])

    return piped
