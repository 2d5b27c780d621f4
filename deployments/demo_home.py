"""The demo's folder: what it keeps there, and that one demo at a time does."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from accord import settings
from accord.errors import Misconfigured
from accord.ledger.cipher import new_key

KEEP_RUNS = 14 * 86_400  # seconds; by its schedule alone the demo makes some 300 runs a day


@dataclass(frozen=True, slots=True)
class Place:
    """Where the demo keeps its state, and where its parts answer."""

    home: Path
    prefect_port: int
    sandbox_port: int

    @property
    def prefect_url(self) -> str:
        return f"http://127.0.0.1:{self.prefect_port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def accounts_url(self) -> str:
        return f"sqlite:///{self.home / 'accounts.db'}"

    @property
    def portal_url(self) -> str:
        return f"sqlite:///{self.home / 'portal.db'}"

    @property
    def bookings(self) -> Path:
        """The booking system's database, which the sandbox's page and Accord share."""
        return self.home / "bookings.db"

    @property
    def archive_url(self) -> str:
        return f"file://{self.home / 'archive'}"

    @property
    def password(self) -> str:
        """What the Prefect server asks of whoever calls it."""
        return _kept(self.home / "prefect.password", lambda: f"accord:{secrets.token_urlsafe(24)}")

    def prefect(self) -> dict[str, str]:
        """What Prefect's server and its clients both need to know; nothing of it leaves this machine."""
        return {
            "PREFECT_HOME": str(self.home / "prefect"),
            "PREFECT_API_URL": f"{self.prefect_url}/api",
            "PREFECT_UI_URL": self.prefect_url,
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "PREFECT_LOGGING_LEVEL": "WARNING",
        }

    def server(self) -> dict[str, str]:
        """What the Prefect server alone is told: whom to answer, how to encrypt blocks, and what to forget."""
        return self.prefect() | {
            "PREFECT_SERVER_API_AUTH_STRING": self.password,
            # Without a key of its own the server keeps one in the clear beside the secrets that it encrypts.
            "PREFECT_SERVER_ENCRYPTION_KEY": _kept(self.home / "prefect.key", lambda: Fernet.generate_key().decode()),
            "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
            "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(KEEP_RUNS),
        }

    def client(self) -> dict[str, str]:
        """What the worker, its runs and we need to know."""
        return self.prefect() | {
            settings.LEDGER_URL: f"sqlite:///{self.home / 'ledger.db'}",
            settings.LEDGER_KEY: _kept(self.home / "ledger.key", new_key),
            "PREFECT_API_AUTH_STRING": self.password,
            "PREFECT_WORKER_QUERY_SECONDS": "2",
            "PREFECT_CLI_PROMPT": "false",
        }


def _kept(path: Path, make: Callable[[], str]) -> str:
    """The secret in a file that only its owner may read; made with the first use."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(make())
    return path.read_text()


@contextmanager
def held(home: Path, reset: bool) -> Iterator[None]:
    """The folder, made where it is missing and emptied where that is asked for, for this demo alone."""
    if home.exists() and not home.is_dir():
        raise Misconfigured(f"{home} is a file; name a folder with --home")
    mark = home / "accord-demo"
    if home.exists() and any(home.iterdir()) and not mark.exists():
        raise Misconfigured(f"{home} is not empty and was not made by the demo; name another folder with --home")
    os.umask(0o077)  # what is kept there is other people's data, if only invented
    home.mkdir(parents=True, exist_ok=True)
    with mark.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Misconfigured(
                f"another demo runs in {home}; stop it with Ctrl-C there, or name another folder with --home"
            ) from None
        for old in home.iterdir() if reset else ():
            if old != mark:
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        if (home / "prefect").exists() and not (home / "prefect.key").exists():
            raise Misconfigured(f"{home} was made by an earlier version, without a password; start over with --reset")
        (home / "logs").mkdir(exist_ok=True)
        yield
