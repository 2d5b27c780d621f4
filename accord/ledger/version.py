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


def require_current(engine: Engine) -> None:
    """Raise Misconfigured where the tables are older or newer than this code."""
    with reaching("the ledger"), engine.connect() as connection:
        made = inspect(connection).has_table("alembic_version")
        there = connection.scalar(text("SELECT version_num FROM alembic_version")) if made else None
    known = revisions()
    if there == known[-1]:
        return
    if there is None or there in known:
        raise Outdated("the ledger's tables are missing or old; run: accord db upgrade")
    raise Misconfigured(f"the ledger is at revision {there}, which this version does not know; upgrade Accord")
