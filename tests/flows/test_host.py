"""What can be wrong with a host."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from deployments import host, server

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


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ("3.8.9", "3.8.8", None),
        ("3.9.0", "3.8.8", 'on this host and each worker\'s, run: pip install "prefect==3.9.0"'),
        ("3.8.8", "3.9.1", 'on the server\'s host, run: pip install "prefect==3.9.1"'),
        ("3.6.1", "3.8.8", "the Prefect server is of version 3.6.1, which Accord does not work with; on its host, run"),
        ("2.20.1", "3.8.8", 'pip install "prefect<4,>=3.8.8"'),
        ("3.8.8", "3.6.1", "Prefect is of version 3.6.1 on this host, which Accord does not work with; run: pip"),
    ],
)
def test_a_prefect_that_is_older_than_the_other_side_or_than_accord_needs_is_upgraded_never_the_newer_one(
    there: str, here: str, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "requires", lambda project: ["prefect>=3.8.8,<4"])
    found = server.difference(there, here)
    assert found == said if said is None else said in (found or "")


@pytest.mark.parametrize(("free", "full"), [(10 * 2**30, False), (2 * 2**30, True), (100 * 2**20, True)])
def test_a_disk_that_is_nearly_full_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, full: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Disk(100 * 2**30, 0, free))
    said = list(host.full_disks([tmp_path / "a.db", tmp_path / "b.db", tmp_path / "none" / "c.db"]))
    assert len(said) == full
    assert all(str(tmp_path) in one for one in said)
