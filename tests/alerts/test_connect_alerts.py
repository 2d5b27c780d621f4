"""`accord connect alerts` that is broken off, without a server."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from accord.errors import TryLater
from deployments import ask, channels, server
from deployments.connect_alerts import connect_alerts


class Blocks:
    """What is saved, and which address the automations send to."""

    def __init__(self, first: str | None) -> None:
        self.first = self.used = first

    def put(self, client: object, which: str, block: str | None) -> None:
        self.first = block

    def ensure(self, client: object) -> list[str]:
        self.used = self.first
        return []


@pytest.fixture(params=["https://works.example.com", None], ids=["one that works", "none"])
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Blocks:
    """A server that has an address or none; another one is entered."""
    made = Blocks(request.param)

    @contextmanager
    def opened() -> Iterator[None]:
        yield

    monkeypatch.setattr(server, "opened", opened)
    monkeypatch.setattr(ask, "secret", lambda asked: "https://typo.example.com")
    monkeypatch.setattr(channels, "kept", lambda client, which: made.first)
    monkeypatch.setattr(channels, "save", lambda client, which, kind, url: made.put(client, which, url))
    monkeypatch.setattr(channels, "put", made.put)
    monkeypatch.setattr(channels, "ensure_automations", made.ensure)
    return made


def fails(error: BaseException) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


OPTIONS = argparse.Namespace(kind="webhook", second=False, json=False)


@pytest.mark.parametrize("error", [TryLater("the Prefect server does not answer"), KeyboardInterrupt()], ids=type)
def test_an_address_that_was_not_tested_does_not_stay(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    before = blocks.first
    monkeypatch.setattr(channels, "send_tests", fails(error))
    with pytest.raises(type(error)):
        connect_alerts(OPTIONS)
    assert blocks.first == blocks.used == before


def test_an_address_that_can_not_be_taken_back_is_told_of(blocks: Blocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "send_tests", fails(TryLater("the Prefect server does not answer")))
    monkeypatch.setattr(channels, "put", fails(ConnectionError("away")))
    with pytest.raises(TryLater, match=r"could not be taken back .*run the same command again"):
        connect_alerts(OPTIONS)
