"""A provider of the sandbox over HTTP: bytes in, an answer out, in the manner that a fault asks for."""

import asyncio
import email.utils
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from starlette.types import Receive, Scope, Send

from accord.sandbox.clock import SandboxClock
from accord.sandbox.wire import Answer, Ask, deliver

_MOST_BYTES = 1_000_000


class Service(Protocol):
    """What a provider does, without the waiting."""

    clock: SandboxClock

    def begin(self, ask: Ask) -> Any:
        """Everything up to the work."""

    def finish(self, begun: Any) -> Answer:
        """The work and its answer."""


class Provider(NamedTuple):
    """A provider, and what answers below its `/_admin`."""

    service: Service
    admin: Callable[[Ask], Answer]

    def answer(self, ask: Ask, sleep: Callable[[float], None]) -> Answer:
        """Answer at once, but for what `sleep` does about a latency."""
        if ask.path.startswith("/_admin"):
            return self.admin(ask)
        begun = self.service.begin(ask)
        if begun.wait:
            sleep(begun.wait)
        return self.service.finish(begun)


class ProviderApp:
    """Mounted below the provider's prefix; its own paths and `/_admin/…` follow."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return None
        body = await _body(receive)
        if body is None:
            too_big = Answer(413, {"content-type": "application/json"}, b'{"error":{"message":"Request too large"}}')
            return await deliver(too_big, scope, receive, send)
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        ask = Ask(scope["method"], path, scope["query_string"].decode("latin-1"), body, headers)
        answer = await self._answer(ask)
        date = email.utils.formatdate(self._provider.service.clock.now(), usegmt=True)
        return await deliver(answer._replace(headers={"date": date, **answer.headers}), scope, receive, send)

    async def _answer(self, ask: Ask) -> Answer:
        if ask.path.startswith("/_admin"):
            return self._provider.admin(ask)
        begun = self._provider.service.begin(ask)
        if begun.wait:
            await asyncio.sleep(begun.wait)
        return self._provider.service.finish(begun)


async def _body(receive: Receive) -> bytes | None:
    """The whole request body; None when it is too big or its sender left before the end."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size > _MOST_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)
