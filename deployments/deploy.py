"""Making the work pool and the deployments on the Prefect server that is configured."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from prefect.client.orchestration import get_client

from accord import settings
from accord.errors import TryLater
from accord.ledger import streams
from accord.ledger.upgrade import require_current
from deployments.channels import ensure_automations


def deploy(prefect_file: Path) -> None:
    """Create or update the work pool, every deployment of the file and the automations. Again without harm."""
    _prefect("work-pool", "create", "accord", "--type", "process", "--overwrite")
    _prefect("deploy", "--all", "--prefect-file", str(prefect_file))
    with get_client(sync_client=True) as client:
        ensure_automations(client)
    _release()


def _prefect(*arguments: str) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if done.returncode:
        raise TryLater(f"prefect {arguments[0]} failed: {(done.stderr or done.stdout).strip()[-500:]}")


def _release() -> None:
    """A new version may read what stopped the old one: let every stopped stream try again, once."""
    ledger = settings.open_ledger()
    require_current(ledger.engine)
    for sync, stream, _ in ledger.read(streams.all_stopped):
        ledger.write(partial(streams.release, sync=sync, stream=stream, lenient=False))
