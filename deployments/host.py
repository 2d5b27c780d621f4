"""What can be wrong with this host: installed versions that do not fit, and a disk that is nearly full."""

import shutil
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

LEAST_FREE = 0.05  # of a disk
LEAST_BYTES = 500 * 2**20


def unfit_packages(project: str = "accord") -> Iterator[str]:
    """A sentence for each package that is not installed as the project needs it."""
    for text in requires(project) or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            there = version(needed.name)
        except PackageNotFoundError:
            yield f'{needed.name} is not installed; install it: pip install "{needed.name}{needed.specifier}"'
            continue
        if not needed.specifier.contains(there, prereleases=True):
            yield (
                f"{needed.name} is of version {there}, which Accord does not work with; install another one: "
                f'pip install "{needed.name}{needed.specifier}"'
            )


def supported(package: str, project: str = "accord") -> SpecifierSet:
    """The versions of a package that the project works with."""
    every = [Requirement(text) for text in requires(project) or ()]
    return next(one.specifier for one in every if one.name == package)


def full_disks(files: Iterable[Path]) -> Iterator[str]:
    """A sentence for each folder of these files whose disk is nearly full."""
    for folder in sorted({file.parent for file in files if file.parent.is_dir()}):
        disk = shutil.disk_usage(folder)
        if disk.free < LEAST_BYTES or disk.free < LEAST_FREE * disk.total:
            yield (
                f"the disk of {folder} is nearly full: {disk.free / 2**20:,.0f} MB free; make room, or move what lies "
                "there (docs/operations.md)"
            )
