"""What is said of the Prefect server."""

from types import SimpleNamespace
from typing import Any

import pytest

from deployments import server


@pytest.mark.parametrize(("there", "here"), [("3.8.8", "3.10.1"), ("3.10.1", "3.9.1")])
def test_of_two_versions_the_newer_one_is_to_be_installed(there: str, here: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(server.prefect, "__version__", here)
    said = server.version_differs(SimpleNamespace(api_version=lambda: there)) or ""
    assert f"is of version {there}, and here is {here}" in said
    assert 'pip install "prefect==3.10.1"' in said


def test_two_versions_that_differ_in_the_last_number_only_are_one(monkeypatch: Any) -> None:
    monkeypatch.setattr(server.prefect, "__version__", "3.9.1")
    assert server.version_differs(SimpleNamespace(api_version=lambda: "3.9.4")) is None
