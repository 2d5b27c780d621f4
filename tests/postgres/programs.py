"""PostgreSQL and Redis from the distribution, each on a free port, for as long as a block lasts; never as services."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deployments.children import wait_for

HOW = "apt-get install postgresql redis-server"


@contextmanager
def postgresql(port: int, password: str, say: Callable[[str], None]) -> Iterator[Callable[..., str]]:
    """A server with a superuser `postgres`; gives a function that runs psql."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[4]))
    if not found:
        raise SystemExit(f"there is no PostgreSQL here: {HOW}")
    # It refuses to run as root.
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    folder = Path(tempfile.mkdtemp(prefix="accord-postgresql-"))
    try:
        (folder / "password").write_text(password)
        for path in (folder, folder / "password"):
            os.chown(path, user.pw_uid, user.pw_gid)
        ours = {"user": user.pw_uid, "group": user.pw_gid, "cwd": folder}
        made = ["initdb", "-D", "data", "-U", "postgres", "--auth=scram-sha-256", "--pwfile=password"]
        subprocess.run([found[-1].with_name(made[0]), *made[1:]], check=True, stdout=subprocess.DEVNULL, **ours)

        def psql(*words: str, **environment: str) -> str:
            told = os.environ | {"PGPASSWORD": password} | environment
            where = ["-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-qAt"]
            done = subprocess.run(["psql", *where, *words], env=told, check=True, capture_output=True, text=True)
            return done.stdout.strip()

        def answers() -> bool:
            return subprocess.run(["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode == 0

        # Nothing here outlives the test, so nothing has to survive a power cut.
        settings = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        with (folder / "log").open("ab") as log, _running([found[-1], "-D", "data", *settings], log, **ours):
            wait_for("PostgreSQL", answers, lambda: None, say, 60)
            yield psql
    finally:
        shutil.rmtree(folder)


@contextmanager
def redis(command: list[str], port: int, password: str, say: Callable[[str], None]) -> Iterator[Callable[..., str]]:
    """A server by this command; gives a function that runs redis-cli."""
    if shutil.which(command[0]) is None:
        raise SystemExit(f"there is no Redis here: {HOW}")
    with tempfile.TemporaryDirectory(prefix="accord-redis-") as folder, (Path(folder) / "log").open("ab") as log:

        def cli(*words: str) -> str:
            told = os.environ | {"REDISCLI_AUTH": password}
            done = subprocess.run(["redis-cli", "-p", str(port), *words], env=told, capture_output=True, text=True)
            return done.stdout.strip()

        with _running([*command, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder], log):
            wait_for("Redis", lambda: cli("ping") == "PONG", lambda: None, say, 60)
            yield cli


@contextmanager
def _running(command: list, log: object, **how: object) -> Iterator[None]:  # type: ignore[type-arg]
    process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, **how)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
