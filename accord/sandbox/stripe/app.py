"""The sandbox's Stripe as an ASGI application."""

import asyncio
import email.utils

from starlette.types import Receive, Scope, Send

from accord.sandbox.stripe import admin
from accord.sandbox.stripe.service import Stripe
from accord.sandbox.wire import Answer, Ask, deliver

_MOST_BYTES = 1_000_000


class StripeApp:
    """Mounted below the provider's prefix; Stripe's own paths (`/v1/…`) and `/_admin/…` follow."""

    def __init__(self, stripe: Stripe) -> None:
        self.stripe = stripe

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
        date = email.utils.formatdate(self.stripe.clock.now(), usegmt=True)
        return await deliver(answer._replace(headers={"date": date, **answer.headers}), scope, receive, send)

    async def _answer(self, ask: Ask) -> Answer:
        if ask.path.startswith("/_admin"):
            return admin.answer(self.stripe, ask)
        begun = self.stripe.begin(ask)
        if begun.wait:
            await asyncio.sleep(begun.wait)
        return self.stripe.finish(begun)


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
