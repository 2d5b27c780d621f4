"""A Prefect server, a sandbox Stripe and a ledger for the tests of flows."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

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
