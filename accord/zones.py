"""IANA's time zones as the package tzdata has them: what a wall time means must not depend on the age of a host."""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

_FILES = files("tzdata") / "zoneinfo"


@cache
def named(name: str) -> ZoneInfo:
    """A zone by its name. Raises ValueError for one that is not known."""
    if name not in _names():
        raise ValueError("the zone is not known")
    with _FILES.joinpath(*name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


@cache
def _names() -> frozenset[str]:
    return frozenset((files("tzdata") / "zones").read_text("utf-8").split())
