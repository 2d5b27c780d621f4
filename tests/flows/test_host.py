"""What can be wrong with a host."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from deployments import host

Disk = namedtuple("Disk", "total used free")


def test_the_packages_of_this_environment_fit() -> None:
    assert list(host.unfit_packages()) == []


def test_a_package_that_does_not_fit_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = ["prefect>=99,<100", "no-such-package>=1", "pytest; extra == 'dev'"]
    monkeypatch.setattr(host, "requires", lambda project: needs)
    wrong, missing = host.unfit_packages()
    assert wrong.startswith("prefect is of version 3")
    assert wrong.endswith('pip install "prefect<100,>=99"')
    assert missing.startswith("no-such-package is not installed")


@pytest.mark.parametrize(("free", "full"), [(10 * 2**30, False), (2 * 2**30, True), (100 * 2**20, True)])
def test_a_disk_that_is_nearly_full_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, full: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Disk(100 * 2**30, 0, free))
    said = list(host.full_disks([tmp_path / "a.db", tmp_path / "b.db", tmp_path / "none" / "c.db"]))
    assert len(said) == full
    assert all(str(tmp_path) in one for one in said)
