"""Whether the ledger's tables are those that this code needs, without Alembic, which takes long to import."""

from pathlib import Path

from sqlalchemy import Engine, inspect, text

from accord.errors import Misconfigured
from accord.ledger.engine import reaching

MIGRATIONS = Path(__file__).parent / "migrations"


class Outdated(Misconfigured):
    """The tables are missing or older than this code."""


def revisions() -> list[str]:
    """Every revision, oldest first: the files of the migrations begin with their own."""
    return sorted(file.name.partition("_")[0] for file in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def revision(engine: Engine) -> str | None:
    """The revision of the ledger that is there, or None where there is none yet.

    A file that is not there is not made: that would hide a mistyped path.
    """
    path = engine.url.database
    if engine.dialect.name == "sqlite" and path and path != ":memory:" and not Path(path).exists():
        return None
    with reaching("the ledger"), engine.connect() as connection:
        made = inspect(connection).has_table("alembic_version")
        return connection.scalar(text("SELECT version_num FROM alembic_version")) if made else None


def require_current(engine: Engine) -> None:
    """Raise Misconfigured where there is no ledger, or its tables are older or newer than this code."""
    there, known = revision(engine), revisions()
    if there == known[-1]:
        return
    if there is None:
        where = engine.url.database
        raise Outdated(f"there is no ledger in {where}; correct ACCORD_LEDGER_URL, or make one: accord db upgrade")
    if there in known:
        raise Outdated("the ledger's tables are older than this version of Accord; run: accord db upgrade")
    raise Misconfigured(f"the ledger is at revision {there}, which this version does not know; upgrade Accord")
