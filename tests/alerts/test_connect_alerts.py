"""`accord connect alerts` that is broken off, without a server."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from accord.errors import Misconfigured, TryLater
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


@pytest.mark.parametrize("kind", ["mail", "webhook"])
def test_an_address_that_takes_no_test_alert_is_refused_with_what_to_correct(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    before = blocks.first
    monkeypatch.setattr(channels, "send_tests", lambda client: [channels.Arrival("first", "Notification failed")])
    with pytest.raises(Misconfigured, match="Notification failed; correct the address") as refused:
        connect_alerts(argparse.Namespace(kind=kind, second=False, json=False))
    assert ("&tls=no where the mail server has no STARTTLS" in str(refused.value)) == (kind == "mail")
    assert blocks.first == blocks.used == before


HEARTBEAT = argparse.Namespace(kind="heartbeat", second=False, json=False)


@pytest.mark.parametrize("blocks", [None], indirect=True)
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(204), ""),
        (httpx.ConnectError("name or service not known"), "did not answer from here (ConnectError)"),
    ],
)
def test_a_heartbeat_address_is_called_once(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], answer: object, said: str
) -> None:
    called = []

    def get(url: str, timeout: float) -> object:
        called.append(url)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(httpx, "get", get)
    monkeypatch.setattr(channels, "send_tests", lambda client: [])
    assert connect_alerts(HEARTBEAT) == 0
    assert called == ["https://typo.example.com"]
    assert said in capsys.readouterr().out
    assert blocks.first == "https://typo.example.com"


def test_a_heartbeat_address_that_answers_with_an_error_is_not_saved(
    blocks: Blocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = blocks.first
    monkeypatch.setattr(httpx, "get", lambda url, timeout: httpx.Response(404))
    with pytest.raises(Misconfigured, match="nothing was saved, since the heartbeat address answered 404"):
        connect_alerts(HEARTBEAT)
    assert blocks.first == before
